"""What becomes of each mail: which moves a worker makes by itself, which are a person's, and which mails are settled.

Source: rules, section 5.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rules.values import Mail, MailStatus
from rules.words import Words

UNKNOWN_RESULT = Words(
    "结果未知：发送时中断，可能已发出。问过收件人再用 outbox sent（收到了）或 retry（没收到）",
    "result unknown: cut off while sending, it may have left. Ask the recipient, then outbox sent or retry",
)
NO_LONGER = Words("事由已变化，不再发送", "what it was about has changed; not sent")
TOO_OFTEN = Words("已试 {n} 次仍未发出", "tried {n} times without success")
TOO_MANY = Words("超过每次运行 {n} 封的上限", "over the limit of {n} mails a run")


def recovered(mails: Iterable[Mail], locale: str) -> list[Mail]:
    """The mails, those that a crash left in 发送中 held for a person: nobody knows whether they left."""
    return [
        replace(mail, status=MailStatus.HELD, error=UNKNOWN_RESULT.in_(locale))
        if mail.status is MailStatus.SENDING
        else mail
        for mail in mails
    ]


_MAY_HAVE_LEFT = ("结果未知", "result unknown", "outcome unknown")
"""How the error of a held mail begins when nobody knows whether it left."""


def waits(mail: Mail) -> bool:
    """True for a mail whose fate is open: each run asks whether it is still wanted.

    One that may have left is a person's to settle: cancelled by the worker, what it said would be sent a second time.
    """
    if mail.status is MailStatus.HELD:
        return not may_have_left(mail.error)
    return mail.status in (MailStatus.QUEUED, MailStatus.FAILED)


def may_have_left(error: str) -> bool:
    """True for the error of a mail of which nobody knows whether it left."""
    return error.casefold().startswith(_MAY_HAVE_LEFT)


def given_up(mail: Mail) -> bool:
    """True for a mail that the worker itself cancelled; what a person cancelled stays on record."""
    return mail.status is MailStatus.CANCELLED and mail.error in NO_LONGER

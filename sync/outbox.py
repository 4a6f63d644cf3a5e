"""Mail on its way: written, claimed, sent, marked — in this order only.

A mail is in the sheet as 待发送 before anything leaves, and as 发送中 while it leaves. A crash in between leaves a row
in 发送中, which the next run holds for a person (rules/outbox.py): nothing is lost silently, nothing is sent twice.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TypeVar

from rules.decide import Plan
from rules.letters import Letter
from rules.values import Mail, MailStatus
from sync.errors import MailError
from sync.mail import Mailer, Send
from sync.wording import Rendered, Wording

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Queue:
    """The outbox as it should be written, and the letters in words that may leave now, most severe first."""

    mails: tuple[Mail, ...]
    leaving: tuple[tuple[Letter, Rendered], ...]
    added: int


def queued(plan: Plan, wording: Wording, as_of: date) -> Queue:
    """The outbox with the plan's letters in words: new rows at the end, waiting ones written afresh."""
    worded = [(letter, wording.render(letter, as_of)) for letter in plan.letters]
    mails = {mail.mail_id: mail for mail in plan.mails}
    standing = len(mails)
    for letter, words in worded:
        old = mails.get(letter.mail_id) or _row(letter, as_of)
        mails[letter.mail_id] = replace(
            old,
            subject=words.subject,
            body=words.text,
            status=MailStatus.HELD if letter.held else old.status,
            error=letter.held or old.error,
        )
    leaving = tuple((letter, words) for letter, words in worded if not letter.held)
    return Queue(tuple(mails.values()), leaving, len(mails) - standing)


def _row(letter: Letter, as_of: date) -> Mail:
    return Mail(letter.mail_id, as_of, letter.to, letter.cc, "", "", letter.keys)


def deliver(
    queue: Queue,
    mailer: Mailer,
    wording: Wording,
    *,
    as_of: date,
    claim: Callable[[Sequence[Mail]], None],
    size: int,
    clock: Callable[[], datetime],
) -> Iterator[tuple[Mail, ...]]:
    """Sends what may leave, *size* mails at a time. Yields the outbox after each batch.

    claim: saves the outbox with a batch in 发送中, and with it the outcome of the batch before; what it raises ends the
    sending. The last outcome is the caller's to save. as_of: the day the mails were worded for.
    """
    mails = {mail.mail_id: mail for mail in queue.mails}
    with mailer.open() as send:
        for batch in _batches(queue.leaving, size):
            for letter, _ in batch:
                mails[letter.mail_id] = _claimed(mails[letter.mail_id], as_of)
            claim(tuple(mails.values()))
            for letter, words in batch:
                mail = mails[letter.mail_id]
                mails[letter.mail_id] = _handed_over(mail, letter, words, send, wording, clock())
            yield tuple(mails.values())


def _claimed(mail: Mail, as_of: date) -> Mail:
    """The mail as it leaves: its text is of *as_of*, and the ladder counts from that day, not from a failed try."""
    return replace(mail, created_on=as_of, status=MailStatus.SENDING, attempts=mail.attempts + 1, error="")


def _handed_over(mail: Mail, letter: Letter, words: Rendered, send: Send, wording: Wording, at: datetime) -> Mail:
    """The mail with its fate: sent, to be tried again, or held because trying again cannot help or may double it."""
    try:
        refused = send(wording.message(words, mail, reply_to=letter.reply_to, at=at))
    except MailError as error:
        hopeless = error.permanent or error.unknown
        return replace(mail, status=MailStatus.HELD if hopeless else MailStatus.FAILED, error=str(error))
    sent_at = at.replace(tzinfo=None, microsecond=0)
    return replace(mail, status=MailStatus.SENT, sent_at=sent_at, error="\n".join(refused))


def _batches(items: Sequence[T], size: int) -> Iterator[tuple[T, ...]]:
    rest = iter(items)
    while batch := tuple(itertools.islice(rest, size)):
        yield batch


def fates(before: Sequence[Mail], after: Sequence[Mail]) -> Mapping[str, int]:
    """How many mails were sent, and how many failed, between two states of the outbox."""
    was = {mail.mail_id: mail.attempts for mail in before}
    tried = Counter(mail.status for mail in after if mail.attempts > was.get(mail.mail_id, 0))
    return {"sent": tried[MailStatus.SENT], "failed": tried[MailStatus.FAILED]}

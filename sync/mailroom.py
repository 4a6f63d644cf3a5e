"""Mail held for a person: looked at, released, tried again, cancelled (`huzhu outbox`).

Nothing is sent from here: a released mail leaves with the next run, if what it says is still true then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Literal

from rules.outbox import rows_of
from rules.schema import OUTBOX, Table
from rules.values import MOVES, Book, Change, Mail, MailStatus
from rules.words import Words
from sync.backends import Backend
from sync.errors import SetupError
from sync.unreadable import mails_in

Act = Literal["release", "retry", "sent", "cancel"]

CANCELLED_BY_HAND = Words("人工取消", "cancelled by hand")

_ACTS: dict[Act, MailStatus] = {
    "release": MailStatus.QUEUED,
    "retry": MailStatus.QUEUED,
    "sent": MailStatus.SENT,
    "cancel": MailStatus.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Mailroom:
    """The outbox of one sheet."""

    backend: Backend
    zone: tzinfo
    locale: str
    table: Table = OUTBOX

    def mails(self) -> list[Mail]:
        """Every mail on record, oldest first."""
        return self._mails_in(self.backend.read((self.table,)))

    def _mails_in(self, book: Book) -> list[Mail]:
        return mails_in(book, self.table, self.zone)

    def mail(self, ident: str) -> Mail:
        """The one mail whose number begins with *ident*. Raises SetupError when there is none, or more than one."""
        return _found(ident, self.mails())

    def act(self, act: Act, idents: Sequence[str]) -> list[Mail]:
        """The mails named, after *act*. All or none: SetupError when one of them does not allow it."""
        with self.backend.lock():
            book = self.backend.read((self.table,))
            mails = {mail.mail_id: mail for mail in self._mails_in(book)}
            moved = [self._moved(act, _found(ident, list(mails.values()))) for ident in idents]
            mails.update((mail.mail_id, mail) for mail in moved)
            self.backend.write([Change(self.table, rows_of(mails.values()))], book.version)
        return moved

    def _moved(self, act: Act, mail: Mail) -> Mail:
        status = _ACTS[act]
        if status not in MOVES[mail.status]:
            raise SetupError(
                f"邮件 {mail.mail_id} 是「{mail.status}」，不能 {act}",
                f"mail {mail.mail_id} is {mail.status.name.lower()}; it cannot be changed by {act}",
            )
        error = CANCELLED_BY_HAND.in_(self.locale) if act == "cancel" else ""
        return replace(mail, status=status, error=error, attempts=0 if act == "retry" else mail.attempts)


def _found(ident: str, mails: Sequence[Mail]) -> Mail:
    matching = [mail for mail in mails if mail.mail_id.startswith(ident)]
    if len(matching) != 1:
        how = ("没有", "no") if not matching else ("不止一封", "more than one")
        raise SetupError(
            f"{how[0]}编号为 {ident} 的邮件，见 huzhu outbox list", f"{how[1]} mail {ident}; see huzhu outbox list"
        )
    return matching[0]

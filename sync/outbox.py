"""Mail on its way: written, claimed, sent, marked — in this order only.

A mail is in the sheet as 待发送 before anything leaves, and as 发送中 while it leaves. A crash in between leaves a row
in 发送中, which the next run holds for a person (rules/outbox.py): nothing is lost silently, nothing is sent twice.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TypeVar

from rules.decide import Plan
from rules.group import MESSAGE
from rules.letters import Letter
from rules.values import Mail, MailStatus
from sync.errors import MailError
from sync.mail import Mailer, Speaker
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
    worded = [
        (letter, wording.enclosing(wording.render(letter, as_of), letter, plan, as_of)) for letter in plan.letters
    ]
    mails = {mail.mail_id: mail for mail in plan.mails}
    standing = len(mails)
    for letter, words in worded:
        old = mails.get(letter.mail_id) or _row(letter, as_of)
        mails[letter.mail_id] = replace(
            old,
            to=letter.to,  # as computed: the row is a cell that anybody can type into
            cc=letter.cc,
            subject=words.subject,
            body=words.text,
            status=MailStatus.HELD if letter.held else old.status,
            error=letter.held or old.error,
        )
    leaving = tuple((letter, words) for letter, words in worded if not letter.held)
    return Queue(tuple(mails.values()), leaving, len(mails) - standing)


def _row(letter: Letter, as_of: date) -> Mail:
    return Mail(letter.mail_id, as_of, letter.to, letter.cc, "", "", letter.keys)


Hand = Callable[[Letter, Rendered, Mail, datetime], Sequence[str]]
"""Hands one letter over. Returns what was refused while the rest got it, raises MailError like `Send`."""


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways out: for mail, and for the message to the group. Without one, the rows are all there is."""

    mailer: Mailer | None
    speaker: Speaker | None = None

    def leaving(self, queue: Queue) -> Queue:
        """*queue* with only those letters to leave that have a way out."""
        way = {True: self.speaker, False: self.mailer}
        return replace(queue, leaving=tuple(entry for entry in queue.leaving if way[to_group(entry[0])] is not None))

    @contextmanager
    def open(self, wording: Wording) -> Iterator[Hand]:
        """One run's ways out, as one."""
        with self.mailer.open() if self.mailer else nullcontext() as send:

            def hand(letter: Letter, words: Rendered, mail: Mail, at: datetime) -> Sequence[str]:
                if to_group(letter):
                    assert self.speaker is not None, "a message without a way out does not leave"
                    self.speaker.tell(words)
                    return ()
                assert send is not None, "a mail without a way out does not leave"
                return send(wording.message(words, mail, reply_to=letter.reply_to, at=at))

            yield hand


def to_group(letter: Letter) -> bool:
    """True for the message to the group."""
    return letter.kind == MESSAGE.kind


def deliver(
    queue: Queue,
    ways: Ways,
    wording: Wording,
    *,
    as_of: date,
    claim: Callable[[Sequence[Mail]], None],
    size: int,
    clock: Callable[[], datetime],
) -> Iterator[tuple[Mail, ...]]:
    """Sends what may leave, *size* mails at a time. Yields the outbox after each batch.

    The message to the group goes first: while it waits for its minute nothing is claimed, and no outcome is unsaved.

    claim: saves the outbox with a batch in 发送中, and with it the outcome of the batch before; what it raises ends the
    sending. The last outcome is the caller's to save. as_of: the day the mails were worded for.
    """
    mails = {mail.mail_id: mail for mail in queue.mails}
    messages = [entry for entry in queue.leaving if to_group(entry[0])]
    letters = [entry for entry in queue.leaving if not to_group(entry[0])]
    with ways.open(wording) as hand:
        for batch in itertools.chain(_batches(messages, 1), _batches(letters, size)):
            if ways.speaker and to_group(batch[0][0]):
                ways.speaker.ready()
            for letter, _ in batch:
                mails[letter.mail_id] = _claimed(mails[letter.mail_id], as_of)
            claim(tuple(mails.values()))
            for letter, words in batch:
                mails[letter.mail_id] = _handed_over(mails[letter.mail_id], letter, words, hand, clock())
            yield tuple(mails.values())


def _claimed(mail: Mail, as_of: date) -> Mail:
    """The mail as it leaves: its text is of *as_of*, and the ladder counts from that day, not from a failed try."""
    return replace(mail, created_on=as_of, status=MailStatus.SENDING, attempts=mail.attempts + 1, error="")


def _handed_over(mail: Mail, letter: Letter, words: Rendered, hand: Hand, at: datetime) -> Mail:
    """The mail with its fate: sent, to be tried again, or held because trying again cannot help or may double it."""
    try:
        refused = hand(letter, words, mail, at)
    except MailError as error:
        hopeless = error.permanent or error.unknown
        return replace(mail, status=MailStatus.HELD if hopeless else MailStatus.FAILED, error=str(error))
    sent_at = at.replace(tzinfo=None, microsecond=0)
    return replace(mail, status=MailStatus.SENT, sent_at=sent_at, error="\n".join(refused))


def _batches(items: Sequence[T], size: int) -> Iterator[tuple[T, ...]]:
    rest = iter(items)
    while batch := tuple(itertools.islice(rest, size)):
        yield batch


def tried(before: Sequence[Mail], after: Sequence[Mail]) -> list[Mail]:
    """The mails that were tried between two states of the outbox, as they stand after it."""
    was = {mail.mail_id: mail.attempts for mail in before}
    return [mail for mail in after if mail.attempts > was.get(mail.mail_id, 0)]


def fates(tried: Sequence[Mail]) -> Mapping[str, int]:
    """How many of the mails that were tried were sent, and how many failed."""
    found = Counter(mail.status for mail in tried)
    return {"sent": found[MailStatus.SENT], "failed": found[MailStatus.FAILED]}

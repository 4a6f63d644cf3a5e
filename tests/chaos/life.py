"""An alliance that lives: runs of the worker at a place, what stands there afterwards, and the laws that must hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from rules.changes import canonical
from rules.outbox import mails_in
from rules.policy import Policy
from rules.schema import OUTBOX, RUNS, WORKER_TABLES
from rules.values import Mail, MailStatus, Row
from sync.errors import HuzhuError
from sync.mail import Mailer
from sync.mailroom import Mailroom
from sync.wording import Wording
from sync.worker import Worker
from tests.chaos.places import Place
from tests.chaos.post import Post
from tests.chaos.story import DAILY, ZONE

WORDS = Wording("互助联盟", "huzhu@alliance.example", None)
COMPUTED = [table for table in WORKER_TABLES if table not in (OUTBOX, RUNS)]
DONE, FAILED, WRONG, LEFT, BUSY = 0, 1, 2, 3, 4
"""Exit codes."""
Figures = Counter[str]
Trial = Callable[[int, Figures], bool]
"""Tries what has that number and counts into the figures. Whether there is something of that number; raises Broken."""


class Broken(AssertionError):
    """A law does not hold."""


def law(holds: object, said: str) -> None:
    """Raises Broken, with what was *said*, when it does not hold."""
    if not holds:
        raise Broken(said)


@contextmanager
def told(where: str) -> Iterator[None]:
    """Says *where* a law was broken."""
    try:
        yield
    except Exception as error:
        error.add_note(where)
        raise


@dataclass
class Life:
    """One story at one place. figures: what has happened so far. earlier: mails taken before it was copied.

    Members' cells must always be as the last person left them.
    """

    place: Place
    post: Post
    figures: Figures = field(default_factory=Counter)
    policy: Policy = DAILY
    bounds: Mapping[str, Any] = field(default_factory=dict)
    earlier: Sequence[str] = ()
    over: bool = False

    def __post_init__(self) -> None:
        self.post.forget()
        self._members = self.place.members()

    def stand_still(self) -> None:
        """From now on it is only copied, and the server may forget its mail."""
        self.earlier, self.over = self.taken(), True

    @contextmanager
    def copied(self, figures: Figures) -> Iterator[Life]:
        """The same life up to now, lived on elsewhere."""
        with self.place.copied() as place:
            yield replace(self, place=place, figures=figures, over=False)

    def taken(self) -> list[str]:
        """The numbers of the mails that the server took, in order."""
        return [*self.earlier, *(() if self.over else self.post.taken())]

    def worker(self, clock: Callable[[], datetime] | datetime, mailer: Mailer | None = None) -> Worker:
        """The worker at this place."""
        now = clock if callable(clock) else lambda: clock
        backend = self.place.backend(now, **self.bounds)
        return Worker(backend, mailer or self.post.mailer, WORDS, self.policy, ZONE, now)

    def run(self, as_of: date, now: datetime | Callable[[], datetime], mailer: Mailer | None = None) -> int:
        """The exit code of one run, as the command line gives it."""
        self.figures["runs"] += 1
        code = exit_code(self.worker(now, mailer), as_of)
        self.check_members()
        return code

    def edit(self, edits: Callable[[Any], int]) -> None:
        """Somebody goes to the sheet."""
        self.check_members()
        with self.place.people() as person:
            self.figures["edits"] += edits(person)
        self._members = self.place.members()

    def check_members(self) -> None:
        """Nothing but people changes what is theirs."""
        law(self.place.members() == self._members, "the worker touched a member's cell")

    def state(self, now: datetime) -> State:
        """What the worker's tables hold."""
        tabs = self.place.backend(lambda: now).read(WORKER_TABLES).tabs
        tables = {t.name: canonical(t, [_wide(row, len(t.fields)) for row in tabs[t.name].rows[1:]]) for t in COMPUTED}
        rows = {name: [row for row in rows if any(cell is not None for cell in row)] for name, rows in tables.items()}
        return State(rows, {mail.mail_id: mail for mail in mails_in(tabs.get(OUTBOX.name), ZONE)})

    def settle(self, now: datetime) -> bool:
        """A person looks which of the mails with unknown result has arrived, and says so. Whether there was one."""
        mails = self.state(now).mails.values()
        unknown = [mail.mail_id for mail in mails if mail.status is MailStatus.HELD and "未知" in mail.error]
        room, taken = Mailroom(self.place.backend(lambda: now), ZONE, "zh"), set(self.taken())
        for act, idents in (
            ("sent", [i for i in unknown if i in taken]),
            ("retry", [i for i in unknown if i not in taken]),
        ):
            if idents:
                room.act(act, idents)
        self.figures["held"] += len(unknown)
        return bool(unknown)

    def check_mail(self, state: State) -> None:
        """What left is on record, and left once: whole mails, and every key that was told."""
        taken = Counter(self.taken())
        keys: Counter[str] = Counter()
        for ident, times in taken.items():
            law(ident in state.mails, f"mail {ident} left, and its row is gone")
            keys.update(dict.fromkeys(state.mails[ident].items, times))
        twice = [key for key, times in keys.items() if times > 1]
        self.figures["duplicates"] += len(twice)
        law(not twice, f"left more than once: {twice[:5]}")
        for mail in state.mails.values():
            law(
                mail.status is not MailStatus.SENT or mail.mail_id in taken,
                f"{mail.mail_id} is called sent, and was not",
            )
            may = (MailStatus.SENT, MailStatus.HELD)
            law(mail.mail_id not in taken or mail.status in may, f"{mail.mail_id} left, and is called {mail.status}")


@dataclass(frozen=True)
class State:
    """tables: what is computed afresh, by table. mails: by number."""

    tables: Mapping[str, Sequence[Row]]
    mails: Mapping[str, Mail]

    def keys(self) -> set[str]:
        """What somebody was told, or waits to be told; reports of held mail left out."""
        return {key for mail in self.mails.values() for key in mail.items if not key.startswith("held:")}


def _wide(row: Sequence[Any], width: int) -> Row:
    return tuple((*row, *[None] * width)[:width])


def exit_code(worker: Worker, as_of: date) -> int:
    """As `huzhu run` gives it."""
    try:
        return worker.run(as_of).exit_code
    except HuzhuError as error:
        return error.exit_code


def check_same(found: State, wanted: State, figures: Figures) -> None:
    """The same sheet, but for mail that is honestly held, and reports of it."""
    for name, rows in wanted.tables.items():
        if list(found.tables[name]) != list(rows):
            raise Broken(f"{name} differs: {_first_difference(found.tables[name], rows)}")
    lost = wanted.keys() - found.keys()
    figures["losses"] += len(lost)
    law(not lost, f"on no record: {sorted(lost)[:5]}")
    for ident, mail in wanted.mails.items():
        if any(key.startswith("held:") for key in mail.items):
            continue
        law(ident in found.mails, f"mail {ident} is another one")
        there = found.mails[ident]
        same = (there.to, there.cc, there.subject, there.items) == (mail.to, mail.cc, mail.subject, mail.items)
        law(same, f"mail {ident} says something else: {there} {mail}")
        honest = there.status is MailStatus.HELD and "未知" in there.error
        plain = replace(there, sent_at=None, attempts=0) == replace(mail, sent_at=None, attempts=0)
        law(honest or plain, f"mail {ident} is {there}, not {mail}")
    more = [mail for ident, mail in found.mails.items() if ident not in wanted.mails]
    others = [mail for mail in more if not any(key.startswith("held:") for key in mail.items)]
    law(not others, f"nobody asked for {others[:1]}")


def _first_difference(found: Sequence[Row], wanted: Sequence[Row]) -> str:
    for a, b in zip(found, wanted, strict=False):
        if a != b:
            return f"{a}, not {b}"
    return f"{len(found)} rows, not {len(wanted)}"

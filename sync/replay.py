"""A past run computed again from its snapshot, without the sheet: the same rows and letters, or what differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from rules.changes import differences
from rules.schema import OUTBOX, Table, renamed
from rules.values import Cell, Change, RawTable, Row
from sync.runlog import Tally
from sync.snapshot import Snapshot, as_json, snapshot
from sync.wording import Wording
from sync.worker import planned


@dataclass(frozen=True, slots=True)
class Difference:
    """One cell that came out otherwise. field "": the rows are the same in another order, or a letter differs."""

    table: str
    key: str
    field: str
    was: Cell = None
    now: Cell = None


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of a replay. made_by: the version that made the run; rows, letters: how many were compared."""

    run_id: str
    as_of: date
    made_by: str
    rows: int
    letters: int
    differences: tuple[Difference, ...]

    @property
    def identical(self) -> bool:
        """True when every row and every letter came out the same."""
        return not self.differences


def replay(kept: Snapshot, wording: Wording) -> Replay:
    """The run of *kept* once more. wording: the letters as they are worded now."""
    again = planned(lambda _tables: kept.book, wording, kept.policy, kept.zone, kept.as_of, Tally())
    now = snapshot(again, kept.run_id, kept.as_of, kept.policy, kept.replaced)
    rows = sum(map(len, kept.rows.values()))
    found = (*_rows(kept, now), *_letters(kept, now))
    return Replay(kept.run_id, kept.as_of, kept.version, rows, len(kept.letters), found)


def _rows(kept: Snapshot, now: Snapshot) -> Iterator[Difference]:
    """The tabs that one of them changes, compared as they are left."""
    for name, table in renamed(kept.policy.rename).items():
        if name in kept.rows or name in now.rows:
            was, wanted = kept.after(table), now.after(table)
            if as_json(was) != as_json(wanted):
                yield from _cells(table, was, wanted)


def _cells(table: Table, was: Sequence[Row], wanted: Sequence[Row]) -> Iterator[Difference]:
    before = RawTable(table.title, [[column.header for column in table.typed], *was])
    found = [Difference(table.name, *one) for one in differences(Change(table, wanted), before)]
    yield from found or [Difference(table.name, "", "")]


def _letters(kept: Snapshot, now: Snapshot) -> Iterator[Difference]:
    """The letters, each word and each file: of some the row in the outbox holds only the text."""
    for mail_id in dict.fromkeys((*kept.letters, *now.letters)):
        if kept.letters.get(mail_id) != now.letters.get(mail_id):
            yield Difference(OUTBOX.name, mail_id, "")

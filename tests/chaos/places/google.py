"""A spreadsheet of Google's, on the emulator."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rules.schema import TABLES
from rules.values import Cell
from sync.backends import Backend
from tests.chaos.places.place import TITLES, Alliance, Clock, Online, Person, Place, Rows, asleep, lines
from tests.emulators.served import Call
from tests.sync import spreadsheets


class _AtGoogle:
    strict = False

    def __init__(self, house: spreadsheets.House) -> None:
        self.owner = house.owner

    def rows(self, title: str) -> Rows:
        return self.owner.rows(title)

    def type(self, title: str, row: int, header: str, value: Cell) -> None:
        self.owner.type(title, row, self._column(title, header), value)

    def insert(self, title: str, row: int) -> int:
        self.owner.insert_rows(title, row)
        return row

    def delete(self, title: str, row: int) -> None:
        self.owner.delete_rows(title, row)

    def sort(self, title: str, header: str, *, descending: bool) -> None:
        self.owner.sort(title, self._column(title, header), descending=descending)

    def widen(self, title: str) -> None:
        self.owner.insert_columns(title, 2)

    def spoil(self, _title: str, _chance: random.Random) -> bool:
        return False

    def _column(self, title: str, header: str) -> int:
        return self.owner.rows(title)[0].index(header) + 1


class GoogleSheet(Online):
    name = "google"

    def backend(self, clock: Clock, **bounds: Any) -> Backend:
        return self.house.backend(clock, **{"sleep": asleep, **bounds})

    @contextmanager
    def copied(self) -> Iterator[Place]:
        with spreadsheets.spreadsheet(like=self.house) as house:
            yield GoogleSheet(house)

    @contextmanager
    def people(self) -> Iterator[Person]:
        yield _AtGoogle(self.house)

    def members(self) -> object:
        """A tab that a call touches becomes another one: being the same, nothing in it can have changed."""
        return [_Same(self.house.owner.tab(title)) for title in TITLES]

    def shown(self, title: str) -> Rows:
        return self.house.owner.rows(title)

    def check_around(self) -> None:
        states = {row[0]: row[7] for row in self.shown("借调状态")[1:]}
        headers, *rows = self.shown("借调记录")
        key, state = headers.index("借调编号"), headers.index("状态")
        shown = {row[key]: row[state] for row in rows if len(row) > state and row[key]}
        assert shown == {name: states.get(name, "") for name in shown}

    def _read_by(self, call: Call) -> Sequence[str]:
        return TITLES if "batchGet" in call.path else ()


class _Same:
    def __init__(self, it: object) -> None:
        self.it = it

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.it is other.it

    __hash__ = None


@contextmanager
def google(alliance: Alliance) -> Iterator[Place]:
    with spreadsheets.spreadsheet() as house:
        house.backend().prepare(TABLES)
        for table in TABLES:
            house.owner.delete_rows(table.title, 201, 800)
        house.paste({name: lines(name, rows) for name, rows in alliance.items()})
        yield GoogleSheet(house)

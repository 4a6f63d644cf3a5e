"""A base of Feishu's, on the emulator."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rules.values import Cell
from sync.backends import Backend
from tests.chaos.places.place import TITLES, Alliance, Clock, Online, Person, Place, Rows
from tests.emulators.served import Call
from tests.sync import bases


class _AtFeishu:
    """Records have ids: the row of a number is the record that stands there now."""

    strict = True

    def __init__(self, house: bases.House) -> None:
        self.person = house.person
        self.house = house

    def rows(self, title: str) -> Rows:
        return bases.seen(self.house, title)[title]

    def type(self, title: str, row: int, header: str, value: Cell) -> None:
        self.person.type(title, self._ident(title, row), header, value)

    def insert(self, title: str, _row: int) -> int:
        self.person.add(title, {})
        return len(self.person.table(title).records) + 1

    def delete(self, title: str, row: int) -> None:
        self.person.delete(title, self._ident(title, row))

    def sort(self, title: str, header: str, *, descending: bool) -> None:
        self.person.reorder(title, lambda row: str(row[header]), reverse=descending)

    def widen(self, title: str) -> None:
        self.person.add_field(title, f"备注{len(self.person.table(title).fields)}")

    def spoil(self, title: str, chance: random.Random) -> bool:
        rows = list(self.person.table(title).records)
        if rows and chance.random() < 0.5:
            beside = {"借调记录": "系统·状态", "求助": "系统·级别"}[title]
            self.person.type(title, chance.choice(rows), beside, "自己写的")
            return False
        worker = chance.choice(("积分榜", "借调状态", "优先级队列"))
        there = list(self.person.table(worker).records)
        if there:
            self.person.delete(worker, chance.choice(there))
        return bool(there)

    def _ident(self, title: str, row: int) -> str:
        return list(self.person.table(title).records)[row - 2]


class FeishuBase(Online):
    name = "feishu"

    def backend(self, clock: Clock, **bounds: Any) -> Backend:
        return self.house.backend(clock, **bounds)

    @contextmanager
    def copied(self) -> Iterator[Place]:
        with bases.served(copy.deepcopy(self.house.service)) as house:
            yield FeishuBase(house)

    @contextmanager
    def people(self) -> Iterator[Person]:
        yield _AtFeishu(self.house)

    def members(self) -> object:
        return {title: self._cells(title) for title in TITLES}

    def _cells(self, title: str) -> dict[str, dict[str, Any]]:
        table = self.house.person.table(title)
        ours = {one.id for one in table.fields if one.name.startswith("系统·")}
        records = table.records.items()
        return {ident: {f: v for f, v in record.cells.items() if f not in ours} for ident, record in records}

    def shown(self, title: str) -> Rows:
        return bases.seen(self.house, title)[title]

    def check_around(self) -> None:
        bases.check_beside(self.house)

    def _read_by(self, call: Call) -> Sequence[str]:
        end = "/".join(call.path.split("/")[-3:])
        return [title for title in TITLES if end == f"{self.house.person.table(title).id}/records/search"]


@contextmanager
def feishu(alliance: Alliance) -> Iterator[Place]:
    with bases.base() as house:
        bases.peopled(house, alliance)
        yield FeishuBase(house)

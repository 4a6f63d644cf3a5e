"""Members add, type, delete, sort and rename between any two calls of a run: nothing of theirs changes.

The emulator lets a person edit right before each call it serves. The seeds are fixed, so a failure can be run again:
`pytest -k "people and feishu and 12"`; HUZHU_SEEDS=500 runs more of them than each stop does.
"""

from __future__ import annotations

import os
import random
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from rules.schema import MEMBER_TABLES, Kind
from sync.errors import RunFailed
from tests.emulators.served import Call
from tests.rules.sheets import loan
from tests.sync.bases import House, Tabs, alliance, check_beside, check_results, ran, seen
from tests.sync.cycles import AS_OF, Counted

SEEDS, CHUNK = int(os.environ.get("HUZHU_SEEDS", "12")), 4
TITLES = {table.title: table for table in MEMBER_TABLES}
EDITED = ("借调记录", "借调记录", "求助", "成员", "库存")
TYPED: dict[Kind, tuple[Any, ...]] = {
    Kind.COUNT: (None, 0, 2, -1, 1.5),
    Kind.MONEY: (None, 12.5, -3),
    Kind.NUMBER: (None, 30.25),
    Kind.DATE: (None, AS_OF, "2025-11-01", "2025-10-28 15:30"),
    Kind.MOMENT: (None, "2025-10-28 15:30"),
    Kind.FLAG: (True, False),
}
"""What the page takes in a field of that kind; any text in all others."""


class People:
    """They edit before every call, and see to it that the call before changed nothing of theirs."""

    def __init__(self, house: House, chance: random.Random) -> None:
        self.house, self.person, self.chance = house, house.person, chance
        self.searches = {f"{house.person.table(title).id}/records/search": title for title in TITLES}
        self.cells = self._cells()
        self.read: Tabs = {}
        """What the members' tables showed when the worker read them last."""
        self.spoilt = False
        """Whether somebody took away what the worker wrote."""

    def __call__(self, call: Call) -> None:
        self.check()
        for _ in range(self.chance.choice((0, 0, 1, 2))):
            self._edit()
        self.cells = self._cells()
        title = self.searches.get("/".join(call.path.split("/")[-3:]))
        if title:
            self.read[title] = seen(self.house, title)[title]

    def check(self) -> None:
        assert self._cells() == self.cells, "the worker changed a member's cell"

    def _cells(self) -> dict[str, dict[str, dict[str, Any]]]:
        found = {}
        for title in TITLES:
            table = self.person.table(title)
            ours = {one.id for one in table.fields if one.name.startswith("系统·")}
            records = table.records.items()
            found[title] = {i: {f: v for f, v in record.cells.items() if f not in ours} for i, record in records}
        return found

    def _edit(self) -> None:
        title = self.chance.choice(EDITED)
        rows = list(self.person.table(title).records)
        edits = (self._sort, self._add, self._delete, self._type, self._type, self._unwanted)
        self.chance.choice(edits)(title, rows)

    def _sort(self, title: str, _rows: list[str]) -> None:
        name = self.chance.choice([one.name for one in self.person.table(title).fields])
        self.person.reorder(title, lambda row: str(row[name]), reverse=self.chance.random() < 0.5)

    def _add(self, title: str, _rows: list[str]) -> None:
        """An empty row, or a loan."""
        new = loan(f"N-{self.chance.randrange(10**6)}", *self.chance.sample(("华北", "华东", "华中", "西北"), 2))
        self.person.add(title, dict(new) if title == "借调记录" else {})

    def _delete(self, title: str, rows: list[str]) -> None:
        if title != "成员" and len(rows) > 2:
            self.person.delete(title, self.chance.choice(rows))

    def _type(self, title: str, rows: list[str]) -> None:
        column = self.chance.choice([column for column in TITLES[title].typed if not column.required])
        words = (None, *column.choices) if column.kind is Kind.CHOICE else (None, "乱写", "2025-11-01", "=1+1", "是")
        if rows:
            value = self.chance.choice(TYPED.get(column.kind, words))
            self.person.type(title, self.chance.choice(rows), column.header, value)

    def _unwanted(self, title: str, rows: list[str]) -> None:
        """What is no member's to do, now and then: in the worker's own fields and tables."""
        if self.chance.random() < 0.9 or title not in {"借调记录", "求助"}:
            return
        if self.chance.random() < 0.5 and rows:
            field = "系统·状态" if title == "借调记录" else "系统·级别"
            self.person.type(title, self.chance.choice(rows), field, "自己写的")
        else:
            worker = self.chance.choice(("积分榜", "借调状态", "优先级队列"))
            states = list(self.person.table(worker).records)
            if states:
                self.spoilt = True
                self.person.delete(worker, self.chance.choice(states))


def once_through(house: House, mailer: Counted, day: int, minutes: int) -> None:
    """A run; one that gave up because people never stopped is run again, like the timer does."""
    for more in range(5):
        with suppress(RunFailed):
            ran(house, mailer, AS_OF + timedelta(days=day), minutes=minutes + more)
            return
    raise AssertionError("five runs in a row gave up")


def edited(house: House, seed: int) -> None:
    mailer = Counted()
    house.server.between = people = People(house, random.Random(seed))
    once_through(house, mailer, 0, 0)
    people.check()
    house.quiet()
    if not people.spoilt:
        check_results(house, AS_OF, people.read)
    house.server.between = people
    once_through(house, mailer, 1, 10)
    house.quiet()
    ran(house, mailer, AS_OF + timedelta(days=1), minutes=20)
    assert ran(house, mailer, AS_OF + timedelta(days=1), minutes=21).changes == {}
    people.check()
    check_results(house, AS_OF + timedelta(days=1))
    check_beside(house)
    assert set(mailer.left.values()) <= {1}
    assert {row["结果"] for row in house.person.rows("运行日志").values()} <= {"完成", "有邮件未发出"}


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_people_edit_between_any_two_calls(first: int) -> None:
    for seed in range(first, min(first + CHUNK, SEEDS)):
        with alliance() as house:
            edited(house, seed)

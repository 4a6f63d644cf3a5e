"""Members sort, insert, delete and type between any two calls of a run: nothing of theirs changes, nothing is misplaced.

The emulator lets a person edit right before each call it serves. The seeds are fixed, so a failure can be run again:
`pytest -k "people and 75"` runs seeds 75 to 99, HUZHU_SEEDS=500 runs more of them than each stop does.
"""

from __future__ import annotations

import functools
import os
import random
from datetime import date, timedelta
from typing import Any

import pytest

from rules.changes import canonical
from rules.schema import MEMBER_TABLES, TABLES, Owner
from sync.backends.memory import Memory
from sync.runlog import Tally
from sync.worker import Planned, Worker, planned
from tests.emulators.google.book import Tab
from tests.emulators.served import Call
from tests.rules.sheets import BY_NAME, POLICY, ZONE, grid, loan
from tests.sync.cycles import ALLIANCE, AS_OF, COMPUTED, WORDS, Counted
from tests.sync.spreadsheets import NOON, House, spreadsheet

SEEDS, CHUNK = int(os.environ.get("HUZHU_SEEDS", "100")), 25
TITLES = [table.title for table in MEMBER_TABLES]


@functools.cache
def alliance() -> House:
    """A sheet that `init` made, with some rows of each kind; its tabs are short, so that many seeds do not take long."""
    with spreadsheet() as house:
        house.backend().prepare(TABLES)
        for table in TABLES:
            house.owner.delete_rows(table.title, 41, 960)
        house.fill({name: grid(BY_NAME[name], cells).rows[1:] for name, cells in ALLIANCE.items()})
    return house


class People:
    """They edit before every call, and see to it that the call before changed nothing of theirs."""

    def __init__(self, house: House, chance: random.Random) -> None:
        self.house, self.chance = house, chance
        self.tabs = self._tabs()
        self.read: dict[str, list[list[Any]]] = {}
        """What the members' tabs showed when the worker read them last."""

    def __call__(self, call: Call) -> None:
        self.check()
        for _ in range(self.chance.randrange(3)):
            self._edit()
        self.tabs = self._tabs()
        if "batchGet" in call.path:
            self.read = {title: self.house.owner.rows(title) for title in TITLES}

    def check(self) -> None:
        """A tab that a call touches becomes another one: being the same, nothing in it can have changed."""
        now = self._tabs()
        assert all(now[title] is tab for title, tab in self.tabs.items()), "the worker touched a member's tab"

    def _tabs(self) -> dict[str, Tab]:
        return {title: self.house.owner.tab(title) for title in TITLES}

    def _edit(self) -> None:
        title = self.chance.choice(("借调记录", "借调记录", "求助", "成员", "库存"))
        rows = max(len(self.house.owner.tab(title).rows), 1)
        self.chance.choice((self._sort, self._insert, self._delete, self._type, self._add, self._widen))(title, rows)

    def _sort(self, title: str, _rows: int) -> None:
        width = len(self.house.owner.rows(title)[0])
        self.house.owner.sort(title, self.chance.randint(1, width), descending=self.chance.random() < 0.5)

    def _insert(self, title: str, rows: int) -> None:
        self.house.owner.insert_rows(title, self.chance.randint(2, rows + 1), self.chance.randint(1, 3))

    def _delete(self, title: str, rows: int) -> None:
        if title != "成员" and rows > 3:
            self.house.owner.delete_rows(title, self.chance.randint(2, rows))

    def _type(self, title: str, rows: int) -> None:
        table = next(t for t in TABLES if t.title == title)
        headers = self.house.owner.rows(title)[0]
        optional = [c for c in table.typed if not c.required and c.header in headers]
        column = self.chance.choice(optional)
        value = self.chance.choice((None, "乱写", 7, AS_OF, "2025-11-01", "=1+1", "是"))
        if value == "=1+1":
            value = "'=1+1"
        at = headers.index(column.header) + 1
        self.house.owner.type(title, self.chance.randint(2, max(rows, 2)), at, value)

    def _add(self, title: str, _rows: int) -> None:
        if title == "借调记录":
            headers = self.house.owner.rows(title)[0]
            new = loan(f"N-{self.chance.randrange(10**6)}", *self.chance.sample(("华北", "华东", "华中", "西北"), 2))
            self.house.owner.insert_rows(title, 2)
            for header, cell in new.items():
                self.house.owner.type(title, 2, headers.index(header) + 1, cell)

    def _widen(self, title: str, _rows: int) -> None:
        if self.chance.random() < 0.2:
            self.house.owner.insert_columns(title, self.chance.randint(1, 4))


def ran(house: House, mailer: Counted, as_of: date) -> Any:
    worker = Worker(house.backend(), mailer, WORDS, POLICY, ZONE, lambda: NOON)
    return worker.run(as_of)


def wanted(tabs: dict[str, list[list[Any]]], as_of: date) -> Planned:
    """The plan for the same cells on the backend that has no sheet."""
    return planned(Memory(tabs).read, WORDS, POLICY, ZONE, as_of, Tally())


def check_results(house: House, tabs: dict[str, list[list[Any]]], as_of: date) -> None:
    """Every result sits with its key: each tab holds what follows from those cells of the members."""
    plan = wanted(tabs, as_of).plan
    written = house.backend().read([table for table in TABLES if table.owner is Owner.WORKER]).tabs
    for name in COMPUTED:
        table = BY_NAME[name]
        now = [tuple((*row, *[None] * len(table.typed))[: len(table.typed)]) for row in written[name].rows[1:]]
        assert canonical(table, [row for row in now if any(row)]) == canonical(table, plan.rows[name])


def check_beside(house: House) -> None:
    """Beside each member's row stands the state of that loan, wherever the row is by now."""
    states = {row[0]: row[7] for row in house.owner.rows("借调状态")[1:]}
    headers, *rows = house.owner.rows("借调记录")
    key, state = headers.index("借调编号"), headers.index("状态")
    shown = {row[key]: row[state] for row in rows if len(row) > state and row[key]}
    assert shown
    assert shown == {name: states.get(name, "") for name in shown}


def edited(seed: int) -> None:
    mailer = Counted()
    with spreadsheet(like=alliance()) as house:
        house.server.between = people = People(house, random.Random(seed))
        ran(house, mailer, AS_OF)
        people.check()
        house.server.between = lambda _call: None
        check_results(house, people.read, AS_OF)
        tomorrow = AS_OF + timedelta(days=1)
        ran(house, mailer, tomorrow)
        assert planned(house.backend().read, WORDS, POLICY, ZONE, tomorrow, Tally()).changes == ()
        check_beside(house)
        people.check()
    assert set(mailer.left.values()) == {1}


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_people_edit_between_any_two_calls(first: int) -> None:
    for seed in range(first, first + CHUNK):
        edited(seed)

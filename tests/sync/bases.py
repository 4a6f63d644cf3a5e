"""A base of Feishu to run cycles on: the emulator, a person with the base open, and the worker's way in."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from rules.changes import canonical
from rules.schema import MEMBER_TABLES, TABLES, WORKER_TABLES, Kind
from rules.values import Cell
from sync.backends.feishu import Feishu
from sync.backends.memory import Memory
from sync.feishu.base import Base
from sync.feishu.client import Client
from sync.runlog import Report, Tally
from sync.worker import Worker, planned
from tests.emulators.feishu.person import Person
from tests.emulators.feishu_bitable import FeishuBitable
from tests.emulators.served import Emulator
from tests.rules.sheets import BY_NAME, POLICY, ZONE, Cells
from tests.sync.cycles import ALLIANCE, AS_OF, COMPUTED, WORDS, Counted

APP, SECRET = "cli_huzhu", "secret"
NOON = datetime(2026, 11, 23, 12, tzinfo=ZoneInfo("Asia/Shanghai"))
LEASE = timedelta(minutes=15)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class House:
    """One base on the emulator. person: a member at the page."""

    service: FeishuBitable
    server: Emulator
    token: str
    person: Person

    def backend(self, now: datetime | Callable[[], datetime] = NOON, base: str = "", **bounds: Any) -> Feishu:
        """The base as a run of the worker opens it; nothing waits. now: a moment that stays, or a clock."""
        quick = {"write_gap": 0.0, "sleep": lambda _seconds: None, **bounds}
        client = Client(APP, SECRET, base_url=self.server.url, **quick)
        clock = now if callable(now) else lambda: now
        return Feishu(Base(client, base or self.token), clock, LEASE, sleep=quick["sleep"])

    def quiet(self) -> None:
        """From now on nobody edits and nothing fails."""
        self.server.between, self.server.fault = lambda _call: None, lambda _call: None


@contextmanager
def base(**more: Any) -> Iterator[House]:
    """A new base without tables that the worker's app may edit."""
    service = FeishuBitable()
    service.add_app(APP, SECRET)
    service.add_base("互助联盟", **more)
    with served(service) as house:
        yield house


@contextmanager
def served(service: FeishuBitable) -> Iterator[House]:
    """The only base of *service*."""
    (token,) = service.bases
    with Emulator(service) as server:
        yield House(service, server, token, service.person(token))


@contextmanager
def alliance() -> Iterator[House]:
    """A small alliance on its own tables, as `init` leaves them."""
    with served(copy.deepcopy(_alliance())) as house:
        yield house


@cache
def _alliance() -> FeishuBitable:
    with base() as house:
        peopled(house)
        return house.service


KINDS = {
    Kind.COUNT: "Number", Kind.POINTS: "Number", Kind.MONEY: "Number", Kind.NUMBER: "Number", Kind.DATE: "DateTime",
    Kind.MOMENT: "DateTime", Kind.FLAG: "Checkbox", Kind.CHOICE: "SingleSelect",
}  # fmt: skip
"""The fields that people make for their columns; text for all others."""


def peopled(house: House, rows: Mapping[str, Iterable[Cells]] = ALLIANCE) -> None:
    """Tables that people made themselves, with these rows; then `init`."""
    for table in MEMBER_TABLES:
        fields = [(column.header, KINDS.get(column.kind, "Text")) for column in table.typed]
        house.person.add_table(table.title, fields, [dict(row) for row in rows.get(table.name, ())])
    house.backend().prepare(TABLES)


Tabs = dict[str, list[list[Cell]]]


def seen(house: House, *titles: str) -> Tabs:
    """Each member's table as a person sees it, what the worker keeps beside left out: headers, then rows."""
    found: Tabs = {}
    for title in titles or [table.title for table in MEMBER_TABLES]:
        headers = [one.name for one in house.person.table(title).fields if not one.name.startswith("系统·")]
        rows = [[row[name] for name in headers] for row in house.person.rows(title).values()]
        found[title] = [list[Cell](headers), *rows]
    return found


def ran(house: House, mailer: Counted | None = None, as_of: date = AS_OF, *, minutes: int = 0, **more: Any) -> Report:
    """One run, so many minutes after noon."""
    now = NOON + minutes * MINUTE
    return Worker(house.backend(now, **more), mailer, WORDS, POLICY, ZONE, lambda: now).run(as_of)


def check_results(house: House, as_of: date = AS_OF, tabs: Tabs | None = None) -> None:
    """Every worker table holds what follows from the members' as they are now, or were when they looked like *tabs*."""
    plan = planned(Memory(tabs or seen(house)).read, WORDS, POLICY, ZONE, as_of, Tally()).plan
    read = house.backend(NOON + timedelta(days=9)).read(WORKER_TABLES).tabs
    for name in COMPUTED:
        table = BY_NAME[name]
        assert canonical(table, read[name].rows[1:]) == canonical(table, plan.rows[name]), name


def check_beside(house: House) -> None:
    """Beside each member's row stands what the worker found for its key."""
    for title, key, pairs in (
        ("借调记录", "借调编号", (("系统·状态", "状态"), ("系统·天数", "天数"))),
        ("求助", "求助编号", (("系统·序号", "序号"), ("系统·级别", "判定级别"))),
    ):
        worker = "借调状态" if title == "借调记录" else "优先级队列"
        found = {row[key]: row for row in house.person.rows(worker).values()}
        for row in house.person.rows(title).values():
            for ours, theirs in pairs:
                assert row[ours] == (found[row[key]][theirs] if row[key] in found else None)

"""Runs over any backend, for the laws of whole runs: an alliance's sheet to begin with, a run, and what it left."""

from __future__ import annotations

import datetime as dt

from rules.changes import body, canonical
from rules.schema import OUTBOX, RUNS, TABLES, WORKER_TABLES, Kind
from rules.values import Cell
from sync.backends import Backend
from sync.snapshot import Snapshot, packed, unpacked
from sync.worker import Worker
from tests.contract.test_backends import Sheet
from tests.rules.sheets import BY_NAME, POLICY, ZONE, grid
from tests.sync.cycles import ALLIANCE, AS_OF, WORDS, Counted

NOON = dt.datetime.combine(AS_OF, dt.time(12), ZONE)
DATED = {Kind.DATE: dt.date.fromisoformat, Kind.MOMENT: dt.datetime.fromisoformat}
BACK = [table for table in WORKER_TABLES if table.name not in (OUTBOX.name, RUNS.name)]


def clock() -> dt.datetime:
    return NOON


def tab(name: str) -> list[list[object]]:
    """A tab of the alliance with real days, as fields of a base want them."""
    table = BY_NAME[name]
    header, *rows = grid(table, ALLIANCE[name]).rows
    width = len(table.typed)
    days = [
        [DATED.get(c.kind, str)(v) if isinstance(v, str) else v for c, v in zip(table.typed, row, strict=False)]
        for row in rows
    ]
    return [list(header[:width]), *days]


def begun(sheet: Sheet) -> Sheet:
    """A sheet with some rows of each kind."""
    if not sheet.typed:
        sheet.backend.prepare(TABLES)
    for name in ALLIANCE:
        sheet.edit(BY_NAME[name].title, tab(name))
    sheet.backend.prepare(TABLES)
    return sheet


def ran(backend: Backend, days: int = 0, mailer: Counted | None = None) -> list[Snapshot]:
    """A run, and what it kept, from the bytes that keep it."""
    kept: list[Snapshot] = []

    def keep(one: Snapshot) -> None:
        kept.append(unpacked(packed(one), "run"))

    Worker(backend, mailer or Counted(), WORDS, POLICY, ZONE, clock, keep=keep).run(AS_OF + dt.timedelta(days=days))
    return kept


def shown(backend: Backend) -> dict[str, list[tuple[Cell, ...]]]:
    """The worker's tabs that a run computes."""
    book = backend.read(TABLES)
    return {table.name: canonical(table, body(table, book.tabs.get(table.name))) for table in BACK}


def cells(backend: Backend, name: str) -> list[tuple[Cell, ...]]:
    return body(BY_NAME[name], backend.read(TABLES).tabs[name])

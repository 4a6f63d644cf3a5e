"""What is tried with hostile input, and what became of it: a word, or an exception that nobody foresaw."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import openpyxl

from rules.changes import body, canonical, change
from rules.decide import Plan, decide
from rules.intake import SheetError
from rules.policy import Policy
from rules.schema import ISSUES, TABLES
from rules.values import Book, Cell, ErrorCell, Row
from sync.backends.workbook import Workbook
from sync.config import Config, load
from sync.errors import HuzhuError
from tests.fuzz.corruptions import Corruption, corruption, with_cell, without_row
from tests.rules.sheets import BY_NAME, ZONE

TODAY = date(2026, 11, 23)


class Broken(AssertionError):
    """A law does not hold for this input."""


def workbook(path: Path) -> str:
    """A whole use of the file at *path*: read, decide, write, `init`. "used", or the kind of sentence it ended in."""
    backend = Workbook(path, sleep=lambda _: None)
    try:
        book = backend.read(TABLES)
        plan = decide(book, TODAY, Policy(), ZONE)
        wanted = ((table, plan.rows[table.name]) for table in TABLES if table.name in plan.rows)
        backend.write(
            [c for table, rows in wanted if (c := change(table, book.tabs.get(table.name), rows))], book.version
        )
        backend.prepare(TABLES)
    except (HuzhuError, SheetError) as error:
        return type(error).__name__
    return "used"


def settings(path: Path) -> str:
    """The settings at *path* read. "read", or the kind of sentence it ended in."""
    try:
        config = load(path)
    except HuzhuError as error:
        return type(error).__name__
    return "read" if isinstance(config, Config) else "nothing"


def cell(book: Book, clean: Plan, seed: int) -> str:
    """One cell of *book* made wrong: it is reported, and all else is as if its row, or the cell, were not there.

    "error" or "warning", as it was reported. Raises Broken. clean: the plan of *book* itself.
    """
    at = corruption(book, random.Random(seed))
    spoilt = decide(with_cell(book, at, at.cell), TODAY, Policy(), ZONE)
    told = [p for p in spoilt.problems if (p.table, p.row) == (at.table.name, at.row) and p not in clean.problems]
    place = at.table.title, at.row, at.table[at.field].header
    if not any(p.field == at.field for p in told) or place not in _places(spoilt.rows["issues"]):
        raise Broken(f"{at} is not reported")
    is_error = any(p.severity == "error" for p in told)
    expected = _expected(book, clean, at) if is_error else decide(with_cell(book, at, None), TODAY, Policy(), ZONE)
    for name, rows in expected.rows.items():
        if name != "issues" and list(rows) != list(spoilt.rows[name]):
            raise Broken(f"{at} changes {name}: {set(map(str, rows)) ^ set(map(str, spoilt.rows[name]))}")
    return "error" if is_error else "warning"


def _expected(book: Book, clean: Plan, at: Corruption) -> Plan:
    """What an error at *at* leaves: a row that was left out before stays so, and with it the other of the same key."""
    was_out = any((p.severity, p.table, p.row) == ("error", at.table.name, at.row) for p in clean.problems)
    return clean if was_out and at.field not in at.table.key else decide(without_row(book, at), TODAY, Policy(), ZONE)


def _places(issues: Sequence[Row]) -> set[tuple[Cell, ...]]:
    """(table, row, column) of each row of 数据问题, in the words of the sheet."""
    places = [ISSUES.fields.index(field) for field in ("table", "row", "column")]
    return {tuple(row[place] for place in places) for row in issues}


def filed(path: Path, book: Book, seed: int) -> None:
    """The same cell typed into the workbook at *path* by another program, and a cycle on the file itself.

    Raises Broken when a tab then holds something else than what the cell gives in memory. book: as read from *path*.
    """
    at = corruption(book, random.Random(seed))
    people = openpyxl.load_workbook(path)
    place = [cell.value for cell in people[at.table.title][1]].index(at.table[at.field].header) + 1
    typed = people[at.table.title].cell(at.row, place, at.cell)
    typed.number_format = "General"  # a number in a cell that shows days is one
    typed.data_type = "e" if isinstance(at.cell, ErrorCell) else typed.data_type
    people.save(spoilt := path.with_name("spoilt.xlsx"))
    if workbook(spoilt) != "used":
        raise Broken(f"{at} is refused in the file")
    tabs, wanted = Workbook(spoilt).read(TABLES).tabs, decide(with_cell(book, at, at.cell), TODAY, Policy(), ZONE).rows
    for name, rows in wanted.items():
        table = BY_NAME[name]
        if canonical(table, body(table, tabs[name])) != canonical(table, rows):
            raise Broken(f"{at} gives another {name} in the file")

"""What is tried with hostile input, and what became of it: a word, or an exception that nobody foresaw."""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path

from rules.changes import change
from rules.decide import Plan, decide
from rules.intake import SheetError
from rules.policy import Policy
from rules.schema import TABLES
from rules.values import Book
from sync.backends.workbook import Workbook
from sync.config import Config, load
from sync.errors import HuzhuError
from tests.fuzz.corruptions import corruption, with_cell, without_row
from tests.rules.sheets import ZONE

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
    if not any(p.field == at.field for p in told):
        raise Broken(f"{at} is not reported")
    is_error = any(p.severity == "error" for p in told)
    instead = without_row(book, at) if is_error else with_cell(book, at, None)
    expected = decide(instead, TODAY, Policy(), ZONE)
    for name, rows in expected.rows.items():
        if name != "issues" and list(rows) != list(spoilt.rows[name]):
            raise Broken(f"{at} changes {name}: {set(map(str, rows)) ^ set(map(str, spoilt.rows[name]))}")
    return "error" if is_error else "warning"

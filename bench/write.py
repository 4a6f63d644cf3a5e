"""Writing into a workbook that people format: only the parts of the worker's tabs are made anew.

The yardstick loads the file with openpyxl, changes the same cells and saves it. Printed beside the time: that every
other part of the package is byte for byte what it was, and how many parts openpyxl leaves so.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import openpyxl

from bench.data import Alliance
from bench.measure import OURS, Line, in_turn, size_name
from bench.run import filled_workbook
from rules.changes import body
from rules.changes import change as differs
from rules.schema import LEDGER, LOAN_STATES, QUEUE, STANDINGS
from rules.values import Change, Row
from sync.backends.workbook import Workbook

GOALS = {("20 cells of a tab", 20_000): 0.1}
_OPENPYXL = "openpyxl load+save"
_ALL = (STANDINGS, LEDGER, QUEUE, LOAN_STATES)
_CELLS, _MARK = 20, "待核对"
_BIG = 5_000
_STATE = LOAN_STATES.fields.index("state")


def lines(sizes: list[int], *, full: bool) -> Iterator[Line]:
    """Few cells, and all tabs, at each of *sizes*. full: all tabs of big sheets too, which openpyxl takes long for."""
    for size in sizes:
        book = filled_workbook(Alliance(size))
        tabs = Workbook(book).read(_ALL).tabs
        now = {table: body(table, tabs[table.name]) for table in _ALL}
        some = [Change(LOAN_STATES, _with_marks(now[LOAN_STATES]))]
        every = [Change(table, rows[::-1]) for table, rows in now.items()]
        yield from _compared(f"{_CELLS} cells of a tab", size, book, some, _mark_cells)
        if full or size <= _BIG:
            yield from _compared("worker's four tabs", size, book, every, _refill)


def _with_marks(rows: Sequence[Row]) -> list[Row]:
    """The rows with `_CELLS` states changed, spread over the tab."""
    marked = set(range(0, len(rows), len(rows) // _CELLS))
    return [(*row[:_STATE], _MARK, *row[_STATE + 1 :]) if i in marked else row for i, row in enumerate(rows)]


def _compared(
    what: str,
    size: int,
    book: Path,
    changes: Sequence[Change],
    openpyxl_writes: Callable[[Path, Sequence[Change]], None],
) -> Iterator[Line]:
    version = Workbook(book).read(()).version
    with tempfile.TemporaryDirectory(prefix="huzhu-write-") as folder:
        mine, other = Path(folder) / "ours.xlsx", Path(folder) / "theirs.xlsx"
        candidates: dict[str, Callable[[], object]] = {
            OURS: lambda: Workbook(_copied(book, mine)).write(changes, version),
            _OPENPYXL: lambda: openpyxl_writes(_copied(book, other), changes),
        }
        is_big = size > _BIG
        times = in_turn(candidates, 3 if is_big else 5, warm_up=not is_big)
        _same_rows(mine, other, changes)
        touched = {name: _touched(book, path) for name, path in ((OURS, mine), (_OPENPYXL, other))}
    parts = len(zipfile.ZipFile(book).namelist())
    yield times.line("write", what, size_name(size), _OPENPYXL, GOALS.get((what, size)))
    told = {name: f"{count} of {parts}" for name, count in touched.items()}
    share = touched[OURS] / touched[_OPENPYXL]
    kept = "the tabs written, no other" if touched[OURS] == len(changes) else "OTHER PARTS CHANGED"
    yield Line("write", "  parts changed", size_name(size), _OPENPYXL, told[OURS], told[_OPENPYXL], share, note=kept)


def _copied(book: Path, to: Path) -> Path:
    """A fresh copy to write into; a few milliseconds that both candidates pay."""
    shutil.copyfile(book, to)
    return to


def _mark_cells(path: Path, changes: Sequence[Change]) -> None:
    """Change only the cells that differ."""
    book = openpyxl.load_workbook(path)
    for change in changes:
        tab = book[change.table.title]
        for number, row in enumerate(change.rows, start=2):
            if row[_STATE] == _MARK:
                tab.cell(number, _STATE + 1).value = _MARK
    book.save(path)


def _refill(path: Path, changes: Sequence[Change]) -> None:
    """Make the tabs anew, as the usual script does."""
    book = openpyxl.load_workbook(path)
    for change in changes:
        at = book.sheetnames.index(change.table.title)
        del book[change.table.title]
        tab = book.create_sheet(change.table.title, at)
        tab.append([column.header for column in change.table.typed])
        for row in change.rows:
            tab.append(row)
    book.save(path)


def _same_rows(ours: Path, theirs: Path, changes: Sequence[Change]) -> None:
    """Stops the measurement when the two files do not hold the same rows."""
    tables = [change.table for change in changes]
    mine, other = (Workbook(path).read(tables).tabs for path in (ours, theirs))
    for change in changes:
        name = change.table.name
        if any(differs(change.table, tabs[name], change.rows) is not None for tabs in (mine, other)):
            raise SystemExit(f"{change.table.title}: what was written is not what was asked")


def _touched(before: Path, after: Path) -> int:
    """How many parts of the package *before* are gone or hold other bytes in *after*."""
    with zipfile.ZipFile(before) as old, zipfile.ZipFile(after) as new:
        kept = set(new.namelist())
        return sum(name not in kept or old.read(name) != new.read(name) for name in old.namelist())

"""An .xlsx file, and somebody who saves it."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rules.schema import MEMBER_TABLES, TABLES, Table
from rules.values import Book, Cell, Change
from sync.backends import Backend
from sync.backends.workbook import MOST_MB, Workbook
from sync.xlsx import sheet, tabs
from sync.xlsx.package import Package
from tests.chaos.places.place import Alliance, Between, Clock, Person, Place, Rows, asleep, lines
from tests.rules.sheets import BY_NAME

_BY_TITLE = {table.title: table for table in TABLES}


class _AtTheFile:
    """What people type in a tab replaces what stood in it. What other programs make of a file other tests see."""

    strict = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tabs: dict[str, Rows] = {}

    def rows(self, title: str) -> Rows:
        if title not in self._tabs:
            self._tabs[title] = _typed(self._path, title)
        return self._tabs[title]

    def type(self, title: str, row: int, header: str, value: Cell) -> None:
        self.rows(title)[row - 1][self.rows(title)[0].index(header)] = value

    def insert(self, title: str, row: int) -> int:
        rows = self.rows(title)
        rows.insert(row - 1, [None] * len(rows[0]))
        return row

    def delete(self, title: str, row: int) -> None:
        del self.rows(title)[row - 1]

    def sort(self, title: str, header: str, *, descending: bool) -> None:
        headers, *rows = self.rows(title)
        at = headers.index(header)
        self._tabs[title] = [headers, *sorted(rows, key=lambda row: str(row[at] or ""), reverse=descending)]

    def widen(self, title: str) -> None:
        """Not here."""

    def spoil(self, _title: str, _chance: random.Random) -> bool:
        return False

    def save(self) -> None:
        package = Package(self._path.read_bytes(), self._path.name, MOST_MB)
        for name, tab in tabs.held(package, [_BY_TITLE[title] for title in self._tabs]).items():
            table, rows = BY_NAME[name], self._tabs[BY_NAME[name].title][1:]
            written = sheet.member_data(package, table, rows, {}, title=tab.title).encode()
            package.put(tab.part, sheet.replaced(package.read(tab.part), written, len(table.columns)))
        if self._tabs:
            self._path.write_bytes(package.packed())


def _typed(path: Path, title: str) -> Rows:
    """The columns that people type, down to the last row that holds something."""
    table = _BY_TITLE[title]
    width = len(table.typed)
    rows = [[*row, *[None] * width][:width] for row in Workbook(path).read([table]).tabs[table.name].rows]
    while len(rows) > 1 and not any(cell not in (None, "") for cell in rows[-1]):
        rows.pop()
    return rows


class _Disturbed(Workbook):
    """People save the file before it is read or written."""

    between: Between | None = None

    def read(self, tables: Sequence[Table]) -> Book:
        if self.between:
            self.between([table.title for table in tables if table in MEMBER_TABLES])
        return super().read(tables)

    def write(self, changes: Sequence[Change], version: object) -> object:
        if self.between:
            self.between(())
        return super().write(changes, version)


class File:
    """An .xlsx file."""

    name, server = "workbook", None

    def __init__(self, path: Path) -> None:
        self.path = path
        self._between: Between | None = None

    def backend(self, _clock: Clock, **_bounds: Any) -> Backend:
        made = _Disturbed(self.path, wait_seconds=0, sleep=asleep)
        made.between = self._between
        return made

    @contextmanager
    def copied(self) -> Iterator[Place]:
        with tempfile.TemporaryDirectory() as folder:
            yield File(Path(shutil.copy(self.path, folder)))

    @contextmanager
    def people(self) -> Iterator[Person]:
        person = _AtTheFile(self.path)
        yield person
        person.save()

    def members(self) -> object:
        package = Package(self.path.read_bytes(), self.path.name, MOST_MB)
        parts = [tab.part for tab in tabs.held(package, MEMBER_TABLES).values()]
        return [package.read(part) for part in (*parts, "xl/sharedStrings.xml") if part in package]

    def shown(self, title: str) -> Rows:
        return _typed(self.path, title)

    def check_around(self) -> None:
        """No half-written file is left. What stands beside rows are formulas: LibreOffice has a test of its own."""
        left = {path.name for path in self.path.parent.iterdir()} - {self.path.name, f".{self.path.name}.lock"}
        assert not left, f"left over: {left}"

    def disturb(self, between: Between | None) -> None:
        self._between = between


@contextmanager
def workbook(alliance: Alliance) -> Iterator[Place]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "alliance.xlsx"
        book = Workbook(path)
        book.prepare(TABLES)
        book.seed(
            {name: [row[: len(BY_NAME[name].typed)] for row in lines(name, rows)] for name, rows in alliance.items()}
        )
        yield File(path)

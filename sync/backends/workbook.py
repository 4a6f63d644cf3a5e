"""The shared sheet as an .xlsx file in a folder that members share.

Reading is python-calamine's; writing replaces the parts of the worker's own tabs and copies everything else as it is.
"""

from __future__ import annotations

import contextlib
import io
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast
from xml.parsers import expat

import filelock
import python_calamine

from rules.schema import RUNS, TABLES, Owner, Table
from rules.values import Book, Cell, Change, RawTable
from rules.words import Words
from sync.backends import Finding, places
from sync.errors import Busy, SetupError
from sync.xlsx import amend, disk, doctor, opc, scan, sheet, tabs
from sync.xlsx.complaints import complaint, while_writing
from sync.xlsx.opc import Tab
from sync.xlsx.package import Package

MOST_MB = 512.0  # unpacked; 200,000 loans take about 200
_LARGE = 10_000_000  # bytes, unpacked: below it a second thread costs more than it gives
MOST_CELLS = 30_000_000  # of one tab's used area, blanks included: reading holds each in memory


class Workbook:
    """The backend `workbook`. Satisfies `sync.backends.Backend`.

    wait_seconds: how long a write waits for a person to close the file. max_mb: the most the file may unpack to.
    """

    claims = 1

    def __init__(
        self,
        path: Path,
        *,
        wait_seconds: float = 60.0,
        max_mb: float = MOST_MB,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.calls = {"read": 0, "write": 0}
        self._path = Path(path)
        self._wait_seconds = wait_seconds
        self._max_mb = max_mb
        self._sleep = sleep
        self._lock = filelock.FileLock(self._path.with_name(f".{self._path.name}.lock"), mode=0o666, timeout=0)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Holds a lock file beside the workbook. Raises Busy when another run holds it."""
        if not self._path.parent.is_dir():
            raise complaint("no_folder", name=self._path.name)
        try:
            self._lock.acquire()
        except filelock.Timeout as error:
            raise Busy(
                f"另一次运行正在使用 {self._path.name}，本次没有运行。",
                f"Another run is using {self._path.name}; this one did nothing.",
            ) from error
        except OSError as error:
            raise while_writing(error, self._path.name) from error
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # a share that is gone; the system lets go of it with the process
                self._lock.release()

    def read(self, tables: Sequence[Table]) -> Book:
        """The tabs of *tables* with their raw cells, hidden ones too; read in one go from one state."""
        self.calls["read"] += 1
        data = disk.contents(self._path)
        with self._whole():
            package = Package(data, self._path.name, self._max_mb)
            return Book(_raw(package, data, tables), disk.fingerprint(data))

    def write(self, changes: Sequence[Change], version: object) -> object:
        """Replace the worker's tabs of *changes*, all other parts as they were; the new version."""
        if not changes:
            return version
        self.calls["write"] += 1

        def build(old: bytes | None) -> bytes:
            if old is None:
                raise complaint("missing", name=self._path.name)
            if disk.fingerprint(old) != version:
                raise complaint("changed", name=self._path.name)
            package = Package(old, self._path.name, self._max_mb)
            _rewrite(package, changes)
            return package.packed()

        return self._rewritten(build)

    def state(self, version: object = None) -> str:
        """What tells this content of the file from any other, the log's tab left out."""
        data = disk.contents(self._path)
        if version is not None and disk.fingerprint(data) != version:
            return ""
        with self._whole():
            package = Package(data, self._path.name, self._max_mb)
            log = tabs.held(package, (RUNS,)).get(RUNS.name)
        return package.checksum(without=log.part if log else "")

    def prepare(self, tables: Sequence[Table]) -> list[Words]:
        """Make the workbook when there is none, and what is missing in it."""
        made: list[Words] = []

        def build(old: bytes | None) -> bytes | None:
            if old is None:
                made.append(Words(f"新建工作簿 {self._path.name}", f"Made the workbook {self._path.name}"))
            data = old if old is not None else opc.new()
            package = Package(data, self._path.name, self._max_mb)
            made.extend(tabs.prepare(package, tables, Book(_raw(package, data, tables))))
            return package.packed() if package.touched else None

        self._rewritten(build)
        return made

    def seed(self, rows_by_table: Mapping[str, Sequence[Sequence[Cell]]], tables: Sequence[Table] = TABLES) -> None:
        """Fill members' tabs that `prepare` just made, for the demo only.

        rows: cells in the order of `Table.fields`, of any type. Raises SetupError for a tab that holds anything.
        """
        chosen = [table for table in tables if table.name in rows_by_table]

        def build(old: bytes | None) -> bytes:
            data = old or b""
            package = Package(data, self._path.name, self._max_mb)
            _seed(package, _raw(package, data, tables), chosen, rows_by_table, tables)
            return package.packed()

        self._rewritten(build)

    def examine(self, tables: Sequence[Table]) -> list[Finding]:
        """What `doctor` says of the file, step by step."""
        return doctor.findings(self._path, self._max_mb, tables, lambda: self.read(tables))

    @contextlib.contextmanager
    def _whole(self) -> Iterator[None]:
        """Says in one sentence that a part of the file is not XML, or that a number in it is none."""
        try:
            yield
        except (expat.ExpatError, ValueError) as error:
            raise complaint("damaged", name=self._path.name) from error

    def _rewritten(self, build: Callable[[bytes | None], bytes | None]) -> str:
        with self.lock(), self._whole():
            data = disk.rewritten(self._path, build, wait_seconds=self._wait_seconds, sleep=self._sleep)
        return disk.fingerprint(data or b"")


def _raw(package: Package, data: bytes, tables: Sequence[Table]) -> dict[str, RawTable]:
    """The raw cells of each table's tab, by table name."""
    found = tabs.held(package, tables)
    marks = {table.name: _marks(package, table, found) for table in tables if table.name in found}
    sheets = {tab.part for tab in opc.tabs(package)}  # those that are read were just seen, the others never are
    package.verify(part for part in package.parts if part.lower().endswith((".xml", ".rels")) and part not in sheets)
    try:
        values = _values(package, data, found)
    except SetupError:  # perhaps for an error value of another program
        values = {name: [[*row] for row in table.rows] for name, table in _tamed(package, data, tables, found).items()}
    return {name: RawTable(tab.title, _marked(values[name], marks[name])) for name, tab in found.items()}


def _tamed(package: Package, data: bytes, tables: Sequence[Table], found: Mapping[str, Tab]) -> dict[str, RawTable]:
    """The raw cells, each error value that our reader takes for damage read as #N/A. Raises what it was, for none."""
    tamed = Package(data, package.name, math.inf)
    for tab in found.values():
        tamed.put(tab.part, scan.with_known_errors(package.read(tab.part)))
    if not tamed.touched:
        raise complaint("damaged", name=package.name)
    return _raw(tamed, tamed.packed(), tables)


def _marks(package: Package, table: Table, found: Mapping[str, Tab]) -> scan.Marks:
    """The cells of a members' tab whose values cannot be read. Raises SetupError for a tab too large to read."""
    tab = found[table.name]
    shown = {column.finds[0] for column in table.lookups if column.finds} & found.keys()
    seen = scan.glance(package.chunks(tab.part), [text for other in shown for text in _starts(found[other].title)])
    columns, rows = scan.used_area(seen, lambda: package.read(tab.part), MOST_CELLS)
    if rows * columns > MOST_CELLS:
        facts = {"title": tab.title, "rows": rows, "columns": columns, "limit": MOST_CELLS}
        raise complaint("too_wide", name=package.name, **facts)
    if table.owner is Owner.WORKER or not (seen.errors or seen.formulas):
        return {}
    return scan.marks(package.read(tab.part), seen)


def _starts(title: str) -> tuple[str, str]:
    """What a lookup into the tab *title* holds and other formulas hardly do; LibreOffice leaves the quotes out."""
    return f"INDEX({places.quoted_title(title)}!$", f"INDEX({title}!$"


def _values(package: Package, data: bytes, found: Mapping[str, Tab]) -> dict[str, list[list[Cell]]]:
    """The cells of each tab, blank ones as "". A large file is read by two threads: parsing leaves Python free.

    Each thread reads the shared texts anew, so a second one helps only where no single tab is most of the file.
    """
    sizes = {name: package.size(tab.part) for name, tab in found.items()}
    by_size = sorted(sizes, key=lambda name: sizes[name], reverse=True)
    alone = sum(sizes.values()) < _LARGE or 2 * sizes[by_size[0]] > sum(sizes.values())
    shares = [by_size] if alone else [by_size[::2], by_size[1::2]]
    with ThreadPoolExecutor(len(shares)) as readers:
        read = [readers.submit(_share, package.name, data, [(n, found[n].title) for n in share]) for share in shares]
        return {name: cells for share in read for name, cells in share.result().items()}


def _share(name: str, data: bytes, titles: Sequence[tuple[str, str]]) -> dict[str, list[list[Cell]]]:
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        return {
            # Any: a list of lists is not a list of wider lists to a type checker, and copying would cost.
            key: cast(Any, book.get_sheet_by_name(title).to_python(skip_empty_area=False))
            for key, title in titles
        }
    except (python_calamine.CalamineError, ValueError, OSError) as error:
        raise complaint("damaged", name=name) from error


def _marked(rows: list[list[Cell]], marks: scan.Marks) -> list[list[Cell]]:
    for (row, column), mark in marks.items():
        rows.extend([] for _ in range(row + 1 - len(rows)))
        rows[row].extend([""] * (column + 1 - len(rows[row])))
        rows[row][column] = mark
    return rows


def _rewrite(package: Package, changes: Sequence[Change]) -> None:
    found = tabs.held(package, [change.table for change in changes])
    for change in changes:
        tab = found.get(change.table.name)
        if tab is None:
            tabs.add(package, change.table, {}, change.rows)
            continue
        old = package.read(tab.part)
        if amend.has_formulas(old):
            opc.drop_calculation_chain(package)
        written = sheet.data(package, change.table, change.rows).encode()
        package.put(tab.part, sheet.replaced(old, written, len(change.table.typed)))
    mine = {tab.part for tab in found.values()}
    if any(tab.is_grid and tab.part not in mine and _computes(package, tab) for tab in opc.tabs(package)):
        opc.ask_for_calculation(package)


def _computes(package: Package, tab: Tab) -> bool:
    """True when the tab has a formula, which may rest on what was just written."""
    return scan.glance(package.chunks(tab.part)).formulas


def _seed(
    package: Package,
    raw: Mapping[str, RawTable],
    chosen: Sequence[Table],
    rows_by_table: Mapping[str, Sequence[Sequence[Cell]]],
    tables: Sequence[Table],
) -> None:
    found = tabs.held(package, tables)
    placed = {table.name: places.home(table, found[table.name].title) for table in tables if table.name in found}
    for table in chosen:
        tab = found.get(table.name)
        if tab is None:
            raise complaint("no_tab", name=package.name, title=table.title)
        header, *rows = raw[table.name].rows or [[]]
        typed = any(cell not in ("", None) for row in rows for cell in row[: len(table.typed)])
        if list(header) != [column.header for column in table.columns] or typed:
            raise complaint("seeded", title=tab.title)
        values = rows_by_table[table.name]
        written = sheet.member_data(package, table, values, placed, title=tab.title).encode()
        package.put(tab.part, sheet.replaced(package.read(tab.part), written, len(table.columns)))

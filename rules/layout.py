"""Where a table's columns stand in a tab that people made: header row, column positions, folded names.

Source: table contract, "Headers match after removing white space, line breaks, `*` and width differences; the header
row is the first of the top 10 rows that holds all required headers."
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rules.schema import Column, Table
from rules.values import Cell, RawTable

HEADER_ROWS = 10
_NOT_IN_A_NAME = re.compile(r"[\s*＊]+")


def header_name(cell: Cell) -> str:
    """A header or tab name as it is compared: no white space, stars or width differences, lower case."""
    return _NOT_IN_A_NAME.sub("", unicodedata.normalize("NFKC", str(cell))).casefold() if cell else ""


def table_named(title: str, tables: Sequence[Table]) -> Table | None:
    """The table that a tab called *title* holds, by the table's title or English name; None for any other tab."""
    wanted = header_name(title)
    return next((t for t in tables if wanted in (header_name(t.title), header_name(t.name))), None)


@dataclass(frozen=True, slots=True)
class Layout:
    """header_row: index into the rows of the tab. columns: field -> column index; absent fields are missing here."""

    header_row: int
    columns: Mapping[str, int]
    twice: tuple[str, ...] = ()  # fields whose header stands in more than one column: the first one counts

    def header(self, raw: RawTable, field: str) -> str:
        """The header of *field* as people wrote it, on one line."""
        return " ".join(str(raw.rows[self.header_row][self.columns[field]]).split())


@dataclass(frozen=True, slots=True)
class MissingHeader:
    """A required column that no header row holds, and the header that looks most like it ("" when none does)."""

    column: Column
    closest: str


def locate(raw: RawTable, table: Table, *needed: str) -> Layout | MissingHeader:
    """Where the columns of *table* stand in *raw*: the first of the top 10 rows that holds all required headers.

    needed: fields that must be there besides the required ones. When no row holds all: the first that is missing from
    the row that holds most of them.
    """
    wanted = [c for c in table.typed if c.required or c.field in needed]
    best: Layout = Layout(0, {})
    for index, row in enumerate(raw.rows[:HEADER_ROWS]):
        layout = _read_headers(index, row, table)
        if all(c.field in layout.columns for c in wanted):
            return layout
        if len(layout.columns) > len(best.columns):
            best = layout
    missing = next(c for c in wanted if c.field not in best.columns)
    return MissingHeader(missing, _closest(missing.header, raw, best))


def nearest(raw: RawTable, table: Table) -> Layout:
    """The header row of *raw*, or the row most like one when a required header is missing."""
    layout = locate(raw, table)
    if isinstance(layout, Layout):
        return layout
    rows = (_read_headers(index, row, table) for index, row in enumerate(raw.rows[:HEADER_ROWS]))
    return max(rows, key=lambda found: len(found.columns), default=Layout(0, {}))


def extended(raw: RawTable, table: Table) -> Layout:
    """Where every column of *table* stands, those that *raw* lacks at its right end, where nothing is."""
    layout = nearest(raw, table)
    end = max((len(row) - _blank_end(row) for row in raw.rows), default=0)
    missing = (column.field for column in table.columns if column.field not in layout.columns)
    return replace(layout, columns={**layout.columns, **{field: end + i for i, field in enumerate(missing)}})


def _blank_end(row: Sequence[Cell]) -> int:
    return next((i for i, cell in enumerate(reversed(row)) if cell not in ("", None)), len(row))


def _read_headers(index: int, row: Sequence[Cell], table: Table) -> Layout:
    names = {header_name(n): c.field for c in table.columns for n in (c.field, c.header)}
    columns: dict[str, int] = {}
    twice = []
    for position, cell in enumerate(row):
        field = names.get(header_name(cell)) if isinstance(cell, str) else None
        if field is not None and field in columns:
            twice.append(field)
        elif field is not None:
            columns[field] = position
    return Layout(index, columns, tuple(twice))


def _closest(header: str, raw: RawTable, best: Layout) -> str:
    taken = set(best.columns.values())
    row = raw.rows[best.header_row] if raw.rows else ()
    free = {header_name(c): " ".join(str(c).split()) for i, c in enumerate(row) if c and i not in taken}
    near = difflib.get_close_matches(header_name(header), list(free), n=1, cutoff=0.3)
    return free[near[0]] if near else ""

"""A whole column of cells read at once: each distinct cell is read once, the rest is array work.

A sheet of 20,000 loans holds few distinct dates, centers, parts and quantities, so reading costs little more than
looking each cell up (bench/read.py).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from itertools import compress
from types import NoneType
from typing import Any

import numpy as np
import numpy.typing as npt

from rules.cells import WARNED, Reading, read, read_day, shown
from rules.layout import Layout
from rules.schema import Column, Kind, Table
from rules.values import Cell, RawTable, UncachedCell

Array = npt.NDArray[Any]

_DTYPES: Mapping[Kind, tuple[str, object]] = {
    Kind.COUNT: ("int64", 0),
    Kind.POINTS: ("int64", 0),
    Kind.NUMBER: ("float64", float("nan")),
    Kind.DATE: ("datetime64[s]", "NaT"),
    Kind.MOMENT: ("datetime64[s]", "NaT"),
    Kind.FLAG: ("bool", False),
    Kind.MONEY: ("object", None),
    Kind.LIST: ("object", ()),
}
_TEXT: tuple[str, object] = ("object", "")
_VERBATIM = (Kind.KEY, Kind.TEXT)


class Uncached(ValueError):
    """A used column holds a formula without a stored result, at this address."""

    def __init__(self, column: Column, address: str) -> None:
        super().__init__(column.field, address)
        self.column, self.address = column, address


@dataclass(frozen=True, slots=True)
class ColumnRead:
    """array: one value per row, a filler where blank (nothing usable stands there). flaws: row position -> reading."""

    array: Array
    blank: npt.NDArray[np.bool_]
    flaws: Mapping[int, Reading]


@dataclass(frozen=True, slots=True)
class Body:
    """The rows under a header that are not blank: their numbers in the sheet, raw cells and readings by field."""

    numbers: npt.NDArray[np.int64]
    cells: Mapping[str, Sequence[Cell]]
    columns: Mapping[str, ColumnRead]


def read_body(raw: RawTable, layout: Layout, table: Table, zone: tzinfo) -> Body:
    """The known columns of all rows that are not blank, absent columns as blank ones.

    Raises Uncached when a formula's result is not stored.
    """
    rows = raw.rows[layout.header_row + 1 :]
    across = _across(rows, max(layout.columns.values()) + 1)
    places = {column.field: layout.columns.get(column.field) for column in table.typed}
    absent: Sequence[Cell] = (None,) * len(rows)
    cells = {name: absent if at is None or not across else across[at] for name, at in places.items()}
    columns = {column.field: read_column(cells[column.field], column, zone) for column in table.typed}
    filled = np.zeros(len(rows), dtype=bool)
    for name, column in columns.items():
        # Tick boxes may stand in every row of a sheet: one that is not ticked makes no row.
        filled |= column.array if table[name].kind is Kind.FLAG else ~column.blank
        filled[list(column.flaws)] = True
    numbers = np.flatnonzero(filled) + layout.header_row + 2
    if filled.all():
        return Body(numbers, cells, columns)
    kept = {name: list(compress(raw_cells, filled)) for name, raw_cells in cells.items()}
    return Body(numbers, kept, {name: _only(column, filled) for name, column in columns.items()})


def _across(rows: Sequence[Sequence[Cell]], width: int) -> Sequence[Sequence[Cell]]:
    """The columns of *rows*, short rows filled up to *width*."""
    if any(len(row) < width for row in rows):
        rows = [(*row, *[None] * width) for row in rows]
    return list(zip(*rows, strict=False))


def _only(column: ColumnRead, filled: npt.NDArray[np.bool_]) -> ColumnRead:
    place = {int(old): new for new, old in enumerate(np.flatnonzero(filled))}
    return ColumnRead(column.array[filled], column.blank[filled], {place[i]: f for i, f in column.flaws.items()})


def read_column(cells: Sequence[Cell], column: Column, zone: tzinfo) -> ColumnRead:
    """What the *cells* of *column* say.

    Raises Uncached when a formula's result is not stored.
    """
    types = set(map(type, cells))
    if UncachedCell in types:
        raise Uncached(column, next(str(cell) for cell in cells if isinstance(cell, UncachedCell)))
    if types <= {str, NoneType} and not any(cells):
        return _blank_column(len(cells), column)
    if bool in types:  # True == 1.0 would be looked up as the number
        cells = [shown(cell) if isinstance(cell, bool) else cell for cell in cells]
    if types == {str} and column.kind in _VERBATIM and _nothing_to_fold(cells):
        values = np.array(cells, dtype=object)
        return ColumnRead(values, values == "", {})
    return _read_distinct(cells, column, zone)


def _blank_column(rows: int, column: Column) -> ColumnRead:
    dtype, filler = _DTYPES.get(column.kind, _TEXT)
    array = np.empty(rows, dtype=dtype)
    array.fill(filler)
    return ColumnRead(array, np.ones(rows, dtype=bool), {})


def _nothing_to_fold(cells: Sequence[Any]) -> bool:
    """True when every cell of an all-text column can stand as typed: one look at the joined text, not at each cell."""
    text = "".join(cells)
    plain = text.isprintable() and (text.isascii() or unicodedata.is_normalized("NFKC", text)) and "#" not in text
    if not plain or " " not in text:  # printable: the only white space in it is the plain blank
        return plain
    edges = "\n".join(cells)
    return not any(odd in f"\n{edges}\n" for odd in ("  ", " \n", "\n "))


class _Codes(dict[Cell, int]):
    """Distinct cells numbered as they come."""

    def __missing__(self, cell: Cell) -> int:
        self[cell] = code = len(self)
        return code


def _read_distinct(cells: Sequence[Cell], column: Column, zone: tzinfo) -> ColumnRead:
    index = _Codes()
    codes = np.fromiter(map(index.__getitem__, cells), dtype=np.int64, count=len(cells))
    a_day = column.kind is Kind.DATE
    readings = [read_day(cell, zone) if a_day else read(cell, column, zone) for cell in index]
    dtype, filler = _DTYPES.get(column.kind, _TEXT)
    distinct = np.empty(len(readings), dtype=dtype)
    for i, reading in enumerate(readings):  # assigned one by one: a tuple must stay one value
        distinct[i] = filler if reading.value is None else reading.value
    blank = np.array([reading.value is None for reading in readings], dtype=bool)
    flawed = np.array([bool(reading.code) for reading in readings], dtype=bool)
    flaws = {int(i): readings[codes[i]] for i in np.flatnonzero(flawed[codes])} if flawed.any() else {}
    return ColumnRead(distinct[codes], blank[codes], flaws)


def usable(reading: Reading) -> bool:
    """True when a flawed reading has a value all the same (it is only warned about)."""
    return reading.code in WARNED

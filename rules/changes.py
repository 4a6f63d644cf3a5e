"""What a worker tab holds vs what it should hold -> the least change.

Cells are compared as typed values, never as text: a backend may read 2 as 2.0 and a blank as "".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal

from rules.layout import header_name
from rules.schema import Column, Kind, Table
from rules.values import Cell, Change, RawTable, Row, counted, paired


def change(table: Table, before: RawTable | None, rows: Sequence[Row]) -> Change | None:
    """The change that makes the tab hold *rows*; None when it holds them already."""
    now = body(table, before)
    if before is not None and _same_headers(table, before) and _same(table, now, rows):
        return None
    key = [table.fields.index(field) for field in table.key]
    counts, cells = counted(canonical(table, now), canonical(table, rows), key)
    return Change(table, rows, counts, cells)


def _same(table: Table, now: Sequence[Row], rows: Sequence[Row]) -> bool:
    """True when every column holds what it should; only a column that looks different is looked at cell by cell."""
    if len(now) != len(rows) or not rows:
        return len(now) == len(rows)
    columns = zip(table.typed, zip(*now, strict=True), zip(*rows, strict=True), strict=True)
    return all(was == wanted or _formed(column, was) == _formed(column, wanted) for column, was, wanted in columns)


def body(table: Table, raw: RawTable | None) -> list[Row]:
    """The rows under the header of a worker tab, as wide as the table, in its order; trailing blank rows left out.

    A tab whose header row is not the table's own holds nothing that can be compared.
    """
    if raw is None or not _same_headers(table, raw):
        return []
    width = len(table.fields)
    rows = [tuple((*row, *[None] * width)[:width]) for row in raw.rows[1:]]
    while rows and not any(cell not in (None, "") for cell in rows[-1]):
        rows.pop()
    return rows


def _same_headers(table: Table, raw: RawTable) -> bool:
    wanted = [header_name(column.header) for column in table.typed]
    return bool(raw.rows) and [header_name(cell) for cell in raw.rows[0][: len(wanted)]] == wanted


def canonical(table: Table, rows: Sequence[Row]) -> list[Row]:
    """The rows with every cell in the one form its kind is compared in."""
    across = zip(*rows, strict=True)
    return list(zip(*(_formed(c, cells) for c, cells in zip(table.typed, across, strict=False)), strict=True))


def _formed(column: Column, cells: Sequence[Cell]) -> list[Cell]:
    form = _FORMS.get(column.kind)
    if form is None:
        return [None if cell == "" else cell for cell in cells]
    return [None if cell is None or cell == "" else form(cell) for cell in cells]


def _number(cell: Cell) -> Cell:
    return float(cell) if isinstance(cell, Decimal) else cell


def _day(cell: Cell) -> Cell:
    return cell.date() if isinstance(cell, datetime) else cell


def _moment(cell: Cell) -> Cell:
    return datetime.combine(cell, time()) if isinstance(cell, date) and not isinstance(cell, datetime) else cell


_FORMS: Mapping[Kind, Callable[[Cell], Cell]] = {
    Kind.MONEY: _number,
    Kind.NUMBER: _number,
    Kind.DATE: _day,
    Kind.MOMENT: _moment,
}


def differences(wanted: Change, before: RawTable | None) -> Iterator[tuple[str, str, Cell, Cell]]:
    """Every cell that *wanted* would change: (row key, field, before, after). A new or gone row is all its cells."""
    table = wanted.table
    key = [table.fields.index(field) for field in table.key]
    now, after = (paired(canonical(table, rows), key) for rows in (body(table, before), wanted.rows))
    for ident in dict.fromkeys((*now, *after)):
        blank: Row = (None,) * len(table.fields)
        old, new = now.get(ident, blank), after.get(ident, blank)
        name = " · ".join(str(cell) for cell in ident[:-1] if cell not in (None, ""))
        yield from ((name, f, a, b) for f, a, b in zip(table.fields, old, new, strict=True) if a != b)

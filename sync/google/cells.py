"""Cells to and from Google: typed values, never parsed.

A text goes out as `stringValue`, which no `=` can make a formula. Days come and go as serial numbers, days since
1899-12-30 of wall time; whether a number is a day only its column tells.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from rules.schema import Column, Kind, Table
from rules.values import Cell
from sync.backends.texts import fitting

MOST_CHARACTERS = 50_000  # what Google holds in one cell
_DAY_0 = datetime(1899, 12, 30)  # noqa: DTZ001 - a sheet's days have no zone
_DAYS = range(1, 2_958_466)  # to 9999-12-31

CellData = dict[str, Any]
"""One cell as the Sheets API writes it."""


def typed(table: Table, rows: Sequence[Sequence[Cell]]) -> list[list[Cell]]:
    """The rows of a worker's tab, its days as days."""
    dated = [(i, c.kind is Kind.DATE) for i, c in enumerate(table.typed) if c.kind in (Kind.DATE, Kind.MOMENT)]
    found = [list(row) for row in rows]
    for row in found[1:]:
        for i, a_day in dated:
            if i < len(row):
                row[i] = _day(row[i], a_day=a_day)
    return found


def _day(cell: Cell, *, a_day: bool) -> Cell:
    if isinstance(cell, bool) or not isinstance(cell, int | float) or int(cell) not in _DAYS:
        return cell
    moment = _DAY_0 + timedelta(seconds=round(cell * 86_400))
    return moment.date() if a_day and moment.time() == time() else moment


def written(cell: Cell, column: Column | None = None) -> CellData:
    """*cell* as the API takes it; an empty mapping clears the cell. column None: a text."""
    if cell is None or cell == "" or cell != cell:  # noqa: PLR0124 - NaN and NaT are blank
        return {}
    if column is None or column.is_text or isinstance(cell, str):
        return {"userEnteredValue": {"stringValue": fitting(str(cell), MOST_CHARACTERS)}}
    kind, value = next((kind, form(cell)) for type_, kind, form in _FORMS if isinstance(cell, type_))
    return {"userEnteredValue": {kind: value}} if not isinstance(value, float) or math.isfinite(value) else {}


def _serial(value: datetime) -> float:
    return (value.replace(tzinfo=None) - _DAY_0) / timedelta(days=1)


# A bool is an int, and a datetime a date: the narrower stands first.
_FORMS: Sequence[tuple[type, str, Callable[..., Any]]] = (
    (bool, "boolValue", bool),
    (int, "numberValue", int),
    (datetime, "numberValue", _serial),
    (date, "numberValue", lambda day: (day - _DAY_0.date()).days),
    (Decimal, "numberValue", float),
    (object, "numberValue", float),  # floats, and numpy's numbers
)

FORMATS: Mapping[Kind, CellData] = {
    Kind.KEY: {"numberFormat": {"type": "TEXT"}},
    Kind.LIST: {"numberFormat": {"type": "TEXT"}},
    Kind.NOTE: {"wrapStrategy": "WRAP"},
    Kind.MONEY: {"numberFormat": {"type": "NUMBER", "pattern": "#,##0.00"}},
    Kind.DATE: {"numberFormat": {"type": "DATE", "pattern": "yyyy-mm-dd"}},
    Kind.MOMENT: {"numberFormat": {"type": "DATE_TIME", "pattern": "yyyy-mm-dd hh:mm"}},
}
"""How cells of a kind look, where they do not look plain."""

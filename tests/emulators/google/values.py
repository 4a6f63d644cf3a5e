"""The values endpoints: rectangles of plain values, read and written."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.emulators.google.book import Book, Cell, Json, Row, Seen, Sight
from tests.emulators.google.formulas import Formula
from tests.emulators.google.ranges import Area, Shift, letters, located
from tests.emulators.google.refusals import Refused, Unemulated, known, wrong_type
from tests.emulators.google.typed import ErrorValue, Value, entered, is_day, shown

Render = Callable[[Sight, int, int], Any]


def _plainly(value: Seen) -> Any:
    return value.text if isinstance(value, ErrorValue) else "" if value is None else value


def _unformatted(sight: Sight, row: int, column: int) -> Any:
    return _plainly(sight.at(row, column))


def _days_as_text(sight: Sight, row: int, column: int) -> Any:
    form = sight.tab.cell(row, column).form
    return _formatted(sight, row, column) if is_day(form) else _unformatted(sight, row, column)


def _formatted(sight: Sight, row: int, column: int) -> str:
    value = sight.at(row, column)
    return value if isinstance(value, str) else shown(value, sight.tab.cell(row, column).form)  # type: ignore[arg-type]


def renderer(book: Book, option: str, days: str) -> Render:
    """How a cell's value is put into an answer."""

    def formula(sight: Sight, row: int, column: int) -> Any:
        found = sight.tab.cell(row, column).formula
        return found.text(book.titles) if found else _unformatted(sight, row, column)

    unformatted = _days_as_text if days == "FORMATTED_STRING" else _unformatted
    table = {"": _formatted, "FORMATTED_VALUE": _formatted, "UNFORMATTED_VALUE": unformatted, "FORMULA": formula}
    if option not in table or days not in ("", "SERIAL_NUMBER", "FORMATTED_STRING"):
        raise Unemulated(f"render options {option} {days}")
    return table[option]


def rows_of(book: Book, area: Area, render: Render) -> list[list[Any]]:
    """The values of an area: no empty cells at the end of a row, no empty rows at the end."""
    sight = book.sight(area.sheet)
    left, right = area.left or 0, area.right or 0
    rows: list[list[Any]] = []
    for row in range(area.top or 0, min(area.bottom or 0, sight.height)):
        columns = sight.columns(row)
        if not columns:
            rows.append([])
            continue
        last = max((column for column in columns if column < right), default=left - 1)
        rows.append([render(sight, row, at) if at in columns else "" for at in range(left, last + 1)])
    while rows and not rows[-1]:
        rows.pop()
    return rows


def _turned(rows: list[list[Any]], blank: Any) -> list[list[Any]]:
    """Rows as columns, each without the blanks at its end."""
    width = max(map(len, rows), default=0)
    columns = [[row[at] if at < len(row) else blank for row in rows] for at in range(width)]
    for column in columns:
        while column and column[-1] == blank:
            column.pop()
    return columns


def value_range(book: Book, area: Area, render: Render, major: str = "ROWS") -> Json:
    """A ValueRange; without `values` when there are none."""
    rows = rows_of(book, area, render)
    values = _turned(rows, "") if major == "COLUMNS" else rows
    answer = {"range": book.name(area), "majorDimension": major or "ROWS"}
    return answer | ({"values": values} if values else {})


class Writing:
    """Writes of values by one user into a working copy."""

    def __init__(self, book: Book, user: str, option: str) -> None:
        if option not in ("RAW", "USER_ENTERED"):
            raise Refused("'valueInputOption' is required but not specified")
        self.book, self.user, self._typing = book, user, option == "USER_ENTERED"
        self._written: set[tuple[int, int, int]] = set()

    def cell(self, sheet: int, old: Cell, value: Any) -> Cell:
        """*old* with *value* written or typed into it."""
        form = old.form
        if self._typing and isinstance(value, str) and (form or {}).get("numberFormat", {}).get("type") != "TEXT":
            value, number_format = self._typed(sheet, value)
            form = (form or {}) | {"numberFormat": number_format} if number_format else form
        if not isinstance(value, str | int | float | bool | Formula):
            raise Unemulated(f"a cell value of the type {type(value).__name__}")
        content, formula = self.book.content(value)
        return replace(old, value=content, formula=formula, form=form)

    def _typed(self, sheet: int, text: str) -> tuple[Value | Formula, Json | None]:
        if text.startswith("=") and len(text) > 1:
            return self.book.formula(text, sheet), None
        return entered(text, self.book.locale)

    def put(self, sheet: int, top: int, left: int, rows: list[list[Any]]) -> Json:
        """The rows stand there; null leaves a cell as it is. The counts of what was written."""
        width = max(map(len, rows), default=0)
        area = Area(sheet, top, top + max(len(rows), 1), left, left + max(width, 1))
        self.book.guard(self.user, area)
        tab = self.book.edit(sheet)
        written: set[tuple[int, int]] = set()
        for at, values in enumerate(rows, top):
            cells: Row = {}
            for column, value in enumerate(values, left):
                if value is not None:
                    cells[column] = self.cell(sheet, tab.cell(at, column), value)
            if cells:
                tab.put(at, cells)
                written |= {(at, column) for column in cells}
        self._written |= {(sheet, at, column) for at, column in written}
        counts = {
            "updatedRows": len({at for at, _ in written}),
            "updatedColumns": len({column for _, column in written}),
            "updatedCells": len(written),
        }
        answer = {"spreadsheetId": self.book.id, "updatedRange": self.book.name(area)}
        return answer | {name: count for name, count in counts.items() if count}

    def update(self, text: str, body: Json) -> tuple[Json, Area]:
        """Writes a ValueRange at the range *text*. Raises Refused when it does not fit."""
        rows = given_rows(body)
        area = self.book.area(text)
        tab, top, left = self.book.tab(area.sheet), area.top or 0, area.left or 0
        asked = located(text, self.book.ids.items(), self.book.named)
        one = asked.bottom == top + 1 and asked.right == left + 1
        bottom, right = (tab.row_count, tab.column_count) if one else (area.bottom or 0, area.right or 0)
        if len(rows) > bottom - top:
            raise Refused(f"Requested writing within range [{text}], but tried writing to row [{bottom + 1}]")
        if max(map(len, rows), default=0) > right - left:
            column = letters(right)
            raise Refused(f"Requested writing within range [{text}], but tried writing to column [{column}]")
        return self.put(area.sheet, top, left, rows), area

    def append(self, text: str, body: Json, *, insert: bool) -> Json:
        """Writes below the table found in the range *text*; the grid grows as needed."""
        rows, area = given_rows(body), self.book.area(text)
        table = table_in(self.book, area)
        top, left = (table.bottom or 0, table.left or 0) if table else (area.top or 0, area.left or 0)
        tab = self.book.tab(area.sheet)
        if insert and table and top < tab.row_count:
            self.book.shift(Shift(area.sheet, "ROWS", "insert", top, top + len(rows)))
            tab = self.book.tab(area.sheet)
        height, width = top + len(rows), left + max(map(len, rows), default=0)
        if height > tab.row_count or width > tab.column_count:
            self.book.edit(area.sheet).resize(max(height, tab.row_count), max(width, tab.column_count))
            self.book.check_size()
        answer = {"spreadsheetId": self.book.id}
        answer |= {"tableRange": self.book.name(table)} if table else {}
        return answer | {"updates": self.put(area.sheet, top, left, rows)}

    @property
    def totals(self) -> Json:
        """How many rows, columns, cells and tabs were written; a row written twice counts once."""
        counts = {
            "totalUpdatedRows": len({(sheet, row) for sheet, row, _ in self._written}),
            "totalUpdatedColumns": len({(sheet, column) for sheet, _, column in self._written}),
            "totalUpdatedCells": len(self._written),
            "totalUpdatedSheets": len({sheet for sheet, _, _ in self._written}),
        }
        return {name: count for name, count in counts.items() if count}

    def clear(self, area: Area) -> str:
        """No cell of the area has a value; the name of the area."""
        self.book.guard(self.user, area)
        tab = self.book.edit(area.sheet)
        left, right = area.left or 0, area.right or 0
        for at in range(area.top or 0, min(area.bottom or 0, len(tab.rows))):
            filled = {c: cell for c, cell in tab.rows[at].items() if left <= c < right and cell.filled}
            if filled:
                tab.put(at, {c: replace(cell, value=None, formula=None) for c, cell in filled.items()})
        return self.book.name(area)


VALUE_RANGE = frozenset({"range", "majorDimension", "values"})


def given_rows(body: Json) -> list[list[Any]]:
    """The values of a ValueRange, as rows."""
    values = body.get("values") or []
    if not isinstance(values, list):
        raise wrong_type("data.values", "ListValue", json.dumps(values, ensure_ascii=False))
    for at, row in enumerate(values):
        if not isinstance(row, list):
            raise wrong_type(f"data.values[{at}]", "ListValue", json.dumps(row, ensure_ascii=False))
    known(body, VALUE_RANGE, "ValueRange")
    if body.get("majorDimension") != "COLUMNS":
        return values
    width = max(map(len, values), default=0)
    return [[column[at] if at < len(column) else None for column in values] for at in range(width)]


def table_in(book: Book, area: Area) -> Area | None:
    """The block of filled cells around the last filled cell of the area; None when the area is empty."""
    sight = book.sight(area.sheet)

    def filled(top: int, bottom: int, left: int, right: int) -> list[tuple[int, int]]:
        rows = range(max(top, 0), min(bottom, sight.height))
        return [(row, column) for row in rows for column in sight.columns(row) if left <= column < right]

    inside = filled(area.top or 0, area.bottom or 0, area.left or 0, area.right or 0)
    if not inside:
        return None
    row, column = max(inside)
    block = (row, row + 1, column, column + 1)
    while True:
        near = filled(block[0] - 1, block[1] + 1, block[2] - 1, block[3] + 1)
        rows, columns = [row for row, _ in near], [column for _, column in near]
        larger = (min(rows), max(rows) + 1, min(columns), max(columns) + 1)
        if larger == block:
            return Area(area.sheet, *block)
        block = larger

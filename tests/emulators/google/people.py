"""People at the sheet: edits by hand, made on the model itself, that obey protection as the web page does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tests.emulators.google.book import Book, Json, Tab
from tests.emulators.google.typed import DATE_FORMAT, ErrorValue, serial

Typed = str | int | float | bool | Decimal | date | None


def _cell(value: Typed, *, typing: bool = False) -> Json:
    """CellData that sets *value*. typing: text that starts with `=` is a formula, not text."""
    if value is None or value == "":
        return {}
    if isinstance(value, bool):
        return {"userEnteredValue": {"boolValue": value}}
    if isinstance(value, date):
        form = {"type": "DATE_TIME", "pattern": "yyyy-mm-dd hh:mm:ss"} if isinstance(value, datetime) else DATE_FORMAT
        return {"userEnteredValue": {"numberValue": serial(value)}, "userEnteredFormat": {"numberFormat": form}}
    if isinstance(value, int | float | Decimal):
        return {"userEnteredValue": {"numberValue": value if isinstance(value, int) else float(value)}}
    kind = "formulaValue" if typing and value.startswith("=") and len(value) > 1 else "stringValue"
    # An apostrophe before what is typed makes it text, and is no part of it.
    return {"userEnteredValue": {kind: value.removeprefix("'") if typing else value}}


@dataclass(frozen=True)
class Person:
    """Somebody with that e-mail at one spreadsheet. Rows and columns are counted from 1.

    Raises Refused for what the web page would refuse too.
    """

    email: str
    _book: Callable[[], Book]
    _change: Callable[[list[Json], str], list[Json]]

    def tab(self, title: str) -> Tab:
        return next(tab for tab in self._book().tabs if tab.title == title)

    def tabs(self) -> list[str]:
        return [tab.title for tab in self._book().tabs]

    def rows(self, title: str, *, spilled: bool = True) -> list[list[Any]]:
        """What the tab shows: text, numbers, bools; "" for an empty cell, without empty ends.

        Without *spilled*: what was typed, and the values of formulas, but not what they spill.
        """
        tab = self.tab(title)
        sight = self._book().sight(tab.id)
        rows: list[list[Any]] = []
        for row in range(sight.height):
            columns = [c for c in sight.columns(row) if spilled or tab.cell(row, c).filled]
            values = {column: sight.at(row, column) for column in columns}
            plain = {c: value.text if isinstance(value, ErrorValue) else value for c, value in values.items()}
            full = [column for column, value in plain.items() if value != ""]
            rows.append([plain.get(column, "") for column in range(max(full, default=-1) + 1)])
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def formula(self, title: str, row: int, column: int) -> str:
        """The formula of a cell as it reads now; "" for none."""
        formula = self.tab(title).cell(row - 1, column - 1).formula
        return formula.text(self._book().titles) if formula else ""

    def does(self, *requests: Json) -> list[Json]:
        """The replies to batchUpdate requests, all or none of them done."""
        return self._change(list(requests), self.email)

    def type(self, title: str, row: int, column: int, value: Typed) -> None:
        """Puts *value* into a cell; None empties it. A day brings its format along."""
        start = {"sheetId": self.tab(title).id, "rowIndex": row - 1, "columnIndex": column - 1}
        cell = _cell(value, typing=True)
        names = "userEnteredValue,userEnteredFormat.numberFormat" if "userEnteredFormat" in cell else "userEnteredValue"
        self.does({"updateCells": {"start": start, "rows": [{"values": [cell]}], "fields": names}})

    def _lines(self, title: str, dimension: str, first: int, count: int) -> Json:
        at = {"dimension": dimension, "startIndex": first - 1, "endIndex": first - 1 + count}
        return {"sheetId": self.tab(title).id} | at

    def insert_rows(self, title: str, at: int, count: int = 1) -> None:
        """Empty rows; the first of them is row *at*."""
        self.does({"insertDimension": {"range": self._lines(title, "ROWS", at, count)}})

    def insert_columns(self, title: str, at: int, count: int = 1) -> None:
        self.does({"insertDimension": {"range": self._lines(title, "COLUMNS", at, count)}})

    def delete_rows(self, title: str, at: int, count: int = 1) -> None:
        self.does({"deleteDimension": {"range": self._lines(title, "ROWS", at, count)}})

    def delete_columns(self, title: str, at: int, count: int = 1) -> None:
        self.does({"deleteDimension": {"range": self._lines(title, "COLUMNS", at, count)}})

    def move_column(self, title: str, column: int, to: int) -> None:
        """Column *column* becomes column *to*."""
        target = to if to > column else to - 1
        source = self._lines(title, "COLUMNS", column, 1)
        self.does({"moveDimension": {"source": source, "destinationIndex": target}})

    def sort(self, title: str, column: int, *, descending: bool = False, header_rows: int = 1) -> None:
        """Sorts the rows below the headers by what *column* shows."""
        order = "DESCENDING" if descending else "ASCENDING"
        spec = {"dimensionIndex": column - 1, "sortOrder": order}
        where = {"sheetId": self.tab(title).id, "startRowIndex": header_rows}
        self.does({"sortRange": {"range": where, "sortSpecs": [spec]}})

    def rename_tab(self, title: str, new: str) -> None:
        properties = {"sheetId": self.tab(title).id, "title": new}
        self.does({"updateSheetProperties": {"properties": properties, "fields": "title"}})

    def delete_tab(self, title: str) -> None:
        self.does({"deleteSheet": {"sheetId": self.tab(title).id}})

    def add_tab(self, title: str, rows: Sequence[Sequence[Typed]] = ()) -> None:
        self.does({"addSheet": {"properties": {"title": title}}})
        self.replace(title, rows)

    def replace(self, title: str, rows: Sequence[Sequence[Typed]]) -> None:
        """The tab holds exactly these rows; it is made if there is none, and grows as needed.

        Text stays text, whatever it starts with. Cells keep their format, but a day brings its own.
        """
        if title not in self.tabs():
            self.does({"addSheet": {"properties": {"title": title}}})
        tab = self.tab(title)
        size = {"rowCount": max(tab.row_count, len(rows)), "columnCount": max([tab.column_count, *map(len, rows)])}
        properties = {"sheetId": tab.id, "gridProperties": size}
        cells = [[_cell(value) for value in row] for row in rows]
        values = [
            {"values": [{k: v for k, v in cell.items() if k == "userEnteredValue"} for cell in row]} for row in cells
        ]
        self.does(
            {"updateSheetProperties": {"properties": properties, "fields": "gridProperties(rowCount,columnCount)"}},
            {"updateCells": {"range": {"sheetId": tab.id}, "rows": values, "fields": "userEnteredValue"}},
            *(
                {"updateCells": {"start": at, "rows": [{"values": [cell]}], "fields": "userEnteredFormat.numberFormat"}}
                for row, given in enumerate(cells)
                for column, cell in enumerate(given)
                if "userEnteredFormat" in cell
                for at in [{"sheetId": tab.id, "rowIndex": row, "columnIndex": column}]
            ),
        )

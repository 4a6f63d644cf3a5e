"""The answer to spreadsheets.get: only what the field mask names is made."""

from __future__ import annotations

from typing import Any

from tests.emulators.google.book import Book, Cell, Json, Seen, Sight, Tab
from tests.emulators.google.masks import ANY, Mask, masked, merged, parsed
from tests.emulators.google.ranges import COORDINATE, DIMENSION_RANGE, GRID_RANGE, Area, Dimension
from tests.emulators.google.typed import ErrorValue, shown


def _color(*parts: float) -> Json:
    return {name: part for name, part in zip(("red", "green", "blue"), parts, strict=True) if part}


WHITE = _color(1, 1, 1)
DEFAULT_FORMAT: Json = {
    "backgroundColor": WHITE,
    "padding": {"top": 2, "right": 3, "bottom": 2, "left": 3},
    "verticalAlignment": "BOTTOM",
    "wrapStrategy": "OVERFLOW_CELL",
    "textFormat": {
        "foregroundColor": {},
        "fontFamily": "arial,sans,sans-serif",
        "fontSize": 10,
        "bold": False,
        "italic": False,
        "strikethrough": False,
        "underline": False,
        "foregroundColorStyle": {"rgbColor": {}},
    },
    "backgroundColorStyle": {"rgbColor": WHITE},
}
_THEME = {
    "TEXT": _color(0, 0, 0),
    "BACKGROUND": WHITE,
    "ACCENT1": _color(0.25882354, 0.52156866, 0.95686275),
    "ACCENT2": _color(0.91764706, 0.2627451, 0.20784314),
    "ACCENT3": _color(0.9843137, 0.7372549, 0.015686275),
    "ACCENT4": _color(0.20392157, 0.65882355, 0.3254902),
    "ACCENT5": _color(1, 0.42745098, 0.003921569),
    "ACCENT6": _color(0.27450982, 0.7411765, 0.7764706),
    "LINK": _color(0.06666667, 0.33333334, 0.8),
}
THEME: Json = {
    "primaryFontFamily": "Arial",
    "themeColors": [{"colorType": kind, "color": {"rgbColor": color}} for kind, color in _THEME.items()],
}
PIXELS: dict[Dimension, int] = {"ROWS": 21, "COLUMNS": 100}

_METADATA: Mask = {"metadataId": {}, "metadataKey": {}, "metadataValue": {}, "location": ANY, "visibility": {}}
_LINES: Mask = {"pixelSize": {}, "hiddenByUser": {}, "developerMetadata": _METADATA}
_CELL: Mask = {
    "userEnteredValue": ANY,
    "effectiveValue": ANY,
    "formattedValue": {},
    "userEnteredFormat": ANY,
    "effectiveFormat": ANY,
    "note": {},
    "dataValidation": ANY,
}
_DATA: Mask = {
    "startRow": {},
    "startColumn": {},
    "rowData": {"values": _CELL},
    "rowMetadata": _LINES,
    "columnMetadata": _LINES,
}
_SHEET: Mask = {
    "properties": ANY,
    "data": _DATA,
    "merges": ANY,
    "protectedRanges": ANY,
    "conditionalFormats": ANY,
    "basicFilter": ANY,
    "charts": ANY,
    "rowGroups": ANY,
    "columnGroups": ANY,
    "developerMetadata": _METADATA,
}
SPREADSHEET: Mask = {
    "spreadsheetId": {},
    "properties": ANY,
    "sheets": _SHEET,
    "namedRanges": ANY,
    "spreadsheetUrl": {},
    "developerMetadata": _METADATA,
}


def answered(node: Any) -> Any:
    """*node* with its ranges as Google answers them: the tab whose id is 0 is not named."""
    if isinstance(node, list):
        return [answered(item) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get("sheetId") == 0 and any(node.keys() <= names for names in (GRID_RANGE, DIMENSION_RANGE, COORDINATE)):
        return {name: value for name, value in node.items() if name != "sheetId"}
    return {name: answered(value) for name, value in node.items()}


def properties(book: Book, tab: Tab) -> Json:
    """SheetProperties."""
    own = {"sheetId": tab.id, "title": tab.title, "index": book.tabs.index(tab), "sheetType": "GRID"}
    grid = {"rowCount": tab.row_count, "columnCount": tab.column_count}
    return own | {"gridProperties": grid | tab.grid} | tab.properties


class Reading:
    """One spreadsheets.get by one user. wanted: the mask; {} is everything. areas: what grid data to show."""

    def __init__(self, book: Book, user: str, wanted: Mask, areas: list[Area] | None, *, data: bool) -> None:
        self.book, self.user, self.wanted, self.areas = book, user, wanted, areas
        below = wanted.get("sheets")
        self._data = data or below == {} or "data" in (below or {})

    def answer(self) -> Json:
        book = self.book
        made = {
            "spreadsheetId": lambda: book.id,
            "properties": lambda: _spreadsheet_properties(book),
            "sheets": self._sheets,
            "namedRanges": lambda: [answered(one) for one in book.named],
            "spreadsheetUrl": lambda: f"https://docs.google.com/spreadsheets/d/{book.id}/edit",
            "developerMetadata": lambda: self._metadata("spreadsheet", lambda _where: True),
        }
        kept = {name: make() for name, make in made.items() if not self.wanted or name in self.wanted}
        whole = {name: value for name, value in kept.items() if value != [] or name == "sheets"}
        return masked(whole, _but_cells(self.wanted))

    def _metadata(self, name: str, wanted: Any) -> list[Json]:
        found = (one for one in self.book.metadata.values() if name in one["location"])
        return [answered(one) for one in found if wanted(one["location"][name])]

    def _sheets(self) -> list[Json]:
        shown_tabs = None if self.areas is None else {area.sheet for area in self.areas}
        return [self._sheet(tab) for tab in self.book.tabs if shown_tabs is None or tab.id in shown_tabs]

    def _sheet(self, tab: Tab) -> Json:
        wanted = self.wanted.get("sheets", {})
        made = {
            "properties": lambda: properties(self.book, tab),
            "merges": lambda: answered(tab.merges),
            "protectedRanges": lambda: [self._protection(one) for one in tab.protections],
            "conditionalFormats": lambda: answered(tab.conditions),
            "basicFilter": lambda: answered(tab.basic_filter or []),
            "charts": lambda: answered(tab.charts),
            "rowGroups": lambda: answered(tab.groups["ROWS"]),
            "columnGroups": lambda: answered(tab.groups["COLUMNS"]),
            "developerMetadata": lambda: self._metadata("sheetId", lambda sheet: sheet == tab.id),
            "data": lambda: self._grids(tab, wanted.get("data", {})) if self._data else [],
        }
        kept = {name: make() for name, make in made.items() if not wanted or name in wanted}
        return {name: value for name, value in kept.items() if value != []}

    def _protection(self, one: Json) -> Json:
        """A protected range as the user may see it."""
        may = self.user in (self.book.owner, *one.get("editors", {}).get("users", ())) or one.get("warningOnly")
        seen = answered(one) if may else answered({name: value for name, value in one.items() if name != "editors"})
        return seen | ({"requestingUserCanEdit": True} if may else {})

    def _grids(self, tab: Tab, wanted: Mask) -> list[Json]:
        whole = Area(tab.id, 0, tab.row_count, 0, tab.column_count)
        areas = [whole] if self.areas is None else [area for area in self.areas if area.sheet == tab.id]
        return [self._grid(tab, area, wanted) for area in areas]

    def _grid(self, tab: Tab, area: Area, wanted: Mask) -> Json:
        made = {
            "startRow": lambda: area.top,
            "startColumn": lambda: area.left,
            "rowData": lambda: self._row_data(area, wanted.get("rowData", {}).get("values", {})),
            "rowMetadata": lambda: self._lines(tab, "ROWS", area.top or 0, area.bottom or 0),
            "columnMetadata": lambda: self._lines(tab, "COLUMNS", area.left or 0, area.right or 0),
        }
        kept = {name: make() for name, make in made.items() if not wanted or name in wanted}
        return {name: value for name, value in kept.items() if value}

    def _lines(self, tab: Tab, dimension: Dimension, start: int, end: int) -> list[Json]:
        """DimensionProperties of those rows or columns."""
        sizes = tab.sizes[dimension]
        lines = [{"pixelSize": PIXELS[dimension]} | sizes.get(at, {}) for at in range(start, end)]
        for one in self.book.metadata.values():
            where = one["location"].get("dimensionRange")
            if where and where["sheetId"] == tab.id and where["dimension"] == dimension:
                for at in range(max(where["startIndex"], start), min(where["endIndex"], end)):
                    lines[at - start].setdefault("developerMetadata", []).append(answered(one))  # type: ignore[attr-defined]
        return lines

    def _row_data(self, area: Area, wanted: Mask) -> list[Json]:
        """RowData without what is empty at the end."""
        sight, cells = self.book.sight(area.sheet), CellReading(self.book, wanted)
        left, right = area.left or 0, area.right or 0
        rows: list[Json] = []
        for row in range(area.top or 0, min(area.bottom or 0, sight.height)):
            columns = sight.columns(row)
            columns.update(sight.tab.rows[row] if row < len(sight.tab.rows) else ())
            found = {at: seen for at in columns if left <= at < right and (seen := cells.seen(sight, row, at))}
            last = max(found, default=left - 1)
            values = [found.get(at, {}) for at in range(left, last + 1)]
            rows.append({"values": values} if values else {})
        while rows and not rows[-1]:
            rows.pop()
        return rows


def _but_cells(mask: Mask) -> Mask:
    """*mask* without what is below rowData: cells are many, and made as masked."""
    data = mask.get("sheets", {}).get("data", {})
    if not data.get("rowData"):
        return mask
    return mask | {"sheets": mask["sheets"] | {"data": data | {"rowData": {}}}}


class CellReading:
    """CellData under a mask."""

    def __init__(self, book: Book, wanted: Mask) -> None:
        self._titles = book.titles
        made = {
            "userEnteredValue": self._entered,
            "effectiveValue": lambda _cell, value: extended(value),
            "formattedValue": lambda cell, value: shown(value, cell.form),
            "userEnteredFormat": lambda cell, _value: cell.form,
            "effectiveFormat": self._effective_format,
            "note": lambda cell, _value: cell.note,
            "dataValidation": lambda cell, _value: cell.validation,
        }
        self._made = {name: make for name, make in made.items() if not wanted or name in wanted}
        self._below = {name: below for name, below in wanted.items() if below}
        self._needs_value = bool(self._made.keys() & {"effectiveValue", "formattedValue", "effectiveFormat"})

    def seen(self, sight: Sight, row: int, column: int) -> Json:
        cell = sight.tab.cell(row, column)
        value = sight.at(row, column) if self._needs_value else None
        seen = {name: made for name, make in self._made.items() if (made := make(cell, value))}
        if self._below:
            seen = {name: masked(made, self._below.get(name, {})) for name, made in seen.items()}
        return seen

    def _entered(self, cell: Cell, _value: Seen) -> Json | None:
        if cell.formula is not None:
            return {"formulaValue": cell.formula.text(self._titles)}
        return extended(cell.value)

    @staticmethod
    def _effective_format(cell: Cell, value: Seen) -> Json | None:
        if cell.form is None and value is None:
            return None
        return _laid_over(DEFAULT_FORMAT, cell.form or {}) | {"hyperlinkDisplayType": "PLAIN_TEXT"}


def _laid_over(old: Json, new: Json) -> Json:
    both = {name: _laid_over(old[name], value) for name, value in new.items() if isinstance(old.get(name), dict)}
    return merged(old, new | both, {name: {} for name in new})


def extended(value: Seen) -> Json | None:
    """An ExtendedValue; None for no value."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, ErrorValue):
        return {"errorValue": {"type": value.kind, "message": value.message}}
    return {"numberValue": value} if isinstance(value, int | float) else None


def _spreadsheet_properties(book: Book) -> Json:
    own = {"title": book.title, "locale": book.locale, "autoRecalc": book.auto_recalc, "timeZone": book.time_zone}
    return own | {"defaultFormat": DEFAULT_FORMAT, "spreadsheetTheme": THEME}


def spreadsheet(book: Book, user: str, fields: str | Mask, ranges: list[str], *, data: bool) -> Json:
    """The answer to spreadsheets.get."""
    areas = [book.area(text) for text in ranges] if ranges else None
    wanted = parsed(fields, SPREADSHEET, "fields") if isinstance(fields, str) and fields else fields or {}
    assert not isinstance(wanted, str)
    return Reading(book, user, wanted, areas, data=data).answer()

"""Requests about what stands in cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from tests.emulators.google.batch import Batch, Kind, colors, fields
from tests.emulators.google.book import EMPTY, Book, Cell, Json, Row, Seen, Tab
from tests.emulators.google.formulas import Formula
from tests.emulators.google.masks import ANY, Mask, merged
from tests.emulators.google.ranges import COORDINATE, GRID_RANGE, Area
from tests.emulators.google.refusals import Refused, Unemulated, known
from tests.emulators.google.shapes import FORMAT, check_format, check_rule
from tests.emulators.google.typed import Value, plain

CELL: Mask = {"userEnteredValue": ANY, "userEnteredFormat": FORMAT, "note": {}, "dataValidation": ANY}
_VALUES = {"stringValue": str, "numberValue": (int, float), "boolValue": bool, "formulaValue": str}


class Filling:
    """The cells of a request, put over old ones as its mask says. mask: {} is all of a cell."""

    def __init__(self, book: Book, sheet: int, mask: Mask) -> None:
        self._book, self._sheet = book, sheet
        self._mask = mask or {name: {} for name in CELL}

    def over(self, old: Cell, given: Json) -> Cell:
        known(given, set(CELL), "CellData")
        check_format(given.get("userEnteredFormat"))
        check_rule(given.get("dataValidation"))
        value, formula = old.value, old.formula
        if "userEnteredValue" in self._mask:
            value, formula = self._book.content(self._value(given.get("userEnteredValue")))
        form = old.form
        if "userEnteredFormat" in self._mask:
            form = self._form(form, given.get("userEnteredFormat"))
        note = (given.get("note") or "") if "note" in self._mask else old.note
        rule = given.get("dataValidation") if "dataValidation" in self._mask else old.validation
        return Cell(value, formula, form, note, rule)

    def _value(self, given: Json | None) -> Value | Formula:
        """The value that an ExtendedValue sets."""
        if not given:
            return None
        known(given, set(_VALUES), "ExtendedValue")
        ((kind, value),) = given.items()
        if not isinstance(value, _VALUES[kind]) or (kind == "numberValue" and isinstance(value, bool)):  # type: ignore[arg-type]
            raise Unemulated(f"{kind} {value!r}")
        if kind == "formulaValue" and not value.startswith("="):
            raise Unemulated(f"formulaValue {value!r}")
        if kind == "formulaValue":
            return self._book.formula(value, self._sheet)
        return plain(value) if kind == "numberValue" else value

    def _form(self, old: Json | None, given: Json | None) -> Json | None:
        mask = self._mask["userEnteredFormat"]
        for name in list(mask):
            if name.endswith("olor"):
                mask = mask | {name + "Style": {}}
        return merged(old or {}, colors(given or {}), mask) or None


def _rows(given: Json) -> list[list[Json]]:
    """The cells of a list of RowData."""
    rows = given.get("rows") or []
    for row in rows:
        known(row, {"values"}, "RowData")
    return [row.get("values") or [] for row in rows]


def update_cells(batch: Batch, given: Json) -> Json:
    known(given, {"rows", "fields", "start", "range"}, "updateCells")
    mask = fields(given, CELL, "updateCells.fields")
    rows = _rows(given)
    area = _target(batch, given, rows)
    if len(rows) > area.bottom - area.top:  # type: ignore[operator]
        row, last = area.bottom, (area.bottom or 0) - 1
        raise Refused(f"Attempting to write row: {row}, beyond the last requested row of: {last}")
    if max(map(len, rows), default=0) > area.right - area.left:  # type: ignore[operator]
        column, last = area.right, (area.right or 0) - 1
        raise Refused(f"Attempting to write column: {column}, beyond the last requested column of: {last}")
    _fill(batch, area, rows, mask, rest="range" in given)
    return {}


def _target(batch: Batch, given: Json, rows: list[list[Json]]) -> Area:
    """Where updateCells writes, within the grid."""
    if "range" in given:
        return batch.writable(given["range"])
    start = given.get("start") or {}
    known(start, COORDINATE, "GridCoordinate")
    sheet, top, left = (start.get(name) or 0 for name in ("sheetId", "rowIndex", "columnIndex"))
    corner = Area(sheet, top, top + 1, left, left + 1)
    tab = batch.book.tab(sheet)
    batch.book.within(corner)
    area = Area(sheet, top, top + max(len(rows), 1), left, left + max([1, *map(len, rows)]))
    batch.book.guard(batch.user, area)
    return replace(area, bottom=tab.row_count, right=tab.column_count)


def _fill(batch: Batch, area: Area, rows: list[list[Json]], mask: Mask, *, rest: bool) -> None:
    """The cells stand there; *rest*: what of the area they do not reach is emptied."""
    tab, filling = batch.book.edit(area.sheet), Filling(batch.book, area.sheet, mask)
    top, left, right = area.top or 0, area.left or 0, area.right or 0
    bottom = min(area.bottom or 0, len(tab.rows)) if rest else top
    for at in range(top, max(top + len(rows), bottom)):
        given = rows[at - top] if at - top < len(rows) else []
        cells: Row = {column: filling.over(tab.cell(at, column), data or {}) for column, data in enumerate(given, left)}
        if rest and at < len(tab.rows):
            reached = left + len(given)
            cells |= {c: filling.over(cell, {}) for c, cell in tab.rows[at].items() if reached <= c < right}
        if cells:
            tab.put(at, cells)


def _changed(tab: Tab, area: Area, change: Callable[[Cell], Cell]) -> Iterator[tuple[int, Row]]:
    """Each row of the area, by its number, with its cells changed. Most old cells are one and the same: that is once."""
    made: dict[int, tuple[Cell, Cell]] = {}  # the old one is kept, so that no other gets its id
    for at in range(area.top or 0, area.bottom or 0):
        old = {column: tab.cell(at, column) for column in range(area.left or 0, area.right or 0)}
        for cell in old.values():
            if id(cell) not in made:
                made[id(cell)] = cell, change(cell)
        yield at, {column: made[id(cell)][1] for column, cell in old.items()}


def repeat_cell(batch: Batch, given: Json) -> Json:
    known(given, {"range", "cell", "fields"}, "repeatCell")
    area = batch.writable(given["range"])
    mask = fields(given, CELL, "repeatCell.fields")
    data = given.get("cell") or {}
    formula = (data.get("userEnteredValue") or {}).get("formulaValue")
    tab, filling = batch.book.edit(area.sheet), Filling(batch.book, area.sheet, mask)
    top, left = area.top or 0, area.left or 0
    for at, cells in _changed(tab, area, lambda old: filling.over(old, data)):
        pasted = {c: _pasted(cell, area.sheet, at - top, c - left) for c, cell in cells.items()} if formula else cells
        tab.put(at, pasted)
    return {}


def append_cells(batch: Batch, given: Json) -> Json:
    """Below the last row of the tab that shows anything; what a formula spills counts, blank text too."""
    known(given, {"sheetId", "rows", "fields"}, "appendCells")
    sheet = given.get("sheetId") or 0
    mask, sight = fields(given, CELL, "appendCells.fields"), batch.book.sight(sheet)
    rows = _rows(given)
    top = next((row + 1 for row in reversed(range(sight.height)) if sight.columns(row)), 0)
    width = max([1, *map(len, rows)])
    batch.book.guard(batch.user, Area(sheet, top, top + max(len(rows), 1), 0, width))
    tab = batch.book.edit(sheet)
    tab.resize(max(tab.row_count, top + len(rows)), max(tab.column_count, width))
    batch.book.check_size()
    _fill(batch, Area(sheet, top, top + len(rows), 0, width), rows, mask, rest=False)
    return {}


def set_data_validation(batch: Batch, given: Json) -> Json:
    known(given, {"range", "rule", "filteredRowsIncluded"}, "setDataValidation")
    area, rule = batch.writable(given["range"]), given.get("rule")
    check_rule(rule)
    kept = rule and {name: value for name, value in rule.items() if value}
    tab = batch.book.edit(area.sheet)
    for at, cells in _changed(tab, area, lambda old: replace(old, validation=kept or None)):
        tab.put(at, cells)
    return {}


def _rank(value: Seen) -> tuple[int, Any]:
    """Numbers before texts before true and false before errors, as Google sorts."""
    if isinstance(value, bool):
        return 2, value
    if isinstance(value, int | float):
        return 0, value
    return (1, value.casefold()) if isinstance(value, str) else (3, 0)


def sort_range(batch: Batch, given: Json) -> Json:
    """Rows sorted by the values they show; blank ones last. Metadata of one row goes with it."""
    known(given, {"range", "sortSpecs"}, "sortRange")
    area = batch.writable(given["range"])
    sight = batch.book.sight(area.sheet)
    top = area.top or 0
    order = list(range(top, min(area.bottom or 0, sight.height)))
    for spec in reversed(given.get("sortSpecs") or []):
        known(spec, {"dimensionIndex", "sortOrder"}, "SortSpec")
        column = spec.get("dimensionIndex") or 0
        full = [row for row in order if sight.at(row, column) is not None]
        blank = [row for row in order if sight.at(row, column) is None]
        descending = spec.get("sortOrder") == "DESCENDING"
        order = sorted(full, key=lambda row: _rank(sight.at(row, column)), reverse=descending) + blank
    if order != sorted(order):
        _permute(batch, area, order)
    return {}


def _permute(batch: Batch, area: Area, order: list[int]) -> None:
    """The rows of the area come in that order."""
    tab, top, left, right = batch.book.edit(area.sheet), area.top or 0, area.left or 0, area.right or 0
    if any(top <= row < (area.bottom or 0) and left <= column < right for row, column in tab.formulas):
        raise Unemulated("sorting rows with formulas in them")
    old = [tab.rows[row] if row < len(tab.rows) else {} for row in range(top + len(order))]
    for at, source in enumerate(order, top):
        kept = {column: cell for column, cell in old[at].items() if not left <= column < right}
        moved = {column: cell for column, cell in old[source].items() if left <= column < right}
        while len(tab.rows) <= at:
            tab.rows.append({})
        tab.rows[at] = kept | moved
    now = {source: at for at, source in enumerate(order, top)}
    for id_, one in batch.book.metadata.items():
        lines = one["location"].get("dimensionRange")
        if not lines or lines["sheetId"] != area.sheet or lines["dimension"] != "ROWS":
            continue
        at = now.get(lines["startIndex"])
        if at is not None and lines["endIndex"] == lines["startIndex"] + 1:
            where = lines | {"startIndex": at, "endIndex": at + 1}
            batch.book.metadata[id_] = one | {"location": one["location"] | {"dimensionRange": where}}


def _pasted(cell: Cell, sheet: int, rows: int, columns: int) -> Cell:
    return replace(cell, formula=cell.formula.copied(sheet, rows, columns)) if cell.formula else cell


def copy_paste(batch: Batch, given: Json) -> Json:
    known(given, {"source", "destination", "pasteType", "pasteOrientation"}, "copyPaste")
    if (given.get("pasteType", "PASTE_NORMAL"), given.get("pasteOrientation", "NORMAL")) != ("PASTE_NORMAL", "NORMAL"):
        raise Unemulated("copyPaste other than normal")
    source, target = batch.book.within(Area.of(given["source"])), batch.writable(given["destination"])
    height, width = source.bottom - source.top, source.right - source.left  # type: ignore[operator]
    tab, origin = batch.book.edit(target.sheet), batch.book.tab(source.sheet).copied()
    for at in range(target.top or 0, max(target.bottom or 0, (target.top or 0) + height)):
        down = at - (target.top or 0)
        cells: Row = {}
        for column in range(target.left or 0, max(target.right or 0, (target.left or 0) + width)):
            along = column - (target.left or 0)
            row, from_ = (source.top or 0) + down % height, (source.left or 0) + along % width
            cells[column] = _pasted(origin.cell(row, from_), target.sheet, at - row, column - from_)
        tab.put(at, cells)
    return {}


def cut_paste(batch: Batch, given: Json) -> Json:
    known(given, {"source", "destination", "pasteType"}, "cutPaste")
    known(given["source"], GRID_RANGE, "GridRange")
    if given.get("pasteType", "PASTE_NORMAL") != "PASTE_NORMAL" or any(tab.formulas for tab in batch.book.tabs):
        raise Unemulated("cutPaste other than normal, or where there are formulas")
    source, to = batch.writable(given["source"]), given["destination"]
    old = batch.book.tab(source.sheet).copied()
    tab = batch.book.edit(source.sheet)
    for at in range(source.top or 0, source.bottom or 0):
        tab.put(at, dict.fromkeys(range(source.left or 0, source.right or 0), EMPTY))
    down, along = (to.get("rowIndex") or 0) - (source.top or 0), (to.get("columnIndex") or 0) - (source.left or 0)
    target = batch.book.edit(to.get("sheetId") or 0)
    for at in range(source.top or 0, source.bottom or 0):
        columns = range(source.left or 0, source.right or 0)
        target.put(at + down, {column + along: old.cell(at, column) for column in columns})
    batch.book.guard(batch.user, Area(target.id, (source.top or 0) + down, (source.bottom or 0) + down))
    return {}


KINDS: dict[str, Kind] = {
    "updateCells": update_cells,
    "repeatCell": repeat_cell,
    "appendCells": append_cells,
    "setDataValidation": set_data_validation,
    "sortRange": sort_range,
    "copyPaste": copy_paste,
    "cutPaste": cut_paste,
}

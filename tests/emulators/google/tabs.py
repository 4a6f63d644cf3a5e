"""Requests about whole tabs, and about their rows and columns."""

from __future__ import annotations

from tests.emulators.google.batch import Batch, Kind, colors, fields, lines
from tests.emulators.google.book import Json, Tab
from tests.emulators.google.masks import ANY, Mask, merged
from tests.emulators.google.ranges import Area, Shift
from tests.emulators.google.reading import PIXELS, answered, properties
from tests.emulators.google.refusals import PROTECTED, Refused, Unemulated, known

GRID: Mask = {
    "rowCount": {}, "columnCount": {}, "frozenRowCount": {}, "frozenColumnCount": {}, "hideGridlines": {},
    "rowGroupControlAfter": {}, "columnGroupControlAfter": {},
}  # fmt: skip
TAB: Mask = {
    "sheetId": {}, "title": {}, "index": {}, "sheetType": {}, "gridProperties": GRID, "hidden": {}, "rightToLeft": {},
    "tabColor": ANY, "tabColorStyle": ANY,
}  # fmt: skip
BOOK: Mask = {"title": {}, "locale": {}, "timeZone": {}, "autoRecalc": {}}
OWN = {"sheetId", "title", "index", "sheetType", "gridProperties"}


def _title(batch: Batch, title: str, tab: Tab | None = None) -> str:
    if any(other.title.casefold() == title.casefold() for other in batch.book.tabs if other is not tab):
        raise Refused(f'A sheet with the name "{title}" already exists. Please enter another name.')
    return title


def _free_title(batch: Batch) -> str:
    taken = set(batch.book.ids)
    return next(title for n in range(1, 10_000) if (title := f"Sheet{n}") not in taken)


def _grid(tab: Tab, given: Json, mask: Mask) -> None:
    """The GridProperties that *mask* names are as given; what is false or 0 is not kept."""
    whole = {"rowCount": tab.row_count, "columnCount": tab.column_count} | tab.grid
    new = {name: value for name, value in merged(whole, given, mask).items() if value}
    size = (new.pop("rowCount", tab.row_count), new.pop("columnCount", tab.column_count))
    for name, count, what in (("frozenRowCount", size[0], "rows"), ("frozenColumnCount", size[1], "columns")):
        if new.get(name, 0) >= count:
            raise Refused(f"You can't freeze all visible {what} on the sheet.")
    tab.grid = new
    if size != (tab.row_count, tab.column_count):
        tab.resize(*size)


def add_sheet(batch: Batch, given: Json) -> Json:
    known(given, {"properties"}, "addSheet")
    asked = colors(given.get("properties") or {})
    known(asked, set(TAB), "SheetProperties")
    known(asked.get("gridProperties", {}), set(GRID), "GridProperties")
    if asked.get("sheetType", "GRID") != "GRID":
        raise Unemulated(f"sheetType {asked['sheetType']}")
    id_ = batch.new_id() if asked.get("sheetId") is None else asked["sheetId"]
    if id_ in batch.book.titles:
        raise Refused(f"Sheet with id {id_} already exists.")
    grid = {"rowCount": 1000, "columnCount": 26} | asked.get("gridProperties", {})
    batch.book.check_size(grid["rowCount"] * grid["columnCount"])
    tab = Tab(id_, _title(batch, asked.get("title") or _free_title(batch)), grid["rowCount"], grid["columnCount"])
    _grid(tab, grid, {name: {} for name in grid})
    tab.properties = {name: value for name, value in asked.items() if name not in OWN and value}
    tabs = batch.book.tabs
    index = asked.get("index")
    tabs.insert(len(tabs) if index is None else min(index, len(tabs)), tab)
    batch.book.edit(id_)
    return {"addSheet": {"properties": properties(batch.book, tab)}}


def update_sheet_properties(batch: Batch, given: Json) -> Json:
    known(given, {"properties", "fields"}, "updateSheetProperties")
    new = colors(given.get("properties") or {})
    mask = fields(given, TAB, "SheetProperties") or {name: {} for name in new}
    if mask.keys() & {"tabColor", "tabColorStyle"}:
        mask = mask | {"tabColor": {}, "tabColorStyle": {}}
    sheet = new.get("sheetId") or 0
    tab = batch.book.edit(sheet)
    batch.guard_tab(sheet)
    if "title" in mask:
        tab.title = _title(batch, new["title"], tab)
    if "gridProperties" in mask:
        _grid(tab, new.get("gridProperties", {}), mask["gridProperties"])
        batch.book.check_size()
    if "index" in mask:
        _reorder(batch.book.tabs, tab, new.get("index", 0))
    rest = merged(tab.properties, new, {name: below for name, below in mask.items() if name not in OWN} or {"": {}})
    tab.properties = {name: value for name, value in rest.items() if value and value != {"rgbColor": {}}}
    if all(other.properties.get("hidden") for other in batch.book.tabs):
        raise Refused("You can't hide all the sheets in a document.")
    return {}


def _reorder(tabs: list[Tab], tab: Tab, index: int) -> None:
    """The index is the one before the move: to come right of the next tab, a tab asks for its own index + 2."""
    now = tabs.index(tab)
    tabs.remove(tab)
    tabs.insert(index - (index > now), tab)


def delete_sheet(batch: Batch, given: Json) -> Json:
    known(given, {"sheetId"}, "deleteSheet")
    tab = batch.book.edit(given.get("sheetId") or 0)
    if any(not batch.may_change(one) for one in tab.protections):
        raise Refused(PROTECTED)
    if len(batch.book.tabs) == 1:
        raise Refused("You can't remove all the sheets in a document.")
    batch.book.drop(tab)
    return {}


def update_spreadsheet_properties(batch: Batch, given: Json) -> Json:
    known(given, {"properties", "fields"}, "updateSpreadsheetProperties")
    names = {"title": "title", "locale": "locale", "timeZone": "time_zone", "autoRecalc": "auto_recalc"}
    for name in fields(given, BOOK, "SpreadsheetProperties") or BOOK:
        setattr(batch.book, names[name], given["properties"][name])
    return {}


def append_dimension(batch: Batch, given: Json) -> Json:
    known(given, {"sheetId", "dimension", "length"}, "appendDimension")
    sheet, length = given.get("sheetId") or 0, given["length"]
    tab, dimension, _, _ = lines(batch, {"sheetId": sheet, "dimension": given.get("dimension")}, "appendDimension")
    batch.guard_tab(sheet)
    batch.book.check_size(length * (tab.column_count if dimension == "ROWS" else tab.row_count))
    rows, columns = (length, 0) if dimension == "ROWS" else (0, length)
    batch.book.edit(sheet).resize(tab.row_count + rows, tab.column_count + columns)
    return {}


def insert_dimension(batch: Batch, given: Json) -> Json:
    known(given, {"range", "inheritFromBefore"}, "insertDimension")
    tab, dimension, start, end = lines(batch, given["range"], "insertDimension")
    if start > tab.lines(dimension):
        raise Refused(f"range.startIndex[{start}] is beyond the end of the sheet[{tab.lines(dimension)}]")
    batch.guard_tab(tab.id)
    if 0 < start < tab.lines(dimension):
        _guard_between(batch, tab, dimension == "ROWS", start)
    batch.book.check_size((end - start) * (tab.column_count if dimension == "ROWS" else tab.row_count))
    batch.book.shift(Shift(tab.id, dimension, "insert", start, end))
    return {}


def _guard_between(batch: Batch, tab: Tab, rows: bool, at: int) -> None:  # noqa: FBT001
    """Nobody opens up a protected range from within."""
    for one in tab.protections:
        area = Area.of(one["range"])
        low, high = (area.top, area.bottom) if rows else (area.left, area.right)
        if (low or 0) < at and (high is None or at < high) and not batch.may_change(one):
            raise Refused(PROTECTED)


def delete_dimension(batch: Batch, given: Json) -> Json:
    known(given, {"range"}, "deleteDimension")
    tab, dimension, start, end = lines(batch, given["range"], "deleteDimension")
    what, count = dimension[:-1].lower(), tab.lines(dimension)
    if end > count:
        raise Refused(
            f"Cannot delete a {what} that doesn't exist. Tried to delete {what} index {end - 1} but there are only "
            f"{count} {what}s."
        )
    if end - start >= count - tab.grid.get("frozenRowCount" if dimension == "ROWS" else "frozenColumnCount", 0):
        raise Refused(f"Sorry, it is not possible to delete all non-frozen {what}s.")
    rows = dimension == "ROWS"
    batch.book.guard(batch.user, Area(tab.id, start, end) if rows else Area(tab.id, None, None, start, end))
    batch.book.shift(Shift(tab.id, dimension, "delete", start, end))
    return {}


def move_dimension(batch: Batch, given: Json) -> Json:
    known(given, {"source", "destinationIndex"}, "moveDimension")
    tab, dimension, start, end = lines(batch, given["source"], "moveDimension")
    to = given.get("destinationIndex") or 0
    if not end <= to <= tab.lines(dimension) and not to <= start:
        raise Refused("destinationIndex is not outside of the source or beyond the sheet")
    rows = dimension == "ROWS"
    batch.book.guard(batch.user, Area(tab.id, start, end) if rows else Area(tab.id, None, None, start, end))
    batch.guard_tab(tab.id)
    if 0 < to < tab.lines(dimension):
        _guard_between(batch, tab, rows, to)
    batch.book.shift(Shift(tab.id, dimension, "move", start, end, to))
    return {}


def update_dimension_properties(batch: Batch, given: Json) -> Json:
    known(given, {"range", "properties", "fields"}, "updateDimensionProperties")
    tab, dimension, start, end = lines(batch, given["range"], "updateDimensionProperties")
    mask = fields(given, {"pixelSize": {}, "hiddenByUser": {}}, "DimensionProperties")
    batch.guard_tab(tab.id)
    tab = batch.book.edit(tab.id)
    new = dict(tab.sizes[dimension])
    for at in range(start, end):
        one = merged(new.get(at, {}), given.get("properties") or {}, mask)
        new[at] = {name: value for name, value in one.items() if value}
    tab.sizes = tab.sizes | {dimension: new}
    return {}


def auto_resize(batch: Batch, given: Json) -> Json:
    """Columns are as wide as their longest text. How wide a letter is depends on the font: here each is 8 pixels."""
    known(given, {"dimensions"}, "autoResizeDimensions")
    tab, dimension, start, end = lines(batch, given["dimensions"], "autoResizeDimensions")
    tab = batch.book.edit(tab.id)
    sizes = dict(tab.sizes[dimension])
    for at in range(start, end) if dimension == "COLUMNS" else ():
        longest = max((len(str(row[at].value)) for row in tab.rows if at in row), default=0)
        sizes[at] = sizes.get(at, {}) | {"pixelSize": longest * 8 + 7 if longest else PIXELS[dimension]}
    tab.sizes = tab.sizes | {dimension: sizes}
    return {}


def add_dimension_group(batch: Batch, given: Json) -> Json:
    known(given, {"range"}, "addDimensionGroup")
    tab, dimension, start, end = lines(batch, given["range"], "addDimensionGroup")
    tab = batch.book.edit(tab.id)
    if tab.groups[dimension]:
        raise Unemulated("a second dimension group")
    where = {"sheetId": tab.id, "dimension": dimension, "startIndex": start, "endIndex": end}
    tab.groups = tab.groups | {dimension: [{"range": where, "depth": 1}]}
    tab.grid = tab.grid | {"rowGroupControlAfter" if dimension == "ROWS" else "columnGroupControlAfter": True}
    return {"addDimensionGroup": {"dimensionGroups": answered(tab.groups[dimension])}}


def delete_dimension_group(batch: Batch, given: Json) -> Json:
    known(given, {"range"}, "deleteDimensionGroup")
    tab, dimension, start, end = lines(batch, given["range"], "deleteDimensionGroup")
    tab = batch.book.edit(tab.id)
    bounds = [(one["range"]["startIndex"], one["range"]["endIndex"]) for one in tab.groups[dimension]]
    if bounds != [(start, end)]:
        raise Unemulated("deleting part of a dimension group")
    tab.groups = tab.groups | {dimension: []}
    return {"deleteDimensionGroup": {}}


KINDS: dict[str, Kind] = {
    "addSheet": add_sheet,
    "updateSheetProperties": update_sheet_properties,
    "deleteSheet": delete_sheet,
    "updateSpreadsheetProperties": update_spreadsheet_properties,
    "appendDimension": append_dimension,
    "insertDimension": insert_dimension,
    "deleteDimension": delete_dimension,
    "moveDimension": move_dimension,
    "updateDimensionProperties": update_dimension_properties,
    "autoResizeDimensions": auto_resize,
    "addDimensionGroup": add_dimension_group,
    "deleteDimensionGroup": delete_dimension_group,
}

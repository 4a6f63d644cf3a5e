"""What `huzhu init` makes of a spreadsheet: tabs, headers, notes, dropdowns, lookup columns, protection, colours.

Only what is missing is made, by one call that happens whole or not at all. A lookup column is one formula in its
header cell that spills down the tab: members may sort, insert and delete below it, and the worker never writes there.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rules.layout import nearest
from rules.schema import Column, Kind, Owner, Table
from rules.values import Book, RawTable
from rules.words import Words
from sync.backends.looks import COLOURS, HEADER, LOOKUP_HEADER, OVERWRITTEN, WIDTHS, WORKER_TAB
from sync.backends.places import Address, home, letters, quoted_title
from sync.google.cells import CellData, written
from sync.google.commits import Request
from sync.google.requests import Grid, area, cells, formatted, headers, sized

_ROWS = 1000  # of a new tab, as Google itself makes them
_PIXELS = 8  # of one character
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab as `prepare` and `doctor` look at it. head: its first rows, with notes, formulas and validations."""

    sheet_id: int
    title: str
    size: tuple[int, int]
    head: Sequence[Sequence[Json]] = ()
    protected: Sequence[Json] = ()

    def cell(self, row: int, column: int) -> Json:
        """One cell of the head, counted from 0; empty where nothing is."""
        line = self.head[row] if row < len(self.head) else ()
        return line[column] if column < len(line) else {}


def tab_of(sheet: Json) -> Tab:
    """A tab as the API tells of it."""
    properties = sheet["properties"]
    size = properties.get("gridProperties", {})
    lines = sheet.get("data", [{}])[0].get("rowData", [])
    return Tab(
        sheet_id=properties.get("sheetId", 0),
        title=properties["title"],
        size=(size.get("rowCount", 0), size.get("columnCount", 0)),
        head=[line.get("values", []) for line in lines],
        protected=sheet.get("protectedRanges", []),
    )


@dataclass(slots=True)
class Made:
    """What is to be made: the requests, and a sentence for each thing."""

    requests: list[Request] = field(default_factory=list)
    words: list[Words] = field(default_factory=list)

    def add(self, requests: Iterator[Request], zh: str, en: str) -> None:
        """Add *requests* and what they make."""
        self.requests += requests
        self.words.append(Words(zh, en))

    def in_order(self) -> list[Request]:
        """The requests, new tabs first: a formula that names a tab which is not there yet stays an error."""
        return sorted(self.requests, key=lambda request: "addSheet" not in request)


def prepared(
    tables: Sequence[Table], book: Book, tabs: Mapping[str, Tab], placed: Mapping[str, Address], account: str,
    ids: Collection[int],
) -> Made:  # fmt: skip
    """What is missing of *tables*. tabs: by table name. ids: those of all tabs. account: who may write worker tabs."""
    made = Made()
    for table in tables:
        tab = tabs.get(table.name)
        if tab is None:
            new = new_tab(table, free_id(table.name, ids), placed, account)
            made.add(new, f"新建工作表“{table.title}”", f"Made the tab {table.title}")
        elif table.owner is Owner.MEMBER:
            _amend(made, table, tab, book, placed)
        elif not whole_protections(tab):
            lock = iter([protection(tab.sheet_id, account)])
            made.add(lock, f"保护了工作表“{tab.title}”", f"Protected the tab {tab.title}")
    return made


def mended(book: Book, tables: Sequence[Table], tabs: Mapping[str, Tab]) -> Book:
    """The book with each lookup column under its own header, where a blocked formula shows `#REF!` instead."""
    found = dict(book.tabs)
    for table in tables:
        for column, row, at, _ in lookups_of(table, tabs.get(table.name)):
            rows = [list(line) for line in found[table.name].rows]
            if row < len(rows) and at < len(rows[row]):
                rows[row][at] = column.header
            found[table.name] = RawTable(found[table.name].title, rows)
    return Book(found, book.version)


def lookups_of(table: Table, tab: Tab | None) -> Iterator[tuple[Column, int, int, Json]]:
    """The lookup columns that a tab has: column, header row and column from 0, and the header cell."""
    for row, line in enumerate(tab.head if tab else ()):
        for at, cell in enumerate(line):
            formula = str(cell.get("userEnteredValue", {}).get("formulaValue", ""))
            yield from ((c, row, at, cell) for c in table.lookups if formula and is_lookup(formula, c))


def new_grid(table: Table, ids: Collection[int]) -> Grid:
    """The tab that `new_tab` makes, as it is then."""
    return Grid(free_id(table.name, ids), table.title, (_ROWS, len(table.columns)), [headers(table)])


def free_id(name: str, taken: Collection[int]) -> int:
    """An id for a new tab: the same for the same name, so that a repeated request makes no second tab."""
    number = zlib.crc32(name.encode()) & 0x7FFF_FFFF
    while number in taken:
        number += 1
    return number


def new_tab(table: Table, sheet_id: int, placed: Mapping[str, Address], account: str) -> Iterator[Request]:
    """A whole tab: frozen header, notes, widths, formats, dropdowns, lookups, colours, protection."""
    here = placed.get(table.name, home(table))
    ours = table.owner is Owner.WORKER
    colour = {"tabColorStyle": {"rgbColor": rgb(WORKER_TAB)}} if ours else {}
    grid = {"rowCount": _ROWS, "columnCount": len(table.columns), "frozenRowCount": 1}
    yield {"addSheet": {"properties": {"sheetId": sheet_id, "title": table.title, "gridProperties": grid, **colour}}}
    heads = [_header(column, here, placed, first=ours and not i) for i, column in enumerate(table.columns)]
    yield cells(sheet_id, 0, 0, [heads], "userEnteredValue,userEnteredFormat,note")
    yield from formatted(sheet_id, table.columns, range(1, _ROWS))
    for i, column in enumerate(table.columns):
        yield _width(sheet_id, i, column)
        yield from _dropdown(sheet_id, column, here, placed)
        yield from _colours(sheet_id, table, column, i)
    if ours:
        yield protection(sheet_id, account)


def _amend(made: Made, table: Table, tab: Tab, book: Book, placed: Mapping[str, Address]) -> None:
    """What a members' tab lacks."""
    here, raw = placed[table.name], book.tabs[table.name]
    row = here.header_row - 1
    there = nearest(raw, table).columns
    missing = [c for c in table.columns if c.field not in there and (c.finds is None or c.finds[0] in placed)]
    if missing:
        listed = "、".join(column.header for column in missing)
        new = _columns(tab, missing, here, placed)
        made.add(new, f"在“{tab.title}”增加列：{listed}", f"Added columns to {tab.title}: {listed}")
    bare = [c for c in table.columns if c.field in there and not tab.cell(row, there[c.field]).get("note")]
    if bare and not any(tab.cell(row, at).get("note") for at in there.values()):
        notes = (cells(tab.sheet_id, row, there[c.field], [[{"note": _note(c)}]], "note") for c in bare)
        made.add(notes, f"在“{tab.title}”的表头增加批注", f"Added notes to the headers of {tab.title}")
    free = [c for c in table.typed if c in missing or not _validated(tab, here, c)]
    dropdowns = [request for c in free for request in _dropdown(tab.sheet_id, c, here, placed)]
    if dropdowns:
        listed = "、".join(c.header for c in free if _choices(c, placed))
        made.add(iter(dropdowns), f"在“{tab.title}”增加下拉选项：{listed}", f"Added dropdowns to {tab.title}: {listed}")


def _columns(tab: Tab, columns: Sequence[Column], here: Address, placed: Mapping[str, Address]) -> Iterator[Request]:
    """New columns at the right end of a tab."""
    width = max(here.columns[column.field] for column in columns) + 1
    if width > tab.size[1]:
        yield sized(tab.sheet_id, (tab.size[0], width))
    for column in columns:
        at = here.columns[column.field]
        head = _header(column, here, placed, first=False)
        yield cells(tab.sheet_id, here.header_row - 1, at, [[head]], "userEnteredValue,userEnteredFormat,note")
        yield from formatted(tab.sheet_id, [column], range(here.header_row, tab.size[0]), at)


def _header(column: Column, here: Address, placed: Mapping[str, Address], *, first: bool) -> CellData:
    """A header cell: its text or lookup formula, its look, and its note."""
    note = f"{OVERWRITTEN.zh}\n{OVERWRITTEN.en}\n\n{_note(column)}" if first else _note(column)
    shown = column.finds is not None and column.finds[0] in placed
    value = {"userEnteredValue": {"formulaValue": lookup(column, here, placed)}} if shown else written(column.header)
    fill = {"rgbColor": rgb(LOOKUP_HEADER if column.finds else HEADER)}
    look = {"backgroundColorStyle": fill, "textFormat": {"bold": True}, "wrapStrategy": "WRAP"}
    return {**value, "userEnteredFormat": look, "note": note}


def _note(column: Column) -> str:
    return f"{column.doc.zh}\n{column.doc.en}"


def lookup(column: Column, here: Address, placed: Mapping[str, Address]) -> str:
    """The formula of a lookup column's header cell: its header, and below each row's value by the row's own key.

    XLOOKUP, since VLOOKUP would read `*` in a key as any text; keys are made text, since people type 7 where the
    worker's key is the text 7.
    """
    assert column.finds is not None
    worker = placed[column.finds[0]]
    tab = quoted_title(worker.title)
    key, found = letters(worker.columns[worker.key]), letters(worker.columns[column.finds[1]])
    own = letters(here.columns[here.key])
    rows = f"{own}{here.header_row}:{own}"
    header = column.header.replace('"', '""')
    shown = f'XLOOKUP({rows}&"",{tab}!{key}:{key}&"",{tab}!{found}:{found},"")'
    return f'=ARRAYFORMULA(IF(ROW({rows})=ROW(),"{header}",IF({rows}="","",{shown})))'


def is_lookup(formula: str, column: Column) -> bool:
    """True for the formula of *column*, wherever its references point by now."""
    header = column.header.replace('"', '""')
    return "XLOOKUP(" in formula and f'=ROW(),"{header}",' in formula


def _width(sheet_id: int, at: int, column: Column) -> Request:
    span = {"sheetId": sheet_id, "dimension": "COLUMNS", "startIndex": at, "endIndex": at + 1}
    pixels = _PIXELS * max(WIDTHS[column.kind], 2 * len(column.header) + 4)
    return {"updateDimensionProperties": {"range": span, "properties": {"pixelSize": pixels}, "fields": "pixelSize"}}


def _dropdown(sheet_id: int, column: Column, here: Address, placed: Mapping[str, Address]) -> Iterator[Request]:
    """Other values may be typed all the same, after a warning: a list is help, not a wall."""
    condition = _choices(column, placed)
    if condition:
        at = here.columns[column.field]
        span = {**area(sheet_id, None, at, at + 1), "startRowIndex": here.header_row}
        rule = {"condition": condition, "strict": False, "showCustomUi": True}
        yield {"setDataValidation": {"range": span, "rule": rule}}


def _choices(column: Column, placed: Mapping[str, Address]) -> Json | None:
    if column.kind is Kind.LIST or column.owner is Owner.WORKER:
        return None  # several keys in one cell: a dropdown would replace what is there
    listed = ("是", "否") if column.kind is Kind.FLAG else column.choices
    if listed:
        return {"type": "ONE_OF_LIST", "values": [{"userEnteredValue": choice} for choice in listed]}
    other = placed.get(column.refers_to)
    if other is None or not other.key:
        return None
    key = letters(other.columns[other.key])
    keys = f"={quoted_title(other.title)}!${key}${other.header_row + 1}:${key}"
    return {"type": "ONE_OF_RANGE", "values": [{"userEnteredValue": keys}]}


def _validated(tab: Tab, here: Address, column: Column) -> bool:
    at = here.columns[column.field]
    return any("dataValidation" in tab.cell(row, at) for row in range(here.header_row, len(tab.head)))


def _colours(sheet_id: int, table: Table, column: Column, at: int) -> Iterator[Request]:
    for text, colour in COLOURS.get(column.finds or (table.name, column.field), {}).items():
        condition = {"type": "TEXT_EQ", "values": [{"userEnteredValue": text}]}
        look = {"backgroundColorStyle": {"rgbColor": rgb(colour)}}
        span = {**area(sheet_id, None, at, at + 1), "startRowIndex": 1}
        rule = {"ranges": [span], "booleanRule": {"condition": condition, "format": look}}
        yield {"addConditionalFormatRule": {"rule": rule, "index": 0}}


def protection(sheet_id: int, account: str) -> Request:
    """A tab that only the worker (and the owner of the spreadsheet) may edit."""
    whose = {"editors": {"users": [account]}} if account else {}
    return {"addProtectedRange": {"protectedRange": {"range": area(sheet_id), "description": OVERWRITTEN.zh, **whose}}}


def whole_protections(tab: Tab) -> list[Json]:
    """The protections that cover the whole tab."""
    return [entry for entry in tab.protected if not set(entry.get("range", {})) - {"sheetId"}]


def rgb(colour: str) -> dict[str, float]:
    """RRGGBB as the API takes it: each part from 0 to 1."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4))
    return dict(zip(("red", "green", "blue"), (round(part, 4) for part in parts), strict=True))

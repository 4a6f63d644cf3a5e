"""What a spreadsheet is asked to do, as requests of `spreadsheets.batchUpdate`: cells, formats, room, protection."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from rules.changes import canonical
from rules.schema import Column, Table
from rules.values import Cell, Row
from sync.google.cells import FORMATS, CellData, written
from sync.google.commits import Request

_MOST_ROWS = 400  # in one request: many requests pack better into calls below the limit
_SPARE_ROWS = 200  # below a tab that had to grow, so that it does not grow with every run


@dataclass(frozen=True, slots=True)
class Grid:
    """A tab as it was read: its id and size, and what it holds, days as days."""

    sheet_id: int
    title: str
    size: tuple[int, int]
    rows: Sequence[Sequence[Cell]] = ()

    def holding(self, table: Table, rows: Sequence[Row]) -> Grid:
        """The tab once *rows* of the worker's *table* are written."""
        return replace(self, size=grown(self.size, table, rows), rows=[headers(table), *(list(row) for row in rows)])


def headers(table: Table) -> list[Cell]:
    """The header row of a worker's tab."""
    return [column.header for column in table.typed]


def grown(size: tuple[int, int], table: Table, rows: Sequence[Row]) -> tuple[int, int]:
    """The size of a tab with room for *rows* of *table* below its header."""
    needed = len(rows) + 1
    return (size[0] if needed <= size[0] else needed + _SPARE_ROWS, max(size[1], len(table.typed)))


def rewriting(table: Table, grid: Grid, rows: Sequence[Row]) -> Iterator[Request]:
    """What makes the tab hold *rows*: room if it is short of it, and the cells that differ."""
    size = grown(grid.size, table, rows)
    if size != grid.size:
        yield sized(grid.sheet_id, size)
        yield from formatted(grid.sheet_id, table.typed, range(1, size[0]))
    if list(grid.rows[0][: len(table.typed)] if grid.rows else ()) != headers(table):
        yield cells(grid.sheet_id, 0, 0, [[written(cell) for cell in headers(table)]])
    yield from _differing(table, grid, rows)


def _differing(table: Table, grid: Grid, rows: Sequence[Row]) -> Iterator[Request]:
    """The cells that differ, neighbouring rows in one request."""
    width = len(table.typed)
    now = [tuple((*row, *[None] * width)[:width]) for row in grid.rows[1:]]
    wanted = [*rows, *[(None,) * width] * (len(now) - len(rows))]
    pairs = zip(_padded(canonical(table, now), len(wanted), width), canonical(table, wanted), strict=True)
    spans = [_span(was, becomes) for was, becomes in pairs]
    for differs, group in groupby(range(len(spans)), key=lambda i: spans[i] is not None):
        numbers = list(group)
        for start in range(0, len(numbers) if differs else 0, _MOST_ROWS):
            part = numbers[start : start + _MOST_ROWS]
            ends = [span for i in part if (span := spans[i])]
            left, right = min(first for first, _ in ends), max(last for _, last in ends)
            columns = table.typed[left : right + 1]
            lines = [
                [written(cell, column) for cell, column in zip(wanted[i][left : right + 1], columns, strict=True)]
                for i in part
            ]
            yield cells(grid.sheet_id, part[0] + 1, left, lines)


def _padded(rows: Sequence[Row], length: int, width: int) -> list[Row]:
    return [*rows, *[(None,) * width] * (length - len(rows))]


def _span(was: Row, becomes: Row) -> tuple[int, int] | None:
    """The first and the last cell that differ; None when none does. True and 1 differ, 1 and 1.0 do not."""
    different = [
        i
        for i, (a, b) in enumerate(zip(was, becomes, strict=True))
        if a != b or isinstance(a, bool) is not isinstance(b, bool)
    ]
    return (different[0], different[-1]) if different else None


def cells(
    sheet_id: int, row: int, column: int, lines: Sequence[Sequence[CellData]], fields: str = "userEnteredValue"
) -> Request:
    """Cells written from (*row*, *column*), counted from 0, to the right and down."""
    start = {"sheetId": sheet_id, "rowIndex": row, "columnIndex": column}
    return {"updateCells": {"start": start, "fields": fields, "rows": [{"values": list(line)} for line in lines]}}


def sized(sheet_id: int, size: tuple[int, int]) -> Request:
    """A tab made that large: said as a size, since a repeated "so many more" would add them twice."""
    properties = {"sheetId": sheet_id, "gridProperties": {"rowCount": size[0], "columnCount": size[1]}}
    fields = "gridProperties.rowCount,gridProperties.columnCount"
    return {"updateSheetProperties": {"properties": properties, "fields": fields}}


def formatted(sheet_id: int, columns: Sequence[Column], rows: range, first: int = 0) -> Iterator[Request]:
    """How the cells of *columns* look in *rows*: days as days, keys as text."""
    for i, column in enumerate(columns, first):
        look = FORMATS.get(column.kind)
        if look:
            yield {
                "repeatCell": {
                    "range": area(sheet_id, rows, i, i + 1),
                    "cell": {"userEnteredFormat": look},
                    "fields": ",".join(f"userEnteredFormat.{name}" for name in look),
                }
            }


def area(sheet_id: int, rows: range | None = None, left: int | None = None, right: int | None = None) -> dict[str, int]:
    """A part of a tab, ends excluded; the whole of it when nothing is said."""
    ends: Mapping[str, int | None] = {
        "startRowIndex": rows.start if rows else None,
        "endRowIndex": rows.stop if rows else None,
        "startColumnIndex": left,
        "endColumnIndex": right,
    }
    return {"sheetId": sheet_id, **{name: end for name, end in ends.items() if end is not None}}


def calls(requests: Sequence[Request], most_bytes: int) -> Iterator[list[Request]]:
    """The requests in order, in as few calls as stay below *most_bytes* each."""
    call: list[Request] = []
    size = 0
    for request in requests:
        length = len(json.dumps(request))
        if call and size + length > most_bytes:
            yield call
            call, size = [], 0
        call.append(request)
        size += length
    if call:
        yield call

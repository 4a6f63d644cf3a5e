"""Cells put into a tab that people made: only into cells that are absent or empty, every other byte as it was."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sync.backends.places import index, letters
from sync.xlsx import cells, markup

NewCells = Mapping[int, Mapping[int, str]]
"""By row (from 1) and column (from 0): what follows the cell's address."""


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    start: int
    end: int
    head: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class _Cell:
    column: int
    xml: bytes

    @property
    def holds_something(self) -> bool:
        return re.search(rb"<(?:[\w.-]+:)?(?:v|f|is)[\s>]", self.xml) is not None


def with_cells(xml: bytes, new: NewCells) -> bytes:
    """The tab *xml* with *new* in it."""
    home = markup.prefix(xml)
    start, end, xml = _data(xml, home)
    pieces: list[bytes] = []
    left = deque(sorted(new.items()))
    at = start
    for row in _rows(xml, home, start, end):
        pieces.append(xml[at : row.start])
        while left and left[0][0] < row.number:
            pieces.append(_new_row(*left.popleft(), home))
        added = left.popleft()[1] if left and left[0][0] == row.number else None
        pieces.append(_merged(row, added, home) if added else xml[row.start : row.end])
        at = row.end
    pieces.append(xml[at:end])
    pieces += [_new_row(*row, home) for row in left]
    return _widened(xml[:start], new, home) + b"".join(pieces) + xml[end:]


def _widened(head: bytes, new: NewCells, home: bytes) -> bytes:
    """The XML before the rows, its stated area grown to hold the *new* cells: reading relies on it."""
    stated = re.search(rb"<" + home + rb'dimension[^>]*?\sref="(?:[A-Z]+\d+:)?([A-Z]+)(\d+)"', head)
    if stated is None or not new:
        return head
    width = max(index(stated[1].decode()), *(column for row in new.values() for column in row))
    covered = f"A1:{letters(width)}{max(int(stated[2]), *new)}".encode()
    start = head.index(b'ref="', stated.start()) + len(b'ref="')
    return head[:start] + covered + head[head.index(b'"', start) :]


def column_of(xml: bytes, column: int) -> dict[int, bytes]:
    """The cells at *column* that hold something, by row."""
    home = markup.prefix(xml)
    start, end, xml = _data(xml, home)
    found = {}
    for row in _rows(xml, home, start, end):
        for cell in _cells(row.body, home):
            if cell.column == column and cell.holds_something:
                found[row.number] = cell.xml
    return found


def _data(xml: bytes, home: bytes) -> tuple[int, int, bytes]:
    """Where the rows begin and end, in a part whose `sheetData` does not close itself."""
    found = re.search(rb"<" + home + rb"sheetData(\s[^>]*)?>", xml)
    if found is None:
        xml = markup.insert(xml, markup.SHEET_ORDER, "sheetData", b"<sheetData></sheetData>")
        return _data(xml, home)
    if found[0].endswith(b"/>"):
        xml = xml[: found.end() - 2] + b"></" + home + b"sheetData>" + xml[found.end() :]
        return found.end() - 1, found.end() - 1, xml
    return found.end(), xml.rfind(b"</" + home + b"sheetData"), xml


def _rows(xml: bytes, home: bytes, start: int, end: int) -> Iterator[_Row]:
    pattern = re.compile(rb"<" + home + rb"row(?:\s[^>]*)?>")
    closing = b"</" + home + b"row>"
    number = 0
    for found in pattern.finditer(xml, start, end):
        stated = markup.attribute(found[0], "r")
        number = int(stated) if stated else number + 1
        if found[0].endswith(b"/>"):
            yield _Row(number, found.start(), found.end(), found[0][:-2] + b">", b"")
        else:
            close = xml.index(closing, found.end())
            yield _Row(number, found.start(), close + len(closing), found[0], xml[found.end() : close])


def _cells(body: bytes, home: bytes) -> Iterator[_Cell]:
    pattern = re.compile(rb"<" + home + rb"c(?:\s[^>]*?)?(?:/>|>.*?</" + home + rb"c>)", re.DOTALL)
    column = -1
    for found in pattern.finditer(body):
        name = markup.attribute(markup.tag(body, found.start()), "r").rstrip("0123456789")
        column = index(name) if name else column + 1
        yield _Cell(column, found[0])


def _merged(row: _Row, added: Mapping[int, str], home: bytes) -> bytes:
    there = {cell.column: cell for cell in _cells(row.body, home)}
    for column, tail in added.items():
        old = there.get(column)
        if old is None or not old.holds_something:
            there[column] = _Cell(column, _at_home(cells.cell(row.number, column, tail), home))
    # `spans` says which columns the row uses; it is optional, and would be wrong now.
    head = re.sub(rb"""\sspans=(?:"[^"]*"|'[^']*')""", b"", row.head)
    return head + b"".join(there[column].xml for column in sorted(there)) + b"</" + home + b"row>"


def _new_row(number: int, added: Mapping[int, str], home: bytes) -> bytes:
    written = "".join(cells.cell(number, column, tail) for column, tail in sorted(added.items()))
    return _at_home(f'<row r="{number}">{written}</row>', home)


def _at_home(new: str, home: bytes) -> bytes:
    return re.sub(rb"<(/?)(?=[a-z])", rb"<\1" + home, new.encode()) if home else new.encode()


def has_formulas(xml: bytes) -> bool:
    """True when a cell of the tab holds a formula."""
    return re.search(rb"<" + markup.prefix(xml) + rb"f[\s/>]", xml) is not None

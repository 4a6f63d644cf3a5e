"""Where things are: areas of a tab, what becomes of them when rows and columns move, and how they are written in A1."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from tests.emulators.google.refusals import Refused

Dimension = Literal["ROWS", "COLUMNS"]
GRID_RANGE = frozenset({"sheetId", "startRowIndex", "endRowIndex", "startColumnIndex", "endColumnIndex"})
DIMENSION_RANGE = frozenset({"sheetId", "dimension", "startIndex", "endIndex"})
COORDINATE = frozenset({"sheetId", "rowIndex", "columnIndex"})
_END = r"(\$?)([A-Za-z]{1,3})?(\$?)([1-9]\d*)?"
A1 = re.compile(rf"{_END}(?::{_END})?")
PLAIN_TITLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Area:
    """Rows top..bottom and columns left..right of a tab, counted from 0, ends excluded. None: no bound."""

    sheet: int
    top: int | None = None
    bottom: int | None = None
    left: int | None = None
    right: int | None = None

    @classmethod
    def of(cls, given: dict[str, Any]) -> Area:
        """The area of a GridRange."""
        rows = (given.get("startRowIndex"), given.get("endRowIndex"))
        return cls(given.get("sheetId") or 0, *rows, given.get("startColumnIndex"), given.get("endColumnIndex"))

    def cut(self, rows: int, columns: int) -> Area:
        """The same within a grid of so many rows and columns, with all its bounds."""
        bottom = rows if self.bottom is None else min(self.bottom, rows)
        right = columns if self.right is None else min(self.right, columns)
        return Area(self.sheet, self.top or 0, bottom, self.left or 0, right)

    def meets(self, other: Area) -> bool:
        def apart(first: int | None, end: int | None, other_first: int | None, other_end: int | None) -> bool:
            ends_before = end is not None and end <= (other_first or 0)
            return ends_before or (other_end is not None and other_end <= (first or 0))

        rows = apart(self.top, self.bottom, other.top, other.bottom)
        return not rows and not apart(self.left, self.right, other.left, other.right) and self.sheet == other.sheet

    def covers(self, other: Area) -> bool:
        def holds(first: int | None, end: int | None, other_first: int | None, other_end: int | None) -> bool:
            return (first or 0) <= (other_first or 0) and (end is None or (other_end is not None and other_end <= end))

        rows = holds(self.top, self.bottom, other.top, other.bottom)
        return rows and holds(self.left, self.right, other.left, other.right) and self.sheet == other.sheet

    @property
    def grid_range(self) -> dict[str, Any]:
        """As a GridRange; the tab is named even when its id is 0."""
        bounds = (self.top, self.bottom, self.left, self.right)
        names = ("startRowIndex", "endRowIndex", "startColumnIndex", "endColumnIndex")
        return {"sheetId": self.sheet} | {n: b for n, b in zip(names, bounds, strict=True) if b is not None}


@dataclass(frozen=True, slots=True)
class Shift:
    """Rows or columns of one tab were inserted (start..end are new), deleted (start..end are gone) or moved to *to*."""

    sheet: int
    dimension: Dimension
    kind: Literal["insert", "delete", "move"]
    start: int
    end: int
    to: int = 0

    @property
    def count(self) -> int:
        return self.end - self.start

    def index(self, index: int) -> int | None:
        """Where line *index* is now; None when it is gone."""
        if self.kind == "insert":
            return index + self.count if index >= self.start else index
        if self.kind == "delete":
            return None if self.start <= index < self.end else index - self.count * (index >= self.end)
        if self.start <= index < self.end:
            return index + (self.to - self.end if self.to >= self.end else self.to - self.start)
        if self.end <= index < self.to:
            return index - self.count
        return index + self.count if self.to <= index < self.start else index

    def span(self, first: int | None, end: int | None) -> tuple[int | None, int | None] | None:
        """Where the lines first..end are now; None when all are gone."""
        if first is None and end is None:
            return first, end
        low = first or 0
        if self.kind == "move":
            return self._moved(low, end)
        if self.kind == "insert":
            longer = None if end is None else end + self.count * (self.start < end)
            return (None if first is None else low + self.count * (self.start <= low)), longer
        low, high = self._clamped(low), None if end is None else self._clamped(end)
        return None if high is not None and low >= high else (None if first is None else low, high)

    def _clamped(self, index: int) -> int:
        return min(index, self.start) if index <= self.end else index - self.count

    def _moved(self, low: int, end: int | None) -> tuple[int | None, int | None] | None:
        if end is not None and self.start <= low and end <= self.end:
            return self.index(low), (self.index(end - 1) or 0) + 1
        inside = low <= self.start and (end is None or self.end <= end)
        if inside and low <= self.to and (end is None or self.to <= end):
            return low, end
        left = replace(self, kind="delete").span(low, end)
        at = self.to if self.to <= self.start else self.to - self.count
        return left and replace(self, kind="insert", start=at, end=at + self.count).span(*left)

    def area(self, area: Area) -> Area | None:
        """Where *area* is now; None when it is gone."""
        if area.sheet != self.sheet:
            return area
        rows = self.dimension == "ROWS"
        span = self.span(area.top, area.bottom) if rows else self.span(area.left, area.right)
        if span is None:
            return None
        return replace(area, top=span[0], bottom=span[1]) if rows else replace(area, left=span[0], right=span[1])

    def followed(self, node: Any) -> Any:
        """*node* (any JSON) with every range in it where it is now; a range that is gone is None, or left its list."""
        if isinstance(node, list):
            return [kept for item in node if (kept := self.followed(item)) is not None]
        if not isinstance(node, dict):
            return node
        names = node.keys()
        if "sheetId" in names and names <= GRID_RANGE:
            area = self.area(Area.of(node))
            return None if area is None else area.grid_range
        if "dimension" in names and names <= DIMENSION_RANGE:
            return self._followed_lines(node)
        if "sheetId" in names and names <= COORDINATE:
            return self._followed_cell(node)
        return {name: self.followed(value) for name, value in node.items()}

    def _followed_lines(self, lines: dict[str, Any]) -> dict[str, Any] | None:
        if lines["sheetId"] != self.sheet or lines["dimension"] != self.dimension:
            return lines
        span = self.span(lines.get("startIndex"), lines.get("endIndex"))
        if span is None:
            return None
        return lines | {n: v for n, v in zip(("startIndex", "endIndex"), span, strict=True) if v is not None}

    def _followed_cell(self, cell: dict[str, Any]) -> dict[str, Any]:
        name = "rowIndex" if self.dimension == "ROWS" else "columnIndex"
        if cell["sheetId"] != self.sheet:
            return cell
        index = self.index(cell.get(name, 0))
        return cell | {name: self.start if index is None else index}


def letters(column: int) -> str:
    """The name of a column counted from 0: A, B, … AA."""
    name, left = "", column + 1
    while left:
        left, digit = divmod(left - 1, 26)
        name = chr(65 + digit) + name
    return name


def number(name: str) -> int:
    """The column of that name, counted from 0."""
    value = 0
    for letter in name.upper():
        value = value * 26 + ord(letter) - 64
    return value - 1


def quoted(title: str) -> str:
    plain = PLAIN_TITLE.fullmatch(title) and not A1.fullmatch(title)
    return title if plain else "'" + title.replace("'", "''") + "'"


def _pair(first: int | None, last: int | None, *, only: bool) -> tuple[int | None, int | None]:
    """The bounds that two named lines give: A..C, A.. (open), or A alone."""
    if first is not None and last is not None:
        return min(first, last), max(first, last) + 1
    if first is not None:
        return first, (first + 1 if only else None)
    return (None if last is None else 0), (None if last is None else last + 1)


def parsed(text: str, sheet: int) -> Area | None:
    """The area that cells in A1 notation name, without a tab; None when it is no such notation."""
    match = A1.fullmatch(text)
    if not match:
        return None
    _, left, _, top, _, right, _, bottom = match.groups()
    only = ":" not in text
    if (only and not (left and top)) or not ((left or top) and (only or right or bottom)):
        return None
    rows = _pair(int(top) - 1 if top else None, int(bottom) - 1 if bottom else None, only=only)
    columns = _pair(number(left) if left else None, number(right) if right else None, only=only)
    return Area(sheet, *rows, *columns)


def asked(area: Area) -> str:
    """Cells in A1 notation with the bounds they were given, as error texts name them."""
    left, top = "" if area.left is None else letters(area.left), "" if area.top is None else str(area.top + 1)
    right = "" if area.right is None else letters(area.right - 1)
    bottom = "" if area.bottom is None else str(area.bottom)
    first, last = left + top, right + bottom
    return first if first == last or not last else f"{first}:{last}"


def located(text: str, titles: Iterable[tuple[str, int]], named: Iterable[dict[str, Any]]) -> Area:
    """The area of *text*: tab, tab and cells, cells of the first tab, or the name of a range."""
    sheets = dict(titles)
    unquoted = {"'" + title.replace("'", "''") + "'": id_ for title, id_ in sheets.items()} | sheets
    names = {one["name"].casefold(): one["range"] for one in named}
    title, mark, cells = text.rpartition("!")
    first = next(iter(sheets.values()))
    sheet = unquoted.get(title) if mark else first
    area = None if sheet is None else parsed(cells, sheet)
    if area is None and sheet is not None and cells.casefold() in names:
        area = Area.of(names[cells.casefold()])
    if area is None and text in unquoted:
        area = Area(unquoted[text])
    if area is None:
        raise Refused(f"Unable to parse range: {text}")
    return area

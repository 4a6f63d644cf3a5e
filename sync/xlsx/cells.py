"""Typed values as the XML of cells: text stays text, days are days, numbers numbers.

Nothing is parsed: `=1+1` is written as text, never as a formula. Text stands in the cell itself (inlineStr), so that
the workbook's shared strings are left alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from numbers import Real

from rules.schema import Column
from rules.values import Cell
from sync.backends.places import letters

MOST_CHARACTERS = 32_767  # what Excel holds in one cell, in UTF-16 units
LAST_ROW, LAST_COLUMN = 1_048_576, 16_384
_DAY_0 = {False: datetime(1899, 12, 30), True: datetime(1904, 1, 1)}  # noqa: DTZ001 - a sheet's days have no zone
_FIRST_DAY = datetime(1900, 3, 1)  # noqa: DTZ001 - before it programs differ by a day, over a 29 February that was not
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\r\x0e-\x1f]|_(?=x[0-9A-Fa-f]{4}_)")
_NO_CHARACTER = re.compile("[\ud800-\udfff\ufffe\uffff]")
_MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_SECONDS_A_DAY = 86_400


def escaped(text: str) -> str:
    """*text* as the content of a cell: cut to what a cell holds, what XML cannot hold written as `_x0001_`."""
    if len(text) > MOST_CHARACTERS // 2:
        text = _cut(text)
    if text.isascii() and text.isprintable() and "_" not in text:
        return text.translate(_MARKUP)
    text = _NOT_XML.sub(lambda found: f"_x{ord(found[0]):04X}_", _NO_CHARACTER.sub("\ufffd", text))
    return text.translate(_MARKUP)


def _cut(text: str) -> str:
    units = text.encode("utf-16-le", "replace")
    if len(units) <= MOST_CHARACTERS * 2:
        return text
    return units[: (MOST_CHARACTERS - 1) * 2].decode("utf-16-le", "ignore") + "…"


def _text(value: str, style: str) -> str:
    if not value:
        return ""
    # Without the mark a reader may drop white space; with it on every cell a large file is a fifth larger.
    kept = "" if " ".join(value.split()) == value else ' xml:space="preserve"'
    return f'{style} t="inlineStr"><is><t{kept}>{escaped(value)}</t></is></c>'


def _number(value: float | Decimal, style: str) -> str:
    return f"{style}><v>{value}</v></c>" if math.isfinite(value) else ""


class Cells(dict[tuple[type, Cell], str]):
    """What follows the address of a cell of one column, by type and value; made once for each value that occurs.

    The type is part of the key since 1, 1.0 and True are equal, and not the same cell.
    """

    def __init__(self, style: int, *, as_text: bool = False, from_1904: bool = False) -> None:
        super().__init__()
        self._style = f' s="{style}"' if style else ""
        self._as_text = as_text
        self._day_0 = _DAY_0[from_1904]
        self._writers = self._all_writers()
        self._by_type = dict(self._writers)

    def __missing__(self, key: tuple[type, Cell]) -> str:
        made = self[key] = self._made(key[1])
        return made

    def _made(self, value: Cell) -> str:
        if value is None or value != value:  # noqa: PLR0124 - NaN and NaT are blank
            return ""
        if self._as_text:
            return _text(str(value), self._style)
        write = self._by_type.get(type(value)) or next(
            (w for kind, w in self._writers if isinstance(value, kind)), None
        )
        return write(value) if write else _text(str(value), self._style)

    def _all_writers(self) -> Sequence[tuple[type, Callable[..., str]]]:
        # A bool is an int, and a datetime a date: the narrower stands first.
        style = self._style
        return (
            (str, lambda v: _text(v, style)),
            (bool, lambda v: f'{style} t="b"><v>{int(v)}</v></c>'),
            (int, lambda v: f"{style}><v>{v}</v></c>"),
            (float, lambda v: _number(v, style)),
            (Decimal, lambda v: _number(v, style)),
            (datetime, self._moment),
            (date, lambda v: self._moment(datetime(v.year, v.month, v.day))),  # noqa: DTZ001 - a day has no zone
            (time, lambda v: self._days(timedelta(0, v.hour * 3600 + v.minute * 60 + v.second, v.microsecond))),
            (timedelta, self._days),
            (Real, lambda v: _number(v, style)),  # numpy's numbers
        )

    def _moment(self, value: datetime) -> str:
        value = value.replace(tzinfo=None)
        if value < _FIRST_DAY:
            return _text(str(value if value.time() != time() else value.date()), self._style)
        return self._days(value - self._day_0)

    def _days(self, value: timedelta) -> str:
        part = (value.seconds + value.microseconds / 1e6) / _SECONDS_A_DAY
        return _number(value.days + part if part else value.days, self._style)


def columns_cells(columns: Sequence[Column], styles: Sequence[int], *, from_1904: bool) -> list[Cells]:
    """The memory of cells for each of *columns*, each with its format's number."""
    return [Cells(s, as_text=c.is_text, from_1904=from_1904) for c, s in zip(columns, styles, strict=True)]


def cell(number: int, column: int, tail: str) -> str:
    """The XML of the cell in row *number* at index *column*."""
    return f'<c r="{letters(column)}{number}"{tail}' if tail else ""


def rows(values: Sequence[Sequence[Cell]], memory: Sequence[Cells], first: int) -> Iterator[str]:
    """The XML of *values*, row by row, from sheet row *first* on."""
    if not values:
        return
    starts = [f'<c r="{letters(i)}' for i in range(len(memory))]
    tails = [
        [cells[key] for key in zip(map(type, column), column, strict=True)]
        for cells, column in zip(memory, zip(*values, strict=True), strict=True)
    ]
    for number, line in enumerate(zip(*tails, strict=True), first):
        filled = [f'{start}{number}"{tail}' for start, tail in zip(starts, line, strict=True) if tail]
        yield f'<row r="{number}">{"".join(filled)}</row>'

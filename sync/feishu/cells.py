"""Cells from and to a base: one reader for each type of field, one written form for each kind of column.

A type that is not listed reads as blank, and a cell of a shape that its type should not have is read by its shape:
people may add any column, and none of them stops a run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from numbers import Integral
from typing import Any
from zoneinfo import ZoneInfo

from rules.schema import Column, Kind
from rules.values import Cell
from sync.backends.texts import fitting

MOST_CHARACTERS = 100_000  # what Feishu holds in one cell
_CHINA = "Asia/Shanghai"
_ALIASES = {"Asia/Beijing": _CHINA}  # what Feishu calls it; tz databases do not
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_BETWEEN = "、"


def zone_of(name: str | None) -> ZoneInfo:
    """The zone that a base says it is in; China's for a name that says nothing here."""
    wanted = name or _CHINA
    try:
        return ZoneInfo(_ALIASES.get(wanted, wanted))
    except (KeyError, ValueError, OSError):  # unknown; not even a name; the name of a folder
        return ZoneInfo(_CHINA)


# From a base. Values are Any: they are what JSON held.


def decoded(field: Mapping[str, Any], value: Any, zone: ZoneInfo) -> Cell:
    """What the cell of *field*, as a listing of fields gives it, holds in an answer to a search.

    Text for everything that shows as text; a moment as naive wall time in *zone*; None for every way to be empty.
    """
    return _read(field.get("type"), value, zone)


def _read(kind: Any, value: Any, zone: ZoneInfo) -> Cell:
    reader = _READERS.get(kind) if isinstance(kind, int) else None
    found = None if reader is None or value is None else reader(value, zone)
    return None if found == "" else found


def _shown(value: Any, zone: ZoneInfo) -> Cell:
    """By its shape alone: what a person sees, as far as the answer holds it."""
    if isinstance(value, dict):
        ids = value.get("link_record_ids")
        return _shown(ids if ids is not None else _name(value), zone)
    if isinstance(value, list):
        return _listed(value, zone)
    return value if isinstance(value, str | int | float) else None


def _name(value: Mapping[str, Any]) -> Any:
    """What a segment, link, person, group, file or place is called."""
    words = ("text", "name", "full_address", "address", "en_name", "link", "location", "id")
    return next((value[word] for word in words if isinstance(value.get(word), str) and value[word]), None)


def _listed(value: Any, zone: ZoneInfo) -> Cell:
    """The items, of which one alone stays what it is."""
    if not isinstance(value, list):
        return _shown(value, zone)
    cells = [cell for one in value if (cell := _shown(one, zone)) not in (None, "")]
    return cells[0] if len(cells) == 1 else _BETWEEN.join(map(str, cells))


def _text(value: Any, zone: ZoneInfo) -> Cell:
    """A text comes in segments, cut at line breaks and around links and mentions."""
    if not isinstance(value, list):
        return _shown(value, zone)
    return "".join(str(cell) for one in value if (cell := _shown(one, zone)) is not None)


def _number(value: Any, zone: ZoneInfo) -> Cell:
    """A number that comes as text, as the older listing has it, is a number all the same."""
    if not isinstance(value, str):
        return _shown(value, zone)
    try:
        found = float(value)
    except ValueError:
        return value
    return int(found) if found.is_integer() else found if math.isfinite(found) else value


def _moment(value: Any, zone: ZoneInfo) -> Cell:
    """Milliseconds as wall time. A time that no calendar has stays a number, for the rules to complain of."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _shown(value, zone)
    try:
        return (_EPOCH + value * _MILLISECOND).astimezone(zone).replace(tzinfo=None)
    except (OverflowError, ValueError):
        return value


def _computed(value: Any, zone: ZoneInfo) -> Cell:
    """What a formula or lookup found, read as its own type says; its values always come in a list."""
    if not isinstance(value, dict) or "value" not in value:
        return _shown(value, zone)
    kind, found = value.get("type"), value["value"]
    if not isinstance(found, list) or (isinstance(kind, int) and kind in _IN_LISTS):
        return _read(kind, found, zone)
    cells = [cell for one in found if (cell := _read(kind, one, zone)) is not None]
    return cells[0] if len(cells) == 1 else _BETWEEN.join(map(str, cells))


_READERS: Mapping[int, Callable[[Any, ZoneInfo], Cell]] = {
    1: _text,  # also bar codes and mail addresses
    2: _number,  # also progress, money and stars
    3: _shown,  # one option
    4: _listed,  # options
    5: _moment,
    7: _shown,  # a box to tick
    11: _listed,  # people
    13: _shown,  # a telephone
    15: _shown,  # a link
    17: _listed,  # files
    18: _shown,  # rows of another table: by their ids, which is all that a search gives
    19: _computed,  # a lookup
    20: _computed,  # a formula
    21: _shown,  # rows, from both sides
    22: _shown,  # a place
    23: _listed,  # groups
    1001: _moment,  # made at
    1002: _moment,  # changed at
    1003: _listed,  # made by
    1004: _listed,  # changed by
    1005: _shown,  # a number given out in order
}
_IN_LISTS = frozenset({1, 4, 11, 17, 18, 21, 23, 1003, 1004})  # whose cells are lists outside of formulas too


# To a base.


def encoded(column: Column, cell: Cell, zone: ZoneInfo) -> Any:
    """*cell* as a write takes it; None clears the cell.

    A text in a column of numbers or days stays a text, which Feishu refuses: then the row is reported, not altered.
    """
    if cell is None or cell == "" or cell != cell:  # noqa: PLR0124 - NaN and NaT are blank
        return None
    if column.is_text or isinstance(cell, str):
        return fitting(str(cell), MOST_CHARACTERS)
    if column.kind in _WRITERS:
        return _WRITERS[column.kind](cell, zone)
    return _plain(cell, zone)


def _plain(cell: Any, _zone: ZoneInfo) -> Any:
    """A number as a number, whichever library's; what is none as its text. None for what JSON cannot say."""
    if isinstance(cell, Integral):  # and numpy's
        return int(cell)
    if isinstance(cell, date | time | timedelta):
        return str(cell)
    value = float(cell)
    if not math.isfinite(value):
        return None
    return int(value) if isinstance(cell, Decimal) and value.is_integer() else value


def _flag(cell: Any, _zone: ZoneInfo) -> bool:
    return bool(cell)


def _day(cell: Any, zone: ZoneInfo) -> Any:
    """Midnight of the day, there where the base is."""
    if isinstance(cell, datetime):
        cell = (cell.astimezone(zone) if cell.tzinfo else cell).date()
    return _instant(cell, zone)


def _instant(cell: Any, zone: ZoneInfo) -> Any:
    """Milliseconds since 1970 in UTC. What is no moment goes as text: as a number it would become one."""
    if not isinstance(cell, date):
        return str(cell)
    moment = cell if isinstance(cell, datetime) else datetime.combine(cell, time())
    return ((moment if moment.tzinfo else moment.replace(tzinfo=zone)) - _EPOCH) // _MILLISECOND


_WRITERS: Mapping[Kind, Callable[[Any, ZoneInfo], Any]] = {
    Kind.FLAG: _flag,
    Kind.DATE: _day,
    Kind.MOMENT: _instant,
}

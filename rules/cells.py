"""One reader for each kind of cell: what a person may type, and what it means.

A reader answers with a `Reading`: the value (None when there is none), and the code of what is wrong with it. Nothing
is guessed: `10月23日` has no year and stays a problem. Source: rules, section 1.
"""

from __future__ import annotations

import functools
import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, NamedTuple

from rules.schema import Column, Kind
from rules.values import Cell, ErrorCell
from rules.words import Words

ERROR_VALUE = re.compile(
    r"#(REF!|N/A|VALUE!|DIV/0!|NAME\?|NUM!|NULL!|SPILL!|CALC!|ERROR!|GETTING_DATA|FIELD!|BLOCKED!)"
)
WARNED = frozenset({"unit_dropped", "numeric_key"})
"""Codes of readings that have a value all the same."""

_ALNUM = {
    full: full - 0xFEE0 for a, z in ((0xFF10, 0xFF19), (0xFF21, 0xFF3A), (0xFF41, 0xFF5A)) for full in range(a, z + 1)
}
_FIRST_DAY = datetime(1899, 12, 30)  # noqa: DTZ001  # serial numbers are wall time
_SERIALS = range(36_526, 73_416)  # 2000-01-01 .. 2100-12-31
_MILLISECONDS = range(946_598_400_000, 4_133_980_800_000)
_YEARS = range(2000, 2101)


class Reading(NamedTuple):
    """What one cell says. *code* names a problem ("" when there is none); *facts* fill its sentence."""

    value: Any  # a str, int, Decimal, float, date, datetime, bool or tuple, by the column's kind
    code: str = ""
    facts: Mapping[str, str] = MappingProxyType({})


BLANK = Reading(None)


def shown(cell: Cell) -> str:
    """A cell as the person sees it, on one line or several."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:  # noqa: PLR2004  # beyond, digits are lost
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "minutes") if cell.second == 0 else cell.isoformat(" ", "seconds")
    return _readable(str(cell))


_NO_TEXT = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")


def _readable(text: str) -> str:
    """*text* without what no file holds and what steers a terminal.

    JSON can bring halves of characters: two become one, one alone is replaced, as is a control character.
    """
    if text.replace("\n", " ").isprintable():
        return text
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return _NO_TEXT.sub("\ufffd", whole)


def folded(text: str) -> str:
    """Text without edge white space, full-width letters and digits made plain; line breaks stay."""
    return _readable(text).translate(_ALNUM).replace("\r\n", "\n").strip()


def folded_key(text: str) -> str:
    """Text as keys and choices are compared: every width folded, inner white space single."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def read(cell: Cell, column: Column, zone: tzinfo) -> Reading:
    """What *cell* says in *column*. *zone* places epoch milliseconds and instants with an offset."""
    if cell is None or cell == "":
        return BLANK
    if isinstance(cell, bool):
        cell = shown(cell)
    if isinstance(cell, str):
        text = folded(cell if column.kind is Kind.NOTE else cell.replace("\u200b", ""))
        if not text:
            return BLANK
        if isinstance(cell, ErrorCell) or ERROR_VALUE.fullmatch(text):
            return Reading(None, "error_value")
        cell = text
    return _READERS[column.kind](cell, column, zone)


@functools.lru_cache(8192)  # the same few days stand in every date column
def read_day(cell: Cell, zone: tzinfo) -> Reading:
    """What *cell* says in a column of dates, whichever it is."""
    return read(cell, _ANY_DATES, zone)


def _text(cell: Cell, _column: Column, _zone: tzinfo) -> Reading:
    return Reading(" ".join(shown(cell).split()))


def _note(cell: Cell, _column: Column, _zone: tzinfo) -> Reading:
    return Reading(shown(cell))


def _key(cell: Cell, _column: Column, _zone: tzinfo) -> Reading:
    if isinstance(cell, str):
        return Reading(folded_key(cell))
    return Reading(shown(cell), "numeric_key", {"read": shown(cell)})


_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}")


def _email(cell: Cell, _column: Column, _zone: tzinfo) -> Reading:
    text = folded_key(shown(cell))
    return Reading(text) if _EMAIL.fullmatch(text) else Reading(None, "not_email")


# A number, then perhaps a unit. Words that multiply or blur the number (万, 打, 多...) are no units.
_AMOUNT = re.compile(r"([+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)\s*([^\W\d_]*)\.?")
_NO_UNIT = re.compile("[万千百十亿半多几余约打对双]|dozen|pair|^[ke]$", re.IGNORECASE)


def _amount(cell: Cell) -> tuple[Decimal, str] | None:
    """The number that *cell* holds and the unit typed after it; None when it is no plain number."""
    if isinstance(cell, int | float | Decimal):
        return (Decimal(str(cell)), "") if Decimal(str(cell)).is_finite() else None
    match = _AMOUNT.fullmatch(folded_key(cell)) if isinstance(cell, str) else None
    if match is None or _NO_UNIT.search(match[2]):
        return None
    return Decimal(match[1].replace(",", "")), match[2]


def _whole(cell: Cell, column: Column, _zone: tzinfo) -> Reading:
    amount = _amount(cell)
    if amount is None or amount[0] != amount[0].to_integral_value() or abs(amount[0]) > 10**9:
        return Reading(None, "not_whole")
    return _bounded(int(amount[0]), amount[1], column)


def _number(cell: Cell, column: Column, _zone: tzinfo) -> Reading:
    amount = _amount(cell)
    return _bounded(float(amount[0]), amount[1], column) if amount else Reading(None, "not_number")


def _bounded(value: float, unit: str, column: Column) -> Reading:
    if column.least is not None and value < column.least:
        return Reading(None, "below_least", {"least": str(column.least)})
    return Reading(value, "unit_dropped", {"read": shown(value)}) if unit else Reading(value)


_MONEY = re.compile(
    r"(?:[¥￥$]|RMB|CNY|人民币)?\s*(-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)"
    r"\s*(万|亿)?\s*(?:元|块|圆|RMB|CNY)?整?",
    re.IGNORECASE,
)
_TIMES = {"万": 10_000, "亿": 100_000_000, None: 1}


def _money(cell: Cell, _column: Column, _zone: tzinfo) -> Reading:
    match = _MONEY.fullmatch(folded_key(str(cell)))
    if match is None:
        return Reading(None, "not_money")
    try:
        value = Decimal(match[1].replace(",", "")) * _TIMES[match[2]]
    except InvalidOperation:
        return Reading(None, "not_money")
    if value < 0:
        return Reading(None, "below_least", {"least": "0"})
    whole = value.to_integral_value()
    return Reading(whole if whole == value else value)  # 12000.0 is what a sheet makes of 12000


_DAY = re.compile(
    r"(\d{4})(?:-(\d{1,2})-(\d{1,2})|/(\d{1,2})/(\d{1,2})|\.(\d{1,2})\.(\d{1,2})"
    r"|\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*日?)"
)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_TIME = re.compile(
    r"[T\s]\s*(\d{1,2})[:时](\d{1,2})(?:[:分](\d{1,2})(?:\.\d+)?秒?)?分?\s*(Z|[+-]\d{2}:?\d{2})?",
    re.IGNORECASE,
)


def _moment(cell: Cell, _column: Column, zone: tzinfo) -> Reading:
    when = _when(cell, zone)
    if when is None:
        return Reading(None, "not_date")
    return Reading(when) if when.year in _YEARS else Reading(None, "year_out_of_range")


def _date(cell: Cell, column: Column, zone: tzinfo) -> Reading:
    reading = _moment(cell, column, zone)
    return Reading(reading.value.date()) if reading.value else reading


def _when(cell: Cell, zone: tzinfo) -> datetime | None:
    """The wall time that *cell* states in *zone*; None when it states none."""
    if isinstance(cell, datetime):
        return _placed(cell, zone) if cell.tzinfo else cell
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001  # wall time
    if isinstance(cell, int | float | Decimal):
        return _when_numbered(float(cell), zone)
    return _when_written(folded_key(cell), zone) if isinstance(cell, str) else None


def _when_numbered(number: float, zone: tzinfo) -> datetime | None:
    if not math.isfinite(number):
        return None
    if int(number) in _SERIALS:
        return _FIRST_DAY + timedelta(seconds=round(number * 86_400))
    if int(number) in _MILLISECONDS:
        return datetime.fromtimestamp(number / 1000, UTC).astimezone(zone).replace(tzinfo=None, microsecond=0)
    return _when_written(str(int(number)), zone) if number.is_integer() else None


def _when_written(text: str, zone: tzinfo) -> datetime | None:
    day = _DAY.match(text) or _COMPACT.match(text)
    if day is None:
        return None
    time = _TIME.fullmatch(text, day.end()) if day.end() < len(text) else None
    if time is None and day.end() < len(text):
        return None
    year, month, of_month = (int(n) for n in day.groups() if n)
    hour, minute, second = (int(n or 0) for n in time.groups()[:3]) if time else (0, 0, 0)
    try:
        when = datetime(year, month, of_month, hour, minute, second)  # noqa: DTZ001  # wall time
        return (
            _placed(datetime.fromisoformat(f"{when.isoformat()}{time[4].upper()}"), zone) if time and time[4] else when
        )
    except ValueError:
        return None


def _placed(instant: datetime, zone: tzinfo) -> datetime | None:
    """The wall time of *instant* in *zone*; None at the ends of the calendar (9999-12-31, often meant as "never")."""
    try:
        return instant.astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        return None


_FLAGS = {
    **dict.fromkeys(("是", "y", "yes", "true", "1", "√", "✓", "✔", "☑", "对"), True),
    **dict.fromkeys(("否", "n", "no", "false", "0", "×", "✗", "☐"), False),
}


def _flag(cell: Cell, _column: Column, _zone: tzinfo) -> Reading:
    flag = _FLAGS.get(folded_key(shown(cell)).casefold())
    return Reading(flag) if flag is not None else Reading(None, "not_flag")


def _choice(cell: Cell, column: Column, _zone: tzinfo) -> Reading:
    wanted = folded_key(shown(cell)).casefold()
    choice = next((c for c in column.choices if c.casefold() == wanted), None)
    return Reading(choice) if choice else Reading(None, "not_choice", {"choices": " / ".join(column.choices)})


_ANY_DATES = Column("date", "", Kind.DATE, Words("", ""))
_SEPARATORS = re.compile(r"[,，、;；\r\n]+")


def _list(cell: Cell, _column: Column, _zone: tzinfo) -> Reading:
    names = (folded_key(name) for name in _SEPARATORS.split(shown(cell)))
    return Reading(tuple(dict.fromkeys(name for name in names if name)))


_READERS: Mapping[Kind, Callable[[Cell, Column, tzinfo], Reading]] = {
    Kind.KEY: _key,
    Kind.TEXT: _text,
    Kind.NOTE: _note,
    Kind.EMAIL: _email,
    Kind.COUNT: _whole,
    Kind.POINTS: _whole,
    Kind.MONEY: _money,
    Kind.NUMBER: _number,
    Kind.DATE: _date,
    Kind.MOMENT: _moment,
    Kind.FLAG: _flag,
    Kind.CHOICE: _choice,
    Kind.LIST: _list,
}

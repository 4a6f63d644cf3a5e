"""What becomes of a value that is typed into a cell, and how a cell shows its value."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from tests.emulators.google.refusals import Unemulated

Value = str | int | float | bool | None
EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  # a serial number is wall time
DAY_FIRST = {"fr_FR", "en_GB", "de_DE"}
DATE_FORMAT = {"type": "DATE", "pattern": "yyyy-mm-dd"}


class ErrorValue:
    """What a formula that went wrong shows."""

    __slots__ = ("kind", "message")

    def __init__(self, kind: str, message: str = "") -> None:
        self.kind, self.message = kind, message

    @property
    def text(self) -> str:
        return {"REF": "#REF!", "DIVIDE_BY_ZERO": "#DIV/0!"}[self.kind]


def serial(day: date) -> float | int:
    """The number that stands for a day, or for a day and time."""
    moment = day if isinstance(day, datetime) else datetime(day.year, day.month, day.day)  # noqa: DTZ001
    days = (moment - EPOCH) / timedelta(days=1)
    return int(days) if days == int(days) else days


def plain(value: float) -> float | int:
    """A number as JSON has it: whole ones without a fraction."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value


def _number(text: str) -> tuple[Value, dict[str, str] | None]:
    digits = text.replace(",", "")
    if "," not in text:
        return plain(float(text)), None
    return plain(float(digits)), {"type": "NUMBER", "pattern": "#,##0.00" if "." in text else "#,##0"}


def _percent(text: str) -> tuple[Value, dict[str, str] | None]:
    return float(text[:-1]) / 100, {"type": "PERCENT", "pattern": "0.00%" if "." in text else "0%"}


def _date(text: str) -> tuple[Value, dict[str, str] | None]:
    separator = "/" if "/" in text else "-"
    pattern = {"-": "yyyy-mm-dd", "/": "yyyy/mm/dd"}[separator]
    year, month, day = (int(part) for part in text.split(separator))
    return serial(date(year, month, day)), {"type": "DATE", "pattern": pattern}


def _american(text: str) -> tuple[Value, dict[str, str] | None]:
    month, day, year = (int(part) for part in text.split("/"))
    return serial(date(year, month, day)), {"type": "DATE", "pattern": "m/d/yyyy"}


def _moment(text: str) -> tuple[Value, dict[str, str] | None]:
    moment = datetime.fromisoformat(text)
    return serial(moment), {"type": "DATE_TIME", "pattern": "yyyy-mm-dd hh:mm:ss"}


_ENTERED: tuple[tuple[re.Pattern[str], Callable[[str], tuple[Value, dict[str, str] | None]]], ...] = (
    (re.compile(r"[-+]?(\d{1,3}(,\d{3})+|\d+)?(\.\d+)?(?<=\d)([eE][-+]?\d+)?|[-+]?\d+\."), _number),
    (re.compile(r"[-+]?\d+(\.\d+)?%"), _percent),
    (re.compile(r"\d{4}([-/])\d{1,2}\1\d{1,2}"), _date),
    (re.compile(r"\d{1,2}/\d{1,2}/\d{4}"), _american),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?"), _moment),
)


def entered(text: str, locale: str) -> tuple[Value, dict[str, str] | None]:
    """What a person's typing of *text* puts into a cell: the value, and the number format it brings along."""
    if text.startswith("'"):
        return text[1:], None
    if text.upper() in ("TRUE", "FALSE"):
        return text.upper() == "TRUE", None
    shape = text.strip()
    for pattern, read in _ENTERED:
        if pattern.fullmatch(shape):
            if locale in DAY_FIRST:
                raise Unemulated(f"typing {text!r} in the locale {locale}")
            try:
                return read(shape)
            except ValueError:
                return text, None
    return text, None


def general(value: float) -> str:
    """A number as a cell without a number format shows it."""
    if isinstance(value, int) or value.is_integer():
        return str(int(value)) if abs(value) < 1e15 else f"{value:.5E}"
    return f"{value:.10f}".rstrip("0").rstrip(".") if abs(value) >= 1e-4 else f"{value:.10g}"


_TIME = {
    "yyyy": "%Y", "yy": "%y", "mm": "%m", "dd": "%d", "hh": "%H", "ss": "%S", "m": "{0.month}", "d": "{0.day}",
    "h": "{0.hour}",
}  # fmt: skip


def _day(value: float, pattern: str) -> str:
    """A serial number as a date and time; after an hour, m is minutes."""
    moment = EPOCH + timedelta(seconds=round(value * 86400))
    found: list[str] = []
    for token in re.findall(r'"[^"]*"|y+|m+|d+|h+|s+|.', pattern.lower(), re.DOTALL):
        if token.startswith('"'):
            found.append(token.strip('"'))
        elif token == "mm" and any(part in ("%H", "{0.hour}") for part in found[-2:]):
            found.append("%M")
        elif token.isalpha() and token not in _TIME:
            raise Unemulated(f"the date format {pattern}")
        else:
            found.append(_TIME.get(token, token))
    return moment.strftime("".join(found)).format(moment)


_NUMBERS: dict[str, Callable[[float], str]] = {
    "0": lambda value: f"{value:.0f}",
    "0.0": lambda value: f"{value:.1f}",
    "0.00": lambda value: f"{value:.2f}",
    "#,##0": lambda value: f"{value:,.0f}",
    "#,##0.00": lambda value: f"{value:,.2f}",
    "0%": lambda value: f"{value * 100:.0f}%",
    "0.00%": lambda value: f"{value * 100:.2f}%",
}
DEFAULT_PATTERNS = {"DATE": "m/d/yyyy", "TIME": "h:mm:ss", "DATE_TIME": "m/d/yyyy h:mm:ss", "PERCENT": "0.00%"}
DAYS = frozenset({"DATE", "TIME", "DATE_TIME"})


def is_day(form: dict[str, Any] | None) -> bool:
    return bool(form) and (form or {}).get("numberFormat", {}).get("type") in DAYS


def shown(value: Value | ErrorValue, form: dict[str, Any] | None) -> str:
    """What a cell with the userEnteredFormat *form* shows."""
    if isinstance(value, str):
        return value
    if isinstance(value, ErrorValue):
        return value.text
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).upper()
    kind = (form or {}).get("numberFormat", {})
    pattern = kind.get("pattern") or DEFAULT_PATTERNS.get(kind.get("type", ""), "")
    if kind.get("type") in DAYS:
        return _day(value, pattern)
    if not pattern or pattern == "@" or kind.get("type") == "TEXT":
        return general(value)
    if pattern not in _NUMBERS:
        raise Unemulated(f"the number format {pattern}")
    return _NUMBERS[pattern](value)

"""Sheets that people might make, drawn from the declaration of the tables itself."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from hypothesis import strategies as st

from rules.policy import CalendarPolicy, OfficialDays
from rules.schema import MEMBER_TABLES, Column, Kind, Table
from rules.values import Book, Cell, ErrorCell, RawTable
from rules.words import Words
from tests.rules.sheets import BY_NAME, ZONE, grid

TODAY = date(2025, 11, 6)
"""The days of a drawn sheet lie around this one, so that loans are of every state on it."""

SIZES = {"members": (2, 4), "parts": (1, 2), "inventory": (0, 5), "requests": (0, 3), "loans": (0, 4), "adjustments": (0, 2), "routes": (0, 1), "holidays": (0, 2)}  # fmt: skip
KEYS = {"members": "中心{}", "parts": "P-{}", "requests": "R-{}", "loans": "L-{}"}
_WORDS = st.sampled_from(["", "媒体", "王强", "Model Y", "已等 26 天\n要发文", "{0}%s", "=1+1"])
_DAYS = st.integers(-60, 20).map(lambda n: TODAY + timedelta(n))

Cells = dict[str, Any]


def _plain(column: Column, row: Mapping[str, Any], keys: Mapping[str, list[str]]) -> st.SearchStrategy[Any]:
    """What a careful person types in *column* of *row*."""
    if column.choices:
        return st.sampled_from(column.choices)
    if column.refers_to and column.kind is not Kind.LIST:
        return st.sampled_from([key for key in keys[column.refers_to] if key != row.get(column.differs_from)])
    most = row.get(column.at_most) or 5
    earliest = row.get(column.not_before)
    by_kind: Mapping[Kind, st.SearchStrategy[Any]] = {
        Kind.TEXT: _WORDS,
        Kind.NOTE: _WORDS,
        Kind.EMAIL: st.sampled_from(["a@example.cn", "b@example.cn", "c@example.cn"]),
        Kind.COUNT: st.integers(column.least or 0, most),
        Kind.POINTS: st.integers(-3, 3),
        Kind.MONEY: st.sampled_from([0, 800, 12000, 99.5]),
        Kind.NUMBER: st.floats(column.least or -90, 90).map(lambda x: round(x, 2)),
        Kind.DATE: st.integers(0, 30).map(lambda n: earliest + timedelta(n)) if earliest else _DAYS,
        Kind.MOMENT: st.builds(datetime.combine, _DAYS, st.sampled_from([time(8), time(17, 30)])),
        Kind.FLAG: st.booleans(),
        Kind.LIST: st.lists(st.sampled_from(keys.get(column.refers_to) or ["-"]), max_size=2, unique=True).map(
            "、".join
        ),
    }
    return by_kind[column.kind]


@st.composite
def _rows(draw: st.DrawFn, table: Table, keys: dict[str, list[str]]) -> list[Cells]:
    """Rows of *table* without a mistake; *keys* gains those of this table."""
    count = draw(st.integers(*SIZES[table.name]))
    own = [KEYS[table.name].format(n) for n in range(count)] if table.name in KEYS else []
    if own:
        keys[table.name] = own
    rows: dict[tuple[Any, ...], Cells] = {}
    for n in range(count):
        row: Cells = {}
        for column in table.typed:
            if own and column.field in table.key:
                row[column.field] = own[n]
            elif column.required or draw(st.integers(0, 2)) == 0:
                if column.refers_to and not keys.get(column.refers_to):
                    continue
                row[column.field] = draw(
                    _plain(column, row, keys).filter(lambda cell: cell != "")
                    if column.required
                    else _plain(column, row, keys)
                )
        rows[tuple(row.get(name) for name in table.key) if table.key else (n,)] = row
    return list(rows.values())


@st.composite
def tables(draw: st.DrawFn) -> dict[str, list[Cells]]:
    """Every member table with rows that are all usable."""
    keys: dict[str, list[str]] = {}
    return {table.name: draw(_rows(table, keys)) for table in MEMBER_TABLES}


def _holiday(name: Words, first: date, length: int) -> dict[date, Words]:
    return {first + timedelta(n): name for n in range(length)}


OFFICIAL_2026 = OfficialDays(
    _holiday(Words("春节", "Spring Festival"), date(2026, 2, 15), 9)
    | _holiday(Words("国庆节", "National Day"), date(2026, 10, 1), 7),
    frozenset({date(2026, 2, 14), date(2026, 2, 28), date(2026, 9, 20), date(2026, 10, 10)}),
    last_year=2026,
)
"""Two holidays and the weekend days worked in exchange, as decreed."""


def official_days(holidays: list[tuple[int, int]], worked: set[int]) -> OfficialDays:
    """Days off, by their first and how many, and weekends worked; counted from TODAY."""
    off: dict[date, Words] = {}
    for n, length in holidays:
        off |= _holiday(Words("节", "Feast"), TODAY + timedelta(n), length)
    return OfficialDays(off, frozenset(TODAY + timedelta(n) for n in worked) - off.keys())


CALENDARS = st.tuples(
    st.builds(official_days, st.lists(st.tuples(st.integers(-25, 15), st.integers(1, 9)), max_size=3), st.sets(st.integers(-40, 40), max_size=6)),
    st.builds(CalendarPolicy, workdays_only=st.booleans()),
)  # fmt: skip
"""What is published for the weeks around TODAY, and whether reminders keep to workdays."""


def is_worked(day: date, official: OfficialDays) -> bool:
    """Whether people work on *day*, as published."""
    return day in official.worked or (day.weekday() < 5 and day not in official.off)


def as_book(rows: Mapping[str, list[Cells]]) -> Book:
    """The tables as a sheet."""
    return Book({name: grid(BY_NAME[name], cells) for name, cells in rows.items()})


WRONG: st.SearchStrategy[Cell] = st.sampled_from([
    "2个", "２", "两个", "-1", 2.5, "下周三", "10/23", "2025年10月23日", "20251023", 45953.0, "1999-01-01", "9999-12-31T23:59Z",
    ErrorCell("#REF!"), "#N/A", "#名称?", "", None, "　", "中心0", "中心 0", "中心9", "P-0", "R-1", "L-0", "l0", 7, 7.0, True, "是", "P0",
    "先借后还", "a@b", "1.2万", "{value}", "多\n行", date(2025, 10, 1), time(8, 0), float("nan"), float("inf"), "0" * 40, "x" * 300,
])  # fmt: skip


ANY_CELL = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.text(st.characters(), max_size=30),  # halves of characters too, which JSON can hold
    st.dates(),
    st.datetimes(timezones=st.sampled_from([None, UTC, ZONE])),
    st.times(),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.from_regex(r"[-+¥]?[0-9０-９]{1,14}[.,/年:-]?[0-9]{0,4}[个万元日T时 ]?[0-9Z:]{0,8}", fullmatch=True),
)
"""Whatever a backend may read: also what nobody could type."""


@st.composite
def scrambled(draw: st.DrawFn, rows: Mapping[str, RawTable]) -> Book:
    """A sheet of *rows*, headers included, with any cell in some places of any tab."""
    tabs = dict(rows)
    for name in draw(st.lists(st.sampled_from(sorted(tabs)), min_size=1, max_size=5)):
        lines = [list(line) for line in tabs[name].rows]
        line = draw(st.sampled_from(lines))
        if line:
            line[draw(st.integers(0, len(line) - 1))] = draw(ANY_CELL)
        tabs[name] = RawTable(tabs[name].title, lines)
    return Book(tabs)


@st.composite
def messy(draw: st.DrawFn) -> dict[str, list[Cells]]:
    """Tables as people leave them: units, widths, text for dates, blanks, errors, unknown names, doubles."""
    rows = draw(tables())
    for _ in range(draw(st.integers(1, 6))):
        name = draw(st.sampled_from([name for name, cells in rows.items() if cells]))
        table, cells = BY_NAME[name], rows[name]
        n = draw(st.integers(0, len(cells) - 1))
        spoilt = {**cells[n], draw(st.sampled_from(table.fields)): draw(WRONG)}
        rows[name] = [*cells, spoilt] if draw(st.integers(0, 3)) == 0 else [*cells[:n], spoilt, *cells[n + 1 :]]
    return rows


def moved_about(rows: Mapping[str, list[Cells]], shuffle: Any) -> dict[str, list[Cells]]:
    """The same rows in another order. shuffle: random.Random.shuffle."""
    result = {}
    for name, cells in rows.items():
        result[name] = list(cells)
        shuffle(result[name])
    return result


def raw(rows: Mapping[str, list[Cells]], name: str) -> RawTable:
    """One tab of the tables."""
    return as_book(rows).tabs[name]

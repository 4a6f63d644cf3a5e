"""The figures of the alliance (指标), each beside the references the source documents give.

How each one is made stands in rules/measures.py. Source: rules, section 8; the references: 备件调拨效率 of the source
document on the value of working together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rules import measures
from rules.facts import Facts, Measured, Rows
from rules.schema import TABLES
from rules.values import Row
from rules.words import Words

LISTED = 8
"""How many rows of a table 明细 names; `Figure.rows` has them all."""
_LONGEST_KEY = 40


@dataclass(frozen=True, slots=True)
class Reference:
    """A range to compare with, in the source's own words and in the unit of the figure."""

    words: Words
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. value: in *unit* (percent 0..100); None while it cannot be told, *note* says why.

    rows: table -> keys of the rows that made it, those to look at first before the others.
    """

    code: str
    name: Words
    value: float | None
    unit: Words
    traditional: Reference | None
    benchmark: Reference | None
    note: Words
    rows: Rows


@dataclass(frozen=True, slots=True)
class _Declared:
    code: str
    name: Words
    unit: Words
    measured: Callable[[Facts], Measured]
    traditional: Reference | None = None
    benchmark: Reference | None = None


_PERCENT, _HOURS, _LOANS = Words("%", "%"), Words("小时", "hours"), Words("笔", "loans")
_DAYS_3_TO_5 = Reference(Words("3-5天", "3-5 days"), 72, 120)
_HOURS_4_TO_8 = Reference(Words("4-8小时", "4-8 hours"), 4, 8)

_DECLARED = (
    _Declared(
        "fill_rate",
        Words("满足率", "fill rate"),
        _PERCENT,
        measures.fill_rate,
        Reference(Words("85-90%", "85-90%"), 85, 90),
        Reference(Words("95-98%", "95-98%"), 95, 98),
    ),
    _Declared("units_fill_rate", Words("件数满足率", "units fill rate"), _PERCENT, measures.units_fill_rate),
    _Declared(
        "median_hours",
        Words("到货用时（中位数）", "hours to receipt, median"),
        _HOURS,
        measures.median_hours,
        _DAYS_3_TO_5,
        _HOURS_4_TO_8,
    ),
    _Declared(
        "p90_hours",
        Words("到货用时（九成以内）", "hours to receipt, 9 of 10"),
        _HOURS,
        measures.p90_hours,
        _DAYS_3_TO_5,
        _HOURS_4_TO_8,
    ),
    _Declared(
        "turnover",
        Words("库存周转率", "stock turnover"),
        Words("次/年", "a year"),
        measures.turnover,
        Reference(Words("4-6次/年", "4-6 a year"), 4, 6),
        Reference(Words("10-12次/年", "10-12 a year"), 10, 12),
    ),
    _Declared(
        "dead_stock_rate",
        Words("呆滞率", "dead-stock rate"),
        _PERCENT,
        measures.dead_stock_rate,
        Reference(Words("10-15%", "10-15%"), 10, 15),
        Reference(Words("<5%", "<5%"), 0, 5),
    ),
    _Declared("on_time_rate", Words("归还按时率", "on-time return rate"), _PERCENT, measures.on_time_rate),
    _Declared("open_loans", Words("在借笔数", "open loans"), _LOANS, measures.open_loans),
    _Declared("overdue_loans", Words("逾期笔数", "overdue loans"), _LOANS, measures.overdue_loans),
    _Declared("value_at_risk", Words("逾期价值", "value at risk"), Words("元", "yuan"), measures.value_at_risk),
    _Declared("stale_rows", Words("过期库存", "stale inventory rows"), Words("行", "rows"), measures.stale_rows),
    _Declared("gini", Words("帮助次数基尼系数", "Gini of helped counts"), Words("", ""), measures.gini),
)


def figures(facts: Facts) -> list[Figure]:
    """Every figure of section 8, always in this order."""
    return [
        Figure(one.code, one.name, value, one.unit, one.traditional, one.benchmark, note, rows)
        for one in _DECLARED
        for value, note, rows in (one.measured(facts),)
    ]


def rows_of(found: Sequence[Figure], locale: str) -> list[Row]:
    """The rows of 指标."""
    return [
        (
            one.name.in_(locale),
            one.value,
            one.unit.in_(locale),
            *(ref.words.in_(locale) if ref else "" for ref in (one.traditional, one.benchmark)),
            one.note.in_(locale),
            drill_down(one.rows).in_(locale),
        )
        for one in found
    ]


def drill_down(rows: Rows) -> Words:
    """`求助 R-004、R-001 等 34 行；借调记录 L-7`: the first rows of each table, and how many there are."""
    titles = {table.name: table.title for table in TABLES}
    named = {titles[table]: keys for table, keys in rows.items() if keys}
    zh = "；".join(f"{title} {_listed(keys, '、')}{_rest(keys, ' 等 {n} 行')}" for title, keys in named.items())
    en = "; ".join(f"{title} {_listed(keys, ', ')}{_rest(keys, '… {n} rows')}" for title, keys in named.items())
    return Words(zh, en)


def _listed(keys: Sequence[str], between: str) -> str:
    shown = (key if len(key) <= _LONGEST_KEY else f"{key[: _LONGEST_KEY - 1]}…" for key in keys[:LISTED])
    return between.join(shown)


def _rest(keys: Sequence[str], words: str) -> str:
    return words.format(n=len(keys)) if len(keys) > LISTED else ""

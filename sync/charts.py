"""The charts of the report: each a drawing, what its colours mean, and the same figures as a table.

The summary of its section of the page is also what a screen reader says of it. Words come from the report's templates;
drawing is the business of sync/drawing.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from rules.monthly import Month
from rules.overview import Balances, Due, Idle, Stage
from sync.drawing import Bar, Series, Told, bars, columns, lines
from sync.wording import money, percent

BARS = 12
"""Bars of one chart: more do not fit on a phone's screen."""

STAGES = {"": "calm", "prepare": "accent", "friendly": "accent", "formal": "warn"}  # what follows is bad
GRADES = {"A": "good", "B": "accent", "C": "warn", "D": "bad"}
OUTCOMES = {"on_time": "good", "late": "warn", "compensated": "calm", "overdue": "bad"}
REFERENCES = {"traditional": "calm", "benchmark": "good"}
"""What stands in the page in which colour, by the classes of page.css."""

TRENDS: Mapping[str, tuple[tuple[str, ...], Callable[[float], str]]] = {
    "rates": (("fill_rate", "on_time_rate"), lambda value: f"{value:g}%"),
    "hours": (("median_hours",), lambda value: f"{value:g}"),
    "counts": (("requests", "lent"), lambda value: f"{value:g}"),
}
"""Charts of 月度指标: the columns that are drawn, and a value of theirs in words."""

Say = Mapping[str, Any]  # words of a template: texts, tables of texts, macros


@dataclass(frozen=True, slots=True)
class Chart:
    """heads and rows: the figures as a table. legend: class and meaning of each colour, none when all mean the same."""

    title: str
    drawing: Markup
    heads: Sequence[str]
    rows: Sequence[Sequence[object]]
    legend: Sequence[tuple[str, str]] = ()


def charts(facts: Mapping[str, Any], say: Say) -> dict[str, Chart]:  # what the templates read
    """Every chart that has something to show, by name."""
    seen = facts["seen"]
    shown: dict[str, tuple[Callable[[Any, Told, Say], Chart], Any]] = {  # each draws what stands beside it
        "points": (_points, seen.balances if any(map(any, seen.balances.of.values())) else ()),
        "loans": (_loans, seen.stages if facts["loans"]["total"] else ()),
        "due": (_due, seen.due),
        "credit": (_credit, facts["credit"]["rows"]),
        "dead": (_dead, [one for one in seen.dead if one.value]),
    }
    drawn = {name: draw(of, _told(name, name, facts, say), say) for name, (draw, of) in shown.items() if of}
    trends = {
        name: _trend(name, facts["months"], _told(name, "trend", facts, say), say)
        for name, (fields, _) in TRENDS.items()
        if any(getattr(month, field) is not None for month in facts["months"] for field in fields)
    }
    return drawn | trends | {one["code"]: _compared(one, say) for one in facts["figures"] if one["references"]}


def _told(name: str, section: str, facts: Mapping[str, Any], say: Say) -> Told:  # what the templates read
    return Told(name, say["CHARTS"][name], say[f"{section}_summary"](facts))


def _compared(figure: Mapping[str, Any], say: Say) -> Chart:  # a figure as the templates read it
    """A figure beside what is usual and what the best reach."""
    told = Told(figure["code"], figure["name"], say["figure_summary"](figure))
    drawn = [Bar(say["OURS"], figure["value"] or 0, figure["says"], "accent")]
    for kind, words, least, most in figure["references"]:
        drawn.append(Bar(say["REFERENCES"][kind], least, words, REFERENCES[kind], most))
    rows = [(bar.name, bar.says) for bar in drawn]
    return Chart(told.title, bars(told, drawn), _columns(say, "whose", "figure"), rows)


def _trend(name: str, months: Sequence[Month], told: Told, say: Say) -> Chart:
    """Some columns of 月度指标 over time."""
    fields, says = TRENDS[name]
    places = [month.month for month in months]
    legend = [(f"s{place}", say["COLS"][field]) for place, field in enumerate(fields, start=1)]
    of = [[getattr(month, field) for month in months] for field in fields]
    series = [Series(looks, values) for (looks, _), values in zip(legend, of, strict=True)]
    rows = [
        (place, *("" if value is None else says(value) for value in values))
        for place, *values in zip(places, *of, strict=True)
    ]
    return Chart(told.title, lines(told, places, series, says), _columns(say, "month", *fields), rows, legend)


def _points(of: Balances, told: Told, say: Say) -> Chart:
    """Points of some members at the end of each month."""
    legend = [(f"s{place}", center) for place, center in enumerate(of.of, start=1)]
    series = [Series(looks, of.of[center]) for looks, center in legend]
    rows = [(month, *(line[at] for line in of.of.values())) for at, month in enumerate(of.months)]
    return Chart(told.title, lines(told, of.months, series), [say["COLS"]["month"], *of.of], rows, legend)


def _loans(stages: Sequence[Stage], told: Told, say: Say) -> Chart:
    """Loans out by the stage of the ladder they have reached."""
    rows = [(say["STAGES"][stage.stage], stage.loans, stage.units) for stage in stages]
    drawn = [
        Bar(name, loans, str(loans), STAGES.get(s.stage, "bad"))
        for s, (name, loans, _) in zip(stages, rows, strict=True)
    ]
    return Chart(told.title, bars(told, drawn), _columns(say, "stage", "loans", "units"), rows)


def _due(months: Sequence[Due], told: Told, say: Say) -> Chart:
    """What became of the loans due in each month."""
    legend = [(looks, say["COLS"][outcome]) for outcome, looks in OUTCOMES.items()]
    rows = [(due.month, *(getattr(due, outcome) for outcome in OUTCOMES)) for due in months]
    places, *layers = zip(*rows, strict=True)
    series = [Series(looks, layer) for looks, layer in zip(OUTCOMES.values(), layers, strict=True)]
    return Chart(told.title, columns(told, places, series), _columns(say, "month", *OUTCOMES), rows, legend)


def _credit(records: Sequence[Mapping[str, Any]], told: Told, say: Say) -> Chart:  # rows of 信用档案
    """Each member's rate of loans returned on time, the lowest first."""
    rows = [(row["center"], percent(row["on_time_rate"]), row["grade"]) for row in records[:BARS]]
    drawn = [
        Bar(center, row["on_time_rate"], rate, GRADES[grade])
        for row, (center, rate, grade) in zip(records, rows, strict=False)
    ]
    return Chart(told.title, bars(told, drawn, most=1), _columns(say, "center", "rate", "grade"), rows)


def _dead(stock: Sequence[Idle], told: Told, say: Say) -> Chart:
    """Value of dead stock by member, the most first."""
    values: dict[str, Decimal] = {}
    for one in stock:
        values[one.center] = values.get(one.center, Decimal(0)) + (one.value or 0)
    most = sorted(values.items(), key=lambda of: (-of[1], of[0]))[:BARS]
    drawn = [Bar(center, float(value), money(value).removesuffix(".00"), "warn") for center, value in most]
    rows = [(center, money(value)) for center, value in most]
    return Chart(told.title, bars(told, drawn), _columns(say, "center", "value"), rows)


def _columns(say: Say, *names: str) -> list[str]:
    return [say["COLS"][name] for name in names]

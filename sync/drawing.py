"""Pictures for the report: small SVGs drawn by pygal, made bare, so that the page's own style sheet colours them.

A picture is drawn for a phone: 320 units wide with text of 13, so that it can be read at 360 pixels and only grows from
there. What pygal adds for a page of its own (scripts, styles, tooltips, the date) is taken out: the same figures give
the same bytes. Text stays text. Importing this module imports pygal: only who makes a report does.
"""

from __future__ import annotations

import itertools
import math
import re
import sys
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

import pygal  # type: ignore[import-untyped]  # it has no types
from markupsafe import Markup
from pygal.style import Style  # type: ignore[import-untyped]  # it has no types

# pygal leaves a hook for map plugins in the way of every later import, of a kind that Python no longer knows.
sys.meta_path[:] = [hook for hook in sys.meta_path if not isinstance(hook, pygal.PluginImportFixer)]

WIDTH, HEIGHT, TEXT = 320, 200, 13
ROW = 28
"""Height of one horizontal bar."""

LABEL = 8
"""Widest name beside a bar, in Chinese characters; the rest is cut, and stands in the table."""

_STYLE = Style(label_font_size=TEXT, major_label_font_size=TEXT, value_font_size=TEXT)
_COMMON: dict[str, Any] = {  # settings of pygal, of any type
    "width": WIDTH,
    "margin": 6,
    "spacing": 6,
    "style": _STYLE,
    "show_legend": False,
    "no_data_text": "",
    "truncate_label": -1,
    "no_prefix": True,
    "js": (),
    "css": (),
}


@dataclass(frozen=True, slots=True)
class Told:
    """What a picture is called and what it shows, for those who do not see it. key: unique on its page."""

    key: str
    title: str
    summary: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One horizontal bar: its name, how long it is, what stands at its end, and the class that colours it.

    upto: the bar goes on to there, pale: a range.
    """

    name: str
    length: float
    says: str
    looks: str
    upto: float = 0


@dataclass(frozen=True, slots=True)
class Series:
    """One line, or one layer of columns: the class that colours it, and a value for each place on the axis."""

    looks: str
    values: Sequence[float | None]


def bars(told: Told, rows: Sequence[Bar], most: float = 0) -> Markup:
    """Horizontal bars, the first on top. most: the length that fills the width when no bar is longer."""
    names = [_shortened(row.name) for row in rows]
    beside, after = max(map(_width, names), default=0), max((_width(row.says) for row in rows), default=0)
    chart = pygal.HorizontalStackedBar(
        **_COMMON,
        height=ROW * len(rows) + 12,
        margin_left=6 + max(beside - 0.6 * TEXT * max(map(len, names), default=0), 0),  # it counts 0.6 a character
        margin_right=6 + after,
        range=(0, max([most, *(max(row.length, row.upto) for row in rows)]) or 1),
        rounded_bars=2,
        print_values=True,
        print_values_position="top",
        show_x_labels=False,
        show_y_guides=False,
    )
    chart.x_labels = names[::-1]
    upwards = rows[::-1]
    chart.add("", [{"value": row.length, "formatter": _silent} for row in upwards])
    chart.add("", [{"value": max(row.upto - row.length, 0), "formatter": _saying(row)} for row in upwards])
    return _bare(chart, told, "bars", ["solid", "pale"], [row.looks for row in upwards])


def _silent(_: float) -> str:
    return ""


def _saying(row: Bar) -> Callable[[float], str]:
    return lambda _: row.says


def columns(told: Told, places: Sequence[str], layers: Sequence[Series], says: Callable[[float], str] = str) -> Markup:
    """One column for each of *places*, made of *layers*, the first at the bottom. says: a value as on the axis."""
    tops = [sum(value or 0 for value in column) for column in zip(*(layer.values for layer in layers), strict=True)]
    return _drawn(pygal.StackedBar(**_COMMON), told, "columns", places, layers, _ticks(tops), says)


def lines(told: Told, places: Sequence[str], series: Sequence[Series], says: Callable[[float], str] = str) -> Markup:
    """A line for each of *series*, with a gap where there is no value."""
    chart = pygal.Line(**_COMMON, allow_interruptions=True, dots_size=3)
    ticks = _ticks([value for one in series for value in one.values if value is not None])
    return _drawn(chart, told, "lines", places, series, ticks, says)


def _drawn(
    chart: Any,  # a pygal chart
    told: Told,
    kind: str,
    places: Sequence[str],
    series: Sequence[Series],
    ticks: Sequence[float],
    says: Callable[[float], str],
) -> Markup:
    """A chart over time: as many names under the axis as there is room for, the last one always; few lines across."""
    every = -(-len(places) // 4)
    chart.config(
        height=HEIGHT,
        x_labels=list(places),
        x_labels_major=[name for i, name in enumerate(reversed(places)) if i % every == 0],
        y_labels=list(ticks),
        range=(ticks[0], ticks[-1]),
        value_formatter=says,
        show_minor_x_labels=False,
        margin_right=26,  # half of the last name
    )
    for one in series:
        chart.add("", list(one.values))
    return _bare(chart, told, kind, [one.looks for one in series])


def _ticks(values: Sequence[float]) -> list[float]:
    """Four to six round values that span *values* and 0, with equal steps of 1, 2 or 5 times a power of ten."""
    low, high = min([0, *values]), max([1, *values])
    steps = (digit * 10**power for power in itertools.count() for digit in (1, 2, 5))
    step = next(step for step in steps if (high - low) / step <= 4)  # noqa: PLR2004  # lines across are few
    return [step * n for n in range(math.floor(low / step), math.ceil(high / step) + 1)]


def _bare(chart: Any, told: Told, kind: str, layers: Sequence[str], looks: Sequence[str] = ()) -> Markup:  # of pygal
    """The picture without what a page of its own would need, and with what a screen reader says of it.

    layers: the class of each series; looks: that of each bar in them.
    """
    root = chart.render_tree()
    _strip(root)
    for at, layer in enumerate(layers):
        for series in root.iterfind(f".//*[@class='series serie-{at} color-{at}']"):
            series.set("class", f"series {layer}")
            for look, bar in zip(looks, series.iterfind(".//*[@class='bar']"), strict=False):
                bar.set("class", f"bar {look}")
    root.attrib.pop("id")
    root.attrib.update({"class": f"chart {kind}", "role": "img", "aria-labelledby": f"{told.key}-t {told.key}-d"})
    for place, (name, text) in enumerate((("title", told.title), ("desc", told.summary))):
        node = ET.Element(name, id=f"{told.key}-{name[0]}")
        node.text = text
        root.insert(place, node)
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704  # every text in it was escaped just now


_DROPPED = ("defs", "desc", "title", ET.Comment)
_HOOKS = re.compile(r" (?:reactive|tooltip-trigger)")
_FAR = re.compile(r"-?\d+\.\d+")


def _strip(node: Any) -> None:  # an element of ElementTree
    """Take out scripts, styles, tooltips, groups and texts left empty; keep one decimal of each coordinate."""
    for child in list(node):
        _strip(child)
        empty = (child.tag == "g" and not len(child)) or (child.tag == "text" and not child.text)
        if child.tag in _DROPPED or empty or child.get("class") in ("background", "tooltip", "tooltip-box"):
            node.remove(child)
    node.attrib.pop("style", None)
    for name, value in node.attrib.items():
        if name == "class":
            node.set(name, _HOOKS.sub("", value))
        elif name not in ("id", "xmlns"):
            node.set(name, _FAR.sub(lambda far: f"{float(far[0]):.1f}".removesuffix(".0"), value))


def _shortened(name: str) -> str:
    """*name*, cut to what fits beside a bar."""
    while _width(name) > LABEL * TEXT:
        name = name.removesuffix("…")[:-1] + "…"
    return name


def _width(text: str) -> float:
    """How wide a text is drawn: a Chinese character is as wide as it is high, others about 0.6 of that."""
    return sum(TEXT if unicodedata.east_asian_width(sign) in "WF" else 0.62 * TEXT for sign in text)

"""Drawings: bare, the same for the same figures, and readable by those who do not see them."""

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.drawing import Bar, Series, Told, _ticks, bars, columns, lines

TOLD = Told("key", "按时率 <b>", 'A & B 的 "率"')
MONTHS = [f"2025-{n:02d}" for n in range(1, 13)]
DRAWINGS = {
    "bars": lambda name="甲": bars(TOLD, [Bar(name, 5, "5 次", "good"), Bar("乙", 0, "0 次", "bad", 3)]),
    "columns": lambda: columns(TOLD, MONTHS, [Series("good", range(12)), Series("bad", [1] * 12)]),
    "lines": lambda: lines(TOLD, MONTHS, [Series("s1", [None, *range(11)]), Series("s2", [-3] * 12)]),
    "one point": lambda: lines(TOLD, ["2025-01"], [Series("s1", [2])]),
    "nothing": lambda: columns(TOLD, MONTHS, [Series("good", [0] * 12)]),
}


@pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS)
def test_nothing_but_the_drawing_is_left(draw):
    svg = str(draw())
    assert svg == str(draw())
    assert (
        re.findall(r"<script|<style|<defs|<!--|style=|onload|href|pygal|tooltip|reactive|\.\d\d", svg, re.IGNORECASE)
        == []
    )
    root = ET.fromstring(svg)
    assert root.get("role") == "img"
    assert [root.find(f".//*[@id='{name}']").text for name in root.get("aria-labelledby").split()] == [
        TOLD.title,
        TOLD.summary,
    ]


def test_a_bar_has_its_colour_its_name_and_what_it_says():
    texts = [
        node.text
        for node in ET.fromstring(str(bars(TOLD, [Bar("甲<乙", 5, "5 次", "good")]))).iter()
        if node.tag.endswith("text")
    ]
    assert texts == ["甲<乙", "5 次"]
    assert DRAWINGS["bars"]().count('class="bar good"') == 2  # solid, and the pale rest up to the end of a range


def test_a_long_name_is_cut_to_its_room():
    drawn = DRAWINGS["bars"]("华东大区上海浦东服务中心")
    assert "华东大区上海浦…" in drawn
    assert "服务中心" not in drawn


@given(st.lists(st.floats(-(10**9), 10**9), max_size=9))
def test_few_round_steps_span_all_values_and_zero(values):
    ticks = _ticks(values)
    assert min([0, *values]) >= ticks[0]
    assert max([1, *values]) <= ticks[-1]
    assert 0 in ticks
    assert 2 <= len(ticks) <= 6
    assert len({b - a for a, b in pairwise(ticks)}) == 1

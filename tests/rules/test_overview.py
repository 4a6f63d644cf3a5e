"""What the page about the alliance counts: the same as the sheet, in another order."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings

from rules import ladder
from rules.figures import Figure, Reference
from rules.overview import (
    Balances,
    Due,
    Help,
    Matrix,
    Stage,
    balances,
    ends,
    matrix,
    months_to,
    overview,
    reached,
)
from rules.schema import LOAN_STATES, STANDINGS
from rules.words import Words
from tests.rules.sheets import POLICY, adjustment, book, decided, loan, part
from tests.rules.strategies import TODAY, as_book, messy

DAY = date(2025, 12, 1)


def seen(as_of: date = DAY, **tables):
    return overview(decided(book(**tables), as_of), as_of, POLICY)


def test_who_helped_whom_counts_effective_loans_and_their_units():
    loans = [
        loan("L-1", 数量=2),
        loan("L-2"),
        loan("L-3", "华中", "华东", 数量=5),
        loan("L-4", 作废="是"),
        loan("L-5", 借出日期=""),
        loan("L-6", 借出日期="2025-12-02"),
    ]
    assert seen(loans=loans).helped == (Help("华东", "华北", 2, 3), Help("华中", "华东", 1, 5))


def test_the_matrix_holds_those_who_deal_most_in_the_order_of_the_standings():
    helps = (Help("甲", "乙", 3, 3), Help("乙", "丙", 2, 2), Help("丁", "甲", 1, 9))
    assert matrix(helps, ["丙", "乙", "甲", "丁", "戊"], 3) == Matrix(
        ("丙", "乙", "甲"), ((0,) * 3, (2, 0, 0), (0, 3, 0)), 1
    )
    assert matrix(helps, ["丙", "乙", "甲", "丁", "戊"], 9).left_out == 0
    assert matrix((), ["甲"], 3) == Matrix((), (), 0)


def test_who_helped_before_leaving_stays_in_the_matrix():
    helps = (Help("甲", "乙", 3, 3), Help("乙", "丙", 2, 2), Help("丁", "甲", 1, 9))
    assert matrix(helps, ["丙", "乙"], 9) == Matrix(
        ("丙", "乙", "丁", "甲"), ((0,) * 4, (2, 0, 0, 0), (0, 0, 0, 1), (0, 3, 0, 0)), 0
    )


def test_months_end_with_the_one_asked_for():
    assert months_to(date(2025, 3, 31), 4) == ("2024-12", "2025-01", "2025-02", "2025-03")


POSTINGS = (
    (date(2024, 6, 1), "甲", 4, 4, "调整", "", ""),
    (date(2025, 9, 30), "甲", 1, 5, "帮助", "L-1", ""),
    (date(2025, 11, 2), "乙", -1, -1, "受助", "L-2", ""),
    (date(2025, 11, 3), "乙", -1, -2, "受助", "L-3", ""),
)


def test_points_at_the_end_of_a_month_are_those_of_the_last_posting_up_to_it():
    found = balances(POSTINGS, ["甲", "乙"], DAY)
    assert (found.months[0], found.months[-1]) == ("2025-01", "2025-12")
    assert found.of["甲"] == (4,) * 8 + (5,) * 4
    assert found.of["乙"] == (0,) * 10 + (-2, -2)


def test_months_before_the_first_posting_are_left_out():
    assert balances(POSTINGS[1:], ["甲", "乙"], DAY).months == ("2025-09", "2025-10", "2025-11", "2025-12")
    assert balances((), ["甲"], DAY) == Balances(months_to(DAY), {"甲": (0,) * 12})


def test_many_lines_are_cut_to_the_first_and_the_last():
    assert ends("abcdefgh", 4) == ("a", "b", "g", "h")
    assert ends("abcd", 4) == ("a", "b", "c", "d")


OUTCOMES = (
    ({"归还日期": "2025-11-06"}, Due("2025-11", 1, 0, 0, 0)),
    ({"归还日期": "2025-11-07"}, Due("2025-11", 0, 1, 0, 0)),
    ({"已还数量": 1}, Due("2025-11", 1, 0, 0, 0)),
    ({"赔偿日期": "2025-11-20"}, Due("2025-11", 0, 0, 1, 0)),
    ({}, Due("2025-11", 0, 0, 0, 1)),
    ({"延期至": "2025-12-20"}, Due("2025-11", 0, 0, 0, 0)),
    ({"方案": "配件互换", "归还日期": "2025-11-06"}, Due("2025-11", 0, 0, 0, 0)),
    ({"作废": "是"}, Due("2025-11", 0, 0, 0, 0)),
    ({"借出日期": ""}, Due("2025-11", 0, 0, 0, 0)),
)


@pytest.mark.parametrize(("cells", "due"), OUTCOMES)
def test_what_became_of_a_loan_counts_in_the_month_it_was_due(cells, due):
    found = {
        one.month: one
        for one in seen(loans=[loan("L-0", 借出日期="2025-06-01", 归还日期="2025-06-02"), loan("L-1", **cells)]).due
    }
    assert found["2025-11"] == due


def test_every_stage_has_its_loans_and_units():
    loans = [
        loan("L-1", 数量=3, 已还数量=1, 借出日期="2025-11-10"),
        loan("L-2", 借出日期="2025-11-10"),
        loan("L-3", 借出日期="2025-12-01"),
        loan("L-4", 归还日期="2025-11-01"),
    ]
    names = [rung.stage for rung in POLICY.overdue.ladder]
    found = seen(loans=loans).stages
    assert [stage.stage for stage in found] == ["", *names]
    assert [stage for stage in found if stage.loans] == [Stage("", 1, 1), Stage("compensate", 2, 3)]


def test_dead_stock_is_listed_by_value_and_without_a_price_last():
    rows = [
        {"服务中心": "华东", "配件编号": "P-2", "在库数量": 3, "最近出库": "2025-01-01"},
        {"服务中心": "华东", "配件编号": "P-1", "在库数量": 1, "最近出库": "2025-08-01"},
        {"服务中心": "华北", "配件编号": "P-1", "在库数量": 0, "最近出库": "2025-01-01"},
        {"服务中心": "华北", "配件编号": "P-2", "在库数量": 1, "最近出库": "2025-11-01"},
        {"服务中心": "华北", "配件编号": "P-3", "在库数量": 2, "最近出库": "2025-01-01"},
    ]
    found = seen(parts=(part("P-1"), part("P-2", 单价=800), part("P-3", 单价="")), inventory=rows).dead
    assert [(one.part_no, one.units, one.value) for one in found] == [
        ("P-1", 1, Decimal(12000)),
        ("P-2", 3, Decimal(2400)),
        ("P-3", 2, None),
    ]
    assert found[0].days == 122


def figure(value, usual, best):
    name = Words("率", "rate")
    references = (Reference(name, *bounds) if bounds else None for bounds in (usual, best))
    return Figure("rate", name, value, name, *references, name, {})


@pytest.mark.parametrize(
    ("value", "usual", "best", "how_far"),
    [
        (95.0, (85, 90), (95, 98), "benchmark"),
        (94.9, (85, 90), (95, 98), "traditional"),
        (84.9, (85, 90), (95, 98), "below"),
        (8.0, (72, 120), (4, 8), "benchmark"),
        (72.0, (72, 120), (4, 8), "traditional"),
        (120.1, (72, 120), (4, 8), "below"),
        (None, (85, 90), (95, 98), ""),
        (50.0, None, None, ""),
    ],
)
def test_a_figure_is_told_how_far_it_has_come(value, usual, best, how_far):
    assert reached(figure(value, usual, best)) == how_far


@given(rows=messy())
@settings(max_examples=25, deadline=None)
def test_the_page_counts_what_the_sheet_counts(rows):
    plan = decided(as_book(rows), TODAY)
    found = overview(plan, TODAY, POLICY)
    standings = [dict(zip(STANDINGS.fields, row, strict=True)) for row in plan.rows["standings"]]
    states = [dict(zip(LOAN_STATES.fields, row, strict=True)) for row in plan.rows["loan_states"]]
    assert {center: line[-1] for center, line in found.balances.of.items()} == {
        row["center"]: row["balance"] for row in standings
    }
    assert sum(stage.loans for stage in found.stages) == sum(row["state"] in ladder.OUT for row in states)
    assert sum(one.loans for one in found.helped) == sum(map(sum, found.matrix.counts))


def test_an_adjustment_moves_the_line():
    found = seen(adjustments=[adjustment("华北", 3, "2025-11-15")])
    assert found.balances.of["华北"] == (3, 3)
    assert found.balances.months == ("2025-11", "2025-12")

"""The trend by month: what was asked for, lent and due in each, and how it went. Rules, section 8."""

from dataclasses import asdict
from datetime import date

import pytest
from hypothesis import given

from rules.decide import look
from rules.monthly import MONTHS
from tests.rules.sheets import POLICY, ZONE, book, loan, request
from tests.rules.strategies import TODAY, as_book, messy
from tests.rules.test_laws import laws

AS_OF = date(2025, 11, 6)


def months(as_of=AS_OF, sheet=None, **rows):
    """Month -> field -> figure."""
    trend = look(sheet or book(**rows), as_of, POLICY, ZONE).months
    return {month.month: asdict(month) for month in trend}


def of(month, fields, **rows):
    return tuple(months(**rows)[month][field] for field in fields.split())


REQUESTS = [
    request("R-1", 需要日期="2025-10-25", 数量=3),
    request("R-2", 状态="已满足"),
    request("R-3"),
    request("R-4", 提出时间="2025-11-01 00:00", 状态="已取消"),
    request("R-5", 提出时间="2025-10-31 23:59", 状态="已取消"),
]
LOANS = [
    loan("L-1", 求助编号="R-1", 签收日期="2025-10-24", 归还日期="2025-11-06"),
    loan("L-2", "华中", 求助编号="R-1", 签收日期="2025-11-01", 借出日期="2025-10-31", 到期日期="2025-10-31", 数量=2),
    loan("L-3", 借出日期="2025-11-01", 到期日期="2025-11-06"),
    loan("L-4", "华中", 借出日期="2025-09-30", 到期日期="2025-10-01", 归还日期="2025-10-02"),
    loan("L-5", 借出日期="2025-11-02", 到期日期="2025-12-01", 归还日期="2025-11-03"),
    loan("L-6", 借出日期="2025-11-05", 作废="是"),
]


@pytest.mark.parametrize(
    ("month", "fields", "figures"),
    [
        ("2025-09", "requests decided fill_rate units_fill_rate median_hours", (0, 0, None, None, None)),
        ("2025-10", "requests decided fill_rate units_fill_rate", (4, 3, 33.3, 40.0)),
        ("2025-11", "requests decided fill_rate units_fill_rate", (1, 1, 0.0, 0.0)),
        ("2025-10", "median_hours", (112.0,)),
        ("2025-11", "median_hours", (304.0,)),
        ("2025-09", "lent units_lent lenders", (1, 1, 1)),
        ("2025-10", "lent units_lent lenders", (2, 3, 2)),
        ("2025-11", "lent units_lent lenders", (2, 2, 1)),
        ("2025-10", "due on_time_rate overdue", (2, 0.0, 1)),
        ("2025-11", "due on_time_rate overdue", (1, 100.0, 0)),
    ],
)
def test_each_month_has_what_was_asked_lent_received_and_due_in_it(month, fields, figures):
    """What is due today and not back counts from tomorrow on, and what is due next month not before."""
    assert of(month, fields, requests=REQUESTS, loans=LOANS) == figures


def test_the_trend_begins_with_the_first_month_of_anything_and_leaves_out_none():
    loans = [loan("L-1", 借出日期="2025-06-30", 到期日期="2026-06-30"), loan("L-2", 借出日期="2025-11-07")]
    assert list(months(loans=loans)) == ["2025-06", "2025-07", "2025-08", "2025-09", "2025-10", "2025-11"]


def test_the_trend_goes_back_two_years_and_no_further():
    old = [loan("L-1", 借出日期="2023-11-30"), loan("L-2", 借出日期="2023-12-01")]
    trend = months(loans=old)
    assert (len(trend), min(trend), max(trend)) == (MONTHS, "2023-12", "2025-11")
    assert sum(month["lent"] for month in trend.values()) == 1


def test_without_anything_there_is_no_trend():
    assert months() == {}


def test_a_month_that_is_over_stays_as_it_was():
    """The next run adds a month and changes none whose requests and loans are at an end."""
    rows = {"requests": REQUESTS[:2], "loans": LOANS[:1]}
    october = months(date(2025, 11, 30), **rows)["2025-10"]
    assert months(date(2026, 2, 1), **rows)["2025-10"] == october


@laws(15)
@given(messy())
def test_months_add_up_to_the_figures(rows):
    """Everything a drawn sheet dates lies within two years, and what is dated ahead counts in neither."""
    sheet = as_book(rows)
    shown = {one.code: one for one in look(sheet, TODAY, POLICY, ZONE).figures}
    trend = months(TODAY, sheet).values()
    decided, overdue = (sum(month[field] for month in trend) for field in ("decided", "overdue"))
    assert decided == len(shown["fill_rate"].rows["requests"])
    assert overdue == shown["overdue_loans"].value

"""Which days are worked: the week, what is published, what members type. Spring Festival and National Day of 2026."""

from datetime import date, timedelta
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.policy import CalendarPolicy, OfficialDays, Policy
from rules.workdays import Workdays, workdays
from tests.rules.sheets import POLICY, after, book, decided, loan, settled, taken_in, told
from tests.rules.strategies import CALENDARS, OFFICIAL_2026, TODAY, is_worked

ON_WORKDAYS = CalendarPolicy(workdays_only=True)


def of(*rows, official=OFFICIAL_2026) -> Workdays:
    """The workdays with *rows* of 节假日: (day, kind) or (day, kind, name)."""
    typed = [dict(zip(("日期", "类型", "名称"), row, strict=False)) for row in rows]
    return workdays(official, taken_in(book(holidays=typed)).frames["holidays"], ON_WORKDAYS)


@cache
def nothing_typed():
    return taken_in(book()).frames["holidays"]


def around(calendar: Workdays, day: str) -> tuple[str, str]:
    """The workday not after *day* and the one not before it, as month-day."""
    days = np.array([day], dtype="datetime64[D]")
    return str(calendar.before(days)[0])[5:], str(calendar.after(days)[0])[5:]


@pytest.mark.parametrize(
    ("day", "before", "after"),
    [
        ("2026-02-13", "02-13", "02-13"),
        ("2026-02-14", "02-14", "02-14"),  # Saturday, worked in exchange
        ("2026-02-15", "02-14", "02-24"),
        ("2026-02-18", "02-14", "02-24"),
        ("2026-02-23", "02-14", "02-24"),
        ("2026-02-28", "02-28", "02-28"),  # Saturday, worked in exchange
        ("2026-03-01", "02-28", "03-02"),  # any Sunday
        ("2026-09-20", "09-20", "09-20"),  # Sunday, worked in exchange
        ("2026-10-03", "09-30", "10-08"),
        ("2026-10-10", "10-10", "10-10"),  # Saturday, worked in exchange
        ("2027-02-06", "02-05", "02-08"),  # nobody knows yet: a Saturday
        ("2027-02-08", "02-08", "02-08"),  # nobody knows yet: a Monday in the festival
    ],
)
def test_a_day_off_lies_between_two_workdays(day, before, after):
    assert around(of(), day) == (before, after)


@pytest.mark.parametrize(
    ("row", "day", "before", "after", "name"),
    [
        (("2026-10-08", "休"), "2026-10-08", "09-30", "10-09", "联盟"),
        (("2026-10-08", "休", "盘点日"), "2026-10-08", "09-30", "10-09", "盘点日"),
        (("2026-10-05", "班"), "2026-10-05", "10-05", "10-05", None),
        (("2026-10-05", "班", "值班"), "2026-10-03", "09-30", "10-05", "国庆节"),
        (("2026-10-10", "休"), "2026-10-10", "10-09", "10-12", "联盟"),  # no exchange after all
        (("2026-10-17", "班"), "2026-10-17", "10-17", "10-17", None),  # a Saturday of our own
        (("2026-10-05", "休"), "2026-10-05", "09-30", "10-08", "国庆节"),  # off it was; its name stays
        (("2026-10-05", "休", "年会"), "2026-10-05", "09-30", "10-08", "年会"),
    ],
)
def test_what_members_type_counts(row, day, before, after, name):
    calendar = of(row)
    assert around(calendar, day) == (before, after)
    off = calendar.off.get(date.fromisoformat(day))
    assert (off and off.zh) == name


def test_without_anything_published_the_table_stands_alone():
    calendar = of(("2026-10-08", "休"), ("2026-10-10", "班"), official=OfficialDays())
    assert [around(calendar, day) for day in ("2026-10-01", "2026-10-08", "2026-10-10", "2026-10-11")] == [
        ("10-01", "10-01"), ("10-07", "10-09"), ("10-10", "10-10"), ("10-10", "10-12")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "problems"),
    [
        ([{"日期": "下周三", "类型": "休"}], [("error", "not_date", 2, "date")]),
        ([{"日期": "2026-10-08", "类型": "放假"}], [("error", "not_choice", 2, "kind")]),
        ([{"日期": "2026-10-08"}], [("error", "required_blank", 2, "kind")]),
        (
            [{"日期": "2026-10-08", "类型": "休"}, {"日期": "20261008", "类型": "班"}],
            [("error", "duplicate_key", 2, "date"), ("error", "duplicate_key", 3, "date")],
        ),
    ],
)
def test_a_row_that_cannot_be_read_is_a_problem_and_no_day(rows, problems):
    sheet = book(holidays=rows)
    assert told(sheet, "holidays") == problems
    assert taken_in(sheet).frames["holidays"].empty
    keys = {p.key for p in taken_in(sheet).problems}
    assert keys <= {"", "2026-10-08"}


def test_a_blank_day_stays_blank():
    blank = np.array(["NaT", "2026-10-03"], dtype="datetime64[D]")
    assert np.isnat(of().before(blank)).tolist() == np.isnat(of().after(blank)).tolist() == [True, False]


@settings(max_examples=40, deadline=None)
@given(CALENDARS, st.integers(-60, 60))
def test_the_workdays_around_a_day_are_the_nearest_ones(chosen, n):
    """Against a walk from day to day."""
    official, _ = chosen
    calendar = workdays(official, nothing_typed(), ON_WORKDAYS)
    day = TODAY + timedelta(n)
    back, on = day, day
    while not is_worked(back, official):
        back -= timedelta(1)
    while not is_worked(on, official):
        on += timedelta(1)
    assert around(calendar, day.isoformat()) == (back.isoformat()[5:], on.isoformat()[5:])
    assert (calendar.last_before(day) == back) == (back < day)
    assert calendar.first_from(day) == on


# --- a year that nobody knows yet -----------------------------------------------------------------------------------

KNOWN = Policy(alliance=POLICY.alliance, loans=POLICY.loans, official=OFFICIAL_2026)


def unknown_years(as_of: str, *loans, policy=KNOWN, **tables) -> list[str]:
    return [
        p.value for p in decided(book(loans=loans, **tables), as_of, policy).problems if p.code == "year_unpublished"
    ]


@pytest.mark.parametrize(
    ("as_of", "cells", "years"),
    [
        ("2026-11-01", {"到期日期": "2026-12-31"}, []),
        ("2026-11-01", {"到期日期": "2027-01-01"}, ["2027"]),
        ("2026-11-01", {"到期日期": "2027-01-01", "归还日期": "2026-10-20"}, []),
        ("2026-11-01", {"到期日期": "2027-01-01", "作废": "是"}, []),
        ("2026-11-01", {"到期日期": "2028-02-01"}, ["2028"]),
        ("2026-12-03", {"归还日期": "2026-10-20"}, []),
        ("2026-12-04", {"归还日期": "2026-10-20"}, ["2027"]),  # four weeks ahead
        ("2027-03-01", {"归还日期": "2026-10-20"}, ["2027"]),
        ("2010-03-01", {"借出日期": "2010-02-20"}, []),
    ],
)
def test_a_year_without_holidays_is_said_when_a_day_in_it_matters(as_of, cells, years):
    sheet = loan("L-1", **{"借出日期": "2026-10-01", **cells})
    assert unknown_years(as_of, sheet) == years
    assert unknown_years(as_of, sheet, policy=POLICY) == []  # nothing is published there, so nothing is missing


def test_who_types_its_days_off_has_said_them():
    far = loan("L-1", 借出日期="2026-10-01", 到期日期="2027-01-01")
    assert unknown_years("2026-11-01", far, holidays=[{"日期": "2027-02-06", "类型": "休"}]) == []
    assert unknown_years("2026-11-01", far, holidays=[{"日期": "2027-02-07", "类型": "班"}]) == ["2027"]


def test_a_year_without_holidays_is_told_once():
    sheet, said = settled(book(loans=[loan("L-1", 借出日期="2026-10-01", 到期日期="2027-01-01")]), "2026-10-20"), []
    for as_of in (date(2026, 11, 1), date(2026, 11, 8), date(2026, 12, 6), date(2026, 12, 20)):
        plan = decided(sheet, as_of, KNOWN)
        said += [
            item.problem for x in plan.letters if x.kind == "problems" for item in x.items if "2027" in item.problem
        ]
        assert any("未公布" in str(row) for row in plan.rows["issues"])
        sheet = after(sheet, plan, as_of)
    assert len(said) == 1
    assert "未公布" in said[0]

"""The published holidays, as they were decreed. The figures are those of the State Council's notices."""

from collections.abc import Iterator
from datetime import date, timedelta

import pandas as pd
import pytest

from rules.policy import CalendarPolicy, OfficialDays
from rules.words import Words
from rules.workdays import workdays
from sync.calendar import official_days

NOTHING_TYPED = pd.DataFrame({"date": pd.Series([], dtype="datetime64[s]"), "kind": [], "name": []})
CHINA = workdays(official_days("CN"), NOTHING_TYPED, CalendarPolicy())


def days_of(year: int) -> Iterator[date]:
    first = date(year, 1, 1)
    return (first + timedelta(n) for n in range((date(year + 1, 1, 1) - first).days))


@pytest.mark.parametrize(("year", "worked", "in_exchange"), [(2024, 251, 8), (2025, 248, 5), (2026, 248, 6)])
def test_a_year_has_the_workdays_that_were_decreed(year, worked, in_exchange):
    assert sum(CHINA.first_from(day) == day for day in days_of(year)) == worked
    assert sum(day.year == year for day in CHINA.worked) == in_exchange


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2026, 2, 15), Words("春节", "Spring Festival")),
        (date(2026, 2, 23), Words("春节", "Spring Festival")),
        (date(2026, 2, 24), None),
        (date(2026, 2, 14), None),  # a Saturday that is worked
        (date(2025, 10, 8), Words("国庆节", "National Day")),
        (date(2026, 10, 3), Words("国庆节", "National Day")),  # a Saturday in the holiday
        (date(2026, 10, 17), None),  # any Saturday
    ],
)
def test_a_day_off_has_the_name_of_its_holiday(day, name):
    assert CHINA.off.get(day) == name


def test_of_a_country_nobody_asks_for_no_year_is_missing():
    assert official_days("none") == OfficialDays()
    assert official_days("CN").last_year >= 2026

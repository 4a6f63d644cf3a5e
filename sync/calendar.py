"""What states have published about their holidays, as a value for the rules.

The days come from chinesecalendar, which follows the notices of the State Council a year at a time.
"""

from __future__ import annotations

from functools import cache

from rules.policy import OfficialDays
from rules.words import Words


@cache
def official_days(country: str) -> OfficialDays:
    """The published days of *country* ("CN"); of any other none, and none is missing."""
    if country != "CN":
        return OfficialDays()
    from chinese_calendar import Holiday, holidays, workdays  # type: ignore[import-untyped]  # ships no types

    names = {holiday.value: Words(holiday.chinese, holiday.value) for holiday in Holiday}
    last_year = max(day.year for day in holidays)
    return OfficialDays({day: names[name] for day, name in holidays.items()}, frozenset(workdays), last_year)

"""Which days are worked, and on which holiday a day falls.

Monday to Friday, unless the state has published otherwise (holidays, and weekend days worked in exchange for them),
unless the tab 节假日 says otherwise. Source: interface, `calendar`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import pandas as pd

from rules.dates import Days, plain
from rules.policy import CalendarPolicy, OfficialDays
from rules.schema import OFF
from rules.words import Words

_SPAN = ("2000-01-01", "2121-01-01")
"""The days a sheet can name, and twenty years for the ladder above the last of them."""

_NAMELESS = Words("联盟", "the alliance's own")


@dataclass(frozen=True)
class Workdays:
    """The days of one alliance.

    off: days off by name, weekends only where a holiday covers them; worked: weekend days that are worked all the same.
    last_year: see `OfficialDays`; typed_years: those of which 节假日 names days off. moves: reminders keep to workdays.
    """

    off: Mapping[date, Words] = field(default_factory=dict)
    worked: frozenset[date] = frozenset()
    last_year: int | None = None
    typed_years: frozenset[int] = frozenset()
    moves: bool = False

    def before(self, days: Days) -> Days:
        """Each of *days* that is worked, else the last workday before it; NaT where blank."""
        return np.busday_offset(days, 0, roll="preceding", busdaycal=self._calendar)

    def after(self, days: Days) -> Days:
        """Each of *days* that is worked, else the first workday after it; NaT where blank."""
        return np.busday_offset(days, 0, roll="following", busdaycal=self._calendar)

    def last_before(self, day: date) -> date:
        """The last workday before *day*."""
        before: date = self.before(np.array([day - timedelta(days=1)], dtype="datetime64[D]"))[0].item()
        return before

    def first_from(self, day: date) -> date:
        """*day* when it is worked, else the first workday after it."""
        after: date = self.after(np.array([day], dtype="datetime64[D]"))[0].item()
        return after

    def unpublished(self, days: Iterable[date]) -> list[int]:
        """The years of *days* of which nobody has said the holidays yet, so that only weekends count as off."""
        if self.last_year is None:
            return []
        return sorted({day.year for day in days if day.year > self.last_year} - self.typed_years)

    @cached_property
    def _calendar(self) -> np.busdaycalendar:
        """Every day but those off: numpy knows holidays in a week, not weekends that are worked."""
        every = np.arange(*_SPAN, dtype="datetime64[D]")
        off, worked = (np.array(list(chosen), dtype="datetime64[D]") for chosen in (self.off, self.worked))
        rest = ~np.is_busday(every, holidays=off) & ~np.isin(every, worked)
        return np.busdaycalendar("1111111", every[rest])


def workdays(official: OfficialDays, holidays: pd.DataFrame, calendar: CalendarPolicy) -> Workdays:
    """The published days, and the rows of 节假日 over them."""
    off, worked, typed_years = dict(official.off), set(official.worked), set()
    days = plain(holidays["date"].to_numpy().astype("datetime64[D]"))
    for day, kind, name in zip(days, holidays["kind"].tolist(), holidays["name"].tolist(), strict=True):
        assert day is not None  # a required column
        if kind == OFF:
            worked.discard(day)
            off[day] = Words(name, name) if name else off.get(day, _NAMELESS)
            typed_years.add(day.year)
        else:
            off.pop(day, None)
            worked.add(day)
    return Workdays(off, frozenset(worked), official.last_year, frozenset(typed_years), calendar.workdays_only)

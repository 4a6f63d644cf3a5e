"""The trend by month (月度指标): what was asked for, lent and due in each, and how it went.

Made anew from the members' rows at each run, so a month changes only when they do, or when its requests and loans come
to an end. Source: rules, section 8, figures as in rules/measures.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rules.dates import Days, Mask, day, days
from rules.facts import Facts
from rules.ladder import Ints
from rules.ledger import effective
from rules.measures import middle
from rules.rounding import percent
from rules.values import Row

MONTHS = 24
"""How far back the trend goes; the members' rows keep what is older."""


@dataclass(frozen=True, slots=True)
class Month:
    """One month, `2025-10`. Rates are percent; None when there is nothing to divide by, or nothing was received.

    requests, decided, fill_rate, units_fill_rate: of the requests made in it, as they stand now. median_hours: over the
    loans received in it. lent, units_lent, lenders: loans lent in it, their units, and how many members lent. due,
    on_time_rate, overdue: loans due in it that are settled or overdue, how many came back in time, those overdue now.
    """

    month: str
    requests: int
    decided: int
    fill_rate: float | None
    units_fill_rate: float | None
    median_hours: float | None
    lent: int
    units_lent: int
    lenders: int
    due: int
    on_time_rate: float | None
    overdue: int


def months(facts: Facts) -> list[Month]:
    """The last 24 months up to that of *as_of*, the oldest first, from the first one in which anything happened.

    A month without anything has its row too, so that the rows are evenly spaced. What is dated ahead is not there yet.
    """
    counts = _Counts(facts)
    columns = (*counts.of_requests(), counts.median_hours(), *counts.of_lending(), *counts.of_returns())
    rows = list(zip(*columns, strict=True))
    begun = next((i for i, row in enumerate(rows) if any(row)), MONTHS)
    return [Month(str(counts.first + i), *rows[i]) for i in range(begun, MONTHS)]


def rows_of(found: Sequence[Month]) -> list[Row]:
    """The rows of 月度指标."""
    return [astuple(month) for month in found]


class _Counts:
    """The columns of the trend, each a list with one entry a month."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self.first = day(facts.states.as_of).astype("datetime64[M]") - (MONTHS - 1)

    def _months(self, when: Days, chosen: Mask) -> tuple[Ints, Mask]:
        """For each entry its month, counted from the first; and which of the *chosen*, none after *as_of*, have one."""
        month = (when.astype("datetime64[M]") - self.first).astype(np.int64)
        return month, chosen & (month >= 0)

    def _sums(self, month: Ints, chosen: Mask, weights: npt.NDArray[np.integer] | None = None) -> list[int]:
        picked = None if weights is None else weights[chosen]
        return _listed(np.bincount(month[chosen], picked, minlength=MONTHS))

    def of_requests(self) -> tuple[Sequence[float | None], ...]:
        """Made, decided, fill rate, units fill rate."""
        served, requests = self._facts.served, self._facts.frames["requests"]
        month, made = self._months(days(requests["requested_at"]), served.made)
        decided = made & served.decided
        sums = (
            self._sums(month, decided),
            self._sums(month, made & served.in_time),
            self._sums(month, decided, requests["qty"].to_numpy()),
            self._sums(month, decided, served.units),
        )
        rates = [(percent(filled, of), percent(came, wanted)) for of, filled, wanted, came in zip(*sums, strict=True)]
        return self._sums(month, made), sums[0], *(list(column) for column in zip(*rates, strict=True))

    def median_hours(self) -> list[float | None]:
        """From request to receipt, by month of receipt."""
        served = self._facts.served
        month, timed = self._months(served.day, served.seconds > 0)
        return [middle(np.sort(served.seconds[timed & (month == i)])) for i in range(MONTHS)]

    def of_lending(self) -> tuple[list[int], ...]:
        """Loans, units, and members that lent."""
        loans = self._facts.frames["loans"]
        month, lent = self._months(days(loans["lent_on"]), effective(loans, self._facts.states.as_of))
        size = max(len(self._facts.present), 1)
        pairs = np.unique(month[lent] * size + loans["lender"].cat.codes.to_numpy()[lent])
        lenders = _listed(np.bincount(pairs // size, minlength=MONTHS))
        return self._sums(month, lent), self._sums(month, lent, loans["qty"].to_numpy()), lenders

    def of_returns(self) -> tuple[Sequence[float | None], ...]:
        """Loans due that are settled or overdue, the share that came back in time, and those overdue."""
        states, returns, overdue = self._facts.states, self._facts.returns, self._facts.overdue
        by_now = states.due <= day(states.as_of)
        month, due = self._months(states.due, (returns.settled | overdue) & by_now)
        of = self._sums(month, due)
        rates = [percent(*counts) for counts in zip(self._sums(month, due & returns.on_time), of, strict=True)]
        return of, rates, self._sums(month, due & overdue)


def _listed(sums: npt.NDArray[Any]) -> list[int]:
    listed: list[int] = sums.astype(np.int64).tolist()
    return listed

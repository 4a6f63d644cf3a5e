"""Loans -> each member's lending record: how it gave back what it borrowed, and how much to lend it next.

Source: rules, section 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from rules.dates import Mask, days
from rules.items import Record
from rules.ladder import COMPENSATED, OVERDUE, RETURNED, VOID, LoanStates
from rules.ledger import effective, has_left
from rules.rounding import half_up
from rules.schema import CREDIT
from rules.values import Row

GRADES = (("A", 90), ("B", 75), ("C", 60), ("D", 0))
"""The least score of each grade."""

_TRUST = 4, 5
"""Every member starts with four settled loans of five on time: a newcomer's rate is .8."""
_PER_OVERDUE, _PER_DAMAGE = 10, 5


def records(
    members: pd.DataFrame, states: LoanStates, p0_requests: Mapping[str, int], max_units: int
) -> dict[str, Record]:
    """The record of every member, by center; those who left only when a loan that is not cancelled names them.

    Effective loans count, as borrower unless said. Closed: returned or compensated. A 配件互换 is received and helped;
    it is neither open nor closed, since nothing is to come back, unless its row says that it did. On time: back by its
    due date; also when the units are back and nobody wrote the day, since no one is blamed without a date. A
    compensated loan is closed, neither on time nor late. p0_requests: center -> requests that are or were P0.
    """
    named = _named(members, states)
    p0 = [p0_requests.get(center, 0) for center in members["center"]]
    figures = zip(*(count.tolist() for count in _counts(len(members), states)), p0, strict=True)
    return {
        center: _record(counts, max_units)
        for center, counts, shown in zip(members["center"], figures, named.tolist(), strict=True)
        if shown
    }


def rows_of(found: Mapping[str, Record]) -> list[Row]:
    """The rows of 信用档案, by center."""
    return [(center, *(getattr(found[center], field) for field in CREDIT.fields[1:])) for center in sorted(found)]


class GivenBack(NamedTuple):
    """Which effective loans are settled, and how; one entry for each loan. settled: returned or compensated."""

    settled: Mask
    on_time: Mask
    late: Mask


def given_back(states: LoanStates) -> GivenBack:
    """How loans were given back. On time as in `records`."""
    counts = effective(states.loans, states.as_of)
    returned = counts & (states.state == RETURNED)
    late = returned & (_days_over(states) > 0)
    return GivenBack(returned | (counts & (states.state == COMPENSATED)), returned & ~late, late)


def _days_over(states: LoanStates) -> npt.NDArray[np.int64]:
    """Days from the due date to the day the last unit came back; NaT is the least number: not late."""
    return (days(states.loans["returned_on"]) - states.due).astype(np.int64)


def _named(members: pd.DataFrame, states: LoanStates) -> Mask:
    """True for members who are there, or whom a loan names."""
    named = ~has_left(members, states.as_of)
    for side in ("lender", "borrower"):
        named[states.loans[side].cat.codes.to_numpy()[states.state != VOID]] = True
    return named


def _counts(size: int, states: LoanStates) -> list[npt.NDArray[np.int64]]:
    """One count for each member: received, helped, closed, on time, late, open, overdue, damaged, days late."""
    loans = states.loans
    counts = effective(loans, states.as_of)
    lender, borrower = (loans[side].cat.codes.to_numpy() for side in ("lender", "borrower"))
    settled, on_time, late = given_back(states)
    chosen = (
        (borrower, counts),
        (lender, counts),
        (borrower, settled),
        (borrower, on_time),
        (borrower, late),
        (borrower, states.out),
        (borrower, states.state == OVERDUE),
        (borrower, counts & (loans["damaged_qty"].to_numpy() > 0)),
    )
    totals = [np.bincount(codes[which], minlength=size) for codes, which in chosen]
    return [*totals, np.bincount(borrower[late], _days_over(states)[late], minlength=size).astype(np.int64)]


def _record(counts: tuple[int, ...], max_units: int) -> Record:
    received, helped, closed, on_time, late, still_out, overdue, damaged, days_late, p0 = counts
    kept, of = on_time + _TRUST[0], closed + _TRUST[1]
    score = min(max(half_up(100 * kept, of) - _PER_OVERDUE * overdue - _PER_DAMAGE * damaged, 0), 100)
    return Record(
        received=received,
        helped=helped,
        closed=closed,
        on_time=on_time,
        late=late,
        mean_days_late=half_up(10 * days_late, late) / 10 if late else 0.0,
        open=still_out,
        overdue_now=overdue,
        damaged=damaged,
        p0_requests=p0,
        on_time_rate=half_up(1000 * kept, of) / 1000,
        score=score,
        grade=next(grade for grade, least in GRADES if score >= least),
        limit=_limit(closed, on_time, overdue, max_units),
    )


def _limit(closed: int, on_time: int, overdue: int, max_units: int) -> int:
    """Small first, then bigger: nothing while something is overdue, one unit to a newcomer."""
    if overdue:
        return 0
    return min(1 + on_time, max_units) if closed else 1

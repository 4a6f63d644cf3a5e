"""Requests and the loans that served them -> which were filled by the day they were needed, and how long it took.

Source: rules, section 8, the figures of requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from rules.dates import Days, Mask, day, days, known
from rules.ladder import Ints
from rules.ledger import effective
from rules.schema import CANCELLED, CLOSED_STATUSES, SATISFIED

_A_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """How each request stands on *as_of*, one entry for each row of the requests frame; and the loans that came.

    made: asked by then. decided: its outcome is known. in_time: decided, and filled by the day it was needed. units:
    of those wanted, how many came in time. withdrawn: decided as 已取消. undated: in time by the benefit of the doubt.
    loan, request: positions of the loans that came for a request, and of that request. day: when each came, NaT when
    nobody wrote it. seconds: from the request to the end of that day; below 1 when the day is unknown or before it.
    """

    made: Mask
    decided: Mask
    in_time: Mask
    units: Ints
    withdrawn: Mask
    undated: Mask
    loan: Ints
    request: Ints
    day: Days
    seconds: Ints


def fulfilment(requests: pd.DataFrame, loans: pd.DataFrame, as_of: date) -> Fulfilment:
    """What became of each request by *as_of*.

    Filled: units received cover what was wanted, or a person says 已满足. In time: the units were there by 需要日期, or
    at all where that is blank. Units whose day nobody wrote are in time, and so is a request that is 已满足 while none
    of its units is known to be late: no one is blamed without a date. Decided: filled, closed, or its 需要日期 is
    past. So a request that is 已取消 and whose units never came counts as not filled: the customer gave up. A
    request made by mistake is deleted. Units beyond what was wanted count for nothing.
    """
    loan, request, came_on = _arrivals(requests, loans, as_of)
    qty, needed_by = requests["qty"].to_numpy(), days(requests["needed_by"])
    brought = loans["qty"].to_numpy()[loan]
    late, vague = came_on > needed_by[request], ~known(came_on)
    units_late, units_vague, units = (
        np.bincount(request, brought * which, minlength=len(requests)).astype(np.int64)
        for which in (late, vague, np.ones(len(loan), dtype=bool))
    )
    said = (requests["status"] == SATISFIED).to_numpy()
    closed = requests["status"].isin(CLOSED_STATUSES).to_numpy()
    made, past = days(requests["requested_at"]) <= day(as_of), needed_by < day(as_of)
    filled = said | (units >= qty)
    decided = made & (filled | closed | past)
    in_time = decided & (((units - units_late) >= qty) | (said & (units_late == 0)))
    return Fulfilment(
        made=made,
        decided=decided,
        in_time=in_time,
        units=np.where(in_time, qty, np.minimum(units - units_late, qty)),
        withdrawn=decided & ~in_time & (requests["status"] == CANCELLED).to_numpy(),
        undated=in_time & past & (units - units_late - units_vague < qty),
        loan=loan,
        request=request,
        day=came_on,
        seconds=_seconds(requests, request, came_on),
    )


def _arrivals(requests: pd.DataFrame, loans: pd.DataFrame, as_of: date) -> tuple[Ints, Ints, Days]:
    """The loans whose units have come for a request: their positions, the request of each, and the day, NaT if unknown.

    Units that came back had arrived, whatever 签收日期 says. Those that were paid for may have been lost on the way.
    """
    codes = loans["request_id"].cat.codes.to_numpy().astype(np.int64)
    received_on = days(loans["received_on"])
    back = ~known(received_on) & (loans["returned_qty"].to_numpy() > 0)
    came = effective(loans, as_of) & (codes >= 0) & (back | (received_on <= day(as_of)))
    asked_on = days(requests["requested_at"])
    at = np.flatnonzero(came)
    at = at[asked_on[codes[at]] <= day(as_of)]
    return at, codes[at], received_on[at]


def _seconds(requests: pd.DataFrame, request: Ints, came_on: Days) -> Ints:
    """From the request to the end of the day of receipt, the latest it can have been; NaT is the least number."""
    asked = requests["requested_at"].to_numpy().astype("datetime64[s]")[request]
    seconds: Ints = ((came_on + _A_DAY).astype("datetime64[s]") - asked).astype(np.int64)
    return seconds

"""What the rules find wrong with loans and stock that can be read: nothing is left out, somebody should look.

Source: table contract (保价金额, 单价), rules, section 4 (no_supervisor); the source's 风险控制: damage on the way, and
a lender that changes its mind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd

from rules import queue, settlement
from rules.dates import Mask, day, days, known, plain
from rules.ladder import CLAIMED, VOID, LoanStates
from rules.ledger import has_left
from rules.policy import LoansPolicy, Policy, Rung
from rules.problems import Problem
from rules.schema import HOLIDAYS
from rules.supply import Supply


def of_loans(
    states: LoanStates,
    prices: Mapping[str, Decimal | None],
    members: pd.DataFrame,
    requests: pd.DataFrame,
    policy: Policy,
) -> list[Problem]:
    """Every warning about loans, in no particular order."""
    ladder = policy.overdue.ladder
    return [
        *_partly_returned(states),
        *_under_insured(states, prices),
        *_on_the_way(states, policy.loans),
        *_damaged(states, prices),
        *_no_unit_value(states, prices, ladder),
        *_no_supervisor(states, members, ladder),
        *_retracted(states, requests, members),
        *_unpublished(states),
    ]


def _partly_returned(states: LoanStates) -> list[Problem]:
    """A return date is the day the last unit came back, so units cannot still be out."""
    loans = states.loans
    chosen = loans["returned_on"].notna().to_numpy() & (states.outstanding > 0) & (states.state != VOID)
    columns = (loans[name][chosen].tolist() for name in ("loan_id", "row", "returned_qty", "qty"))
    return [
        Problem("warning", "partly_returned", "loans", key, row, "returned_qty", str(back), {"bound": str(qty)})
        for key, row, back, qty in zip(*columns, strict=True)
    ]


def _under_insured(states: LoanStates, prices: Mapping[str, Decimal | None]) -> list[Problem]:
    """Insured below unit value × quantity, while units are out."""
    loans = states.loans
    chosen = loans["insured_value"].notna().to_numpy() & states.out
    columns = (
        loans[name][chosen].astype(object).tolist() for name in ("loan_id", "row", "insured_value", "part_no", "qty")
    )
    return [
        Problem(
            "warning",
            "under_insured",
            "loans",
            key,
            row,
            "insured_value",
            f"{insured:f}",
            {"bound": f"{price * qty:f}"},
        )
        for key, row, insured, part, qty in zip(*columns, strict=True)
        if (price := prices[part]) is not None and insured < price * qty
    ]


def _on_the_way(states: LoanStates, terms: LoansPolicy) -> Iterator[Problem]:
    """Parcels that should show by now: no number a few days after lending, no receipt a few days later.

    Only of loans that are out, so that no old row is warned of for ever: a 配件互换 is done with once it is shipped.
    Units that came back have arrived, whatever 签收日期 says.
    """
    loans = states.loans
    arrived = known(days(loans["received_on"])) | (loans["returned_qty"].to_numpy() > 0)
    sent = days(loans["lent_on"])
    for code, field, patience, lacking in (
        ("no_tracking", "tracking_no", terms.tracking_days, (loans["tracking_no"] == "").to_numpy()),
        ("not_received", "received_on", terms.transit_days, ~arrived),
    ):
        chosen = states.out & ~arrived & lacking & (sent + np.timedelta64(patience, "D") <= day(states.as_of))
        columns = (loans[name][chosen].astype(object).tolist() for name in ("loan_id", "row", "lender"))
        for key, row, lender, lent_on in zip(*columns, plain(sent[chosen]), strict=True):
            yield Problem("warning", code, "loans", key, row, field, "", {"lent_on": str(lent_on), "lender": lender})


def _damaged(states: LoanStates, prices: Mapping[str, Decimal | None]) -> list[Problem]:
    """Units were damaged and nobody has paid for them."""
    chosen = settlement.unpaid_damage(states)
    names = ("loan_id", "row", "damaged_qty", "part_no", "lender", "borrower")
    columns = (states.loans[name][chosen].astype(object).tolist() for name in names)
    return [
        Problem(
            "warning",
            "damaged_units",
            "loans",
            key,
            row,
            "damaged_qty",
            str(units),
            {
                "lender": lender,
                "borrower": borrower,
                "claim": "—" if (price := prices[part]) is None else f"{price * units:f}",
            },
        )
        for key, row, units, part, lender, borrower in zip(*columns, strict=True)
    ]


def _retracted(states: LoanStates, requests: pd.DataFrame, members: pd.DataFrame) -> Iterator[Problem]:
    """A lender had agreed and has not shipped: its row is cancelled, or it stands among those that declined.

    A cancelled row is news while the request lacks units and the same lender has not agreed anew.
    """
    loans, columns = states.loans, ("loan_id", "row", "lender", "qty", "request_id", "cancelled")
    at = loans["request_id"].cat.codes.to_numpy()
    sent = days(loans["lent_on"])
    serving = at >= 0
    serving[serving] = queue.live(requests, members, states.as_of)[at[serving]]
    agreed = serving & ~loans["cancelled"].to_numpy()
    firm = set(loans.loc[agreed, ["request_id", "lender"]].itertuples(index=False, name=None))
    declined = dict(zip(requests["request_id"], requests["declined_by"], strict=True))
    lacking = dict(zip(requests["request_id"], queue.open_units(requests, loans).tolist(), strict=True))
    waiting: Mask = serving & ~(known(sent) & (sent <= day(states.as_of)))
    for key, row, lender, units, request, void in loans.loc[waiting, columns].itertuples(index=False, name=None):
        open_again = min(units, lacking[request]) if (request, lender) not in firm else 0
        lost = open_again if void else units * (lender in declined[request])
        if lost > 0:
            facts = {"request": request, "units": str(lost)}
            yield Problem("warning", "promise_retracted", "loans", key, row, "lender", lender, facts)


def _no_unit_value(states: LoanStates, prices: Mapping[str, Decimal | None], ladder: Sequence[Rung]) -> list[Problem]:
    """A claim is due, for units not returned or damaged, and the part has no price; said at the loan that lacks it."""
    claimed = [i for i, rung in enumerate(ladder) if rung.stage == CLAIMED]
    chosen = np.isin(states.reached, claimed) | settlement.unpaid_damage(states)
    columns = (states.loans[name][chosen].astype(object).tolist() for name in ("loan_id", "row", "part_no"))
    return [
        Problem("warning", "no_unit_value", "loans", key, row, "part_no", part, {"loan": key})
        for key, row, part in zip(*columns, strict=True)
        if prices[part] is None
    ]


def _no_supervisor(states: LoanStates, members: pd.DataFrame, ladder: Sequence[Rung]) -> list[Problem]:
    """A loan is out and may come to a rung that copies the supervisor, and the borrower has none on record."""
    if not any("supervisor" in rung.cc for rung in ladder):
        return []
    borrowers = set(states.loans["borrower"][states.out])
    columns = (members[name].tolist() for name in ("center", "row", "supervisor_email"))
    return [
        Problem("warning", "no_supervisor", "members", center, row, "supervisor_email", "", {"center": center})
        for center, row, address in zip(*columns, strict=True)
        if center in borrowers and not address
    ]


_AHEAD = timedelta(weeks=4)
"""How far ahead a year without holidays matters, whatever is due."""


def _unpublished(states: LoanStates) -> Iterator[Problem]:
    """A loan is due in a year whose holidays nobody has said yet, or that year is near."""
    ahead = [*states.due[states.out].tolist(), states.as_of, states.as_of + _AHEAD]
    for year in states.workdays.unpublished(ahead):
        yield Problem("warning", "year_unpublished", "holidays", "", 0, "", str(year), {"tab": HOLIDAYS.title})


def of_stock(inventory: pd.DataFrame, members: pd.DataFrame, stock: Supply, as_of: date, most: int) -> list[Problem]:
    """A warning for each member whose stock was counted more than *most* days ago, at the row that waits longest.

    It names the day of that count, so that it is news again only after another one.
    """
    there = ~has_left(members, as_of)[inventory["center"].cat.codes.to_numpy()]
    rows = np.flatnonzero(stock.stale & there)
    columns = (inventory[name].iloc[rows].astype(object).tolist() for name in ("center", "row"))
    counts: dict[str, list[tuple[date, int]]] = {}
    for center, row, counted in zip(*columns, days(inventory["updated_on"])[rows].tolist(), strict=True):
        counts.setdefault(center, []).append((counted, row))
    return [
        _stale(center, *min(found), {"center": center, "count": str(len(found)), "most": str(most)})
        for center, found in counts.items()
    ]


def _stale(center: str, counted: date, row: int, facts: Mapping[str, str]) -> Problem:
    return Problem("warning", "stale_stock", "inventory", center, row, "updated_on", str(counted), facts)

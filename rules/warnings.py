"""What the rules find wrong with loans that can be read: nothing is left out, somebody should look.

Source: table contract (保价金额, 单价), rules, section 4 (no_supervisor).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import numpy as np
import pandas as pd

from rules.ladder import CLAIMED, VOID, LoanStates
from rules.policy import Rung
from rules.problems import Problem


def of_loans(
    states: LoanStates, prices: Mapping[str, Decimal | None], members: pd.DataFrame, ladder: Sequence[Rung]
) -> list[Problem]:
    """Every warning about loans, in no particular order."""
    return [
        *_partly_returned(states),
        *_under_insured(states, prices),
        *_no_unit_value(states, prices, ladder),
        *_no_supervisor(states, members, ladder),
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


def _no_unit_value(states: LoanStates, prices: Mapping[str, Decimal | None], ladder: Sequence[Rung]) -> list[Problem]:
    """A claim is due and the part has no price; said at the loan, where the claim is missing."""
    claimed = [i for i, rung in enumerate(ladder) if rung.stage == CLAIMED]
    chosen = np.isin(states.reached, claimed)
    columns = (states.loans[name][chosen].astype(object).tolist() for name in ("loan_id", "row", "part_no"))
    return [
        Problem("warning", "no_unit_value", "loans", key, row, "part_no", part, {"loan": key})
        for key, row, part in zip(*columns, strict=True)
        if prices[part] is None
    ]


def _no_supervisor(states: LoanStates, members: pd.DataFrame, ladder: Sequence[Rung]) -> list[Problem]:
    """A loan has come to a rung that copies the supervisor, and the borrower has none on record."""
    copied = [i for i, rung in enumerate(ladder) if "supervisor" in rung.cc]
    borrowers = set(states.loans["borrower"][np.isin(states.reached, copied)])
    columns = (members[name].tolist() for name in ("center", "row", "supervisor_email"))
    return [
        Problem("warning", "no_supervisor", "members", center, row, "supervisor_email", "", {"center": center})
        for center, row, address in zip(*columns, strict=True)
        if center in borrowers and not address
    ]

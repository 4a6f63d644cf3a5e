"""Loans -> who pays whom how much, by month: freight, and damaged units that are not paid for yet.

The borrower owes both. Money is exact, in decimals. Source: rules, the agreement's 成本分摊, and 风险1 of the source.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pandas as pd

from rules.dates import Mask, day, days, known
from rules.ladder import LoanStates
from rules.ledger import effective
from rules.rounding import whole
from rules.values import Row

NOTHING = Decimal(0)


class Owed(NamedTuple):
    """What one member owes another for the loans of one month."""

    loans: int = 0
    freight: Decimal = NOTHING
    damage: Decimal = NOTHING

    @property
    def total(self) -> Decimal:
        """Freight and damage."""
        return self.freight + self.damage


def rows_of(states: LoanStates, prices: Mapping[str, Decimal | None]) -> list[Row]:
    """The rows of 运费结算: the latest month first, then payer and payee.

    One row for each month of lending and two members with such costs. The payer owes more; of two who owe the same, the
    name that sorts first, and the row stands with net 0, since money is due both ways.
    """
    owed = _owed(states, prices)
    pairs = {(month, *sorted((debtor, creditor))) for month, debtor, creditor in owed}
    rows: list[tuple[str, str, str, int, Decimal, Decimal, Decimal, Decimal]] = []
    for month, one, other in pairs:
        there, back = owed.get((month, one, other), Owed()), owed.get((month, other, one), Owed())
        payer, payee = (one, other) if there.total >= back.total else (other, one)
        more, less = (there, back) if payer == one else (back, there)
        net = more.total - less.total
        rows.append((month, payer, payee, there.loans + back.loans, more.freight, more.damage, less.total, net))
    by_pair = sorted(rows, key=lambda row: row[1:3])
    return [*sorted(by_pair, key=lambda row: row[0], reverse=True)]


def unpaid_damage(states: LoanStates) -> Mask:
    """True for effective loans with damaged units that nobody has paid for by *as_of*."""
    loans = states.loans
    paid_on = days(loans["compensated_on"])
    paid = known(paid_on) & (paid_on <= day(states.as_of))
    return effective(loans, states.as_of) & (loans["damaged_qty"].to_numpy() > 0) & ~paid


def _owed(states: LoanStates, prices: Mapping[str, Decimal | None]) -> dict[tuple[str, str, str], Owed]:
    """(month, debtor, creditor) -> what is owed."""
    loans, claims = states.loans, dict(_claims(states, prices))
    freight, damage = loans["freight"].to_numpy(), np.full(len(loans), None, dtype=object)
    damage[list(claims)] = list(claims.values())
    at = np.flatnonzero(effective(loans, states.as_of) & (freight.astype(bool) | damage.astype(bool)))
    (freight, damage), unit = whole(freight[at], damage[at])
    costs = pd.DataFrame(
        {
            "month": days(loans["lent_on"])[at].astype("datetime64[M]").astype(np.int64),
            "debtor": loans["borrower"].cat.codes.to_numpy()[at],
            "creditor": loans["lender"].cat.codes.to_numpy()[at],
            "loans": 1,
            "freight": freight,
            "damage": damage,
        }
    )
    names = loans["lender"].cat.categories.tolist()
    sums = costs.groupby(["month", "debtor", "creditor"]).sum().itertuples(name=None)
    return {
        (str(np.datetime64(month, "M")), names[debtor], names[creditor]): Owed(count, unit * paid, unit * claimed)
        for (month, debtor, creditor), count, paid, claimed in sums
    }


def _claims(states: LoanStates, prices: Mapping[str, Decimal | None]) -> Iterator[tuple[int, Decimal]]:
    """Position of a loan and unit value × damaged units, where the part has a price above 0."""
    at = np.flatnonzero(unpaid_damage(states))
    columns = (states.loans[name].iloc[at].astype(object).tolist() for name in ("part_no", "damaged_qty"))
    for i, part, units in zip(at.tolist(), *columns, strict=True):
        if price := prices[part]:
            yield i, price * units

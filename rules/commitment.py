"""What a borrower commits itself to for one loan, in facts: the written commitment that a lender may ask for.

The words stand in templates/letter (sync/commitment.py). Source: the interface, `huzhu letter LOAN_ID`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd

from rules.dates import days, plain
from rules.items import Contact
from rules.ladder import LoanStates
from rules.letters import Post
from rules.policy import Policy
from rules.words import Words


@dataclass(frozen=True, slots=True)
class Commitment:
    """The terms of one loan.

    outstanding: units not returned yet. unit_value, freight, insured_value: yuan, None when not filled in. lent_on:
    None while it is not shipped; due: None when it then depends on the day of shipping, *term_days* later.
    recall_days: days to return after a recall. plan: 先借后还 | 配件互换 | 成本补偿. holiday: the one *due*
    falls on, None on any other day.
    """

    loan_id: str
    part_no: str
    part_name: str
    qty: int
    outstanding: int
    plan: str
    unit_value: Decimal | None
    lent_on: date | None
    due: date | None
    term_days: int
    recall_days: int
    freight: Decimal | None
    insured_value: Decimal | None
    tracking_no: str
    lender: Contact
    borrower: Contact
    holiday: Words | None

    @property
    def full_price(self) -> Decimal | None:
        """The price of all units, None when the part has none."""
        return None if self.unit_value is None else self.unit_value * self.qty


def commitment(
    frames: Mapping[str, pd.DataFrame], states: LoanStates, loan_id: str, policy: Policy
) -> Commitment | None:
    """The commitment for *loan_id*; None when there is no such loan, or it is cancelled."""
    loans = states.loans
    places = np.flatnonzero((loans["loan_id"] == loan_id).to_numpy() & ~loans["cancelled"].to_numpy())
    if not len(places):
        return None
    i = int(places[0])
    loan = loans.iloc[i]
    part = frames["parts"].set_index("part_no").loc[loan["part_no"]]
    contacts = Post.of(frames["members"], policy).contacts
    lent_on, due = plain(days(loans["lent_on"]))[i], plain(states.due)[i]
    return Commitment(
        loan_id=loan_id,
        part_no=loan["part_no"],
        part_name=part["name"],
        qty=int(loan["qty"]),
        outstanding=int(states.outstanding[i]),
        plan=loan["plan"],
        unit_value=part["unit_value"],
        lent_on=lent_on,
        due=due,
        term_days=(due - lent_on).days if lent_on and due else policy.loans.default_days,
        recall_days=policy.loans.recall_days,
        freight=loan["freight"],
        insured_value=loan["insured_value"],
        tracking_no=loan["tracking_no"],
        lender=contacts[loan["lender"]],
        borrower=contacts[loan["borrower"]],
        holiday=states.workdays.off.get(due) if due else None,
    )

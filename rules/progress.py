"""What both sides of a loan should know besides the ladder: it has arrived, it is still out, the borrower's own stock
has come, the lender needs it back.

Only loans whose units are with the borrower: nobody is told anything of one that is returned, paid for, swapped,
cancelled, or not shipped yet. Source: rules, section 4, and the source documents' "H+30", "H+48" and "维护关系".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd

from rules.dates import days, plain
from rules.items import LoanNote
from rules.ladder import LoanStates
from rules.letters import Addressed, Post
from rules.policy import MailKind


def progress(
    states: LoanStates, frames: Mapping[str, pd.DataFrame], told_on: Mapping[str, date], as_of: date, post: Post
) -> dict[MailKind, Sequence[Addressed]]:
    """Every recall, arrival and thank-you that the loans give reason for, each kind most pressing first: by days past
    due, then by number. told_on: item key -> the day its mail was made.
    """
    loans = sorted(_out(states, frames["parts"], as_of, post), key=lambda loan: (-loan.days, loan.loan_id))
    own = _own_stock(frames["inventory"], loans)
    recalled = (_recall(loan, as_of) for loan in loans)
    arrived = (_arrived(loan, own, as_of) for loan in loans)
    received = (_received(loan, as_of) for loan in loans)
    weeks = (_week(loan, told_on, as_of) for loan in loans)
    return {
        "recall": [post.to_member(n, n.borrower, (n.lender,), (n.lender.email,)) for n in recalled if n],
        "arrived": [post.to_member(n, n.borrower, (n.lender,)) for n in arrived if n],
        "thanks": [post.to_member(n, n.lender, (n.borrower,)) for n in (*received, *weeks) if n],
    }


def _out(states: LoanStates, parts: pd.DataFrame, as_of: date, post: Post) -> Iterator[LoanNote]:
    """A note about each loan that is out, its key and event still to be said. Such a loan's due date is known."""
    rows = np.flatnonzero(states.out)
    loans = states.loans.iloc[rows]
    names = dict(zip(parts["part_no"], parts["name"], strict=True))
    texts = (loans[name].astype(object).tolist() for name in ("loan_id", "part_no", "lender", "borrower"))
    units = (loans["qty"].tolist(), states.outstanding[rows].tolist(), states.days[rows].tolist())
    dates = (days(loans[name]).tolist() for name in ("lent_on", "received_on", "recall_on"))
    for loan_id, part_no, lender, borrower, qty, outstanding, late, lent_on, received_on, recall_on, due in zip(
        *texts, *units, *dates, states.due[rows].tolist(), strict=True
    ):
        yield LoanNote(
            key="",
            event="week",
            loan_id=loan_id,
            part_no=part_no,
            part_name=names[part_no],
            qty=qty,
            outstanding=outstanding,
            lent_on=lent_on,
            received_on=received_on,
            due=due,
            days=late,
            weeks=(as_of - lent_on).days // _WEEK,
            stock=0,
            stock_on=None,
            recall_on=recall_on,
            lender=post.contacts[lender],
            borrower=post.contacts[borrower],
        )


_WEEK = 7


# --- to the lender ---


def _received(loan: LoanNote, as_of: date) -> LoanNote | None:
    """The part is there. Not told any more of a loan that is due: from then on the ladder copies the lender."""
    there = loan.days < 0 and loan.received_on is not None and loan.received_on <= as_of
    return replace(loan, event="received", key=_receipt(loan)) if there else None


def _receipt(loan: LoanNote) -> str:
    return f"thanks:{loan.loan_id}:received"


def _week(loan: LoanNote, told_on: Mapping[str, date], as_of: date) -> LoanNote | None:
    """The part is still out after another whole week, and not due yet.

    Only the latest week is told. A lender who hears that the part is there needs no word besides on the week that has
    just passed: the note of a week that was over when the receipt was told never comes.
    """
    if loan.weeks < 1 or loan.days >= 0:
        return None
    told = told_on.get(_receipt(loan), as_of if _received(loan, as_of) else date.min)
    passed = loan.lent_on + timedelta(weeks=loan.weeks)
    return replace(loan, key=f"thanks:{loan.loan_id}:week{loan.weeks}") if passed > told else None


# --- to the borrower ---


def _recall(loan: LoanNote, as_of: date) -> LoanNote | None:
    """The lender needs it back."""
    if loan.recall_on is None or loan.recall_on > as_of:
        return None
    return replace(
        loan, event="recall", key=f"recall:{loan.loan_id}:{loan.recall_on.isoformat()}:{loan.due.isoformat()}"
    )


@dataclass(frozen=True, slots=True)
class _Stock:
    """What a borrower has of a part. own: units on its shelf beyond all it still has on loan; below 0 for none."""

    own: int
    counted_on: date | None
    incoming: int
    eta: date | None


def _own_stock(inventory: pd.DataFrame, loans: Sequence[LoanNote]) -> dict[tuple[str, str], _Stock]:
    """(center, part) -> what the borrowers of *loans* have of the parts they borrowed."""
    borrowed: Counter[tuple[str, str]] = Counter()
    for loan in loans:
        borrowed[loan.borrower.center, loan.part_no] += loan.outstanding
    centers, parts = ({pair[i] for pair in borrowed} for i in range(2))
    rows = inventory[inventory["center"].isin(centers) & inventory["part_no"].isin(parts)]
    keys = zip(*(rows[name].astype(object).tolist() for name in ("center", "part_no")), strict=True)
    figures = (rows["on_hand"].tolist(), plain(days(rows["updated_on"])))
    awaited = (rows["incoming"].tolist(), plain(days(rows["incoming_eta"])))
    return {
        key: _Stock(on_hand - borrowed[key], counted_on, incoming, eta)
        for key, on_hand, counted_on, incoming, eta in zip(keys, *figures, *awaited, strict=True)
    }


def _arrived(loan: LoanNote, own: Mapping[tuple[str, str], _Stock], as_of: date) -> LoanNote | None:
    """The borrower's own units were due to arrive since it borrowed, or stand on its shelf by a later count."""
    stock = own.get((loan.borrower.center, loan.part_no))
    if stock is None:
        return None
    if stock.incoming > 0 and stock.eta is not None and loan.lent_on < stock.eta <= as_of:
        key = f"arrived:{loan.loan_id}:{stock.eta.isoformat()}"
        return replace(loan, event="arrived", key=key, stock=stock.incoming, stock_on=stock.eta)
    if stock.own > 0 and stock.counted_on is not None and stock.counted_on > loan.lent_on:
        return replace(loan, event="arrived", key=f"arrived:{loan.loan_id}:stock", stock=stock.own)
    return None

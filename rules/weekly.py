"""What is told once a week: to each member how it stands with the alliance.

The first run of an ISO week makes these letters, whatever the rhythm of the runs. Nothing is said to a member about
whom there is nothing to say: no loan, no request, no stock to count again. Source: rules, section 5.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeVar

import numpy as np
import pandas as pd

from rules.dates import Mask
from rules.items import LoanLine, RequestLine, Statement, Stock, StockLine
from rules.ladder import AWAITING, SOON_DAYS, LoanStates
from rules.ledger import Accounts, has_left, standing_of
from rules.letters import Addressed, Post
from rules.policy import MailKind
from rules.queue import Request
from rules.supply import Ints, Supply
from rules.values import Row

T = TypeVar("T")

STOCK_LINES = 25
"""Rows of one member's stock that a letter names; the others are counted."""


@dataclass(frozen=True, slots=True)
class Week:
    """What the letters of a week are made of. placed: open requests in queue order; standings: rows of 积分榜."""

    frames: Mapping[str, pd.DataFrame]
    states: LoanStates
    placed: Sequence[Request]
    stock: Supply
    sums: Accounts
    standings: Sequence[Row]

    @property
    def as_of(self) -> date:
        """The day of the run."""
        return self.states.as_of

    @property
    def name(self) -> str:
        """2025-W45: the ISO week, of the ISO year."""
        year, week, _ = self.as_of.isocalendar()
        return f"{year}-W{week:02d}"


def weekly(week: Week, told: Collection[str], post: Post) -> dict[MailKind, Sequence[Addressed]]:
    """The statements of *week*, those with the longest overdue loans first. told: item keys on record.

    Once some of them were told, the other members had nothing to hear this week: they wait for the next one.
    """
    statements = list(_statements(week, post))
    made = any(key.startswith("statement:") and key.endswith(f":{week.name}") for key in told)
    return {"statement": [entry for entry in statements if not made or entry.item.key in told]}


def _statements(week: Week, post: Post) -> Iterator[Addressed]:
    """To each member with something to hear."""
    answer = tuple(filter(None, (post.policy.alliance.coordinator_email,)))
    found = (statement for statement in _all(week, post) if _says(statement))
    for statement in sorted(found, key=lambda each: (-_longest_overdue(each), each.member.center)):
        yield replace(post.to_member(statement, statement.member, ()), reply_to=answer)


def _says(statement: Statement) -> bool:
    return bool(statement.borrowed or statement.lent or statement.requests or statement.stale.rows)


def _longest_overdue(statement: Statement) -> int:
    return max((loan.days for loan in statement.borrowed), default=0)


def _all(week: Week, post: Post) -> Iterator[Statement]:
    """The statement of every member, also of one that has nothing to hear."""
    loans = _loans(week, post)
    borrowed = _by_center(loans, lambda loan: loan.borrower.center)
    lent = _by_center(loans, lambda loan: loan.lender.center)
    requests = _by_center(_requests(week), lambda request: request.requester)
    stale, dead = _stock(week, week.stock.stale, week.stock.age), _stock(week, _dead(week), week.stock.idle)
    ranks = {row[1]: row[0] for row in week.standings}
    sums = week.sums
    for i, center in enumerate(week.frames["members"]["center"].tolist()):
        rank = ranks.get(center)
        yield Statement(
            key=f"statement:{center}:{week.name}",
            week=week.name,
            member=post.contacts[center],
            rank=rank if isinstance(rank, int) else None,
            balance=int(sums.balance[i]),
            helped=int(sums.helped[i]),
            received=int(sums.received[i]),
            standing=standing_of(int(sums.available[i]), post.policy.points).zh,
            borrowed=tuple(borrowed[center]),
            lent=tuple(lent[center]),
            overdue=sum(loan.days > 0 for loan in borrowed[center]),
            due_soon=sum(loan.out and -SOON_DAYS <= loan.days <= 0 for loan in borrowed[center]),
            to_send=sum(not loan.out for loan in lent[center]),
            requests=tuple(requests[center]),
            stale=stale.get(center, _NONE),
            dead=dead.get(center, _NONE),
        )


def _by_center(lines: Iterable[T], center: Callable[[T], str]) -> dict[str, list[T]]:
    groups: dict[str, list[T]] = defaultdict(list)
    for line in lines:
        groups[center(line)].append(line)
    return groups


def _loans(week: Week, post: Post) -> list[LoanLine]:
    """The loans that are out, the longest overdue first, then those that are agreed and not shipped."""
    states = week.states
    rows = np.flatnonzero(states.out | (states.state == AWAITING))
    loans = states.loans.iloc[rows]
    names = _names(week)
    texts = (loans[name].astype(object).tolist() for name in ("loan_id", "part_no", "lender", "borrower"))
    figures = (column[rows].tolist() for column in (states.outstanding, states.due, states.days, states.out))
    lines = [
        LoanLine(loan_id, part, names[part], units, post.contacts[lender], post.contacts[borrower], due, late, out)
        for loan_id, part, lender, borrower, units, due, late, out in zip(*texts, *figures, strict=True)
    ]
    return sorted(lines, key=lambda loan: (not loan.out, -loan.days, loan.loan_id))


def _requests(week: Week) -> list[RequestLine]:
    """The open requests, the most pressing first."""
    names = _names(week)
    return [
        RequestLine(
            r.request_id, r.requester, r.part_no, names[r.part_no], r.open_qty, r.level, r.needed_by, r.standing.zh
        )
        for r in sorted(week.placed, key=lambda request: request.place)
    ]


def _names(week: Week) -> Mapping[str, str]:
    parts = week.frames["parts"]
    return dict(zip(parts["part_no"], parts["name"], strict=True))


def _dead(week: Week) -> Mask:
    """Rows with units on the shelf that nobody has used for long."""
    there: Mask = week.frames["inventory"]["on_hand"].to_numpy() > 0
    return week.stock.dead & there


def _stock(week: Week, chosen: Mask, waited: Ints) -> dict[str, Stock]:
    """Center -> its *chosen* rows, the longest *waited* first; none of a member who left."""
    inventory, members, names = week.frames["inventory"], week.frames["members"], _names(week)
    there = ~has_left(members, week.as_of)[inventory["center"].cat.codes.to_numpy()]
    rows = np.flatnonzero(chosen & there)
    columns = (inventory[name].iloc[rows].astype(object).tolist() for name in ("center", "part_no", "on_hand"))
    found = sorted(zip(*columns, waited[rows].tolist(), strict=True), key=lambda row: (-row[3], row[1]))
    return {
        center: Stock(len(own), tuple(StockLine(part, names[part], *rest) for _, part, *rest in own[:STOCK_LINES]))
        for center, own in _by_center(found, lambda row: row[0]).items()
    }


_NONE = Stock(0, ())

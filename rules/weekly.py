"""What is told once a week: to each member how it stands, and to all of them what the alliance does.

The first run of an ISO week makes these letters, whatever the rhythm of the runs. Nothing is said to a member about
whom there is nothing to say: no loan, no request, no stock to count again. Source: rules, section 5.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from typing import Literal, TypeVar

import numpy as np
import pandas as pd

from rules.dates import Days, Mask, day, days, known
from rules.figures import Figure
from rules.items import (
    Change,
    Digest,
    FigureLine,
    LoanLine,
    Place,
    RequestLine,
    Several,
    Statement,
    StockLine,
)
from rules.ladder import AWAITING, OVERDUE, SOON_DAYS, SWAPPED, LoanStates
from rules.ledger import Accounts, effective, has_left, ranked, standing_of
from rules.letters import Addressed, Post
from rules.policy import MailKind
from rules.queue import Request
from rules.supply import Ints, Supply

T = TypeVar("T")

LINES = 25
"""Lines of a list that may be long; the others are counted."""

LEADERS = 3
SHOWN = ("fill_rate", "median_hours", "on_time_rate")
"""The figures a digest gives, by code."""


@dataclass(frozen=True, slots=True)
class Week:
    """What the letters of a week are made of.

    placed: open requests in queue order; crises: P0 requests that nobody has closed.
    """

    frames: Mapping[str, pd.DataFrame]
    states: LoanStates
    placed: Sequence[Request]
    crises: Sequence[Request]
    stock: Supply
    sums: Accounts
    figures: Sequence[Figure]

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
    """The statements of *week*, those with the longest overdue loans first, and its digest. told: item keys on record.

    Once some of the statements were told, the other members had nothing to hear this week: they wait for the next one.
    """
    statements = list(_statements(week, post))
    made = any(key.startswith("statement:") and key.endswith(f":{week.name}") for key in told)
    return {
        "statement": [entry for entry in statements if not made or entry.item.key in told],
        "digest": list(_digest(week, post)),
    }


# --- to each member --------------------------------------------------------------------------------------------------


def _statements(week: Week, post: Post) -> Iterator[Addressed]:
    """To each member with something to hear."""
    answer = tuple(filter(None, (post.policy.alliance.coordinator_email,)))
    found = (statement for statement in _all(week, post) if _says(statement))
    for statement in sorted(found, key=lambda each: (-_longest_overdue(each), each.member.center)):
        yield replace(post.to_member(statement, statement.member, ()), reply_to=answer)


def _says(statement: Statement) -> bool:
    return bool(statement.borrowed or statement.lent or statement.requests or statement.stale.total)


def _longest_overdue(statement: Statement) -> int:
    return max((loan.days for loan in statement.borrowed), default=0)


def _all(week: Week, post: Post) -> Iterator[Statement]:
    """The statement of every member, also of one that has nothing to hear."""
    states, sums = week.states, week.sums
    loans = _loans(week, states.out | (states.state == AWAITING), states.outstanding, post)
    borrowed = _by_center(loans, lambda loan: loan.borrower.center)
    lent = _by_center(loans, lambda loan: loan.lender.center)
    requests = _by_center(_requests(week, week.placed), lambda request: request.requester)
    stale, dead = _stock(week, week.stock.stale, week.stock.age), _stock(week, _dead(week), week.stock.idle)
    members = week.frames["members"]
    ranks = {i: rank for rank, i in ranked(members, sums, week.as_of)}
    for i, center in enumerate(members["center"].tolist()):
        yield Statement(
            key=f"statement:{center}:{week.name}",
            week=week.name,
            member=post.contacts[center],
            rank=ranks.get(i),
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
            stale=_several(stale[center]),
            dead=_several(dead[center]),
        )


def _by_center(lines: Iterable[T], center: Callable[[T], str]) -> dict[str, list[T]]:
    groups: dict[str, list[T]] = defaultdict(list)
    for line in lines:
        groups[center(line)].append(line)
    return groups


def _dead(week: Week) -> Mask:
    """Rows with units on the shelf that nobody has used for long."""
    there: Mask = week.frames["inventory"]["on_hand"].to_numpy() > 0
    return week.stock.dead & there


def _stock(week: Week, chosen: Mask, waited: Ints) -> dict[str, list[StockLine]]:
    """Center -> its *chosen* rows, the longest *waited* first; none of a member who left."""
    inventory, members, names = week.frames["inventory"], week.frames["members"], _names(week)
    there = ~has_left(members, week.as_of)[inventory["center"].cat.codes.to_numpy()]
    rows = np.flatnonzero(chosen & there)
    columns = (inventory[name].iloc[rows].astype(object).tolist() for name in ("center", "part_no", "on_hand"))
    groups: dict[str, list[StockLine]] = defaultdict(list)
    for center, part, on_hand, wait in zip(*columns, waited[rows].tolist(), strict=True):
        groups[center].append(StockLine(part, names[part], on_hand, wait))
    for lines in groups.values():
        lines.sort(key=lambda line: (-line.days, line.part_no))
    return groups


# --- to all of them --------------------------------------------------------------------------------------------------


def _digest(week: Week, post: Post) -> Iterator[Addressed]:
    """To the coordinator, members copied; none without its address, or before anybody helped or asked."""
    alliance, members, states = post.policy.alliance, week.frames["members"], week.states
    to, locale = alliance.coordinator_email, alliance.locale
    if not to or not (week.placed or week.sums.helped.any()):
        return
    there = members["center"][~has_left(members, week.as_of)]
    copied = tuple(sorted({post.contacts[center].email for center in there} - {to}))
    sent = effective(states.loans, week.as_of)
    lent = sent & _within(days(states.loans["lent_on"]), week.as_of, 0)
    helped = _loans(week, lent, states.loans["qty"].to_numpy(), post)
    overdue = _loans(week, states.state == OVERDUE, states.outstanding, post)
    digest = Digest(
        key=f"digest:{week.name}",
        week=week.name,
        leaders=tuple(islice(_places(week), LEADERS)),
        helped=_several(sorted(helped, key=lambda loan: loan.loan_id)),
        crises=_several(_requests(week, week.crises)),
        overdue=_several(overdue),
        figures=tuple(_figures(week, locale)),
        changes=tuple(_changes(week, sent)),
    )
    yield Addressed(digest, to, copied, locale, (to,), "")


def _places(week: Week) -> Iterator[Place]:
    members, sums = week.frames["members"], week.sums
    for rank, i in ranked(members, sums, week.as_of):
        if rank is not None:
            yield Place(rank, members["center"].iloc[i], int(sums.balance[i]), int(sums.helped[i]))


def _figures(week: Week, locale: str) -> Iterator[FigureLine]:
    for figure in week.figures:
        if figure.code in SHOWN:
            references = (ref.words.in_(locale) if ref else "" for ref in (figure.traditional, figure.benchmark))
            yield FigureLine(figure.name.in_(locale), figure.value, figure.unit.in_(locale), *references)


def _changes(week: Week, sent: Mask) -> Iterator[Change]:
    """What happened in the last seven days, and in the seven before. sent: loans that are effective."""
    loans, due = week.states.loans, week.states.due
    back, paid = (days(loans[name]) for name in ("returned_on", "compensated_on"))
    late = sent & (week.states.state != SWAPPED) & ~(known(back) & (back <= due)) & ~(known(paid) & (paid <= due))
    undated = ~known(back) & ~known(paid) & (week.states.outstanding == 0)
    happened: tuple[tuple[Literal["asked", "lent", "returned", "overdue"], Days], ...] = (
        ("asked", days(week.frames["requests"]["requested_at"])),
        ("lent", days(loans["lent_on"])[sent]),
        ("returned", back[sent]),
        ("overdue", due[late & ~undated] + np.timedelta64(1, "D")),
    )
    for what, on in happened:
        now, before = (int(_within(on, week.as_of, weeks).sum()) for weeks in (0, 1))
        yield Change(what, now, before)


def _within(on: Days, as_of: date, weeks: int) -> Mask:
    """True for days of the seven that end *weeks* weeks before *as_of*."""
    ago = (day(as_of) - on).astype(np.int64)
    return known(on) & (ago >= 7 * weeks) & (ago < 7 * weeks + 7)


# --- lines -----------------------------------------------------------------------------------------------------------


def _loans(week: Week, chosen: Mask, units: Ints, post: Post) -> list[LoanLine]:
    """The *chosen* loans, the longest overdue first, then those that are agreed and not shipped."""
    states, names = week.states, _names(week)
    rows = np.flatnonzero(chosen)
    loans = states.loans.iloc[rows]
    texts = (loans[name].astype(object).tolist() for name in ("loan_id", "part_no", "lender", "borrower"))
    figures = (column[rows].tolist() for column in (units, states.due, states.days, states.out))
    lines = [
        LoanLine(loan_id, part, names[part], n, post.contacts[lender], post.contacts[borrower], due, late, out)
        for loan_id, part, lender, borrower, n, due, late, out in zip(*texts, *figures, strict=True)
    ]
    return sorted(lines, key=lambda loan: (not loan.out, -loan.days, loan.loan_id))


def _requests(week: Week, chosen: Iterable[Request]) -> list[RequestLine]:
    """The *chosen* requests, the most pressing first."""
    names = _names(week)
    return [
        RequestLine(
            r.request_id, r.requester, r.part_no, names[r.part_no], r.open_qty, r.level, r.needed_by, r.standing.zh
        )
        for r in sorted(chosen, key=lambda request: request.place)
    ]


def _several(lines: Sequence[T]) -> Several[T]:
    return Several(len(lines), tuple(lines[:LINES]))


def _names(week: Week) -> Mapping[str, str]:
    parts = week.frames["parts"]
    return dict(zip(parts["part_no"], parts["name"], strict=True))

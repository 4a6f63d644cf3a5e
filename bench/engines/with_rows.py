"""A plain loop over rows: no library, each row a named tuple. What a careful person writes without pandas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np

from bench.data import AS_OF, CUSTOMERS, DECLARED, PLANS, REASONS, RISKS, STATUSES, TABLE, Alliance, request_key
from bench.engines import DATES, GROUPS, LONG, OFFSETS, SENSITIVE, SOON, Answers, Texts, declared, plans, returned

_TERM, _SOON_DAYS = timedelta(14), -7
_OUT = frozenset({"已逾期", "今日到期", "即将到期", "在借"})


class Loan(NamedTuple):
    """One loan."""

    lent_on: date | None
    due_on: date | None
    extended_to: date | None
    compensated_on: date | None
    recall_on: date | None
    lender: str
    borrower: str
    request_id: str
    qty: int
    returned_qty: int
    cancelled: bool
    plan: str


class Asked(NamedTuple):
    """One request."""

    request_id: str
    requester: str
    qty: int
    requested_at: datetime
    needed_by: date | None
    declared_level: str
    customer_type: str
    waiting_since: date | None
    sentiment_risk: str
    reason: str
    status: str


@dataclass(frozen=True, slots=True)
class Lists:
    """members: center -> left_on. adjustments: (date, center, points)."""

    members: Mapping[str, date | None]
    requests: Sequence[Asked]
    loans: Sequence[Loan]
    adjustments: Sequence[tuple[date, str, int]]


def typed(alliance: Alliance, *, requests: bool) -> Lists:
    """The rows with their types."""
    centers = alliance.centers()
    columns, changes = alliance.loan_columns(), alliance.adjustment_columns()
    columns["returned"], columns["plan"] = returned(columns), plans(columns)
    loans = [
        Loan(
            *dates, centers[lender], centers[borrower], request_key(served + 1) if served >= 0 else "", *rest, PLANS[p]
        )
        for dates, lender, borrower, served, rest, p in zip(
            zip(*(columns[name].tolist() for name in DATES), strict=True),
            *(columns[name].tolist() for name in ("lender", "borrower", "request")),
            zip(*(columns[name].tolist() for name in ("qty", "returned", "cancelled")), strict=True),
            columns["plan"].tolist(),
            strict=True,
        )
    ]
    return Lists(
        dict(zip(centers, alliance.member_columns()["left_on"].tolist(), strict=True)),
        _requests(alliance, centers) if requests else [],
        loans,
        [
            (when, centers[center], points)
            for when, center, points in zip(
                *(changes[name].tolist() for name in ("date", "center", "points")), strict=True
            )
        ],
    )


def _requests(alliance: Alliance, centers: Sequence[str]) -> list[Asked]:
    columns = alliance.request_columns()
    columns["declared"] = declared(columns)
    order = (
        "number", "requester", "qty", "requested_at", "needed_by", "declared", "customer", "waiting_since", "risk",
        "reason", "status",
    )  # fmt: skip
    return [
        Asked(
            request_key(number), centers[who], qty, asked, needed, DECLARED[level], CUSTOMERS[customer], since,
            RISKS[risk], REASONS[reason], STATUSES[status],
        )
        for number, who, qty, asked, needed, level, customer, since, risk, reason, status in zip(
            *(columns[name].tolist() for name in order), strict=True
        )
    ]  # fmt: skip


def points_and_ladder(form: Lists) -> tuple[dict[str, list[int]], list[tuple[Any, ...]]]:
    """One pass over the loans: counts by member, and a tuple for each live loan."""
    points = {center: [0, 0, 0, 0] for center in form.members}  # helped, received, adjusted, waiting
    states = []
    for loan in form.loans:
        if loan.cancelled:
            continue
        if loan.lent_on is not None and loan.lent_on <= AS_OF:
            points[loan.lender][0] += 1
            points[loan.borrower][1] += 1
        else:
            points[loan.borrower][3] += 1
        states.append(_state(loan))
    for when, center, change in form.adjustments:
        if when <= AS_OF:
            points[center][2] += change
    return points, states


def _state(loan: Loan) -> tuple[int, date | None, int, str, int, int]:
    """outstanding, due, days, state, reached, next rung."""
    due = loan.extended_to or loan.due_on or (loan.lent_on + _TERM if loan.lent_on else None)
    if loan.recall_on:
        recalled = loan.recall_on + timedelta(1)
        due = min(due, recalled) if due else recalled
    days = (AS_OF - due).days if due else 0
    outstanding = loan.qty - loan.returned_qty
    state = _name(loan, outstanding, days)
    reached = following = -1
    if state in _OUT and due and loan.lent_on:
        term = (due - loan.lent_on).days
        for rung, offset in enumerate(OFFSETS):
            if term > -offset:
                if days >= offset:
                    reached = rung
                elif following < 0:
                    following = rung
    return outstanding, due, days, state, reached, following


def _name(loan: Loan, outstanding: int, days: int) -> str:
    shipped = loan.lent_on is not None and loan.lent_on <= AS_OF
    if loan.compensated_on and loan.compensated_on <= AS_OF:
        return "已赔偿"
    if not outstanding:
        return "已归还"
    if not shipped or loan.plan == PLANS[1]:
        return "已互换" if shipped else "待发出"
    if days > 0:
        return "已逾期"
    return "今日到期" if days == 0 else "即将到期" if days >= _SOON_DAYS else "在借"


def queue(form: Lists, result: tuple[dict[str, list[int]], list[Any]]) -> list[tuple[str, str, str, int]]:
    """The open requests in order: request, level, standing, projected points."""
    lent: Counter[str] = Counter()
    for loan in form.loans:
        if not loan.cancelled and loan.request_id:
            lent[loan.request_id] += loan.qty
    waiting = []
    for r in form.requests:
        left = form.members[r.requester]
        if r.status not in ("已满足", "已取消") and r.qty > lent[r.request_id] and not (left and left <= AS_OF):
            waiting.append(((_level(r), r.needed_by or date.max, r.requested_at, r.request_id), r.requester))
    available = {c: helped - received + adj - waits for c, (helped, received, adj, waits) in result[0].items()}
    placed = []
    for place, requester in sorted(waiting):
        projected = available[requester]
        available[requester] -= 1
        group = 0 if place[0] == "P0" else 1 if projected >= 0 else 2
        placed.append((group, -projected if group else 0, place, projected))
    return [(place[3], place[0], GROUPS[group], projected) for group, _, place, projected in sorted(placed)]


def _level(r: Asked) -> str:
    waited = (AS_OF - r.waiting_since).days if r.waiting_since else 0
    sensitive = r.customer_type in SENSITIVE
    proof = r.sentiment_risk == "高" or (sensitive and (waited >= LONG or r.declared_level == "P0"))
    if proof and r.reason:
        return "P0"
    urgent = r.declared_level in ("P0", "P1") or waited >= LONG or (r.needed_by is not None and r.needed_by <= SOON)
    return "P1" if urgent else "P2"


def from_texts(texts: Texts) -> tuple[Any, Any]:
    """Every row parsed, then the same loops."""
    at = {
        name: {field: i for i, field in enumerate(TABLE[name].fields)}
        for name in ("members", "requests", "loans", "adjustments")
    }
    form = Lists(
        {row[at["members"]["center"]]: _day(row[at["members"]["left_on"]]) for row in texts["members"][1:]},
        [_request(row, at["requests"]) for row in texts["requests"][1:]],
        [_loan(row, at["loans"]) for row in texts["loans"][1:]],
        [(date.fromisoformat(when), center, int(points)) for when, center, points, *_ in texts["adjustments"][1:]],
    )
    result = points_and_ladder(form)
    return result, queue(form, result)


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _loan(row: Sequence[str], at: Mapping[str, int]) -> Loan:
    qty, units = int(row[at["qty"]]), row[at["returned_qty"]]
    back = int(units) if units else qty if row[at["returned_on"]] else 0
    names = (row[at[name]] for name in ("lender", "borrower", "request_id"))
    return Loan(
        *(_day(row[at[name]]) for name in DATES), *names, qty, back, row[at["cancelled"]] == "是",
        row[at["plan"]] or PLANS[0],
    )  # fmt: skip


def _request(row: Sequence[str], at: Mapping[str, int]) -> Asked:
    def text(name: str) -> str:
        return row[at[name]]

    return Asked(
        text("request_id"), text("requester"), int(text("qty")), datetime.fromisoformat(text("requested_at")),
        _day(text("needed_by")), text("declared_level") or "P2", text("customer_type"), _day(text("waiting_since")),
        text("sentiment_risk"), text("reason"), text("status"),
    )  # fmt: skip


def answers(result: tuple[dict[str, list[int]], list[tuple[Any, ...]]], placed: list[Any]) -> Answers:
    """In the common form."""
    points, states = result
    sums = [
        [helped, received, helped - received + adj, helped - received + adj - w]
        for helped, received, adj, w in points.values()
    ]
    numbers = [[outstanding, days, reached, following] for outstanding, _, days, _, reached, following in states]
    return Answers(np.array(sums), np.array(numbers), [state[3] for state in states], placed)

"""What the alliance's group is told: each open P0 request and each overdue loan, once.

Only facts that help somebody act: no reason and no address of a person, since a group has many readers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import numpy as np
import pandas as pd

from rules.dates import days, plain
from rules.items import Notice
from rules.ladder import OVERDUE, LoanStates
from rules.letters import ITEMS_PER_MAIL, Bulletin
from rules.policy import Policy
from rules.queue import Request
from rules.words import Words

GROUP = "飞书群"
"""Stands in 收件人 of the outbox: the group's address is a secret and no mailbox."""

MESSAGE = Bulletin(
    kind="group",
    to=GROUP,
    most=ITEMS_PER_MAIL,
    where="共享表",
    more=Words("还有 {n} 项，见优先级队列和借调状态表", "{n} more, see the tabs 优先级队列 and 借调状态"),
    single=True,
)


def notices(
    placed: Sequence[Request],
    requests: pd.DataFrame,
    states: LoanStates,
    parts: pd.DataFrame,
    as_of: date,
    policy: Policy,
) -> list[Notice]:
    """What the group should know today: P0 requests as they are served, then loans, the longest overdue first.

    Empty when no group is told. The words are in the alliance's language.
    """
    if not policy.group.writes:
        return []
    names = dict(zip(parts["part_no"], parts["name"], strict=True))
    locale = policy.alliance.locale
    return [*_crises(placed, requests, names, as_of, locale), *_late(states, names, locale)]


def _crises(
    placed: Sequence[Request], requests: pd.DataFrame, names: Mapping[str, str], as_of: date, locale: str
) -> Iterator[Notice]:
    crises = [request for request in placed if request.level == "P0"]
    rows = requests[requests["request_id"].isin([request.request_id for request in crises])]
    since = plain(days(rows["waiting_since"]))
    facts = dict(zip(rows["request_id"], zip(rows["customer_type"], since, strict=True), strict=True))
    for request in crises:
        customer, waiting_since = facts[request.request_id]
        yield Notice(
            key=f"group:p0:{request.request_id}",
            severity="p0",
            where=_ASKS.in_(locale).format(id=request.request_id, who=request.requester),
            value=_units(names, request.part_no, request.open_qty, locale),
            problem=_pressing(request, customer, waiting_since, as_of, locale),
            fix="",
        )


def _pressing(request: Request, customer: str, waiting_since: date | None, as_of: date, locale: str) -> str:
    """Which customer has waited how long, and until when it helps; without such a day, how old the request is."""
    waited = max((as_of - (waiting_since or request.requested_at.date())).days, 0)
    facts = (
        (bool(customer), Words(f"{customer}客户", f"{customer} customer")),
        (waiting_since is not None, Words(f"客户已等 {waited} 天", f"customer waiting {waited} days")),
        (not waiting_since and waited, Words(f"{waited} 天前提出", f"asked {waited} days ago")),
        (not waiting_since and not waited, Words("今天提出", "asked today")),
        (request.needed_by is not None, Words(f"{request.needed_by} 前需要", f"needed by {request.needed_by}")),
    )
    return _COMMA.in_(locale).join(words.in_(locale) for holds, words in facts if holds)


def _late(states: LoanStates, names: Mapping[str, str], locale: str) -> list[Notice]:
    rows = np.flatnonzero(states.state == OVERDUE)
    loans = states.loans.iloc[rows]
    columns = (loans[name].astype(object) for name in ("loan_id", "part_no", "lender", "borrower"))
    found = zip(states.days[rows].tolist(), *columns, states.due[rows].tolist(), states.outstanding[rows], strict=True)
    return [
        Notice(
            key=f"group:late:{loan_id}:{due.isoformat()}",
            severity="late",
            where=_OWES.in_(locale).format(id=loan_id, who=borrower, whom=lender),
            value=_units(names, part_no, units, locale),
            problem=_SINCE.in_(locale).format(due=due, n=late),
            fix="",
        )
        for late, loan_id, part_no, lender, borrower, due, units in sorted(found, key=lambda row: (-row[0], row[1]))
    ]


def _units(names: Mapping[str, str], part_no: str, units: int, locale: str) -> str:
    return _UNITS.in_(locale).format(name=names[part_no], part=part_no, n=units)


_COMMA = Words("，", ", ")
_ASKS = Words("{id} · {who} 需要", "{id} · {who} needs")
_OWES = Words("{id} · {who} 应还 {whom}", "{id} · {who} owes {whom}")
_UNITS = Words("{name}（{part}）{n} 个", "{n} × {name} ({part})")
_SINCE = Words("{due} 到期，已逾期 {n} 天", "due {due}, {n} days overdue")

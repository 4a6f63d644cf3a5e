"""Open requests -> effective level with its basis, in the order they are served.

P0 (舆情危机) goes first and needs proof and a reason; points order the rest. Source: rules, section 3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from rules.dates import Days, Mask, day, days, known, plain
from rules.ledger import MAY_ASK, MUST_HELP_FIRST, Accounts, has_left, standing_of
from rules.policy import PointsPolicy, Policy, PriorityPolicy
from rules.problems import Problem
from rules.schema import CLOSED_STATUSES
from rules.values import Row
from rules.words import Words

UNCONDITIONAL = Words("无条件支持", "unconditional support")
HIGH_RISK = "高"


@dataclass(frozen=True, slots=True)
class Request:
    """An open request and what was decided about it.

    projected: the requester's available points, less what its own requests standing before this one would take.
    """

    request_id: str
    row: int
    requester: str
    part_no: str
    open_qty: int
    requested_at: datetime
    needed_by: date | None
    declared_level: str
    level: str
    basis: tuple[Words, ...]
    lack: Words | None = None
    projected: int = 0
    standing: Words = MAY_ASK

    @property
    def place(self) -> tuple[str, date, datetime, str]:
        """Where it stands before points are looked at: level, needed_by (blank last), requested_at, request_id."""
        return self.level, self.needed_by or date.max, self.requested_at, self.request_id


def queue(
    requests: pd.DataFrame, loans: pd.DataFrame, members: pd.DataFrame, sums: Accounts, as_of: date, policy: Policy
) -> list[Request]:
    """The open requests in the order they are served."""
    index = {center: i for i, center in enumerate(members["center"])}
    wanted = open_units(requests, loans)
    chosen = (wanted > 0) & live(requests, members, as_of)
    waiting = sorted(_each(requests, wanted, chosen, as_of, policy.priority), key=lambda request: request.place)
    asked: Counter[str] = Counter()
    placed = []
    for request in waiting:
        available = int(sums.available[index[request.requester]])
        projected = available - policy.points.receive * asked[request.requester]
        asked[request.requester] += 1
        placed.append(_with_standing(request, projected, policy.points))
    return sorted(placed, key=_order)


def _with_standing(request: Request, projected: int, policy: PointsPolicy) -> Request:
    standing = UNCONDITIONAL if request.level == "P0" else standing_of(projected, policy)
    return replace(request, projected=projected, standing=standing)


_GROUPS = (UNCONDITIONAL, MAY_ASK, MUST_HELP_FIRST)


def _order(request: Request) -> tuple[object, ...]:
    """P0 by its place; then the others by projected points and place; last those that must help first."""
    points = 0 if request.standing is UNCONDITIONAL else -request.projected
    return (_GROUPS.index(request.standing), points, *request.place)


def rows_of(placed: Sequence[Request], members: pd.DataFrame, sums: Accounts, locale: str) -> list[Row]:
    """The rows of 优先级队列."""
    balance = dict(zip(members["center"], sums.balance.tolist(), strict=True))
    return [
        (
            rank,
            r.request_id,
            r.requester,
            r.part_no,
            r.open_qty,
            r.level,
            Words("；", "; ").in_(locale).join(words.in_(locale) for words in r.basis),
            balance[r.requester],
            r.standing.zh,
        )
        for rank, r in enumerate(placed, start=1)
    ]


def unproven(placed: Sequence[Request]) -> list[Problem]:
    """A warning for each request declared P0 that is not one."""
    return [
        Problem(
            "warning",
            "p0_unproven",
            "requests",
            r.request_id,
            r.row,
            "declared_level",
            r.declared_level,
            {"lack": r.lack.zh, "lack_en": r.lack.en, "level": r.level},
        )
        for r in placed
        if r.lack is not None
    ]


def open_units(requests: pd.DataFrame, loans: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Units still wanted of each request: its quantity less the units of its loans, pending ones included."""
    codes = loans["request_id"].cat.codes.to_numpy()
    serving = ~loans["cancelled"].to_numpy() & (codes >= 0)
    lent = np.bincount(codes[serving], loans["qty"].to_numpy()[serving], minlength=len(requests)).astype(np.int64)
    wanted: npt.NDArray[np.int64] = requests["qty"].to_numpy() - lent
    return wanted


def live(requests: pd.DataFrame, members: pd.DataFrame, as_of: date) -> Mask:
    """True for requests that nobody has closed and whose requester has not left."""
    closed = requests["status"].isin(CLOSED_STATUSES).to_numpy()
    gone = has_left(members, as_of)[requests["requester"].cat.codes.to_numpy()] if len(requests) else closed
    live: Mask = ~closed & ~gone
    return live


def crises(
    placed: Sequence[Request],
    requests: pd.DataFrame,
    loans: pd.DataFrame,
    members: pd.DataFrame,
    as_of: date,
    policy: PriorityPolicy,
) -> list[Request]:
    """Every P0 request that is not closed, as they are served.

    Also those that have left the queue, their open_qty 0 since loans cover all units: they end when somebody says so.
    """
    wanted = np.maximum(open_units(requests, loans), 0)
    covered = (wanted == 0) & live(requests, members, as_of) & (requests["reason"] != "").to_numpy()
    found = (*placed, *_each(requests, wanted, covered, as_of, policy))
    return sorted((request for request in found if request.level == "P0"), key=lambda request: request.place)


def crises_made(requests: pd.DataFrame, as_of: date, policy: PriorityPolicy) -> Counter[str]:
    """Member -> how many of its requests are or were P0.

    A closed one is judged by the day it was made, so that the count no longer changes.
    """
    closed = requests["status"].isin(CLOSED_STATUSES).to_numpy()
    judged_on = np.where(closed, days(requests["requested_at"]), day(as_of))
    reasoned = (requests["reason"] != "").to_numpy()
    facts = requests[["requester", "customer_type", "sentiment_risk", "declared_level"]][reasoned].astype(object)
    waited = _waited(requests, judged_on)[reasoned].tolist()
    return Counter(
        who
        for (who, customer, risk, declared), wait in zip(facts.itertuples(index=False), waited, strict=True)
        if _evidence(customer, risk, declared, wait, policy)
    )


def _waited(requests: pd.DataFrame, until: np.datetime64 | Days) -> npt.NDArray[np.int64]:
    """Days each customer has waited, 0 where nobody wrote since when."""
    since = days(requests["waiting_since"])
    return np.where(known(since), (until - since).astype(np.int64), 0)


def _each(
    requests: pd.DataFrame, wanted: npt.NDArray[np.int64], chosen: Mask, as_of: date, policy: PriorityPolicy
) -> list[Request]:
    """The *chosen* requests, judged. wanted: the units each still lacks."""
    picked = requests[chosen]
    waited, needed_by = _waited(picked, day(as_of)).tolist(), plain(days(picked["needed_by"]))
    return [
        _judged(cast("_RequestRow", row), units, wait, needed, as_of, policy)
        for row, units, wait, needed in zip(
            picked.itertuples(index=False), wanted[chosen].tolist(), waited, needed_by, strict=True
        )
    ]


class _RequestRow(Protocol):
    """A row of the requests frame, as itertuples gives it."""

    row: int
    request_id: str
    requester: str
    part_no: str
    requested_at: pd.Timestamp
    declared_level: str
    customer_type: str
    sentiment_risk: str
    reason: str


def _judged(
    r: _RequestRow, open_qty: int, waited: int, needed_by: date | None, as_of: date, policy: PriorityPolicy
) -> Request:
    """One open request with its effective level and why."""
    proof = _evidence(r.customer_type, r.sentiment_risk, r.declared_level, waited, policy)
    urgent = _urgency(r.declared_level, needed_by, waited, as_of, policy)
    lack = None
    if proof and r.reason:
        level, basis = "P0", proof
    elif r.declared_level == "P0":
        lack = _NO_REASON if proof else _NO_PROOF
        level, basis = "P1", (Words(f"申报 P0 但{lack.zh}", f"declared P0 but {lack.en}"), *urgent)
    else:
        level, basis = ("P1", urgent) if urgent else ("P2", (_ORDINARY,))
    return Request(
        r.request_id,
        r.row,
        str(r.requester),
        str(r.part_no),
        open_qty,
        r.requested_at.to_pydatetime(),
        needed_by,
        r.declared_level,
        level,
        basis,
        lack,
    )


_NO_REASON = Words("没有写原因", "no reason is given")
_NO_PROOF = Words("没有舆情证据", "nothing proves a crisis")
_ORDINARY = Words("普通求助", "ordinary request")


def _evidence(customer: str, risk: str, declared: str, waited: int, policy: PriorityPolicy) -> tuple[Words, ...]:
    """What proves a public-opinion crisis; empty when nothing does."""
    sensitive = customer in policy.sensitive_types
    facts = (
        (risk == HIGH_RISK, Words("舆情风险高", "sentiment risk is high")),
        (
            sensitive and waited >= policy.sensitive_wait_days,
            Words(f"{customer}客户已等 {waited} 天", f"{customer} customer waiting {waited} days"),
        ),
        (sensitive and declared == "P0", Words(f"申报 P0 且为{customer}客户", f"declared P0, {customer} customer")),
    )
    return tuple(words for holds, words in facts if holds)


def _urgency(
    declared: str, needed_by: date | None, waited: int, as_of: date, policy: PriorityPolicy
) -> tuple[Words, ...]:
    """What makes a request P1; empty when nothing does."""
    soon = needed_by is not None and needed_by <= as_of + timedelta(days=policy.soon_days)
    facts = (
        (declared == "P1", Words("申报 P1", "declared P1")),
        (soon, Words(f"{needed_by} 前需要", f"needed by {needed_by}")),
        (waited >= policy.long_wait_days, Words(f"客户已等 {waited} 天", f"customer waiting {waited} days")),
    )
    return tuple(words for holds, words in facts if holds)

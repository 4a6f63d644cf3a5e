"""P0 requests -> six milestones within 48 hours, each with its hour, whether it is reached, and what to do next.

The rules read no clock, so only days are compared: a milestone is late from the day after its hour. Source: the
48小时作战计划 of the source, hour by hour.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo

import numpy as np
import pandas as pd

from rules.cells import read, shown
from rules.changes import body
from rules.dates import days, plain
from rules.matching import Candidates, Matching
from rules.queue import Request
from rules.schema import TIMELINE, Table
from rules.values import RawTable, Row
from rules.words import Words

DONE, DONE_LATE, UNDER_WAY, OVERDUE = "已完成", "晚完成", "进行中", "已超时"

LOCATED, CHOSEN, AGREED, SHIPPED, RECEIVED, SOLVED = MILESTONES = (
    (0, Words("定位库存", "stock located")),
    (2, Words("确定候选", "lenders chosen")),
    (4, Words("谈妥登记", "agreed and recorded")),
    (6, Words("发出", "shipped")),
    (30, Words("签收", "received")),
    (48, Words("问题解决", "solved")),
)
"""Hours after the request, and what is done by then."""

FirstSeen = Mapping[tuple[str, str], date]
"""(request, `H+4`) -> the day a run first saw that milestone done."""


@dataclass(frozen=True, slots=True)
class _Loan:
    """A loan that serves the request, not cancelled; its days are None unless they have come."""

    loan_id: str
    qty: int
    lent_on: date | None
    received_on: date | None
    tracking_no: str


@dataclass(frozen=True, slots=True)
class _Crisis:
    """A P0 request with all that is done about it. found: None once it lacks nothing."""

    request: Request
    qty: int
    loans: Sequence[_Loan]
    found: Candidates | None
    proposed: Sequence[tuple[str, int]]

    @property
    def covered(self) -> int:
        """Units that loans are agreed for, no more than wanted."""
        return self.qty - self.request.open_qty

    @property
    def missing(self) -> int:
        """Units that are neither agreed nor proposed."""
        return self.request.open_qty - sum(units for _, units in self.proposed)


def seen(raw: RawTable | None, zone: tzinfo, table: Table = TIMELINE) -> dict[tuple[str, str], date]:
    """What 作战时间线 remembers: (request, `H+4`) -> 完成日期, for each milestone that was done."""
    found = {}
    for row in body(table, raw):
        cells = dict(zip(table.fields, row, strict=True))
        if done_on := read(cells["done_on"], table["done_on"], zone).value:
            found[shown(cells["request_id"]), shown(cells["milestone"]).split(" ")[0]] = done_on
    return found


def rows_of(
    crises: Sequence[Request],
    matched: Matching,
    frames: Mapping[str, pd.DataFrame],
    first_seen: FirstSeen,
    as_of: date,
    locale: str,
) -> list[Row]:
    """The rows of 作战时间线: six for each P0 request that is not closed, requests as they are served.

    A milestone whose day no row states (located, chosen, agreed) is dated by the run that saw it first, or by the
    shipping if that was earlier. 问题解决 is never done here: closing the request ends its timeline.
    """
    return [
        row for crisis in _gathered(crises, matched, frames, as_of) for row in _rows(crisis, first_seen, as_of, locale)
    ]


def _gathered(
    crises: Sequence[Request], matched: Matching, frames: Mapping[str, pd.DataFrame], as_of: date
) -> Iterator[_Crisis]:
    centers = frames["members"]["center"].tolist()
    wanted = dict(zip(frames["requests"]["request_id"], frames["requests"]["qty"].tolist(), strict=True))
    serving = _serving(crises, frames["loans"], as_of)
    found = {c.request.request_id: (c, given) for c, given in zip(matched.candidates, matched.given, strict=True)}
    for request in crises:
        ident = request.request_id
        candidates, given = found.get(ident, (None, np.zeros(0, dtype=np.int64)))
        chosen = np.flatnonzero(given).tolist()
        proposed = [(centers[candidates.center[i]], int(given[i])) for i in chosen] if candidates else []
        yield _Crisis(request, wanted[ident], serving.get(ident, []), candidates, proposed)


def _serving(crises: Sequence[Request], loans: pd.DataFrame, as_of: date) -> dict[str, list[_Loan]]:
    """Request -> the loans that serve it, by number."""
    asked = loans["request_id"].isin([request.request_id for request in crises]).to_numpy()
    rows = loans[asked & ~loans["cancelled"].to_numpy()].sort_values("loan_id")
    lent_on, received_on = (
        [when if when and when <= as_of else None for when in plain(days(rows[name]))]
        for name in ("lent_on", "received_on")
    )
    serving: dict[str, list[_Loan]] = {}
    columns = (rows[name].tolist() for name in ("request_id", "loan_id", "qty", "tracking_no"))
    for request, loan_id, qty, number, lent, received in zip(*columns, lent_on, received_on, strict=True):
        serving.setdefault(request, []).append(_Loan(loan_id, qty, lent, received, number))
    return serving


def _rows(crisis: _Crisis, first_seen: FirstSeen, as_of: date, locale: str) -> Iterator[Row]:
    request = crisis.request
    done = _done(crisis, {hours: first_seen.get((request.request_id, f"H+{hours}"), as_of) for hours, _ in MILESTONES})
    for hours, name in MILESTONES:
        target = request.requested_at + timedelta(hours=hours)
        done_on = done.get(hours)
        notes = Words("；", "; ").in_(locale).join(words.in_(locale) for words in _NOTES[hours](crisis))
        label = f"H+{hours} {name.in_(locale)}"
        state = _state(done_on, target.date(), as_of)
        yield (request.request_id, request.requester, request.part_no, label, target, done_on, state, notes)


def _state(done_on: date | None, target: date, as_of: date) -> str:
    if done_on:
        return DONE if done_on <= target else DONE_LATE
    return UNDER_WAY if as_of <= target else OVERDUE


def _done(crisis: _Crisis, first_seen: Mapping[int, date]) -> dict[int, date]:
    """Hours of each milestone reached -> the day. first_seen: the day to give one that no row dates."""
    agreed = not crisis.request.open_qty
    shipped, received = (
        max(when for when in dates if when) if agreed and all(dates) else None
        for dates in ([loan.lent_on for loan in crisis.loans], [loan.received_on for loan in crisis.loans])
    )
    located = bool(crisis.loans) or (crisis.found is not None and len(crisis.found.row) > 0)
    undated = ((LOCATED, located), (CHOSEN, crisis.missing <= 0), (AGREED, agreed))
    dated = ((SHIPPED, shipped), (RECEIVED, received))
    done = {hours: min(first_seen[hours], shipped or date.max) for (hours, _), holds in undated if holds}
    return done | {hours: when for (hours, _), when in dated if when}


# --- what is there, and what to do next ------------------------------------------------------------------------------


def _located(crisis: _Crisis) -> Iterator[Words]:
    found = crisis.found
    if found is not None and len(found.row):
        centers, units = len(np.unique(found.center)), int(found.available.sum())
        yield Words(f"{centers} 家有货，可借 {units} 个", f"{centers} centers have stock, {units} to lend")
    elif crisis.request.open_qty:
        yield Words("联盟内没有找到库存", "no stock found within the alliance")
        yield _OTHER_WAYS
    else:
        yield Words("不用再找", "nothing more to look for")


def _chosen(crisis: _Crisis) -> Iterator[Words]:
    if crisis.proposed:
        zh, en = (between.join(f"{name} {units}" for name, units in crisis.proposed) for between in ("，", ", "))
        yield Words(f"建议：{zh}", f"proposed: {en}")
    if crisis.missing > 0:
        yield Words(f"还缺 {crisis.missing} 个", f"{crisis.missing} still missing")
        yield _OTHER_WAYS
    elif not crisis.proposed:
        yield Words("不用再找", "nothing more to look for")


def _agreed(crisis: _Crisis) -> Iterator[Words]:
    yield Words(f"已谈妥 {crisis.covered}/{crisis.qty} 个", f"{crisis.covered}/{crisis.qty} agreed")
    if crisis.proposed:
        zh, en = (between.join(name for name, _ in crisis.proposed) for between in ("、", ", "))
        yield Words(f"打电话给 {zh}，谈妥就登记到借调记录", f"call {en}, and record what you agree on in 借调记录")


def _shipped(crisis: _Crisis) -> Iterator[Words]:
    gone = sum(loan.qty for loan in crisis.loans if loan.lent_on)
    yield Words(f"已发出 {gone}/{crisis.qty} 个", f"{gone}/{crisis.qty} shipped")
    parcels = [f"{loan.loan_id} {loan.tracking_no}" for loan in crisis.loans if loan.lent_on and loan.tracking_no]
    yield from _named(Words("单号", "parcels"), parcels)
    yield from _named(Words("未发出", "not shipped"), [loan.loan_id for loan in crisis.loans if not loan.lent_on])


def _received(crisis: _Crisis) -> Iterator[Words]:
    there = sum(loan.qty for loan in crisis.loans if loan.received_on)
    yield Words(f"已签收 {there}/{crisis.qty} 个", f"{there}/{crisis.qty} received")
    yield from _named(Words("未签收", "not received"), [loan.loan_id for loan in crisis.loans if not loan.received_on])


def _solved(_crisis: _Crisis) -> Iterator[Words]:
    yield Words("装好后把求助的状态改为 已满足", "once fitted, set 状态 of the request to 已满足")


def _named(what: Words, loans: Sequence[str]) -> Iterator[Words]:
    if loans:
        yield Words(f"{what.zh}：{'、'.join(loans)}", f"{what.en}: {', '.join(loans)}")


_OTHER_WAYS = Words("看匹配建议里的其他办法", "see the other ways in 匹配建议")

_NOTES = dict(
    zip((hours for hours, _ in MILESTONES), (_located, _chosen, _agreed, _shipped, _received, _solved), strict=True)
)

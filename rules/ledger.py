"""Loans and adjustments -> postings, balances, standings.

Help once, one point; be helped once, one point less. Without adjustments, and with help == receive, the balances of
all members sum to 0. Source: rules, section 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from rules.dates import Mask, day, days, known, plain
from rules.policy import UNIT, PointsPolicy
from rules.problems import Problem, facts_in
from rules.schema import ISSUES, LEDGER
from rules.values import Row
from rules.words import Words

Ints = npt.NDArray[np.int64]

MAY_ASK = Words("可求助", "may ask")
MUST_HELP_FIRST = Words("需先帮助他人", "must help others first")
HELP, RECEIVE, ADJUST = "帮助", "受助", "调整"


def effective(loans: pd.DataFrame, as_of: date) -> Mask:
    """True for loans that count: not cancelled, and shipped by *as_of*."""
    lent_on = days(loans["lent_on"])
    return ~loans["cancelled"].to_numpy() & known(lent_on) & (lent_on <= day(as_of))


@dataclass(frozen=True, slots=True)
class Accounts:
    """Points of each member, in the order of the members frame. available = balance less what pending loans reserve."""

    helped: Ints
    received: Ints
    adjusted: Ints
    balance: Ints
    available: Ints


def accounts(
    members: pd.DataFrame, loans: pd.DataFrame, adjustments: pd.DataFrame, as_of: date, policy: PointsPolicy
) -> Accounts:
    """The points of every member on *as_of*: one count over the loans' member codes for each column."""
    counts = effective(loans, as_of)
    waits = ~loans["cancelled"].to_numpy() & ~counts
    lender, borrower = _codes(loans["lender"]), _codes(loans["borrower"])
    weight = _weight(loans, policy) if policy.per == UNIT else None
    size = len(members)

    def total(codes: npt.NDArray[np.integer[Any]], chosen: Mask, weights: Ints | None = None) -> Ints:
        picked = None if weights is None else weights[chosen]
        return np.bincount(codes[chosen], picked, minlength=size).astype(np.int64)

    helped, received = total(lender, counts), total(borrower, counts)
    given, taken = (total(c, counts, weight) for c in (lender, borrower)) if weight is not None else (helped, received)
    in_force = days(adjustments["date"]) <= day(as_of)
    adjusted = total(_codes(adjustments["center"]), in_force, adjustments["points"].to_numpy())
    balance = policy.help * given - policy.receive * taken + adjusted
    reserved = policy.receive * total(borrower, waits, weight)
    return Accounts(helped, received, adjusted, balance, balance - reserved)


def standings(members: pd.DataFrame, sums: Accounts, as_of: date, policy: PointsPolicy) -> list[Row]:
    """The rows of 积分榜."""
    centers = members["center"].to_numpy()
    rows: list[Row] = []
    for rank, i in ranked(members, sums, as_of):
        columns = (sums.helped, sums.received, sums.adjusted, sums.balance)
        numbers = (int(column[i]) for column in columns)
        standing = standing_of(int(sums.available[i]), policy).zh
        rows.append((rank, centers[i], *numbers, standing))
    return rows


def ranked(members: pd.DataFrame, sums: Accounts, as_of: date) -> Iterator[tuple[int | None, int]]:
    """Rank and place in the members frame: by balance, then helped, then center; equal (balance, helped) share a rank.

    Members who left stand last, without a rank, until their balance is settled.
    """
    left = has_left(members, as_of)
    centers = members["center"].to_numpy()
    shown = np.flatnonzero(~left | (sums.balance != 0)).tolist()
    order = sorted(shown, key=lambda i: (left[i], -sums.balance[i], -sums.helped[i], centers[i]))
    rank, previous = 0, None
    for place, i in enumerate(order, start=1):
        score = (sums.balance[i], sums.helped[i])
        rank, previous = (rank if score == previous else place), score
        yield None if left[i] else rank, i


def standing_of(points: int, policy: PointsPolicy) -> Words:
    """Whether a member with that many available points may ask."""
    return MAY_ASK if points >= policy.floor else MUST_HELP_FIRST


def has_left(members: pd.DataFrame, as_of: date) -> Mask:
    """True for members whose 退出日期 has come."""
    left_on = days(members["left_on"])
    return known(left_on) & (left_on <= day(as_of))


def ledger(loans: pd.DataFrame, adjustments: pd.DataFrame, as_of: date, policy: PointsPolicy, locale: str) -> list[Row]:
    """The rows of 积分流水: two lines for each effective loan and one for each adjustment, with running balances.

    Ordered by date, ref, center.
    """
    chosen = loans[effective(loans, as_of)]
    applied = adjustments[days(adjustments["date"]) <= day(as_of)]
    weight = _weight(chosen, policy)
    memo = _memos(chosen, locale)
    lent_on = plain(days(chosen["lent_on"]))
    refs, lenders, borrowers = (chosen[c].astype(object).tolist() for c in ("loan_id", "lender", "borrower"))
    lines = [
        *zip(lent_on, refs, lenders, (policy.help * weight).tolist(), [HELP] * len(chosen), memo, strict=True),
        *zip(lent_on, refs, borrowers, (-policy.receive * weight).tolist(), [RECEIVE] * len(chosen), memo, strict=True),
        *(
            (when, "", center, points, ADJUST, f"{reason} ({by})" if by else reason)
            for when, center, points, reason, by in zip(
                plain(days(applied["date"])),
                *(applied[c].astype(object).tolist() for c in ("center", "points", "reason", "approved_by")),
                strict=True,
            )
        ),
    ]
    lines.sort(key=lambda line: (line[0], line[1], line[2], line[3], line[5]))
    return _with_balances(lines)


def _with_balances(lines: Sequence[tuple[Any, ...]]) -> list[Row]:
    balances: dict[str, int] = {}
    rows: list[Row] = []
    for when, ref, center, points, kind, memo in lines:
        balances[center] = balance = balances.get(center, 0) + points
        rows.append((when, center, points, balance, kind, ref, memo))
    return rows


def _memos(loans: pd.DataFrame, locale: str) -> list[str]:
    """`华东-上海 借给 华北-北京 1044321-00-C × 2`, once for both lines of a loan."""
    verb = Words("借给", "lent to").in_(locale)
    columns = (loans[name].astype(object).tolist() for name in ("lender", "borrower", "part_no", "qty"))
    return [f"{lender} {verb} {borrower} {part} × {qty}" for lender, borrower, part, qty in zip(*columns, strict=True)]


def _weight(loans: pd.DataFrame, policy: PointsPolicy) -> Ints:
    """Points weight of each loan: 1, or its units when points are counted per unit."""
    qty: Ints = loans["qty"].to_numpy()
    return qty if policy.per == UNIT else np.ones(len(loans), dtype=np.int64)


def _codes(members: pd.Series[Any]) -> npt.NDArray[np.integer[Any]]:
    """Row numbers in the members frame."""
    return members.cat.codes.to_numpy()


_DATE, _CENTER, _POINTS, _REF = (LEDGER.fields.index(name) for name in ("date", "center", "points", "ref"))


def history_changed(before: Sequence[Row], after: Sequence[Row], shown: Mapping[str, int]) -> list[Problem]:
    """Warnings for loans whose postings in the last 积分流水 read differ from those computed now.

    before: the rows that stand in the sheet. shown: sheet row of each loan that is still there.
    New loans are no news; only what was posted before is watched. A line that two runs wrote, balance and all, is one.
    """
    before = list(dict.fromkeys(before))
    if not before or _watched(before) == _watched(after):
        return []
    was, now = _posted(before), _posted(after)
    changed = sorted(ref for ref in was if was[ref] != now.get(ref))
    return [_changed(ref, _told(was[ref]), _told(now.get(ref, [])), shown) for ref in changed]


def history_kept(issues: Sequence[Row], after: Sequence[Row], shown: Mapping[str, int], locale: str) -> list[Problem]:
    """The `history_changed` warnings that 数据问题 holds already, where the postings are still what it says.

    A change is seen once, when the ledger is rewritten; a second run on the same day must not wipe the warning out.
    """
    sentence = ISSUES.fields.index("problem")
    said = dict.fromkeys(str(row[sentence]) for row in issues)  # once each, should two runs have written it
    facts = [found for one in said if (found := facts_in("history_changed", one, locale))]
    now = {ref: _told(lines) for ref, lines in _posted(after).items()} if facts else {}
    return [
        _changed(f["ref"], f["before"], f["after"], shown) for f in facts if now.get(f["ref"], _told([])) == f["after"]
    ]


def _changed(ref: str, before: str, after: str, shown: Mapping[str, int]) -> Problem:
    facts = {"ref": ref, "before": before, "after": after}
    return Problem("warning", "history_changed", "loans", ref, shown.get(ref, 0), "loan_id", ref, facts)


def _watched(rows: Sequence[Row]) -> list[Row]:
    """What is watched of each line, to see at one look that nothing changed."""
    return [(row[_DATE], row[_CENTER], row[_POINTS], row[_REF]) for row in rows]


def _posted(rows: Sequence[Row]) -> dict[str, list[tuple[str, str, int]]]:
    """Ref -> its (date, center, points) lines in order."""
    posted: dict[str, list[tuple[str, str, int]]] = {}
    for row in rows:
        if row[_REF] and isinstance(points := row[_POINTS], int | float):
            posted.setdefault(str(row[_REF]), []).append((str(row[_DATE])[:10], str(row[_CENTER]), int(points)))
    return {key: sorted(lines) for key, lines in posted.items()}


def _told(lines: Sequence[tuple[str, str, int]]) -> str:
    return "；".join(f"{when} {center} {points:+d}" for when, center, points in lines) or "—"

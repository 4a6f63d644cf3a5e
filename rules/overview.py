"""What the alliance has done together, for a page that shows it: who helped whom, points over time, how loans end.

All of it is counted from effective loans and the postings of 积分流水, so the page and the sheet say the same.
Source: interface, `report`; the agreement's 规则3: all lending is open, who helped whom, and whether it came back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

import numpy as np
import pandas as pd

from rules.credit import given_back
from rules.dates import day
from rules.decide import Plan
from rules.figures import Figure
from rules.ladder import COMPENSATED, OVERDUE, LoanStates
from rules.ledger import effective, has_left
from rules.policy import Policy, Rung
from rules.schema import LEDGER, STANDINGS, SWAP
from rules.supply import Supply
from rules.values import Row

MONTHS = 12
"""How many months a page looks back."""

LINES, IN_MATRIX = 6, 15
"""Members whose points are drawn over time, and those in the matrix of help: more cannot be told apart on a phone."""


@dataclass(frozen=True, slots=True)
class Help:
    """How often one member lent to another, and how many units."""

    lender: str
    borrower: str
    loans: int
    units: int


@dataclass(frozen=True, slots=True)
class Matrix:
    """How often each of *centers* lent to each other: counts[lender][borrower]. left_out: members not among them."""

    centers: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class Balances:
    """Points of each member at the end of each month (the last one: on the day asked for), months as 2025-10."""

    months: tuple[str, ...]
    of: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Due:
    """What became of the loans that were due in *month*: back on time, back late, paid for, or overdue still."""

    month: str
    on_time: int
    late: int
    compensated: int
    overdue: int


@dataclass(frozen=True, slots=True)
class Stage:
    """Loans whose units are out and that have reached *stage* of the ladder, "" before the first; and their units."""

    stage: str
    loans: int
    units: int


@dataclass(frozen=True, slots=True)
class Idle:
    """Stock that nobody has used for *days*. value: unit value × units, None when the part has no price."""

    center: str
    part_no: str
    part_name: str
    units: int
    days: int
    value: Decimal | None


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything of the page that is not a row of a worker table. balances: of a few members only."""

    members: int
    crises: int
    helped: tuple[Help, ...]
    matrix: Matrix
    balances: Balances
    stages: tuple[Stage, ...]
    due: tuple[Due, ...]
    dead: tuple[Idle, ...]


def overview(plan: Plan, as_of: date, policy: Policy) -> Overview:
    """The alliance on *as_of*, as *plan* was decided for that day."""
    found = plan.found
    frames, states = found.frames, found.states
    centers = [str(row[STANDINGS.fields.index("center")]) for row in plan.rows["standings"]]
    helps = helped(frames["loans"], as_of)
    points = balances(found.postings, ends(centers, LINES), as_of)
    return Overview(
        members=int((~has_left(frames["members"], as_of)).sum()),
        crises=sum(request.level == "P0" for request in found.placed),
        helped=helps,
        matrix=matrix(helps, centers, IN_MATRIX),
        balances=points,
        stages=by_stage(states, policy.overdue.ladder),
        due=due_by_month(states, points.months),
        dead=dead_stock(frames, found.matched.supply, as_of),
    )


def ends(ordered: Sequence[str], most: int) -> tuple[str, ...]:
    """*ordered*, or its first and last few when there are more than *most*."""
    half = most // 2
    return tuple(ordered) if len(ordered) <= most else (*ordered[:half], *ordered[-half:])


def helped(loans: pd.DataFrame, as_of: date) -> tuple[Help, ...]:
    """Who lent to whom up to *as_of*, the most frequent first, then by name."""
    chosen = loans.loc[effective(loans, as_of), ["lender", "borrower", "qty"]].astype({"lender": str, "borrower": str})
    sums = chosen.groupby(["lender", "borrower"])["qty"].agg(["size", "sum"])
    found = (Help(lender, borrower, int(n), int(units)) for (lender, borrower), n, units in sums.itertuples(name=None))
    return tuple(sorted(found, key=lambda help_: (-help_.loans, help_.lender, help_.borrower)))


def matrix(helps: Sequence[Help], centers: Sequence[str], most: int) -> Matrix:
    """The *most* members that lend and borrow most often, those of *centers* first, then those who have left."""
    dealings: Counter[str] = Counter()
    for one in helps:
        dealings.update({one.lender: one.loans, one.borrower: one.loans})
    known = [center for center in centers if center in dealings]
    known += sorted(dealings.keys() - set(known))
    chosen = set(sorted(known, key=lambda center: -dealings[center])[:most])
    shown = tuple(center for center in known if center in chosen)
    loans = {(one.lender, one.borrower): one.loans for one in helps}
    counts = tuple(tuple(loans.get((lender, borrower), 0) for borrower in shown) for lender in shown)
    return Matrix(shown, counts, len(known) - len(shown))


def months_to(as_of: date, count: int = MONTHS) -> tuple[str, ...]:
    """The last *count* months, that of *as_of* included, as 2025-10; the oldest first."""
    last = day(as_of).astype("datetime64[M]")
    return tuple(str(last - np.timedelta64(back, "M")) for back in reversed(range(count)))


_DATE, _CENTER, _BALANCE = (LEDGER.fields.index(name) for name in ("date", "center", "balance"))


def balances(postings: Sequence[Row], centers: Sequence[str], as_of: date) -> Balances:
    """Points over the last months of *centers*, from the rows of 积分流水, which are in order of time.

    Months before the first posting are left out: a young alliance sees a short line, not a flat one.
    """
    ends: dict[str, dict[str, int]] = {center: {} for center in centers}
    for row in postings:
        ends.setdefault(str(row[_CENTER]), {})[str(row[_DATE])[:7]] = row[_BALANCE]  # type: ignore[assignment]  # points
    first = min((month for of in ends.values() for month in of), default="")
    months = tuple(month for month in months_to(as_of) if month >= first)
    return Balances(months, {center: _carried(ends[center], months) for center in centers})


def _carried(ends: Mapping[str, int], months: Sequence[str]) -> tuple[int, ...]:
    """The balance at the end of each month: that of the last posting up to it, 0 before the first."""
    before = max((month for month in ends if month < months[0]), default="")
    line = [ends.get(before, 0)]
    for month in months:
        line.append(ends.get(month, line[-1]))
    return tuple(line[1:])


def due_by_month(states: LoanStates, months: Sequence[str]) -> tuple[Due, ...]:
    """What became of the loans due in each of *months*, on time and late as in 信用档案.

    Those not due yet, and swaps, which are not given back, do not count.
    """
    back = given_back(states)
    owed = ~np.isnat(states.due) & (states.loans["plan"].to_numpy() != SWAP)
    outcomes = {
        "on_time": back.on_time,
        "late": back.late,
        "compensated": back.settled & (states.state == COMPENSATED),
        "overdue": states.state == OVERDUE,
    }
    month_of = np.datetime_as_string(states.due.astype("datetime64[M]"))
    found = {name: Counter(month_of[owed & which].tolist()) for name, which in outcomes.items()}
    return tuple(Due(month, **{name: found[name][month] for name in outcomes}) for month in months)


def by_stage(states: LoanStates, ladder: Sequence[Rung]) -> tuple[Stage, ...]:
    """How many loans are out at each stage of the ladder, from those before the first on; every stage has an entry."""
    out = states.out
    reached, units = states.reached[out] + 1, states.outstanding[out]
    size = len(ladder) + 1
    loans, sums = np.bincount(reached, minlength=size), np.bincount(reached, units, minlength=size)
    names = ["", *(rung.stage for rung in ladder)]
    return tuple(map(Stage, names, loans.tolist(), sums.astype(np.int64).tolist()))


def dead_stock(frames: Mapping[str, pd.DataFrame], stock: Supply, as_of: date) -> tuple[Idle, ...]:
    """Dead stock as it was counted, of members that are there: the dearest first, rows without a price last."""
    inventory, parts = frames["inventory"], frames["parts"]
    there = ~has_left(frames["members"], as_of)[inventory["center"].cat.codes.to_numpy()]
    on_hand = inventory["on_hand"].to_numpy()
    at = np.flatnonzero(stock.dead & there & (on_hand > 0))
    part = inventory["part_no"].cat.codes.to_numpy()[at]
    keys = (inventory[name].iloc[at].astype(object) for name in ("center", "part_no"))
    of_part = (parts[name].iloc[part] for name in ("name", "unit_value"))
    found = (
        Idle(center, part_no, name, units, idle, None if price is None else price * units)
        for center, part_no, name, price, units, idle in zip(
            *keys, *of_part, on_hand[at].tolist(), stock.idle[at].tolist(), strict=True
        )
    )
    return tuple(sorted(found, key=lambda i: (i.value is None, -(i.value or 0), -i.days, i.center, i.part_no)))


def reached(figure: Figure) -> Literal["benchmark", "traditional", "below", ""]:
    """How far *figure* has come: to a reference, below both, "" when there is nothing to compare.

    Which way is better shows in the references: the benchmark lies there.
    """
    usual, best, value = figure.traditional, figure.benchmark, figure.value
    if usual is None or best is None or value is None:
        return ""
    if best.least < usual.least:
        return "benchmark" if value <= best.most else "traditional" if value <= usual.most else "below"
    return "benchmark" if value >= best.least else "traditional" if value >= usual.least else "below"

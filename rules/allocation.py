"""Who gives how many units to which request, over all open requests together.

First the fill, strictly in queue order: as many units as possible for request 1, then for request 2 given that, and so
on (lexicographic maximum). Among these fillings the part itself is preferred to its substitutes, in their listed
order; among these the total cost is least. All of it in integers: costs are ten-thousandths, so "equal" is exact.

A request that no other one gets in the way of is solved in closed form. Only where the best answers for single
requests ask a lender for more than it has is a solver loaded (rules/contest.py). Source: rules, section 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

COST = 10_000
"""What a cost of 1 is in whole numbers."""


@dataclass(frozen=True, slots=True)
class Demand:
    """One request for *units*. stock: its candidate inventory rows, in the order of contact; step: 0 where they hold
    the part itself, 1 its first substitute...; cost: of one unit from there, in ten-thousandths.

    crisis: it draws on the supply that a P0 may use.
    """

    units: int
    crisis: bool
    stock: Ints
    step: Ints
    cost: Ints


@dataclass(frozen=True, slots=True)
class Stock:
    """Units each inventory row can give: to ordinary requests, and to a P0. An ordinary request is served only while
    what the lender gives in all stays within *ordinary*.
    """

    ordinary: Ints
    crisis: Ints

    def caps(self, demand: Demand) -> Ints:
        """The most units that each candidate can give to *demand*."""
        supply = self.crisis if demand.crisis else self.ordinary
        return np.minimum(supply[demand.stock], demand.units)

    def holds(self, demands: Sequence[Demand], given: Sequence[Ints]) -> bool:
        """True when no lender gives more than it has."""
        to_crisis, to_others = np.zeros_like(self.crisis), np.zeros_like(self.ordinary)
        for demand, units in zip(demands, given, strict=True):
            np.add.at(to_crisis if demand.crisis else to_others, demand.stock, units)
        kept = (to_others == 0) | (to_crisis + to_others <= self.ordinary)
        return bool(((to_crisis <= self.crisis) & kept).all())


@dataclass(frozen=True, slots=True)
class Allocation:
    """given: units from each candidate of each demand. proven: False for a demand whose cost may not be the least
    (the solver's limit of effort was reached; the filling holds all the same).
    """

    given: Sequence[Ints]
    proven: Sequence[bool]


def allocate(demands: Sequence[Demand], stock: Stock, split_cost: int) -> Allocation:
    """The exact allocation over *demands*, which stand in queue order."""
    given = [_alone(demand, stock.caps(demand), split_cost) for demand in demands]
    proven = [True] * len(demands)
    for group in _groups(demands, stock):
        members = [demands[i] for i in group]
        if len(group) == 1 or stock.holds(members, [given[i] for i in group]):
            continue  # each has what is best for it, so no other allocation fills more or costs less
        from rules import contest  # noqa: PLC0415  a solver is loaded only where requests compete

        units, sure = contest.settle(members, stock, split_cost)
        for i, mine in zip(group, units, strict=True):
            given[i], proven[i] = mine, sure
    return Allocation(given, proven)


def _groups(demands: Sequence[Demand], stock: Stock) -> list[list[int]]:
    """The demands that share an inventory row, directly or through others, in queue order: independent problems."""
    parent = list(range(len(demands)))

    def top(i: int) -> int:
        while parent[i] != i:
            parent[i] = i = parent[parent[i]]
        return i

    first: dict[int, int] = {}
    for i, demand in enumerate(demands):
        for row in demand.stock[stock.caps(demand) > 0].tolist():
            parent[top(i)] = top(first.setdefault(row, i))
    groups: dict[int, list[int]] = {}
    for i in range(len(demands)):
        groups.setdefault(top(i), []).append(i)
    return list(groups.values())


def _alone(demand: Demand, caps: Ints, split_cost: int) -> Ints:
    """The best for one request by itself: the part first, then each substitute for what is still missing."""
    given, missing = np.zeros_like(caps), demand.units
    for step in sorted(set(demand.step.tolist())):
        here = np.flatnonzero((demand.step == step) & (caps > 0))
        units = min(missing, int(caps[here].sum()))
        given[here] = cheapest(units, caps[here].tolist(), demand.cost[here].tolist(), split_cost)
        missing -= units
    return given


def cheapest(units: int, caps: Sequence[int], costs: Sequence[float], split_cost: int) -> list[int]:
    """How many of *units* to take from each lender at least total cost; equal cost: the earlier in the order given.

    Of the lenders used, all but the dearest give all they have (shifting a unit to a cheaper one never costs more), so
    it is enough to walk from cheap to dear over the sums that whole lenders make.
    """
    taken = [0] * len(caps)
    if units in (0, sum(caps)):
        return list(caps) if units else taken
    sums: dict[int, tuple[float, tuple[int, ...]]] = {0: (0, ())}
    best: tuple[float, tuple[int, ...]] | None = None
    for i in _worth_a_look(units, caps, costs):
        cap, cost = caps[i], costs[i]
        grown = {}
        for had, (spent, used) in sums.items():
            rest = units - had
            if rest <= cap:
                last = (spent + split_cost + rest * cost, (*used, i))
                best = last if best is None or _better(last, best) else best
            else:
                grown[had + cap] = (spent + split_cost + cap * cost, (*used, i))
        for had, way in grown.items():
            if had not in sums or _better(way, sums[had]):
                sums[had] = way
    assert best is not None, "units is at most the sum of caps"
    for i in best[1]:
        taken[i] = caps[i]
    taken[best[1][-1]] -= sum(taken) - units
    return taken


def _better(one: tuple[float, tuple[int, ...]], other: tuple[float, tuple[int, ...]]) -> bool:
    """Cheaper; or as cheap with fewer lenders, or with lenders that are asked earlier."""
    return (one[0], len(one[1]), sorted(one[1])) < (other[0], len(other[1]), sorted(other[1]))


def _worth_a_look(units: int, caps: Sequence[int], costs: Sequence[float]) -> list[int]:
    """The lenders from cheap to dear, without those that can be passed over.

    A lender is of no use once so many cheaper ones with at least as much exist that an answer cannot use them all: all
    but one of them give everything, so d of them give (d - 1) x cap + 1 units or more, and one unit is this lender's.
    """
    kept: list[int] = []
    for i in sorted(range(len(caps)), key=lambda i: (costs[i], i)):
        cap = caps[i]
        rivals = sum(caps[k] >= cap for k in kept)
        if (rivals - 1) * cap + 1 <= units - 1 or not rivals:
            kept.append(i)
    return kept

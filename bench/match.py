"""Allocation over all open requests beside the greedy one: each request in turn takes from the best lender left.

Greedy fills the queue in order too, but never asks who else needs a lender, nor how many lenders a split takes. Its
gap is what its answer costs more where it fills as much, and the units it leaves unfilled elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from bench.measure import OURS, Line, in_turn, shown
from rules.allocation import COST, Allocation, Demand, Stock, allocate

GOAL_SECONDS = 10.0
SPLIT_COST = 5_000
_ROUNDS = 3


def lines() -> Iterator[Line]:
    """One request, and 1,000 over 100 centers and 50 parts with stock that is enough, just enough, and short."""
    for what, requests, centers, parts, most_on_hand in (
        ("one request", 1, 100, 1, 4),
        ("1,000 requests, stock plenty", 1_000, 100, 50, 4),
        ("1,000 requests, stock tight", 1_000, 100, 50, 1),
        ("1,000 requests, stock short", 1_000, 30, 50, 2),
    ):
        demands, stock = _alliance(requests, centers, parts, most_on_hand)
        times = in_turn(
            {
                OURS: lambda d=demands, s=stock: allocate(d, s, SPLIT_COST),
                "greedy": lambda d=demands, s=stock: greedy(d, s),
            },
            _ROUNDS,
        )
        ours, plain = allocate(demands, stock, SPLIT_COST), greedy(demands, stock)
        yield times.line("match", what, f"{centers}x{parts}", "greedy")
        spent = times.median(OURS)
        yield Line(
            "match", "  of the time allowed", "", f"{GOAL_SECONDS:.0f} s", shown(spent), f"{GOAL_SECONDS:.0f} s",
            spent / GOAL_SECONDS, 1.0, _gap(demands, ours, plain),
        )  # fmt: skip


def _gap(demands: Sequence[Demand], ours: Allocation, plain: Sequence[np.ndarray]) -> str:
    mine, other = (sum(int(g.sum()) for g in given) for given in (ours.given, plain))
    same = [i for i, (a, b) in enumerate(zip(ours.given, plain, strict=True)) if a.sum() == b.sum() and a.sum()]
    costs = [sum(_cost(demands[i], given[i]) for i in same) for given in (ours.given, plain)]
    over = costs[1] / costs[0] - 1 if costs[0] else 0.0
    proven = "" if all(ours.proven) else f", {ours.proven.count(False)} unproven"
    return f"units {mine} (greedy {other}), greedy costs {over:+.1%} where both fill{proven}"


def _cost(demand: Demand, given: np.ndarray) -> int:
    return int((given * demand.cost).sum()) + SPLIT_COST * int((given > 0).sum())


def greedy(demands: Sequence[Demand], stock: Stock) -> list[np.ndarray]:
    """Each request in turn from its cheapest lenders left."""
    left_crisis, left = stock.crisis.copy(), stock.ordinary.copy()
    result = []
    for demand in demands:
        given = np.zeros(len(demand.stock), dtype=np.int64)
        missing, supply = demand.units, left_crisis if demand.crisis else left
        for at in np.argsort(demand.cost, kind="stable").tolist():
            row = demand.stock[at]
            given[at] = units = min(missing, max(0, int(supply[row])))
            left[row] -= units
            left_crisis[row] -= units
            missing -= units
            if not missing:
                break
        result.append(given)
    return result


def _alliance(requests: int, centers: int, parts: int, most_on_hand: int) -> tuple[list[Demand], Stock]:
    """Requests for one to four units each, one in fifty a P0, of parts that every center may have up to so many of."""
    rng = np.random.default_rng([requests, centers, parts, most_on_hand])
    ordinary = rng.integers(0, most_on_hand + 1, centers * parts)
    crisis = ordinary + rng.integers(0, 2, centers * parts)
    place, terms = rng.random((centers, 2)) * 2_000, rng.choice([1, 1, 0.7, 0.4], centers)
    idle = rng.random(centers * parts) < 0.15
    demands = []
    for n in range(requests):
        who, part, units = int(rng.integers(centers)), int(rng.integers(parts)), int(rng.integers(1, 5))
        urgent = n < requests // 50
        supply = (crisis if urgent else ordinary)[part::parts]
        lender = np.flatnonzero((supply > 0) & (np.arange(centers) != who))
        has, km = supply[lender], np.hypot(*(place[lender] - place[who]).T)
        score = (
            0.30 * terms[lender] + 0.25 / (1 + km / 1000) + 0.15 * np.minimum(1, has / units)
            + 0.10 * np.minimum(1, np.maximum(0, has - units) / units) + 0.10 * idle[lender * parts + part]
            + 0.10 * rng.choice([0, 0.5, 0.5, 1], len(lender))
        )  # fmt: skip
        cost = COST - np.rint(score * COST).astype(np.int64)
        order = np.argsort(cost, kind="stable")
        demands.append(
            Demand(units, urgent, (lender * parts + part)[order], np.zeros(len(order), dtype=np.int64), cost[order])
        )
    return demands, Stock(ordinary, crisis)

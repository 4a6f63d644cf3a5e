"""Open requests × inventory -> who can lend, in the order of contact, and how many units are proposed from whom.

Everything here is figures; rules/suggestions.py makes the rows of 匹配建议 of them. Source: rules, section 6.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from rules.allocation import COST, Allocation, Demand, Stock, allocate
from rules.dates import Mask
from rules.distance import Distances, Trips
from rules.ledger import MUST_HELP_FIRST, effective, has_left
from rules.policy import MatchingPolicy, Policy
from rules.problems import Problem
from rules.queue import Request
from rules.schema import BORROW_AND_RETURN, COMPENSATION, SWAP
from rules.supply import Supply, supply
from rules.swaps import Gift, Gifts

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Who can lend for one request, in the order of contact; one entry for each inventory row with units to give.

    row: in the inventory frame; center: in the members frame; step: 0 the part itself, 1 its first substitute...;
    gave, got: effective loans from the lender to the requester, and the other way; score: ten-thousandths.
    """

    request: Request
    row: Ints
    center: Ints
    step: Ints
    available: Ints
    trips: Trips
    gave: Ints
    got: Ints
    score: Ints


@dataclass(frozen=True, slots=True)
class Matching:
    """candidates and given (units proposed from each of them): for each request that takes part, in queue order."""

    candidates: Sequence[Candidates]
    given: Sequence[Ints]
    supply: Supply
    gifts: Gifts
    friends: Friends
    problems: Sequence[Problem]


class Friends:
    """Effective loans between members: who helped whom how often, who has dealt with both of two."""

    def __init__(self, members: pd.DataFrame, loans: pd.DataFrame, as_of: date) -> None:
        counts = effective(loans, as_of)
        self._lender, self._borrower = (loans[name].cat.codes.to_numpy()[counts] for name in ("lender", "borrower"))
        self._names = members["center"].tolist()
        self._present = ~has_left(members, as_of)
        self._by_name = sorted(range(len(self._names)), key=self._names.__getitem__)
        self._known: dict[int, tuple[Ints, Ints]] = {}

    def of(self, member: int) -> tuple[Ints, Ints]:
        """(loans from each member to this one, loans from this one to each member)."""
        if member not in self._known:
            size = len(self._names)
            self._known[member] = (
                np.bincount(self._lender[self._borrower == member], minlength=size).astype(np.int64),
                np.bincount(self._borrower[self._lender == member], minlength=size).astype(np.int64),
            )
        return self._known[member]

    def endorser(self, lender: int, requester: int) -> str:
        """The member with most loans with both, the lesser count deciding, then the name; "" when there is none."""
        (a, b), (c, d) = self.of(lender), self.of(requester)
        both = np.where(self._present, np.minimum(a + b, c + d), 0)[self._by_name]
        best = int(np.argmax(both))
        return self._names[self._by_name[best]] if both[best] else ""


def matching(frames: Mapping[str, pd.DataFrame], placed: Sequence[Request], as_of: date, policy: Policy) -> Matching:
    """Who can lend for the requests *placed* in queue order, those that must help others first left out."""
    inventory, members = frames["inventory"], frames["members"]
    stock = supply(inventory, frames["loans"], as_of, policy.inventory, policy.matching.p0_keep)
    friends = Friends(members, frames["loans"], as_of)
    served = [request for request in placed if request.standing is not MUST_HELP_FIRST]
    search = _Search(frames, stock, friends, as_of, policy.matching)
    candidates = [search.candidates(request) for request in served]
    allocation = _shared_out(candidates, Stock(stock.ordinary, stock.crisis), policy.matching)
    problems = [*_unproven(served, allocation), *_nowhere(candidates, members, search.distances)]
    gifts = _gifts(candidates, stock, members["center"].tolist())
    return Matching(candidates, allocation.given, stock, gifts, friends, problems)


def with_one_more(
    found: Matching, frames: Mapping[str, pd.DataFrame], request: Request, place: int, as_of: date, policy: Policy
) -> Matching:
    """*found* with one more request, that has *place* among those which take part.

    It gets what those before it leave; what is proposed for the others stays as it was. So no solver is needed.
    A requester "" is nobody in particular: all members are asked, and neither ways nor past help count.
    """
    stock = found.supply
    mine = _Search(frames, stock, found.friends, as_of, policy.matching).candidates(request)
    taken = np.zeros_like(stock.ordinary)
    for other, units in zip(found.candidates[:place], found.given[:place], strict=True):
        np.add.at(taken, other.row, units)
    left = Stock(np.maximum(stock.ordinary - taken, 0), np.maximum(stock.crisis - taken, 0))
    candidates = [*found.candidates[:place], mine, *found.candidates[place:]]
    given = [*found.given[:place], *_shared_out([mine], left, policy.matching).given, *found.given[place:]]
    gifts = _gifts(candidates, stock, frames["members"]["center"].tolist())
    return replace(found, candidates=candidates, given=given, gifts=gifts)


def _shared_out(candidates: Sequence[Candidates], stock: Stock, policy: MatchingPolicy) -> Allocation:
    """How many units each candidate gives."""
    demands = [Demand(c.request.open_qty, c.request.level == "P0", c.row, c.step, COST - c.score) for c in candidates]
    return allocate(demands, stock, round(policy.split_cost * COST))


class _Search:
    """Finds the candidates of one request after the other."""

    def __init__(
        self, frames: Mapping[str, pd.DataFrame], stock: Supply, friends: Friends, as_of: date, policy: MatchingPolicy
    ) -> None:
        members, parts, inventory = (frames[name] for name in ("members", "parts", "inventory"))
        self._stock, self._friends, self._policy = stock, friends, policy
        self.distances = Distances(members, frames["routes"], policy)
        names = members["center"].tolist()
        self._member = {name: i for i, name in enumerate(names)}
        self._name_rank = np.argsort(np.array(sorted(range(len(names)), key=names.__getitem__), dtype=np.int64))
        self._left = has_left(members, as_of)
        self._part = {part: i for i, part in enumerate(parts["part_no"])}
        self._substitutes = parts["substitutes"].tolist()
        self._center = inventory["center"].cat.codes.to_numpy().astype(np.int64)
        part_of = inventory["part_no"].cat.codes.to_numpy()
        self._rows = np.argsort(part_of, kind="stable")
        self._first = np.searchsorted(part_of[self._rows], np.arange(len(self._part) + 1))
        terms = policy.terms
        worth = {BORROW_AND_RETURN: terms.borrow_and_return, SWAP: terms.swap, COMPENSATION: terms.compensation}
        self._terms = inventory["terms"].map(worth).fillna(terms.borrow_and_return).to_numpy(dtype=float)
        requests = frames["requests"]
        self._declined = dict(zip(requests["request_id"], requests["declined_by"], strict=True))

    def candidates(self, request: Request) -> Candidates:
        """Who can lend for *request*."""
        own = self._part[request.part_no]
        others = (self._part[part] for part in self._substitutes[own])
        held = [self._holding(part) for part in dict.fromkeys((own, *others))]
        row = np.concatenate(held)
        step = np.repeat(np.arange(len(held)), [len(rows) for rows in held])
        supplies = self._stock.crisis if request.level == "P0" else self._stock.ordinary
        fit = (supplies[row] > 0) & ~self._barred(request)[self._center[row]]
        row, step = row[fit], step[fit]
        center, available, requester = self._center[row], supplies[row], self._member.get(request.requester, -1)
        trips = self.distances.to(requester, center)
        gave, got = (counts[center] for counts in self._friends.of(requester))
        score = self._scores(row, available, request.open_qty, trips.km, got - gave)
        far = np.where(np.isnan(trips.km), np.inf, trips.km)
        at = np.lexsort((self._name_rank[center], far, -score, step))
        ordered = Trips(trips.km[at], trips.hours[at], trips.estimated[at])
        row, center, step, available = row[at], center[at], step[at], available[at]
        return Candidates(request, row, center, step, available, ordered, gave[at], got[at], score[at])

    def _holding(self, part: int) -> Ints:
        """The inventory rows of *part*."""
        return np.asarray(self._rows[self._first[part] : self._first[part + 1]])

    def _barred(self, request: Request) -> Mask:
        """True for members that are not asked: the requester, those that left, those that declined."""
        barred = self._left.copy()
        names = (request.requester, *self._declined.get(request.request_id, ()))
        barred[[self._member[name] for name in names if name]] = True
        return barred

    def _scores(self, row: Ints, available: Ints, wanted: int, km: Floats, owed: Ints) -> Ints:
        """The weighted mean of six figures within 0..1, in ten-thousandths."""
        weights = self._policy.weights
        near = 1 / (1 + km / self._policy.near_km)
        figures = (
            (weights.terms, self._terms[row]),
            (weights.proximity, np.where(np.isnan(near), 0.0, near)),
            (weights.coverage, np.minimum(1.0, available / wanted)),
            (weights.slack, np.minimum(1.0, np.maximum(0, available - wanted) / wanted)),
            (weights.reciprocity, (np.sign(owed) + 1) / 2),
            (weights.dead_stock, self._stock.dead[row].astype(float)),
        )
        total = sum(weight * figure for weight, figure in figures) / sum(weight for weight, _ in figures)
        scores: Ints = np.rint(np.asarray(total) * COST).astype(np.int64)
        return scores


def _gifts(candidates: Sequence[Candidates], stock: Supply, names: Sequence[str]) -> Gifts:
    """What each center has spare, above its safety stock, of the very part that another one asks for."""
    gifts = Gifts()
    for found in candidates:
        taker = found.request.requester
        spare = np.where(found.step == 0, np.minimum(stock.ordinary[found.row], found.request.open_qty), 0)
        for center, units in zip(found.center.tolist(), spare.tolist(), strict=True):
            if units and (names[center], taker) not in gifts.by_pair:
                gifts.offer(Gift(names[center], taker, found.request.request_id, found.request.part_no, units))
    return gifts


def _unproven(served: Sequence[Request], allocation: Allocation) -> Iterator[Problem]:
    """A warning for each request whose share may not be the cheapest one."""
    for request, proven in zip(served, allocation.proven, strict=True):
        if not proven:
            key = request.request_id
            yield Problem("warning", "unproven_cost", "requests", key, request.row, "request_id", key)


def _nowhere(candidates: Sequence[Candidates], members: pd.DataFrame, distances: Distances) -> Iterator[Problem]:
    """A warning, once, for each member whose unknown place leaves a distance blank."""
    codes = {name: i for i, name in enumerate(members["center"])}
    concerned = set()
    for found in candidates:
        lost = found.center[np.isnan(found.trips.km)]
        if len(lost):
            concerned |= {*lost.tolist(), codes[found.request.requester]}
    places = np.array(sorted(concerned), dtype=np.int64)
    for i in places[distances.unknown(places)].tolist() if len(places) else ():
        center, row, city = (members[name].iloc[i] for name in ("center", "row", "city"))
        yield Problem("warning", "no_place", "members", center, int(row), "city", city, {"center": center})

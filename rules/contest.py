"""Requests that compete for the same units: the fill by augmenting paths, the least cost by integer programs.

The problem is a transportation problem with a fixed cost for each lender used, which a solver is slow with as it
stands. So a price on every limit gives a bound first (Lagrangian: valid for any prices, whatever the solver's
tolerance made of them). Then one way to serve each request is chosen out of those that cost so little more that they
can be part of a best answer; where they are too many, the plain program is solved with rounding cuts, less the
candidates that provably cost too much. Costs are integers: an answer is proven when the bound is less than one unit of
cost below it. What the solver says is rounded and checked in integers. Source: rules, section 6.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from rules.allocation import COST, Demand, Stock, cheapest
from rules.program import Program

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_FEW = 40
"""Candidates up to which nothing is gained by leaving some out first."""
_MOST_WAYS = 1_000, 4_000
"""Ways to serve requests, of one contest in all, up to which one is chosen for each: to find an answer, to prove it."""
_ROUNDS = 6
_FIRST = 100
"""Candidates looked at first, those whose use costs least."""
_CUTS = 12
"""Rounding cuts for each request."""
_TURNS = 6
"""Steps by which the prices of `_Relaxed` are improved."""
_WORK = 200_000
"""Units wanted x units offered of one request up to which `_dearer` looks at every sum."""
_SLACK = 0.01
"""Units of cost that rounding in the sums of a bound never comes to."""


@dataclass(frozen=True, slots=True)
class _Arcs:
    """Every (request, inventory row) that can give, one entry each, by request and order of contact."""

    request: Ints
    row: Ints
    step: Ints
    cost: Ints
    cap: Ints
    crisis: Mask

    def only(self, chosen: Mask) -> _Arcs:
        """The chosen ones."""
        return _Arcs(*(getattr(self, name)[chosen] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class _Contest:
    """The arcs, units wanted by each request in queue order, and what each inventory row can give."""

    arcs: _Arcs
    wanted: Ints
    ordinary: Ints
    crisis: Ints
    split_cost: int

    def cost(self, units: Ints) -> int:
        """What those units cost in all."""
        return int((units * self.arcs.cost).sum()) + self.split_cost * int((units > 0).sum())

    def mixed(self, arcs: _Arcs) -> Ints:
        """Rows that both kinds of request draw on, with another supply for each."""
        both = np.intersect1d(arcs.row[arcs.crisis], arcs.row[~arcs.crisis])
        apart: Ints = both[self.ordinary[both] != self.crisis[both]]
        return apart


def settle(demands: Sequence[Demand], stock: Stock, split_cost: int) -> tuple[list[Ints], bool]:
    """Units from each candidate of each demand (in queue order), and whether their cost is proven to be the least."""
    caps = [stock.caps(demand) for demand in demands]
    places = [np.flatnonzero(cap > 0) for cap in caps]
    stocks, step, cost = (
        np.concatenate([getattr(d, name)[place] for d, place in zip(demands, places, strict=True)])
        for name in ("stock", "step", "cost")
    )
    rows, row = np.unique(stocks, return_inverse=True)
    sizes = [len(place) for place in places]
    request, crisis = np.repeat(np.arange(len(demands)), sizes), np.repeat([d.crisis for d in demands], sizes)
    cap = np.concatenate([cap[place] for cap, place in zip(caps, places, strict=True)])
    arcs = _Arcs(request, row, step, cost, cap, crisis)
    wanted = np.array([demand.units for demand in demands])
    contest = _Contest(arcs, wanted, stock.ordinary[rows], stock.crisis[rows], split_cost)
    units, proven = _settled(contest)
    given = [np.zeros(len(demand.stock), dtype=np.int64) for demand in demands]
    for i, (mine, place) in enumerate(zip(given, places, strict=True)):
        mine[place] = units[request == i]
    assert stock.holds(demands, given), "checked in integers"
    return given, proven


def _settled(contest: _Contest) -> tuple[Ints, bool]:
    """Units of each arc, and whether they are proven best."""
    fills, units = _flow(contest)
    if len(contest.mixed(contest.arcs)) or contest.arcs.step.any():
        # Units for a P0 may come out of safety stock, and then that lender has none for others: not a flow any more.
        kept = _fewest_steps(contest, fills)
        if kept is None:
            fills = _one_by_one(contest)
            kept = _fewest_steps(contest, fills)
        assert kept is not None, "these fills were found"
        units = kept
    best, proven = _least_cost(contest, fills, units)
    assert np.array_equal(_filled(contest, best), fills), "checked in integers"
    return best, proven


def _filled(contest: _Contest, units: Ints) -> Ints:
    return np.bincount(contest.arcs.request, units, minlength=len(contest.wanted)).astype(np.int64)


# --- the fill --------------------------------------------------------------------------------------------------------


def _flow(contest: _Contest) -> tuple[Ints, Ints]:
    """The lexicographically largest fills, and units of each arc that make them.

    One request after the other takes as much as augmenting paths bring; a path never takes from an earlier request.
    A mixed row is seen as generously as possible here, so the fills may be too large there, never too small.
    """
    arcs = contest.arcs
    residual = _Residual(contest)
    fills = np.zeros_like(contest.wanted)
    for request, wanted in enumerate(contest.wanted.tolist()):
        while fills[request] < wanted:
            pushed = residual.push(request, wanted - int(fills[request]))
            if not pushed:
                break
            fills[request] += pushed
    size = len(contest.wanted)
    entry = size + 2 * arcs.row + arcs.crisis
    units = [residual.room[to].get(at, 0) for at, to in zip(arcs.request.tolist(), entry.tolist(), strict=True)]
    return fills, np.array(units, dtype=np.int64)


class _Residual:
    """What can still flow from request to inventory row to the end: room[a][b] units from node a to node b.

    Nodes: requests, then two for each row (its units for ordinary requests, its units for a P0), then rows, then end.
    """

    def __init__(self, contest: _Contest) -> None:
        arcs, size, rows = contest.arcs, len(contest.wanted), len(contest.ordinary)
        self.end = size + 3 * rows
        self.room: list[dict[int, int]] = [{} for _ in range(self.end + 1)]
        entry = size + 2 * arcs.row + arcs.crisis
        for at, to, cap in zip(arcs.request.tolist(), entry.tolist(), arcs.cap.tolist(), strict=True):
            self._pipe(at, to, cap)
        for row, supplies in enumerate(zip(contest.ordinary.tolist(), contest.crisis.tolist(), strict=True)):
            for kind, supply in enumerate(supplies):
                self._pipe(size + 2 * row + kind, size + 2 * rows + row, supply)
            self._pipe(size + 2 * rows + row, self.end, max(supplies))

    def _pipe(self, at: int, to: int, cap: int) -> None:
        self.room[at][to], self.room[to][at] = cap, 0

    def push(self, request: int, most: int) -> int:
        """Units sent along a shortest way from *request* to the end; 0 when there is no way."""
        before = {request: -1}
        waiting = deque([request])
        while waiting and self.end not in before:
            at = waiting.popleft()
            for to, room in self.room[at].items():
                if room and to not in before:
                    before[to] = at
                    waiting.append(to)
        if self.end not in before:
            return 0
        way = [self.end]
        while (at := before[way[-1]]) >= 0:
            way.append(at)
        steps = list(zip(way[1:], way[:-1], strict=True))
        units = min(most, *(self.room[a][b] for a, b in steps))
        for a, b in steps:
            self.room[a][b] -= units
            self.room[b][a] += units
        return units


def _one_by_one(contest: _Contest) -> Ints:
    """The lexicographically largest fills when mixed rows stand in the way: one small program for each request."""
    least, most = np.zeros_like(contest.wanted), contest.wanted.copy()
    for request in range(len(most)):
        wanted = np.where(contest.arcs.request == request, -1.0, 0.0)
        units = _transport(contest, contest.arcs, least, most, wanted).units(len(wanted))
        assert units is not None, "giving nothing to the rest is always possible"
        least[request] = most[request] = _filled(contest, units)[request]
    return least


def _fewest_steps(contest: _Contest, fills: Ints) -> Ints | None:
    """Units that make *fills* with as few substitutes as possible, those of earlier requests counting more.

    None when the fills cannot be made.
    """
    return _transport(contest, contest.arcs, fills, fills, _steps(contest).astype(float)).units(len(contest.arcs.cost))


def _steps(contest: _Contest) -> Ints:
    """How much a unit from each arc counts against the answer before cost: its step down the list of substitutes."""
    return contest.arcs.step * (len(contest.wanted) - contest.arcs.request)


# --- the least cost --------------------------------------------------------------------------------------------------


def _least_cost(contest: _Contest, fills: Ints, start: Ints) -> tuple[Ints, bool]:
    """The cheapest units that make *fills* with no more steps than *start*, and whether that is proven."""
    if len(start) <= _FEW:
        return _cheapest(contest, fills, start, np.ones(len(start), dtype=bool))
    relaxed = _Relaxed(contest, fills, int((_steps(contest) * start).sum()))
    bound, more, prices = relaxed.bounds(_multipliers(contest, fills, start, len(relaxed.limits)))
    best = _by_ways(contest, relaxed, bound, more, prices)
    return best if best is not None else _by_arcs(contest, fills, start, bound, more)


def _by_ways(
    contest: _Contest, relaxed: _Relaxed, bound: float, more: Floats, prices: Floats
) -> tuple[Ints, bool] | None:
    """The cheapest choice of one way for each request, out of the ways that cost little more than its cheapest.

    An answer with any other way costs more than the bound and *reach*: where the answer found does not, it is the best.
    None when too many ways are within reach.
    """
    reach, (most, to_prove) = 0.05 * COST, _MOST_WAYS
    for _ in range(_ROUNDS):
        ways = relaxed.ways(prices, more, reach, most)
        if ways is None:
            return None
        units, proven = relaxed.chosen(ways)
        if units is None:
            reach *= 3
            continue
        gap = contest.cost(units) - 1 - bound + _SLACK
        if gap <= reach or not proven:
            return units, proven
        reach, most = gap, to_prove
    return None


def _by_arcs(contest: _Contest, fills: Ints, start: Ints, bound: float, more: Floats) -> tuple[Ints, bool]:
    """The cheapest units, first over the arcs whose use costs least, then over all that could be in a better answer."""
    enough = np.partition(more, _FIRST)[_FIRST] if len(more) > _FIRST else np.inf
    best, chosen = start, (more <= enough) | (start > 0)
    while True:
        best, proven = _cheapest(contest, fills, best, chosen)
        missed = ~chosen & (more <= contest.cost(best) - 1 - bound + _SLACK)
        if not proven or not missed.any():
            return best, proven
        chosen |= missed


def _multipliers(contest: _Contest, fills: Ints, start: Ints, count: int) -> Floats:
    """What the relaxed program charges for each of the *count* limits: a good place to start from, none is needed."""
    program = _costs(contest, contest.arcs, fills, start)
    size = len(contest.arcs.cost)
    for j, cap in enumerate(np.minimum(contest.arcs.cap, fills[contest.arcs.request]).tolist()):
        program.add([j, size + j], [1.0, -float(cap)], -np.inf, 0.0)
    return np.maximum(0.0, -program.prices()[:count])


class _Relaxed:
    """The problem with every limit on lenders turned into a price: each request is then solved exactly by itself.

    For any prices >= 0 the sum is a bound that no allowed answer is below.
    """

    def __init__(self, contest: _Contest, fills: Ints, most_steps: int) -> None:
        self._contest, self._fills = contest, fills
        self.limits = _limits(contest, contest.arcs, most_steps)
        self._row = np.repeat(np.arange(len(self.limits)), [len(limit.columns) for limit in self.limits])
        self._column = np.concatenate([limit.columns for limit in self.limits])
        self._value = np.concatenate([limit.values for limit in self.limits])
        self._most = np.array([limit.most for limit in self.limits])
        self._size = len(contest.arcs.cost)
        self._columns = self._size + len(contest.mixed(contest.arcs))
        self._own = [np.flatnonzero(contest.arcs.request == i) for i in range(len(fills))]
        self._caps = [np.minimum(contest.arcs.cap[own], units) for own, units in zip(self._own, fills, strict=True)]

    def bounds(self, prices: Floats) -> tuple[float, Floats, Floats]:
        """The best bound found, how much higher it is for answers that use each arc, and the prices it is at."""
        bound, used = self._answer(prices)
        best, at, pace = bound, prices, 1.0
        for turn in range(_TURNS):
            excess = np.bincount(self._row, self._value * used[self._column], minlength=len(self._most)) - self._most
            excess[(prices <= 0) & (excess < 0)] = 0
            if not excess.any():
                break
            prices = np.maximum(0.0, prices + pace * (1.003 * best - bound) / (excess @ excess) * excess)
            bound, used = self._answer(prices)
            if bound > best:
                best, at = bound, prices
            elif turn % 4 == 3:  # noqa: PLR2004  no headway for a while: smaller paces
                pace *= 0.6
        return best, self._more(at), at

    def ways(self, prices: Floats, more: Floats, reach: float, most: int) -> _Ways | None:
        """Every way to serve each request that costs, at *prices*, at most *reach* more than its cheapest one.

        None when they are more than *most*.
        """
        cost = self._priced(prices)
        found: list[list[tuple[int, int]]] = []
        counts: list[int] = []
        for own, caps, units in zip(self._own, self._caps, self._fills.tolist(), strict=True):
            if not units:
                continue
            if units * int(caps.sum()) > _WORK:
                return None
            near = more[own] <= reach
            arcs, room = own[near], most - len(found)
            served = _serving(units, caps[near].tolist(), cost[arcs].tolist(), self._contest.split_cost, reach)
            mine = list(islice(served, room + 1))
            if len(mine) > room:
                return None
            counts.append(len(mine))
            found += [[(int(arcs[i]), k) for i, k in way] for way in mine]
        return _Ways(found, counts)

    def chosen(self, ways: _Ways) -> tuple[Ints | None, bool]:
        """Units of each arc when one way is chosen for each request at least cost, and whether that is proven.

        None when no choice keeps within the limits.
        """
        units = np.zeros((len(ways.takes), self._columns), dtype=np.int64)
        for i, way in enumerate(ways.takes):
            for arc, taken in way:
                units[i, arc] = taken
        cost = np.array([self._contest.cost(row[: self._size]) for row in units], dtype=np.float64)
        flags = self._columns - self._size
        program = Program(np.append(cost, np.zeros(flags)), np.ones(len(cost) + flags))
        for first, count in zip(np.cumsum([0, *ways.counts[:-1]]).tolist(), ways.counts, strict=True):
            program.add(np.arange(first, first + count), np.ones(count), 1, 1)
        for limit in self.limits:
            used = units[:, limit.columns] @ limit.values
            own = np.flatnonzero(used)
            lifted = limit.columns >= self._size
            program.add(
                np.append(own, limit.columns[lifted] - self._size + len(cost)),
                np.append(used[own], limit.values[lifted]),
                -np.inf,
                limit.most,
            )
        picked, bound = program.whole(None)
        if picked is None:
            return None, True
        best: Ints = picked[: len(cost)] @ units[:, : self._size]
        return best, self._contest.cost(best) - bound < 1 - _SLACK

    def _priced(self, prices: Floats) -> Floats:
        """The cost of a unit from each arc, then of each flag, with what the limits charge for it."""
        prices_of = prices[self._row] * self._value
        charged: Floats = np.bincount(self._column, prices_of, minlength=self._columns).astype(np.float64)
        charged[: self._size] += self._contest.arcs.cost
        return charged

    def _answer(self, prices: Floats) -> tuple[float, Floats]:
        """The bound at *prices*, and the units and flags that make it."""
        cost = self._priced(prices)
        used = (cost < 0).astype(float)  # of the flags; the arcs follow
        total = float(np.minimum(cost[self._size :], 0).sum()) - float(prices @ self._most)
        for own, caps, units in zip(self._own, self._caps, self._fills.tolist(), strict=True):
            taken = np.array(cheapest(units, caps.tolist(), cost[own].tolist(), self._contest.split_cost), dtype=float)
            total += float(taken @ cost[own]) + self._contest.split_cost * int((taken > 0).sum())
            used[own] = taken
        return total, used

    def _more(self, prices: Floats) -> Floats:
        """How much dearer each request gets, at *prices*, when an arc must be used: by sums from both ends.

        0 for a request too large to be looked at so.
        """
        cost, more = self._priced(prices), np.zeros(self._size)
        for own, caps, units in zip(self._own, self._caps, self._fills.tolist(), strict=True):
            if units and units * int(caps.sum()) <= _WORK:
                more[own] = _dearer(units, caps.tolist(), cost[own].tolist(), self._contest.split_cost)
            elif not units:
                more[own] = np.inf
        return more


def _dearer(units: int, caps: Sequence[int], costs: Sequence[float], split_cost: int) -> Floats:
    """For each lender, how much the cheapest way to take *units* rises when it must give at least one."""
    ways = [
        np.array(split_cost + cost * np.arange(1, cap + 1), dtype=np.float64)
        for cap, cost in zip(caps, costs, strict=True)
    ]
    before = [np.where(np.arange(units + 1) == 0, 0.0, np.inf)]
    for way in ways:
        before.append(_with(before[-1], way, before[-1]))
    after = before[0]
    forced = np.empty(len(ways))
    nothing = np.full(units + 1, np.inf)
    for i in reversed(range(len(ways))):
        here = _with(before[i], ways[i], nothing)
        forced[i] = np.min(here + after[::-1])
        after = _with(after, ways[i], after)
    return np.asarray(np.maximum(forced - before[-1][units], 0.0))


@dataclass(frozen=True, slots=True)
class _Ways:
    """takes: the (arc, units) of each way, request after request; counts: how many ways each request has."""

    takes: Sequence[Sequence[tuple[int, int]]]
    counts: Sequence[int]


def _serving(
    units: int, caps: Sequence[int], costs: Sequence[float], split_cost: int, reach: float
) -> Iterator[tuple[tuple[int, int], ...]]:
    """Every (lender, units) list that makes *units* and costs at most *reach* more than the cheapest one."""
    after = [np.where(np.arange(units + 1) == 0, 0.0, np.inf)]
    for cap, cost in zip(reversed(caps), reversed(costs), strict=True):
        way = np.array(split_cost + cost * np.arange(1, cap + 1), dtype=np.float64)
        after.append(_with(after[-1], way, after[-1]))
    rest = [sums.tolist() for sums in reversed(after)]
    most = rest[0][units] + reach + _SLACK

    def grown(
        first: int, left: int, spent: float, used: tuple[tuple[int, int], ...]
    ) -> Iterator[tuple[tuple[int, int], ...]]:
        if not left:
            yield used
            return
        for i in range(first, len(caps)):
            if spent + rest[i][left] > most:
                return
            for k in range(1, min(caps[i], left) + 1):
                paid = spent + split_cost + k * costs[i]
                if paid + rest[i + 1][left - k] <= most:
                    yield from grown(i + 1, left - k, paid, (*used, (i, k)))

    yield from grown(0, units, 0.0, ())


def _with(sums: Floats, way: Floats, without: Floats) -> Floats:
    """Cheapest cost of each number of units when one more lender joins, next to what it is *without*."""
    joined = without.copy()
    for k, cost in enumerate(way.tolist(), start=1):
        np.minimum(joined[k:], sums[:-k] + cost, out=joined[k:])
    return joined


def _cheapest(contest: _Contest, fills: Ints, start: Ints, chosen: Mask) -> tuple[Ints, bool]:
    """The cheapest units over the *chosen* arcs, at most as dear as *start*, and whether that is proven."""
    arcs = contest.arcs.only(chosen)
    size = len(arcs.cap)
    program = _costs(contest, arcs, fills, start)
    for j, cap in enumerate(np.minimum(arcs.cap, fills[arcs.request]).tolist()):
        program.add([j, size + j], [1.0, -float(cap)], -np.inf, 0.0)
    mixed = contest.mixed(arcs)
    for flag, row in enumerate(mixed.tolist(), start=2 * size):
        for j in np.flatnonzero((arcs.row == row) & ~arcs.crisis).tolist():
            program.add([size + j, flag], [1.0, -1.0], -np.inf, 0.0)
    opened = np.isin(mixed, arcs.row[~arcs.crisis & (start[chosen] > 0)])
    found, bound = program.whole(np.concatenate([start[chosen], start[chosen] > 0, opened]).astype(float))
    units = start.copy()
    if found is not None:
        units[chosen] = found[:size]
    if contest.cost(units) > contest.cost(start):
        units = start
    return units, contest.cost(units) - bound < 1 - _SLACK


def _costs(contest: _Contest, arcs: _Arcs, fills: Ints, start: Ints) -> Program:
    """The program of least cost without the rows that tie each arc's units to its use: columns units, uses, flags."""
    most_steps = int((_steps(contest) * start).sum())
    program = _transport(contest, arcs, fills, fills, arcs.cost.astype(float), contest.split_cost, most_steps)
    for request in np.flatnonzero(fills).tolist():
        mine = np.flatnonzero(arcs.request == request)
        caps = np.minimum(arcs.cap[mine], fills[request])
        sizes = np.unique(caps)
        for unit in sizes[np.unique(np.linspace(0, len(sizes) - 1, _CUTS).astype(int))].tolist():
            program.add(len(arcs.cost) + mine, -(-caps // unit), -(-int(fills[request]) // unit), np.inf)
    return program


@dataclass(frozen=True, slots=True)
class _Limit:
    """sum of values x columns <= most. Columns: the arcs, then a flag for each mixed row that serves ordinary ones."""

    columns: Ints
    values: Floats
    most: float


def _limits(contest: _Contest, arcs: _Arcs, most_steps: int | None) -> list[_Limit]:
    """What bounds the units that rows give, over all requests."""
    limits = []
    for row in np.unique(arcs.row).tolist():
        here = arcs.row == row
        ordinary, crisis = int(contest.ordinary[row]), int(contest.crisis[row])
        for chosen, supply in (
            (here & arcs.crisis, crisis),
            (here & ~arcs.crisis, ordinary),
            (here, max(ordinary, crisis)),
        ):
            columns = np.flatnonzero(chosen)
            limits.append(_Limit(columns, np.ones(len(columns)), supply))
    for flag, row in enumerate(contest.mixed(arcs).tolist(), start=len(arcs.cost)):
        # It serves ordinary requests (the flag is 1) only while all it gives stays within its ordinary supply.
        every, others = np.flatnonzero(arcs.row == row), np.flatnonzero((arcs.row == row) & ~arcs.crisis)
        ordinary, most = int(contest.ordinary[row]), int(max(contest.ordinary[row], contest.crisis[row]))
        limits.append(_Limit(np.append(others, flag), np.append(np.ones(len(others)), -ordinary), 0))
        limits.append(_Limit(np.append(every, flag), np.append(np.ones(len(every)), most - ordinary), most))
    if most_steps is not None and arcs.step.any():
        steps = arcs.step * (len(contest.wanted) - arcs.request)
        limits.append(_Limit(np.flatnonzero(steps), steps[steps > 0].astype(float), most_steps))
    return limits


def _transport(
    contest: _Contest,
    arcs: _Arcs,
    least: Ints,
    most: Ints,
    cost: Floats,
    use: int | None = None,
    most_steps: int | None = None,
) -> Program:
    """The rows of `_limits`, and units of each request from *least* to *most*.

    Columns: units of each arc; with *use*, whether it is used at that cost; flags of mixed rows.
    """
    size = len(cost)
    uses = np.full(size if use is not None else 0, float(use or 0))
    flags = len(contest.mixed(arcs))
    program = Program(
        np.concatenate([cost, uses, np.zeros(flags)]),
        np.concatenate([arcs.cap, np.ones(len(uses) + flags)]).astype(float),
    )
    for limit in _limits(contest, arcs, most_steps):
        columns = np.where(limit.columns < size, limit.columns, limit.columns + len(uses))
        program.add(columns, limit.values, -np.inf, limit.most)
    for request in np.unique(arcs.request).tolist():
        mine = np.flatnonzero(arcs.request == request)
        program.add(mine, np.ones(len(mine)), least[request], most[request])
    return program

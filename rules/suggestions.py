"""The rows of 匹配建议: one for each candidate lender with the figures behind it, and what else to do for units that
nobody lends.

A row without a lender is such an other way; the part it names is the one to look for. Source: rules, section 6.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import numpy as np
import pandas as pd

from rules.dates import days, plain
from rules.ledger import has_left
from rules.matching import Candidates, Matching
from rules.policy import Policy
from rules.schema import BORROW_AND_RETURN, COMPENSATION, SWAP
from rules.swaps import Gift
from rules.values import Row
from rules.words import Words

HIGH, MIDDLE, LOW = "高", "中", "低"
_STARS = 5
_NAMED = 5
"""How many centers a sentence names; the rest is counted."""
_PAIR = 2
"""A ring of two, and the members it takes for a joint petition."""
SOMEBODY = Words("【你的中心】", "[your center]")
"""Stands for a requester that is nobody in particular."""

_NO_SOURCE = Words("联盟内没有别的来源，请向总部申请", "no other source within the alliance: ask headquarters")
_LAST_RESORT = Words(
    "最后手段：二手良品件、展车上的件或免费升级新款，有质量、成本和合规风险，须先征得客户同意并检验合格",
    "only as the last resort: a sound second-hand part, one from a demo vehicle, or a free upgrade to the newer part; "
    "mind quality, cost and compliance: the customer agrees and the part is checked first",
)


@dataclass(frozen=True, slots=True)
class Way:
    """What else can be done for units nobody lends: the part to look for, units of it where they are known."""

    part: str
    units: int | None
    words: Words


def about(
    found: Matching, place: int, frames: Mapping[str, pd.DataFrame], as_of: date, policy: Policy
) -> tuple[list[Row], list[Way]]:
    """The rows of 匹配建议 with the lenders for the request at *place*, and the other ways for what is missing."""
    writer, candidates, given = Suggestions(found, frames, as_of, policy), found.candidates[place], found.given[place]
    return list(writer.lenders(candidates, given.tolist())), list(writer.ways(candidates, int(given.sum())))


@dataclass(frozen=True, slots=True)
class Proposal:
    """How a lender is proposed. endorser: a center both have dealt with, "" when they know each other or nobody knows
    both. ring: the swap that begins with what the lender gives, () when there is none.
    """

    plan: str
    risk: str
    stars: int
    endorser: str
    ring: Sequence[Gift]


def rows_of(found: Matching, frames: Mapping[str, pd.DataFrame], as_of: date, policy: Policy) -> list[Row]:
    """The rows of 匹配建议, requests in queue order, lenders in the order of contact, then other ways."""
    writer = Suggestions(found, frames, as_of, policy)
    return [
        row
        for candidates, given in zip(found.candidates, found.given, strict=True)
        for row in (*writer.lenders(candidates, given.tolist()), *writer.other_ways(candidates, int(given.sum())))
    ]


class Suggestions:
    """Puts a matching into words."""

    def __init__(self, found: Matching, frames: Mapping[str, pd.DataFrame], as_of: date, policy: Policy) -> None:
        self._found, self._as_of, self._policy = found, as_of, policy
        self._locale = policy.alliance.locale
        members, parts, inventory = (frames[name] for name in ("members", "parts", "inventory"))
        self._center: list[str] = members["center"].tolist()
        self._index = {name: i for i, name in enumerate(self._center)}
        self._holder = inventory["center"].astype(object).tolist()
        self._part = inventory["part_no"].astype(object).tolist()
        self._terms: list[str] = inventory["terms"].tolist()
        self._incoming, self._eta = inventory["incoming"].tolist(), plain(days(inventory["incoming_eta"]))
        self._left = {name for name, left in zip(self._center, has_left(members, as_of), strict=True) if left}
        self._substitutes = dict(zip(parts["part_no"], parts["substitutes"], strict=True))
        self._generic = set(parts["part_no"][parts["generic"].to_numpy()])
        self._declined = dict(zip(frames["requests"]["request_id"], frames["requests"]["declined_by"], strict=True))
        self._promised = self._proposals()
        self._rows: dict[str, list[int]] | None = None
        self._short = self._shortages()

    def _proposals(self) -> dict[int, list[tuple[str, int]]]:
        """Inventory row -> the requests that units of it are proposed for."""
        proposals: dict[int, list[tuple[str, int]]] = {}
        for candidates, given in zip(self._found.candidates, self._found.given, strict=True):
            for i in np.flatnonzero(given).tolist():
                taken = (candidates.request.request_id, int(given[i]))
                proposals.setdefault(int(candidates.row[i]), []).append(taken)
        return proposals

    def _shortages(self) -> dict[str, dict[str, int]]:
        """Part -> requester -> units that nobody lends."""
        short: dict[str, dict[str, int]] = {}
        for candidates, given in zip(self._found.candidates, self._found.given, strict=True):
            request, missing = candidates.request, candidates.request.open_qty - int(given.sum())
            if missing:
                asking = short.setdefault(request.part_no, {})
                asking[request.requester] = asking.get(request.requester, 0) + missing
        return short

    # --- lenders ---

    def lenders(self, candidates: Candidates, given: Sequence[int]) -> Iterator[Row]:
        """One row for each candidate. A substitute is shown where what stands before it in the list is not enough."""
        by_step = np.bincount(candidates.step, given) if given else np.zeros(0)
        enough = np.cumsum(by_step) >= candidates.request.open_qty
        steps = int(np.argmax(enough)) + 1 if enough.any() else len(by_step)
        request, trips = candidates.request, candidates.trips
        for i in np.flatnonzero(candidates.step < steps).tolist():
            row, proposal = int(candidates.row[i]), self.proposal(candidates, i)
            yield (
                request.request_id,
                self._center[int(candidates.center[i])],
                self._part[row],
                int(candidates.available[i]),
                given[i],
                figure(trips.km[i]),
                figure(trips.hours[i]),
                proposal.plan,
                proposal.risk,
                proposal.stars,
                proposal.endorser,
                self._joined(self._why(candidates, i, proposal.ring)),
            )

    def proposal(self, candidates: Candidates, i: int) -> Proposal:
        """How candidate *i* is proposed."""
        requester, lender = candidates.request.requester, int(candidates.center[i])
        ring = self._found.gifts.ring_with(self._center[lender], requester)
        strangers = requester and not candidates.gave[i] and not candidates.got[i]
        return Proposal(
            self._plan(int(candidates.row[i]), int(candidates.available[i]), ring),
            self._risk(candidates, i),
            max(1, _STARS - i),
            self._found.friends.endorser(lender, self._index[requester]) if strangers else "",
            ring,
        )

    def _plan(self, row: int, available: int, ring: Sequence[Gift]) -> str:
        if self._terms[row]:
            return self._terms[row]
        if ring:
            return SWAP
        return BORROW_AND_RETURN if available >= self._policy.matching.plenty else COMPENSATION

    def _risk(self, candidates: Candidates, i: int) -> str:
        """高 when the count is stale, or it takes longer than the days to needed_by × 24 hours; else by the terms."""
        row, needed_by = int(candidates.row[i]), candidates.request.needed_by
        late = needed_by is not None and candidates.trips.hours[i] > 24 * (needed_by - self._as_of).days
        if self._found.supply.stale[row] or late:
            return HIGH
        return LOW if self._terms[row] in ("", BORROW_AND_RETURN) else MIDDLE

    def _why(self, candidates: Candidates, i: int, ring: Sequence[Gift]) -> Iterator[Words]:
        request, row, score = candidates.request, int(candidates.row[i]), candidates.score[i] / 10_000
        units = int(candidates.available[i])
        yield Words(f"得分 {score:.4f}", f"score {score:.4f}")
        if candidates.step[i]:
            yield Words(f"替代件，代替 {request.part_no}", f"substitute for {request.part_no}")
        yield Words(f"出借条件 {self._terms[row] or '未写'}", f"terms {self._terms[row] or 'not stated'}")
        if request.requester:
            yield self._trip(candidates, i)
        yield Words(f"可借 {units} 个，求助缺 {request.open_qty} 个", f"{units} to lend, {request.open_qty} wanted")
        if request.requester:
            gave, got = int(candidates.gave[i]), int(candidates.got[i])
            yield Words(f"帮过求助方 {gave} 次，受其帮助 {got} 次", f"helped the requester {gave}x, was helped {got}x")
        yield from self._lying(row)
        yield self._counted(row)
        elsewhere = [(who, n) for who, n in self._promised.get(row, ()) if who != request.request_id]
        for who, n in elsewhere:
            yield Words(f"其中 {n} 个建议给 {who}", f"{n} of them proposed for {who}")
        if ring and (len(ring) == _PAIR or self._plan(row, units, ring) == SWAP):
            told = [f"{gift.giver} → {gift.taker} {gift.part} × {gift.units}" for gift in ring]
            yield Words(f"可互换：{'，'.join(told)}，积分互抵为 0", f"swap: {', '.join(told)}, zero net points")

    def _trip(self, candidates: Candidates, i: int) -> Words:
        km, hours = candidates.trips.km[i], candidates.trips.hours[i]
        if np.isnan(km):
            return Words("路程未知，按最远算", "distance unknown, counted as the farthest")
        if candidates.trips.estimated[i]:
            factor = self._policy.matching.road_factor
            return Words(
                f"约 {km:.0f} 公里（直线距离 × {factor:g} 估算），约 {hours:g} 小时",
                f"about {km:.0f} km (straight line × {factor:g}, an estimate), about {hours:g} hours",
            )
        return Words(f"{km:g} 公里，{hours:g} 小时", f"{km:g} km, {hours:g} hours")

    def _lying(self, row: int) -> Iterator[Words]:
        idle = int(self._found.supply.idle[row])
        if self._found.supply.dead[row]:
            yield Words(f"已 {idle} 天没动用", f"unused for {idle} days")
        elif idle >= 0:
            yield Words(f"{idle} 天前用过", f"used {idle} days ago")

    def _counted(self, row: int) -> Words:
        age = int(self._found.supply.age[row])
        if age < 0:
            return Words("没填更新日期", "day of the count not given")
        if self._found.supply.stale[row]:
            return Words(f"库存已 {age} 天没更新，先核实", f"counted {age} days ago: ask first")
        return Words(f"{age} 天前盘点", f"counted {age} days ago")

    def _joined(self, words: Iterator[Words]) -> str:
        return Words("；", "; ").in_(self._locale).join(each.in_(self._locale) for each in words)

    # --- other ways ---

    def other_ways(self, candidates: Candidates, given: int) -> Iterator[Row]:
        """Rows for units nobody lends: one for each substitute that lies somewhere, one for all else."""
        request = candidates.request
        gap = Words(f"还缺 {request.open_qty - given} 个", f"{request.open_qty - given} still missing")
        for part, found in groupby(self.ways(candidates, given), key=lambda way: way.part):
            ways = list(found)
            yield self._other(request.request_id, part, ways[0].units, iter((gap, *(way.words for way in ways))))

    def ways(self, candidates: Candidates, given: int) -> Iterator[Way]:
        """Substitutes that lie somewhere, then incoming, dead stock, joint petition, and the last resort."""
        part = candidates.request.part_no
        if given == candidates.request.open_qty:
            return
        substitutes = list(self._kept_substitutes(candidates))
        found = [*self._arriving(part), *self._dead(candidates), *self._petition(part)]
        yield from substitutes
        for words in (*(found or ([] if substitutes else [_NO_SOURCE])), _LAST_RESORT):
            yield Way(part, None, words)

    def _kept_substitutes(self, candidates: Candidates) -> Iterator[Way]:
        wanted = candidates.request.part_no
        for part in dict.fromkeys(self._substitutes[wanted]):
            units, where = self._lying_about(candidates, part)
            if part != wanted and units:
                yield Way(part, units, Words(f"可用替代件 {part}：{where.zh}", f"substitute {part}: {where.en}"))

    def _other(self, request_id: str, part: str, units: int | None, words: Iterator[Words]) -> Row:
        blank = (None,) * 6
        return (request_id, "", part, units, *blank, "", self._joined(words))

    def _of(self, part: str) -> list[int]:
        """The inventory rows of *part* of members that are still there, by center."""
        if self._rows is None:
            self._rows = {}
            for row in sorted(range(len(self._part)), key=self._holder.__getitem__):
                if self._holder[row] not in self._left:
                    self._rows.setdefault(self._part[row], []).append(row)
        return self._rows.get(part, [])

    def _rest(self, row: int) -> int:
        """Units on the shelf that are proposed for nobody; safety stock included."""
        return int(self._found.supply.on_hand[row]) - sum(n for _, n in self._promised.get(row, ()))

    def _lying_about(self, candidates: Candidates, part: str) -> tuple[int, Words]:
        """Units of *part* on the requester's own shelf, or kept back by others."""
        request = candidates.request
        declined = set(self._declined.get(request.request_id, ()))
        there = [(self._holder[row], self._rest(row)) for row in self._of(part) if self._holder[row] not in declined]
        there = [(name, units) for name, units in there if units > 0]
        own = [f"{name} {units}" for name, units in there if name == request.requester]
        kept = [f"{name} {units}" for name, units in there if name != request.requester]
        zh = [
            *(f"自己库存有 {text} 个" for text in own),
            *([f"{_listed(kept, '、')} 个，在安全库存内，可商量"] if kept else []),
        ]
        en = [
            *(f"on the own shelf: {text}" for text in own),
            *([f"{_listed(kept, ', ')} kept as safety stock"] if kept else []),
        ]
        return sum(units for _, units in there), Words("；".join(zh), "; ".join(en))

    def _arriving(self, part: str) -> Iterator[Words]:
        due = [
            (self._eta[row] or date.max, self._holder[row], self._incoming[row])
            for row in self._of(part)
            if self._incoming[row] > 0
        ]
        if due:
            due.sort()
            zh = [f"{name} {n} 个，{'到货日未填' if eta == date.max else f'预计 {eta}'}" for eta, name, n in due]
            en = [f"{name} {n}, {'no date' if eta == date.max else f'due {eta}'}" for eta, name, n in due]
            yield Words(f"在途：{_listed(zh, '；')}", f"incoming: {_listed(en, '; ')}")

    def _dead(self, candidates: Candidates) -> Iterator[Words]:
        """Units of a generic part that lie unused in somebody's safety stock."""
        part = candidates.request.part_no
        if part not in self._generic:
            return
        idle = self._found.supply.idle
        lying = [row for row in self._of(part) if self._found.supply.dead[row] and self._rest(row) > 0]
        if lying:
            zh = [f"{self._holder[row]} {self._rest(row)} 个，{idle[row]} 天没动用" for row in lying]
            en = [f"{self._holder[row]} {self._rest(row)}, unused for {idle[row]} days" for row in lying]
            yield Words(f"通用件呆滞库存：{_listed(zh, '；')}", f"dead stock of this generic part: {_listed(en, '; ')}")

    def _petition(self, part: str) -> Iterator[Words]:
        asking = sorted(self._short[part])
        if len(asking) >= _PAIR:
            units = sum(self._short[part].values())
            zh, en = ([name or somebody for name in asking] for somebody in SOMEBODY)
            yield Words(
                f"联合向总部申请：{_listed(zh, '、')} 共缺 {units} 个",
                f"petition headquarters together: {_listed(en, ', ')} lack {units}",
            )


def figure(value: float) -> float | None:
    """The figure, None when it is unknown."""
    return None if np.isnan(value) else float(value)


def _listed(texts: Sequence[str], between: str) -> str:
    more = len(texts) - _NAMED
    return between.join(texts[:_NAMED]) + (f" +{more}" if more > 0 else "")

"""What follows from the matching for people: whom to ask for which units, what the requester is told, and the joint
petition for a part that nobody lends.

A lender is asked once for the same units; one that declined is asked no more, and the proposal that takes its place is
a new result. Source: rules, sections 5 and 6, and the source documents' "H+2" to "H+4" and "联合向总部施压".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from rules.dates import days, plain
from rules.items import Ask, Contact, Need, Offer, Petition, Record, Result, Terms
from rules.letters import Addressed, Post, digest
from rules.matching import Candidates, Matching
from rules.policy import MailKind
from rules.queue import Request
from rules.schema import SWAP
from rules.suggestions import Suggestions, figure
from rules.swaps import Gift
from rules.words import Words

NEXT_ONES = 3
"""How many centers a result names besides those proposed."""

TOGETHER = 2
"""Members it takes for a joint petition."""


def appeals(
    found: Matching, frames: Mapping[str, pd.DataFrame], records: Mapping[str, Record], as_of: date, post: Post
) -> dict[MailKind, Sequence[Addressed]]:
    """Every ask, result and petition that *found* gives reason for, each kind most pressing first: by level, then in
    queue order. records: of each center.

    Requests that must help others first, or whose units are all promised, are not in *found*: nobody is told.
    """
    cases = _Cases(found, frames, records, as_of, post)
    served = [(each, given.tolist()) for each, given in zip(found.candidates, found.given, strict=True)]
    pressing = sorted(served, key=lambda case: case[0].request.level)
    return {
        "ask": [entry for candidates, given in pressing for entry in cases.asks(candidates, given)],
        "result": [cases.result(candidates, given) for candidates, given in pressing],
        "petition": list(cases.petitions([(each.request, sum(given)) for each, given in served])),
    }


class _Cases:
    """The facts of each letter, looked up."""

    def __init__(
        self,
        found: Matching,
        frames: Mapping[str, pd.DataFrame],
        records: Mapping[str, Record],
        as_of: date,
        post: Post,
    ) -> None:
        self._records, self._as_of, self._post = records, as_of, post
        self._says = Suggestions(found, frames, as_of, post.policy)
        parts = frames["parts"]
        self._parts = dict(zip(parts["part_no"], zip(parts["name"], parts["unit_value"], strict=True), strict=True))
        self._centers: list[str] = frames["members"]["center"].tolist()
        self._supplied = frames["inventory"]["part_no"].astype(object).tolist()
        self._requests = _as_typed(frames["requests"], found, as_of)

    # --- to the lender ---

    def asks(self, candidates: Candidates, given: Sequence[int]) -> Iterator[Addressed]:
        """To each proposed lender: will you lend these units?"""
        for i in np.flatnonzero(given).tolist():
            ask = self._ask(candidates, i, given[i])
            yield self._post.to_member(ask, ask.lender, (ask.requester,))

    def _ask(self, candidates: Candidates, i: int, units: int) -> Ask:
        request, lender = candidates.request, self._lender(candidates, i)
        part_no, proposal = self._supplied[int(candidates.row[i])], self._says.proposal(candidates, i)
        typed, locale, policy = self._requests[request.request_id], self._post.locales[lender.center], self._post.policy
        name, price = self._parts[part_no]
        return Ask(
            key=f"ask:{request.request_id}:{lender.center}:{part_no}:{units}",
            request_id=request.request_id,
            level=request.level,
            basis=Words("；", "; ").in_(locale).join(words.in_(locale) for words in request.basis),
            reason=typed.reason,
            customer_type=typed.customer_type,
            waiting_days=typed.waiting_days,
            part_no=part_no,
            part_name=name,
            substitute_for=request.part_no if candidates.step[i] else "",
            units=units,
            wanted=request.open_qty,
            needed_by=request.needed_by,
            terms=Terms(proposal.plan, policy.loans.default_days, policy.loans.recall_days, price),
            swap=self._in_return(proposal.ring).in_(locale) if proposal.plan == SWAP and proposal.ring else "",
            km=figure(candidates.trips.km[i]),
            hours=figure(candidates.trips.hours[i]),
            estimated=bool(candidates.trips.estimated[i]),
            lender=lender,
            requester=self._post.contacts[request.requester],
            record=self._records[request.requester],
            endorser=self._post.contacts[proposal.endorser] if proposal.endorser else None,
        )

    def _lender(self, candidates: Candidates, i: int) -> Contact:
        return self._post.contacts[self._centers[int(candidates.center[i])]]

    def _in_return(self, ring: Sequence[Gift]) -> Words:
        """What the lender gets: the last gift of the ring that begins with its own."""
        gift = ring[-1]
        name, _ = self._parts[gift.part]
        return Words(
            f"{gift.giver} 有 {name}（{gift.part}）{gift.units} 个可给贵中心，正是求助 {gift.request_id} 所需",
            f"{gift.giver} can give you {gift.units} × {name} ({gift.part}) for your request {gift.request_id}",
        )

    # --- to the requester ---

    def result(self, candidates: Candidates, given: Sequence[int]) -> Addressed:
        """To the requester: whom to call now, whom next, and what else can be done."""
        request = candidates.request
        requester, typed = self._post.contacts[request.requester], self._requests[request.request_id]
        offers = tuple(self._offer(candidates, i, given[i]) for i in np.flatnonzero(given).tolist())
        spare = np.flatnonzero(np.asarray(given) == 0)[:NEXT_ONES].tolist()
        locale = self._post.locales[requester.center]
        missing = request.open_qty - sum(given)
        proposed = sorted(f"{offer.lender.center}\x1e{offer.part_no}\x1e{offer.units}" for offer in offers)
        proposal = digest((request.request_id, *proposed, str(missing), *sorted(typed.declined)))
        result = Result(
            key=f"result:{request.request_id}:{proposal}",
            request_id=request.request_id,
            level=request.level,
            part_no=request.part_no,
            part_name=self._parts[request.part_no][0],
            wanted=request.open_qty,
            missing=missing,
            needed_by=request.needed_by,
            offers=offers,
            next_ones=tuple(self._offer(candidates, i, int(candidates.available[i])) for i in spare),
            declined=typed.declined,
            other_ways=tuple(way.words.in_(locale) for way in self._says.ways(candidates, sum(given))),
        )
        return self._post.to_member(result, requester, [offer.lender for offer in offers])

    def _offer(self, candidates: Candidates, i: int, units: int) -> Offer:
        proposal = self._says.proposal(candidates, i)
        return Offer(
            lender=self._lender(candidates, i),
            part_no=self._supplied[int(candidates.row[i])],
            units=units,
            plan=proposal.plan,
            risk=proposal.risk,
            stars=proposal.stars,
            km=figure(candidates.trips.km[i]),
            hours=figure(candidates.trips.hours[i]),
            estimated=bool(candidates.trips.estimated[i]),
            endorser=proposal.endorser,
        )

    # --- to headquarters ---

    def petitions(self, served: Sequence[tuple[Request, int]]) -> Iterator[Addressed]:
        """To the coordinator, one for each part that two or more members lack; none without its address.

        served: (request, units proposed for it) in queue order.
        """
        coordinator = self._post.policy.alliance.coordinator_email
        short: dict[str, list[Need]] = {}
        for request, given in served:
            if given < request.open_qty:
                short.setdefault(request.part_no, []).append(self._need(request, request.open_qty - given))
        for part_no, needs in short.items():
            asking = {need.requester.center for need in needs}
            if coordinator and len(asking) >= TOGETHER:
                addresses = tuple(sorted({need.requester.email for need in needs} - {coordinator}))
                locale = self._post.policy.alliance.locale
                yield Addressed(self._petition(part_no, needs), coordinator, addresses, locale, addresses, "")

    def _need(self, request: Request, missing: int) -> Need:
        typed, requester = self._requests[request.request_id], self._post.contacts[request.requester]
        return Need(
            requester,
            request.request_id,
            request.level,
            missing,
            typed.customer_type,
            typed.waiting_days,
            request.needed_by,
        )

    def _petition(self, part_no: str, needs: Sequence[Need]) -> Petition:
        lacking = sorted(f"{need.requester.center}\x1e{need.request_id}\x1e{need.units}" for need in needs)
        units = sum(need.units for need in needs)
        return Petition(f"petition:{part_no}:{digest(lacking)}", part_no, self._parts[part_no][0], units, tuple(needs))


@dataclass(frozen=True, slots=True)
class _Typed:
    """What the requester wrote besides what the queue knows. waiting_days: of its customer, 0 when not stated."""

    reason: str
    customer_type: str
    waiting_days: int
    declined: tuple[str, ...]


def _as_typed(requests: pd.DataFrame, found: Matching, as_of: date) -> dict[str, _Typed]:
    """The requests of *found* as they were typed, by number."""
    rows: Any = requests[
        requests["request_id"].isin([candidates.request.request_id for candidates in found.candidates])
    ]
    waited = [max((as_of - since).days, 0) if since else 0 for since in plain(days(rows["waiting_since"]))]
    columns = (rows[name].astype(object).tolist() for name in ("request_id", "reason", "customer_type", "declined_by"))
    return {
        request_id: _Typed(reason, customer, wait, tuple(declined))
        for request_id, reason, customer, declined, wait in zip(*columns, waited, strict=True)
    }

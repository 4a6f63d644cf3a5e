"""A question before there is a request: who could lend a part, and what to tell the group about it.

The question is matched like a request of the queue. Where the requester has an open request for the part, it is that
request that is asked about: its proof, its place in the queue and who declined count. Else it stands last, as an
ordinary one. Source: interface, `locate`; rules, section 6.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time

import pandas as pd

from rules.cells import folded_key
from rules.dates import days, plain
from rules.items import Contact
from rules.layout import header_name
from rules.ledger import MUST_HELP_FIRST, accounts, standing_of
from rules.matching import Matching, matching, with_one_more
from rules.policy import Policy
from rules.queue import Request
from rules.schema import MATCHES
from rules.suggestions import about
from rules.values import Row
from rules.words import Words


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked: units of a part, for a member or for nobody in particular (""), perhaps by some day."""

    part_no: str
    qty: int
    requester: str = ""
    by: date | None = None


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Who can lend it. candidates: rows of 匹配建议, in the order of contact; ways: other ways, as sentences.

    level, needed_by, reason, customer_type and waiting_days are those of the requester's open request for the part,
    where there is one. standing: the requester's by its points, None without a requester. days, recall_days: what a
    borrower commits itself to.
    """

    part_no: str
    name: str
    qty: int
    requester: Contact | None
    standing: Words | None
    level: str
    needed_by: date | None
    reason: str
    customer_type: str
    waiting_days: int
    candidates: Sequence[Row]
    ways: Sequence[str]
    days: int
    recall_days: int

    @property
    def plan(self) -> list[tuple[str, str, int]]:
        """(lender, part, units) for each lender of the split."""
        at = [MATCHES.fields.index(name) for name in ("lender", "supply_part", "allocated")]
        rows = ((str(row[at[0]]), str(row[at[1]]), int(str(row[at[2]]))) for row in self.candidates)
        return [line for line in rows if line[2]]

    @property
    def missing(self) -> int:
        """Units nobody lends."""
        return self.qty - sum(units for *_, units in self.plan)


def inquire(
    frames: Mapping[str, pd.DataFrame],
    placed: Sequence[Request],
    matched: Matching,
    asked: Asked,
    as_of: date,
    policy: Policy,
) -> Inquiry:
    """Who can lend what is *asked*, beside the open requests *placed* in queue order and *matched*.

    The part must be one of the parts frame, the requester "" or one of the members frame.
    """
    own = [r for r in placed if (r.requester, r.part_no) == (asked.requester, asked.part_no)]
    others = [r for r in placed if r not in own]
    request = _again(asked, own[0]) if own else _new(frames, placed, asked, as_of, policy)
    ahead = placed[: placed.index(own[0])] if own else placed
    place = sum(r.standing is not MUST_HELP_FIRST for r in ahead)
    beside = matching(frames, others, as_of, policy) if own else matched
    found = with_one_more(beside, frames, request, place, as_of, policy)
    candidates, ways = about(found, place, frames, as_of, policy)
    parts, why = frames["parts"], _motive(frames["requests"], request.request_id, as_of)
    return Inquiry(
        asked.part_no,
        str(parts["name"][parts["part_no"] == asked.part_no].iloc[0]),
        asked.qty,
        _contact(frames["members"], asked.requester),
        request.standing if asked.requester else None,
        request.level,
        request.needed_by,
        *why,
        candidates,
        [way.words.in_(policy.alliance.locale) for way in ways],
        policy.loans.default_days,
        policy.loans.recall_days,
    )


def _again(asked: Asked, own: Request) -> Request:
    """The requester's own request for the part, with what is asked now."""
    return replace(own, open_qty=asked.qty, needed_by=asked.by or own.needed_by)


def _new(
    frames: Mapping[str, pd.DataFrame], placed: Sequence[Request], asked: Asked, as_of: date, policy: Policy
) -> Request:
    """The question as an ordinary request, after all others of its requester."""
    members, loans, adjustments = (frames[name] for name in ("members", "loans", "adjustments"))
    available = accounts(members, loans, adjustments, as_of, policy.points).available
    mine = available[members["center"].to_numpy() == asked.requester].sum()
    waiting = sum(r.requester == asked.requester for r in placed)
    standing = standing_of(int(mine) - policy.points.receive * waiting, policy.points)
    at, level = datetime.combine(as_of, time()), "P2"
    request = Request("", 0, asked.requester, asked.part_no, asked.qty, at, asked.by, level, level, ())
    return replace(request, standing=standing)


def _motive(requests: pd.DataFrame, request_id: str, as_of: date) -> tuple[str, str, int]:
    """(reason, type of customer, days the customer has waited) of a request; ("", "", 0) for an unknown one."""
    rows = requests[requests["request_id"] == request_id]
    if rows.empty:
        return "", "", 0
    since, row = plain(days(rows["waiting_since"]))[0], rows.iloc[0]
    return str(row["reason"]), str(row["customer_type"]), max((as_of - since).days, 0) if since else 0


def _contact(members: pd.DataFrame, center: str) -> Contact | None:
    rows = members.loc[members["center"] == center, ["center", "manager", "phone", "email"]]
    return next((Contact(*row) for row in rows.itertuples(index=False)), None)


def named(text: str, keys: Sequence[str], names: Sequence[str] | None = None) -> list[str]:
    """The keys that *text* means: the key itself, else the key in another way of writing, else by name or piece of it.

    names: one for each key, None where only keys are looked at. Several keys: the text is not clear; none: unknown.
    """
    return next(filter(None, _readings(text, keys, names or [""] * len(keys))), [])


def _readings(text: str, keys: Sequence[str], names: Sequence[str]) -> Iterator[list[str]]:
    exact, bare = folded_key(text), header_name(text)
    both = list(zip(keys, names, strict=True)) if bare else []
    yield [key for key, _ in both if key == exact]
    yield [key for key, _ in both if header_name(key) == bare]
    yield [key for key, name in both if header_name(name) == bare]
    yield [key for key, name in both if bare in header_name(name)]

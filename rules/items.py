"""What a letter can be about, in facts: one class for each thing that somebody is told.

Everything a letter states stands here, typed; wording is the templates' business (sync/wording.py). An item's key
begins with its kind, and the same key is told at most once. Sources: rules, sections 4 to 6, and the interface's
section on mail.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Generic, Literal, TypeVar

from rules.words import Words

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom to call: a member's center, manager and phone ("" when the members table has none)."""

    center: str
    manager: str
    phone: str
    email: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What a calendar does with a loan that a letter tells of: an entry on its due date, or none any more.

    sequence: how many letters that carry an entry have left about this loan before, so it grows with each. alarms: the
    days of the ladder that still lie ahead; none once the entry is cancelled.
    """

    sequence: int
    alarms: tuple[date, ...]
    cancelled: bool


@dataclass(frozen=True, slots=True)
class Reminder:
    """One rung of the ladder for one loan, with every fact a letter states.

    days: as-of minus due, negative before. claim: unit value × outstanding, None when the part has no price.
    next_stage is "" after the last rung. key: `overdue:<loan_id>:<stage>:<due ISO>`. holiday: the one that the due date
    falls on, None on any other day, and last_workday the last day before it that is worked.
    """

    key: str
    stage: str
    loan_id: str
    part_no: str
    part_name: str
    outstanding: int
    lent_on: date
    due: date
    days: int
    claim: Decimal | None
    lender: Contact
    borrower: Contact
    next_stage: str
    next_on: date | None
    holiday: Words | None = None
    last_workday: date | None = None
    entry: Entry | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to be told: to the coordinator a problem in the data or a mail held, to the group its news.

    where, value, problem and fix are already words in the alliance's language. severity: error | warning | held; in a
    group message p0 | late.
    """

    key: str
    severity: str
    where: str
    value: str
    problem: str
    fix: str


@dataclass(frozen=True, slots=True)
class Record:
    """A member's lending record, the figures of its row in 信用档案 (rules, section 7).

    mean_days_late: over its late loans only, 0 when there are none. on_time_rate: 0..1. score: 0..100. limit: most
    units to lend it at once, as a suggestion.
    """

    received: int
    helped: int
    closed: int
    on_time: int
    late: int
    mean_days_late: float
    open: int
    overdue_now: int
    damaged: int
    p0_requests: int
    on_time_rate: float
    score: int
    grade: str
    limit: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What a borrower commits itself to.

    days: the term of a loan; recall_days: days to return after a recall; unit_value: the full price of one unit, None
    when the part has none. plan: 先借后还 | 配件互换 | 成本补偿.
    """

    plan: str
    days: int
    recall_days: int
    unit_value: Decimal | None


@dataclass(frozen=True, slots=True)
class Ask:
    """A lender is asked for *units* of a part for one request. key: `ask:<request_id>:<lender>:<part_no>:<units>`.

    level: P0 | P1 | P2. basis (why this level, with its figures), swap (what the lender gets for it, "" for nothing)
    are words in the letter's language; reason is the requester's own. substitute_for: the part that was asked for, ""
    when it is this one. wanted: units the request still lacks. km and hours are None when unknown; estimated: straight
    line, not road. endorser: a member both have dealt with, None when they know each other or nobody knows both.
    """

    key: str
    request_id: str
    level: str
    basis: str
    reason: str
    customer_type: str
    waiting_days: int
    part_no: str
    part_name: str
    substitute_for: str
    units: int
    wanted: int
    needed_by: date | None
    terms: Terms
    swap: str
    km: float | None
    hours: float | None
    estimated: bool
    lender: Contact
    requester: Contact
    record: Record
    endorser: Contact | None


@dataclass(frozen=True, slots=True)
class Offer:
    """A candidate lender as the requester is told: units proposed, or that it could give, and what it takes.

    risk: 高 | 中 | 低. endorser: the name of a center, "" for none.
    """

    lender: Contact
    part_no: str
    units: int
    plan: str
    risk: str
    stars: int
    km: float | None
    hours: float | None
    estimated: bool
    endorser: str


@dataclass(frozen=True, slots=True)
class Result:
    """What was found for a request: proposed lenders, whom to ask next, and other ways for units nobody lends.

    key: `result:<request_id>:<digest of the proposal and what is missing>`. other_ways are sentences in the letter's
    language. declined: centers that said no.
    """

    key: str
    request_id: str
    level: str
    part_no: str
    part_name: str
    wanted: int
    missing: int
    needed_by: date | None
    offers: tuple[Offer, ...]
    next_ones: tuple[Offer, ...]
    declined: tuple[str, ...]
    other_ways: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LoanNote:
    """Something both sides of a loan should know besides the ladder.

    - `thanks:<loan_id>:received`: to the lender, the part is there.
    - `thanks:<loan_id>:week<n>`: to the lender, n whole weeks later it is still out.
    - `arrived:<loan_id>:<day or "stock">`: to the borrower, its own stock has come (*stock* units): return first.
    - `recall:<loan_id>:<recall_on ISO>:<due ISO>`: to the borrower, the lender needs it back by *due*.

    event: received | week | arrived | recall. days: as-of minus due. stock: units the borrower has of its own, or
    awaited for *stock_on*; 0 and None for the other events.
    """

    key: str
    event: Literal["received", "week", "arrived", "recall"]
    loan_id: str
    part_no: str
    part_name: str
    qty: int
    outstanding: int
    lent_on: date
    received_on: date | None
    due: date
    days: int
    weeks: int
    stock: int
    stock_on: date | None
    recall_on: date | None
    lender: Contact
    borrower: Contact
    entry: Entry | None = None


@dataclass(frozen=True, slots=True)
class DueNote:
    """What a borrower was told of a loan's due date holds no longer; n counts the letters that told one before.

    - `moved:<loan_id>:<n>:<due ISO>`: it is due on another day, or it is out again after all.
    - `returned:<loan_id>:<n>`: it is settled, there is nothing to return any more.

    told: the day that was told last, None when that it was settled. due: the day that holds, for a settled loan the one
    it had. days: as-of minus due. state: as in 借调状态. closed_on: the day of return or payment, None when not known.
    """

    key: str
    event: Literal["moved", "returned"]
    loan_id: str
    part_no: str
    part_name: str
    qty: int
    outstanding: int
    lent_on: date | None
    extended_to: date | None
    recall_on: date | None
    told: date | None
    due: date
    days: int
    state: str
    closed_on: date | None
    lender: Contact
    borrower: Contact
    entry: Entry | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """One request in a joint petition. waiting_days: how long its customer has waited, 0 when not stated."""

    requester: Contact
    request_id: str
    level: str
    units: int
    customer_type: str
    waiting_days: int
    needed_by: date | None


@dataclass(frozen=True, slots=True)
class Petition:
    """A letter to headquarters about one part that two or more members lack, to be passed on by the coordinator.

    key: `petition:<part_no>:<digest of who lacks how many>`. units: the sum over *needs*.
    """

    key: str
    part_no: str
    part_name: str
    units: int
    needs: tuple[Need, ...]


@dataclass(frozen=True, slots=True)
class LoanLine:
    """A loan as one line of a list.

    units: still to come back. due: None when no day is known. days: as-of minus due, 0 without it. out: False for one
    that is agreed and not shipped yet.
    """

    loan_id: str
    part_no: str
    part_name: str
    units: int
    lender: Contact
    borrower: Contact
    due: date | None
    days: int
    out: bool


@dataclass(frozen=True, slots=True)
class RequestLine:
    """An open request as one line of a list. units: still wanted. standing: 可求助 | 需先帮助他人 | 无条件支持."""

    request_id: str
    requester: str
    part_no: str
    part_name: str
    units: int
    level: str
    needed_by: date | None
    standing: str


@dataclass(frozen=True, slots=True)
class StockLine:
    """A row of 库存 that somebody should look at. days: since it was counted, or since a unit was last used."""

    part_no: str
    part_name: str
    on_hand: int
    days: int


@dataclass(frozen=True, slots=True)
class Several(Generic[T]):
    """Lines of one kind: how many there are in all, and the first of them."""

    total: int
    top: tuple[T, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """How a member stands, once a week. key: `statement:<center>:<ISO year>-W<week>`.

    rank: place in 积分榜, None for a member who left. standing: 可求助 | 需先帮助他人. borrowed and lent: the longest
    overdue first. overdue, due_soon: loans in *borrowed* past their day, or due within a week; to_send: loans in *lent*
    that are agreed and not shipped. stale: counted too long ago; dead: on the shelf and unused for long.
    """

    key: str
    week: str
    member: Contact
    rank: int | None
    balance: int
    helped: int
    received: int
    standing: str
    borrowed: tuple[LoanLine, ...]
    lent: tuple[LoanLine, ...]
    overdue: int
    due_soon: int
    to_send: int
    requests: tuple[RequestLine, ...]
    stale: Several[StockLine]
    dead: Several[StockLine]


@dataclass(frozen=True, slots=True)
class Place:
    """A member's place in 积分榜."""

    rank: int
    center: str
    balance: int
    helped: int


@dataclass(frozen=True, slots=True)
class FigureLine:
    """A figure of the alliance beside its references ("" without one), in words of the letter's language.

    value: None while it cannot be told.
    """

    name: str
    value: float | None
    unit: str
    traditional: str
    benchmark: str


@dataclass(frozen=True, slots=True)
class Change:
    """How often something happened in the last seven days, and in the seven before."""

    what: Literal["asked", "lent", "returned", "overdue"]
    now: int
    before: int


@dataclass(frozen=True, slots=True)
class Digest:
    """The alliance at a glance, once a week. key: `digest:<ISO year>-W<week>`.

    leaders: the first places. helped: loans of the last seven days, units as lent. crises: P0 requests that nobody has
    closed. overdue: the longest first.
    """

    key: str
    week: str
    leaders: tuple[Place, ...]
    helped: Several[LoanLine]
    crises: Several[RequestLine]
    overdue: Several[LoanLine]
    figures: tuple[FigureLine, ...]
    changes: tuple[Change, ...]


OfLoan = Reminder | LoanNote | DueNote
"""What is about one loan: its days are counted from the day it is due."""

Item = OfLoan | Notice | Ask | Result | Petition | Statement | Digest

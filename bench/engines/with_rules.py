"""Ours: the rules themselves, on the typed frames that `rules.intake` makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from bench.data import AS_OF, CUSTOMERS, DECLARED, PLANS, REASONS, RISKS, STATUSES, TABLE, Alliance, request_key
from bench.engines import DATES, Answers, Texts, declared, plans, returned
from rules.intake import intake
from rules.ladder import VOID, LoanStates, loan_states
from rules.ledger import Accounts, accounts
from rules.policy import Policy
from rules.queue import Request
from rules.queue import queue as in_order
from rules.values import Book, RawTable

_POLICY = Policy()
_ZONE = ZoneInfo("Asia/Shanghai")
_READ = ("members", "parts", "requests", "loans", "adjustments")


@dataclass(frozen=True, slots=True)
class Frames:
    """What the three rules take."""

    members: pd.DataFrame
    requests: pd.DataFrame
    loans: pd.DataFrame
    adjustments: pd.DataFrame


def typed(alliance: Alliance, *, requests: bool) -> Frames:
    """The frames as intake would make them, less the columns that these rules do not look at."""
    centers = pd.Index(alliance.centers(), dtype=object)
    ids = pd.Index([request_key(i + 1) for i in range(alliance.requests)] if requests else [], dtype=object)
    members, changes = alliance.member_columns(), alliance.adjustment_columns()
    return Frames(
        pd.DataFrame({"center": centers, "left_on": _days(members["left_on"])}),
        _requests(alliance, centers, ids) if requests else pd.DataFrame(),
        _loans(alliance, centers, ids),
        pd.DataFrame(
            {
                "date": _days(changes["date"]),
                "center": pd.Categorical.from_codes(changes["center"], centers),
                "points": changes["points"],
            }
        ),
    )


def _loans(alliance: Alliance, centers: pd.Index, ids: pd.Index) -> pd.DataFrame:
    columns = alliance.loan_columns("tracking", "freight", "received_on", "number", "part")
    columns["returned_qty"] = returned(columns)
    columns["plan"] = plans(columns)
    made: dict[str, Any] = {name: _days(columns.pop(name)) for name in DATES}
    made |= {name: pd.Categorical.from_codes(columns.pop(name), centers) for name in ("lender", "borrower")}
    if len(ids):
        made["request_id"] = pd.Categorical.from_codes(columns.pop("request"), ids)
    made |= {name: columns.pop(name) for name in ("qty", "returned_qty", "cancelled")}
    made["plan"] = _words(PLANS, columns.pop("plan"))
    return pd.DataFrame(made, copy=False)


def _requests(alliance: Alliance, centers: pd.Index, ids: pd.Index) -> pd.DataFrame:
    columns = alliance.request_columns()
    return pd.DataFrame(
        {
            "row": columns["number"] + 1,
            "request_id": ids,
            "requester": pd.Categorical.from_codes(columns["requester"], centers),
            "part_no": pd.Categorical.from_codes(columns["part"], pd.Index(alliance.part_numbers(), dtype=object)),
            "qty": columns["qty"],
            "requested_at": columns["requested_at"],
            "needed_by": _days(columns["needed_by"]),
            "declared_level": _words(DECLARED, declared(columns)),
            "customer_type": _words(CUSTOMERS, columns["customer"]),
            "waiting_since": _days(columns["waiting_since"]),
            "sentiment_risk": _words(RISKS, columns["risk"]),
            "reason": _words(REASONS, columns["reason"]),
            "status": _words(STATUSES, columns["status"]),
        }
    )


def _days(column: npt.NDArray[np.datetime64]) -> npt.NDArray[np.datetime64]:
    return column.astype("datetime64[s]")


def _words(words: Sequence[str], codes: npt.NDArray[np.int64]) -> pd.Series[str]:
    return pd.Series(np.array(words, dtype=object)[codes], dtype=object)


def points_and_ladder(form: Frames) -> tuple[Accounts, LoanStates]:
    """`rules.ledger.accounts` and `rules.ladder.loan_states`."""
    sums = accounts(form.members, form.loans, form.adjustments, AS_OF, _POLICY.points)
    return sums, loan_states(form.loans, AS_OF, _POLICY.loans, _POLICY.overdue)


def queue(form: Frames, result: tuple[Accounts, LoanStates]) -> list[Request]:
    """`rules.queue.queue`, which also says in words why."""
    return in_order(form.requests, form.loans, form.members, result[0], AS_OF, _POLICY)


def from_texts(texts: Texts) -> tuple[tuple[Accounts, LoanStates], list[Request]]:
    """The whole intake, every cell of every column checked, then the rules."""
    book = Book({name: RawTable(TABLE[name].title, texts[name]) for name in _READ})
    frames = intake(book, {name: TABLE[name] for name in _READ}, _ZONE).frames
    form = Frames(*(frames[name] for name in ("members", "requests", "loans", "adjustments")))
    result = points_and_ladder(form)
    return result, queue(form, result)


def answers(result: tuple[Accounts, LoanStates], placed: list[Request]) -> Answers:
    """In the common form."""
    sums, states = result
    live = states.state != VOID
    return Answers(
        np.stack([sums.helped, sums.received, sums.balance, sums.available], axis=1),
        np.stack([states.outstanding, states.days, states.reached, states.next_rung], axis=1)[live],
        states.state[live].tolist(),
        [(r.request_id, r.level, r.standing.zh, r.projected) for r in placed],
    )

"""Loans -> due date, state, stage, and which reminder is due now.

The ladder is asked "which rungs should have been reached by now?", never "is today the day?", so a missed run loses no
rung and a second run repeats none. Source: rules, section 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pandas as pd

from rules.dates import Days, Mask, day, days, first_of, known, plain
from rules.ledger import effective
from rules.policy import LoansPolicy, OverduePolicy, Rung
from rules.schema import SWAP
from rules.values import Row
from rules.words import Words
from rules.workdays import Workdays

Ints = npt.NDArray[np.int64]
Places = npt.NDArray[np.int8]
"""Positions in a short list: one byte each, since there may be millions."""

STAGES: Mapping[str, Words] = {
    "prepare": Words("准备归还", "get ready to return"),
    "friendly": Words("友好提醒", "friendly reminder"),
    "formal": Words("正式催还", "formal notice"),
    "escalate": Words("上报上级", "reported to the superior"),
    "compensate": Words("按约赔偿", "compensation due"),
}
CLAIMED = "compensate"

VOID, COMPENSATED, RETURNED, SWAPPED, AWAITING = "作废", "已赔偿", "已归还", "已互换", "待发出"
OVERDUE, DUE_TODAY, DUE_SOON, ON_LOAN = "已逾期", "今日到期", "即将到期", "在借"
OUT = (OVERDUE, DUE_TODAY, DUE_SOON, ON_LOAN)
"""States of a loan whose units are still with the borrower: only these have a ladder."""

SOON_DAYS = 7


@dataclass(frozen=True, slots=True)
class LoanStates:
    """Where each loan stands on *as_of*, one entry per row of *loans*; a cancelled one is VOID.

    due: NaT when unknown. days: as-of minus due, 0 when due is unknown. out: units are with the borrower. offsets: for
    each loan and rung, how many days after due the rung's day lies. reached, next_rung: positions in the ladder, -1 for
    none. workdays: what moved the rungs.
    """

    loans: pd.DataFrame
    as_of: date
    outstanding: Ints
    due: Days
    days: Ints
    state: npt.NDArray[np.str_]
    out: Mask
    offsets: Ints
    reached: Places
    next_rung: Places
    workdays: Workdays


def due_dates(loans: pd.DataFrame, policy: LoansPolicy) -> Days:
    """The day each loan is due: extension, else due date, else the default term; never later than a recall allows."""
    term = days(loans["lent_on"]) + np.timedelta64(policy.default_days, "D")
    agreed = first_of(days(loans["extended_to"]), days(loans["due_on"]), term)
    recalled = days(loans["recall_on"]) + np.timedelta64(policy.recall_days, "D")
    return np.fmin(agreed, recalled)  # fmin passes over a blank


def loan_states(
    loans: pd.DataFrame, as_of: date, terms: LoansPolicy, overdue: OverduePolicy, workdays: Workdays | None = None
) -> LoanStates:
    """Where each loan stands on *as_of*. Without *workdays* no rung is moved."""
    workdays = workdays or Workdays()
    due = due_dates(loans, terms)
    outstanding: Ints = loans["qty"].to_numpy() - loans["returned_qty"].to_numpy()
    late = np.where(known(due), (day(as_of) - due).astype(np.int64), 0)
    state = _states(loans, outstanding, late, as_of)
    out = state >= _PLACES[OVERDUE]
    term = (due - days(loans["lent_on"])).astype(np.int64)  # NaT is the least number: no rung
    offsets = _offsets(due, overdue.ladder, workdays)
    reached, next_rung = _rungs(term, late, np.flatnonzero(out), offsets)
    named = np.array(_STATES, dtype=object)[state]
    return LoanStates(loans, as_of, outstanding, due, late, named, out, offsets, reached, next_rung, workdays)


_STATES = (VOID, COMPENSATED, RETURNED, SWAPPED, AWAITING, *OUT)
_PLACES = {name: place for place, name in enumerate(_STATES)}


def _states(loans: pd.DataFrame, outstanding: Ints, late: Ints, as_of: date) -> Places:
    """The first state that holds, in the order of the rules, as its place in `_STATES`.

    Nearly all loans are settled: only the others are looked at further.
    """
    void = loans["cancelled"].to_numpy()
    paid = days(loans["compensated_on"])
    settled = known(paid) & (paid <= day(as_of))
    state = np.where(settled, _PLACES[COMPENSATED], _PLACES[RETURNED]).astype(np.int8)
    state[void] = _PLACES[VOID]
    rest = np.flatnonzero(~void & ~settled & (outstanding != 0))
    shipped, late = effective(loans[["cancelled", "lent_on"]].iloc[rest], as_of), late[rest]
    states = (
        ((loans["plan"].to_numpy()[rest] == SWAP) & shipped, SWAPPED),
        (~shipped, AWAITING),
        (late > 0, OVERDUE),
        (late == 0, DUE_TODAY),
        (late >= -SOON_DAYS, DUE_SOON),
    )
    state[rest] = np.select([holds for holds, _ in states], [_PLACES[name] for _, name in states], _PLACES[ON_LOAN])
    return state


def _offsets(due: Days, ladder: Sequence[Rung], workdays: Workdays) -> Ints:
    """For each loan and rung, how many days after due the rung's day lies: as the ladder says or, where reminders keep
    to workdays, moved.

    What comes before due moves to the workday before, so that there is still time. All else moves to the workday after,
    the notice of the due date too: nobody is called on before the day agreed. A rung that waited is waited for: those
    above it keep their distance from it.
    """
    agreed = [rung.offset for rung in ladder]
    if not workdays.moves:
        return np.broadcast_to(np.array(agreed, dtype=np.int64), (len(due), len(ladder)))
    moved: list[Days] = []
    for offset, before in zip(agreed, [None, *agreed], strict=False):
        day_agreed = due + np.timedelta64(offset, "D")
        if offset < 0:
            moved.append(workdays.before(day_agreed))
        else:
            waited = moved[-1] + np.timedelta64(offset - before, "D") if before is not None else day_agreed
            moved.append(workdays.after(np.maximum(day_agreed, waited)))
    return np.stack([(day_moved - due).astype(np.int64) for day_moved in moved], axis=1)


def _rungs(term: Ints, late: Ints, out: Ints, offsets: Ints) -> tuple[Places, Places]:
    """The last rung reached and the next one of the loans at *out*, -1 for none.

    A rung whose day is not after the loan began does not exist: a 5-day loan has no day -7.
    """
    reached, following = (np.full(len(term), -1, dtype=np.int8) for _ in range(2))
    term, late, offsets = term[out], late[out], offsets[out]
    exists = term[:, None] > -offsets
    rungs = range(offsets.shape[1])
    for i in rungs:
        reached[out[exists[:, i] & (late >= offsets[:, i])]] = i
    for i in reversed(rungs):
        following[out[exists[:, i] & (late < offsets[:, i])]] = i
    return reached, following


def rows_of(states: LoanStates, prices: Mapping[str, Decimal | None], ladder: Sequence[Rung]) -> list[Row]:
    """The rows of 借调状态, by loan number. Only a loan that is out has days: for the others nobody is waiting."""
    names = ["", *(STAGES[rung.stage].zh for rung in ladder)]
    ahead = np.take_along_axis(states.offsets, np.maximum(states.next_rung, 0)[:, None], axis=1)[:, 0]
    next_on = np.where(states.next_rung >= 0, states.due + ahead.astype("timedelta64[D]"), np.datetime64("NaT"))
    claimed = next((i for i, rung in enumerate(ladder) if rung.stage == CLAIMED), len(ladder))
    keys = (states.loans[name].astype(object).tolist() for name in ("loan_id", "lender", "borrower", "part_no"))
    rows: list[Row] = []
    for loan_id, lender, borrower, part, units, due, late, out, state, reached, following, on in zip(
        *keys,
        states.outstanding.tolist(),
        plain(states.due),
        states.days.tolist(),
        states.out.tolist(),
        states.state.tolist(),
        states.reached.tolist(),
        states.next_rung.tolist(),
        plain(next_on),
        strict=True,
    ):
        if state == VOID:
            continue
        price = prices[part] if reached >= claimed else None
        rows.append(
            (
                loan_id,
                lender,
                borrower,
                part,
                units,
                due,
                late if out else None,
                state,
                names[reached + 1],
                names[following + 1],
                on,
                None if price is None else price * units,
            )
        )
    return sorted(rows, key=lambda row: str(row[0]))


@dataclass(frozen=True, slots=True)
class Due:
    """A reminder that is due now: position of the loan in `LoanStates.loans`, and the rung."""

    loan: int
    rung: int


def reminder_key(loan_id: str, stage: str, due: date) -> str:
    """The key under which a reminder is made at most once. A changed due date gives new keys."""
    return f"overdue:{loan_id}:{stage}:{due.isoformat()}"


def reminders_due(
    states: LoanStates, made: Mapping[str, date | None], cadence_days: int, ladder: Sequence[Rung]
) -> list[Due]:
    """The one rung, if any, that each loan is due now.

    made: item key -> the day that reminder left; None when it is on record but does not carry the ladder on (it waits,
    failed, or was cancelled by a person).
    """
    exists = _existing(states)
    candidates = _last(exists & _reachable(states, cadence_days, ladder))
    ids = states.loans["loan_id"].tolist()
    result = []
    for i in np.flatnonzero(candidates >= 0).tolist():
        loan_made = {
            r: made[key]
            for r, rung in enumerate(ladder)
            if (key := reminder_key(ids[i], rung.stage, states.due[i].item())) in made
        }
        rung = _next_unmade(int(candidates[i]), exists[i], loan_made, states, ladder)
        if rung is not None:
            result.append(Due(i, rung))
    return result


def still_true(keys: Sequence[str], states: LoanStates, cadence_days: int, ladder: Sequence[Rung]) -> dict[str, Due]:
    """Those of the reminder *keys* that may still be sent: the loan is out, its due date is the same, and a friendly
    rung has not been overtaken by a later one.
    """
    reachable = _existing(states) & _reachable(states, cadence_days, ladder)
    candidates = _last(reachable)
    ids = states.loans["loan_id"].tolist()
    wanted = {key.removeprefix("overdue:").rsplit(":", 2)[0] for key in keys}
    true = {}
    for i in (i for i in np.flatnonzero(candidates >= 0).tolist() if ids[i] in wanted):
        for r, rung in enumerate(ladder):
            if reachable[i, r] and (rung.offset >= 0 or r == candidates[i]):
                true[reminder_key(ids[i], rung.stage, states.due[i].item())] = Due(i, r)
    return {key: true[key] for key in keys if key in true}


def _existing(states: LoanStates) -> Mask:
    """For each loan and rung, whether the rung's day comes after the loan began; none once the units are back."""
    term = (states.due - days(states.loans["lent_on"])).astype(np.int64)
    exists: Mask = (term[:, None] > -states.offsets) & states.out[:, None]
    return exists


def _last(marks: Mask) -> Ints:
    """The last marked column of each row, -1 where none is."""
    width = marks.shape[1]
    return np.where(marks.any(axis=1), width - 1 - np.argmax(marks[:, ::-1], axis=1), -1).astype(np.int64)


def _reachable(states: LoanStates, cadence_days: int, ladder: Sequence[Rung]) -> Mask:
    """For each loan and rung, whether a run today may make it.

    Rungs up to the due date may be announced by the run before them, but not before the day of the rung before, as the
    ladder has it; rungs after it never early.
    """
    columns = []
    for i, rung in enumerate(ladder):
        on = states.offsets[:, i]
        earliest = on - (cadence_days - 1) if rung.offset <= 0 else on
        if i:
            earliest = np.minimum(on, np.maximum(earliest, ladder[i - 1].offset))
        columns.append(states.days >= earliest)
    return np.stack(columns, axis=1)


def _next_unmade(
    candidate: int,
    exists: npt.NDArray[np.bool_],
    made: Mapping[int, date | None],
    states: LoanStates,
    ladder: Sequence[Rung],
) -> int | None:
    """The rung to make now, always above those made: a friendly one as it stands, from the due date on in order."""
    top = max(made, default=-1)
    if candidate <= top:
        return None
    if ladder[candidate].offset < 0:
        return candidate
    following = next(r for r in range(top + 1, candidate + 1) if exists[r] and ladder[r].offset >= 0)
    if top < 0 or ladder[top].offset < 0 or _spaced(ladder[following], ladder[top], made[top], states):
        return following
    return None


def _spaced(rung: Rung, previous: Rung, previous_on: date | None, states: LoanStates) -> bool:
    """True when the rung before was made at least as long ago as their offsets lie apart."""
    if previous_on is None:
        return False
    earliest = previous_on + timedelta(days=rung.offset - previous.offset)
    return states.as_of >= (states.workdays.first_from(earliest) if states.workdays.moves else earliest)

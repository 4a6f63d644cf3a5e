"""What stands in people's calendars: the due date each loan was told with last, and what must follow when it is wrong.

Letters to the borrower carry an entry for its calendar, the same one for all letters about a loan. A program keeps the
entry with the highest sequence, so that is how many such letters have left before: it grows with each, also when a due
date goes back to one that was told earlier. All of it is read from the keys in 提醒邮件.
Source: interface, section on mail; RFC 5545 and 5546 for what a program does with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeGuard

import numpy as np
import pandas as pd

from rules.dates import days, first_of, plain
from rules.items import DueNote, Entry, Item, OfLoan
from rules.ladder import COMPENSATED, RETURNED, SWAPPED, VOID, LoanStates
from rules.letters import Addressed, Letter, Post
from rules.policy import MailKind
from rules.values import Mail

TELLING: tuple[MailKind, ...] = ("overdue", "recall")
CORRECTING: tuple[MailKind, ...] = ("moved", "returned")
"""Kinds of letters with an entry: those that tell a due date for reasons of their own, and those that put it right."""

SETTLED = (RETURNED, COMPENSATED, SWAPPED, VOID)


@dataclass(frozen=True, slots=True)
class Told:
    """What one letter told of a loan. due: None when that it is settled. place: how many such letters left before it,
    None when the key does not say.
    """

    key: str
    due: date | None
    place: int | None


History = Mapping[str, Sequence[Told]]
"""Loan -> what letters told of it, at least one, in the order in which they left."""


def history(left: Iterable[Mail]) -> History:
    """What the mails that *left* told of each loan.

    In the order of their days, those of one day as they stand; a place in the key goes before both, since people sort
    the tab and clocks are set back.
    """
    told: dict[str, list[Told]] = defaultdict(list)
    for mail in sorted(left, key=lambda mail: mail.created_on):
        for loan_id, said in filter(None, map(_read, mail.items)):
            told[loan_id].append(said)
    return {loan_id: _in_order(said) for loan_id, said in told.items()}


def _read(key: str) -> tuple[str, Told] | None:
    """The loan that *key* is about and what it tells of it; None for any other key, and for one somebody spoiled."""
    kind, _, rest = key.partition(":")
    try:
        if kind == "returned":
            loan_id, place = rest.rsplit(":", 1)
            return loan_id, Told(key, None, int(place))
        if kind in ("moved", *TELLING):
            loan_id, between, due = rest.rsplit(":", 2)
            return loan_id, Told(key, date.fromisoformat(due), int(between) if kind == "moved" else None)
    except ValueError:
        pass
    return None


def _in_order(said: Sequence[Told]) -> list[Told]:
    """*said* with each that knows its place there, the others around them as they stand."""
    rest = [each for each in said if each.place is None]
    ordered: list[Told] = []
    for each in sorted((each for each in said if each.place is not None), key=lambda each: each.place or 0):
        before = max((each.place or 0) - len(ordered), 0)
        ordered += [*rest[:before], each]
        rest = rest[before:]
    return ordered + rest


def due_notes(
    states: LoanStates, parts: pd.DataFrame, told: History, as_of: date, post: Post
) -> dict[MailKind, Sequence[Addressed]]:
    """Every loan of which something else was told last than holds now, most overdue first, then by number.

    One that was settled more than `run.quiet_gap_days` ago is nobody's news. One that is not shipped yet is passed
    over: it is told of anew when it leaves.
    """
    wrong = list(_wrong(states, told, as_of, post.policy.run.quiet_gap_days))
    notes = sorted(_notes(wrong, states, parts, post), key=lambda note: (-note.days, note.loan_id))
    letters = [post.to_member(note, note.borrower, (note.lender,), (note.lender.email,)) for note in notes]
    return {kind: [letter for letter in letters if letter.item.key.startswith(f"{kind}:")] for kind in CORRECTING}


@dataclass(frozen=True, slots=True)
class _Wrong:
    """A loan, by its position, of which something else must be told. told, due, closed_on: see `DueNote`."""

    at: int
    key: str
    told: date | None
    due: date
    closed_on: date | None


def _wrong(states: LoanStates, told: History, as_of: date, quiet_days: int) -> Iterator[_Wrong]:
    """The loans whose last letter does not hold."""
    settled = np.isin(states.state, SETTLED)
    rows = np.flatnonzero(states.loans["loan_id"].isin(list(told)).to_numpy() & (states.out | settled))
    ids = states.loans["loan_id"].iloc[rows].tolist()
    ended = first_of(*(days(states.loans[name])[rows] for name in ("compensated_on", "returned_on")))
    for at, loan_id, over, due, end in zip(
        rows.tolist(), ids, settled[rows].tolist(), plain(states.due[rows]), plain(ended), strict=True
    ):
        said = told[loan_id]
        last, holds = said[-1].due, None if over else due
        day = due or next((each.due for each in reversed(said) if each.due), None)
        if holds == last or day is None or (over and end is not None and (as_of - end).days > quiet_days):
            continue
        key = f"moved:{loan_id}:{len(said)}:{holds.isoformat()}" if holds else f"returned:{loan_id}:{len(said)}"
        yield _Wrong(at, key, last, day, end if over else None)


def _notes(wrong: Sequence[_Wrong], states: LoanStates, parts: pd.DataFrame, post: Post) -> Iterator[DueNote]:
    """The facts about each loan."""
    rows = [each.at for each in wrong]
    loans = states.loans.iloc[rows]
    names = dict(zip(parts["part_no"], parts["name"], strict=True))
    texts = (loans[name].astype(object).tolist() for name in ("loan_id", "part_no", "lender", "borrower"))
    units = (loans["qty"].tolist(), states.outstanding[rows].tolist(), states.state[rows].tolist())
    dates = (plain(days(loans[name])) for name in ("lent_on", "extended_to", "recall_on"))
    for each, loan_id, part_no, lender, borrower, qty, outstanding, state, lent_on, extended_to, recall_on in zip(
        wrong, *texts, *units, *dates, strict=True
    ):
        yield DueNote(
            key=each.key,
            event="moved" if each.key.startswith("moved:") else "returned",
            loan_id=loan_id,
            part_no=part_no,
            part_name=names[part_no],
            qty=qty,
            outstanding=outstanding,
            lent_on=lent_on,
            extended_to=extended_to,
            recall_on=recall_on,
            told=each.told,
            due=each.due,
            days=(states.as_of - each.due).days,
            state=state,
            closed_on=each.closed_on,
            lender=post.contacts[lender],
            borrower=post.contacts[borrower],
        )


def unsaid(notes: Sequence[Addressed], letters: Iterable[Letter]) -> list[Addressed]:
    """Those of *notes* whose due date none of *letters* tells by itself."""
    said = {(item.loan_id, item.due) for letter in letters for item in letter.items if _carries(item)}
    return [note for note in notes if not _carries(note.item) or (note.item.loan_id, note.item.due) not in said]


def with_entries(letters: Sequence[Letter], told: History, states: LoanStates) -> tuple[Letter, ...]:
    """*letters*, each item that tells of a due date with its entry for the calendar."""
    rungs = _rungs({item.loan_id for letter in letters for item in letter.items if _carries(item)}, states)
    return tuple(
        replace(letter, items=tuple(_with_entry(item, told, rungs, states.as_of) for item in letter.items))
        for letter in letters
    )


def _rungs(loan_ids: Collection[str], states: LoanStates) -> dict[str, list[date]]:
    """The days of the ladder for each of *loan_ids*."""
    rows = np.flatnonzero(states.loans["loan_id"].isin(loan_ids))
    found = (states.due[rows, None] + states.offsets[rows].astype("timedelta64[D]")).tolist()
    return dict(zip(states.loans["loan_id"].iloc[rows], found, strict=True))


def _with_entry(item: Item, told: History, rungs: Mapping[str, Sequence[date]], as_of: date) -> Item:
    if not _carries(item):
        return item
    sequence = sum(said.key != item.key for said in told.get(item.loan_id, ()))
    cancelled = item.key.startswith("returned:")
    ahead = () if cancelled else tuple(day for day in dict.fromkeys(rungs[item.loan_id]) if day > as_of)
    return replace(item, entry=Entry(sequence, ahead, cancelled))


def _carries(item: Item) -> TypeGuard[OfLoan]:
    return isinstance(item, OfLoan) and item.key.partition(":")[0] in (*TELLING, *CORRECTING)

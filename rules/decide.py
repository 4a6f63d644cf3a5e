"""The whole decision: decide(book, as_of, policy) -> Plan. Straight-line composition, nothing else.

The plan is complete but for the wording of mail, which templates give (sync/wording.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from decimal import Decimal

import pandas as pd

from rules import group, ladder, ledger, letters, matching, outbox, problems, queue, suggestions, warnings
from rules.cells import read
from rules.changes import body
from rules.intake import intake
from rules.layout import Layout, locate
from rules.letters import Letter
from rules.policy import Policy
from rules.problems import Problem
from rules.schema import RUNS, Table, renamed
from rules.values import Book, Mail, RawTable, Row


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run should do.

    rows: worker table -> its rows, for every table that is computed afresh. mails: the outbox as it stands now, each
    mail's fate settled. letters: mail to write or write again, those of waiting mails first; most severe first.
    """

    rows: Mapping[str, Sequence[Row]]
    mails: Sequence[Mail]
    letters: Sequence[Letter]
    problems: Sequence[Problem]
    rows_read: Mapping[str, int]


def decide(book: Book, as_of: date, policy: Policy, zone: tzinfo) -> Plan:
    """What the sheet should hold on *as_of*, and what mail is due.

    Raises intake.SheetError when a required table or column is missing.
    """
    tables = renamed(policy.rename)
    locale = policy.alliance.locale
    read_in = intake(book, tables, zone, {("inventory", "safety_stock"): policy.inventory.safety_stock})
    members, parts, requests, loans, adjustments = (
        read_in.frames[name] for name in ("members", "parts", "requests", "loans", "adjustments")
    )
    sums = ledger.accounts(members, loans, adjustments, as_of, policy.points)
    postings = ledger.ledger(loans, adjustments, as_of, policy.points, locale)
    placed = queue.queue(requests, loans, members, sums, as_of, policy)
    matched = matching.matching(read_in.frames, placed, as_of, policy)
    states = ladder.loan_states(loans, as_of, policy.loans, policy.overdue)
    prices: dict[str, Decimal | None] = dict(zip(parts["part_no"], parts["unit_value"], strict=True))
    last_run = last_as_of(book.tabs.get("runs"), zone, tables["runs"])
    about_loans = warnings.of_loans(states, prices, members, policy.overdue.ladder)
    history = _history(book, tables, postings, loans, locale if last_run == as_of else None)
    about_requests = [*queue.unproven(placed), *matched.problems]
    found = problems.ordered([*read_in.problems, *about_requests, *about_loans, *history], tables)
    issue_rows = problems.rows_of(found, tables, locale)
    mailing = outbox.mailing(
        outbox.mails_in(book.tabs.get("outbox"), zone, tables["outbox"]),
        states,
        parts,
        letters.Post.of(members, policy),
        letters.problem_notices(found, issue_rows),
        group.notices(placed, requests, states, parts, as_of, policy),
        outbox.Now(as_of, _held_over(last_run, as_of, policy)),
    )
    return Plan(
        rows={
            "standings": ledger.standings(members, sums, as_of, policy.points),
            "ledger": postings,
            "queue": queue.rows_of(placed, members, sums, locale),
            "matches": suggestions.rows_of(matched, read_in.frames, as_of, policy),
            "loan_states": ladder.rows_of(states, prices, policy.overdue.ladder),
            "issues": issue_rows,
        },
        mails=mailing.mails,
        letters=mailing.letters,
        problems=found,
        rows_read=read_in.rows_read,
    )


def _history(
    book: Book, tables: Mapping[str, Table], postings: Sequence[Row], loans: pd.DataFrame, again: str | None
) -> list[Problem]:
    """What changed in postings made before. again: on a second run of the day, the language of the first one's
    warnings, which are kept.
    """
    ledger_now, issues_now = (body(tables[name], book.tabs.get(name)) for name in ("ledger", "issues"))
    shown = dict(zip(loans["loan_id"], loans["row"].tolist(), strict=True))
    changed = ledger.history_changed(ledger_now, postings, shown)
    kept = ledger.history_kept(issues_now, postings, shown, again) if again else []
    new = {problem.key for problem in changed}
    return [*changed, *(problem for problem in kept if problem.key not in new)]


def last_as_of(raw: RawTable | None, zone: tzinfo, runs: Table = RUNS) -> date | None:
    """The latest day a run computed for, by 运行日志; None before the first run."""
    layout = locate(raw, runs, "as_of") if raw is not None else None
    if raw is None or not isinstance(layout, Layout):
        return None
    at = layout.columns["as_of"]
    cells = (row[at] for row in raw.rows[layout.header_row + 1 :] if at < len(row))
    return max((day for cell in cells if (day := read(cell, runs["as_of"], zone).value)), default=None)


def _held_over(last_run: date | None, as_of: date, policy: Policy) -> int | None:
    """How many days overdue is too old for a letter to leave unseen; None when the worker ran lately."""
    quiet = policy.run.quiet_gap_days
    return quiet if last_run is None or (as_of - last_run).days > quiet else None

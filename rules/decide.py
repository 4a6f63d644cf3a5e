"""The whole decision: decide(book, as_of, policy) -> Plan. Straight-line composition, nothing else.

The plan is complete but for the wording of mail, which templates give (sync/wording.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from decimal import Decimal

import pandas as pd

from rules import (
    appeals,
    archive,
    credit,
    diary,
    facts,
    figures,
    group,
    ladder,
    ledger,
    letters,
    matching,
    monthly,
    outbox,
    problems,
    progress,
    queue,
    settlement,
    suggestions,
    timeline,
    warnings,
    weekly,
    workdays,
)
from rules.cells import read
from rules.changes import body
from rules.figures import Figure
from rules.fulfilment import fulfilment
from rules.intake import Intake, intake
from rules.items import Notice, Record
from rules.ladder import LoanStates
from rules.layout import Layout, locate
from rules.ledger import Accounts
from rules.letters import Letter
from rules.matching import Matching
from rules.monthly import Month
from rules.outbox import Mailing
from rules.policy import Policy
from rules.problems import Problem
from rules.queue import Request
from rules.schema import RUNS, Table, renamed
from rules.values import Book, Mail, RawTable, Row


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run should do.

    rows: worker table -> its rows, for every table that is computed afresh. mails: the outbox as it stands now, each
    mail's fate settled. letters: mail to write or write again, those of waiting mails first; most severe first. found:
    what all of it rests on. filing: past year -> how many mails are to move to its archive before all else.
    """

    rows: Mapping[str, Sequence[Row]]
    mails: Sequence[Mail]
    letters: Sequence[Letter]
    problems: Sequence[Problem]
    rows_read: Mapping[str, int]
    found: Found
    filing: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Found:
    """What the rules make of the members' tables, before anything is put into rows or letters.

    crises: P0 requests that are not closed. records: center -> its lending record. prices: part -> unit value, None
    when it has none. first_seen: when a run first saw a milestone done. last_run: the day of the run before, None
    before the first. figures, months: how the alliance does, now and by month.
    """

    tables: Mapping[str, Table]
    read_in: Intake
    sums: Accounts
    postings: Sequence[Row]
    placed: Sequence[Request]
    crises: Sequence[Request]
    matched: Matching
    states: LoanStates
    records: Mapping[str, Record]
    prices: Mapping[str, Decimal | None]
    first_seen: Mapping[tuple[str, str], date]
    last_run: date | None
    figures: Sequence[Figure]
    months: Sequence[Month]

    @property
    def frames(self) -> Mapping[str, pd.DataFrame]:
        """Member table -> its good rows, typed."""
        return self.read_in.frames


def decide(book: Book, as_of: date, policy: Policy, zone: tzinfo) -> Plan:
    """What the sheet should hold on *as_of*, and what mail is due.

    Raises intake.SheetError when a required table or column is missing.
    """
    found = look(book, as_of, policy, zone)
    mails = outbox.mails_in(book.tabs.get("outbox"), zone, found.tables["outbox"])
    # Mail is written after 数据问题: a run of the day that was cut off before its log row has left its mark there.
    again = found.last_run == as_of or any(mail.created_on == as_of for mail in mails)
    noticed = _problems(found, book, as_of, policy, again=again)
    rows = _rows(found, noticed, as_of, policy)
    notices = letters.problem_notices(noticed, rows["issues"])
    mailing = _mailing(found, mails, notices, policy)
    filing = {year: len(moving) for year, moving in archive.due(mails, as_of, policy.mail.keep_days).items()}
    return Plan(rows, mailing.mails, mailing.letters, noticed, found.read_in.rows_read, found, filing)


def look(book: Book, as_of: date, policy: Policy, zone: tzinfo) -> Found:
    """What stands in the sheet on *as_of* and what follows from it.

    Raises intake.SheetError when a required table or column is missing.
    """
    tables = renamed(policy.rename)
    read_in = intake(book, tables, zone, {("inventory", "safety_stock"): policy.inventory.safety_stock})
    members, parts, requests, loans, adjustments = (
        read_in.frames[name] for name in ("members", "parts", "requests", "loans", "adjustments")
    )
    sums = ledger.accounts(members, loans, adjustments, as_of, policy.points)
    placed = queue.queue(requests, loans, members, sums, as_of, policy)
    calendar = workdays.workdays(policy.official, read_in.frames["holidays"], policy.calendar)
    states = ladder.loan_states(loans, as_of, policy.loans, policy.overdue, calendar)
    matched = matching.matching(read_in.frames, placed, as_of, policy)
    served = fulfilment(requests, loans, as_of)
    made_of = facts.facts(read_in.frames, states, served, matched.supply, policy.inventory)
    p0_requests = queue.crises_made(requests, as_of, policy.priority)
    return Found(
        tables,
        read_in,
        sums,
        postings=ledger.ledger(loans, adjustments, as_of, policy.points, policy.alliance.locale),
        placed=placed,
        crises=queue.crises(placed, requests, loans, members, as_of, policy.priority),
        matched=matched,
        states=states,
        records=credit.records(members, states, p0_requests, policy.credit.max_units),
        prices=dict(zip(parts["part_no"], parts["unit_value"], strict=True)),
        first_seen=timeline.seen(book.tabs.get("timeline"), zone, tables["timeline"]),
        last_run=last_as_of(book.tabs.get("runs"), zone, tables["runs"]),
        figures=figures.figures(made_of),
        months=monthly.months(made_of),
    )


def _problems(found: Found, book: Book, as_of: date, policy: Policy, *, again: bool) -> list[Problem]:
    """Everything to be mended or looked at, as 数据问题 lists it. again: a run of the same day has listed it before."""
    members, requests = found.frames["members"], found.frames["requests"]
    about_loans = warnings.of_loans(found.states, found.prices, members, requests, policy)
    about_stock = warnings.of_stock(
        found.frames["inventory"], members, found.matched.supply, as_of, policy.inventory.stale_days
    )
    language = policy.alliance.locale if again else None
    history = _history(book, found.tables, found.postings, found.frames["loans"], language)
    about_requests = [*queue.unproven(found.placed), *found.matched.problems]
    return problems.ordered(
        [*found.read_in.problems, *about_requests, *about_loans, *about_stock, *history], found.tables
    )


def _rows(found: Found, noticed: Sequence[Problem], as_of: date, policy: Policy) -> dict[str, Sequence[Row]]:
    """Worker table -> its rows."""
    members, locale = found.frames["members"], policy.alliance.locale
    return {
        "standings": ledger.standings(members, found.sums, as_of, policy.points),
        "ledger": found.postings,
        "queue": queue.rows_of(found.placed, members, found.sums, locale),
        "matches": suggestions.rows_of(found.matched, found.frames, as_of, policy),
        "timeline": timeline.rows_of(found.crises, found.matched, found.frames, found.first_seen, as_of, locale),
        "loan_states": ladder.rows_of(found.states, found.prices, policy.overdue.ladder),
        "credit": credit.rows_of(found.records),
        "settlement": settlement.rows_of(found.states, found.prices),
        "kpis": figures.rows_of(found.figures, locale),
        "monthly": monthly.rows_of(found.months),
        "issues": problems.rows_of(noticed, found.tables, locale),
    }


def _mailing(found: Found, mails: Sequence[Mail], notices: Sequence[Notice], policy: Policy) -> Mailing:
    """The outbox with what is due now."""
    frames, states, post = found.frames, found.states, letters.Post.of(found.frames["members"], policy)
    as_of, on_record, told = states.as_of, outbox.on_record(mails), diary.history(outbox.left(mails))
    week = weekly.Week(frames, states, found.placed, found.crises, found.matched.supply, found.sums, found.figures)
    to_tell = outbox.ToTell(
        {
            **appeals.appeals(found.matched, frames, found.records, as_of, post),
            **progress.progress(states, frames, on_record, as_of, post),
            **diary.due_notes(states, frames["parts"], told, as_of, post),
            **weekly.weekly(week, on_record, post),
        },
        group.notices(found.placed, frames["requests"], states, frames["parts"], as_of, policy),
        notices,
    )
    held_over = _held_over(found.last_run, as_of, policy)
    mailing = outbox.mailing(mails, states, frames["parts"], post, to_tell, held_over)
    return Mailing(mailing.mails, diary.with_entries(mailing.letters, told, states))


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

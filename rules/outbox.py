"""The outbox as state: what stands in 提醒邮件, what that makes of each reminder, and what becomes of each mail.

Sending is not done here, see sync/outbox.py. Source: rules, section 5.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta, tzinfo

import pandas as pd

from rules import diary, group
from rules.archive import unfolded
from rules.cells import read, shown
from rules.fates import NO_LONGER, TOO_MANY, TOO_OFTEN, given_up, may_have_left, recovered, waits
from rules.intake import SheetError
from rules.items import Notice
from rules.ladder import LoanStates, reminders_due, still_true
from rules.layout import Layout, MissingHeader, locate
from rules.letters import (
    Addressed,
    Bulletin,
    Letter,
    Post,
    digests,
    held_notice,
    in_order,
    news,
    refused_notice,
    reminders,
    report,
)
from rules.policy import MAIL_KINDS, MailKind, MailPolicy, Policy
from rules.schema import OUTBOX, Table
from rules.values import LONG_AGO, Cell, Mail, MailStatus, RawTable, Row


def mails_in(raw: RawTable | None, zone: tzinfo, table: Table = OUTBOX) -> list[Mail]:
    """The mails that the outbox tab holds, in its order. A status nobody knows counts as held for a person.

    Of rows with one number, made by two runs or copied by a person, the one that got furthest counts.

    Raises SheetError when the tab holds something and its headers are gone: what was mailed must not be forgotten.
    """
    if raw is None or not any(cell not in (None, "") for row in raw.rows for cell in row):
        return []
    layout = locate(raw, table, "mail_id", "items", "status")
    if isinstance(layout, MissingHeader):
        raise SheetError("missing_column", table, layout.column.header, layout.closest)
    found = [mail for row in raw.rows[layout.header_row + 1 :] if (mail := _mail(row, layout, zone)) is not None]
    furthest: dict[str, Mail] = {}
    for mail in found:
        furthest[mail.mail_id] = max(furthest.get(mail.mail_id, mail), mail, key=lambda one: _FAR.index(one.status))
    return list(furthest.values())


_FAR = (
    MailStatus.QUEUED,
    MailStatus.FAILED,
    MailStatus.HELD,
    MailStatus.CANCELLED,
    MailStatus.SENDING,
    MailStatus.SENT,
    MailStatus.FILED,
)


def _mail(row: Sequence[Cell], layout: Layout, zone: tzinfo) -> Mail | None:
    """One row as it was written: text to the letter, since a mail that is read differently would be written again."""

    def cell(field: str) -> Cell:
        at = layout.columns.get(field, len(row))
        return row[at] if at < len(row) else None

    def text(field: str) -> str:
        return shown(cell(field))

    if not text("mail_id"):
        return None
    created, sent_at, attempts = (read(cell(name), OUTBOX[name], zone).value for name in _TYPED)
    return Mail(
        mail_id=text("mail_id"),
        created_on=created or LONG_AGO,
        to=text("to"),
        cc=tuple(part for part in text("cc").split(", ") if part),
        subject=text("subject"),
        body=text("body"),
        items=tuple(item for item in text("items").split("\n") if item),
        status=MailStatus(text("status")) if text("status") in set(MailStatus) else MailStatus.HELD,
        sent_at=sent_at,
        attempts=attempts or 0,
        error=text("error"),
    )


_TYPED = ("created_on", "sent_at", "attempts")


def rows_of(mails: Iterable[Mail]) -> list[Row]:
    """The rows of 提醒邮件."""
    return [
        (
            m.mail_id,
            m.created_on,
            m.to,
            ", ".join(m.cc),
            m.subject,
            m.body,
            "\n".join(m.items),
            m.status.value,
            m.sent_at,
            m.attempts,
            m.error,
        )
        for m in mails
    ]


def made(mails: Iterable[Mail], *, rows_only: bool = False) -> dict[str, date | None]:
    """Item key -> the last day that reminder left, for every item on record.

    None: on record, but it does not carry the ladder on, because it waits, failed or was cancelled by a person: nobody
    is told of a second notice before the first has left. Items of a mail that the worker itself gave up are not on
    record: they may be made anew. rows_only: nothing leaves from here, so a queued mail counts as one that left.
    """
    gone = {MailStatus.SENT, MailStatus.QUEUED} if rows_only else {MailStatus.SENT}
    record: dict[str, date | None] = {}
    for mail in _by_day(mails):
        if not given_up(mail):
            left = mail.created_on if mail.status in gone else None
            record |= {item: left or record.get(item) for item in mail.items}
    return record


def left(mails: Iterable[Mail]) -> list[Mail]:
    """The mails that somebody may have read: those that left, that may have, or that a person settled otherwise."""
    return [mail for mail in unfolded(mails) if not waits(mail) and not given_up(mail)]


@dataclass(frozen=True, slots=True)
class Mailing:
    """The outbox with each mail's fate settled, and the letters that may leave or be written now."""

    mails: tuple[Mail, ...]
    letters: tuple[Letter, ...]


@dataclass(frozen=True, slots=True)
class ToTell:
    """What is true on this day and worth a letter, told before or not, reminders left out.

    members: by kind, each most pressing first. group: for the message to the group; problems: for the coordinator.
    """

    members: Mapping[MailKind, Sequence[Addressed]]
    group: Sequence[Notice]
    problems: Sequence[Notice]


def mailing(
    before: Iterable[Mail],
    states: LoanStates,
    parts: pd.DataFrame,
    post: Post,
    to_tell: ToTell,
    held_over: int | None,
) -> Mailing:
    """Every mail looked at again, new letters to members, the message to the group, and the coordinator's report.

    held_over: new reminders of loans overdue by more days than that wait for a person; None holds none.

    A waiting mail leaves only while its items still make that very mail; otherwise it is cancelled, and what is still
    true of it is made anew. Sources: rules, sections 4 ("which reminder is due now") and 5.
    """
    policy, locale = post.policy, post.policy.alliance.locale
    mails, letters = _reminded(recovered(before, locale), states, parts, post, held_over)
    for kind in MAIL_KINDS:
        if kind not in _BY_THEIR_OWN_RULES:
            entries = to_tell.members.get(kind, ())
            entries = diary.unsaid(entries, letters) if kind in diary.CORRECTING else entries
            mails, more = _told_once(mails, kind, entries, policy)
            letters += more
    letters = braked(letters, policy.mail, locale)
    mails, messages = _with_news(mails, to_tell.group, group.MESSAGE, policy)
    letters += messages
    if policy.mail.writes("problems"):
        since = states.as_of - timedelta(days=policy.run.quiet_gap_days)
        problems = [*to_tell.problems, *_held(mails, letters, locale), *_refused(mails, since, locale)]
        mails, reports = _with_news(mails, problems, report(policy), policy)
        letters += reports
    return _mailing(mails, letters)


_BY_THEIR_OWN_RULES = ("overdue", "problems")


def _reminded(
    mails: Sequence[Mail], states: LoanStates, parts: pd.DataFrame, post: Post, held_over: int | None
) -> tuple[list[Mail], list[Letter]]:
    """The mails, waiting reminders looked at again, and the letters of the ladder: which rung is due depends on what
    has left.
    """
    policy, rungs, cadence = post.policy, post.policy.overdue.ladder, post.policy.run.cadence_days
    if not policy.mail.writes("overdue"):
        return _told_once(mails, "overdue", (), policy)
    keys = [key for mail in mails if waits(mail) for key in mail.items]
    true = still_true(keys, states, cadence, rungs).values()
    kept, letters = _looked_at(mails, "overdue", post.reminded(reminders(true, states, parts, post, rungs)), policy)
    due = reminders_due(states, made(kept, rows_only=policy.mail.rows_only), cadence, rungs)
    fresh = post.reminded(reminders(due, states, parts, post, rungs), held_over)
    return kept, [*letters, *_fresh("overdue", fresh, kept, policy)]


def _told_once(
    mails: Sequence[Mail], kind: MailKind, entries: Sequence[Addressed], policy: Policy
) -> tuple[list[Mail], list[Letter]]:
    """The mails, waiting ones of *kind* looked at again, and the letters about *entries*: those that still wait and
    hold, and what is on record in no mail. When the kind is switched off there is nothing to tell.
    """
    entries = entries if policy.mail.writes(kind) else ()
    kept, letters = _looked_at(mails, kind, entries, policy)
    return kept, [*letters, *_fresh(kind, _untold(entries, kept), kept, policy)]


def _looked_at(
    mails: Sequence[Mail], kind: str, entries: Sequence[Addressed], policy: Policy
) -> tuple[list[Mail], list[Letter]]:
    """The mails, waiting ones of *kind* settled: each leaves only while its items among *entries* make that mail."""
    wanted = {entry.item.key: entry for entry in entries}
    again: dict[str, Letter | None] = {}
    for mail in mails:
        if waits(mail) and kind_of(mail) == kind:
            still = [wanted[key] for key in mail.items if key in wanted]
            same = (x for x in digests(kind, still, policy.alliance.name) if x.mail_id == mail.mail_id)
            again[mail.mail_id] = next(same, None)
    kept, letters = _settled(mails, again, policy.mail, policy.alliance.locale)
    return kept, in_order(letters, entries)


def _fresh(kind: str, entries: Sequence[Addressed], mails: Iterable[Mail], policy: Policy) -> list[Letter]:
    """The letters about *entries* that are no mail yet."""
    known = {mail.mail_id for mail in mails if not given_up(mail)}
    return [letter for letter in digests(kind, entries, policy.alliance.name) if letter.mail_id not in known]


def _untold(entries: Iterable[Addressed], mails: Iterable[Mail]) -> list[Addressed]:
    """Those of *entries* that are on record in no mail. An ask is news only when it is for more units than before."""
    told = on_record(mails)
    asked: dict[str, int] = {}
    for about, units in map(_ask_in, told):
        asked[about] = max(units, asked.get(about, 0))
    new = []
    for entry in entries:
        about, units = _ask_in(entry.item.key)
        if entry.item.key not in told and not 0 < units <= asked.get(about, 0):
            new.append(entry)
    return new


def _ask_in(key: str) -> tuple[str, int]:
    """What an ask is about and for how many units; 0 units for any other key, and for one that somebody spoiled."""
    about, _, units = key.rpartition(":")
    counts = about.startswith("ask:") and units.isdecimal() and len(units) <= _DIGITS
    return about, int(units) if counts else 0


_DIGITS = 9


def on_record(mails: Iterable[Mail]) -> dict[str, date]:
    """Item key -> the day its mail was made, the last of them, for every item that is never told again."""
    return {key: mail.created_on for mail in _by_day(mails) if not given_up(mail) for key in mail.items}


def _by_day(mails: Iterable[Mail]) -> list[Mail]:
    return sorted(unfolded(mails), key=lambda mail: mail.created_on)


def kind_of(mail: Mail) -> str:
    """What kind of letter the row is of, by its items: see `Letter.kind`."""
    signs = {item.partition(":")[0] for item in mail.items}
    return next((kind for kind in (*MAIL_KINDS, group.MESSAGE.kind) if kind in signs), "problems")


def _settled(
    mails: Sequence[Mail], again: Mapping[str, Letter | None], policy: MailPolicy, locale: str
) -> tuple[list[Mail], list[Letter]]:
    """Each mail named in *again* looked at: without a letter it is cancelled; tried too often, held."""
    kept, letters = [], []
    for mail in mails:
        letter = again.get(mail.mail_id)
        if mail.mail_id in again and letter is None:
            kept.append(replace(mail, status=MailStatus.CANCELLED, error=NO_LONGER.in_(locale)))
        elif letter is None or mail.status is MailStatus.HELD:
            kept.append(mail)
        elif mail.attempts >= policy.max_attempts:
            error = f"{TOO_OFTEN.in_(locale).format(n=mail.attempts)}: {mail.error}"
            kept.append(replace(mail, status=MailStatus.HELD, error=error))
        else:
            kept.append(mail)
            letters.append(letter)
    return kept, letters


def _held(mails: Iterable[Mail], letters: Iterable[Letter], locale: str) -> list[Notice]:
    standing = [(m.mail_id, m.to, m.error) for m in mails if m.status is MailStatus.HELD]
    new = [(letter.mail_id, letter.to, letter.held) for letter in letters if letter.held]
    return [
        held_notice(ident, to, reason, locale, doubtful=may_have_left(reason))
        for ident, to, reason in (*standing, *new)
    ]


def _refused(mails: Iterable[Mail], since: date, locale: str) -> list[Notice]:
    """Of mail that left since then, what was refused: nobody else hears that a superior was never told."""
    left = (mail for mail in mails if mail.status is MailStatus.SENT and mail.created_on >= since)
    return [refused_notice(mail.mail_id, mail.to, mail.error, locale) for mail in left if mail.error]


def _with_news(
    mails: list[Mail], notices: Sequence[Notice], bulletin: Bulletin, policy: Policy
) -> tuple[list[Mail], list[Letter]]:
    """The mails, those of *bulletin* looked at again, and its letters: what waits and still holds, and the news."""
    told = on_record(mails)
    waiting = [mail for mail in mails if waits(mail) and kind_of(mail) == bulletin.kind]
    again = {mail.mail_id: _same_news(mail, notices, told, bulletin, policy) for mail in waiting}
    if bulletin.single:
        again |= dict.fromkeys(_joining(mails, again, notices, bulletin, policy))
    mails, letters = _settled(mails, again, policy.mail, policy.alliance.locale)
    fresh = news(notices, on_record(mails), bulletin, policy)
    return mails, [*letters, *([fresh] if fresh else [])]


def _same_news(
    mail: Mail, notices: Sequence[Notice], told: Container[str], bulletin: Bulletin, policy: Policy
) -> Letter | None:
    """The letter that *mail* still is; None when what it says has changed."""
    current = {notice.key: notice for notice in notices}
    items = [current[key] for key in mail.items if key in current]
    beyond = [notice for notice in notices if notice.key not in told]  # counted in its last line
    letters = (news(said, (), bulletin, policy) for said in (items, [*items, *beyond]))
    return next((letter for letter in letters if letter and letter.mail_id == mail.mail_id), None)


def _joining(
    mails: Iterable[Mail],
    again: Mapping[str, Letter | None],
    notices: Sequence[Notice],
    bulletin: Bulletin,
    policy: Policy,
) -> list[str]:
    """The mails that would leave beside another of their bulletin: given up, what they say is said in one letter."""
    stay = [mail for mail in mails if again.get(mail.mail_id, mail)]
    tries = policy.mail.max_attempts
    leaving = [m.mail_id for m in stay if m.mail_id in again and m.status is not MailStatus.HELD and m.attempts < tries]
    crowded = len(leaving) > 1 or news(notices, on_record(stay), bulletin, policy)
    return leaving if crowded else []


def _mailing(mails: Iterable[Mail], letters: Sequence[Letter]) -> Mailing:
    """The outbox and its letters; a mail that was given up and is wanted again after all begins anew."""
    wanted = {letter.mail_id for letter in letters}
    kept = tuple(mail for mail in mails if not (given_up(mail) and mail.mail_id in wanted))
    return Mailing(kept, tuple(letters))


def braked(letters: Sequence[Letter], policy: MailPolicy, locale: str) -> list[Letter]:
    """The letters, those beyond the limit of one run held for a person."""
    reason = TOO_MANY.in_(locale).format(n=policy.max_per_run)
    leaving = 0
    result = []
    for letter in letters:
        leaving += not letter.held
        result.append(letter if letter.held or leaving <= policy.max_per_run else replace(letter, held=reason))
    return result

"""What mail is due to whom: recipients, keys and facts. Wording is the templates' business (sync/wording.py).

Source: rules, sections 4 and 5.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from rules.cells import shown
from rules.dates import days
from rules.items import Contact, Item, Notice, Reminder
from rules.ladder import Due, LoanStates, reminder_key
from rules.policy import Policy, Rung
from rules.problems import Problem
from rules.values import Row
from rules.words import Words


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail that is due: to one address, in one language, about *items* of one kind (most pressing first).

    kind: one of `policy.MAIL_KINDS`, or "group". reply_to is "" when nobody in particular should get the answer. held:
    why a person must release it first, "" when it may leave at once.
    """

    mail_id: str
    kind: str
    locale: str
    to: str
    cc: tuple[str, ...]
    reply_to: str
    greeting: str
    items: tuple[Item, ...]
    held: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """The item keys, in the order of the items."""
        return tuple(item.key for item in self.items)


def mail_id(alliance: str, to: str, cc: Iterable[str], keys: Iterable[str]) -> str:
    """16 hex digits that are the same for the same recipients and items (rules, section 5)."""
    text = "\n".join((alliance, to, ",".join(cc), *sorted(keys)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


ITEMS_PER_MAIL = 200
"""One cell holds at most 32,767 characters; longer digests go out as several mails."""


@dataclass(frozen=True, slots=True)
class Addressed:
    """One item and who is told of it, at most once. reply_to: who should get the answer; held: see `Letter`."""

    item: Item
    to: str
    cc: tuple[str, ...]
    locale: str
    reply_to: tuple[str, ...]
    greeting: str
    held: str = ""


@dataclass(frozen=True, slots=True)
class Post:
    """The members frame as mail needs it: who is who, and where unaddressed mail goes."""

    policy: Policy
    contacts: Mapping[str, Contact]
    supervisors: Mapping[str, str]
    locales: Mapping[str, str]

    @classmethod
    def of(cls, members: pd.DataFrame, policy: Policy) -> Post:
        """The post office of these members."""
        names = ("center", "manager", "phone", "email", "supervisor_email", "locale")
        rows = list(zip(*(members[name].tolist() for name in names), strict=True))
        return cls(
            policy,
            {center: Contact(center, manager, phone, email) for center, manager, phone, email, _, _ in rows},
            {row[0]: row[4] for row in rows},
            {row[0]: row[5] or policy.alliance.locale for row in rows},
        )

    def to_member(
        self, item: Item, to: Contact, reply_to: Iterable[Contact], cc: Iterable[str] = (), held: str = ""
    ) -> Addressed:
        """*item* for one member, in its language; nobody is copied twice, or on a letter to itself."""
        copied = tuple(address for address in dict.fromkeys(cc) if address and address != to.email)
        answers = tuple(contact.email for contact in reply_to)
        return Addressed(item, to.email, copied, self.locales[to.center], answers, to.manager, held)

    def reminded(self, items: Iterable[Reminder], held_over: int | None = None) -> list[Addressed]:
        """Each reminder and who gets it: the last rung first, then what is overdue longest.

        held_over: what is overdue by more than that many days is held for a person; None holds nothing.
        """
        held = _OLD.in_(self.policy.alliance.locale).format(days=held_over)
        return [
            self.to_member(
                item,
                item.borrower,
                (item.lender,),
                self._copied(item),
                held if held_over is not None and item.days > held_over else "",
            )
            for item in sorted(items, key=self._severity)
        ]

    def _copied(self, reminder: Reminder) -> list[str]:
        """Who is copied on *reminder*; the coordinator stands in for a supervisor without an address."""
        rung = next(rung for rung in self.policy.overdue.ladder if rung.stage == reminder.stage)
        supervisor = self.supervisors[reminder.borrower.center] or self.policy.alliance.coordinator_email
        addresses = {"lender": reminder.lender.email, "supervisor": supervisor}
        return [addresses[role] for role in rung.cc]

    def _severity(self, item: Reminder) -> tuple[int, int, str]:
        rank = next(i for i, rung in enumerate(self.policy.overdue.ladder) if rung.stage == item.stage)
        return -rank, -item.days, item.loan_id


def reminders(
    due: Iterable[Due], states: LoanStates, parts: pd.DataFrame, post: Post, ladder: Sequence[Rung]
) -> list[Reminder]:
    """The facts of each reminder that is due."""
    named = dict(zip(parts["part_no"], zip(parts["name"], parts["unit_value"], strict=True), strict=True))
    lent_on = days(states.loans["lent_on"])
    columns = {
        name: states.loans[name].astype(object).tolist() for name in ("loan_id", "part_no", "lender", "borrower")
    }
    facts = []
    for item in due:
        i, rung = item.loan, ladder[item.rung]
        loan_id, part_no = columns["loan_id"][i], columns["part_no"][i]
        due_on: date = states.due[i].item()
        name, price = named[part_no]
        units = int(states.outstanding[i])
        following = item.rung + 1 if item.rung + 1 < len(ladder) else None
        facts.append(
            Reminder(
                key=reminder_key(loan_id, rung.stage, due_on),
                stage=rung.stage,
                loan_id=loan_id,
                part_no=part_no,
                part_name=name,
                outstanding=units,
                lent_on=lent_on[i].item(),
                due=due_on,
                days=int(states.days[i]),
                claim=None if price is None else price * units,
                lender=post.contacts[columns["lender"][i]],
                borrower=post.contacts[columns["borrower"][i]],
                next_stage=ladder[following].stage if following else "",
                next_on=due_on + timedelta(days=int(states.offsets[i, following])) if following else None,
                holiday=states.workdays.off.get(due_on),
                last_workday=states.workdays.last_before(due_on) if due_on in states.workdays.off else None,
            )
        )
    return facts


def digests(kind: str, entries: Sequence[Addressed], alliance: str) -> list[Letter]:
    """One letter for each (to, cc, locale) of *entries*, which stand most pressing first, as do items and letters."""
    groups: dict[tuple[str, tuple[str, ...], str, str], list[Addressed]] = defaultdict(list)
    for entry in entries:
        groups[entry.to, entry.cc, entry.locale, entry.held].append(entry)
    letters = [
        _letter(kind, ranked[start : start + ITEMS_PER_MAIL], alliance)
        for ranked in groups.values()
        for start in range(0, len(ranked), ITEMS_PER_MAIL)
    ]
    return in_order(letters, entries)


def in_order(letters: Iterable[Letter], entries: Iterable[Addressed]) -> list[Letter]:
    """The letters by the place of their first item among *entries*."""
    place = {entry.item.key: n for n, entry in enumerate(entries)}
    return sorted(letters, key=lambda letter: place[letter.items[0].key])


def _letter(kind: str, entries: Sequence[Addressed], alliance: str) -> Letter:
    """One letter about *entries*, which all go to the same people."""
    first = entries[0]
    ident = mail_id(alliance, first.to, first.cc, (entry.item.key for entry in entries))
    answer = ", ".join(dict.fromkeys(address for entry in entries for address in entry.reply_to))
    greeting = Words("、", ", ").in_(first.locale).join(dict.fromkeys(entry.greeting for entry in entries))
    items = tuple(entry.item for entry in entries)
    return Letter(ident, kind, first.locale, first.to, first.cc, answer, greeting, items, first.held)


_OLD = Words(
    "首次运行或停用很久后的旧账：逾期超过 {days} 天，请确认后放行",
    "an old case after a first run or a long gap: overdue by more than {days} days, please confirm",
)


def problem_notices(problems: Iterable[Problem], rows: Iterable[Row]) -> list[Notice]:
    """A notice for each problem; *rows* are their rows of 数据问题, in the same order.

    The key leaves row numbers out, so that sorting a sheet is no news.
    """
    notices: dict[str, Notice] = {}
    for problem, row in zip(problems, rows, strict=True):
        _, table, key, number, column, value, text, fix = (shown(cell) for cell in row)
        identity = (
            problem.code,
            problem.table,
            problem.key,
            problem.field,
            problem.value,
            problem.args.get("after", ""),
        )
        where = " · ".join(part for part in (table, f"#{number}" if number else "", key, column) if part)
        notice = Notice(f"problem:{digest(identity)}", problem.severity, where, value, text, fix)
        notices.setdefault(notice.key, notice)
    return list(notices.values())


def digest(texts: Iterable[str]) -> str:
    """12 hex digits that are the same for the same texts in the same order."""
    return hashlib.sha256("\x1f".join(texts).encode()).hexdigest()[:12]


def held_notice(ident: str, to: str, reason: str, locale: str, *, doubtful: bool = False) -> Notice:
    """A notice that a mail waits for a person. doubtful: nobody knows whether it left."""
    fix = Words(f"huzhu outbox show {ident}；huzhu outbox release {ident}", f"huzhu outbox show / release {ident}")
    if doubtful:
        fix = Words(
            f"收到了：huzhu outbox sent {ident}；没收到：huzhu outbox retry {ident}",
            f"arrived: huzhu outbox sent {ident}; not arrived: huzhu outbox retry {ident}",
        )
    return Notice(f"held:{ident}", "held", to, ident, reason, fix.in_(locale))


def refused_notice(ident: str, to: str, reasons: str, locale: str) -> Notice:
    """A notice that a mail left, and some of those it was for were refused. reasons: a line for each."""
    text = Words("信已发出，但有收件人被邮件服务器拒收", "the mail left, but the server refused some it was for")
    fix = Words("请核对成员表里的邮箱，并另行告知", "Check the addresses in 成员, and tell them another way")
    said = " · ".join(reasons.splitlines())
    return Notice(f"refused:{ident}", "warning", f"{ident} · {to}", said, text.in_(locale), fix.in_(locale))


NOTICES_PER_MAIL = 1000


@dataclass(frozen=True, slots=True)
class Bulletin:
    """A kind of letter that tells one address what is news to it; to nobody when *to* is "".

    most: how many items stand in one letter; what is beyond is one line, *where* it can be seen and *more* with {n}.
    single: at most one leaves in a run, so news joins what still waits.
    """

    kind: str
    to: str
    most: int
    where: str
    more: Words
    single: bool = False


def report(policy: Policy) -> Bulletin:
    """The coordinator's report of problems and held mail."""
    more = Words("还有 {n} 条，见数据问题表", "{n} more, see the tab 数据问题")
    return Bulletin("problems", policy.alliance.coordinator_email, NOTICES_PER_MAIL, "数据问题", more)


def news(notices: Sequence[Notice], told: Container[str], bulletin: Bulletin, policy: Policy) -> Letter | None:
    """The letter about the *notices* not yet *told*; None without news, or without anybody to tell.

    What is beyond the most it may hold is one line with a key of its own, so that it is not news again at the next run.
    """
    to, locale = bulletin.to, policy.alliance.locale
    new = [notice for notice in notices if notice.key not in told]
    if not to or not new or _beyond(new, bulletin, locale).key in told:
        return None
    rest = new[bulletin.most :]
    items = (*new[: bulletin.most], *([_beyond(rest, bulletin, locale)] if rest else []))
    ident = mail_id(policy.alliance.name, to, (), (item.key for item in items))
    return Letter(ident, bulletin.kind, locale, to, (), "", "", items)


def _beyond(rest: Sequence[Notice], bulletin: Bulletin, locale: str) -> Notice:
    key = f"{bulletin.kind}:{digest(notice.key for notice in rest)}"
    return Notice(key, "warning", bulletin.where, "", bulletin.more.in_(locale).format(n=len(rest)), "")

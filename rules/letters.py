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
    """One mail that is due: to one address, in one language, about *items* of one kind (most severe first).

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

    def copied(self, reminder: Reminder) -> tuple[str, ...]:
        """Who is copied on *reminder*; the coordinator stands in for a supervisor without an address."""
        rung = next(rung for rung in self.policy.overdue.ladder if rung.stage == reminder.stage)
        borrower = reminder.borrower
        supervisor = self.supervisors[borrower.center] or self.policy.alliance.coordinator_email
        addresses = {"lender": reminder.lender.email, "supervisor": supervisor}
        wanted = dict.fromkeys(addresses[role] for role in rung.cc)
        return tuple(address for address in wanted if address and address != borrower.email)

    def severity(self, item: Reminder) -> tuple[int, int, str]:
        """Sorts the last rung first, then what is overdue longest."""
        rank = next(i for i, rung in enumerate(self.policy.overdue.ladder) if rung.stage == item.stage)
        return -rank, -item.days, item.loan_id

    def urgency(self, letter: Letter) -> tuple[tuple[int, int, str], ...]:
        """Sorts letters by their items, the most severe first."""
        return tuple(self.severity(item) for item in letter.items if isinstance(item, Reminder))


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
        following = ladder[item.rung + 1] if item.rung + 1 < len(ladder) else None
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
                next_stage=following.stage if following else "",
                next_on=due_on + timedelta(days=following.offset) if following else None,
            )
        )
    return facts


def digests(items: Iterable[Reminder], post: Post, held_over: int | None) -> list[Letter]:
    """One letter for each (to, cc, locale), its most severe item first; the most severe letter first.

    held_over: letters about loans overdue by more than that many days are held for a person; None holds nothing.
    """
    groups: dict[tuple[str, tuple[str, ...], str, str], list[Reminder]] = defaultdict(list)
    locale = post.policy.alliance.locale
    for item in sorted(items, key=post.severity):
        held = _OLD.in_(locale).format(days=held_over) if held_over is not None and item.days > held_over else ""
        groups[item.borrower.email, post.copied(item), post.locales[item.borrower.center], held].append(item)
    letters = []
    for (to, cc, language, held), ranked in groups.items():
        for start in range(0, len(ranked), ITEMS_PER_MAIL):
            part = tuple(ranked[start : start + ITEMS_PER_MAIL])
            ident = mail_id(post.policy.alliance.name, to, cc, (item.key for item in part))
            answer = ", ".join(dict.fromkeys(item.lender.email for item in part))
            greeting = Words("、", ", ").in_(language).join(dict.fromkeys(item.borrower.manager for item in part))
            letters.append(Letter(ident, "overdue", language, to, cc, answer, greeting, part, held))
    return sorted(letters, key=post.urgency)


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
        notice = Notice(f"problem:{_digest(identity)}", problem.severity, where, value, text, fix)
        notices.setdefault(notice.key, notice)
    return list(notices.values())


def _digest(texts: Iterable[str]) -> str:
    return hashlib.sha256("\x1f".join(texts).encode()).hexdigest()[:12]


def held_notice(ident: str, to: str, reason: str, locale: str) -> Notice:
    """A notice that a mail waits for a person."""
    fix = Words(f"huzhu outbox show {ident}；huzhu outbox release {ident}", f"huzhu outbox show / release {ident}")
    return Notice(f"held:{ident}", "held", to, ident, reason, fix.in_(locale))


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
    key = f"{bulletin.kind}:{_digest(notice.key for notice in rest)}"
    return Notice(key, "warning", bulletin.where, "", bulletin.more.in_(locale).format(n=len(rest)), "")

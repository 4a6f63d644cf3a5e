"""Mail of past years: what moves from 提醒邮件 to a tab of its own, and what stays, so that nothing is told twice.

What was told, and on which day, is read from the keys of the mails (rules/outbox.py, rules/diary.py). So these stay, in
a few rows: the keys of many mails, those of each day and status under a heading of their own. `unfolded` gives them
back as they were, and no rule that asks what was told can see a difference.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import count

from rules.fates import given_up
from rules.schema import OUTBOX, archive_of
from rules.values import LONG_AGO, Mail, MailStatus
from rules.words import Words

SETTLED = (MailStatus.SENT, MailStatus.CANCELLED)
MOST_CHARACTERS = 15_000
"""Of the keys in one row: a cell of a workbook takes 32,767 UTF-16 units, others take more."""

_SUBJECT = Words("{year} 年已了结的邮件，原信在表“{tab}”里", "settled mail of {year}; the letters are in the tab {tab}")
_BODY = Words(
    "请不要删除这一行：程序靠“事由”一栏知道哪些已经通知过，不会再发第二次。",
    "Please keep this row: by its keys the worker knows what was told, and tells nothing twice.",
)


def due(mails: Collection[Mail], as_of: date, keep_days: int) -> dict[int, list[Mail]]:
    """Year -> its settled mails, of each year that has been over for *keep_days* days.

    A mail whose day somebody spoiled stays where it is: nobody knows its year.
    """
    over = {year: as_of >= date(year + 1, 1, 1) + timedelta(keep_days) for year in {m.created_on.year for m in mails}}
    found: dict[int, list[Mail]] = defaultdict(list)
    for mail in mails:
        if over[mail.created_on.year] and mail.status in SETTLED and mail.created_on != LONG_AGO:
            found[mail.created_on.year].append(mail)
    return dict(found)


@dataclass(frozen=True, slots=True)
class Filing:
    """What is to be written, in two steps.

    First archives (year -> what its tab should hold, for years that get some mail), and with them *told*: the outbox
    with the rows that stay for it, below all others. Then *mails*: that outbox without what has moved. So rows that
    stay move up, if at all: wherever a write is cut off, each still stands in its old place or in its new one.
    """

    archives: Mapping[int, tuple[Mail, ...]]
    told: tuple[Mail, ...]
    mails: tuple[Mail, ...]


def filing(
    mails: Sequence[Mail], archived: Mapping[int, Iterable[Mail]], as_of: date, keep_days: int, locale: str
) -> Filing:
    """The outbox without the mail that is due to be filed, and the archives with it.

    archived: year -> what its tab holds already. A filing that was cut off is finished: a mail that stands twice is one
    mail, and what new rows would say that others say already, is not said twice. Rows that stay for filed mail are
    never changed, so no key is anywhere on its way from one to another.
    """
    found = {mail.mail_id: mail for mail in mails}
    moving = due(found.values(), as_of, keep_days)
    archives = {
        year: tuple({mail.mail_id: mail for mail in (*archived.get(year, ()), *new)}.values())
        for year, new in moving.items()
    }
    moved = {mail.mail_id for new in moving.values() for mail in new}
    for year in sorted(moving):
        rows = [mail for mail in found.values() if mail.status is MailStatus.FILED]
        found |= {row.mail_id: row for row in _folded(year, _unsaid(moving[year], rows), found, locale)}
    stay = tuple(mail for ident, mail in found.items() if ident not in moved)
    return Filing(archives, tuple(found.values()), stay)


def _unsaid(mails: Iterable[Mail], rows: Iterable[Mail]) -> Iterator[Mail]:
    """Those of *mails* that are on record, in the order of their days, without the keys that *rows* hold of them."""
    said = Counter((told.created_on, told.status, key) for told in unfolded(rows) for key in told.items)
    for mail in sorted(mails, key=lambda mail: mail.created_on):
        if not given_up(mail):
            keys = Counter((mail.created_on, mail.status, key) for key in mail.items)
            yield replace(mail, items=tuple(key for _, _, key in (keys - said).elements()))
            said -= keys


def _folded(year: int, told: Iterable[Mail], taken: Collection[str], locale: str) -> Iterator[Mail]:
    """Rows that stand for mails of one year, under numbers that are not *taken*."""
    tab = archive_of(OUTBOX, year).title
    free = (ident for n in count(1) if (ident := f"archive-{year}-{n}") not in taken)
    for ident, (last, lines) in zip(free, _pages(told), strict=False):
        yield Mail(
            mail_id=ident,
            created_on=last,
            to="",
            cc=(),
            subject=_SUBJECT.in_(locale).format(year=year, tab=tab),
            body=_BODY.in_(locale),
            items=lines,
            status=MailStatus.FILED,
        )


def _pages(told: Iterable[Mail]) -> Iterator[tuple[date, tuple[str, ...]]]:
    """The keys under their headings, as many as one row takes, and the day of the last of them."""
    lines: list[str] = []
    last, heading, size = date.min, "", 0
    for mail in told:
        wanted = f"{mail.created_on.isoformat()} {mail.status.value}"
        for key in mail.items:
            if lines and size + len(wanted) + len(key) + 2 > MOST_CHARACTERS:
                yield last, tuple(lines)
                lines, heading, size = [], "", 0
            new = [key] if heading == wanted else [wanted, key]
            lines += new
            last, heading, size = mail.created_on, wanted, size + sum(len(line) + 1 for line in new)
    if lines:
        yield last, tuple(lines)


def unfolded(mails: Iterable[Mail]) -> Iterator[Mail]:
    """The mails, and for a row that stands for filed ones a mail for each heading: day, status and keys, no more."""
    for mail in mails:
        if mail.status is MailStatus.FILED:
            yield from _groups(mail)
        else:
            yield mail


def _groups(row: Mail) -> Iterator[Mail]:
    day, status, keys = row.created_on, MailStatus.SENT, list[str]()
    for line in row.items:
        if heading := _heading(line):
            yield Mail("", day, "", (), "", "", tuple(keys), status)
            (day, status), keys = heading, []
        else:
            keys.append(line)
    yield Mail("", day, "", (), "", "", tuple(keys), status)


def _heading(line: str) -> tuple[date, MailStatus] | None:
    """The day and status above keys; None for a key, which has a colon."""
    day, _, status = line.partition(" ")
    if ":" in line or status not in SETTLED:
        return None
    try:
        return date.fromisoformat(day), MailStatus(status)
    except ValueError:
        return None

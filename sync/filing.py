"""Mail of past years filed: from the outbox to the tabs of its years (rules/archive.py)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, tzinfo

from rules.archive import filing
from rules.outbox import rows_of
from rules.policy import Policy
from rules.schema import OUTBOX, archive_of, renamed
from rules.values import Change
from sync.backends import Backend
from sync.unreadable import mails_in


def file(backend: Backend, years: Iterable[int], as_of: date, policy: Policy, zone: tzinfo) -> None:
    """Move what is settled of *years* to their tabs, which are made when they are missing.

    Cut off before the end, a mail stands in both, never in none, and the next filing makes it one.

    Raises SetupError, with nothing written, when an archive has lost its headers, and Conflict as any write.
    """
    outbox = renamed(policy.rename)[OUTBOX.name]
    tabs = {year: archive_of(outbox, year) for year in years}
    book = backend.read((outbox, *tabs.values()))
    mails = mails_in(book, outbox, zone)
    archived = {year: mails_in(book, table, zone) for year, table in tabs.items()}
    done = filing(mails, archived, as_of, policy.mail.keep_days, policy.alliance.locale)
    filled = [Change(tabs[year], rows_of(held)) for year, held in done.archives.items()]
    version = backend.write([*filled, Change(outbox, rows_of(done.told))], book.version)
    backend.write([Change(outbox, rows_of(done.mails))], version)

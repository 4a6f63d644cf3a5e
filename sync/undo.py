"""The worker's tabs as they stood before the last run.

Mail cannot be called back, so the outbox stays: a letter that left stays on record and is never sent again. The log
stays too, and gets a row that says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date, datetime

from rules.changes import body, change
from rules.outbox import mails_in
from rules.schema import OUTBOX, RUNS, Owner, Table, renamed
from rules.values import Book, Change, MailStatus, RawTable
from sync import __version__
from sync.backends import Backend
from sync.errors import SetupError
from sync.outbox import tried
from sync.runlog import Report, Tally, logged, run_id
from sync.snapshot import Snapshot
from sync.worker import Clock

UNDONE = "撤销"
_STAY = (OUTBOX.name, RUNS.name)
_GONE = (MailStatus.SENT, MailStatus.SENDING)


@dataclass(frozen=True, slots=True)
class Undone:
    """What was put back. changes: as of a run's report. mails: how many letters had left and stay on record."""

    run_id: str
    as_of: date
    changes: Mapping[str, Mapping[str, int]]
    mails: int


def undo(backend: Backend, kept: Snapshot, clock: Clock, *, dry_run: bool = False) -> Undone:
    """Put the tabs back that the run of *kept* changed, all by one write. dry_run: only say what would be put back.

    Raises SetupError, with nothing written, when the worker's tabs are no longer as that run left them, or stand as
    before it already.
    """
    if kept.version != __version__:
        raise SetupError(
            f"运行 {kept.run_id} 是 {kept.version} 版做的，现在是 {__version__} 版，不能撤销",
            f"the run {kept.run_id} was made by version {kept.version}, this is {__version__}; it cannot be undone",
        )
    started, tables = clock(), renamed(kept.policy.rename)
    with nullcontext() if dry_run else backend.lock():
        book = backend.read(tuple(tables.values()))
        back = list(_back(kept, tables, book))
        if not back:
            raise SetupError(
                f"没有可撤销的：各表已经是运行 {kept.run_id} 之前的样子",
                f"nothing to undo: the tabs stand as they did before the run {kept.run_id}",
            )
        done = Undone(kept.run_id, kept.as_of, {c.table.name: c.counts for c in back}, _left(kept, tables, book))
        if not dry_run:
            backend.write([*back, _log(done, back, tables, book, started, clock())], book.version)
    return done


def _back(kept: Snapshot, tables: Mapping[str, Table], book: Book) -> Iterator[Change]:
    """What puts each tab back; each stands as before the run or as after it, since a run may have broken off."""
    for name, table in tables.items():
        if table.owner is not Owner.WORKER or name in _STAY:
            continue
        now, before, after = book.tabs.get(name), body(table, kept.before(name)), kept.after(table)
        back = change(table, now, before)
        if back is None or (now is None and not before and not after):
            continue
        if change(table, now, after) is not None:
            raise SetupError(
                f"“{_title(now, table)}”在运行 {kept.run_id} 之后被改过，不能撤销，什么都没有写",
                f"{_title(now, table)} was changed since the run {kept.run_id}; it cannot be undone, and nothing was "
                "written",
            )
        yield back


def _title(now: RawTable | None, table: Table) -> str:
    return now.title if now else table.title


def _left(kept: Snapshot, tables: Mapping[str, Table], book: Book) -> int:
    """How many letters left, or may have, since the run began."""
    zone = kept.zone
    was, now = (mails_in(seen.tabs.get(OUTBOX.name), zone, tables[OUTBOX.name]) for seen in (kept.book, book))
    return sum(mail.status in _GONE for mail in tried(was, now))


def _log(
    done: Undone, back: list[Change], tables: Mapping[str, Table], book: Book, started: datetime, finished: datetime
) -> Change:
    """The log with a row that tells of it."""
    report, cells = _report(done, run_id(started), tables, book), sum(change.cells for change in back)
    return logged(tables[RUNS.name], book.tabs.get(RUNS.name), report, started, finished, cells)


def _report(done: Undone, ident: str, tables: Mapping[str, Table], book: Book) -> Report:
    """What the log tells of it."""
    read = {name: len(raw.rows) for name, raw in book.tabs.items() if tables[name].owner is Owner.MEMBER}
    tally = Tally()
    return Report(
        run_id=ident,
        as_of=done.as_of,
        outcome=f"{UNDONE} {done.run_id}",
        rows_read=read,
        problems={},
        changes=done.changes,
        mails=tally.mails,
        calls={},
        seconds=tally.seconds,
    )

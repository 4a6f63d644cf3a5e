"""One cycle: read → decide → write → mail → mark. Mail of past years is filed before, and the sheet read again.

The row of 运行日志 is written last, so its presence means that the results beside it are complete. When the sheet
changes while we work, the cycle starts over from what it holds then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo

from rules import outbox as box
from rules.changes import change
from rules.decide import Plan, decide
from rules.group import MESSAGE
from rules.intake import SheetError
from rules.policy import Policy
from rules.schema import LEDGER, OUTBOX, RUNS, Table, renamed
from rules.values import Book, Change, Mail, MailStatus
from rules.words import Words
from sync.backends import Backend
from sync.errors import Busy, Conflict, HuzhuError, RunFailed, SetupError
from sync.filing import file
from sync.mail import Mailer, Speaker
from sync.outbox import Queue, Ways, deliver, fates, queued, tried
from sync.runlog import DONE, MAIL_LEFT, Report, Tally, logged, run_id
from sync.snapshot import Snapshot, snapshot
from sync.unreadable import mails_in, unreadable
from sync.wording import Wording

RESTARTS = 5
"""How often a cycle starts over because people keep saving the sheet."""

Clock = Callable[[], datetime]
Reader = Callable[[Sequence[Table]], Book]


@dataclass(frozen=True, slots=True)
class Planned:
    """A cycle without its effects: what would be written and mailed."""

    book: Book
    plan: Plan
    queue: Queue
    changes: tuple[Change, ...]


def planned(read: Reader, wording: Wording, policy: Policy, zone: tzinfo, as_of: date, tally: Tally) -> Planned:
    """What a run on *as_of* would do. Needs no writer and no mailer, so it can neither write nor send.

    Raises SetupError when a required table or column is missing.
    """
    tables = renamed(policy.rename)
    with tally.timed("read"):
        book = read(tuple(tables.values()))
    with tally.timed("decide"):
        try:
            plan = decide(book, as_of, policy, zone)
        except SheetError as error:
            raise unreadable(error) from error
        queue = queued(plan, wording, as_of)
        wanted = {**plan.rows, "outbox": box.rows_of(queue.mails)}
        changes = tuple(c for name, rows in wanted.items() if (c := change(tables[name], book.tabs.get(name), rows)))
    return Planned(book, plan, queue, changes)


@dataclass(frozen=True, slots=True)
class Worker:
    """Everything a cycle touches. mailer None: mail is written into the sheet and nothing leaves.

    speaker None: no group is told. Each is a way of its own: with `mail.transport: none` a group is told all the same.
    """

    backend: Backend
    mailer: Mailer | None
    wording: Wording
    policy: Policy
    zone: tzinfo
    clock: Clock
    settled: Callable[[Report, object], None] = lambda _report, _version: None  # told of a run with nothing to do
    speaker: Speaker | None = None
    publish: Callable[[Plan, date], None] = lambda _plan, _as_of: None  # writes the page beside the sheet
    keep: Callable[[Snapshot], Words | None] = lambda _snapshot: None  # evidence of each attempt; why it is not kept

    def run(self, as_of: date) -> Report:
        """One cycle, alone.

        Raises Busy when another run holds the lock, SetupError with nothing written, RunFailed when the sheet could not
        be written.
        """
        tally = Tally()
        with self.backend.lock():
            conflicts = 0
            while True:
                before = dict(tally.mails)
                try:
                    cycle = _Cycle(self, as_of, tally)
                    if cycle.files():
                        continue
                    return cycle.run()
                except SetupError as error:
                    if not tally.written:
                        raise
                    raise RunFailed(*error.words) from error  # what is wrong now was not when the run began
                except Conflict:
                    conflicts = conflicts + 1 if tally.mails == before else 0
                    if conflicts >= RESTARTS:
                        raise RunFailed(
                            f"表格在 {RESTARTS} 次尝试中都被别人改动，稍后再运行",
                            f"the sheet was changed by somebody in each of {RESTARTS} attempts; run again later",
                        ) from None


class _Cycle:
    """One attempt at a cycle, against one version of the sheet."""

    def __init__(self, worker: Worker, as_of: date, tally: Tally) -> None:
        self.worker, self.as_of, self.tally = worker, as_of, tally
        self.tables = renamed(worker.policy.rename)
        self.started = worker.clock()
        w = worker
        self.planned = planned(w.backend.read, w.wording, w.policy, w.zone, as_of, tally)
        self.book = self.planned.book
        self.version = self.book.version
        self.mails: Sequence[Mail] = self.planned.queue.mails

    def files(self) -> bool:
        """File mail of past years, once a run. Whether the sheet is to be read again for it."""
        years, w = self.planned.plan.filing, self.worker
        if not years or self.tally.filed:
            return False
        with self.tally.timed("write"):
            file(w.backend, years, self.as_of, w.policy, w.zone)
        self.tally.filed, self.tally.written = years, True
        return True

    def run(self) -> Report:
        """Write the results; send; write the last outcomes and the log row."""
        self._check_fresh()
        self._keep()
        changes = self.planned.changes
        ways = Ways(self.worker.mailer, None if self.tally.spoken else self.worker.speaker)
        leaving = ways.leaving(self.planned.queue)
        if leaving.leaving:
            self._write([change for change in changes if not _remembered(change)])
            self.tally.mails["queued"] += self.planned.queue.added
            with self.tally.timed("mail"):
                self._send(leaving, ways)
            report = self._report()
            self._save_fates(report)
        else:
            report = self._report(self.planned.queue.added)
            self._write([*(change for change in changes if not _remembered(change)), *self._end(report)])
        report = self._published(report)
        if not changes and not self.planned.plan.letters and not report.complaint:
            self.worker.settled(report, self.version)
        return report

    def _published(self, report: Report) -> Report:
        """*report*, with a complaint when the page could not be written: the run's own work is done by now."""
        try:
            self.worker.publish(self.planned.plan, self.as_of)
        except HuzhuError as error:
            return replace(report, complaint=error.words)
        except Exception as error:  # noqa: BLE001  # no defect of a page may make a run look as if it had failed
            return replace(
                report, complaint=Words(f"报告没有写成：{error!r}", f"the report was not written: {error!r}")
            )
        return report

    def _keep(self) -> None:
        """Keep what was read and what is about to be replaced, unless the run has nothing to do."""
        w, before = self.worker, dict(self.tally.replaced)
        if not (self.planned.changes or self.planned.queue.leaving or self.tally.filed):
            return
        for one in self.planned.changes:
            self.tally.replaced.setdefault(one.table.name, self.book.tabs.get(one.table.name))
        with self.tally.timed("write"):
            self.tally.unkept = w.keep(snapshot(self.planned, self.run_id, self.as_of, w.policy, before))

    @property
    def run_id(self) -> str:
        """What the log calls this attempt."""
        return run_id(self.started)

    def _end(self, report: Report) -> list[Change]:
        """What is written last: what the next run compares with, and the log row."""
        return [*filter(_remembered, self.planned.changes), self._log(report)]

    def _log(self, report: Report) -> Change:
        cells = sum(change.cells for change in self.planned.changes)
        before = self.book.tabs.get(RUNS.name)
        return logged(self.tables[RUNS.name], before, report, self.started, self.worker.clock(), cells)

    def _send(self, queue: Queue, ways: Ways) -> None:
        w = self.worker
        sending = deliver(
            queue,
            ways,
            w.wording,
            as_of=self.as_of,
            claim=self._claim,
            size=w.backend.claims,
            clock=w.clock,
        )
        for mails in sending:
            moved = tried(self.mails, mails)
            self.tally.spoken |= any(box.kind_of(mail) == MESSAGE.kind for mail in moved)
            for outcome, number in fates(moved).items():
                self.tally.mails[outcome] += number
            self.mails = mails

    def _claim(self, mails: Sequence[Mail]) -> None:
        """Save the claim of a batch, and with it the fate of the batch before.

        When the sheet has changed, or was read too long ago to trust, that fate is saved all the same, the claim is
        not, and Conflict starts the cycle over.
        """
        try:
            self._check_fresh()
            self._write([self._outbox(mails)])
        except Conflict:
            if self._moved:
                self._save_fates()
            raise

    def _outbox(self, mails: Sequence[Mail]) -> Change:
        return Change(self.tables[OUTBOX.name], box.rows_of(mails))

    def _check_fresh(self) -> None:
        limit = timedelta(minutes=self.worker.policy.mail.reread_after_minutes)
        if self.worker.clock().astimezone(UTC) - self.started.astimezone(UTC) > limit:  # an hour may come twice
            raise Conflict("表格读得太久了", "the sheet was read too long ago")

    def _write(self, changes: Sequence[Change]) -> None:
        """Write *changes* against the version last seen."""
        if changes:
            with self.tally.timed("write"):
                self.version = self.worker.backend.write(changes, self.version)
            self.tally.written = True

    @property
    def _moved(self) -> dict[str, Mail]:
        """The mail whose fate this run decided."""
        was = {mail.mail_id: mail for mail in self.planned.queue.mails}
        return {mail.mail_id: mail for mail in self.mails if mail != was.get(mail.mail_id)}

    def _save_fates(self, report: Report | None = None) -> None:
        """Write what became of the mail, and the log row: whatever happened to the sheet, this must not be lost."""
        for _ in range(RESTARTS):
            with suppress(Conflict, Busy):
                return self._write([self._outbox(self.mails), *(self._end(report) if report else ())])
            with suppress(Busy):
                self._catch_up()
        raise RunFailed(
            "邮件已发出，但表格一直被占用，结果没能写回；下次运行会列为待人工",
            "mail has left, but the sheet kept changing and its fate could not be written; the next run holds it",
        )

    def _catch_up(self) -> None:
        """Read the outbox anew: what was done to it meanwhile stands, but for the mail this run moved."""
        self.book = self.worker.backend.read([self.tables[name] for name in (OUTBOX.name, RUNS.name)])
        self.version = self.book.version
        there = mails_in(self.book, self.tables[OUTBOX.name], self.worker.zone)
        found, ours = ({mail.mail_id: mail for mail in mails} for mails in (there, self.mails))
        self.mails = tuple({**ours, **found, **self._moved}.values())

    def _report(self, queued: int = 0) -> Report:
        """What the run did; *queued*: mails that stand in the changes still to be written."""
        plan, tally = self.planned.plan, self.tally
        held = sum(mail.status is MailStatus.HELD for mail in self.mails)
        return Report(
            run_id=self.run_id,
            as_of=self.as_of,
            outcome=MAIL_LEFT if tally.mails["failed"] or held else DONE,
            rows_read=dict(plan.rows_read),
            problems={s: sum(p.severity == s for p in plan.problems) for s in ("error", "warning")},
            changes={c.table.name: dict(c.counts) for c in self.planned.changes},
            mails={**tally.mails, "queued": tally.mails["queued"] + queued, "held": held},
            calls=self.worker.backend.calls,
            seconds=tally.seconds,
            unkept=tally.unkept,
            filed=tally.filed,
        )


def _remembered(change: Change) -> bool:
    """True for the ledger: postings that changed are news to the next run until somebody was told of them."""
    return change.table.name == LEDGER.name

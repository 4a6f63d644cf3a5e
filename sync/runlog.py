"""What a run tells of itself: its report, and its row in 运行日志.

Imports no rules that compute: a run that finds nothing to do (sync/still.py) tells of itself too, and is quick.
Source: interface, `run --json`; table contract, 运行日志.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime

from rules.changes import body
from rules.schema import Table
from rules.values import Change, RawTable, Row
from rules.words import Words
from sync import __version__

DONE, MAIL_LEFT = "完成", "有邮件未发出"


@dataclass(slots=True)
class Tally:
    """What a run did, for its report: seconds spent, mail written, sent and failed, restarts included.

    spoken: the message to the group was handed over, or tried; there is one a run. written: the sheet was changed.
    replaced: the worker's tabs that an attempt of the run changed, as they stood before it. unkept: why there is no
    snapshot of it. filed: past year -> how many mails moved to its archive.
    """

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("read", "decide", "write", "mail"), 0.0))
    mails: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("queued", "sent", "failed"), 0))
    spoken: bool = False
    written: bool = False
    replaced: dict[str, RawTable | None] = field(default_factory=dict)
    unkept: Words | None = None
    filed: Mapping[int, int] = field(default_factory=dict)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Adds the seconds spent inside to *step*."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[step] += time.perf_counter() - start


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did (interface, `run --json`). changes: table -> rows added, changed, removed.

    complaint: why the page beside the sheet (`report.path`) could not be written, when the run's own work was done.
    unkept: why there is no snapshot of the run, None when there is one or none was wanted. filed: past year -> how many
    mails moved to its archive.
    """

    run_id: str
    as_of: date
    outcome: str
    rows_read: Mapping[str, int]
    problems: Mapping[str, int]
    changes: Mapping[str, Mapping[str, int]]
    mails: Mapping[str, int]
    calls: Mapping[str, int]
    seconds: Mapping[str, float]
    complaint: Words | None = None
    unkept: Words | None = None
    filed: Mapping[int, int] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """3 when some mail failed or waits for a person, or the page could not be written, else 0."""
        return 3 if self.mails["failed"] or self.mails["held"] or self.complaint else 0


def logged(
    runs: Table, before: RawTable | None, report: Report, started: datetime, finished: datetime, cells: int
) -> Change:
    """The log with the row of this run at its end. *before*: the log as read; cells: how many the run changed."""
    row: Row = (
        report.run_id,
        wall(started),
        wall(finished),
        report.as_of,
        report.outcome,
        sum(report.rows_read.values()),
        cells,
        report.mails["sent"],
        sum(report.problems.values()),
        __version__,
    )
    return Change(runs, [*body(runs, before), row], {"added": 1}, len(row))


def run_id(started: datetime) -> str:
    """What the log calls the run that began at *started*."""
    return wall(started).strftime("%Y%m%d-%H%M%S")


def wall(moment: datetime) -> datetime:
    """A moment as the sheet holds it: wall time, whole seconds."""
    return moment.replace(tzinfo=None, microsecond=0)

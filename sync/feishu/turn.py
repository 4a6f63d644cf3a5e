"""Whose turn it is to write: the row of a run in 运行日志, made before its first other write and filled in at its end.

A base knows no "only if nobody has": two runs may both make their row. Each then looks who else is there. The older
row goes on; but a row that stays although it is younger may have looked before ours was there, so then we give way.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from rules.schema import RUNS, Table
from rules.values import Cell, Change
from sync import __version__
from sync.errors import Busy, Conflict, HuzhuError, RunFailed
from sync.feishu.rows import Edits, Line, cells_of, edits
from sync.feishu.sheet import RUNNING, Sheet, runs_on
from sync.net import keeps_out

_LOOKS = 6
_BETWEEN_LOOKS = 1.5  # seconds: longer than it takes a younger row to see ours and go
_UNTIL, _OUTCOME = (RUNS.fields.index(name) for name in ("finished_at", "outcome"))


class Turn:
    """term: how long a run that stopped without a word keeps others out."""

    def __init__(
        self, sheet: Sheet, clock: Callable[[], datetime], term: timedelta, sleep: Callable[[float], None]
    ) -> None:
        self.runs: Table = RUNS
        self._sheet, self._clock, self._term, self._sleep = sheet, clock, term, sleep
        self._holder = f"run-{uuid.uuid4().hex[:12]}"
        self._ident, self._until = "", datetime.min.replace(tzinfo=UTC)

    @property
    def _now(self) -> datetime:
        """In UTC: on a wall an hour may come twice, or never."""
        return self._clock().astimezone(UTC).replace(microsecond=0)

    def check(self) -> None:
        """Raises Busy when another run is under way."""
        others = self._others()
        if others:
            raise self._busy(others[0])

    def begin(self) -> None:
        """Keep others out from now on, or longer.

        Raises Busy when another run is under way, Conflict when another one has written since the sheet was read.
        """
        if self._ident:
            self._prolong()
            return
        self._sheet.look_once([self.runs])
        self._sheet.check_writable(RUNS.name)
        self._sheet.ensure(self.runs)
        known = {line.ident for line in self._sheet.log}
        tab = self._sheet.held[RUNS.name].tab.ident
        until = self._now + self._term
        row = self._row(until)
        (self._ident,) = self._sheet.base.create(tab, [self._sheet.written(RUNS.name, row)])
        if not self._ident:
            raise RunFailed(
                "飞书没有收下“运行日志”的一行，本次没有写入",
                "Feishu did not take a row of the log; nothing was written",
            )
        self._until = until
        try:
            self._see_alone(known)
        except HuzhuError:
            self.release()
            raise

    def release(self) -> None:
        """Let others in. Failing that, the row ends by itself."""
        if self._ident:
            ident, self._ident = self._ident, ""
            lines = self._sheet.lines.get(RUNS.name, [])
            self._sheet.lines[RUNS.name] = [line for line in lines if line.ident != ident]
            with contextlib.suppress(HuzhuError):
                self._sheet.base.delete(self._sheet.held[RUNS.name].tab.ident, [ident])

    def log(self, change: Change) -> None:
        """Make the log hold the rows of *change*: the row of this run becomes the first that is new."""
        self._sheet.look_once([change.table])
        self._sheet.check_writable(RUNS.name)
        self._sheet.ensure(change.table)
        asked = edits(change.table, self._sheet.log, change.rows)
        if asked.make and self._ident:
            asked = _in_place(change.table, asked, self._ident)
            self._ident = ""
        # What runs that broke off have left behind goes with it.
        others = {line.ident for line in self._others()}
        ended = [line.ident for line in self._sheet.lines[RUNS.name] if runs_on(line) and line.ident not in others]
        left = [ident for ident in ended if ident not in (self._ident, *asked.change)]
        self._sheet.apply(RUNS.name, replace(asked, drop=[*asked.drop, *left]))
        self.release()

    def _see_alone(self, known: set[str]) -> None:
        for _ in range(_LOOKS):
            self._sheet.look_again(RUNS.name)
            mine = next((line for line in self._sheet.lines[RUNS.name] if line.ident == self._ident), None)
            others = self._others()
            if mine and any(_age(line) < _age(mine) for line in others):
                break
            if mine and not others:
                return self._check_unmoved(known)
            self._sleep(_BETWEEN_LOOKS)  # not every server of theirs knows our row yet, or a younger one is leaving
        raise self._busy(*self._others()[:1])

    def _check_unmoved(self, known: set[str]) -> None:
        if {line.ident for line in self._sheet.log} != known or self._sheet.moved():
            raise Conflict(
                "程序填写的表在读取之后被改过，本次没有写入。",
                "The worker's tables were changed since they were read; nothing was written.",
            )

    def check_lasts(self) -> None:
        """Raises Conflict when the turn is over: somebody else may have written."""
        if self._now >= self._until:
            self.release()
            raise Conflict("这次运行拖得太久，重新读表", "This run took too long; the sheet is read again.")

    def _prolong(self) -> None:
        self.check_lasts()
        now = self._now
        if self._until - now < self._term / 2:
            self._until = now + self._term
            written = self._sheet.written(RUNS.name, {"finished_at": self._until})
            self._sheet.base.update(self._sheet.held[RUNS.name].tab.ident, {self._ident: written})

    def _others(self) -> list[Line]:
        """The rows of other runs under way, but for those whose time is over."""
        now = self._now
        rows = [line for line in self._sheet.lines.get(RUNS.name, ()) if runs_on(line) and line.ident != self._ident]
        return [line for line in rows if (until := self._until_of(line)) is not None and keeps_out(until, now)]

    def _row(self, until: datetime) -> dict[str, Cell]:
        return {
            "run_id": self._holder,
            "started_at": self._now,
            "finished_at": until,
            "outcome": RUNNING,
            "version": __version__,
        }

    def _until_of(self, line: Line) -> datetime | None:
        """In UTC; a row shows it as the wall does where the base is."""
        until = line.row[_UNTIL]
        return until.replace(tzinfo=self._sheet.base.zone).astimezone(UTC) if isinstance(until, datetime) else None

    def _busy(self, other: Line | None = None) -> Busy:
        ends = self._until_of(other) if other else None
        until = ends.astimezone(self._clock().tzinfo) if ends else None
        zh = f"如果它已中断，{until:%H:%M} 之后可以再运行。" if until else "请稍后再运行。"
        en = f"If it broke off, run again after {until:%H:%M}." if until else "Run again later."
        return Busy(
            f"另一次运行正在写这个多维表格，本次没有运行。{zh}",
            f"Another run is writing this base; this one did nothing. {en}",
        )


def _age(line: Line) -> tuple[int, str]:
    return line.made, line.ident


def _in_place(table: Table, asked: Edits, ident: str) -> Edits:
    """The first new line written into a record that is there."""
    first = asked.make[0]
    blank: dict[str, Cell] = dict.fromkeys(table.fields)
    after = [replace(line, ident=ident) if line is first else line for line in asked.after]
    return Edits(asked.make[1:], {**asked.change, ident: {**blank, **cells_of(table, first)}}, asked.drop, after)

"""The shared sheet as a base of Feishu (飞书多维表格), read and written while people edit it.

Nothing is written by position: every row is a record with an id that stays. In members' tables only the worker's own
fields are written. A base knows neither "only if unchanged" nor two writes as one, so the order of the writes says how
far a run came: its row in 运行日志 first (sync/feishu/turn.py), results, what shows beside members' rows, mail, the
ledger, and that row again, filled in.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from rules.schema import LEDGER, OUTBOX, RUNS, Owner, Table
from rules.values import Book, Cell, Change
from rules.words import Words
from sync.backends import Finding
from sync.errors import Conflict
from sync.feishu import doctor, tables
from sync.feishu.base import Base
from sync.feishu.rows import Edits, edits
from sync.feishu.sheet import Sheet
from sync.feishu.turn import Turn

_LATE = (OUTBOX.name, LEDGER.name)
"""Written after all other results: mail, and then what the next run compares with."""


class Feishu:
    """The backend `feishu`. Satisfies `sync.backends.Backend`.

    lease: how long a run that stopped without a word keeps others out. a_month: runs in a month, for `doctor`.
    """

    claims = 10

    def __init__(
        self,
        base: Base,
        clock: Callable[[], datetime],
        lease: timedelta,
        *,
        a_month: float = 5.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._base, self._clock, self._a_month = base, clock, a_month
        self._sheet = Sheet(base)
        self._turn = Turn(self._sheet, clock, lease, sleep)
        self._locked = False

    @property
    def calls(self) -> Mapping[str, int]:
        """Requests sent, repeats included, logins left out."""
        return self._base.calls

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """A run: from its first write to its log row, reading raises Busy for anybody else.

        Asks nothing by itself: of two runs that start together only one gets past its first write.
        """
        self._locked = True
        try:
            yield
        finally:
            self._locked = False
            self._turn.release()

    def read(self, tables: Sequence[Table]) -> Book:
        """The tables of *tables*: of each its fields, then its rows. The log is looked at with any worker's table.

        What was read before is forgotten: whoever changed that since is in nobody's way.
        """
        self._turn.runs = next((table for table in tables if table.name == RUNS.name), self._turn.runs)
        more = [self._turn.runs] if any(table.owner is Owner.WORKER for table in tables) else []
        self._sheet.forget()
        self._sheet.look([*tables, *(table for table in more if table not in tables)])
        if more:
            self._turn.check()
        raw = self._sheet.raw(tables)
        members = [table for table in tables if table.owner is Owner.MEMBER and not table.optional]
        self._sheet.check_shown({table.name: raw[table.name] for table in members if table.name in raw})
        return Book(raw, self._sheet.version)

    def write(self, changes: Sequence[Change], version: object) -> object:
        """Make the worker's tables hold the rows of *changes*, by their records; the log comes last.

        Nothing is written when nothing differs. What shows beside members' rows is seen to each time.
        """
        if version != self._sheet.version:
            raise Conflict("表格已经重新读过", "The sheet was read again since")
        self._sheet.look_once([change.table for change in changes])
        log = next((change for change in changes if change.table.name == RUNS.name), None)
        differing = [change for change in changes if change is not log and self._differs(change)]
        beside = self._sheet.beside({change.table.name: change.rows for change in changes})
        if differing or beside:
            self._write(differing, beside)
        if log is not None:
            self._turn.log(log)
        elif not self._locked:
            self._turn.release()
            self._sheet.catch_up()
        return self._sheet.version

    def _write(self, changes: Sequence[Change], beside: Mapping[str, Mapping[str, Mapping[str, Cell]]]) -> None:
        for change in changes:
            self._sheet.check_writable(change.table.name)
        self._turn.begin()
        for change in changes:
            self._sheet.ensure(change.table)
        late = [change for name in _LATE for change in changes if change.table.name == name]
        for change in changes:
            if change not in late:
                self._sheet.apply(change.table.name, self._edits(change))
        for name, cells in beside.items():
            self._sheet.put_beside(name, cells)
        for change in late:
            self._sheet.apply(change.table.name, self._edits(change))
        self._turn.check_lasts()

    def _differs(self, change: Change) -> bool:
        """Whether anything is to be done: a missing table or field has to be made."""
        held = self._sheet.held.get(change.table.name)
        return held is None or bool(tables.missing(change.table, held.listed)) or bool(self._edits(change))

    def _edits(self, change: Change) -> Edits:
        return edits(change.table, self._sheet.lines[change.table.name], change.rows)

    def state(self, version: object = None) -> str:
        """Nothing: to know it, one would have to read it."""
        del version
        return ""

    def prepare(self, tables: Sequence[Table]) -> list[Words]:
        """Make what is missing: tables, fields, and a form for requests and for loans."""
        there = {table.name: tab for table, tab in self._sheet.tabs(tables)}
        words = []
        for table in tables:
            tab = there.get(table.name)
            tab, made = self._sheet.made(table, tab, self._base.fields(tab.ident) if tab else ())
            words += [*made, *self._form(table, tab.ident)]
        return words

    def _form(self, table: Table, ident: str) -> Iterator[Words]:
        name = tables.FORMS.get(table.name)
        if name and not self._base.has_form(ident):
            self._base.make_form(ident, name)
            yield Words(f"给“{table.title}”建了表单“{name}”", f"Made the form {name} for {table.title}")

    def examine(self, tables: Sequence[Table]) -> list[Finding]:
        """What `doctor` says of the base, step by step."""
        return doctor.findings(tables, self._sheet, self._turn, self._clock().tzinfo, self._a_month)

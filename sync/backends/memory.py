"""The shared sheet as a dict of tabs: the fake that tests use, and the sheet of `plan` on made-up data.

It keeps the promises of `sync.backends.Backend` and holds no file, so a test reads what a cycle did at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence

from rules.layout import extended, nearest
from rules.schema import Owner, Table
from rules.values import Book, Cell, Change, RawTable
from rules.words import Words
from sync.backends import Finding, titles_held
from sync.backends.checks import of_tabs
from sync.errors import Busy, Conflict


class Memory:
    """The backend `memory`. Satisfies `sync.backends.Backend`. tabs: by title, rows[0] is the sheet's row 1."""

    claims = 1

    def __init__(self, tabs: Mapping[str, Sequence[Sequence[Cell]]] | None = None) -> None:
        self.tabs: dict[str, list[list[Cell]]] = {t: [list(row) for row in rows] for t, rows in (tabs or {}).items()}
        self.calls = {"read": 0, "write": 0}
        self._version = 0
        self._held = False

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Holds the sheet. Raises Busy when it is held."""
        if self._held:
            raise Busy("另一次运行正在进行，本次没有运行。", "Another run is in progress; this one did nothing.")
        self._held = True
        try:
            yield
        finally:
            self._held = False

    def edit(self, title: str, rows: Sequence[Sequence[Cell]]) -> None:
        """What a person does: the tab now holds *rows*, and what was read before is out of date."""
        self.tabs[title] = [list(row) for row in rows]
        self._version += 1

    def read(self, tables: Sequence[Table]) -> Book:
        """The tabs of *tables*, and how often the sheet had changed."""
        self.calls["read"] += 1
        raw = {
            name: RawTable(t, [list(row) for row in self.tabs[t]]) for name, t in titles_held(self.tabs, tables).items()
        }
        return Book(raw, self._version)

    def write(self, changes: Sequence[Change], version: object) -> object:
        """Make the tabs of *changes* hold their rows; the new version."""
        self.calls["write"] += 1
        if version != self._version:
            raise Conflict(
                "表格在读取之后被人改过，本次没有写入。",
                "The sheet was changed since it was read; nothing was written.",
            )
        titles = titles_held(self.tabs, [change.table for change in changes])
        for change in changes:
            header: list[Cell] = [column.header for column in change.table.typed]
            self.tabs[titles.get(change.table.name, change.table.title)] = [header, *(list(r) for r in change.rows)]
            self._version += 1
        return self._version

    def state(self, version: object = None) -> str:
        """Nothing: the fake is never found unchanged, so that every cycle is a whole one."""
        del version
        return ""

    def prepare(self, tables: Sequence[Table]) -> list[Words]:
        """Make missing tabs and columns; one sentence for each."""
        titles = titles_held(self.tabs, tables)
        made = []
        for table in tables:
            if table.name not in titles:
                self.edit(table.title, [[column.header for column in table.columns]])
                made.append(Words(f"新建工作表“{table.title}”", f"Made the tab {table.title}"))
            elif table.owner is Owner.MEMBER:
                made += self._extended(table, titles[table.name])
        return made

    def examine(self, tables: Sequence[Table]) -> list[Finding]:
        """Whether each table that must be there is, with its headers."""
        return list(of_tabs(tables, self.read(tables)))

    def _extended(self, table: Table, title: str) -> list[Words]:
        rows = self.tabs[title] or [[]]
        found, new = nearest(RawTable(title, rows), table), extended(RawTable(title, rows), table)
        missing = [column for column in table.columns if column.field not in found.columns]
        if not missing:
            return []
        width = min(new.columns[column.field] for column in missing)
        header = [*rows[found.header_row], *[""] * width][:width]
        rows[found.header_row] = [*header, *(column.header for column in missing)]
        self.edit(title, rows)
        listed = "、".join(column.header for column in missing)
        return [Words(f"在“{title}”增加列：{listed}", f"Added columns to {title}: {listed}")]

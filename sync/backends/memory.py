"""The shared sheet as a dict of tabs: the fake that tests use, and the sheet of `plan` on made-up data.

It keeps the promises of `sync.backends.Backend` and holds no file, so a test reads what a cycle did at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from rules.layout import Layout, locate, table_named
from rules.schema import Column, Owner, Table
from rules.values import Book, Cell, Change, RawTable
from rules.words import Words
from sync.backends import Finding
from sync.errors import Busy, Conflict, SetupError

_INIT = Words("运行 huzhu init。", "Run `huzhu init`.")


class Memory:
    """The backend `memory`. Satisfies `sync.backends.Backend`. tabs: by title, rows[0] is the sheet's row 1."""

    claims = 1

    def __init__(self, tabs: Mapping[str, Sequence[Sequence[Cell]]] | None = None) -> None:
        self.tabs: dict[str, list[list[Cell]]] = {t: [list(row) for row in rows] for t, rows in (tabs or {}).items()}
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
        raw = {name: RawTable(t, [list(row) for row in self.tabs[t]]) for name, t in self._titles(tables).items()}
        return Book(raw, self._version)

    def write(self, changes: Sequence[Change], version: object) -> object:
        """Make the tabs of *changes* hold their rows; the new version."""
        if version != self._version:
            raise Conflict(
                "表格在读取之后被人改过，本次没有写入。",
                "The sheet was changed since it was read; nothing was written.",
            )
        titles = self._titles([change.table for change in changes])
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
        titles = self._titles(tables)
        made = []
        for table in tables:
            if table.name not in titles:
                self.edit(table.title, [[column.header for column in table.columns]])
                made.append(Words(f"新建工作表“{table.title}”", f"Made the tab {table.title}"))
            elif table.owner is Owner.MEMBER:
                made += self._extended(table, titles[table.name])
        return made

    def examine(self, tables: Sequence[Table]) -> list[Finding]:
        """Whether each table that must be there is."""
        titles = self._titles(tables)
        return [
            Finding(Words(f"工作表“{t.title}”", f"Tab {t.title}"), t.name in titles, _INIT)
            for t in tables
            if not t.optional and t.owner is Owner.MEMBER
        ]

    def _extended(self, table: Table, title: str) -> list[Words]:
        rows = self.tabs[title]
        optional = replace(table, columns=tuple(replace(column, required=False) for column in table.columns))
        layout = locate(RawTable(title, rows), table)
        found = layout if isinstance(layout, Layout) else locate(RawTable(title, rows[:1]), optional)
        assert isinstance(found, Layout)
        missing: list[Column] = [column for column in table.columns if column.field not in found.columns]
        if not missing:
            return []
        width = max((len(row) for row in rows), default=0)
        rows = rows or [[]]
        header = [*rows[found.header_row], *[""] * (width - len(rows[found.header_row]))]
        rows[found.header_row] = [*header, *(column.header for column in missing)]
        self.edit(title, rows)
        listed = "、".join(column.header for column in missing)
        return [Words(f"在“{title}”增加列：{listed}", f"Added columns to {title}: {listed}")]

    def _titles(self, tables: Sequence[Table]) -> dict[str, str]:
        found: dict[str, str] = {}
        for title in self.tabs:
            table = table_named(title, tables)
            if table is not None and table.name in found:
                raise SetupError(
                    f"“{found[table.name]}”和“{title}”两个工作表都是 {table.title} 表，请改掉其中一个的名称。",
                    f"The tabs {found[table.name]} and {title} both stand for the table {table.title}; "
                    "rename one of them.",
                )
            if table is not None:
                found[table.name] = title
        return found

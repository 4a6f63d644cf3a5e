"""A backend is where the shared sheet lives. One file each; one line in sync/compose.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from rules.layout import table_named
from rules.schema import Table
from rules.values import Book, Change
from rules.words import Words
from sync.errors import SetupError


@dataclass(frozen=True, slots=True)
class Finding:
    """One step of `doctor`: what was looked at, whether it is well, and what to click or set when it is not."""

    step: Words
    ok: bool
    advice: Words = Words("", "")


class Backend(Protocol):
    """The shared sheet, wherever it lives.

    Errors are SetupError, RunFailed, Conflict or Busy, each with one sentence for the operator.
    """

    claims: int
    """How many mails may be claimed (发送中) by one write: how many a crash may leave unknown."""

    @property
    def calls(self) -> Mapping[str, int]:
        """How often the sheet was asked ("read") and changed ("write") so far: files opened, or requests sent."""
        ...

    def lock(self) -> AbstractContextManager[None]:
        """One run at a time: holds the lock while open.

        Raises Busy when another run holds it; an online sheet, which is not asked before it is read, may say so in
        `read` instead.
        """
        ...

    def read(self, tables: Sequence[Table]) -> Book:
        """The tabs of *tables* that exist, with their raw cells, and the version read.

        A tab is found by the table's title or its English name, white space and width folded.
        Raises SetupError when two tabs answer to one table, Busy when another run is writing.
        """
        ...

    def write(self, changes: Sequence[Change], version: object) -> object:
        """Make the worker tabs hold the rows of *changes*, all or none; the new version.

        Raises Conflict, with nothing written, when the sheet is no longer the *version* read. Where a sheet cannot know
        that of people's edits, of those of other runs.
        """
        ...

    def state(self, version: object = None) -> str:
        """What tells this content of the sheet from any other, the log left out; "" when that is not cheap to know.

        With a *version*: "" as well when the sheet is no longer that version.
        """
        ...

    def prepare(self, tables: Sequence[Table]) -> list[Words]:
        """Make what is missing of *tables*: tabs, headers, dropdowns, notes, lookup columns, protection.

        One sentence for each thing made; an empty list when nothing was missing. Changes nothing that exists.
        """
        ...

    def examine(self, tables: Sequence[Table]) -> list[Finding]:
        """What `doctor` says of this backend, step by step; never raises for what it finds."""
        ...


def titles_held(titles: Iterable[str], tables: Sequence[Table]) -> dict[str, str]:
    """Which of *titles* holds each table, by table name. Raises SetupError when two answer to one table."""
    found: dict[str, str] = {}
    for title in titles:
        table = table_named(title, tables)
        if table is not None and table.name in found:
            raise SetupError(
                f"“{found[table.name]}”和“{title}”两个工作表都是 {table.title} 表，请改掉其中一个的名称。",
                f"The tabs {found[table.name]} and {title} both stand for the table {table.title}; rename one of them.",
            )
        if table is not None:
            found[table.name] = title
    return found

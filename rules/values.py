"""The values that cross rooms: what the sheet held (`Book`), what it should hold (`Change`), and mail (`Mail`).

Effects are values: the core returns them, sync/ carries them out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum

from rules.schema import Owner, Table

Cell = str | bool | int | float | Decimal | date | datetime | time | timedelta | None
"""What one cell holds as a backend reads it, or as the rules want it written. "" and None are blank."""

Row = tuple[Cell, ...]
"""One row of a worker table, in the order of `Table.fields`."""


class ErrorCell(str):
    """A spreadsheet error value (`#REF!`, `#N/A`...) as it stands in a cell."""

    __slots__ = ()


class UncachedCell(str):
    """A formula whose result is not stored in the file; its text is the cell's address."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class RawTable:
    """One tab as read. rows[0] is the sheet's row 1, so a row's number is its index plus one; rows may be ragged."""

    title: str
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Book:
    """What one reading of the sheet found: tabs by table name (absent ones missing), and a mark of that version.

    *version* is the backend's own: a write made against it is refused when the sheet has changed since.
    """

    tabs: Mapping[str, RawTable]
    version: object = None


class WriteRefused(TypeError):
    """A program tried to write a member's table: a defect, never a set-up problem."""


@dataclass(frozen=True, slots=True)
class Change:
    """A worker table that should hold *rows*. A member's table cannot be named here.

    counts: rows "added", "changed" and "removed" by key; cells: how many cells differ.
    """

    table: Table
    rows: Sequence[Row]
    counts: Mapping[str, int] = field(default_factory=dict)
    cells: int = 0

    def __post_init__(self) -> None:
        if self.table.owner is not Owner.WORKER:
            raise WriteRefused(f"{self.table.name} belongs to the members")


LONG_AGO = date(2000, 1, 1)
"""Stands for the day of a mail that somebody spoiled: it was made, nobody knows when."""


class MailStatus(StrEnum):
    """Where a mail stands. The allowed moves are in `MOVES`."""

    QUEUED = "待发送"
    SENDING = "发送中"
    SENT = "已发送"
    FAILED = "失败"
    HELD = "待人工"
    CANCELLED = "已取消"
    FILED = "已归档"  # no mail: the row stands for many that were settled, see rules/archive.py


MOVES: Mapping[MailStatus, frozenset[MailStatus]] = {
    MailStatus.QUEUED: frozenset({MailStatus.SENDING, MailStatus.HELD, MailStatus.CANCELLED}),
    MailStatus.SENDING: frozenset({MailStatus.SENT, MailStatus.FAILED, MailStatus.HELD}),
    MailStatus.FAILED: frozenset({MailStatus.QUEUED, MailStatus.SENDING, MailStatus.HELD, MailStatus.CANCELLED}),
    MailStatus.HELD: frozenset({MailStatus.QUEUED, MailStatus.SENT, MailStatus.CANCELLED}),
    MailStatus.SENT: frozenset(),
    MailStatus.CANCELLED: frozenset(),
    MailStatus.FILED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Mail:
    """One row of the outbox. items are item keys, such as `overdue:L-1:formal:2025-11-06`."""

    mail_id: str
    created_on: date
    to: str
    cc: tuple[str, ...]
    subject: str
    body: str
    items: tuple[str, ...]
    status: MailStatus = MailStatus.QUEUED
    sent_at: datetime | None = None
    attempts: int = 0
    error: str = ""


def counted(before: Sequence[Row], after: Sequence[Row], key: Sequence[int]) -> tuple[dict[str, int], int]:
    """How *after* differs from *before*: rows added, changed and removed by the cells at *key*, and cells that differ.

    Rows that share a key are paired in order.
    """
    numbered_before, numbered_after = paired(before, key), paired(after, key)
    common = numbered_before.keys() & numbered_after.keys()
    changed = [k for k in common if numbered_before[k] != numbered_after[k]]
    cells = sum(a != b for k in changed for a, b in zip(numbered_before[k], numbered_after[k], strict=True))
    added, removed = len(numbered_after) - len(common), len(numbered_before) - len(common)
    width = len(after[0]) if after else len(before[0]) if before else 0
    return {"added": added, "changed": len(changed), "removed": removed}, cells + (added + removed) * width


def paired(rows: Sequence[Row], key: Sequence[int]) -> dict[tuple[Cell, ...], Row]:
    """The rows by the cells at *key* and a number that tells rows with the same key apart, in order."""
    seen: Counter[tuple[Cell, ...]] = Counter()
    result: dict[tuple[Cell, ...], Row] = {}
    for row in rows:
        cells = tuple(row[i] for i in key)
        seen[cells] += 1
        result[(*cells, seen[cells])] = row
    return result

"""One cell of a good sheet at a time made surely wrong for its kind."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rules.schema import MEMBER_TABLES, Column, Kind, Table
from rules.values import Book, Cell, ErrorCell, RawTable

_ANY = (ErrorCell("#REF!"), "#N/A", "#VALUE!", ErrorCell("#名称?"))
_WRONG: Mapping[Kind, Sequence[Any]] = {
    Kind.COUNT: ("两个", "-1", 2.5, "1/2", "很多", "1e3x"),
    Kind.POINTS: ("加一", 1.5, "+-1"),
    Kind.MONEY: ("很贵", "-5", "1,2,3", "12..5"),
    Kind.NUMBER: ("远", "12公里多", "1.2.3"),
    Kind.DATE: ("下周三", "10/23", "10月23日", "1999-01-01", "2025-02-30", "2025-13-01", 12.5, -3),
    Kind.MOMENT: ("昨天上午", "10/23 08:00", "2025-02-30 08:00", "2101-01-01"),
    Kind.EMAIL: ("没有", "a@", "@b.cn", "a b@c.cn", "a@b.cn, c@d.cn"),
    Kind.FLAG: ("也许", 2, "半"),
    Kind.CHOICE: ("随便", "P9", 7),
    Kind.LIST: ("没有这样的名称",),
    Kind.KEY: ("没有这样的名称",),
}


@dataclass(frozen=True, slots=True)
class Corruption:
    """*cell* stands in *field* of the row at *row* of *table* (the sheet's row number, the header being 1)."""

    table: Table
    row: int
    field: str
    cell: Cell

    def __str__(self) -> str:
        return f"{self.cell!r} in {self.table.title}, row {self.row}, {self.table[self.field].header}"


def corruption(book: Book, chance: random.Random) -> Corruption:
    """A cell of *book* to be made wrong, and what to type there.

    A row's own key takes formula errors only: any text there is a key.
    """
    table = chance.choice([t for t in MEMBER_TABLES if len(book.tabs[t.name].rows) > 1])
    column = chance.choice(table.typed)
    row = chance.randrange(1, len(book.tabs[table.name].rows)) + 1
    return Corruption(table, row, column.field, chance.choice((*_wrong(column, table), *_ANY)))


def _wrong(column: Column, table: Table) -> Sequence[Any]:
    names_nothing = column.kind in (Kind.KEY, Kind.LIST) and not column.refers_to
    return () if names_nothing or table.key == (column.field,) else _WRONG.get(column.kind, ())


def with_cell(book: Book, at: Corruption, cell: Cell) -> Book:
    """*book* with *cell* at the place of *at*."""
    return _changed(book, at, lambda row, place: [*row[:place], cell, *row[place + 1 :]])


def without_row(book: Book, at: Corruption) -> Book:
    """*book* with the row of *at* left blank."""
    return _changed(book, at, lambda row, _: [None] * len(row))


def _changed(book: Book, at: Corruption, change: Any) -> Book:  # (row, place of the field) -> row
    raw = book.tabs[at.table.name]
    place = list(raw.rows[0]).index(at.table[at.field].header)
    rows = [list(row) + [None] * (place + 1 - len(row)) for row in raw.rows]
    rows[at.row - 1] = change(rows[at.row - 1], place)
    return replace(book, tabs={**book.tabs, at.table.name: RawTable(raw.title, rows)})

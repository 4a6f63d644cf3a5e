"""Where a table stands in a sheet: its tab, its header row and its columns, as formulas name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rules.layout import extended
from rules.schema import Owner, Table
from rules.values import Book


def letters(column: int) -> str:
    """The letters of the column at index *column*: 0 is A, 26 is AA."""
    name = ""
    column += 1
    while column:
        column, digit = divmod(column - 1, 26)
        name = chr(65 + digit) + name
    return name


def index(name: str) -> int:
    """The index of the column that *name*, such as "AA", stands for."""
    column = 0
    for letter in name:
        column = column * 26 + ord(letter) - 64
    return column - 1


def quoted_title(title: str) -> str:
    """A tab's title as formulas write it."""
    return "'" + title.replace("'", "''") + "'"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a table stands in this sheet: its tab's title, header row (from 1) and the column of each field."""

    title: str
    header_row: int
    columns: Mapping[str, int]
    key: str = ""

    def reference(self, field: str) -> str:
        """The whole column of *field*, as formulas of other tabs name it."""
        letter = letters(self.columns[field])
        return f"{quoted_title(self.title)}!${letter}:${letter}"


def home(table: Table, title: str = "") -> Address:
    """Where *table* stands in a tab that the worker made."""
    columns = {column.field: i for i, column in enumerate(table.columns)}
    return Address(title or table.title, 1, columns, next(iter(table.key), ""))


def addresses(book: Book, tables: Sequence[Table]) -> dict[str, Address]:
    """Where each table stands, those that `prepare` is about to make included.

    Columns that a tab of people's own lacks get a place at its right end.
    """
    placed = {}
    for table in tables:
        raw = book.tabs.get(table.name)
        if raw is None or table.owner is Owner.WORKER:
            placed[table.name] = home(table, raw.title if raw else "")
        else:
            layout = extended(raw, table)
            placed[table.name] = Address(raw.title, layout.header_row + 1, layout.columns, next(iter(table.key), ""))
    return placed

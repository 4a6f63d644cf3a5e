"""Raw cells -> typed frames and problems. Every input row is used or has an error, never neither.

A frame has one row for each usable row of its tab: the typed columns of the schema, and `row`, the number the person
sees. References are categorical over the keys of the table they name, so that code i is row i of that table.
Source: rules, section 1.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from itertools import repeat
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd

from rules.cells import ERROR_VALUE, shown
from rules.columns import ColumnRead, Uncached, read_body, usable
from rules.layout import Layout, MissingHeader, locate
from rules.names import Known, next_numbers
from rules.problems import Problem, Severity
from rules.schema import Column, Kind, Table
from rules.values import Book, RawTable

NO_FACTS: Mapping[str, str] = MappingProxyType({})
NO_COUNTS: Mapping[tuple[str, str], int] = MappingProxyType({})
_HEADER = -1  # in place of a row's position: the problem is in the header row
Mask = npt.NDArray[np.bool_]


class SheetError(Exception):
    """The sheet cannot be read at all: a required table or column is missing, or a formula has no stored result.

    code: "missing_table" | "missing_column" | "uncached"; found: the closest header, or the address of the formula.
    """

    def __init__(self, code: str, table: Table, column: str = "", found: str = "") -> None:
        super().__init__(code, table.name, column, found)
        self.code, self.table, self.column, self.found = code, table, column, found


@dataclass(slots=True)
class Intake:
    """The typed frames by table name, what is wrong, and how many rows each member tab holds."""

    frames: dict[str, pd.DataFrame] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    rows_read: dict[str, int] = field(default_factory=dict)


def intake(
    book: Book, tables: Mapping[str, Table], zone: tzinfo, counts: Mapping[tuple[str, str], int] = NO_COUNTS
) -> Intake:
    """Every member table of *tables* as a typed frame, in the order of the schema (referred tables first).

    counts: (table, field) -> what a blank cell counts as, where the alliance has set it.

    Raises SheetError when a required table or column is missing, naming the closest header found.
    """
    result = Intake()
    known: dict[str, Known] = {}
    for table in tables.values():
        if table.owner.value != "member":
            continue
        raw = book.tabs.get(table.name)
        if raw is None and not table.optional:
            raise SheetError("missing_table", table)
        tab = _Tab(table, raw or RawTable(table.title, [[c.header for c in table.typed]]), zone)
        tab.check_columns()
        tab.check_keys()
        tab.check_references(known)
        tab.fill_blanks(counts)
        known[table.name] = tab.keys_known()
        result.frames[table.name] = tab.frame(known)
        result.problems += tab.problems
        result.rows_read[table.name] = len(tab.numbers)
    return result


class _Tab:
    """One tab on its way from cells to a frame."""

    def __init__(self, table: Table, raw: RawTable, zone: tzinfo) -> None:
        self.table, self.raw = table, raw
        self._found: list[tuple[Severity, str, int, Column, Mapping[str, str]]] = []
        layout = locate(raw, table)
        if isinstance(layout, MissingHeader):
            raise SheetError("missing_column", table, layout.column.header, layout.closest)
        self.layout: Layout = layout
        try:
            body = read_body(raw, layout, table, zone)
        except Uncached as uncached:
            raise SheetError("uncached", table, uncached.column.header, uncached.address) from uncached
        self.numbers, self.cells, self.columns = body.numbers, body.cells, body.columns
        self.bad: Mask = np.zeros(len(self.numbers), dtype=bool)

    def check_columns(self) -> None:
        """Report headers that stand twice, cells that cannot be read, required cells that are blank, contradictions."""
        for column in self.table.typed:
            if column.field in self.layout.twice:
                self._found.append(("warning", "header_twice", _HEADER, column, NO_FACTS))
        for column in self.table.typed:
            read = self.columns[column.field]
            for i, flaw in read.flaws.items():
                self._flag(i, column, flaw.code, flaw.facts, warned=usable(flaw))
            if column.required and column.field not in self._derivable:
                for i in map(int, np.flatnonzero(read.blank)):
                    if i not in read.flaws:
                        self._flag(i, column, "required_blank", NO_FACTS)
        for column in self.table.typed:
            self._check_across(column)

    @property
    def _derivable(self) -> tuple[str, ...]:
        """Key fields that may be blank, since a key is derived from other cells."""
        return self.table.key if self.table.derived_key else ()

    def _check_across(self, column: Column) -> None:
        rules = (
            (column.not_before, "before_other", np.less),
            (column.at_most, "above_other", np.greater),
            (column.differs_from, "same_as_other", np.equal),
        )
        for other_field, code, breaks in rules:
            if not other_field:
                continue
            mine, other = self.columns[column.field], self.columns[other_field]
            broken = breaks(mine.array, other.array) & ~mine.blank & ~other.blank
            for i in np.flatnonzero(broken):
                bound = _iso(other.array[i])
                facts = {"other": self.table[other_field].header, "bound": bound}
                self._flag(int(i), column, code, facts, row_is_lost=True)

    def check_references(self, known: Mapping[str, Known]) -> None:
        """Report names that the table they refer to does not have, with the closest one it has."""
        for column in self.table.typed:
            if not column.refers_to:
                continue
            # A table may refer to itself: a part's substitutes are parts.
            keys = known[column.refers_to] if column.refers_to != self.table.name else self.keys_known()
            check = self._check_list if column.kind is Kind.LIST else self._check_names
            check(column, self.columns[column.field], keys)

    def _check_names(self, column: Column, read: ColumnRead, keys: Known) -> None:
        unknown = set(read.array[~read.blank]) - set(keys.good)
        if not unknown:
            return
        meant = keys.meant_by(unknown)
        for i in (i for i in np.flatnonzero(~read.blank).tolist() if read.array[i] in unknown):
            self._flag_reference(i, column, read.array[i], keys, meant)
            read.blank[i] = True

    def _check_list(self, column: Column, read: ColumnRead, keys: Known) -> None:
        good = set(keys.good)
        rows = {int(i): [name for name in read.array[i] if name not in good] for i in np.flatnonzero(~read.blank)}
        meant = keys.meant_by({name for names in rows.values() for name in names})
        for i, names in rows.items():
            for name in names:
                self._flag_reference(i, column, name, keys, meant)
            read.array[i] = tuple(name for name in read.array[i] if name in good)

    def _flag_reference(self, i: int, column: Column, name: str, keys: Known, meant: Mapping[str, str]) -> None:
        facts = {"table": keys.title, "value": name}
        if name in keys.broken:
            self._flag(i, column, "broken_ref", {**facts, "rows": keys.broken[name]})
        elif name in meant:
            self._flag(i, column, "near_ref", {**facts, "closest": meant[name]})
        else:
            self._flag(i, column, "unknown_ref", facts)

    def check_keys(self) -> None:
        """Derive blank keys, and leave out every row whose key stands twice."""
        if self.table.derived_key:
            self._derive_keys()
        if not self.table.key:
            return
        rows_of: dict[tuple[str, ...], list[int]] = defaultdict(list)
        reads = [self.columns[name] for name in self.table.key]
        whole = ~np.logical_or.reduce([read.blank for read in reads])
        keys = list(zip(*(read.array for read in reads), strict=True))
        if len(set(keys)) == len(keys):
            return
        for named in np.flatnonzero(whole):
            rows_of[keys[named]].append(int(named))
        for twins in rows_of.values():
            for i in twins if len(twins) > 1 else ():
                others = "、".join(str(self.numbers[j]) for j in twins if j != i)
                facts = {"rows": others, "value": self._key(i)}
                self._flag(i, self.table[self.table.key[0]], "duplicate_key", facts, row_is_lost=True)

    def _derive_keys(self) -> None:
        column = self.table[self.table.key[0]]
        read = self.columns[column.field]
        derived = sorted((self._derived(i), i) for i in map(int, np.flatnonzero(read.blank & ~self.bad)))
        free = next_numbers(read.array[~read.blank], len(derived))
        for (key, i), proposed in zip(derived, free, strict=True):
            read.array[i], read.blank[i] = key, False
            self._flag(i, column, "blank_key", {"value": key, "next": proposed}, warned=True)

    def _derived(self, i: int) -> str:
        """A key made from the cells that identify row *i*, whatever their format and wherever the row stands."""
        identifying = "\x1f".join(_iso(self.columns[name].array[i]) for name in self.table.derived_key)
        return "auto-" + hashlib.sha256(identifying.encode()).hexdigest()[:8]

    def fill_blanks(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Put in what a blank cell means by the schema, or by the alliance's settings."""
        for column in self.table.typed:
            read = self.columns[column.field]
            if (count := counts.get((self.table.name, column.field))) is not None:
                read.array[read.blank] = count
            if column.default:
                read.array[read.blank] = column.default
            if column.blank_means:
                when, means = (self.columns[name] for name in column.blank_means)
                filled = read.blank & ~when.blank
                read.array[filled] = means.array[filled]

    def keys_known(self) -> Known:
        """The keys that other tables may refer to."""
        if len(self.table.key) != 1:
            return Known(self.table.title)
        values = self.columns[self.table.key[0]].array
        rows: dict[str, list[str]] = defaultdict(list)
        for bad in np.flatnonzero(self.bad):
            rows[values[bad]].append(str(self.numbers[bad]))
        return Known(
            self.table.title,
            tuple(values[~self.bad]),
            {key: "、".join(numbers) for key, numbers in rows.items() if key},
        )

    def frame(self, known: Mapping[str, Known]) -> pd.DataFrame:
        """The usable rows, typed."""
        good = ~self.bad
        columns: dict[str, object] = {"row": self.numbers[good]}
        for column in self.table.typed:
            read = self.columns[column.field]
            if column.refers_to and column.kind is not Kind.LIST:
                columns[column.field] = _categorical(read.array[good], known[column.refers_to].good)
            else:
                columns[column.field] = pd.Series(read.array[good], dtype=read.array.dtype)
        return pd.DataFrame(columns)

    def _flag(
        self,
        i: int,
        column: Column,
        code: str,
        facts: Mapping[str, str],
        *,
        warned: bool = False,
        row_is_lost: bool = False,
    ) -> None:
        """Report row *i*. It is lost when the column is required or the rule says so, unless it is only warned of."""
        lost = (column.required or row_is_lost) and not warned
        self.bad[i] |= lost
        self._found.append(("error" if lost else "warning", code, i, column, facts))

    @property
    def problems(self) -> list[Problem]:
        """What is wrong in this tab, with the keys as they stand once blank ones are derived."""
        return [*(self._problem(*found) for found in self._found), *self._blocked()]

    def _blocked(self) -> Iterator[Problem]:
        """A lookup column whose header shows an error: its formula has no room, since somebody typed below it."""
        top = self.layout.header_row
        errors = (i for i, cell in enumerate(self.raw.rows[top]) if ERROR_VALUE.fullmatch(str(cell).strip()))
        hidden = (column for column in self.table.lookups if column.field not in self.layout.columns)
        for at, column in zip(errors, hidden, strict=False):
            for number, row in enumerate(self.raw.rows[top + 1 :], top + 2):
                if at < len(row) and row[at] not in ("", None):
                    value = shown(row[at])
                    yield Problem(
                        "warning", "lookup_blocked", self.table.name, "", number, column.field, value, NO_FACTS
                    )

    def _problem(self, severity: Severity, code: str, i: int, column: Column, facts: Mapping[str, str]) -> Problem:
        if i == _HEADER:
            header = self.layout.header(self.raw, column.field)
            return Problem(severity, code, self.table.name, "", self.layout.header_row + 1, column.field, header, facts)
        value, number = shown(self.cells[column.field][i]), int(self.numbers[i])
        return Problem(severity, code, self.table.name, self._key(i), number, column.field, value, facts)

    def _key(self, i: int) -> str:
        values = (self.columns[name].array[i] for name in self.table.key)
        return " · ".join(text for value in values if not pd.isna(value) and (text := _iso(value)))


def _iso(value: object) -> str:
    """A typed value as text that does not depend on how the cell was formatted."""
    if isinstance(value, np.datetime64):
        return str(value.astype("datetime64[m]")).replace("T00:00", "").replace("T", " ")
    return str(value)


def _categorical(values: npt.NDArray[np.object_], categories: Sequence[str]) -> pd.Categorical:
    index = {name: code for code, name in enumerate(categories)}
    codes = np.fromiter(map(index.get, values.tolist(), repeat(-1)), dtype=np.int64, count=len(values))
    return pd.Categorical.from_codes(codes, categories=pd.Index(list(categories), dtype=object))

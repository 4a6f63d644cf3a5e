"""The tabs of the shared workbook: which holds which table, and what `huzhu init` makes where something is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rules.layout import nearest
from rules.schema import Column, Owner, Table
from rules.values import Book, Cell, RawTable
from rules.words import Words
from sync.backends import titles_held
from sync.backends.looks import OVERWRITTEN
from sync.backends.places import Address, addresses, home, index
from sync.xlsx import amend, cells, markup, notes, opc, overview, sheet, styles
from sync.xlsx.opc import Tab
from sync.xlsx.package import Package


def held(package: Package, tables: Sequence[Table]) -> dict[str, Tab]:
    """The tab of each table that has one, by table name."""
    grids = {tab.title: tab for tab in opc.tabs(package) if tab.is_grid}
    return {name: grids[title] for name, title in titles_held(grids, tables).items()}


def add(package: Package, table: Table, placed: Mapping[str, Address], rows: Sequence[Sequence[Cell]] = ()) -> Tab:
    """A new tab for *table* with all that `prepare` gives it."""
    here = placed.get(table.name, home(table))
    if table.owner is Owner.WORKER:
        written = sheet.data(package, table, rows)
        texts = {(0, 0): f"{OVERWRITTEN.zh}\n{OVERWRITTEN.en}"}
    else:
        written = sheet.member_data(package, table, rows, placed)
        texts = {(0, i): f"{c.doc.zh}\n{c.doc.en}" for i, c in enumerate(table.columns)}
    dropdowns = sheet.validations(here, placed, table.columns).values()
    tab = opc.add_tab(package, table.title, sheet.new_tab(package, table, written, dropdowns))
    notes.add(package, tab.part, texts)
    return tab


def prepare(package: Package, tables: Sequence[Table], book: Book) -> list[Words]:
    """Make what is missing; one sentence for each thing made, or left to people."""
    found = held(package, tables)
    placed = addresses(book, tables)
    made: list[Words] = []
    for table in tables:
        tab = found.get(table.name)
        if tab is None:
            add(package, table, placed)
            made.append(Words(f"新建工作表“{table.title}”", f"Made the tab {table.title}"))
        elif table.owner is Owner.MEMBER:
            made += _Amendment(package, table, tab, book.tabs[table.name], placed).made()
    made += overview.made(package, held(package, tables))
    if package.touched:
        opc.drop_calculation_chain(package)
        opc.ask_for_calculation(package)
    return made


@dataclass(frozen=True, slots=True)
class _Amendment:
    """What a tab that people made lacks, and the adding of it."""

    package: Package
    table: Table
    tab: Tab
    raw: RawTable
    placed: Mapping[str, Address]

    def made(self) -> list[Words]:
        """One sentence for each kind of thing added."""
        return [words for words in (self._headers(), *self._lookups(), self._dropdowns(), self._notes()) if words]

    @property
    def _here(self) -> Address:
        return self.placed[self.table.name]

    def _is_new(self, column: Column) -> bool:
        return column.field not in nearest(self.raw, self.table).columns

    def _put(self, new: Mapping[int, Mapping[int, str]]) -> None:
        self.package.put(self.tab.part, amend.with_cells(self.package.read(self.tab.part), new))

    def _headers(self) -> Words | None:
        missing = [column for column in self.table.columns if self._is_new(column)]
        if not missing:
            return None
        numbers = styles.indexes(self.package, [styles.HEADER, styles.LOOKUP_HEADER])
        looks = {c: styles.LOOKUP_HEADER if c.finds else styles.HEADER for c in missing}
        self._put(
            {
                self._here.header_row: {
                    self._here.columns[c.field]: cells.Cells(numbers[looks[c]], as_text=True)[str, c.header]
                    for c in missing
                }
            }
        )
        listed = "、".join(column.header for column in missing)
        return Words(f"在“{self.tab.title}”增加列：{listed}", f"Added columns to {self.tab.title}: {listed}")

    def _lookups(self) -> Iterator[Words]:
        for column in self.table.lookups:
            if column.finds is None or column.finds[0] not in self.placed:
                continue
            rows = self._rows_without(column)
            if rows:
                numbers = styles.indexes(self.package, [styles.FORMATS[column.kind]])
                at = self._here.columns[column.field]
                tails = {n: sheet.formula_tail(column, self._here, self.placed, n, numbers) for n in rows}
                self._put({n: {at: tail} for n, tail in tails.items()})
                yield Words(
                    f"在“{self.tab.title}”填入查找列：{column.header}",
                    f"Filled the lookup column {column.header} of {self.tab.title}",
                )

    def _rows_without(self, column: Column) -> Sequence[int]:
        """The rows to fill: none when each of people's rows has its formula, or when the column is people's own."""
        key, first = self._here.columns[self._here.key], self._here.header_row + 1
        kept = [
            n for n, row in enumerate(self.raw.rows, 1) if n >= first and key < len(row) and row[key] not in ("", None)
        ]
        rows = range(first, max(kept, default=first - 1) + sheet.LOOKUP_ROWS + 1)
        if self._is_new(column):
            return rows
        there = amend.column_of(self.package.read(self.tab.part), self._here.columns[column.field])
        ours = any(b"IFERROR(" in xml for xml in there.values())
        return rows if ours and set(kept) - set(there) else ()

    def _dropdowns(self) -> Words | None:
        xml = self.package.read(self.tab.part)
        wanted = sheet.validations(self._here, self.placed, self.table.typed)
        taken = _validated(xml)
        new = {f: xml_ for f, xml_ in wanted.items() if not any(_covers(r, self._here.columns[f]) for r in taken)}
        if not new:
            return None
        group = next((child for child in markup.children(xml) if child.name == "dataValidations"), None)
        if group is not None:
            xml = markup.append(xml, group, "".join(new.values()).encode())
        else:
            xml = markup.insert(xml, markup.SHEET_ORDER, "dataValidations", sheet.in_one(new.values()).encode())
        self.package.put(self.tab.part, xml)
        listed = "、".join(self.table[field].header for field in new)
        return Words(f"在“{self.tab.title}”增加下拉选项：{listed}", f"Added dropdowns to {self.tab.title}: {listed}")

    def _notes(self) -> Words | None:
        row = self._here.header_row - 1
        texts = {(row, self._here.columns[c.field]): f"{c.doc.zh}\n{c.doc.en}" for c in self.table.columns}
        if not notes.add(self.package, self.tab.part, texts):
            return None
        return Words(f"在“{self.tab.title}”的表头增加批注", f"Added notes to the headers of {self.tab.title}")


def _validated(xml: bytes) -> list[str]:
    """The ranges that have a validation, those of newer Excel in the extension list too."""
    plain = [markup.attribute(m[0], "sqref") for m in re.finditer(rb"<(?:[\w.-]+:)?dataValidation\s[^>]*>", xml)]
    extended = [m[1].decode() for m in re.finditer(rb"<(?:[\w.-]+:)?sqref>([^<]*)<", xml)]
    return [part for ranges in plain + extended for part in ranges.split()]


def _covers(reference: str, column: int) -> bool:
    names = [end.strip("$").rstrip("0123456789$") for end in reference.split(":")]
    return bool(names) and all(names) and index(names[0]) <= column <= index(names[-1])

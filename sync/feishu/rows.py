"""Records as rows of the sheet, and the least that makes the records of a worker's table hold other rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import compress
from zoneinfo import ZoneInfo

from rules.cells import folded_key, shown
from rules.changes import canonical
from rules.schema import Column, Kind, Table
from rules.values import Cell, RawTable, Row, paired
from sync.feishu.base import Field, Record, Tab
from sync.feishu.cells import decoded
from sync.feishu.order import placed
from sync.feishu.tables import AUTOMATIC, ORDER, columns, found

Links = Mapping[str, Mapping[str, str]]
"""Table id -> record id -> the key of that row: what a field that links to the table shows."""

_LINKS = (18, 21)
_BLANK = (None, "", False)


@dataclass(frozen=True, slots=True)
class Held:
    """One of our tables as it was last read. fields: by column; those of people's own are left out."""

    table: Table
    tab: Tab
    listed: Sequence[Field]
    fields: Mapping[str, Field]
    records: Sequence[Record]

    @classmethod
    def of(cls, table: Table, tab: Tab, listed: Sequence[Field], records: Sequence[Record] = ()) -> Held:
        """With the field of each column."""
        return cls(table, tab, listed, found(table, listed), records)

    @property
    def names(self) -> list[str]:
        """What our fields are called now."""
        return [str(field["field_name"]) for field in self.fields.values()]

    def cell(self, record: Record, column: str, zone: ZoneInfo) -> Cell:
        """What *column* holds in *record*; None where there is no such field."""
        field = self.fields.get(column)
        return None if field is None else decoded(field, record.cells.get(field["field_name"]), zone)

    def key(self, record: Record, zone: ZoneInfo) -> str:
        """The key of the row as the rules read it."""
        return folded_key(shown(self.cell(record, self.table.key[0], zone))) if self.table.key else ""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a worker's table: its record ("" before it is made), its number in the order, its cells."""

    ident: str
    place: float | None
    row: Row
    made: int = 0


def lines(held: Held, zone: ZoneInfo) -> list[Line]:
    """The rows of a worker's table in its order; rows that people added come last, of equal ones the older first."""
    read = [
        Line(
            record.ident,
            _number(held.cell(record, ORDER.field, zone)),
            tuple(_typed(column, held.cell(record, column.field, zone)) for column in held.table.typed),
            record.made,
        )
        for record in held.records
    ]
    return sorted(read, key=lambda line: (line.place is None, line.place or 0.0, line.made))


def _number(cell: Cell) -> float | None:
    return float(cell) if isinstance(cell, int | float) else None


def _typed(column: Column, cell: Cell) -> Cell:
    return cell.date() if column.kind is Kind.DATE and isinstance(cell, datetime) else cell


def links(tables: Sequence[Held], zone: ZoneInfo) -> dict[str, dict[str, str]]:
    """What links to each of these tables show."""
    return {held.tab.ident: {one.ident: held.key(one, zone) for one in held.records} for held in tables}


def typed_by_people(held: Held, zone: ZoneInfo, shown_by: Links) -> RawTable:
    """A member's table: our columns under their headers, and a line for each record. Other columns show their names.

    A line in which nobody typed into our columns is blank, whatever numbers Feishu itself gave it.
    """
    ours = [(column, held.fields[column.field]) for column in columns(held.table) if column.field in held.fields]
    taken = {field["field_id"] for _, field in ours}
    others = [str(field["field_name"]) for field in held.listed if field["field_id"] not in taken]
    typed = [column.finds is None and field.get("type") not in AUTOMATIC for column, field in ours]
    rows: list[Sequence[Cell]] = [[*(column.header for column, _ in ours), *others]]
    for record in held.records:
        cells = [_seen(field, record, zone, shown_by) for _, field in ours]
        rows.append(cells if any(cell not in _BLANK for cell in compress(cells, typed)) else [])
    return RawTable(held.tab.title, rows)


def _seen(field: Field, record: Record, zone: ZoneInfo, shown_by: Links) -> Cell:
    """A cell; of a link the keys of the rows that it points to."""
    value = record.cells.get(field["field_name"])
    keys = shown_by.get((field.get("property") or {}).get("table_id", ""), {}) if field.get("type") in _LINKS else {}
    idents = (value or {}).get("link_record_ids") if keys and isinstance(value, dict) else None
    if idents is None:
        return decoded(field, value, zone)
    return "、".join(keys.get(ident, ident) for ident in idents) or None


@dataclass(frozen=True, slots=True)
class Edits:
    """What is to be done. make: new lines, without a record; change: record -> column -> cell; drop: records.

    after: the lines as they are then, in order.
    """

    make: Sequence[Line]
    change: Mapping[str, Mapping[str, Cell]]
    drop: Sequence[str]
    after: Sequence[Line]

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.make or self.change or self.drop)

    def made(self, idents: Sequence[str]) -> list[Line]:
        """The lines with the records that were made for the new ones; those that Feishu did not take are left out."""
        new = iter(idents)
        whole = (line if line.ident else replace(line, ident=next(new)) for line in self.after)
        return [line for line in whole if line.ident]


def edits(table: Table, now: Sequence[Line], rows: Sequence[Row]) -> Edits:
    """The least that makes the lines hold *rows*: rows are paired by key, and of equal keys the older stays."""
    key = [table.fields.index(field) for field in table.key]
    was = dict(zip(paired(canonical(table, [line.row for line in now]), key), now, strict=True))
    wanted = list(zip(paired(canonical(table, rows), key), rows, strict=True))
    old = [was.get(ident) for ident, _ in wanted]
    numbers = placed([line.place if line else None for line in old])
    after = [
        Line(line.ident if line else "", number, tuple(row), line.made if line else 0)
        for line, number, (_, row) in zip(old, numbers, wanted, strict=True)
    ]
    kept = [(line, new) for line, new in zip(old, after, strict=True) if line is not None]
    change = {new.ident: cells for line, new in kept if (cells := dict(_differing(table, line, new)))}
    stays = {line.ident for line, _ in kept}
    gone = [line.ident for line in now if line.ident not in stays]
    return Edits([line for line in after if not line.ident], change, gone, after)


def _differing(table: Table, line: Line, new: Line) -> Iterator[tuple[str, Cell]]:
    before, after = canonical(table, [line.row, new.row])
    for column, a, b, cell in zip(table.typed, before, after, new.row, strict=True):
        if a != b:
            yield column.field, cell
    if line.place != new.place:
        yield ORDER.field, new.place


def cells_of(table: Table, line: Line) -> dict[str, Cell]:
    """All cells of a new line that are not blank."""
    cells = {column.field: cell for column, cell in zip(table.typed, line.row, strict=True) if cell not in (None, "")}
    return {**cells, ORDER.field: line.place}


def beside(held: Held, values: Mapping[str, Mapping[str, Cell]], zone: ZoneInfo) -> dict[str, dict[str, Cell]]:
    """What is to be written beside people's rows: record -> column -> cell, where it is not there already.

    values: column -> key of a row -> what should stand beside it. A field that is not in *held* is left out.
    """
    wanted: dict[str, dict[str, Cell]] = {}
    for record in held.records:
        key = held.key(record, zone)
        for column, of_key in values.items():
            now, cell = held.cell(record, column, zone), of_key.get(key) if key else None
            if (now if now != "" else None) != (cell if cell != "" else None):
                wanted.setdefault(record.ident, {})[column] = cell
    return wanted

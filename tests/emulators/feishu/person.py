"""People at the page: they read and edit a base directly, beside whatever the API does meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from tests.emulators.feishu import cells, columns, rows
from tests.emulators.feishu.cells import KINDS
from tests.emulators.feishu.model import Base, Field, Record, Table, View
from tests.emulators.feishu.tenant import Tenant
from tests.emulators.feishu.values import Session

Row = dict[str, Any]
FieldSpec = str | tuple[str, str] | tuple[str, str, dict[str, Any]]
"""A name (the kind is seen from the rows), a name and a ui_type, or these and a property."""


class Person:
    """A table is named by its name. Values are plain: text, number, bool, date, datetime in the base's zone, the name
    of an option, lists of names or record ids; None and "" empty a cell. ValueError is what the page would not take."""

    def __init__(self, tenant: Tenant, base: Base, name: str) -> None:
        self.base, self.session = base, Session(tenant, base)
        self.open_id = (tenant.member(name) or tenant.add_member(name)).ids["open_id"]

    def table(self, name: str) -> Table:
        found = self.base.named(name)
        if found is None:
            raise ValueError(f"no table {name}")
        return found

    def field(self, table: str, name: str) -> Field:
        found = self.table(table).named(name)
        if found is None:
            raise ValueError(f"no field {name} in {table}")
        return found

    def rows(self, table: str) -> dict[str, Row]:
        """Record id -> field name -> what stands in the cell, None in an empty one; in the order of the table."""
        held = self.table(table)
        return {
            record.id: {one.name: cells.plain(self.session, held, one, record) for one in held.fields}
            for record in held.records.values()
        }

    def add(self, table: str, row: Mapping[str, Any]) -> str:
        """The record id of a new last row."""
        held = self.table(table)
        typed = {self.field(table, name).id: self._typed(table, name, value) for name, value in row.items()}
        record = rows.add(self.session, held, typed, self.open_id, id_length=10)
        self.base.touch(held)
        return record.id

    def type(self, table: str, record_id: str, field: str, value: Any) -> None:
        held = self.table(table)
        typed = {self.field(table, field).id: self._typed(table, field, value)}
        rows.fill(self.session, held, held.records[record_id], typed, self.open_id)
        self.base.touch(held)

    def _typed(self, table: str, field: str, value: Any) -> Any:
        return cells.typed(self.session, self.field(table, field), value)

    def delete(self, table: str, *record_ids: str) -> None:
        held = self.table(table)
        rows.drop(self.session, held, list(record_ids))
        self.base.touch(held)

    def reorder(self, table: str, key: Callable[[Row], Any], *, reverse: bool = False) -> None:
        """Sort the rows for good."""
        held, seen = self.table(table), self.rows(table)
        ids = sorted(held.records, key=lambda one: key(seen[one]), reverse=reverse)
        held.records = {one: held.records[one] for one in ids}
        self.base.touch(held)

    def replace(self, table: str, wanted: Sequence[Sequence[Any]]) -> None:
        """The table holds exactly these rows, the first being field names. What is missing, table or field, is made;
        a row that stands where it stood keeps its record, as when people paste over it."""
        header, body = [str(name) for name in wanted[0]], [list(row) for row in wanted[1:]]
        if self.base.named(table) is None:
            self.add_table(table, header, body)
            return
        held = self.table(table)
        for place, name in enumerate(header):
            if held.named(name) is None:
                self.add_field(table, name, guessed([row[place] for row in body if place < len(row)]))
        ids = list(held.records)
        self.delete(table, *ids[len(body) :])
        for number, row in enumerate(body):
            cell = dict.fromkeys((one.name for one in held.fields if KINDS[one.ui].typed), None)
            cell |= dict(zip(header, row, strict=False))
            if number < len(ids):
                self._type_row(table, ids[number], cell)
            else:
                self.add(table, cell)

    def _type_row(self, table: str, record_id: str, row: Row) -> None:
        for name, value in row.items():
            self.type(table, record_id, name, value)

    def add_table(
        self, name: str, fields: Iterable[FieldSpec], body: Iterable[Sequence[Any] | Mapping[str, Any]] = ()
    ) -> str:
        """The table id. The first field is the primary one."""
        if self.base.named(name):
            raise ValueError(f"there is a table {name}")
        ids, specs = self.session.tenant.ids, [(one,) if isinstance(one, str) else one for one in fields]
        names = [spec[0] for spec in specs]
        given = [dict(row) if isinstance(row, Mapping) else dict(zip(names, row, strict=False)) for row in body]
        held = Table(ids("tbl", 16), name, views=[View(ids("vew", 10), "表格")])
        self.base.tables.append(held)
        self.base.revision += 1
        for spec in specs:
            ui = spec[1] if len(spec) > 1 else guessed([row.get(spec[0]) for row in given])
            self.add_field(name, spec[0], ui, spec[2] if len(spec) > 2 else None)
        for row in given:
            self.add(name, row)
        return held.id

    def rename_table(self, table: str, name: str) -> None:
        held = self.table(table)
        held.name = name
        self.base.touch(held)

    def delete_table(self, table: str) -> None:
        self.base.tables.remove(self.table(table))
        self.base.revision += 1

    def add_field(
        self, table: str, name: str, ui: str = "Text", given: dict[str, Any] | None = None, **more: Any
    ) -> str:
        """The field id. *more* is of `Field`: a formula has compute and result, a select may be dynamic, any field may
        have a description. The table of a link may be given by name."""
        held = self.table(table)
        if given and (linked := self.base.named(str(given.get("table_id")))):
            given = given | {"table_id": linked.id}
        if ui in {"Lookup", "Button"} or more.get("compute"):
            field = Field(self.session.tenant.ids("fld", 10), name, ui, given, primary=not held.fields)
            held.fields.append(field)
        else:
            spec = {"field_name": name, "type": KINDS[ui].code, "ui_type": ui, "property": given}
            field = columns.make(self.session, held, spec)
        for key, value in more.items():
            setattr(field, key, value)
        self.base.touch(held)
        return field.id

    def rename_field(self, table: str, field: str, name: str) -> None:
        self.field(table, field).name = name
        self.base.touch(self.table(table))

    def delete_field(self, table: str, field: str) -> None:
        columns.delete(self.session, self.table(table), self.field(table, field))
        self.base.touch(self.table(table))

    def move_field(self, table: str, field: str, place: int) -> None:
        held, moved = self.table(table), self.field(table, field)
        held.fields.remove(moved)
        held.fields.insert(place, moved)
        self.base.touch(held)

    def record(self, table: str, record_id: str) -> Record:
        """With who changed it last, and when."""
        return self.table(table).records[record_id]


def guessed(values: Iterable[Any]) -> str:
    """The kind of field that people would make for these values."""
    some = [value for value in values if value is not None and value != ""]
    if not some:
        return "Text"
    for ui, kinds in (("Checkbox", bool), ("Number", (int, float, Decimal)), ("DateTime", date)):
        if all(isinstance(value, kinds) for value in some):
            return ui
    return "Text"

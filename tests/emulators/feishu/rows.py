"""Records made, changed and deleted, whoever does it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.emulators.feishu.errors import Refused
from tests.emulators.feishu.model import Field, Record, Table
from tests.emulators.feishu.values import Session


@contextmanager
def options_kept(table: Table) -> Iterator[None]:
    """When a row of a batch is refused, the options that earlier rows would have made are not made either."""
    before = [(field, list(field.options)) for field in table.fields if field.traits and "options" in field.traits]
    try:
        yield
    except Exception:
        for field, options in before:
            field.options[:] = options
        raise


def add(session: Session, table: Table, cells: dict[str, Any], by: str, *, id_length: int = 14) -> Record:
    """A new last row. cells: field id -> what is stored."""
    if len(table.records) >= session.base.row_limit:
        raise Refused(1254103)
    table.serial += 1
    now = session.tenant.clock()
    record = Record(session.tenant.ids("rec", id_length), table.serial, now, by, now, by)
    table.records[record.id] = record
    for field in table.fields:
        if field.ui == "DateTime" and field.traits and field.traits.get("auto_fill"):
            record.cells[field.id] = now
    fill(session, table, record, cells, by)
    return record


def fill(session: Session, table: Table, record: Record, cells: dict[str, Any], by: str) -> None:
    """Only the given cells change; None empties one."""
    for field_id, value in cells.items():
        field = table.field(field_id)
        if field.ui == "DuplexLink":
            link_back(session, record, field, value or [])
        if value is None:
            record.cells.pop(field_id, None)
        else:
            record.cells[field_id] = value
    record.changed_at, record.changed_by = session.tenant.clock(), by


def link_back(session: Session, record: Record, field: Field, now: list[str]) -> None:
    """The linked rows of the other table link to this one, and those no longer linked do not."""
    whole, before = field.traits or {}, record.cells.get(field.id, [])
    target = session.base.table(whole["table_id"])
    for other in (target.records[one] for one in {*before, *now} if one in target.records):
        links = [one for one in other.cells.get(whole["back_field_id"], []) if one != record.id]
        other.cells[whole["back_field_id"]] = [*links, record.id] if other.id in now else links
    session.base.touch(target)


def drop(session: Session, table: Table, record_ids: list[str]) -> None:
    """The rows go, and out of every link to them; a link that had nothing else then reads as null."""
    gone = set(record_ids)
    for record_id in gone:
        del table.records[record_id]
    for other, field in session.base.linking(table):
        for record in other.records.values():
            links = record.cells.get(field.id)
            if links and gone & set(links):
                record.cells[field.id] = [one for one in links if one not in gone]

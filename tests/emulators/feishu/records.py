"""The calls about records. Each returns what stands in `data`."""

from __future__ import annotations

from typing import Any

from tests.emulators.feishu import cells, filters, rows
from tests.emulators.feishu.ask import Ask, known, offset_in, offset_token
from tests.emulators.feishu.errors import NotEmulated, Refused
from tests.emulators.feishu.model import Field, Record, Table

MOST_WRITTEN, MOST_DELETED, MOST_GOT, MOST_PAGE, MOST_NAMES = 1000, 500, 100, 500, 200

Data = dict[str, Any]


def show(ask: Ask, table: Table, record: Record, fields: list[Field]) -> Data:
    """The record as a search shows it: only the cells that hold something."""
    session = ask.session
    seen = {one.name: cells.shown(session, table, one, record) for one in fields}
    item: Data = {"fields": {name: cell for name, cell in seen.items() if cell is not None}, "record_id": record.id}
    return item | automatic(ask, record) if ask.body.get("automatic_fields") else item


def automatic(ask: Ask, record: Record) -> Data:
    def person(open_id: str) -> Data | None:
        member, session = ask.tenant.member(open_id), ask.session
        return member and member.shown(session.id_type, contacts=session.contacts)

    return {
        "created_by": person(record.created_by),
        "created_time": record.created_at,
        "last_modified_by": person(record.changed_by),
        "last_modified_time": record.changed_at,
    }


def search(ask: Ask) -> Data:
    """A base with advanced permissions shows no rows to an app that may not manage it, and says nothing about it."""
    table, size, start = ask.table, ask.whole("page_size", 20, MOST_PAGE), offset_in(ask.call.one("page_token"))
    fields, found = asked_fields(ask, table), asked_records(ask, table)
    page = found[start : start + size]
    more = start + size < len(found)
    data: Data = {"items": [show(ask, table, one, fields) for one in page], "has_more": more, "total": len(found)}
    return data | {"page_token": offset_token(start + size)} if more else data


def asked_fields(ask: Ask, table: Table) -> list[Field]:
    names = ask.body.get("field_names")
    if not names:
        return table.fields
    if len(names) > MOST_NAMES or any(table.named(name) is None for name in names):
        raise Refused(1254024)
    return [one for one in table.fields if one.name in names]


def asked_records(ask: Ask, table: Table) -> list[Record]:
    """A filter or a sort is of the whole table: the view is then ignored."""
    records = list(table.records.values()) if ask.sees_all else []
    wanted, sort, session = ask.body.get("filter"), ask.body.get("sort"), ask.session
    view = table.view(ask.body["view_id"]) if ask.body.get("view_id") and not wanted and not sort else None
    if view and view.keeps:
        keeps = view.keeps
        records = [one for one in records if keeps(plain_row(ask, table, one))]
    if wanted:
        passes = filters.keeping(session, table, wanted)
        records = [one for one in records if passes(one)]
    return filters.ordered(session, table, records, sort) if sort else records


def plain_row(ask: Ask, table: Table, record: Record) -> Data:
    return {one.name: cells.plain(ask.session, table, one, record) for one in table.fields}


def list_records(ask: Ask) -> Data:
    """The deprecated way to read: texts and numbers as strings, links with what they show."""
    table = ask.table
    if ask.call.one("view_id"):
        table.view(ask.call.one("view_id"))
    records = table.records.values() if ask.sees_all else []
    return ask.paged([show_listed(ask, table, one) for one in records], "record_id", MOST_PAGE)


def show_listed(ask: Ask, table: Table, record: Record) -> Data:
    seen = {one.name: cells.listed(ask.session, table, one, record) for one in table.fields}
    shown = {name: cell for name, cell in seen.items() if cell is not None}
    return {"fields": shown, "id": record.id, "record_id": record.id}


def get_record(ask: Ask) -> Data:
    table = ask.table
    return {"record": show_listed(ask, table, table.record(ask.names["record_id"]))}


def asked_ids(ask: Ask, name: str, most: int) -> list[str]:
    ids = ask.body.get(name)
    if not isinstance(ids, list) or not ids or not all(isinstance(one, str) for one in ids):
        raise Refused(1254001)
    if len(ids) > most:
        raise Refused(1254104)
    return ids


def batch_get(ask: Ask) -> Data:
    table, ids = ask.table, list(dict.fromkeys(asked_ids(ask, "record_ids", MOST_GOT)))
    absent = [one for one in ids if one not in table.records]
    forbidden = [one for one in ids if one in table.records and (one in ask.base.forbidden or not ask.sees_all)]
    found = [table.records[one] for one in ids if one not in {*absent, *forbidden}]
    shown = [show(ask, table, one, table.fields) for one in found]
    if ask.body.get("with_shared_url"):
        shown = [one | {"shared_url": f"https://example.feishu.cn/record/{one['record_id']}"} for one in shown]
    return {"records": shown, "forbidden_record_ids": forbidden, "absent_record_ids": absent}


def taken_cells(ask: Ask, table: Table, given: Data) -> Data:
    """Field id -> what is stored, for the cells of one written row."""
    fields = given.get("fields")
    if not isinstance(fields, dict):
        raise Refused(1254001)
    named = {name: table.written(name) for name in fields}
    return {named[name].id: cells.taken(ask.session, named[name], value) for name, value in fields.items()}


def echo(record: Record, given: Data) -> Data:
    """A write answers with what was written, as it was written."""
    return {"fields": given["fields"], "id": record.id, "record_id": record.id}


def asked_rows(ask: Ask, names: tuple[str, ...]) -> list[Data]:
    given = ask.body.get("records")
    if not isinstance(given, list) or not given:
        raise Refused(1254001)
    if len(given) > MOST_WRITTEN:
        raise Refused(1254104)
    return [known(one, names, "a record") for one in given]


def create_rows(ask: Ask, given: list[Data]) -> list[Data]:
    table = ask.table
    if len(table.records) + len(given) > ask.base.row_limit:
        raise Refused(1254103)
    with rows.options_kept(table):
        taken = [taken_cells(ask, table, one) for one in given]
    made = [rows.add(ask.session, table, row, ask.me) for row in taken]
    ask.base.touch(table)
    return [echo(record, one) for record, one in zip(made, given, strict=True)]


def update_rows(ask: Ask, given: list[tuple[str, Data]]) -> list[Data]:
    table = ask.table
    with rows.options_kept(table):
        taken = [(table.record(record_id), taken_cells(ask, table, one), one) for record_id, one in given]
    for record, row, _one in taken:
        rows.fill(ask.session, table, record, row, ask.me)
    ask.base.touch(table)
    return [echo(record, one) for record, _row, one in taken]


def delete_rows(ask: Ask, ids: list[str]) -> list[Data]:
    table = ask.table
    for record_id in ids:
        table.record(record_id)
    rows.drop(ask.session, table, ids)
    ask.base.touch(table)
    return [{"deleted": True, "record_id": one} for one in ids]


def create_record(ask: Ask) -> Data:
    return {"record": create_rows(ask, [ask.body])[0]}


def update_record(ask: Ask) -> Data:
    return {"record": update_rows(ask, [(ask.names["record_id"], ask.body)])[0]}


def delete_record(ask: Ask) -> Data:
    return delete_rows(ask, [ask.names["record_id"]])[0]


def batch_create(ask: Ask) -> Data:
    made = create_rows(ask, asked_rows(ask, ("fields",)))
    return {"records": made[::-1] if ask.tenant.backwards else made}


def batch_update(ask: Ask) -> Data:
    given = asked_rows(ask, ("record_id", "fields"))
    ids = [one.get("record_id", "") for one in given]
    if len(set(ids)) < len(ids):
        raise NotEmulated("a batch that updates a record twice")
    return {"records": update_rows(ask, list(zip(ids, given, strict=True)))}


def batch_delete(ask: Ask) -> Data:
    return {"records": delete_rows(ask, asked_ids(ask, "records", MOST_DELETED))}

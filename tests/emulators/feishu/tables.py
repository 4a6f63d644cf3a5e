"""The calls about a base, its tables, fields and views. Each returns what stands in `data`."""

from __future__ import annotations

from typing import Any

from tests.emulators.feishu import columns
from tests.emulators.feishu.ask import Ask, known
from tests.emulators.feishu.errors import NotEmulated, Refused
from tests.emulators.feishu.model import Table, View

MOST_TABLES, MOST_VIEWS, MOST_NAME = 100, 200, 100
NOT_IN_A_NAME = frozenset("/\\?*:[]")
VIEW_KINDS = ("grid", "kanban", "gallery", "gantt", "form")
FIRST_FIELD = [{"field_name": "文本", "type": 1}]

Data = dict[str, Any]


def get_app(ask: Ask) -> Data:
    base = ask.base
    app = {"app_token": base.token, "name": base.name, "revision": base.revision, "is_advanced": base.is_advanced}
    return {"app": app | {"time_zone": base.time_zone, "formula_type": 1, "advance_version": "v1"}}


def list_tables(ask: Ask) -> Data:
    seen = [one for one in ask.base.tables if ask.sees_all or one.name not in ask.base.hidden]
    return ask.paged([{"table_id": one.id, "revision": one.revision, "name": one.name} for one in seen], "table_id")


def checked_table_name(ask: Ask, name: Any, own: Table | None = None) -> str:
    """The service documents what a table may be called, but not the code for another name."""
    if not isinstance(name, str) or not 1 <= len(name) <= MOST_NAME or NOT_IN_A_NAME & set(name):
        raise Refused(1254010)
    if ask.base.named(name) not in (None, own):
        raise Refused(1254013)
    return name


def create_table(ask: Ask) -> Data:
    spec = known(ask.body.get("table"), ("name", "default_view_name", "fields"), "a table")
    specs = spec.get("fields")
    if "default_view_name" in spec and not specs:
        raise Refused(1254001)
    table = new_table(ask, spec.get("name"), specs or FIRST_FIELD, spec.get("default_view_name", "表格"))
    if not specs:
        return {"table_id": table.id}
    return {
        "table_id": table.id,
        "default_view_id": table.views[0].id,
        "field_id_list": [one.id for one in table.fields],
    }


def new_table(ask: Ask, name: Any, specs: list[dict[str, Any]], view: str) -> Table:
    """In the base only when every field of it can be made."""
    name, ids = checked_table_name(ask, name), ask.tenant.ids
    if len(ask.base.tables) >= MOST_TABLES:
        raise Refused(1254100)
    if specs[0].get("type") not in columns.FIRST_TYPES:
        raise Refused(1254012)
    table = Table(ids("tbl", 16), name, views=[View(ids("vew", 10), view)])
    for spec in specs[: ask.tenant.fields_kept]:
        columns.make(ask.session, table, spec)
    ask.base.tables.append(table)
    ask.base.revision += 1
    return table


def create_tables(ask: Ask) -> Data:
    names = [known(one, ("name",), "a table of a batch").get("name") for one in ask.body.get("tables") or []]
    if not names or len(set(names)) < len(names):
        raise Refused(1254013 if names else 1254001)
    for name in names:
        checked_table_name(ask, name)
    return {"table_ids": [new_table(ask, name, FIRST_FIELD, "表格").id for name in names]}


def rename_table(ask: Ask) -> Data:
    table = ask.table
    table.name = checked_table_name(ask, ask.body.get("name"), table)
    ask.base.touch(table)
    return {"name": table.name}


def list_fields(ask: Ask) -> Data:
    """is_hidden is said only of a view."""
    table, view_id = ask.table, ask.call.one("view_id")
    shown = [columns.describe(ask.session, one) for one in table.fields]
    if ask.call.one("text_field_as_array", "false") == "true":
        raise NotEmulated("text_field_as_array")
    if view_id:
        table.view(view_id)
        shown = [one | {"is_hidden": False} for one in shown]
    return ask.paged(shown, "field_id")


def create_field(ask: Ask) -> Data:
    field = columns.make(ask.session, ask.table, ask.body)
    ask.base.touch(ask.table)
    return {"field": columns.describe(ask.session, field)}


def update_field(ask: Ask) -> Data:
    table = ask.table
    field = table.field(ask.names["field_id"])
    columns.change(ask.session, table, field, ask.body)
    ask.base.touch(table)
    return {"field": columns.describe(ask.session, field)}


def delete_field(ask: Ask) -> Data:
    table = ask.table
    field = table.field(ask.names["field_id"])
    if field.primary:
        raise Refused(1254012)
    columns.delete(ask.session, table, field)
    ask.base.touch(table)
    return {"field_id": field.id, "deleted": True}


def describe_view(view: View) -> Data:
    return {"view_id": view.id, "view_name": view.name, "view_type": view.kind}


def list_views(ask: Ask) -> Data:
    return ask.paged([describe_view(one) for one in ask.table.views], "view_id")


def create_view(ask: Ask) -> Data:
    table, name, kind = ask.table, ask.body.get("view_name"), ask.body.get("view_type", "grid")
    if not name:
        raise Refused(1254021)
    if not isinstance(name, str) or len(name) > MOST_NAME or set("[]") & set(name):
        raise Refused(1254022)
    if kind not in VIEW_KINDS:
        raise Refused(1254019)
    if any(one.name == name for one in table.views):
        raise Refused(1254020)
    if len(table.views) >= MOST_VIEWS:
        raise Refused(1254101)
    table.views.append(View(ask.tenant.ids("vew", 10), name, kind))
    ask.base.touch(table)
    return {"view": describe_view(table.views[-1])}

"""Fields made, changed and deleted, whoever does it; and how a field is described in an answer."""

from __future__ import annotations

import copy
from typing import Any

from tests.emulators.feishu import cells
from tests.emulators.feishu.cells import KINDS, UI_OF
from tests.emulators.feishu.errors import NotEmulated, Refused
from tests.emulators.feishu.model import Field, Table
from tests.emulators.feishu.values import Session, new_option

MOST_FIELDS = 300
FIRST_TYPES = (1, 2, 5, 13, 15, 20, 22)
"""The types that a table's first field can have by API; in the page people may choose more."""
SPEC = {"field_name", "type", "ui_type", "property", "description"}
OPTION = {"id", "name", "color"}
DAY_FORMS = ("yyyy/MM/dd", "yyyy-MM-dd", "MM-dd", "MM/dd/yyyy", "dd/MM/yyyy")
CLOCK_FORMS = (" HH:mm",)


def describe(session: Session, field: Field) -> dict[str, Any]:
    """The field as the service answers it."""
    shown = {
        "field_id": field.id,
        "field_name": field.name,
        "type": KINDS[field.ui].code,
        "ui_type": field.ui,
        "is_primary": field.primary,
        "property": described_property(session, field),
    }
    return shown | {"description": field.description} if field.description else shown


def described_property(session: Session, field: Field) -> dict[str, Any] | None:
    """With the names of what is linked as they are now."""
    shown = copy.deepcopy(field.traits)
    if field.ui not in {"SingleLink", "DuplexLink"} or shown is None:
        return shown
    target = next((one for one in session.base.tables if one.id == shown["table_id"]), None)
    shown["table_name"] = target.name if target else shown.get("table_name", "")
    back = next((one for one in target.fields if one.id == shown.get("back_field_id")), None) if target else None
    return shown | {"back_field_name": back.name} if back else shown


def make(session: Session, table: Table, spec: dict[str, Any]) -> Field:
    """A new field as a request specifies it, in the table already."""
    name = checked_name(table, spec)
    if len(table.fields) >= MOST_FIELDS:
        raise Refused(1254105)
    ui = ui_of(spec)
    if ui in {"Lookup", "Button"}:
        raise Refused(1254012)
    field = Field(session.tenant.ids("fld", 10), name, ui, primary=not table.fields)
    field.description = described(spec)
    field.traits = property_of(session, field, spec.get("property"))
    table.fields.append(field)
    if ui == "DuplexLink":
        pair(session, table, field)
    return field


def checked_name(table: Table, spec: dict[str, Any], own: Field | None = None) -> str:
    """The name, trimmed. Raises Refused for none, and for one that another field has."""
    if not set(spec) <= SPEC:
        raise NotEmulated(f"a field with {set(spec) - SPEC}")
    if not isinstance(spec.get("field_name"), str) or not isinstance(spec.get("type"), int):
        raise Refused(1254001)
    name = spec["field_name"].strip()
    if not name:
        raise Refused(1254029)
    taken = table.named(name)
    if taken is not None and taken is not own:
        raise Refused(1254014)
    return name


def ui_of(spec: dict[str, Any]) -> str:
    if spec["type"] not in UI_OF:
        raise NotEmulated(f"a field of type {spec['type']}")
    ui = spec.get("ui_type") or UI_OF[spec["type"]]
    if ui not in KINDS or KINDS[ui].code != spec["type"]:
        raise Refused(1254015)
    return ui


def described(spec: dict[str, Any]) -> str:
    description = spec.get("description") or {}
    if not isinstance(description, dict) or not set(description) <= {"text", "disable_sync"}:
        raise NotEmulated("a description is {text, disable_sync}")
    return description.get("text", "")


def property_of(session: Session, field: Field, given: Any) -> dict[str, Any] | None:
    """The whole property from what a request gives of it. Raises Refused with the code of the kind."""
    kind = KINDS[field.ui]
    if kind.preset is None:
        if given:
            raise Refused(kind.wrong)
        return None
    if given is not None and not isinstance(given, dict):
        raise Refused(kind.wrong)
    if given and not set(given) <= set(kind.preset) | kind.optional:
        raise Refused(kind.wrong)
    whole = copy.deepcopy(kind.preset) | copy.deepcopy(given or {})
    CHECKS.get(field.ui, _nothing)(session, field, whole)
    return whole


def _nothing(_session: Session, _field: Field, _whole: dict[str, Any]) -> None:
    """Most properties are taken as they come."""


def _options(session: Session, field: Field, whole: dict[str, Any]) -> None:
    """Options get an id and a color. Those of the field that are not named again are gone, and so is their mark in the
    cells, which hold the id."""
    given, old = whole["options"], {option["id"] for option in field.options}
    names = [option.get("name") for option in given if isinstance(option, dict)]
    if len(names) < len(given) or not all(names) or len(set(names)) < len(names):
        raise Refused(KINDS[field.ui].wrong)
    if any(not set(option) <= OPTION for option in given) or (not field.traits and any("id" in one for one in given)):
        raise NotEmulated("an option is {name, color}, and has an id only when it had one")
    made = Field(field.id, field.name, field.ui, {"options": []})
    for option in given:
        fresh = new_option(session, made, option["name"], option.get("color"))
        fresh["id"] = option["id"] if option.get("id") in old else fresh["id"]
    whole["options"] = made.options


def _day(_session: Session, field: Field, whole: dict[str, Any]) -> None:
    form = whole["date_formatter"]
    if form not in {day + clock for day in DAY_FORMS for clock in ("", *CLOCK_FORMS)}:
        raise Refused(KINDS[field.ui].wrong)


def _linked(session: Session, field: Field, whole: dict[str, Any]) -> None:
    if not any(one.id == whole["table_id"] for one in session.base.tables):
        raise Refused(KINDS[field.ui].wrong)


def _serial(_session: Session, _field: Field, whole: dict[str, Any]) -> None:
    whole["auto_serial"].pop("reformat_existing_records", None)


CHECKS = {
    "SingleSelect": _options,
    "MultiSelect": _options,
    "DateTime": _day,
    "CreatedTime": _day,
    "ModifiedTime": _day,
    "SingleLink": _linked,
    "DuplexLink": _linked,
    "AutoNumber": _serial,
}


def pair(session: Session, table: Table, field: Field) -> None:
    """The other half of a two-way link appears in the linked table."""
    whole = field.traits or {}
    target = session.base.table(whole["table_id"])
    name, turn = whole.pop("back_field_name") or table.name, 1
    while target.named(name if turn == 1 else f"{name} {turn}"):
        turn += 1
    back = Field(session.tenant.ids("fld", 10), name if turn == 1 else f"{name} {turn}", "DuplexLink")
    back.traits = {"multiple": True, "table_id": table.id, "back_field_id": field.id}
    whole["back_field_id"] = back.id
    target.fields.append(back)
    session.base.touch(target)


def change(session: Session, table: Table, field: Field, spec: dict[str, Any]) -> None:
    """The field is what the request says and nothing else: a property that is not given falls back to its preset."""
    name, ui = checked_name(table, spec, field), ui_of(spec)
    if ui == "Lookup":
        raise Refused(1254012)
    if ui != field.ui and "Link" in ui + field.ui:
        raise NotEmulated("a field changed from or to a link")
    before = (field.name, field.ui, field.traits, field.description)
    linked = {"table_id", "back_field_id"} & set(field.traits or {})
    new = Field(field.id, name, ui, field.traits if ui == field.ui else None, field.primary, described(spec))
    whole = field.traits if linked else property_of(session, new, spec.get("property"))
    if before == (name, ui, whole, new.description):
        raise Refused(1254606)
    retype(session, table, field, Field(field.id, name, ui, whole, field.primary))
    field.name, field.ui, field.traits, field.description = name, ui, whole, new.description
    forget_options(table, field)


def retype(session: Session, table: Table, old: Field, new: Field) -> None:
    """Each cell as the new kind understands what a person saw in it; empty where it does not."""
    if new.ui == old.ui:
        return
    for record in table.records.values():
        seen = cells.plain(session, table, old, record)
        record.cells.pop(old.id, None)
        try:
            value = None if seen is None else cells.typed(session, new, seen)
        except (ValueError, TypeError, AttributeError):
            continue
        if value is not None:
            record.cells[old.id] = value


def forget_options(table: Table, field: Field) -> None:
    """Cells lose the options that are gone."""
    if field.ui not in {"SingleSelect", "MultiSelect"}:
        return
    known = {option["id"] for option in field.options}
    for record in table.records.values():
        value = record.cells.get(field.id)
        if isinstance(value, list):
            record.cells[field.id] = [one for one in value if one in known]
        elif value not in known:
            record.cells.pop(field.id, None)


def delete(session: Session, table: Table, field: Field) -> None:
    """The field and its cells; the other half of a two-way link goes with it."""
    table.fields.remove(field)
    for record in table.records.values():
        record.cells.pop(field.id, None)
    back = (field.traits or {}).get("back_field_id")
    for other in session.base.tables:
        for half in [one for one in other.fields if back and one.id == back]:
            other.fields.remove(half)
            session.base.touch(other)

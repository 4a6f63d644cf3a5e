"""What each kind of field takes and shows, as a table; and the cells of a row, which the rest of the emulator asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tests.emulators.feishu import values as v
from tests.emulators.feishu.errors import Refused, parameter
from tests.emulators.feishu.model import Field, Record, Table
from tests.emulators.feishu.values import Session

Way = Callable[[Session, Field, Any], Any]


@dataclass(frozen=True)
class Kind:
    """code: the type. fails: the code of a write it refuses. write: None where nothing can be written.

    preset: the property of a new field, None where there is none. wrong: the code of a property it refuses.
    """

    code: int
    fails: int = 1254015
    write: Way | None = None
    read: Way = v.as_it_is
    plain: Way = v.as_it_is
    typed: Way | None = None
    listed: Way | None = None
    preset: dict[str, Any] | None = None
    optional: frozenset[str] = frozenset()
    wrong: int = 99992402


DAY = {"date_formatter": "yyyy/MM/dd"}
TEXT = Kind(1, 1254060, v.write_text, v.as_it_is, v.see_text, v.type_text, v.list_text)
LINE = replace(TEXT, write=v.write_plain_text, read=v.read_plain_text, typed=v.type_plain_text)
NUMBER = Kind(2, 1254061, v.write_number, typed=v.type_number, listed=v.list_number, wrong=1254081)
MOMENT = Kind(5, 1254064, v.write_moment, plain=v.see_moment, typed=v.type_moment, wrong=1254084)
PEOPLE = Kind(11, 1254066, v.write_people, v.read_people, v.see_people, v.type_people, wrong=1254086)
LINK = Kind(18, 1254067, v.write_links, v.read_links, typed=v.write_links, listed=v.list_links, wrong=1254089)
CHOICE = Kind(3, 1254062, v.write_choice, v.read_choice, v.read_choice, v.write_choice, preset={"options": []})
CHOICES = replace(CHOICE, code=4, fails=1254063, write=v.write_choices, read=v.read_choices, plain=v.read_choices)
BAR = {"formatter": "0%", "min": 0, "max": 1, "range_customize": False}
STARS = {"formatter": "0", "min": 1, "max": 5, "rating": {"symbol": "star"}}
SCAN = {"allowed_edit_modes": {"manual": True, "scan": True}}
SERIAL = {"auto_serial": {"type": "auto_increment_number"}}

KINDS: dict[str, Kind] = {
    "Text": TEXT,
    "Barcode": replace(LINE, preset=SCAN, wrong=1254080),
    "Email": replace(LINE, read=v.read_mail),
    "Number": replace(NUMBER, preset={"formatter": "0"}),
    "Progress": replace(NUMBER, preset=BAR),
    "Currency": replace(NUMBER, preset={"formatter": "0.00", "currency_code": "CNY"}),
    "Rating": replace(NUMBER, preset=STARS),
    "SingleSelect": replace(CHOICE, wrong=1254082),
    "MultiSelect": replace(CHOICES, typed=v.type_choices, wrong=1254083),
    "DateTime": replace(MOMENT, preset=DAY | {"auto_fill": False}),
    "Checkbox": Kind(7, 1254065, v.write_flag, typed=v.write_flag),
    "User": replace(PEOPLE, preset={"multiple": True}),
    "Phone": Kind(13, 1254072, v.write_phone, typed=v.write_phone),
    "Url": Kind(15, 1254068, v.write_url, plain=v.see_url, typed=v.type_url),
    "Attachment": Kind(17, 1254069, v.write_files, v.read_files, typed=v.type_files),
    "SingleLink": replace(LINK, preset={"multiple": True, "table_id": ""}),
    "Lookup": Kind(19),
    "Formula": Kind(20, preset={"formatter": ""}, optional=frozenset({"formula_expression"}), wrong=1254091),
    "DuplexLink": replace(
        LINK, code=21, fails=1254074, preset={"multiple": True, "table_id": "", "back_field_name": ""}, wrong=1254092
    ),
    "Location": Kind(
        22,
        write=v.write_place,
        read=v.read_place,
        typed=v.write_place,
        preset={"location": {"input_type": "not_limit"}},
    ),
    "GroupChat": Kind(23, write=v.write_groups, read=v.read_groups, typed=v.type_groups, preset={"multiple": True}),
    "CreatedTime": Kind(1001, plain=v.see_moment, preset=DAY, wrong=1254093),
    "ModifiedTime": Kind(1002, plain=v.see_moment, preset=DAY, wrong=1254094),
    "CreatedUser": Kind(1003, read=v.read_people, plain=v.see_people, listed=v.list_one_person),
    "ModifiedUser": Kind(1004, read=v.read_people, plain=v.see_people, listed=v.list_one_person),
    "AutoNumber": Kind(1005, preset=SERIAL),
    "Button": Kind(3001),
}
UI_OF = {kind.code: ui for ui, kind in reversed(KINDS.items())}
"""The ui_type when a request gives the type alone."""
COMPUTED = ("Formula", "Lookup")
DATE_FORMS = {"yyyy": "%Y", "MM": "%m", "dd": "%d"}

FROM_THE_ROW: dict[str, Callable[[Record], Any]] = {
    "CreatedTime": lambda record: record.created_at,
    "ModifiedTime": lambda record: record.changed_at,
    "CreatedUser": lambda record: [record.created_by],
    "ModifiedUser": lambda record: [record.changed_by],
}


def stored(session: Session, field: Field, record: Record) -> Any:
    """What the cell holds, computed where the field is none that anybody writes; None for an empty cell."""
    if field.ui in FROM_THE_ROW:
        return FROM_THE_ROW[field.ui](record)
    if field.ui == "AutoNumber":
        return serial(session, field, record)
    return record.cells.get(field.id)


def serial(session: Session, field: Field, record: Record) -> str:
    rule = (field.traits or SERIAL)["auto_serial"]
    if rule["type"] == "auto_increment_number":
        return str(record.serial)
    day = v.see_moment(session, field, record.created_at)
    parts = {
        "system_number": lambda value: str(record.serial).zfill(int(value)),
        "fixed_text": lambda value: value,
        "created_time": lambda value: day.strftime(_strftime(value)),
    }
    return "".join(parts[option["type"]](option["value"]) for option in rule["options"])


def _strftime(form: str) -> str:
    for theirs, ours in DATE_FORMS.items():
        form = form.replace(theirs, ours)
    return form


def computed(session: Session, table: Table, field: Field, record: Record) -> Any:
    """What a formula or lookup gives, stored as its result kind; None for nothing."""
    if field.compute is None:
        return None
    row = {one.name: plain(session, table, one, record) for one in table.fields if one.ui not in COMPUTED}
    value, typed = field.compute(row), KINDS[field.result].typed
    if field.result == "Text":
        typed = v.make_text
    return None if value is None or typed is None else typed(session, field, value)


def shown(session: Session, table: Table, field: Field, record: Record) -> Any:
    """The cell as a search shows it; None for an empty cell, which a search leaves out."""
    if field.ui not in COMPUTED:
        value = stored(session, field, record)
        return None if value is None else KINDS[field.ui].read(session, field, value) or _kept(value)
    value = computed(session, table, field, record)
    if value is None:
        return None
    read = KINDS[field.result].read(session, field, value)
    return {"type": KINDS[field.result].code, "value": read if isinstance(read, list) else [read]}


def _kept(value: Any) -> Any:
    """An unticked box and a zero are values; an empty text or list is an empty cell."""
    return value if isinstance(value, bool | int | float) else None


def listed(session: Session, table: Table, field: Field, record: Record) -> Any:
    """The cell as the deprecated list shows it."""
    if field.ui in COMPUTED:
        cell = shown(session, table, field, record)
        return cell and cell["value"]
    way, value = KINDS[field.ui].listed, stored(session, field, record)
    return shown(session, table, field, record) if way is None or value is None else way(session, field, value) or None


def plain(session: Session, table: Table, field: Field, record: Record) -> Any:
    """The cell as a person sees it; None for an empty one."""
    if field.ui in COMPUTED:
        value = computed(session, table, field, record)
        return None if value is None else KINDS[field.result].plain(session, field, value)
    value = stored(session, field, record)
    seen = None if value is None else KINDS[field.ui].plain(session, field, value)
    return None if seen in ("", []) else seen


def taken(session: Session, field: Field, value: Any) -> Any:
    """What a request's value is stored as. None empties the cell. Raises Refused with the code of the kind."""
    kind = KINDS[field.ui]
    if kind.write is None:
        raise Refused(kind.fails, parameter(f"fields.{field.name}", "the field cannot be written"))
    if value is None:
        return None
    try:
        return kind.write(session, field, value)
    except ValueError as wrong:
        raise Refused(kind.fails, parameter(f"fields.{field.name}", str(wrong))) from None


def typed(session: Session, field: Field, value: Any) -> Any:
    """What a person's typing is stored as. Raises ValueError for what the page would not take."""
    way = KINDS[field.ui].typed
    if way is None:
        raise ValueError(f"{field.name}: nobody can type in a {field.ui}")
    return None if value is None or value == "" else way(session, field, value)

"""What `huzhu init` makes of a base, and how its fields are found again.

The description of each field ends in a mark such as `[huzhu:loans.due_on]`, so that people may rename it. Nothing that
is there is renamed, changed or deleted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rules.layout import header_name
from rules.schema import LOANS, REQUESTS, Column, Kind, Owner, Table
from rules.words import Words
from sync.backends.looks import OVERWRITTEN
from sync.feishu.base import Field

BESIDE = "系统·"
"""How the names of fields begin that the worker keeps beside what people type."""
ORDER = Column(
    "order",
    f"{BESIDE}顺序",
    Kind.NUMBER,
    Words("系统：行的先后，按它升序排就是系统的顺序", "Worker: the order of the rows; sort by it"),
    owner=Owner.WORKER,
)
FORMS = {REQUESTS.name: "求助登记", LOANS.name: "借调登记"}
"""Tables that get a form for members to fill in."""
TEXT, NUMBER, SELECT, MOMENT, BOX, SERIAL = 1, 2, 3, 5, 7, 1005
AUTOMATIC = frozenset({20, 1001, 1002, 1003, 1004, SERIAL})
"""Types of fields that show something in every row, also where nobody typed."""

_MARK = re.compile(r"\[huzhu:(\w+)\.(\w+)\]")
_FIRST = (TEXT, NUMBER, MOMENT, 13, 15, 20, 22)  # what the first field of a table may be
_COLOURS = 10
_SERIALS = {(REQUESTS.name, "request_id"): "R-", (LOANS.name, "loan_id"): "L-"}
_NUMBERS = {Kind.COUNT: "0", Kind.POINTS: "0", Kind.MONEY: "0.00", Kind.NUMBER: "0.0000"}
_DAYS = {Kind.DATE: "yyyy/MM/dd", Kind.MOMENT: "yyyy/MM/dd HH:mm"}


def columns(table: Table) -> tuple[Column, ...]:
    """What *table* has in a base: its columns, and in a worker's table the order of the rows."""
    return (*table.columns, ORDER) if table.owner is Owner.WORKER else table.columns


def name_of(column: Column) -> str:
    """What the field is called that `init` makes."""
    return f"{BESIDE}{column.header}" if column.finds else column.header


def mark_in(field: Field) -> tuple[str, str]:
    """The table and column that the description names; ("", "") for a field that we did not make."""
    found = _MARK.search(str(field.get("description") or ""))
    return (found[1], found[2]) if found else ("", "")


def found(table: Table, fields: Sequence[Field]) -> dict[str, Field]:
    """Which of *fields* holds each column: by its mark, whatever it is called now; else by its name."""
    places: dict[str, Field] = {}
    for column in columns(table):
        marked = [field for field in fields if mark_in(field) == (table.name, column.field)]
        named = [field for field in marked if is_named(field, column)]  # a copied field has the mark of the first
        if marked:
            places[column.field] = (named or marked)[0]
    taken = {field["field_id"] for field in places.values()}
    for column in (column for column in columns(table) if column.field not in places):
        named = [field for field in fields if field["field_id"] not in taken and is_named(field, column)]
        if named:
            places[column.field] = named[0]
            taken.add(named[0]["field_id"])
    return places


def is_named(field: Field, column: Column) -> bool:
    """Whether the field has the name of *column*, white space and width folded."""
    names = [name_of(column)] if column.finds or column is ORDER else [column.header, column.field]
    return header_name(field["field_name"]) in map(header_name, names)


def missing(table: Table, fields: Sequence[Field]) -> list[Column]:
    """The columns that have no field."""
    there = found(table, fields)
    return [column for column in columns(table) if column.field not in there]


def specs(table: Table) -> list[dict[str, Any]]:
    """Every field of a new table; in the first place one that may stand there."""
    listed = [spec(table, column, new=True) for column in columns(table)]
    first = next(one for one in listed if one["type"] in _FIRST)
    return [first, *(one for one in listed if one is not first)]


def spec(table: Table, column: Column, *, new: bool = False) -> dict[str, Any]:
    """One field to make. new: its table is, so that numbers may be given out from the first row on."""
    shape = _serial(table, column) if new and (table.name, column.field) in _SERIALS else _shape(column)
    ours = f"{OVERWRITTEN.zh}\n" if table.owner is Owner.WORKER and column is table.columns[0] else ""
    doc = f"{ours}{column.doc.zh}\n{column.doc.en} [huzhu:{table.name}.{column.field}]"
    return {"field_name": name_of(column), **shape, "description": {"text": doc}}


def type_of(column: Column) -> int:
    """The type of a field that the worker writes."""
    return int(_shape(column)["type"])


def _serial(table: Table, column: Column) -> dict[str, Any]:
    options = [
        {"type": "fixed_text", "value": _SERIALS[table.name, column.field]},
        {"type": "system_number", "value": "4"},
    ]
    return {"type": SERIAL, "property": {"auto_serial": {"type": "custom", "options": options}}}


def _shape(column: Column) -> dict[str, Any]:
    """Type and property. The worker's texts are plain text: a name that no option has would make one."""
    if column.kind in _NUMBERS:
        return {"type": NUMBER, "property": {"formatter": _NUMBERS[column.kind]}}
    if column.kind in _DAYS:
        return {"type": MOMENT, "property": {"date_formatter": _DAYS[column.kind]}}
    if column.kind is Kind.FLAG:
        return {"type": BOX}
    if column.kind is Kind.CHOICE and column.owner is Owner.MEMBER:
        options = [{"name": choice, "color": i % _COLOURS} for i, choice in enumerate(column.choices)]
        return {"type": SELECT, "property": {"options": options}}
    return {"type": TEXT}


def renamed(table: Table, places: Mapping[str, Field]) -> list[tuple[Column, str]]:
    """Columns whose field people gave another name, and that name."""
    held = [(column, places[column.field]) for column in columns(table) if column.field in places]
    return [(column, str(field["field_name"])) for column, field in held if not is_named(field, column)]

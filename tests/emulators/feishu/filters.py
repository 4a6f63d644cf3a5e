"""Which rows a search keeps and in which order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from tests.emulators.feishu import cells, values
from tests.emulators.feishu.ask import known
from tests.emulators.feishu.errors import NotEmulated, Refused, parameter
from tests.emulators.feishu.model import Field, Record, Table
from tests.emulators.feishu.values import Session

Keeps = Callable[[Record], bool]
FAMILY = {
    **dict.fromkeys(("Text", "Barcode", "Email", "Phone", "Url", "Location", "AutoNumber"), "text"),
    **dict.fromkeys(("Number", "Progress", "Currency", "Rating"), "number"),
    **dict.fromkeys(("SingleSelect", "MultiSelect"), "choice"),
    **dict.fromkeys(("DateTime", "CreatedTime", "ModifiedTime"), "moment"),
    **dict.fromkeys(("User", "CreatedUser", "ModifiedUser"), "people"),
    **dict.fromkeys(("SingleLink", "DuplexLink", "GroupChat"), "ids"),
    "Checkbox": "flag",
    "Attachment": "files",
}
EMPTY = ("isEmpty", "isNotEmpty")
OPERATORS = {
    "text": ("is", "isNot", "contains", "doesNotContain", *EMPTY),
    "number": ("is", "isNot", "isGreater", "isGreaterEqual", "isLess", "isLessEqual", *EMPTY),
    "choice": ("is", "isNot", "contains", "doesNotContain", *EMPTY),
    "moment": ("is", "isGreater", "isLess", *EMPTY),
    "people": ("is", "isNot", "contains", "doesNotContain", *EMPTY),
    "ids": ("is", "isNot", "contains", "doesNotContain", *EMPTY),
    "flag": ("is",),
    "files": EMPTY,
}
DAYS = {"Today": 0, "Tomorrow": 1, "Yesterday": -1}
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "isGreater": lambda have, want: have is not None and have > want,
    "isGreaterEqual": lambda have, want: have is not None and have >= want,
    "isLess": lambda have, want: have is not None and have < want,
    "isLessEqual": lambda have, want: have is not None and have <= want,
}


def invalid(sentence: str) -> Refused:
    return Refused(1254018, parameter("", sentence))


def keeping(session: Session, table: Table, group: dict[str, Any], *, nested: bool = False) -> Keeps:
    """Whether a row passes the filter, its conditions and one level of groups."""
    known(group, ("conjunction", "conditions") if nested else ("conjunction", "conditions", "children"), "a filter")
    together = {"and": all, "or": any}.get(group.get("conjunction", "and"))
    conditions = group.get("conditions") or []
    if together is None or len(conditions) > 50:
        raise invalid("conjunction must be and / or, with at most 50 conditions")
    tests = [condition(session, table, one) for one in conditions]
    tests += [keeping(session, table, one, nested=True) for one in group.get("children") or []]
    return lambda record: together(test(record) for test in tests) if tests else True


def condition(session: Session, table: Table, given: dict[str, Any]) -> Keeps:
    known(given, ("field_name", "operator", "value"), "a condition")
    name, operator, wanted = given.get("field_name"), given.get("operator", ""), given.get("value")
    field = table.named(name or "")
    if field is None:
        raise invalid(f"field '{name}' not found")
    family = FAMILY.get(field.ui)
    if family is None or operator not in OPERATORS[family]:
        raise invalid(f"field '{name}' fieldType '{cells.KINDS[field.ui].code}' not support {operator}")
    if not isinstance(wanted, list) or not all(isinstance(one, str) for one in wanted):
        raise invalid(f"field '{name}' value must be an array of strings")
    if operator in EMPTY:
        if wanted:
            raise invalid(f"field '{name}' value must be empty with {operator}")
        return lambda record: (cells.shown(session, table, field, record) is None) == (operator == "isEmpty")
    return MATCH[family](session, table, field, operator, wanted)


def _text(session: Session, table: Table, field: Field, operator: str, wanted: list[str]) -> Keeps:
    def holds(record: Record) -> bool:
        text = str(cells.plain(session, table, field, record) or "")
        return text == wanted[0] if operator in {"is", "isNot"} else any(one in text for one in wanted)

    return _turned(operator, holds)


def _turned(operator: str, holds: Keeps) -> Keeps:
    negative = operator in {"isNot", "doesNotContain"}
    return lambda record: holds(record) != negative


def _sets(read: Callable[[Session, Field, list[str]], set[str]]) -> Callable[..., Keeps]:
    """For cells that hold several: `is` wants exactly these, `contains` any of them."""

    def match(session: Session, _table: Table, field: Field, operator: str, wanted: list[str]) -> Keeps:
        want = read(session, field, wanted)

        def holds(record: Record) -> bool:
            value = cells.stored(session, field, record)
            have = set(value if isinstance(value, list) else [value] if value is not None else [])
            return have == want if operator in {"is", "isNot"} else bool(have & want)

        return _turned(operator, holds)

    return match


def _options(_session: Session, field: Field, wanted: list[str]) -> set[str]:
    return {option["id"] for option in field.options if option["name"] in wanted}


def _people(session: Session, field: Field, wanted: list[str]) -> set[str]:
    people = [session.tenant.member(one) for one in wanted]
    if any(one is None or one.ids[session.id_type] != id_ for one, id_ in zip(people, wanted, strict=True)):
        listed = " ".join(wanted)
        raise invalid(f"UserCondition field '{field.name}' value '[{listed}]',id is invalid")
    return {one.ids["open_id"] for one in people if one}


def _number(session: Session, _table: Table, field: Field, operator: str, wanted: list[str]) -> Keeps:
    try:
        want = float(wanted[0])
    except (ValueError, IndexError):
        raise invalid(f"field '{field.name}' value must be a number") from None
    if operator in COMPARE:
        return lambda record: COMPARE[operator](cells.stored(session, field, record), want)
    return _turned(operator, lambda record: cells.stored(session, field, record) == want)


def _moment(session: Session, _table: Table, field: Field, operator: str, wanted: list[str]) -> Keeps:
    """Days are compared, in the zone of the base: the given moment is cut to its midnight."""
    day = _day(session, wanted)
    end = day + 86_400_000

    def holds(record: Record) -> bool:
        have = cells.stored(session, field, record)
        if have is None:
            return False
        return {"is": day <= have < end, "isGreater": have >= end, "isLess": have < day}[operator]

    return holds


def _day(session: Session, wanted: list[str]) -> int:
    if len(wanted) == 2 and wanted[0] == "ExactDate" and wanted[1].isdigit():
        moment = int(wanted[1])
    elif len(wanted) == 1 and wanted[0] in DAYS:
        moment = session.tenant.clock() + DAYS[wanted[0]] * 86_400_000
    elif wanted and wanted[0] != "ExactDate":
        raise NotEmulated(f"a filter by {wanted}")
    else:
        raise invalid("ExactDate must have a timestamp")
    local = (values.EPOCH + timedelta(milliseconds=moment)).astimezone(session.base.zone)
    midnight = datetime.combine(local.date(), datetime.min.time(), session.base.zone)
    return (midnight - values.EPOCH) // timedelta(milliseconds=1)


def _flag(session: Session, _table: Table, field: Field, _operator: str, wanted: list[str]) -> Keeps:
    if wanted not in (["true"], ["false"]):
        raise invalid(f"field '{field.name}' value must be true or false")
    return lambda record: bool(cells.stored(session, field, record)) == (wanted == ["true"])


MATCH: dict[str, Callable[..., Keeps]] = {
    "text": _text,
    "number": _number,
    "choice": _sets(_options),
    "moment": _moment,
    "people": _sets(_people),
    "ids": _sets(lambda _session, _field, wanted: set(wanted)),
    "flag": _flag,
}


def ordered(session: Session, table: Table, records: list[Record], sort: list[dict[str, Any]]) -> list[Record]:
    """By the first field, then the next; empty cells first. Raises Refused for a field that is not there."""
    for one in reversed(sort):
        known(one, ("field_name", "desc"), "a sort")
        field = table.named(one.get("field_name", ""))
        if field is None:
            raise Refused(1254016, parameter("", f"sort field '{one.get('field_name')}' not found"))
        key = _sort_key(session, table, field)
        records = sorted(records, key=key, reverse=bool(one.get("desc", False)))
    return records


def _sort_key(session: Session, table: Table, field: Field) -> Callable[[Record], Any]:
    def key(record: Record) -> tuple[bool, Any]:
        value = cells.plain(session, table, field, record)
        number = isinstance(value, int | float)
        return (value is not None, value if number else 0, "" if value is None or number else str(value))

    return key

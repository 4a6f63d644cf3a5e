"""One value on its four ways: as a request writes it, as a search shows it, as a person types it, as a person sees it.

What is stored is the least that all four need: segments of a text, option ids, milliseconds, open ids, record ids.
A function that takes a value raises ValueError when the value is none of its kind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from tests.emulators.feishu.errors import NotEmulated, Refused
from tests.emulators.feishu.model import Base, Field
from tests.emulators.feishu.tenant import Tenant

MOST_TEXT, MOST_LINKS, MOST_FILES, MOST_PEOPLE, MOST_GROUPS, MOST_PICKED = 100_000, 500, 100, 1000, 10, 1000
PHONE = re.compile(r"\+?\d*")
NOT_EXACT = 2**53
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DATE_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y/%m/%d %H:%M", "%Y/%m/%d")


@dataclass(frozen=True)
class Session:
    """In which base, and for whom: id_type is how the caller names people, contacts whether it may see more of them."""

    tenant: Tenant
    base: Base
    id_type: str = "open_id"
    contacts: bool = True


def expect(fits: object, wanted: str) -> None:
    if not fits:
        raise ValueError(wanted)


def segments(text: str) -> list[dict[str, str]]:
    """A text as it is read: one segment a line, each with its line break."""
    return [{"type": "text", "text": line} for line in re.findall(r"[^\n]*\n|[^\n]+", text)]


def joined(parts: list[dict[str, Any]]) -> str:
    return "".join(part["text"] for part in parts)


# As a request writes it.


def write_plain_text(_session: Session, _field: Field, value: Any) -> str:
    expect(isinstance(value, str), "the value must be a string")
    if len(value) > MOST_TEXT:
        raise Refused(1254130)
    return value


def write_text(session: Session, field: Field, value: Any) -> list[dict[str, str]]:
    return segments(write_plain_text(session, field, value))


def write_number(_session: Session, _field: Field, value: Any) -> int | float:
    expect(isinstance(value, int | float) and not isinstance(value, bool), "the value must be a number")
    return int(float(value)) if isinstance(value, int) and abs(value) > NOT_EXACT else value


def write_moment(_session: Session, _field: Field, value: Any) -> int:
    expect(isinstance(value, int) and not isinstance(value, bool), "the value must be a timestamp in milliseconds")
    return value


def write_flag(_session: Session, _field: Field, value: Any) -> bool:
    expect(isinstance(value, bool), "the value must be true or false")
    return value


def write_phone(_session: Session, _field: Field, value: Any) -> str:
    expect(isinstance(value, str) and len(value) <= 64 and PHONE.fullmatch(value), "the value must be digits")
    return value


def write_choice(session: Session, field: Field, value: Any) -> str:
    expect(isinstance(value, str) and value and not field.dynamic, "the value must be the name of an option")
    return pick(session, field, [value])[0]


def write_choices(session: Session, field: Field, value: Any) -> list[str]:
    fits = isinstance(value, list) and len(value) <= MOST_PICKED and all(isinstance(one, str) and one for one in value)
    expect(fits and not field.dynamic, "the value must be an array of names of options")
    return pick(session, field, value)


def pick(session: Session, field: Field, names: list[str]) -> list[str]:
    """The option ids of *names*. A new name becomes an option; written twice in one cell it becomes two."""
    known = {option["name"]: option["id"] for option in reversed(field.options)}
    picked = [known.get(name) or new_option(session, field, name)["id"] for name in names]
    return list(dict.fromkeys(picked))


def new_option(session: Session, field: Field, name: str, color: int | None = None) -> dict[str, Any]:
    color = (field.options[-1]["color"] + 1) % 55 if color is None and field.options else color or 0
    field.options.append({"id": session.tenant.ids("opt", 10), "name": name, "color": color})
    return field.options[-1]


def write_people(session: Session, field: Field, value: Any) -> list[str]:
    people = [session.tenant.member(one) for one in ids_in(value, MOST_PEOPLE)]
    fits = all(one and one.ids[session.id_type] == given["id"] for one, given in zip(people, value, strict=True))
    expect(fits and fits_one(field, people), f"the value must be an array of {session.id_type}")
    return [one.ids["open_id"] for one in people if one]


def write_groups(session: Session, _field: Field, value: Any) -> list[str]:
    ids = ids_in(value, MOST_GROUPS)
    expect(all(one in session.tenant.groups for one in ids), "the value must be an array of chat ids")
    return ids


def ids_in(value: Any, most: int) -> list[str]:
    fits = (
        isinstance(value, list) and len(value) <= most and all(isinstance(one, dict) and "id" in one for one in value)
    )
    expect(fits, "the value must be an array of {id}")
    if any(set(one) != {"id"} for one in value):
        raise NotEmulated("only id can be written in a person or group cell")
    return [one["id"] for one in value]


def fits_one(field: Field, values: list[Any]) -> bool:
    return len(values) <= 1 or bool((field.traits or {}).get("multiple", True))


def write_url(_session: Session, _field: Field, value: Any) -> dict[str, str]:
    fits = isinstance(value, dict) and isinstance(value.get("link"), str)
    expect(fits and isinstance(value.get("text", ""), str), "the value must be {text, link}")
    if not set(value) <= {"text", "link"}:
        raise NotEmulated("a link cell takes text and link")
    return {"link": value["link"], "text": value.get("text") or value["link"]}


def write_files(session: Session, _field: Field, value: Any) -> list[str]:
    fits = isinstance(value, list) and len(value) <= MOST_FILES
    expect(fits and all(isinstance(one, dict) and "file_token" in one for one in value), "must be [{file_token}]")
    tokens = [one["file_token"] for one in value]
    if any(token not in session.tenant.files for token in tokens):
        raise Refused(1254303)
    return tokens


def write_links(session: Session, field: Field, value: Any) -> list[str]:
    fits = isinstance(value, list) and len(value) <= MOST_LINKS and fits_one(field, value)
    expect(fits and all(isinstance(one, str) for one in value), "the value must be an array of record ids")
    target = session.base.table((field.traits or {})["table_id"])
    expect(all(one in target.records for one in value), "a record id is not in the linked table")
    return list(dict.fromkeys(value))


def write_place(_session: Session, _field: Field, value: Any) -> str:
    expect(isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?,-?\d+(\.\d+)?", value), "must be 'lng,lat'")
    return value


# As a search shows it.


def as_it_is(_session: Session, _field: Field, value: Any) -> Any:
    return value


def read_plain_text(_session: Session, _field: Field, value: str) -> Any:
    return [{"type": "text", "text": value}]


def read_mail(_session: Session, _field: Field, value: str) -> Any:
    return [{"type": "url", "link": f"mailto:{value}", "text": value}]


def read_choice(_session: Session, field: Field, value: str) -> Any:
    return next((option["name"] for option in field.options if option["id"] == value), None)


def read_choices(session: Session, field: Field, value: list[str]) -> Any:
    return [name for one in value if (name := read_choice(session, field, one)) is not None]


def read_people(session: Session, _field: Field, value: list[str]) -> Any:
    people = [session.tenant.member(one) for one in value]
    return [one.shown(session.id_type, contacts=session.contacts) for one in people if one]


def read_groups(session: Session, _field: Field, value: list[str]) -> Any:
    return [{"id": one, **session.tenant.groups[one]} for one in value]


def read_files(session: Session, _field: Field, value: list[str]) -> Any:
    drive = "https://open.feishu.cn/open-apis/drive/v1/medias"
    return [
        {
            **session.tenant.files[one],
            "tmp_url": f"{drive}/batch_get_tmp_download_url?file_tokens={one}",
            "url": f"{drive}/{one}/download",
        }
        for one in value
    ]


def read_links(_session: Session, _field: Field, value: list[str]) -> Any:
    return {"link_record_ids": value or None}


def read_place(session: Session, _field: Field, value: str) -> Any:
    blank = dict.fromkeys(("address", "adname", "cityname", "full_address", "name", "pname"), "")
    return {"location": value, **blank, **session.tenant.places.get(value, {})}


# As the deprecated list shows it.


def list_text(_session: Session, _field: Field, value: Any) -> Any:
    return value if isinstance(value, str) else joined(value)


def list_number(_session: Session, _field: Field, value: float) -> Any:
    return str(value)


def list_links(session: Session, field: Field, value: list[str]) -> Any:
    if not value:
        return None
    table = session.base.table((field.traits or {})["table_id"])
    texts = [str(see_first(session, table, one)) for one in value]
    shown = {"record_ids": value, "table_id": table.id, "text": ",".join(texts), "text_arr": texts, "type": "text"}
    return [shown]


def see_first(session: Session, table: Any, record_id: str) -> Any:
    """What a person sees in the first column of a linked row, when that column holds text."""
    first = table.fields[0]
    value = table.records[record_id].cells.get(first.id)
    return see_text(session, first, value) if value is not None and first.ui == "Text" else ""


def list_one_person(session: Session, field: Field, value: list[str]) -> Any:
    return next(iter(read_people(session, field, value)), None)


# As a person types it.


def type_plain_text(_session: Session, _field: Field, value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def type_text(session: Session, field: Field, value: Any) -> list[dict[str, str]]:
    """An address typed alone becomes a link."""
    text = type_plain_text(session, field, value)
    if re.fullmatch(r"https?://\S+", text):
        return [{"type": "url", "link": text, "text": text}]
    return segments(text)


def make_text(_session: Session, _field: Field, value: Any) -> list[dict[str, str]]:
    """What a formula writes: an address in it is no link."""
    return segments(str(value))


def type_number(session: Session, field: Field, value: Any) -> int | float:
    if isinstance(value, str):
        value = Decimal(value.replace(",", "")) if re.fullmatch(r"-?[\d,]+(\.\d+)?", value) else value
    if isinstance(value, Decimal):
        value = int(value) if value == value.to_integral_value() else float(value)
    return write_number(session, field, value)


def type_moment(session: Session, _field: Field, value: Any) -> int:
    if isinstance(value, str):
        value = parsed(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if isinstance(value, datetime):
        local = value if value.tzinfo else value.replace(tzinfo=session.base.zone)
        return (local - EPOCH) // timedelta(milliseconds=1)
    return write_moment(session, _field, value)


def parsed(text: str) -> datetime:
    for form in DATE_FORMATS:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - as typed, in the zone of the base
        except ValueError:
            continue
    raise ValueError(f"{text} is no date")


def type_choices(session: Session, field: Field, value: Any) -> list[str]:
    return write_choices(session, field, [value] if isinstance(value, str) else list(value))


def type_people(session: Session, _field: Field, value: Any) -> list[str]:
    names = [value] if isinstance(value, str) else list(value)
    people = [session.tenant.member(name) for name in names]
    expect(all(people), "nobody of that name")
    return [one.ids["open_id"] for one in people if one]


def type_url(_session: Session, _field: Field, value: Any) -> dict[str, str]:
    return dict(value) if isinstance(value, dict) else {"link": str(value), "text": str(value)}


def type_files(session: Session, field: Field, value: Any) -> list[str]:
    return write_files(session, field, [{"file_token": one} for one in value])


def type_groups(session: Session, field: Field, value: Any) -> list[str]:
    return write_groups(session, field, [{"id": one} for one in value])


# As a person sees it.


def see_text(_session: Session, _field: Field, value: Any) -> Any:
    return value if isinstance(value, str) else joined(value)


def see_moment(session: Session, _field: Field, value: int) -> Any:
    """A date, or a datetime of the base's zone when the cell carries a time."""
    local = (EPOCH + timedelta(milliseconds=value)).astimezone(session.base.zone).replace(tzinfo=None)
    return local.date() if local.time() == time() else local


def see_people(session: Session, _field: Field, value: list[str]) -> Any:
    return [one.name for one in (session.tenant.member(open_id) for open_id in value) if one]


def see_url(_session: Session, _field: Field, value: dict[str, str]) -> Any:
    return value["link"]

"""A base for a test: an app with a token, calls without a socket, and cells set up from what a search once showed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from tests.emulators.feishu.cells import KINDS
from tests.emulators.feishu.model import Field, Record, Table, View
from tests.emulators.feishu.values import joined, pick
from tests.emulators.feishu_bitable import FeishuBitable
from tests.emulators.served import Answer, Call

SAMPLES = Path(__file__).parents[2] / "data" / "feishu"
NOON = 1_761_192_000_000
"""2025-10-23 12:00 in Beijing."""

IDS = re.compile(r"(fld|opt|tbl|vew|rec|om_|oc_|ou_|cli_|t-)\S+")
LOG = re.compile(r"\d{12}[0-9A-F]{3,}|&method_id=\d+|app/cli_\w+|open\.(feishu|larksuite)\.\w+|排查建议查看\(|\)(?=:)")


def sample(name: str) -> dict[str, Any]:
    """The sample whose file name begins so."""
    (path,) = SAMPLES.glob(f"{name}-*.json")
    return json.loads(path.read_text(encoding="utf-8"))


def differences(theirs: Any, ours: Any, place: str = "", *, loose: bool = False) -> Iterator[str]:
    """Where *ours* lacks or alters something of *theirs*. loose: ids need only be of the same kind."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key, value in theirs.items():
            where = f"{place}.{key}".lstrip(".")
            yield from differences(value, ours[key], where, loose=loose) if key in ours else [where]
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for number, (one, other) in enumerate(zip(theirs, ours, strict=True)):
            yield from differences(one, other, f"{place}[{number}]", loose=loose)
    elif not same(theirs, ours, loose=loose) or type(theirs) is not type(ours):
        yield place


def same(theirs: Any, ours: Any, *, loose: bool) -> bool:
    if not isinstance(theirs, str) or not isinstance(ours, str):
        return theirs == ours
    if theirs.startswith("https://open.feishu.cn/open-apis/drive/") or "/record/" in theirs:
        return ours.split("/")[:3] == theirs.split("/")[:3]
    ids = [IDS.fullmatch(one) for one in (theirs, ours)]
    if loose and ids[0] and ids[1]:
        return ids[0][1] == ids[1][1]
    return LOG.sub("", theirs).lower() == LOG.sub("", ours).lower()


class Stage:
    """One app, one base, one table; `ask` calls with the app's token and `now` stands still until it is moved."""

    def __init__(self, table_id: str = "tblStage00000000") -> None:
        self.now = NOON
        self.feishu = FeishuBitable(lambda: self.now)
        self.app = self.feishu.add_app("cli_stage", "secret")
        self.base_token = self.feishu.add_base("互助")
        self.base = self.feishu.bases[self.base_token]
        self.person = self.feishu.person(self.base_token)
        self.table = self.add_table(table_id, "数据表")
        self.token = self.feishu.token_for(self.app)[0]

    def add_table(self, table_id: str, name: str) -> Table:
        self.base.tables.append(Table(table_id, name, views=[View(f"vew{table_id[3:10]}", "表格")]))
        return self.base.tables[-1]

    def ask(self, method: str, path: str, body: Any = None, **query: Any) -> Answer:
        """path: `…` stands for the table, `app:` for the base."""
        base = f"/open-apis/bitable/v1/apps/{self.base_token}"
        whole, _, rest = path.replace("…", f"{base}/tables/{self.table.id}").replace("app:", base).partition("?")
        headers = {"authorization": f"Bearer {self.token}"}
        asked = {name: [str(value)] for name, value in query.items()} | parse_qs(rest)
        data = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        return self.feishu(
            Call(method, whole if whole.startswith("/") else f"/open-apis/{whole}", asked, headers, data)
        )

    def data(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        answer = self.ask(method, path, body, **query)
        assert answer.body["code"] == 0, answer.body
        return answer.body["data"]

    def code(self, method: str, path: str, body: Any = None, **query: Any) -> int:
        return self.ask(method, path, body, **query).body["code"]

    def search(self, **body: Any) -> list[dict[str, Any]]:
        return self.data("POST", "…/records/search", body, page_size=500)["items"]

    def create(self, *rows: dict[str, Any], **query: Any) -> list[str]:
        body = {"records": [{"fields": row} for row in rows]}
        made = self.data("POST", "…/records/batch_create", body, **query)["records"]
        return [one["record_id"] for one in made]

    def add_field(self, name: str, ui: str, **more: Any) -> Field:
        """A field as it is, with any id and property."""
        preset = KINDS[ui].preset
        more = {"id": self.feishu.ids("fld", 10), "traits": json.loads(json.dumps(preset)), **more}
        field = Field(name=name, ui=ui, primary=not self.table.fields, **more)
        self.table.fields.append(field)
        return field

    def add_fields(self, described: list[dict[str, Any]], table: Table) -> None:
        """The fields of a sample listing, as they stood."""
        for one in described:
            traits = one["property"] and json.loads(json.dumps(one["property"]))
            field = Field(one["field_id"], one["field_name"], one["ui_type"], traits, one["is_primary"])
            field.description = one.get("description", "")
            table.fields.append(field)

    def link_to(self, name: str, record_ids: list[str], other: Table) -> dict[str, Any]:
        """The property of a link field, its records standing in *other*."""
        for record_id in record_ids:
            if record_id not in other.records:
                other.records[record_id] = Record(record_id, 1, self.now, "", self.now, "")
        return {"multiple": True, "table_id": other.id, "back_field_id": f"fldBack{name}"}

    def know(self, person: dict[str, Any]) -> str:
        if self.feishu.member(person["id"]) is None:
            more = {"en_name": person.get("en_name", ""), "email": person.get("email", "")}
            self.feishu.add_member(person["name"], person["id"], **more)
        return person["id"]

    def hold(self, record: Record, field: Field, cell: Any) -> None:
        """The record's cell is such that a search shows *cell*."""
        if field.ui in FROM_CELL:
            record.cells[field.id] = FROM_CELL[field.ui](self, field, cell)
        elif field.ui in OF_RECORD:
            name, pick_out = OF_RECORD[field.ui]
            setattr(record, name, pick_out(self, cell))
        elif field.ui in {"Formula", "Lookup"}:
            text = joined(cell["value"] if isinstance(cell, dict) else cell)
            field.compute = lambda _row: text
        else:
            record.cells[field.id] = cell

    def add_record(self, record_id: str, cells: dict[str, Any]) -> Record:
        """A record as a search showed it; its fields are there already."""
        record = Record(record_id, len(self.table.records) + 1, self.now, "", self.now, "")
        self.table.records[record_id] = record
        for name, cell in cells.items():
            self.hold(record, self.table.written(name), cell)
        return record


def _files(stage: Stage, _field: Field, cell: Any) -> list[str]:
    return [stage.feishu.add_file(one["name"], one["size"], one["type"], one["file_token"]) for one in cell]


def _groups(stage: Stage, _field: Field, cell: Any) -> list[str]:
    for one in cell:
        stage.feishu.groups[one["id"]] = {"name": one["name"], "avatar_url": one["avatar_url"]}
    return [one["id"] for one in cell]


def _links(stage: Stage, field: Field, cell: Any) -> list[str]:
    ids = cell["link_record_ids"]
    other = next((one for one in stage.base.tables if one.name == "另一张"), None) or stage.add_table(
        "tblOther", "另一张"
    )
    field.traits = stage.link_to(field.name, ids, other)
    return ids


def _place(stage: Stage, _field: Field, cell: Any) -> str:
    stage.feishu.places[cell["location"]] = cell
    return cell["location"]


FROM_CELL = {
    "Barcode": lambda _stage, _field, cell: joined(cell),
    "Email": lambda _stage, _field, cell: joined(cell),
    "SingleSelect": lambda stage, field, cell: pick(stage.person.session, field, [cell])[0],
    "MultiSelect": lambda stage, field, cell: pick(stage.person.session, field, cell),
    "User": lambda stage, _field, cell: [stage.know(one) for one in cell],
    "GroupChat": _groups,
    "Attachment": _files,
    "SingleLink": _links,
    "DuplexLink": _links,
    "Location": _place,
}
OF_RECORD = {
    "CreatedTime": ("created_at", lambda _stage, cell: cell),
    "ModifiedTime": ("changed_at", lambda _stage, cell: cell),
    "CreatedUser": ("created_by", lambda stage, cell: stage.know(cell[0])),
    "ModifiedUser": ("changed_by", lambda stage, cell: stage.know(cell[0])),
    "AutoNumber": ("serial", lambda _stage, cell: int(cell)),
}

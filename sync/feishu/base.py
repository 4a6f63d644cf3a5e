"""One base: what it is asked and told, as its tables, fields and records."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sync.errors import SetupError
from sync.feishu.cells import zone_of
from sync.feishu.client import Client, Rejected

Field = Mapping[str, Any]
"""A field as a listing gives it."""

_ADDRESS = re.compile(r"/(base|wiki)/([A-Za-z0-9_-]+)")
_PAGE, _ROWS, _NAMES = 100, 500, 200  # the most of a listing; of a search, rows and names


def token_in(written: str) -> tuple[str, bool]:
    """The token in the address of a base, and whether it is of a wiki page that shows the base; a token is its own."""
    found = _ADDRESS.search(written)
    return (found[2], found[1] == "wiki") if found else (written.strip(), False)


@dataclass(frozen=True, slots=True)
class Tab:
    """A table of the base. revision: it grows with every change."""

    ident: str
    title: str
    revision: int


@dataclass(frozen=True, slots=True)
class Record:
    """One row. cells: by the name of the field, as a search shows them; made: milliseconds, 0 when it was not asked."""

    ident: str
    cells: Mapping[str, Any]
    made: int = 0


class Base:
    """written: the app token of the base, or the address that a browser shows.

    Every call raises SetupError, RunFailed or Conflict (sync/feishu/complaints.py) when Feishu refuses it.
    """

    zone: ZoneInfo
    advanced: bool
    """Whether rights of rows and columns are set: then an app that may not manage the base sees no rows at all."""

    def __init__(self, client: Client, written: str) -> None:
        self._client, self._written = client, written
        self._token = ""

    @property
    def calls(self) -> Mapping[str, int]:
        """Requests sent, repeats included."""
        return self._client.calls

    @property
    def rejected(self) -> Sequence[Rejected]:
        """The rows that Feishu has not taken so far."""
        return self._client.rejected

    def open(self) -> None:
        """Find the base, once, and learn its zone and its rights."""
        if self._token:
            return
        token, wiki = token_in(self._written)
        token = self._hosted(token) if wiki else token
        found = self._client.get(f"bitable/v1/apps/{token}", needs="app")["app"]
        self.zone, self.advanced = zone_of(found.get("time_zone")), bool(found.get("is_advanced"))
        self._token = token

    def _hosted(self, node: str) -> str:
        """The app token of the base that a wiki page shows."""
        found = self._client.get("wiki/v2/spaces/get_node", token=node).get("node", {})
        if found.get("obj_type") != "bitable":
            raise SetupError(
                "backend.feishu.base 里的知识库网址不是多维表格，请打开多维表格那一页再复制网址",
                "the wiki address in backend.feishu.base shows no base; open the page of the base and copy its address",
            )
        return str(found.get("obj_token"))

    def tables(self) -> list[Tab]:
        """All tables."""
        found = self._client.pages("GET", self._path("tables"), size=_PAGE)
        return [Tab(one["table_id"], one["name"], int(one.get("revision", 0))) for one in found]

    def fields(self, table: str) -> list[Field]:
        """The fields of a table, its first one first."""
        found: list[Field] = list(self._client.pages("GET", self._path("tables", table, "fields"), size=_PAGE))
        return sorted(found, key=lambda field: not field.get("is_primary"))

    def records(self, table: str, names: Sequence[str], *, dated: bool = False) -> list[Record]:
        """The rows in the order of the table, with the cells of the fields *names*. dated: with the time of each.

        Raises SchemaChanged when a field has another name by now: else its cells would just be missing.
        """
        body: dict[str, Any] = {"automatic_fields": True} if dated else {}
        body |= {"field_names": list(names[:_NAMES])} if names else {}
        found = self._client.pages("POST", self._path("tables", table, "records", "search"), size=_ROWS, body=body)
        return [Record(one["record_id"], one.get("fields") or {}, int(one.get("created_time") or 0)) for one in found]

    def many(self, records: Sequence[Record]) -> bool:
        """Whether *records* came on several pages, so that people may have moved some from one to the next."""
        return len(records) >= _ROWS  # of 501 rows one may have been deleted meanwhile

    def make_table(self, title: str, fields: Sequence[Mapping[str, Any]]) -> Tab:
        """A new table with these fields, or with some of them: Feishu is known to cut long lists short."""
        body = {"table": {"name": title, "default_view_name": "表格", "fields": list(fields)}}
        made = self._client.post(self._path("tables"), body, needs="table_id")
        return Tab(str(made["table_id"]), title, 0)

    def make_field(self, table: str, field: Mapping[str, Any]) -> None:
        """A new last field."""
        self._client.post(self._path("tables", table, "fields"), field)

    def has_form(self, table: str) -> bool:
        """Whether one of the views is a form."""
        found = self._client.pages("GET", self._path("tables", table, "views"), size=_PAGE)
        return any(one.get("view_type") == "form" for one in found)

    def make_form(self, table: str, name: str) -> None:
        """A form in which members type a row."""
        self._client.post(self._path("tables", table, "views"), {"view_name": name, "view_type": "form"})

    def create(self, table: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """The record ids of new rows, "" for one that Feishu does not take."""
        return self._client.create_records(self._token, table, rows) if rows else []

    def update(self, table: str, rows: Mapping[str, Mapping[str, Any]]) -> None:
        """Write these cells and no others; what is gone meanwhile is left."""
        if rows:
            self._client.update_records(self._token, table, rows)

    def delete(self, table: str, records: Sequence[str]) -> None:
        """Delete these rows; what is gone already is as wanted."""
        if records:
            self._client.delete_records(self._token, table, records)

    def _path(self, *parts: str) -> str:
        return "/".join(("bitable/v1/apps", self._token, *parts))

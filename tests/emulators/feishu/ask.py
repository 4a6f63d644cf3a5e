"""One call on its way: who asks, about which base, with what."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.emulators.feishu.errors import NotEmulated, Refused
from tests.emulators.feishu.model import Base, Table
from tests.emulators.feishu.tenant import App, Tenant
from tests.emulators.feishu.values import Session
from tests.emulators.served import Call

CONTACTS = {"contact:user.base:readonly", "contact:contact:access_as_app", "contact:contact:readonly"}
ID_TYPES = ("open_id", "union_id", "user_id")


def known(given: Any, names: Iterable[str], where: str) -> dict[str, Any]:
    """*given*, an object that has only *names*: anything else the emulator would silently leave undone."""
    if not isinstance(given, dict):
        raise Refused(1254001)
    if unknown := set(given) - set(names):
        raise NotEmulated(f"{where} with {sorted(unknown)}")
    return given


@dataclass
class Ask:
    """base: as the caller sees it, see `Tenant.enter`. names: what stands in the path."""

    tenant: Tenant
    call: Call
    names: dict[str, str]
    body: dict[str, Any]
    app: App
    base: Base

    @property
    def session(self) -> Session:
        id_type = self.body.get("user_id_type") or self.call.one("user_id_type", "open_id")
        if id_type not in ID_TYPES:
            raise Refused(99992402)
        return Session(self.tenant, self.base, id_type, bool(CONTACTS & set(self.app.scopes)))

    @property
    def me(self) -> str:
        return self.app.member.ids["open_id"]

    @property
    def table(self) -> Table:
        """The table of the path. A table with hidden rights is refused, as are all writes without them."""
        table = self.base.table(self.names["table_id"])
        if table.name in self.base.hidden and not self.base.sees_all(self.app.id):
            raise Refused(1254304)
        return table

    @property
    def sees_all(self) -> bool:
        return self.base.sees_all(self.app.id)

    def whole(self, name: str, preset: int, most: int) -> int:
        """A page size. Raises Refused for one that the service does not give."""
        text = self.call.one(name, str(preset))
        if not re.fullmatch(r"-?\d+", text):
            raise Refused(99992402)
        if int(text) < 1:
            raise Refused(1254011)
        if int(text) > most:
            raise Refused(99992402, error={"field_violations": [{"field": name, "description": f"max is {most}"}]})
        return int(text)

    def paged(self, items: list[dict[str, Any]], key: str, most: int = 100) -> dict[str, Any]:
        """One page of a listing; its token is the last item's id, there even when nothing more comes."""
        size, token = self.whole("page_size", 20, most), self.call.one("page_token")
        ids = [item[key] for item in items]
        if token and token not in ids:
            raise Refused(1254002)
        start = ids.index(token) + 1 if token else 0
        page = items[start : start + size]
        more = start + size < len(items)
        return {"items": page, "has_more": more, "page_token": page[-1][key] if page else "", "total": len(items)}


def offset_token(offset: int) -> str:
    return base64.b64encode(f"pageToken:{offset}".encode()).decode()


def offset_in(token: str) -> int:
    """Raises Refused for a token that is none of ours."""
    try:
        text = base64.b64decode(token, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    found = re.fullmatch(r"pageToken:(\d+)", text)
    if token and not found:
        raise Refused(1254002)
    return int(found[1]) if found else 0

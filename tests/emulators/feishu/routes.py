"""Every call the emulator knows, as a table, and the way from a request to its answer."""

from __future__ import annotations

import json
import re
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.emulators.feishu import chat, records, tables
from tests.emulators.feishu.ask import Ask, known
from tests.emulators.feishu.columns import SPEC
from tests.emulators.feishu.errors import NotEmulated, Refused, refusal
from tests.emulators.feishu.model import Base
from tests.emulators.feishu.tenant import App, Tenant
from tests.emulators.served import Answer, Call

Data = dict[str, Any]


@dataclass(frozen=True)
class Route:
    """path: with :names. scopes: any of them allows the call. query, body: what the request may hold."""

    method: str
    path: str
    serve: Callable[[Ask], Data]
    scopes: tuple[str, ...]
    query: frozenset[str] = frozenset()
    body: frozenset[str] = frozenset()
    writes: bool = False

    def names_in(self, call: Call) -> dict[str, str] | None:
        """What stands for the names in the path of *call*, None when it is another route's."""
        found = pattern(self.path).fullmatch(call.path) if call.method == self.method else None
        return found and found.groupdict()


@cache
def pattern(path: str) -> re.Pattern[str]:
    return re.compile("/open-apis/" + re.sub(r":(\w+)", r"(?P<\1>[^/]+)", path))


APP = "bitable/v1/apps/:app_token"
TABLE = f"{APP}/tables/:table_id"
FIELDS, VIEWS, RECORDS = f"{TABLE}/fields", f"{TABLE}/views", f"{TABLE}/records"
RECORD = f"{RECORDS}/:record_id"


def route(
    method: str, path: str, serve: Callable[[Ask], Data], scope: str, *, query: str = "", body: str = ""
) -> Route:
    """A route of a base, which `bitable:app` opens too; anything but a GET or a reading POST writes."""
    reads = method == "GET" or scope in {"base:record:retrieve", "base:record:read"}
    return Route(method, path, serve, (scope, "bitable:app"), words(query), words(body), not reads)


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SEARCHED = "view_id field_names sort filter automatic_fields"
WHO, SURE = "user_id_type", "ignore_consistency_check"
PAGE, ONCE = "page_size page_token", "client_token"
ROUTES = (
    route("GET", APP, tables.get_app, "base:app:read"),
    route("GET", f"{APP}/tables", tables.list_tables, "base:table:read", query=PAGE),
    route("POST", f"{APP}/tables", tables.create_table, "base:table:create", body="table"),
    route("POST", f"{APP}/tables/batch_create", tables.create_tables, "base:table:create", query=WHO, body="tables"),
    route("PATCH", TABLE, tables.rename_table, "base:table:update", body="name"),
    route("GET", FIELDS, tables.list_fields, "base:field:read", query=f"{PAGE} view_id text_field_as_array"),
    route("POST", FIELDS, tables.create_field, "base:field:create", query=ONCE, body=" ".join(SPEC)),
    route("PUT", f"{FIELDS}/:field_id", tables.update_field, "base:field:update", body=" ".join(SPEC)),
    route("DELETE", f"{FIELDS}/:field_id", tables.delete_field, "base:field:delete"),
    route("GET", VIEWS, tables.list_views, "base:view:read", query=f"{PAGE} {WHO}"),
    route("POST", VIEWS, tables.create_view, "base:view:write_only", body="view_name view_type"),
    route("POST", f"{RECORDS}/search", records.search, "base:record:retrieve", query=f"{PAGE} {WHO}", body=SEARCHED),
    route(
        "POST",
        f"{RECORDS}/batch_get",
        records.batch_get,
        "base:record:read",
        body=f"record_ids {WHO} with_shared_url automatic_fields",
    ),
    route(
        "POST",
        f"{RECORDS}/batch_create",
        records.batch_create,
        "base:record:create",
        query=f"{WHO} {ONCE} {SURE}",
        body="records",
    ),
    route(
        "POST",
        f"{RECORDS}/batch_update",
        records.batch_update,
        "base:record:update",
        query=f"{WHO} {SURE}",
        body="records",
    ),
    route("POST", f"{RECORDS}/batch_delete", records.batch_delete, "base:record:delete", body="records"),
    route("POST", RECORDS, records.create_record, "base:record:create", query=f"{WHO} {ONCE} {SURE}", body="fields"),
    route("PUT", RECORD, records.update_record, "base:record:update", query=f"{WHO} {SURE}", body="fields"),
    route("DELETE", RECORD, records.delete_record, "base:record:delete"),
    route("GET", RECORDS, records.list_records, "base:record:read", query=f"{PAGE} {WHO} view_id"),
    route("GET", RECORD, records.get_record, "base:record:read", query=WHO),
)
BESIDE = (
    Route("GET", "wiki/v2/spaces/get_node", chat.get_node, ("wiki:node:read", "wiki:wiki"), words("token obj_type")),
    Route(
        "POST",
        "im/v1/messages",
        chat.create_message,
        ("im:message:send_as_bot", "im:message"),
        words("receive_id_type"),
        words("receive_id msg_type content uuid"),
    ),
)
"""For an app with a token, but about no base."""
OPEN = {
    "auth/v3/tenant_access_token/internal": (chat.tenant_token, words("app_id app_secret")),
    "bot/v2/hook/:hook": (chat.speak_in_group, words("timestamp sign msg_type content card")),
}
"""Without a token."""


def answer(tenant: Tenant, call: Call) -> Answer:
    """What the service answers. A call, or a part of one, that it does not know: 501, and a line on stderr."""
    try:
        return Answer(body=served(tenant, call), headers={"X-Tt-Logid": tenant.log_id()})
    except Refused as refused:
        return refusal(refused, tenant.log_id())
    except NotEmulated as unknown:
        print(f"not emulated: {unknown}: {call.method} {call.path} {call.query}", file=sys.stderr)  # noqa: T201
        print(call.body.decode(errors="replace"), file=sys.stderr)  # noqa: T201
        return Answer(501, {"code": -1, "msg": f"not emulated: {unknown}"})


def served(tenant: Tenant, call: Call) -> Data:
    for path, (serve, names) in OPEN.items():
        if call.method == "POST" and pattern(path).fullmatch(call.path):
            return serve(tenant, call, known(body_of(call), names, "the body"))
    for one in (*ROUTES, *BESIDE):
        names = one.names_in(call)
        if names is not None:
            app = tenant.caller(call.headers.get("authorization", ""))
            return {"code": 0, "msg": "success", "data": entered(tenant, call, one, names, app)}
    raise NotEmulated("this call")


def body_of(call: Call) -> Any:
    try:
        return call.json if call.body else {}
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise Refused(1254000) from None


def entered(tenant: Tenant, call: Call, one: Route, names: dict[str, str], app: App) -> Data:
    """The call after its way in: quota, scope, known parameters, the right to the base."""
    tenant.spend()
    tenant.allow(app, one.scopes)
    if unknown := set(call.query) - one.query:
        raise NotEmulated(f"the query with {sorted(unknown)}")
    body = known(body_of(call), one.body, "the body")
    if "app_token" not in names:
        return one.serve(Ask(tenant, call, names, body, app, Base("", "")))
    base = tenant.enter(app, names["app_token"], writing=one.writes)
    ask = Ask(tenant, call, names, body, app, base)
    return written_once(ask, one) if one.writes else one.serve(ask)


def written_once(ask: Ask, one: Route) -> Data:
    """A write. With a client_token that was used before it is not done again: the first answer comes again."""
    base, token = ask.base, ask.call.one("client_token")
    if not base.sees_all(ask.app.id):
        raise Refused(1254302)
    request = (ask.call.method, ask.call.path, ask.body)
    if token:
        kept = base.replies.get(checked_uuid(token))
        if kept and kept[0] != request:
            raise Refused(1255006)
        if kept:
            return kept[1]
    before = ask.tenant.before_write(base, ask.names.get("table_id", ""))
    data = one.serve(ask)
    if before is not None:
        base.stale, base.stale_reads = before, ask.tenant.lag
    if token:
        base.replies[token] = (request, data)
    return data


def checked_uuid(token: str) -> str:
    try:
        fits = uuid.UUID(token).version == 4 and str(uuid.UUID(token)) == token.lower()
    except ValueError:
        fits = False
    if not fits:
        raise Refused(1254037)
    return token

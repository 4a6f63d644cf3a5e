"""The company around the bases: apps and their tokens, people, files, wiki nodes, group bots, and the clock."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.emulators.feishu.errors import FORBIDDEN, Refused, missing_scope
from tests.emulators.feishu.model import Base, Ids, no_base

SCOPES = ("bitable:app", "wiki:node:read", "im:message:send_as_bot", "contact:user.base:readonly")
LIFE, LAST = 7_200_000, 1_800_000
"""Milliseconds that a token lives, and below how many left a new one is given."""


@dataclass
class Member:
    """A person, an app in the role of one, or a guest. ids: open_id, union_id and user_id."""

    name: str
    ids: dict[str, str]
    en_name: str = ""
    email: str = ""

    def shown(self, id_type: str, *, contacts: bool) -> dict[str, str]:
        """As a person cell reads; mail and picture only for an app that may see contacts."""
        seen = {"id": self.ids[id_type], "name": self.name, "en_name": self.en_name or self.name}
        return seen | {"email": self.email, "avatar_url": "https://example.invalid/avatar"} if contacts else seen


@dataclass
class App:
    id: str
    secret: str
    member: Member
    scopes: tuple[str, ...] = SCOPES
    stopped: bool = False
    tokens: dict[str, int] = field(default_factory=dict)
    """Token -> the moment it ends."""


@dataclass
class Bot:
    """A custom group bot. messages: what it said."""

    secret: str = ""
    keyword: str = ""
    allowed: bool = True
    messages: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Chat:
    id: str
    apps: set[str]
    messages: list[dict[str, Any]] = field(default_factory=list)


class Tenant:
    """Everything the calls work on, and the knobs a test turns.

    clock: milliseconds since the epoch. lag: after each write by API, so many reads still see the state before it.
    write_gap: two writes to a table within so many milliseconds conflict. quota: calls left this month, None for no
    end. backwards: batch_create answers in reverse, its order being nowhere documented. fields_kept: a new table
    silently gets no more fields than that. fine_scopes: whether a narrow scope opens a call, or bitable:app alone.
    """

    def __init__(self, clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self.clock, self.ids = clock, Ids()
        self.lag, self.write_gap, self.quota = 0, 0, None
        self.backwards, self.fields_kept, self.fine_scopes = False, 300, True
        self.apps: dict[str, App] = {}
        self.members: list[Member] = []
        self.groups: dict[str, dict[str, str]] = {}
        self.files: dict[str, dict[str, Any]] = {}
        self.places: dict[str, dict[str, str]] = {}
        self.bases: dict[str, Base] = {}
        self.nodes: dict[str, dict[str, Any]] = {}
        self.bots: dict[str, Bot] = {}
        self.chats: dict[str, Chat] = {}
        self.sent: dict[str, tuple[int, dict[str, Any]]] = {}
        self.logged = 0

    def add_member(self, name: str, open_id: str = "", **more: str) -> Member:
        ids = {"open_id": open_id or self.ids("ou_", 35), "union_id": self.ids("on_", 35), "user_id": self.ids("", 8)}
        self.members.append(Member(name, ids, **more))
        return self.members[-1]

    def add_app(self, app_id: str, secret: str, *, scopes: tuple[str, ...] = SCOPES) -> App:
        self.apps[app_id] = App(app_id, secret, self.add_member(f"应用 {app_id}"), scopes)
        return self.apps[app_id]

    def add_base(self, name: str, *, app_token: str = "", right: str = "manage", **more: Any) -> str:
        """The app token of a new base without tables. right: what every app may do in it, see `share`."""
        token = app_token or self.ids("", 27)
        self.bases[token] = Base(token, name, right=right, **more)
        return token

    def share(self, app_token: str, app_id: str, right: str) -> None:
        """Make the app a document app of the base: none, read, edit or manage."""
        self.bases[app_token].rights[app_id] = right

    def add_node(self, app_token: str, *, readable: bool = True) -> str:
        """The token of a wiki node that hosts the base."""
        node = self.ids("wik", 27)
        self.nodes[node] = {"obj_token": app_token, "readable": readable}
        return node

    def add_bot(self, secret: str = "", keyword: str = "", *, allowed: bool = True) -> str:
        """The id at the end of a group bot's address."""
        hook = self.ids("", 36)
        self.bots[hook] = Bot(secret, keyword, allowed)
        return hook

    def add_chat(self, *app_ids: str) -> str:
        chat = self.ids("oc_", 35)
        self.chats[chat] = Chat(chat, set(app_ids))
        return chat

    def add_file(self, name: str, size: int, kind: str, token: str = "") -> str:
        """The file token of an upload."""
        token = token or self.ids("", 27)
        self.files[token] = {"file_token": token, "name": name, "size": size, "type": kind}
        return token

    def member(self, who: str) -> Member | None:
        """By any id, or by name."""
        return next((one for one in self.members if who == one.name or who in one.ids.values()), None)

    def token_for(self, app: App) -> tuple[str, int]:
        """A tenant token and the seconds it still lives: the same one while half an hour or more is left."""
        now = self.clock()
        for token, end in app.tokens.items():
            if end - now >= LAST:
                return token, (end - now) // 1000
        token = self.ids("t-", 42)
        app.tokens[token] = now + LIFE
        return token, LIFE // 1000

    def caller(self, header: str) -> App:
        """The app that the Authorization header speaks for."""
        kind, _, token = header.partition(" ")
        if not header:
            raise Refused(99991661)
        if kind != "Bearer" or not token:
            raise Refused(99991664)
        if token.startswith("u-"):
            raise Refused(99991668)
        if not token.startswith("t-"):
            raise Refused(99991671)
        app = next((app for app in self.apps.values() if app.tokens.get(token, 0) > self.clock()), None)
        if app is None or app.stopped:
            raise Refused(99991663)
        return app

    def spend(self) -> None:
        """One call of the month's quota."""
        if self.quota is not None:
            if self.quota <= 0:
                raise Refused(99991403)
            self.quota -= 1

    def allow(self, app: App, scopes: tuple[str, ...]) -> None:
        if not self.fine_scopes and "bitable:app" in scopes:
            scopes = ("bitable:app",)
        if not set(scopes) & set(app.scopes):
            raise missing_scope(app.id, scopes)

    def enter(self, app: App, app_token: str, *, writing: bool) -> Base:
        """The base as *app* sees it now: for a reader perhaps the state before the last write."""
        base = self.bases.get(app_token)
        if base is None:
            raise no_base()
        if not base.may(app.id, "edit" if writing else "read"):
            raise Refused(FORBIDDEN)
        if writing or not base.stale_reads or base.stale is None:
            return base
        base.stale_reads -= 1
        return base.stale

    def before_write(self, base: Base, place: str) -> Base | None:
        """A copy of the base for readers that lag; refuses a write that comes too soon after another."""
        now = self.clock()
        if now - base.written_at.get(place, 0) < self.write_gap:
            raise Refused(1254291)
        base.written_at[place] = now
        if not self.lag:
            return None
        base.stale = None
        return copy.deepcopy(base)

    def log_id(self) -> str:
        self.logged += 1
        return f"20260723120219{self.logged:018X}"

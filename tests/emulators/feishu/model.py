"""What a base holds. Cells are kept as `cells.py` stores them, by field id, so that a renamed field keeps its cells."""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from tests.emulators.feishu.errors import NO_SUCH_BASE, Refused, parameter

RIGHTS = ("none", "read", "edit", "manage")
NAMED_OTHERWISE = {"Asia/Beijing": "Asia/Shanghai"}
"""The service's own names of zones that no time zone database knows."""


class Ids:
    """Ids that look like the real ones and are the same in every run."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)

    def __call__(self, prefix: str, length: int) -> str:
        """An id of *length* characters, its prefix included."""
        letters = string.ascii_letters + string.digits
        return prefix + "".join(self._random.choices(letters, k=length - len(prefix)))


@dataclass
class Field:
    """ui: the ui_type, which says more than the type. traits: the `property` of the answers. compute: of a formula or
    lookup, from the plain row to a plain value of the kind *result*. dynamic: the options come from another table, so
    none can be written."""

    id: str
    name: str
    ui: str
    traits: dict[str, Any] | None = None
    primary: bool = False
    description: str = ""
    result: str = "Text"
    compute: Callable[[dict[str, Any]], Any] | None = None
    dynamic: bool = False

    @property
    def options(self) -> list[dict[str, Any]]:
        return self.traits["options"] if self.traits else []


@dataclass
class Record:
    """by: open id. serial: what an automatic number shows."""

    id: str
    serial: int
    created_at: int
    created_by: str
    changed_at: int
    changed_by: str
    cells: dict[str, Any] = field(default_factory=dict)


@dataclass
class View:
    id: str
    name: str
    kind: str = "grid"
    keeps: Callable[[dict[str, Any]], bool] | None = None
    """A filter that people set in the view, on the plain row."""


@dataclass
class Table:
    id: str
    name: str
    revision: int = 1
    fields: list[Field] = field(default_factory=list)
    records: dict[str, Record] = field(default_factory=dict)
    views: list[View] = field(default_factory=list)
    serial: int = 0

    def named(self, name: str) -> Field | None:
        return next((one for one in self.fields if one.name == name), None)

    def field(self, field_id: str) -> Field:
        found = next((one for one in self.fields if one.id == field_id), None)
        if found is None:
            raise Refused(1254044)
        return found

    def view(self, view_id: str) -> View:
        found = next((one for one in self.views if one.id == view_id), None)
        if found is None:
            raise Refused(1254042)
        return found

    def record(self, record_id: str) -> Record:
        if record_id not in self.records:
            raise Refused(1254043)
        return self.records[record_id]

    def written(self, name: str) -> Field:
        """The field that a request names; the refusal quotes the name as it came."""
        found = self.named(name)
        if found is None:
            raise Refused(1254045, parameter(f"fields.{name}", "field_name not found"))
        return found


@dataclass
class Base:
    """right: of every app that *rights* does not name. hidden: tables no app sees without the right to manage.
    forbidden: records that batch_get holds back. replies: what was answered to a client_token."""

    token: str
    name: str
    tables: list[Table] = field(default_factory=list)
    revision: int = 1
    is_advanced: bool = False
    time_zone: str = "Asia/Beijing"
    right: str = "manage"
    rights: dict[str, str] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    forbidden: set[str] = field(default_factory=set)
    row_limit: int = 20_000
    replies: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    written_at: dict[str, int] = field(default_factory=dict)
    stale: Base | None = None
    stale_reads: int = 0

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(NAMED_OTHERWISE.get(self.time_zone, self.time_zone))

    def may(self, app_id: str, right: str) -> bool:
        return RIGHTS.index(self.rights.get(app_id, self.right)) >= RIGHTS.index(right)

    def sees_all(self, app_id: str) -> bool:
        return not self.is_advanced or self.may(app_id, "manage")

    def table(self, table_id: str) -> Table:
        found = next((one for one in self.tables if one.id == table_id), None)
        if found is None:
            raise Refused(1254041)
        return found

    def named(self, name: str) -> Table | None:
        return next((one for one in self.tables if one.name == name), None)

    def touch(self, table: Table) -> None:
        table.revision += 1
        self.revision += 1

    def linking(self, table: Table) -> list[tuple[Table, Field]]:
        """Every field that links to *table*, with the table it stands in."""
        return [
            (other, one)
            for other in self.tables
            for one in other.fields
            if one.ui in {"SingleLink", "DuplexLink"} and one.traits and one.traits["table_id"] == table.id
        ]


def no_base() -> Refused:
    return Refused(NO_SUCH_BASE)

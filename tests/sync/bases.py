"""A base of Feishu to run cycles on: the emulator, a person with the base open, and the worker's way in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sync.backends.feishu import Feishu
from sync.feishu.base import Base
from sync.feishu.client import Client
from tests.emulators.feishu.person import Person
from tests.emulators.feishu_bitable import FeishuBitable
from tests.emulators.served import Emulator

APP, SECRET = "cli_huzhu", "secret"
NOON = datetime(2026, 11, 23, 12, tzinfo=ZoneInfo("Asia/Shanghai"))
LEASE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class House:
    """One base on the emulator. person: a member at the page."""

    service: FeishuBitable
    server: Emulator
    token: str
    person: Person

    def backend(self, now: datetime = NOON, base: str = "", **bounds: Any) -> Feishu:
        """The base as a run of the worker opens it; nothing waits."""
        quick = {"write_gap": 0.0, "sleep": lambda _seconds: None, **bounds}
        client = Client(APP, SECRET, base_url=self.server.url, **quick)
        return Feishu(Base(client, base or self.token), lambda: now, LEASE, sleep=quick["sleep"])

    def quiet(self) -> None:
        """From now on nobody edits and nothing fails."""
        self.server.between, self.server.fault = lambda _call: None, lambda _call: None


@contextmanager
def base(**more: Any) -> Iterator[House]:
    """A new base without tables that the worker's app may edit."""
    service = FeishuBitable()
    service.add_app(APP, SECRET)
    token = service.add_base("互助联盟", **more)
    with Emulator(service) as server:
        yield House(service, server, token, service.person(token))

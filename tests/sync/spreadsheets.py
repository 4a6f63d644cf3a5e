"""A Google spreadsheet to run cycles on: the emulator, a person who owns it, and the worker's way in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from google.oauth2.credentials import Credentials

from sync.backends.google import Google
from sync.google.client import Client
from sync.google.spreadsheet import Spreadsheet
from tests.emulators.google.people import Person
from tests.emulators.google_sheets import GoogleSheets
from tests.emulators.served import Emulator

OWNER, ACCOUNT = "wang@alliance.example", "huzhu@project.iam.example"
TOKEN = "worker"
NOON = datetime(2026, 11, 23, 12, tzinfo=ZoneInfo("Asia/Shanghai"))
LEASE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class House:
    """One spreadsheet on the emulator. owner: the person it belongs to."""

    service: GoogleSheets
    server: Emulator
    ident: str
    owner: Person

    def backend(self, now: datetime = NOON, **bounds: object) -> Google:
        """The sheet as a run of the worker opens it."""
        client = Client(Credentials(TOKEN), base_url=self.server.url, per_minute=10**6, **bounds)  # type: ignore[arg-type]
        return Google(Spreadsheet(client, self.ident, ACCOUNT, lambda: now, LEASE))


@contextmanager
def spreadsheet(like: House | None = None) -> Iterator[House]:
    """A new spreadsheet that is shared with the worker's service account. like: it begins as a copy of that one."""
    service = GoogleSheets()
    service.users[TOKEN] = ACCOUNT
    with service.emulator() as server:
        ident = service.add_spreadsheet("互助联盟", owner=OWNER, editors=(ACCOUNT,))
        if like is not None:
            service.books[ident] = replace(like.service.books[like.ident].working_copy(), id=ident)
        yield House(service, server, ident, service.person(ident, OWNER))

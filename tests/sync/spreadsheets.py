"""A Google spreadsheet to run cycles on: the emulator, a person who owns it, and the worker's way in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.oauth2.credentials import Credentials

from rules.schema import TABLES
from rules.values import Cell
from sync.backends.google import Google
from sync.google.client import Client
from sync.google.spreadsheet import Spreadsheet
from tests.emulators.google.people import Person
from tests.emulators.google_sheets import GoogleSheets
from tests.emulators.served import Emulator
from tests.rules.sheets import BY_NAME, grid
from tests.sync.cycles import ALLIANCE

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

    @property
    def address(self) -> str:
        """As it is copied from the browser."""
        return f"https://docs.google.com/spreadsheets/d/{self.ident}/edit?gid=0#gid=0"

    def fill(self, rows: Mapping[str, Sequence[Sequence[object]]]) -> None:
        """The owner types *rows* below the headers of tabs that `init` made, by table name."""
        for name, lines in rows.items():
            title = BY_NAME[name].title
            for number, line in enumerate(lines, 2):
                for at, cell in enumerate(line, 1):
                    if cell is not None:
                        self.owner.type(title, number, at, cell)  # type: ignore[arg-type]

    def paste(self, rows: Mapping[str, Iterable[Sequence[Cell]]]) -> None:
        """The same all at once, each cell as it is: nothing is parsed."""
        for name, lines in rows.items():
            start = {"sheetId": self.owner.tab(BY_NAME[name].title).id, "rowIndex": 1, "columnIndex": 0}
            cells = [{"values": [_entered(cell) for cell in line]} for line in lines]
            self.owner.does({"updateCells": {"start": start, "rows": cells, "fields": "userEnteredValue"}})

    def backend(self, now: datetime | Callable[[], datetime] = NOON, **bounds: object) -> Google:
        """The sheet as a run of the worker opens it. now: a moment that stays, or a clock."""
        client = Client(Credentials(TOKEN), base_url=self.server.url, per_minute=10**6, **bounds)  # type: ignore[arg-type]
        return Google(Spreadsheet(client, self.ident, ACCOUNT, now if callable(now) else lambda: now, LEASE))


def _entered(cell: Cell) -> dict[str, object]:
    if cell is None:
        return {}
    number = isinstance(cell, int | float)
    return {"userEnteredValue": {"numberValue": cell} if number else {"stringValue": str(cell)}}


@cache
def private_key() -> str:
    """One of the length that Google gives out; making one takes a while."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def settings(house: House, folder: Path) -> Path:
    """A config.yaml and a real service account key that lead to the emulator, token endpoint included."""
    key = {
        "type": "service_account",
        "client_email": ACCOUNT,
        "private_key_id": "1",
        "private_key": private_key(),
        "token_uri": f"{house.server.url}/token",
    }
    (folder / "service-account.json").write_text(json.dumps(key), encoding="utf-8")
    house.service.accounts.add(ACCOUNT)
    chosen = {
        "alliance": {"coordinator_email": "desk@alliance.example"},
        "calendar": {"country": "none"},  # a test of today hears of no year that is not published yet
        "backend": {"kind": "google", "google": {"spreadsheet": house.address, "url": house.server.url}},
    }
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(chosen, allow_unicode=True), encoding="utf-8")
    return file


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


@cache
def alliance() -> House:
    """A sheet that `init` made, with some rows of each kind; its tabs are short, so that copying it takes no time."""
    with spreadsheet() as house:
        house.backend().prepare(TABLES)
        for table in TABLES:
            house.owner.delete_rows(table.title, 41, 960)
        house.fill({name: grid(BY_NAME[name], cells).rows[1:] for name, cells in ALLIANCE.items()})
    return house

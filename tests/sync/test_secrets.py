"""No secret is ever shown: each is a canary, and whatever anybody could read is searched for it."""

from __future__ import annotations

import gzip
import random
import socket
import traceback
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from email.message import Message
from functools import partial
from pathlib import Path

import pytest
import yaml
from aiosmtpd.smtp import AuthResult

from rules.schema import TABLES
from sync import compose
from sync.backends import Backend
from sync.config import load
from sync.errors import HuzhuError
from tests.emulators.served import Answer, Call, Emulator, Fault
from tests.sync.bases import APP, alliance
from tests.sync.bases import House as Base
from tests.sync.house import TODAY, called
from tests.sync.postman import Postman, Server
from tests.sync.spreadsheets import House as Spreadsheet
from tests.sync.spreadsheets import private_key, settings, spreadsheet
from tests.sync.test_group import NOON, Hall, hall_of

SMTP, FEISHU, SIGNING = "zqsmtpcanaryxwvk", "zqFeishuCanary0123456789abcdefXY", "zqSigningCanary0"
CANARIES = (SMTP, FEISHU, SIGNING)
COMMANDS = (
    ("run", "-vv", "--json"),
    ("doctor", "-vv", "--json"),
    ("outbox", "list", "--json"),
    ("check",),
    ("plan", "--json"),
    ("report", "-o", "page.html"),
    ("init",),
    ("replay",),
    ("undo", "-vv"),
)


def content(file: Path) -> bytes:
    """What stands in *file*, unpacked."""
    if file.suffix == ".gz":
        return gzip.decompress(file.read_bytes())
    if file.suffix == ".xlsx":
        with zipfile.ZipFile(file) as package:
            return b"\n".join(package.read(name) for name in package.namelist())
    return file.read_bytes()


def words(mail: Message) -> str:
    """A mail's headers and all its parts, decoded."""
    parts = [part.get_payload(decode=True) or b"" for part in mail.walk() if not part.is_multipart()]
    return "\n".join([*map(str, mail.values()), *(part.decode("utf-8", "replace") for part in parts)])


class Readers:
    """Everybody who could read anything: at the terminal, in the log, in the folder."""

    def __init__(self, home: Path, log: pytest.LogCaptureFixture) -> None:
        self.home, self.log, self.heard = home, log, [""]
        log.set_level("DEBUG")

    def call(self, *arguments: str) -> int:
        """The exit code of one command."""
        given = [str(self.home / "page.html") if one == "page.html" else one for one in arguments]
        code, out, err = called(*given, "--config", self.home / "config.yaml", "--as-of", TODAY)
        self.heard += [out, err]
        return code

    def hear(self, act: Callable[[], object]) -> bool:
        """Whether *act* raises something; it is read with all that led to it."""
        try:
            act()
        except HuzhuError as error:
            self.heard += ["".join(traceback.format_exception(error)), repr(error), str(error.words)]
            return True
        return False

    def leaks(self, *canaries: str, besides: Sequence[object] = ()) -> set[str]:
        """Those of *canaries* that stand anywhere. besides: what else was to be read."""
        files = [file for file in self.home.rglob("*") if file.is_file() and file.name != "service-account.json"]
        log = [record.getMessage() for record in self.log.records if record.name != "mail.log"]  # the test's own server
        read = [*self.heard, *log, *map(str, besides), *(content(f).decode("utf-8", "replace") for f in files)]
        return {canary for canary in canaries for text in read if canary in text}


@pytest.fixture
def readers(tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Readers:
    for name, value in {
        "SMTP_PASSWORD": SMTP,
        "FEISHU_SECRET": FEISHU,
        "GROUP_SECRET": SIGNING,
        "SMTP_USER": "we",
    }.items():
        monkeypatch.setenv(f"HUZHU_{name}", value)
    monkeypatch.setattr(random, "uniform", lambda _least, _most: 0.0)  # a lost try is repeated at once
    home = tmp_path / "demo" if (tmp_path / "demo").is_dir() else tmp_path
    return Readers(home, caplog)


@pytest.fixture
def hall() -> Iterator[Hall]:
    feishu, hook = hall_of(SIGNING)
    with Emulator(feishu) as server:
        yield Hall(feishu, server, hook)


NAMED = {"username_env": "HUZHU_SMTP_USER", "password_env": "HUZHU_SMTP_PASSWORD"}


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Echo(Postman):
    """A mail server that quotes the password in its refusal, or takes it."""

    def __init__(self, *, right: bool) -> None:
        self.taken, self.answer = [], "250 OK"

        def judge(_server, _session, _envelope, _mechanism, login):
            said = f"535 5.7.8 not {login.login.decode()} {login.password.decode()}"
            return AuthResult(success=right, handled=False, message=None if right else said)

        self.server = Server(self, "127.0.0.1", 0, authenticator=judge, auth_require_tls=False)


def quoting(call: Call) -> Fault:
    """An answer that quotes all it was sent."""
    sent = f"{call.path} {call.headers.get('authorization', '')} {call.body.decode('utf-8', 'replace')}"
    return Fault(answer=Answer(200, {"code": 19021, "msg": sent}))


WAYS: dict[str, tuple[bool | None, Callable[[Call], Fault | None]]] = {
    "all is well": (True, lambda _call: None),
    "a wrong password, and all quote what they were sent": (False, quoting),
    "nobody listens": (None, lambda _call: Fault()),
}
"""Whether the password is right, None where there is no server; what befalls the group's bot."""


@contextmanager
def mail_server(*, right: bool | None) -> Iterator[Echo | None]:
    if right is None:
        yield None
        return
    made = Echo(right=right)
    made.server.start()
    try:
        yield made
    finally:
        made.server.stop()


@pytest.mark.parametrize("way", WAYS)
def test_no_secret_is_shown_by_any_command_on_a_workbook(
    home: Path, readers: Readers, hall: Hall, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUZHU_GROUP_WEBHOOK", hall.address)
    monkeypatch.setattr(compose, "clock", lambda _config: lambda: NOON)  # no minute in which a bot waits
    right, hall.server.fault = WAYS[way]
    with mail_server(right=right) as server:
        smtp = dict(server.settings if server else {"host": "127.0.0.1", "port": closed_port(), "security": "none"})
        written = yaml.safe_load((home / "config.yaml").read_text("utf-8"))
        written["mail"] |= {"transport": "smtp", "smtp": smtp | NAMED}
        written["group"] = {"bot": "feishu", "secret_env": "HUZHU_GROUP_SECRET", "link": "https://sheet.example/a"}
        (home / "config.yaml").write_text(yaml.safe_dump(written, allow_unicode=True), encoding="utf-8")
        codes = [readers.call(*command) for command in COMMANDS[: len(COMMANDS) if right else 3]]
    assert codes[0] == 3, readers.heard
    mails = [words(mail) for mail in server.taken] if server else []
    assert bool(mails) == bool(hall.cards) == bool(right)
    assert readers.leaks(*CANARIES, hall.hook, besides=[*mails, hall.text]) == set()


QUOTED: dict[str, Callable[[str], Answer]] = {
    "401": lambda sent: Answer(401, {"code": 99991663, "msg": sent, "error": {"message": sent, "status": "X"}}),
    "403": lambda sent: Answer(403, {"code": 1254302, "msg": sent, "error": {"message": sent, "status": "X"}}),
    "400": lambda sent: Answer(400, {"code": 7777777, "msg": sent, "error": {"message": sent, "status": "X"}}),
    "a page": lambda sent: Answer(403, f"<title>{sent}</title>", "text/html"),
    "not JSON": lambda sent: Answer(200, f"{{{sent}"),
    "a failed login": lambda sent: Answer(400, {"code": 10014, "msg": sent, "error": sent, "error_description": sent}),
}


def faults(answer: Callable[[str], Answer], *, login: bool) -> Callable[[Call], Fault | None]:
    """What the service says to a login, or to everything else: all that it was sent."""

    def fault(call: Call) -> Fault | None:
        if login != call.path.endswith(("/token", "/internal")):
            return None
        sent = f"{call.headers.get('authorization', '')} {call.body.decode('utf-8', 'replace')}"
        return Fault(answer=answer(sent))

    return fault


def online(
    readers: Readers, server: Emulator, backend: Callable[[], Backend], secrets: Callable[[], list[str]]
) -> None:
    """Every way a service can fail us while it quotes what it was sent, then a run in which it does not."""
    file = readers.home / "config.yaml"
    for what, answer in QUOTED.items():
        server.fault = faults(answer, login=what == "a failed login")
        assert readers.hear(lambda: compose.run(load(file), TODAY)), what
    assert readers.call("run", "-vv", "--json") in (1, 2)
    server.fault = lambda _call: Fault()
    assert readers.hear(lambda: compose.run(load(file), TODAY))
    server.fault = lambda _call: None
    for command in (("run", "-vv", "--json"), ("doctor", "-vv", "--json"), ("undo", "-vv")):
        assert readers.call(*command) in (0, 2, 3), readers.heard[-1]
    told = secrets()
    assert len(told) > len(CANARIES)
    assert readers.leaks(*told, besides=[backend().read(TABLES)]) == set()


def test_no_secret_is_shown_on_a_base_of_feishu(readers: Readers) -> None:
    with alliance() as house:
        house.service.apps[APP].secret = FEISHU
        where = {"base": house.token, "app_id": APP, "app_secret_env": "HUZHU_FEISHU_SECRET", "url": house.server.url}
        feishu = where | {"write_gap_seconds": 0}
        chosen = {"calendar": {"country": "none"}, "backend": {"kind": "feishu", "feishu": feishu}}
        (readers.home / "config.yaml").write_text(yaml.safe_dump(chosen), encoding="utf-8")
        online(readers, house.server, lambda: opened(house), lambda: [*CANARIES, *house.service.apps[APP].tokens])


def opened(house: Base) -> Backend:
    house.service.apps[APP].secret = "secret"  # which the tests' own client has
    return house.backend()


def test_no_secret_is_shown_on_a_google_spreadsheet(readers: Readers) -> None:
    with spreadsheet() as house:
        house.backend().prepare(TABLES)
        settings(house, readers.home)
        online(readers, house.server, house.backend, lambda: google_secrets(house))


def google_secrets(house: Spreadsheet) -> list[str]:
    lines = [line for line in private_key().splitlines() if not line.startswith("-")]
    sent = [call.body.decode() for call in house.server.calls if call.path == "/token"]
    assertions = [one.partition("assertion=")[2] for one in sent]
    return [*CANARIES, *lines, *assertions, *(token for token in house.service.users if token.startswith("ya29"))]


WRITTEN_IN = {
    "smtp": (
        "password: {}", "password_env: {}", "password_file: {}", "username_env: {}", "port: {}", "security: {}",
        "password_env {}", "password={}", "- {}", "{{password {}}}", "{{{}}}", "password_env: [{}]", "password_env: *{}",
        "password_env: !{} x", "password_env: '{}", 'password_env: "{}\\q"', "password_env: {{{}: x}}", "{}", "timeout_seconds: {}",
        "password_env: {}\n      password_env {}",
    ),
    "group": (
        "secret_env: {}", "secret: {}", "bot: {}", "webhook: {}", "secret_env {}",
        "webhook_env: https://open.feishu.cn/open-apis/bot/v2/hook/{}", "{{secret {}}}", "{}",
    ),
    "feishu": ("app_secret_env: {}", "app_secret: {}", "domain: {}", "app_secret_env {}", "write_gap_seconds: {}", "{}"),
    "google": (
        "credentials_env: {}", "credentials_file: {}", "credentials: {}", "timeout_seconds: {}", "credentials_file {}",
        """credentials_file: '{{"type": "service_account", "client_email": "x@y.com", "private_key": "{}"}}'""",
        """credentials_env: '{{"private_key": "{}"}}'""", "credentials_file: {}/x",
    ),
}  # fmt: skip
"""What hurried people write where the settings name the place of a secret."""
LINES = [(section, line) for section, lines in WRITTEN_IN.items() for line in lines]
AROUND = {
    "smtp": "mail:\n  transport: smtp\n  smtp:\n    host: mail.example\n    {}\n",
    "group": "group:\n  bot: feishu\n  {}\n",
    "feishu": "backend:\n  kind: feishu\n  feishu:\n    base: https://x.feishu.cn/base/abc\n    app_id: cli_x\n    {}\n",
    "google": "backend:\n  kind: google\n  google:\n    spreadsheet: abc\n    {}\n",
}
OWN = {"smtp": SMTP, "group": SIGNING, "feishu": FEISHU, "google": FEISHU}


@pytest.mark.parametrize(("section", "line"), LINES)
def test_a_secret_written_into_the_settings_is_not_shown(readers: Readers, section: str, line: str) -> None:
    """Whatever is wrong with the line, from its spelling to that it should name a variable."""
    canary = OWN[section]
    file = readers.home / "config.yaml"

    def use() -> None:
        config = load(file)
        for make in (compose.mailer, compose.speaker, compose.backend):
            readers.hear(partial(make, config))

    for whole in (AROUND[section], AROUND[section].replace("host: mail.example\n    ", "")):
        file.write_text(whole.format(line.format(canary, canary)), encoding="utf-8")
        readers.hear(use)
    file.unlink()
    assert len(readers.heard) > 1
    assert readers.leaks(canary) == set()

"""Mail servers as processes of their own: Postfix, and aiosmtpd (tests/sync/clerk.py).

Both listen on loopback, answer recipients as told and deliver what they take into one mailbox in their folder:
`answers` (a recipient and its answer a line), `mail/everybody/new/`, `log`. Both end by themselves when the tests die.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.sync.house import ROOT

USER, PASSWORD = "huzhu@mail.test", "open-sesame-42"
HOST = "127.0.0.1"
SECURITIES = ("starttls", "tls", "none")
"""What the ports of a server are called by. The first two take mail after a log-in only, the last one without."""


@dataclass(frozen=True)
class MailServer:
    """One that runs. delivered: whether it has nothing more in hand."""

    home: Path
    ports: Mapping[str, int]
    delivered: Callable[[], bool] = lambda: True

    def answer(self, answers: Mapping[str, str]) -> None:
        """From the next connection on, each of these recipients gets its answer, all others a yes."""
        file = self.home / "answers"
        file.write_text("".join(f"{who} {said}\n" for who, said in answers.items()))
        os.utime(file, (0, 0))  # Postfix waits a second before it trusts a file that is new

    @property
    def taken(self) -> Counter[tuple[str, str]]:
        """How often the mail of each number was delivered to each recipient."""
        until(self.delivered)
        heads = [message_from_bytes(file.read_bytes()) for file in self._mailbox.glob("*")]
        return Counter((str(head["Message-ID"]).strip("<>").split("@")[0], head["Delivered-To"]) for head in heads)

    def logged(self, words: str) -> int:
        """How many lines of the log hold *words*, once every caller has left."""
        until(lambda: self._lines(": connect from") == self._lines(": disconnect from"))
        return self._lines(words)

    def clear(self) -> None:
        """No mail, no answers; the log goes on."""
        until(self.delivered)
        for file in self._mailbox.glob("*"):
            file.unlink()
        self.answer({})

    @property
    def _mailbox(self) -> Path:
        return self.home / "mail" / "everybody" / "new"

    def _lines(self, words: str) -> int:
        return (self.home / "log").read_text().count(words)


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


@contextmanager
def aiosmtpd(certificate: Path) -> Iterator[MailServer]:
    """A server of aiosmtpd."""
    with _housed(certificate) as home:
        ports = _free_ports()
        command = [sys.executable, "-m", "tests.sync.clerk", home, *map(str, ports.values()), USER, PASSWORD]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE) as process:
            _await_greeting(process, ports)
            yield MailServer(home, ports)
            process.terminate()


@contextmanager
def postfix(certificate: Path) -> Iterator[MailServer]:
    """A Postfix of its own, beside any that the machine may run. Skips when it cannot be had."""
    _require_postfix()
    with _housed(certificate) as home:
        ports = _free_ports()
        _write_postfix(home, ports)
        programs = subprocess.check_output(["postconf", "-dh", "daemon_directory"], text=True).strip()
        command = [f"{programs}/master", "-c", home / "etc", "-d", "-e", "900"]
        process = subprocess.Popen(command, start_new_session=True)
        try:
            _await_greeting(process, ports)
            yield MailServer(home, ports, lambda: _all_delivered(home / "queue"))
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _require_postfix() -> None:
    missing = [name for name in ("postfix", "saslpasswd2") if shutil.which(name) is None]
    lack = f"not on the PATH: {', '.join(missing)}" if missing else "Postfix starts as root only" * (os.geteuid() != 0)
    if lack and os.environ.get("HUZHU_REQUIRE_SMTPD") == "1":
        pytest.fail(f"a mail server that is not Python is required; {lack}")
    if lack:
        pytest.skip(lack)


@contextmanager
def _housed(certificate: Path) -> Iterator[Path]:
    """A folder for a server, in sight of the users it runs as; pytest's own are not."""
    home = Path(tempfile.mkdtemp(prefix="huzhu-mail-"))
    try:
        home.chmod(0o755)
        (home / "mail").mkdir()
        (home / "log").touch()
        for name in ("cert.pem", "key.pem"):
            shutil.copy(certificate / name, home)
        MailServer(home, {}).answer({})
        yield home
    finally:
        shutil.rmtree(home)


def _free_ports() -> dict[str, int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server((HOST, 0))) for _ in SECURITIES]
        return {name: one.getsockname()[1] for name, one in zip(SECURITIES, sockets, strict=True)}


def _await_greeting(process: subprocess.Popen[bytes], ports: Mapping[str, int]) -> None:
    def greeted() -> bool:
        assert process.poll() is None, "the mail server ended"
        try:
            with socket.create_connection((HOST, ports["none"]), timeout=5) as caller:
                return caller.recv(100).startswith(b"220")
        except ConnectionRefusedError:
            return False

    until(greeted)


def _all_delivered(queue: Path) -> bool:
    """True when no mail is under way. In this order: a mail that moves on meanwhile is seen where it goes."""
    return not any(any((queue / name).iterdir()) for name in ("incoming", "active", "deferred"))


def _write_postfix(home: Path, ports: Mapping[str, int]) -> None:
    """The configuration of a Postfix that lives in *home*, its folders, and the one user who may log in."""
    owner = pwd.getpwnam("postfix")
    for name in ("etc", "etc/sasl", "data", "queue", *(f"queue/{part}" for part in _QUEUE)):
        (home / name).mkdir()
    for path in (home / "mail", home / "data", *(home / "queue").iterdir()):
        os.chown(path, owner.pw_uid, owner.pw_gid)
    facts = {"home": home, "uid": owner.pw_uid, "gid": owner.pw_gid, **ports}
    (home / "etc/main.cf").write_text(_MAIN.format(**facts))
    (home / "etc/master.cf").write_text(_MASTER.format(**facts))
    (home / "etc/sasl/smtpd.conf").write_text(_SASL.format(**facts))
    name, _, realm = USER.partition("@")
    command = ["saslpasswd2", "-p", "-c", "-f", home / "users", "-u", realm, name]
    subprocess.run(command, input=PASSWORD.encode(), check=True)
    os.chown(home / "users", owner.pw_uid, owner.pw_gid)


_QUEUE = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "maildrop", "pid", "private",
          "public", "saved", "trace")  # fmt: skip
_SASL = "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {home}/users\nmech_list: PLAIN LOGIN CRAM-MD5\n"
_MAIN = """\
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
maillog_file = {home}/log
maillog_file_prefixes = {home}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.test
mydestination =
alias_maps =
alias_database =
virtual_mailbox_domains = service.example, alliance.example
virtual_mailbox_base = {home}/mail
virtual_mailbox_maps = static:everybody/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_tls_cert_file = {home}/cert.pem
smtpd_tls_key_file = {home}/key.pem
smtpd_sasl_auth_enable = yes
smtpd_tls_auth_only = yes
smtpd_relay_restrictions =
smtpd_recipient_restrictions = check_recipient_access texthash:{home}/answers permit_sasl_authenticated $outsiders
outsiders = reject
"""
_MASTER = """\
127.0.0.1:{none} inet n - n - - smtpd -o max_use=1 -o outsiders=reject_unauth_destination
127.0.0.1:{starttls} inet n - n - - smtpd -o max_use=1 -o smtpd_tls_security_level=encrypt
127.0.0.1:{tls} inet n - n - - smtpd -o max_use=1 -o smtpd_tls_wrappermode=yes
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
"""

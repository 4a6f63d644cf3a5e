"""aiosmtpd as a server of its own: `python -m tests.sync.clerk HOME STARTTLS TLS NONE USER PASSWORD`.

Listens on three ports (see tests/sync/mail_servers.py) until its standard input ends.
"""

# ruff: noqa: ARG002, N802  # aiosmtpd names its hooks, and hands them what they may want

from __future__ import annotations

import asyncio
import mailbox
import ssl
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class Clerk:
    """Asks the list of answers about each recipient, delivers each mail once to each, and writes a log."""

    def __init__(self, home: Path, user: str, password: str) -> None:
        self.home = home
        self.known = LoginPassword(user.encode(), password.encode())
        self.mailbox = mailbox.Maildir(home / "mail" / "everybody")

    def log(self, line: str) -> None:
        with (self.home / "log").open("a") as file:
            file.write(f"clerk: {line}\n")

    def answers(self) -> Mapping[str, str]:
        lines = (self.home / "answers").read_text().splitlines()
        return {who: said for who, _, said in (line.partition(" ") for line in lines)}

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, who: str, options: object) -> str:
        answer = self.answers().get(who, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(who)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        for who in envelope.rcpt_tos:
            assert isinstance(envelope.content, bytes)
            self.mailbox.add(f"Delivered-To: {who}\n".encode() + envelope.content)
        return "250 OK"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, way: str, told: LoginPassword
    ) -> AuthResult:
        right = told == self.known
        self.log(f"sasl_username={told.login.decode()}" if right else f"SASL {way} authentication failed")
        return AuthResult(success=right, handled=False)


class Desk(SMTP):
    """The server's side of one connection; logs when it begins and ends."""

    event_handler: Clerk

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self.transport is None:
            self.event_handler.log("connect from a caller")
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if not self._over:
            self._over = True
            self.event_handler.log("disconnect from a caller")
        super().connection_lost(error)

    _over = False  # under STARTTLS the end is told twice


async def serve(home: Path, starttls: int, tls: int, none: int, clerk: Clerk) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(home / "cert.pem", home / "key.pem")
    known = {"authenticator": clerk.authenticate, "auth_required": True}
    listen = partial(asyncio.get_running_loop().create_server, host="127.0.0.1")
    await listen(lambda: Desk(clerk), port=none)
    await listen(lambda: Desk(clerk, tls_context=context, require_starttls=True, **known), port=starttls)
    await listen(lambda: Desk(clerk, auth_require_tls=False, **known), port=tls, ssl=context)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    folder, *ports, user, password = sys.argv[1:]
    asyncio.run(serve(Path(folder), *map(int, ports), Clerk(Path(folder), user, password)))  # type: ignore[misc]

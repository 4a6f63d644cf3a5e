"""A real SMTP server for tests: it listens on loopback, keeps what it takes and answers as told."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class Server(Controller):
    """A server on any free port; aiosmtpd's own start-up call wants a fixed one, and a TLS server says nothing first."""

    def _trigger_server(self) -> None:
        with socket.create_connection(self.address, timeout=0.3) as caller:
            caller.recv(100)

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.server.sockets[0].getsockname()
        return host, port


class Postman:
    """Takes every mail, unless *answer* says otherwise."""

    def __init__(self) -> None:
        self.taken: list[Message] = []
        self.answer = "250 OK"
        self.server = Server(self, hostname="127.0.0.1", port=0)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's name
        if self.answer.startswith("250"):
            self.taken.append(message_from_bytes(envelope.content))
        return self.answer

    @property
    def settings(self) -> dict[str, object]:
        """mail.smtp for the worker."""
        host, port = self.server.address
        return {"host": host, "port": port, "security": "none"}

    @property
    def numbers(self) -> Counter[str]:
        """How often each Message-ID was taken."""
        return Counter(str(message["Message-ID"]) for message in self.taken)


@contextmanager
def postman() -> Iterator[Postman]:
    """A server that takes mail while the block lasts."""
    taking = Postman()
    taking.server.start()
    try:
        yield taking
    finally:
        taking.server.stop()

"""The receiving mail server, as a process of its own: what it took, it counted, whatever became of the sender."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from itertools import count
from multiprocessing.connection import Connection
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from sync.mail import Mailer, Send, Smtp
from tests.sync.postman import Postman

FORK = multiprocessing.get_context("fork")


class _Server(Postman):
    """A postman who kills a sender when told to: with its mail in hand, before the answer."""

    def __init__(self) -> None:
        super().__init__()
        self.victim, self.left = 0, 0
        self.once: list[str] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's name
        usual = self.answer
        self.answer = self.once.pop(0) if self.once else usual
        try:
            answer = await super().handle_DATA(server, session, envelope)
        finally:
            self.answer = usual
        if answer == "cut" and server.transport is not None:
            self.taken.append(message_from_bytes(envelope.content))
            server.transport.abort()
        self.left -= 1
        if self.victim and self.left == 0:
            os.kill(self.victim, signal.SIGKILL)
            self.victim = 0
        return answer


def _serve(pipe: Connection) -> None:
    server = _Server()
    server.server.start()
    pipe.send(server.server.address[1])
    acts = {"kill": _kill, "refuse": _refuse, "forget": _forget, "taken": _taken}
    while True:
        name, *rest = pipe.recv()
        pipe.send(acts[name](server, *rest))


def _kill(server: _Server, pid: int, nth: int) -> None:
    server.victim, server.left = pid, nth


def _refuse(server: _Server, answers: list[str]) -> None:
    server.once = answers


def _forget(server: _Server) -> None:
    server.taken.clear()


def _taken(server: _Server) -> list[str]:
    return [str(mail["Message-ID"]) for mail in server.taken]


@dataclass
class Post:
    """The way to the server."""

    port: int
    _pipe: Connection

    @property
    def mailer(self) -> Smtp:
        return Smtp("127.0.0.1", self.port, "none")

    def kill(self, pid: int, nth: int) -> None:
        """Kill that process when its *nth* mail from now on is taken, and not answered yet."""
        self._ask("kill", pid, nth)

    def refuse(self, *answers: str) -> None:
        """Answer the next mails so; "cut": take it, and hang up."""
        self._ask("refuse", list(answers))

    def forget(self) -> None:
        """From here on a new story is told."""
        self._ask("forget")

    def taken(self) -> list[str]:
        """The numbers of the mails taken in this story, in order."""
        return [number.strip("<>").split("@")[0] for number in self._ask("taken")]

    def _ask(self, *words: Any) -> Any:
        self._pipe.send(words)
        return self._pipe.recv()


@dataclass(frozen=True)
class Watched:
    """A way out for mail. at: is told "mail" before each is handed over, "mailed" after it, and its number."""

    mailer: Mailer
    at: Callable[[str, int], None]

    @contextmanager
    def open(self) -> Iterator[Send]:
        numbers = count()
        with self.mailer.open() as send:

            def sending(message: EmailMessage) -> tuple[str, ...]:
                number = next(numbers)
                self.at("mail", number)
                refused = send(message)
                self.at("mailed", number)
                return refused

            yield sending

    def check(self) -> None:
        """It never is asked."""


@contextmanager
def post() -> Iterator[Post]:
    """A server that takes mail while the block lasts."""
    here, there = FORK.Pipe()
    process = FORK.Process(target=_serve, args=(there,), daemon=True)
    process.start()
    try:
        yield Post(here.recv(), here)
    finally:
        process.kill()
        process.join()

"""How a mail leaves: as a file (`Folder`) or over SMTP (`Smtp`). `TRANSPORTS` names them for the configuration.

    with mailer.open() as send:      # connects at the first mail, not before
        refused = send(message)      # returns: it left. raises MailError: it did not, or nobody knows

A MailError says which of three it is: temporary (try again), permanent (a person must look), unknown (it may have
left: never send it again by itself). Does not decide what to send, nor when to try again; see sync/outbox.py.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from pathlib import Path
from typing import Protocol

from rules.words import Words
from sync.errors import MailError
from sync.smtp import Smtp
from sync.wording import Rendered

__all__ = ["TRANSPORTS", "Folder", "Mailer", "Send", "Smtp", "Speaker"]

Send = Callable[[EmailMessage], tuple[str, ...]]
"""Sends one mail. Returns one sentence for each recipient that was refused while the others got it; usually none."""


class Mailer(Protocol):
    """A way out for mail."""

    def open(self) -> AbstractContextManager[Send]:
        """One run's way out. Opening it does nothing by itself: a connection is made at the first mail."""
        ...

    def check(self) -> None:
        """Whether mail could leave now, without sending any. Raises MailError when it could not."""
        ...


class Speaker(Protocol):
    """A way out for the message to the alliance's group."""

    def ready(self) -> None:
        """Returns when a message may leave. May wait up to a minute."""
        ...

    def tell(self, words: Rendered) -> None:
        """Puts *words* before the group. Raises MailError when they did not get there, or nobody knows."""
        ...


@dataclass(frozen=True, slots=True)
class Folder:
    """Writes each mail as `<mail_id>.eml`, whole or not at all.

    The same mail again changes nothing; another mail under a number that was written before is refused for good, since
    the file says that it left.
    """

    path: Path
    locale: str = "zh"

    @contextmanager
    def open(self) -> Iterator[Send]:
        """One run's way into the folder."""
        yield self._send

    def check(self) -> None:
        """Whether the folder can be written. Makes it when it is missing."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            writable = os.access(self.path, os.W_OK)
        except OSError as error:
            raise self._fault(error) from error
        if not writable:
            raise self._fault(PermissionError(os.strerror(13)))

    def _send(self, message: EmailMessage) -> tuple[str, ...]:
        target = self.path / f"{_mail_id(message)}.eml"
        content = message.as_bytes(policy=WIRE)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if not _placed(target, content) and target.read_bytes() != content:
                raise MailError(_WRITTEN.in_(self.locale).format(target.name), permanent=True)
        except OSError as error:
            raise self._fault(error) from error
        return ()

    def _fault(self, error: OSError) -> MailError:
        return MailError(_UNWRITABLE.in_(self.locale).format(self.path, error.strerror or error))


def _placed(target: Path, content: bytes) -> bool:
    """Whether *target* was made with *content*: False when it exists already. Never seen half-written."""
    part = target.with_name(f".{target.name}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return _named(part, target)
    finally:
        part.unlink(missing_ok=True)


def _named(part: Path, target: Path) -> bool:
    """Whether *part* is now also called *target*: False when something else is."""
    try:
        os.link(part, target)
    except FileExistsError:
        return False
    except OSError:  # a file system without links; one run at a time, so nobody comes between these two lines
        if target.exists():
            return False
        part.replace(target)
    return True


def _mail_id(message: EmailMessage) -> str:
    """The number in the Message-ID. Raises MailError (permanent) when it could not be a file name."""
    number = str(message["Message-ID"] or "").strip().lstrip("<").partition("@")[0]
    if not re.fullmatch(r"[0-9A-Za-z_-]+", number):
        raise MailError(f"Message-ID: {number!r}", permanent=True)
    return number


_UNWRITABLE = Words("写不进邮件文件夹 {}：{}", "Cannot write into the mail folder {}: {}")
_WRITTEN = Words(
    "{} 已经写出过，内容不同；确要重写请先移走该文件",
    "{} was written before with other content; move that file away first if it must be written again",
)

TRANSPORTS: dict[str, type[Folder | Smtp]] = {"folder": Folder, "smtp": Smtp}
"""By the name in `mail.transport`; "none" has no mailer: the rows of the outbox are all there is."""

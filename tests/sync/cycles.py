"""What the tests of online sheets share: the day, the words, a way out for mail that counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from email.message import EmailMessage

from rules.schema import WORKER_TABLES
from sync.wording import Wording

AS_OF = date(2025, 11, 6)
WORDS = Wording("互助联盟", "huzhu@alliance.example", None)
FILLED = [table for table in WORKER_TABLES if table.filled]
COMPUTED = ("standings", "ledger", "queue", "loan_states")
"""The worker tables that follow from the members' alone."""


@dataclass
class Counted:
    """A way out for mail that counts what leaves."""

    left: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def open(self) -> Iterator[Callable[[EmailMessage], tuple[str, ...]]]:
        def send(message: EmailMessage) -> tuple[str, ...]:
            self.left[str(message["Message-ID"])] += 1
            return ()

        yield send

    def check(self) -> None:
        """It always could."""

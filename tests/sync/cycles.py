"""What the tests of online sheets share: the day, an alliance, time that passes at will, mail that is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from email.message import EmailMessage

from sync.wording import Wording
from tests.rules.sheets import MEMBERS, PARTS, Cells, adjustment, loan, request

AS_OF = date(2025, 11, 6)
WORDS = Wording("互助联盟", "huzhu@alliance.example", None)
COMPUTED = ("standings", "ledger", "queue", "loan_states")
"""The worker tables that follow from the members' alone."""

ALLIANCE: Mapping[str, Iterable[Cells]] = {
    "members": MEMBERS,
    "parts": PARTS,
    "requests": [request("R-1"), request("R-2", "西北", 申报级别="P0", 原因="媒体"), request("007", "华中")],
    "loans": [
        loan("L-1"),
        loan("L-2", "华中", "西北", 归还日期="2025-10-30"),
        loan("L-3", "西北", "华东", 借出日期="2025-10-10", 配件编号="P-2"),
        loan("L-4", "华北", "华中", 借出日期="2025-11-01"),
    ],
    "adjustments": [adjustment("华北", 2)],
}
"""A small one with some rows of each kind."""


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


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

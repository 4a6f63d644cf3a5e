"""One alliance's sheet, on whichever backend: the people at it, and the worker's way in.

A place is a small alliance as `init` left it, a copy of its own for whoever asks. Rows are counted as people see them:
the headers are row 1.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

from rules.schema import MEMBER_TABLES
from rules.values import Cell
from sync.backends import Backend
from tests.emulators.served import Call, Emulator, Fault
from tests.rules.sheets import BY_NAME, Cells, grid

Rows = list[list[Any]]
Clock = Callable[[], datetime]
Between = Callable[[Sequence[str]], None]
"""Called before each step of a run, with the members' tabs that the step reads."""
Alliance = Mapping[str, Iterable[Cells]]
TITLES = [table.title for table in MEMBER_TABLES]


class Person(Protocol):
    """Somebody at the sheet. strict: its page takes only what fits a field."""

    strict: bool

    def rows(self, title: str) -> Rows: ...
    def type(self, title: str, row: int, header: str, value: Cell) -> None: ...
    def insert(self, title: str, row: int) -> int:
        """A blank row, at about that place: where it is."""
        ...

    def delete(self, title: str, row: int) -> None: ...
    def sort(self, title: str, header: str, *, descending: bool) -> None: ...
    def widen(self, title: str) -> None:
        """A column of their own."""
        ...

    def spoil(self, title: str, chance: random.Random) -> bool:
        """What is no member's to do: beside that table, or in the worker's. Whether a result is gone."""
        ...


class Place(Protocol):
    """One sheet. server: what serves it, None for a file."""

    name: str
    server: Emulator | None

    def backend(self, clock: Clock, **bounds: Any) -> Backend: ...
    def copied(self) -> AbstractContextManager[Place]:
        """A place that holds the same."""
        ...

    def people(self) -> AbstractContextManager[Person]:
        """Somebody is at the sheet."""
        ...

    def members(self) -> object:
        """Every member's cell as it is stored. Equal only if none was touched, byte for byte."""
        ...

    def shown(self, title: str) -> Rows: ...
    def check_around(self) -> None:
        """Beside each member's row stands what the worker found for its key, where that can be seen; nothing is left over."""
        ...

    def disturb(self, between: Between | None) -> None:
        """From now on that happens before each step of a run."""
        ...


def asleep(_seconds: float) -> None:
    """Nobody waits in a story."""


def lines(name: str, rows: Iterable[Cells]) -> Sequence[Sequence[Cell]]:
    """*rows* as cells in the order of the table's columns."""
    return grid(BY_NAME[name], rows).rows[1:]


class Online:
    """What both services share: a server that lets people edit between its calls."""

    name: str
    server: Emulator

    def __init__(self, house: Any) -> None:
        self.house = house
        self.server = house.server

    def disturb(self, between: Between | None) -> None:
        self.server.between = (lambda call: between(self._read_by(call))) if between else (lambda _call: None)

    def strike(self, fault: Callable[[int, Call], Fault | None] | None) -> None:
        """From now on that goes wrong with each call; calls are counted from 0."""
        first = len(self.server.calls) + 1
        self.server.fault = (
            (lambda call: fault(len(self.server.calls) - first, call)) if fault else (lambda _call: None)
        )

    def _read_by(self, call: Call) -> Sequence[str]:
        raise NotImplementedError

"""The same rules computed four ways: ours, polars, duckdb, and a loop over the rows.

Each module has the functions of `Engine`. What they answer with is in the engine's own form; `answers` makes it
comparable, outside the measured time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from bench.data import AS_OF, DECLARED, Alliance, Columns
from rules.policy import LADDER

OFFSETS = tuple(rung.offset for rung in LADDER)
SENSITIVE = ("媒体", "意见领袖", "大V", "网红")
SOON, LONG = AS_OF + timedelta(2), 14  # needed by that day, or waiting so many days: P1
GROUPS = ("无条件支持", "可求助", "需先帮助他人")
DATES = ("lent_on", "due_on", "extended_to", "compensated_on", "recall_on")

Form = Any  # an engine's own form of the tables
Result = Any
Texts = dict[str, list[list[str]]]


@dataclass(frozen=True, slots=True)
class Answers:
    """points: helped, received, balance and available of each member. ladder: outstanding, days, reached and next rung.

    queue: request, level, standing and projected points, in order.
    """

    points: npt.NDArray[np.int64]
    ladder: npt.NDArray[np.int64]
    states: Sequence[str]
    queue: Sequence[tuple[str, str, str, int]]

    def differ(self, other: Answers) -> str:
        """What is not the same in *other*; "" when all is."""
        same = {
            "points": np.array_equal(self.points, other.points),
            "ladder": np.array_equal(self.ladder, other.ladder),
            "states": list(self.states) == list(other.states),
            "queue": list(self.queue) == list(other.queue),
        }
        return ", ".join(name for name, holds in same.items() if not holds)


class Engine(Protocol):
    """One way to compute."""

    def typed(self, alliance: Alliance, *, requests: bool) -> Form:
        """The tables in the engine's own form, in memory. requests False: points and ladder only."""
        ...

    def points_and_ladder(self, form: Form) -> Result:
        """Each member's points, each loan's state and rungs."""
        ...

    def queue(self, form: Form, result: Result) -> Result:
        """The open requests in order; *result* has the points."""
        ...

    def from_texts(self, texts: Texts) -> tuple[Result, Result]:
        """Both, from rows of text as an API returns them, parsing included."""
        ...

    def answers(self, result: Result, placed: Result) -> Answers:
        """What was found, to compare."""
        ...


def returned(columns: Columns) -> npt.NDArray[np.int64]:
    """Units back, as the rules read the two columns: all of them when only the day is filled in."""
    stated, back = columns["returned_qty"], ~np.isnat(columns["returned_on"])
    units: npt.NDArray[np.int64] = np.where(stated >= 0, stated, np.where(back, columns["qty"], 0))
    return units


def plans(columns: Columns) -> npt.NDArray[np.int64]:
    """Places in `PLANS`; blank is the first."""
    return np.maximum(columns["plan"], 0)


def declared(columns: Columns) -> npt.NDArray[np.int64]:
    """Places in `DECLARED`; blank is P2."""
    return np.where(columns["declared"] == DECLARED.index(""), DECLARED.index("P2"), columns["declared"])

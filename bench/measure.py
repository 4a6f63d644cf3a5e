"""Time and memory, measured so that a busy machine does not decide the answer.

Candidates run in turn, A B A B..., and what is told is the median of the ratios of neighbours: whatever slows the
machine down slows both.
"""

from __future__ import annotations

import compileall
import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OURS = "ours"


@dataclass(frozen=True, slots=True)
class Line:
    """One comparison as printed. goal: the most that *ratio* may be, None where it is only told."""

    section: str
    what: str
    size: str
    yardstick: str
    ours: str
    theirs: str
    ratio: float
    goal: float | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """Whether the goal is met."""
        if self.goal is None:
            return ""
        return "met" if self.ratio <= self.goal else "MISSED"


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of each candidate, one entry a round."""

    rounds: Mapping[str, Sequence[float]]

    def median(self, name: str) -> float:
        """The median seconds of *name*."""
        return statistics.median(self.rounds[name])

    def ratio(self, name: str, other: str) -> float:
        """The median of *name* ÷ *other*, each pair from one round."""
        pairs = zip(self.rounds[name], self.rounds[other], strict=True)
        return statistics.median(mine / theirs for mine, theirs in pairs)

    def line(self, section: str, what: str, size: str, yardstick: str, goal: float | None = None) -> Line:
        """Ours against *yardstick* as a line to print."""
        mine, theirs = self.median(OURS), self.median(yardstick)
        return Line(
            section, what, size, yardstick, shown(mine), shown(theirs), self.ratio(OURS, yardstick), goal,
            f"n={len(self.rounds[OURS])}",
        )  # fmt: skip


def in_turn(candidates: Mapping[str, Callable[[], object]], rounds: int, *, warm_up: bool = True) -> Times:
    """The seconds each of *candidates* takes in this process. warm_up: one run of each before, not counted."""
    for act in candidates.values() if warm_up else ():
        act()
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, act in candidates.items():
            taken[name].append(_seconds(act))
    return Times(taken)


def _seconds(act: Callable[[], object]) -> float:
    """The seconds *act* takes; what it answers with is thrown away outside the measured time."""
    gc.collect()
    start = time.perf_counter()
    answer = act()
    taken = time.perf_counter() - start
    del answer
    return taken


@dataclass(frozen=True, slots=True)
class Spent:
    """What a whole process took."""

    seconds: float
    peak_mib: float
    output: str


def process(arguments: Sequence[str], *, may_end_with: Sequence[int] = (0,)) -> Spent:
    """Runs this Python with *arguments* to the end.

    Byte code is allowed whatever the environment says: without it each start compiles all of pandas again.
    """
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, "-I", "-S", str(ROOT / "bench" / "launch.py"), *arguments]
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False
    )
    *said, told = done.stderr.splitlines()
    seconds, peak_mib, code = json.loads(told)
    if code not in may_end_with:
        raise SystemExit("\n".join([*said, f"python {' '.join(arguments)} ended with {code}"]))
    return Spent(seconds, peak_mib, done.stdout)


def compiled() -> None:
    """Compile our own code, as an installer does."""
    for room in ("rules", "sync", "bench"):
        compileall.compile_dir(ROOT / room, quiet=2)


def shown(seconds: float) -> str:
    """Seconds as a person reads them."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"


def size_name(loans: int) -> str:
    """20000 -> 20k."""
    for unit, letter in ((1_000_000, "M"), (1000, "k")):
        if loans >= unit and loans % unit == 0:
            return f"{loans // unit}{letter}"
    return str(loans)


def size_of(name: str) -> int:
    """20k -> 20000."""
    unit = {"k": 1000, "M": 1_000_000}.get(name[-1:], 1)
    return int(name.rstrip("kM")) * unit

"""How long `--help` takes beside Python itself: what a person waits for before the first word appears."""

from __future__ import annotations

from collections.abc import Iterator

from bench.measure import OURS, Line, Times, process

GOAL = 6.0
_PAIRS = 15
_BARE = "python -c pass"


def lines() -> Iterator[Line]:
    """The start-up of the command, whole processes in turn."""
    commands = {OURS: ("-m", "sync", "--help"), _BARE: ("-c", "pass")}
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for command in commands.values():
        process(command)
    for _ in range(_PAIRS):
        for name, command in commands.items():
            taken[name].append(process(command).seconds)
    yield Times(taken).line("start-up", "--help", "", _BARE, GOAL)

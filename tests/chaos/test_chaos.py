"""One trial of each kind on each backend, some of the short ones; `python -m tests.chaos` makes thousands.

Each stop tries others. What broke is printed with the command that tries the same again.
"""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.kinds import KINDS
from tests.chaos.places import PLACES

ROOT = Path(__file__).parents[2]
MANY = 18
"""So many trials every kind has."""
SHORT = ["moment", "fault", "two", "people"]
"""Kinds of which a trial takes a second."""


def chaos(*arguments: object, first: str = "") -> subprocess.CompletedProcess[str]:
    """The command, in a process of its own, since it forks; *first* is done in it before."""
    program = f"{first}\nimport sys\nfrom tests.chaos.__main__ import main\nsys.exit(main())"
    command = [sys.executable, "-c", program, "--brief", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize("backend", PLACES)
@pytest.mark.parametrize(("many", "kinds"), [(1, list(KINDS)), (6, SHORT)], ids=["of each", "of the short"])
def test_whatever_goes_wrong_nothing_is_lost_or_sent_twice(backend: str, many: int, kinds: list[str]) -> None:
    first = random.SystemRandom().randrange(MANY - many)
    chosen = [part for kind in kinds for part in ("--kind", kind)]
    done = chaos("--backend", backend, *chosen, "--seeds", many, "--first", first, "--markdown")
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines()[2:-1]]
    assert [row[:3] for row in rows] == [[kind, backend, str(many)] for kind in kinds]


DEFECTS = """
from sync.smtp import _Connection
from sync.worker import _Cycle
from tests.chaos.__main__ import main
from tests.chaos.places import File

once, published = _Connection.send, _Cycle._published

def touched(cycle, report):
    with File(cycle.worker.backend._path).people() as person:
        person.type("成员", 2, "手机", "13800000000")
    return published(cycle, report)

_Connection.send = lambda it, message: once(it, message) or once(it, message)
assert main() == 1
_Connection.send, _Cycle._published = once, touched
"""
"""A worker that sends every mail twice; then one that types into a member's row."""


def test_a_defect_of_the_worker_is_found() -> None:
    arguments = ("--kind", "moment", "--backend", "workbook", "--seed", "0")
    done = chaos(*arguments, first=DEFECTS)
    assert done.returncode == 1, done.stderr
    assert "left more than once" in done.stderr
    assert "touched a member's cell" in done.stderr
    assert done.stderr.count(" ".join(("python -m tests.chaos", *arguments, "--brief"))) == 2

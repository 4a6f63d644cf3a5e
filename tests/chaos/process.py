"""A run in a process of its own, which can be killed, stopped, and counted step by step.

The process is a fork: what it has imported it need not import again, so a crash costs a tenth of a second. Steps are
what Python tells an audit hook of: files opened, renamed and removed, locks, connections.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from multiprocessing.connection import Connection
from typing import Any

from tests.chaos.life import Life, exit_code
from tests.chaos.places import File
from tests.chaos.post import FORK, Watched

WATCHED = {"os.rename", "os.remove", "os.utime", "os.chmod", "os.chown", "os.link", "fcntl.flock", "socket.connect"}
BROKEN = 70
"""The exit code of a run that ended with a traceback."""


@dataclass
class Steps:
    """Counts what a process does to files below *folder* and to the network. at: what happens at each step."""

    folder: str
    at: Callable[[int], None]
    number: int = -1

    def watch(self) -> None:
        """From now on, for good: an audit hook cannot be taken away."""
        sys.addaudithook(self._hook)

    def _hook(self, event: str, args: tuple[Any, ...]) -> None:
        if event in WATCHED or (event == "open" and str(args[0]).startswith(self.folder)):
            self.number += 1
            self.at(self.number)


@dataclass(frozen=True, slots=True)
class Disk:
    """Holds so many bytes of a file. Of those that are too many a process dies, or is told so."""

    holds: int
    deadly: bool = False

    def fill(self) -> None:
        """For this process, for good."""
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL if self.deadly else signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.holds, resource.RLIM_INFINITY))


def die() -> None:
    """kill -9, by oneself."""
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class Run:
    """code: its exit code, minus the number of the signal that killed it. steps: how many it took, if it lived."""

    code: int
    steps: int = 0


Pause = Callable[[], None]
Happening = Callable[[str, int, Pause], None]
"""What happens at each "step" on a file, "mail" or "mailed" of a run, by number."""
Work = Callable[[Pause], tuple[int, int]]
"""What a process does: its exit code, and its steps. It may pause until it is told to go on."""


def run_apart(
    life: Life,
    as_of: date,
    now: datetime,
    *,
    at: Happening = lambda _what, _number, _pause: None,
    disk: Disk | None = None,
    ready: Callable[[int], None] = lambda _pid: None,
    meanwhile: Callable[[], None] = lambda: None,
) -> Run:
    """A run of the worker as a process of its own. See `apart` for ready and meanwhile."""
    life.figures["runs"] += 1

    def work(pause: Pause) -> tuple[int, int]:
        mailer = Watched(life.post.mailer, lambda what, number: at(what, number, pause))
        worker = life.worker(now, mailer)  # made here: a lock is not inherited
        steps = Steps("", lambda _number: None)
        if isinstance(life.place, File):
            steps = Steps(str(life.place.path.parent), lambda number: at("step", number, pause))
            steps.watch()
        if disk is not None:
            disk.fill()
        return exit_code(worker, as_of), steps.number + 1

    run = apart(work, ready, meanwhile)
    life.check_members()
    return run


def apart(work: Work, ready: Callable[[int], None], meanwhile: Callable[[], None]) -> Run:
    """*work* done by a process of its own. ready: is told its number before it begins; meanwhile: done in a pause."""
    here, there = FORK.Pipe()
    process = FORK.Process(target=_work, args=(there, work))
    process.start()
    there.close()
    ready(process.pid or 0)
    here.send("go on")
    try:
        while (said := here.recv()) == _PAUSED:
            meanwhile()
            here.send("go on")
    except EOFError:  # killed
        said = 0
    process.join()
    return Run(process.exitcode or 0, said)


_PAUSED = "paused"


def _work(pipe: Connection, work: Work) -> None:
    def pause() -> None:
        pipe.send(_PAUSED)
        pipe.recv()

    pipe.recv()
    try:
        code, steps = work(pause)
    except BaseException:  # noqa: BLE001  # a process has nobody to raise it to
        traceback.print_exc()
        code, steps = BROKEN, 0
    pipe.send(steps)
    os._exit(code)

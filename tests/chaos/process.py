"""A run in a process of its own, which can be killed, stopped, and counted step by step.

The process is a fork: what it has imported it need not import again, so a crash costs a tenth of a second. Steps are
what Python tells an audit hook of: files opened, renamed and removed, locks, connections.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from tests.chaos.post import FORK

WATCHED = {"os.rename", "os.remove", "os.utime", "os.chmod", "os.chown", "os.link", "fcntl.flock", "socket.connect"}
BROKEN = 70
"""The exit code of a run that ended with a traceback."""


@dataclass
class Steps:
    """Counts what a process does to files below *folder* and to the network. at: what happens at each step."""

    folder: str
    at: Callable[[int], None] = lambda _number: None
    number: int = -1

    def watch(self) -> None:
        """From now on, for good: an audit hook cannot be taken away."""
        sys.addaudithook(self._hook)

    def _hook(self, event: str, args: tuple[Any, ...]) -> None:
        if event in WATCHED or (event == "open" and str(args[0]).startswith(self.folder)):
            self.number += 1
            self.at(self.number)


def die(_signal: int = signal.SIGKILL) -> None:
    """kill -9, by oneself."""
    os.kill(os.getpid(), _signal)


@dataclass
class Run:
    """code: its exit code, -9 when it was killed. said: what it told of itself."""

    code: int
    said: Any = None


Pause = Callable[[], None]
Work = Callable[[Pause], tuple[int, Any]]
"""What a process does: its exit code, and what it has to say. It may pause until it is told to go on."""


def apart(
    work: Work, ready: Callable[[int], None] = lambda _pid: None, meanwhile: Callable[[], None] = lambda: None
) -> Run:
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
        said = None
    process.join()
    return Run(process.exitcode or 0, said)


_PAUSED = "paused"


def _work(pipe: Connection, work: Work) -> None:
    def pause() -> None:
        pipe.send(_PAUSED)
        pipe.recv()

    pipe.recv()
    try:
        code, said = work(pause)
    except BaseException:  # noqa: BLE001  # a process has nobody to raise it to
        traceback.print_exc()
        code, said = BROKEN, None
    pipe.send(said)
    os._exit(code)

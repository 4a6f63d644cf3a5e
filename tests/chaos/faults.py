"""Everything that can go wrong with a call, at every call of a run: once, or from then on until the run gives up.

Of a file: an error of the system at every thing that is done to it, or a full disk. Of the mail server: a refusal that
passes, and a connection that ends before the answer. The run ends in bounded time with the right exit code, and the
next one leaves the sheet as if nothing had been.
"""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.chaos import story
from tests.chaos.crash import recovered
from tests.chaos.life import BUSY, DONE, FAILED, LEFT, WRONG, Life, State, Trial, check_same, law
from tests.chaos.mornings import Mornings, each
from tests.chaos.places import Online
from tests.chaos.process import Disk, Pause, Run, run_apart
from tests.emulators.feishu.faults import slow_down
from tests.emulators.served import BAD_GATEWAY, Answer, Fault
from tests.sync.cycles import Clock

LATE = 0.25  # seconds: what a client waits for an answer, where it is to wait in vain
LONGEST = 20 * 60
"""Seconds that a run may take, whatever happens to it."""


def _says(status: int, body: object = None) -> Answer:
    return Answer(status, {"error": {"code": status, "message": "broken"}} if body is None else body)


ANY: Mapping[str, Fault] = {
    "500": Fault(answer=_says(500)),
    "500 after the effect": Fault(served=True, answer=_says(500)),
    "502 in HTML": Fault(answer=BAD_GATEWAY),
    "502 in HTML after the effect": Fault(served=True, answer=BAD_GATEWAY),
    "503": Fault(answer=_says(503)),
    "timeout": Fault(delay=LATE * 1.5),
    "timeout after the effect": Fault(served=True, delay=LATE * 1.5),
    "reset": Fault(),
    "reset after the effect": Fault(served=True),
    "cut short": Fault(served=True, body_bytes=9),
    "other JSON": Fault(served=True, answer=Answer(200, {"hello": "world"})),
    "a list": Fault(served=True, answer=Answer(200, [])),
    "an empty object": Fault(served=True, answer=Answer(200, {})),
    "null": Fault(served=True, answer=Answer(200, "null")),
    "a hotel's page": Fault(answer=Answer(200, "<html>Welcome</html>", "text/html")),
}
OWN: Mapping[str, Mapping[str, Fault]] = {
    "google": {"429": Fault(answer=_says(429))},
    "feishu": {"429": slow_down(1), "nothing in it": Fault(served=True, answer=Answer(200, {"code": 0, "msg": "ok"}))},
}
ERRORS = (errno.EACCES, errno.ENOSPC, errno.EIO)
MAIL = {"451 not now": LEFT, "421 closing": LEFT, "cut": LEFT}
"""What the mail server does, and how the run ends."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """kind: of call, step, byte or mail. what: goes wrong at the one of that *number*; lasting: and from then on."""

    kind: str
    number: int
    what: Any
    lasting: bool = False


def trials(mornings: Mornings) -> Trial:
    """Every trouble that a run can have."""
    return each(mornings, _calm, _trial)


def _calm(life: Life, number: int) -> tuple[list[Trouble], State]:
    """Every trouble that the run of the day may have, and what it leaves without."""
    place, before = life.place, len(life.taken())
    if isinstance(place, Online):
        first = len(place.server.calls)
        life.run(story.day(number), story.moment(number))
        calls = range(len(place.server.calls) - first)
        whats = [*ANY, *OWN[place.name]]
        troubles = [Trouble("call", *one) for one in itertools.product(calls, whats, (False, True))]
    else:
        steps = _on_file(life, number, None).steps
        troubles = [Trouble("step", *one) for one in itertools.product(range(steps), ERRORS)]
        troubles += [Trouble("byte", kilobytes, errno.EFBIG) for kilobytes in range(0, 40, 4)]
    mails = range(len(life.taken()) - before)
    troubles += [Trouble("mail", *one) for one in itertools.product(mails, MAIL)]
    return troubles, life.state(story.moment(number))


def _trial(life: Life, number: int, trouble: Trouble, wanted: State) -> None:
    clock = Clock()
    code = _struck(life, number, trouble, clock)
    law(code in _codes(trouble), f"the run ended with {code}")
    law(clock.now - 1000 <= LONGEST, f"the run took {clock.now - 1000:.0f} s")
    if code in (DONE, LEFT) and trouble.kind != "mail" and trouble.what != errno.EACCES:
        check_same(life.state(story.moment(number)), wanted, life.figures)
    recovered(life, story.day(number), story.moment(number, 9.5), wanted)


def _codes(trouble: Trouble) -> Sequence[int]:
    """How a run may end. What passes is survived."""
    if trouble.kind == "mail":
        return [MAIL[trouble.what]]
    if trouble.kind == "call":
        return [DONE, LEFT, FAILED] if trouble.lasting else [DONE, LEFT]
    return [DONE, LEFT, FAILED, WRONG, BUSY]  # a lock that may not be had counts as taken


def _struck(life: Life, number: int, trouble: Trouble, clock: Clock) -> int:
    """The exit code of the run of the day, with that trouble."""
    life.figures["faults"] += 1
    place, day, now = life.place, story.day(number), story.moment(number)
    if trouble.kind == "mail":
        life.post.refuse(*["250 OK"] * trouble.number, trouble.what)
        return life.run(day, now)
    if not isinstance(place, Online):
        data = place.path.read_bytes()
        code = _on_file(life, number, trouble).code
        law(code not in (WRONG, BUSY) or place.path.read_bytes() == data, "it did not begin, and something was written")
        return code
    fault = {**ANY, **OWN[place.name]}[trouble.what]
    place.strike(lambda at, _call: fault if at == trouble.number or (trouble.lasting and at > trouble.number) else None)
    life.bounds = {"sleep": clock.sleep, "monotonic": clock, "timeout": (5.0, LATE if fault.delay else 30.0)}
    code = life.run(day, now)
    place.strike(None)
    life.bounds = {}
    return code


def _on_file(life: Life, number: int, trouble: Trouble | None) -> Run:
    """The run of the day as a process of its own, with that trouble."""

    def at(what: str, here: int, _pause: Pause) -> None:
        if trouble and (what, here) == (trouble.kind, trouble.number):
            raise OSError(trouble.what, os.strerror(trouble.what))

    disk = Disk(1000 * trouble.number) if trouble and trouble.kind == "byte" else None
    return run_apart(life, story.day(number), story.moment(number), at=at, disk=disk)

"""Two workers at once, everywhere: the second begins while the first is at its n-th step.

It may begin in earnest (the first holds its turn), or long after (the first was asleep, its lease is over, and it wakes
up to go on). One of them does the work; no mail leaves twice, and the sheet is as if there had been one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

from tests.chaos import story
from tests.chaos.crash import recovered
from tests.chaos.life import BUSY, DONE, FAILED, LEFT, Life, State, Trial, law
from tests.chaos.mornings import Mornings, each
from tests.chaos.places import Online
from tests.chaos.post import Watched
from tests.chaos.process import Pause, run_apart

AWAKE, ASLEEP = timedelta(0), timedelta(minutes=20)


@dataclass(frozen=True, slots=True)
class Second:
    """When another worker begins: at which step of the first, or as it hands over which mail; and how long after it."""

    what: str
    number: int
    later: timedelta


def trials(mornings: Mornings) -> Trial:
    """A second worker at every step of the first, and at every mail."""
    return each(mornings, _alone, _trial)


def _alone(life: Life, number: int) -> tuple[Sequence[Second], State]:
    """Every moment at which a second worker may begin, and what one alone leaves."""
    place, now, mails = life.place, story.moment(number), len(life.taken())
    calls = len(place.server.calls) if place.server else 0
    run = run_apart(life, story.day(number), now)
    steps = len(place.server.calls) - calls if place.server else run.steps
    counts = {"step": steps, "mail": len(life.taken()) - mails}
    moments = [Second(what, at, later) for what, n in counts.items() for at in range(n) for later in (AWAKE, ASLEEP)]
    return moments, life.state(now)


def _trial(life: Life, number: int, other: Second, wanted: State) -> None:
    now, codes = [story.moment(number)], []

    def second() -> None:
        now[0] += other.later
        codes.append(life.run(story.day(number), lambda: now[0]))

    codes.append((_overtaken if isinstance(life.place, Online) else _beside)(life, number, other, second, now))
    law(all(code in (DONE, LEFT, BUSY, FAILED) for code in codes), f"they ended with {codes}")
    law(any(code in (DONE, LEFT) for code in codes), f"neither did it: {codes}")
    recovered(life, story.day(number), now[0] + timedelta(hours=1), wanted)


def _overtaken(life: Life, day: int, other: Second, second: Callable[[], None], now: list[datetime]) -> int:
    """The exit code of a run, in one of whose calls another one begins and ends."""
    place, calls = life.place, count()
    assert isinstance(place, Online)

    def between(_reads: object) -> None:
        if other.what == "step" and next(calls) == other.number:
            place.disturb(None)
            place.server.unattended(second)

    def at(what: str, number: int) -> None:
        if (what, number) == (other.what, other.number):
            second()

    place.disturb(between)
    code = life.run(story.day(day), lambda: now[0], Watched(life.post.mailer, at))
    place.disturb(None)
    return code


def _beside(life: Life, day: int, other: Second, second: Callable[[], None], _now: list[datetime]) -> int:
    """The exit code of a run as a process, beside which another one begins and ends."""

    def at(what: str, number: int, pause: Pause) -> None:
        if (what, number) == (other.what, other.number):
            pause()

    return run_apart(life, story.day(day), story.moment(day), at=at, meanwhile=second).code

"""Two workers at once, everywhere: the second begins while the first is at its n-th step.

It may begin in earnest (the first holds its turn), or long after (the first was asleep, its lease is over, and it wakes
up to go on). One of them does the work; no mail leaves twice, and the sheet is as if there had been one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.chaos import story
from tests.chaos.crash import recovered
from tests.chaos.life import BUSY, DONE, FAILED, LEFT, Life, State, Trial, law
from tests.chaos.mornings import Mornings, each
from tests.chaos.places import Online
from tests.chaos.process import Pause, Run, run_apart

AWAKE, ASLEEP = timedelta(0), timedelta(minutes=20)


@dataclass(frozen=True, slots=True)
class Second:
    """When another worker begins: at which step of the first, and how long after it."""

    step: int
    later: timedelta


def trials(mornings: Mornings) -> Trial:
    """A second worker at every step of the first."""
    return each(mornings, _alone, _trial)


def _alone(life: Life, number: int) -> tuple[Sequence[Second], State]:
    """Every step at which a second worker may begin, and what one alone leaves."""
    place, now = life.place, story.moment(number)
    if isinstance(place, Online):
        first = len(place.server.calls)
        life.run(story.day(number), now)
        steps = len(place.server.calls) - first
    else:
        steps = _beside(life, number, -1, lambda: None).steps
    return [Second(step, later) for step in range(steps) for later in (AWAKE, ASLEEP)], life.state(now)


def _trial(life: Life, number: int, other: Second, wanted: State) -> None:
    now, codes = [story.moment(number)], []

    def second() -> None:
        now[0] += other.later
        codes.append(life.run(story.day(number), lambda: now[0]))

    if isinstance(life.place, Online):
        codes.append(_overtaken(life, number, other.step, second, now))
    else:
        codes.append(_beside(life, number, other.step, second).code)
    law(all(code in (DONE, LEFT, BUSY, FAILED) for code in codes), f"they ended with {codes}")
    law(any(code in (DONE, LEFT) for code in codes), f"neither did it: {codes}")
    recovered(life, story.day(number), now[0] + timedelta(hours=1), wanted)


def _overtaken(life: Life, number: int, step: int, second: Callable[[], None], now: list[datetime]) -> int:
    """The exit code of a run, in whose call *step* another one begins and ends."""
    place, count = life.place, [-1]
    assert isinstance(place, Online)

    def between(_reads: object) -> None:
        count[0] += 1
        if count[0] == step:
            place.disturb(None)
            place.server.unattended(second)

    place.disturb(between)
    code = life.run(story.day(number), lambda: now[0])
    place.disturb(None)
    return code


def _beside(life: Life, number: int, step: int, second: Callable[[], None]) -> Run:
    """A run as a process, at whose *step* another one begins and ends."""

    def at(here: int, pause: Pause) -> None:
        if here == step:
            pause()

    return run_apart(life, story.day(number), story.moment(number), at=at, meanwhile=second)

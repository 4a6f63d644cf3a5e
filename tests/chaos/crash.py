"""Power cuts: one every day for three weeks, each at another step of the run; the next run makes it good.

A run is a process, killed before or after the n-th call to the service took effect, at the n-th thing it does to a
file, in the middle of writing one, before or after a mail was handed over, or by the mail server that holds its mail.
"""

from __future__ import annotations

import functools
import os
import random
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache

from rules.schema import RUNS
from tests.chaos import story
from tests.chaos.life import DONE, LEFT, Figures, Life, State, Trial, check_same, law, told
from tests.chaos.mornings import Mornings, each
from tests.chaos.places import Online
from tests.chaos.process import Disk, Pause, die, run_apart
from tests.emulators.served import Call, Fault


@dataclass(frozen=True, slots=True)
class Moment:
    """When the power goes: at which thing of its kind.

    what: "call" of a service before it takes effect, or "called", after it; "step" on a file; "byte", in thousands, of a
    file that is written; "mail" before it is handed over, "taken" by the server that has not answered, or "mailed".
    """

    what: str
    number: int


def killed(life: Life, as_of: date, now: datetime, moment: Moment) -> int:
    """The exit code of a run as a process of its own that is killed at *moment*, and counted when it was."""

    def at(what: str, number: int, _pause: Pause) -> None:
        if Moment(what, number) == moment:
            die()

    disk = Disk(1000 * moment.number, deadly=True) if moment.what == "byte" else None
    code = run_apart(life, as_of, now, at=at, disk=disk, ready=_armed(life, moment)).code
    life.figures["crashes"] += code in (-signal.SIGKILL, -signal.SIGXFSZ)
    life.post.kill(0, 0)
    if isinstance(life.place, Online):
        life.place.strike(None)
    return code


def _armed(life: Life, moment: Moment) -> Callable[[int], None]:
    """What makes sure that the process dies, once its number is known."""

    def arm(pid: int) -> None:
        if moment.what == "taken":
            life.post.kill(pid, moment.number + 1)
        if moment.what in ("call", "called") and isinstance(life.place, Online):
            life.place.strike(functools.partial(_power, pid, moment))

    return arm


def _power(pid: int, moment: Moment, number: int, _call: Call) -> Fault | None:
    if number != moment.number:
        return None
    os.kill(pid, signal.SIGKILL)
    return Fault(served=moment.what == "called")


def calm(life: Life, number: int) -> tuple[Sequence[Moment], State]:
    """A day without a power cut: every moment when there could be one, and what the sheet holds in the evening."""
    place, before = life.place, len(life.taken())
    calls = len(place.server.calls) if place.server else 0
    run = run_apart(life, story.day(number), story.moment(number))
    law(run.code in (DONE, LEFT), f"a calm run ended with {run.code}")
    mails = len(life.taken()) - before
    counts = {"mail": mails, "taken": mails, "mailed": mails}
    if place.server:
        counts |= dict.fromkeys(("call", "called"), len(place.server.calls) - calls)
    else:
        counts |= {"step": run.steps, "byte": 12}
    return [Moment(what, number) for what, many in counts.items() for number in range(many)], life.state(
        story.moment(number, 12)
    )


def stories(mornings: Mornings, days: int = story.DAYS) -> Trial:
    """The story with a power cut every day: in each story at another moment of each day."""

    @cache
    def evenings() -> list[tuple[Sequence[Moment], State]]:
        with mornings().copied(Figures()) as life:
            return [_evening(life, number) for number in range(days)]

    def trial(seed: int, figures: Figures) -> bool:
        calm_days = evenings()
        with mornings().copied(figures) as life:
            for number, (moments, evening) in enumerate(calm_days):
                moment = random.Random(f"{seed} {number}").choice(moments)
                story.night(life, number)
                with told(f"day {number}: {moment}"):
                    _day(life, number, moment, evening)
        return True

    return trial


def _evening(life: Life, number: int) -> tuple[Sequence[Moment], State]:
    story.night(life, number)
    return calm(life, number)


def moments(mornings: Mornings) -> Trial:
    """A power cut at every moment of a day."""
    return each(mornings, calm, _day)


def _day(life: Life, number: int, moment: Moment, wanted: State) -> None:
    """A run that is killed, the run after it, and what a person says of mail with unknown result."""
    code = killed(life, story.day(number), story.moment(number), moment)
    law(code < 0 or code in (DONE, LEFT), f"a run that was to be killed ended with {code}")
    recovered(life, story.day(number), story.moment(number, 9.5), wanted)


def recovered(life: Life, as_of: date, now: datetime, wanted: State) -> None:
    """The next run: then the sheet is as it was *wanted*, and still is when every mail in doubt was looked after."""
    code = life.run(as_of, now)
    law(code in (DONE, LEFT), f"the run afterwards ended with {code}")
    state = life.state(now)
    check_same(state, wanted, life.figures)
    if life.settle(now):
        life.run(as_of, now + timedelta(minutes=30))
        state = life.state(now + timedelta(minutes=30))
        check_same(state, wanted, life.figures)
    life.check_mail(state)
    life.place.check_around()
    log = life.place.backend(lambda: now + timedelta(hours=1)).read((RUNS,)).tabs[RUNS.name].rows
    law("运行中" not in {cell for row in log for cell in row}, "a run is still said to be under way")

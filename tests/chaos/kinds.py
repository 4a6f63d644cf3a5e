"""The kinds of things that can go wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from tests.chaos import clock, crash, endurance, faults, people, two
from tests.chaos.life import Trial
from tests.chaos.mornings import Mornings

Trials = Callable[[Mornings], Trial]


@dataclass(frozen=True)
class Kind:
    """seeds: how many trials a long run makes on each backend. briefly: what is tried where seconds count."""

    trials: Trials
    seeds: int
    briefly: Trials = field(default=None)  # type: ignore[assignment]  # the same, unless said

    def __post_init__(self) -> None:
        object.__setattr__(self, "briefly", self.briefly or self.trials)


KINDS: Mapping[str, Kind] = {
    "crash": Kind(crash.stories, 3, partial(crash.stories, days=2)),
    "moment": Kind(crash.moments, 120),
    "fault": Kind(faults.trials, 100),
    "two": Kind(two.trials, 90),
    "clock": Kind(clock.trials, 30),
    "people": Kind(people.trials, 50),
    "endurance": Kind(endurance.trials, 1, partial(endurance.trials, weeks=2)),
}

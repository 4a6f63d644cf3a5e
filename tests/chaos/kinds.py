"""The kinds of things that can go wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from tests.chaos import clock, crash, endurance, faults, people, two
from tests.chaos.life import Trial
from tests.chaos.mornings import Mornings

Trials = Callable[[Mornings], Trial]


@dataclass(frozen=True)
class Kind:
    """seeds: how many trials a long run makes on each backend. briefly: other trials, for where seconds count."""

    trials: Trials
    seeds: int
    briefly: Trials | None = None

    def made(self, mornings: Mornings, *, briefly: bool) -> Trial:
        """What tries one seed, from one of those mornings on."""
        return (self.briefly if briefly and self.briefly else self.trials)(mornings)


KINDS: Mapping[str, Kind] = {
    "crash": Kind(crash.stories, 2, partial(crash.stories, days=2)),
    "moment": Kind(crash.moments, 100),
    "fault": Kind(faults.trials, 80),
    "two": Kind(two.trials, 80),
    "clock": Kind(clock.trials, 24),
    "people": Kind(people.trials, 40),
    "endurance": Kind(endurance.trials, 1, partial(endurance.trials, weeks=2)),
}
"""By name. A new kind is one line here: what makes a `Trial` of it."""

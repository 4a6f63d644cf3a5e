"""Mornings on which a run is at hand, each made once, and each way that its day may go tried on a copy.

One is of the first run of all, the other of a run that comes after a week of edits: with rows to make, to change and to
take away, and letters.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cache
from typing import Any, Self

from tests.chaos import story
from tests.chaos.life import DONE, LEFT, Figures, Life, State, Trial, exit_code, law, told
from tests.chaos.places import PLACES, Alliance
from tests.chaos.post import Post

DAYS = (0, 8)
Calm = Callable[[Life, int], tuple[Sequence[Any], State]]
"""Lives through that day when nothing happens: all that could happen, and what the sheet holds in the evening."""
Happening = Callable[[Life, int, Any, State], None]
"""Lives through that day when this happens; in the end the sheet must hold the same."""


class Mornings:
    """Of alliances on one backend, while the block lasts. post: takes their mail."""

    def __init__(self, backend: str, post: Post) -> None:
        self.backend, self.post = backend, post
        self._made: dict[tuple[int, int], Life] = {}
        self._places = ExitStack()

    def __enter__(self) -> Self:
        """Runs once: what a run has imported, processes that are forked later need not import again."""
        with self().copied(Figures()) as life:
            exit_code(life.worker(story.moment(0)), story.day(0))
        return self

    def __exit__(self, *_: object) -> None:
        self._places.close()

    def __call__(self, day: int = 0, alliance: Alliance = story.ALLIANCE) -> Life:
        """The life of that alliance up to the morning of that day, to be copied."""
        key = day, id(alliance)
        if key not in self._made:
            self._made[key] = life = Life(self._places.enter_context(PLACES[self.backend](alliance)), self.post)
            if day:
                law(life.run(story.day(0), story.moment(0)) in (DONE, LEFT), "the first run failed")
            for number in range(1, day + 1):
                story.night(life, number)
            life.stand_still()
        return self._made[key]


def each(mornings: Mornings, calm: Calm, happening: Happening) -> Trial:
    """Everything that can happen on those days, in an order that is no order, the days in turn."""

    @cache
    def day(number: int) -> tuple[Sequence[Any], State]:
        with mornings(number).copied(Figures()) as life:
            found, evening = calm(life, number)
        return random.Random(number).sample(found, len(found)), evening

    def trial(seed: int, figures: Figures) -> bool:
        at, which = divmod(seed, len(DAYS))
        number = DAYS[which]
        found, evening = day(number)
        if at >= len(found):
            return False
        with mornings(number).copied(figures) as life, told(f"day {number}: {found[at]}"):
            happening(life, number, found[at], evening)
        return True

    return trial

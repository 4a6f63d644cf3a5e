"""Rows of a base have no order that stays: each row of the worker's carries a number, and few of them ever change."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise

_STEP = 1.0
_FINEST = 1e-6  # closer than that, the next row would find no room: then all rows are numbered afresh


def placed(now: Sequence[float | None]) -> list[float]:
    """An ascending number for each row, as many of *now* kept as possible; None: a new row."""
    kept = _ascending(now)
    numbers: list[float] = []
    for before, after in zip([-1, *kept], [*kept, len(now)], strict=True):
        numbers += _between(_at(now, before), _at(now, after), after - before - 1)
        numbers += [number for number in [_at(now, after)] if number is not None]
    if any(b - a < _FINEST for a, b in pairwise(numbers)):
        return [_STEP * place for place in range(1, len(now) + 1)]
    return numbers


def _at(now: Sequence[float | None], place: int) -> float | None:
    return now[place] if 0 <= place < len(now) else None


def _between(low: float | None, high: float | None, count: int) -> Iterator[float]:
    """*count* numbers between two, of which an end may be open."""
    if low is None:
        low = 0.0 if high is None else high - _STEP * (count + 1)
    step = _STEP if high is None else (high - low) / (count + 1)
    yield from (low + step * place for place in range(1, count + 1))


def _ascending(now: Sequence[float | None]) -> list[int]:
    """The places of the longest run of numbers that ascend already."""
    tails: list[float] = []
    ends: list[int] = []
    before: dict[int, int] = {}
    for place, number in enumerate(now):
        if number is None or not math.isfinite(number):
            continue
        at = bisect_left(tails, number)
        before[place] = ends[at - 1] if at else -1
        tails[at : at + 1] = [number]
        ends[at : at + 1] = [place]
    chain = []
    place = ends[-1] if ends else -1
    while place >= 0:
        chain.append(place)
        place = before[place]
    return chain[::-1]

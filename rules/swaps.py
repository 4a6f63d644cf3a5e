"""Rings of two or three centers in which each has spare what the next one asks for: everybody helps and is helped once.

Source: rules, section 6, "Swaps".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Gift:
    """What one center could give another: *units* of *part* for its request."""

    giver: str
    taker: str
    request_id: str
    part: str
    units: int


@dataclass(slots=True)
class Gifts:
    """The first gift, in queue order, from each center to each other one."""

    by_pair: dict[tuple[str, str], Gift] = field(default_factory=dict)
    _takers: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _givers: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def offer(self, gift: Gift) -> None:
        """Note *gift*, unless one between the two is known: requests come in queue order."""
        if (gift.giver, gift.taker) not in self.by_pair:
            self.by_pair[gift.giver, gift.taker] = gift
            self._takers[gift.giver].add(gift.taker)
            self._givers[gift.taker].add(gift.giver)

    def ring_with(self, giver: str, taker: str) -> tuple[Gift, ...]:
        """The ring that begins with what *giver* gives *taker*: of two if there is one, else the first of three by name
        of the third; () when there is none.
        """
        if (giver, taker) not in self.by_pair:
            return ()
        if (taker, giver) in self.by_pair:
            return self._ring(giver, taker)
        thirds = self._takers[taker] & self._givers[giver]
        return self._ring(giver, taker, min(thirds)) if thirds else ()

    def rings(self) -> Iterator[tuple[Gift, ...]]:
        """Every ring once, beginning at its first center by name; rings of two first, then of three."""
        pairs = sorted(self.by_pair)
        yield from (self._ring(a, b) for a, b in pairs if a < b and (b, a) in self.by_pair)
        for a, b in pairs:
            if a < b:
                yield from (self._ring(a, b, c) for c in sorted(self._takers[b] & self._givers[a]) if c > a)

    def _ring(self, *centers: str) -> tuple[Gift, ...]:
        return tuple(
            self.by_pair[giver, taker] for giver, taker in zip(centers, (*centers[1:], centers[0]), strict=True)
        )

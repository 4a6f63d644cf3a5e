"""Keys people type: which ones may be referred to, which one was meant, and which number comes next.

Source: rules, section 1 ("a near miss proposes the closest name", "the problem proposes the next free number").
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from rules.layout import header_name

GUESSED = 20
"""How many unknown names of a column are compared letter by letter: a column full of them is no typing slip."""


@dataclass(frozen=True, slots=True)
class Known:
    """The keys other tables may refer to: good ones in order, and the sheet rows of those that have an error."""

    title: str
    good: tuple[str, ...] = ()
    broken: Mapping[str, str] = field(default_factory=dict)

    def meant_by(self, unknown: Collection[str]) -> dict[str, str]:
        """For each of the *unknown* names the known one that looks most like it, where one does."""
        bare = {_bare(name): name for name in sorted((*self.good, *self.broken))} if unknown else {}
        meant = {name: bare[_bare(name)] for name in unknown if _bare(name) in bare}
        rest = [name for name in unknown if name not in meant]
        for name in rest if len(rest) <= GUESSED else ():
            if near := difflib.get_close_matches(_bare(name), list(bare), n=1, cutoff=0.6):
                meant[name] = bare[near[0]]
        return meant


def nearest(unknown: str, names: Iterable[str], most: int) -> list[str]:
    """Up to *most* of *names* that look like the *unknown* one, the closest first."""
    bare = {_bare(name): name for name in sorted(names)}
    return [bare[near] for near in difflib.get_close_matches(_bare(unknown), list(bare), n=most, cutoff=0.5)]


def _bare(name: str) -> str:
    """A name without case, signs and leading zeros: `P-001` and `p1` are one way of writing."""
    return re.sub(r"0*(\d+)", r"\1", re.sub(r"[\W_]+", "", header_name(name)))


_NUMBERED = re.compile(r"(.*?)(\d{1,18})")


def next_numbers(keys: Iterable[str], count: int) -> list[str]:
    """*count* free numbers that continue the commonest form of *keys*: L-2025-005 -> L-2025-006, L-2025-007..."""
    matches = [match for key in keys if (match := _NUMBERED.fullmatch(key))] if count else []
    if not matches:
        return [str(n) for n in range(1, count + 1)]
    uses = Counter(match[1] for match in matches)
    prefix = min(uses, key=lambda form: (-uses[form], form))
    numbers = [match[2] for match in matches if match[1] == prefix]
    last, width = max(int(n) for n in numbers), max(len(n) for n in numbers)
    return [f"{prefix}{last + n:0{width}d}" for n in range(1, count + 1)]

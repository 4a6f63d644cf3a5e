"""What the kinds of batchUpdate requests share."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.emulators.google.book import Book, Json, Tab
from tests.emulators.google.masks import Mask, parsed
from tests.emulators.google.ranges import COORDINATE, DIMENSION_RANGE, GRID_RANGE, Area, Dimension
from tests.emulators.google.refusals import PROTECTED, Refused, known

NO_FIELDS = "At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)"


@dataclass
class Batch:
    """One batchUpdate under way: the working copy, who asks, and where new ids come from."""

    book: Book
    user: str
    ids: random.Random = field(default_factory=random.Random)

    def new_id(self) -> int:
        return self.ids.randrange(1, 2**31)

    def guard_tab(self, sheet: int) -> None:
        """Raises Refused when the whole tab is protected from the user."""
        for one in self.book.tab(sheet).protections:
            if one["range"].keys() == {"sheetId"} and not self.may_change(one):
                raise Refused(PROTECTED)

    def may_change(self, protection: Json) -> bool:
        editors = protection.get("editors", {}).get("users", ())
        return bool(protection.get("warningOnly")) or self.user in (self.book.owner, *editors)

    def writable(self, given: Json) -> Area:
        """The area of a GridRange, cut to the grid; raises Refused when it is not there or the user may not write."""
        known(given, GRID_RANGE, "GridRange")
        area = self.book.within(Area.of(given))
        self.book.guard(self.user, area)
        return area


Kind = Callable[[Batch, Json], Json]
"""Does one request; its reply."""


def lines(batch: Batch, given: Json, where: str) -> tuple[Tab, Dimension, int, int]:
    """The tab, dimension and bounds of a DimensionRange."""
    known(given, DIMENSION_RANGE, where)
    tab, dimension = batch.book.tab(given.get("sheetId") or 0), given.get("dimension")
    if dimension not in ("ROWS", "COLUMNS"):
        raise Refused("No dimension specified.")
    end = given.get("endIndex")
    return tab, dimension, given.get("startIndex") or 0, tab.lines(dimension) if end is None else end


def fields(given: Json, table: Mask, where: str) -> Mask:
    """The mask of a request; {} for `*`."""
    text = given.get("fields")
    if not text:
        raise Refused(NO_FIELDS)
    return parsed(text, table, where)


def explicit(node: Any) -> Any:
    """*node* with every range and coordinate in it naming its tab."""
    if isinstance(node, list):
        return [explicit(item) for item in node]
    if not isinstance(node, dict) or not node:
        return node
    if node.keys() <= GRID_RANGE:
        return Area.of(node).grid_range
    if node.keys() <= COORDINATE:
        return {"sheetId": 0, **node}
    return {name: explicit(value) for name, value in node.items() if value is not None}


_COLOR = frozenset({"red", "green", "blue", "alpha"})


def colors(node: Any) -> Any:
    """*node* with its colours as Google keeps them: no zeros, and each with its style beside it."""
    if isinstance(node, list):
        return [colors(item) for item in node]
    if not isinstance(node, dict):
        return node
    if node and node.keys() <= _COLOR:
        return {name: shade for name, part in node.items() if (shade := round(int((part or 0) * 255) / 255, 8))}
    result = {name: colors(value) for name, value in node.items() if value is not None}
    for name in list(result):
        if re.search(r"[cC]olor$", name) and name != "rgbColor" and name + "Style" not in result:
            result[name + "Style"] = {"rgbColor": result[name]}
        elif name.endswith("ColorStyle") and "rgbColor" in result[name]:
            result.setdefault(name.removesuffix("Style"), result[name]["rgbColor"])
    return result

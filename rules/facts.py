"""What the figures of the alliance are made of, and the form of one: value, sentence, rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from rules.credit import GivenBack, given_back
from rules.dates import Mask
from rules.fulfilment import Fulfilment
from rules.ladder import Ints, LoanStates
from rules.ledger import has_left
from rules.policy import InventoryPolicy
from rules.rounding import half_up
from rules.supply import Supply
from rules.words import Words

Rows = Mapping[str, tuple[str, ...]]
"""Table -> keys of its rows, those to look at first before the others. A row of 库存 is `center · part`."""


class Measured(NamedTuple):
    """A value, its sentence, and the rows that made it: they alone give the same value."""

    value: float | None
    note: Words
    rows: Rows


class Keys:
    """The keys of one table's rows, put in order once."""

    def __init__(self, keys: list[str]) -> None:
        self._keys = np.array(keys, dtype=object)
        self._rank = np.empty(len(keys), dtype=np.int64)
        self._rank[sorted(range(len(keys)), key=keys.__getitem__)] = np.arange(len(keys))

    def of(self, chosen: Mask, weight: npt.NDArray[Any] | None = None) -> tuple[str, ...]:
        """The keys of the *chosen* rows, the greatest *weight* first, then by key."""
        at = np.flatnonzero(chosen)
        lead = np.zeros(len(at), dtype=np.int64) if weight is None else -weight[at].astype(np.int64)
        return tuple(self._keys[at[np.lexsort((self._rank[at], lead))]].tolist())


@dataclass(frozen=True, slots=True)
class Facts:
    """What figures are made of. keys: by table name. present: for each member, whether it is still there. stocked:
    for each inventory row, whether its center is: what the others hold is no longer the alliance's.
    """

    frames: Mapping[str, pd.DataFrame]
    states: LoanStates
    returns: GivenBack
    served: Fulfilment
    stock: Supply
    policy: InventoryPolicy
    keys: Mapping[str, Keys]
    present: Mask
    stocked: Mask

    def worth(self, table: str, chosen: Mask, units: Ints) -> tuple[Fraction, Mask]:
        """Unit value × *units* over the *chosen* rows, exactly; and which of these have no price."""
        parts = self.frames[table]["part_no"].cat.codes.to_numpy()
        prices = self.frames["parts"]["unit_value"].to_numpy()
        priced = np.array([price is not None for price in prices], dtype=bool)
        total = np.bincount(parts[chosen], units[chosen], minlength=len(prices)).astype(np.int64)
        at = np.flatnonzero((total > 0) & priced).tolist()
        return sum((Fraction(prices[i]) * int(total[i]) for i in at), Fraction(0)), chosen & ~priced[parts]


def facts(
    frames: Mapping[str, pd.DataFrame],
    states: LoanStates,
    served: Fulfilment,
    stock: Supply,
    policy: InventoryPolicy,
) -> Facts:
    """What figures are made of on the day of *states*."""
    members, inventory = frames["members"], frames["inventory"]
    present = ~has_left(members, states.as_of)
    held = zip(inventory["center"], inventory["part_no"], strict=True)
    keys = {
        "members": Keys(members["center"].tolist()),
        "inventory": Keys([f"{center} · {part}" for center, part in held]),
        "requests": Keys(frames["requests"]["request_id"].tolist()),
        "loans": Keys(frames["loans"]["loan_id"].tolist()),
    }
    stocked = present[inventory["center"].cat.codes.to_numpy()]
    return Facts(frames, states, given_back(states), served, stock, policy, keys, present, stocked)


def said(main: Words, *more: tuple[int, str, str]) -> Words:
    """One sentence: *main*, and each clause of *more* whose number is not 0, put in for {n}."""
    zh = "；".join([main.zh, *(clause.format(n=n) for n, clause, _ in more if n)])
    en = "; ".join([main.en, *(clause.format(n=n) for n, _, clause in more if n)])
    return Words(f"{zh}。", f"{en}.")


def count(chosen: Mask) -> int:
    """How many are chosen."""
    return int(np.count_nonzero(chosen))


def yuan(amount: Fraction) -> str:
    """An amount to the cent, without the digits it does not need."""
    whole, cents = divmod(half_up(100 * amount, 1), 100)
    return f"{whole}.{cents:02d}" if cents else str(whole)

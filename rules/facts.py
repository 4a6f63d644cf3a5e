"""What the figures of the alliance are made of, and the form of one: value, sentence, rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from rules.credit import GivenBack, given_back
from rules.dates import Mask
from rules.fulfilment import Fulfilment
from rules.ladder import OVERDUE, Ints, LoanStates
from rules.ledger import has_left
from rules.policy import InventoryPolicy
from rules.rounding import half_up, whole
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
        self._order = np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.int64)

    def of(self, chosen: Mask, weight: npt.NDArray[Any] | None = None) -> tuple[str, ...]:
        """The keys of the *chosen* rows, the greatest *weight* first, then by key."""
        at = self._order[chosen[self._order]]
        if weight is not None:
            at = at[np.argsort(-weight[at].astype(np.int64), kind="stable")]
        return tuple(self._keys[at].tolist())


@dataclass(frozen=True, slots=True)
class Facts:
    """What figures are made of. keys: by table name. present: for each member, whether it is still there. stocked:
    for each inventory row, whether its center is: what the others hold is no longer the alliance's. prices: of each
    part, as a multiple of *unit*; None where it has none. overdue: for each loan.
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
    overdue: Mask
    prices: Sequence[int | None]
    unit: Fraction

    def worth(self, table: str, chosen: Mask, units: Ints) -> tuple[Fraction, Mask]:
        """Unit value × *units* over the *chosen* rows, exactly; and which of these have no price."""
        parts = self.frames[table]["part_no"].cat.codes.to_numpy()
        priced = np.array([price is not None for price in self.prices], dtype=bool)
        total = np.bincount(parts[chosen], units[chosen], minlength=len(priced)).astype(np.int64).tolist()
        value = sum(price * of for price, of in zip(self.prices, total, strict=True) if price)
        return self.unit * value, chosen & ~priced[parts]


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
    unit_values = frames["parts"]["unit_value"].to_numpy()
    (amounts,), unit = whole(unit_values)
    prices = [None if price is None else int(amount) for price, amount in zip(unit_values, amounts, strict=True)]
    return Facts(
        frames,
        states,
        given_back(states),
        served,
        stock,
        policy,
        keys,
        present,
        stocked=present[inventory["center"].cat.codes.to_numpy()],
        overdue=states.state == OVERDUE,
        prices=prices,
        unit=Fraction(unit),
    )


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

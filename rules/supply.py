"""What each inventory row can give: counted stock, rolled forward to today, less what is promised and kept.

Source: rules, section 6, first paragraph.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from rules.dates import Days, Mask, day, days, known
from rules.ledger import effective
from rules.policy import InventoryPolicy

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Supply:
    """One entry for each row of the inventory frame, in its order.

    on_hand: units there today, none promised; ordinary and crisis: units it can give to P1 and P2, and to a P0, never
    below 0. age: days since the count; idle: days since one was last used; both -1 when unknown. stale, dead: longer
    than the policy allows.
    """

    on_hand: Ints
    ordinary: Ints
    crisis: Ints
    age: Ints
    idle: Ints
    stale: Mask
    dead: Mask


def supply(inventory: pd.DataFrame, loans: pd.DataFrame, as_of: date, policy: InventoryPolicy, p0_keep: int) -> Supply:
    """What each inventory row can give on *as_of*."""
    updated = days(inventory["updated_on"])
    moved, promised = _since(inventory, updated, loans, as_of)
    here = inventory["on_hand"].to_numpy() + moved - promised
    keep = inventory["safety_stock"].to_numpy()
    age, idle = (_days_since(column, as_of) for column in (updated, days(inventory["last_used_on"])))
    return Supply(
        on_hand=np.maximum(here, 0),
        ordinary=np.maximum(here - keep, 0),
        crisis=np.maximum(here - p0_keep, 0),
        age=age,
        idle=idle,
        stale=age > policy.stale_days,
        dead=idle >= policy.dead_days,
    )


def _days_since(column: Days, as_of: date) -> Ints:
    """Whole days from each day to *as_of*, 0 for days to come, -1 where blank."""
    passed = np.maximum((day(as_of) - column).astype(np.int64), 0)
    return np.where(known(column), passed, -1)


def _since(inventory: pd.DataFrame, updated: Days, loans: pd.DataFrame, as_of: date) -> tuple[Ints, Ints]:
    """For each inventory row: units that came and went by loans since it was counted, and units promised.

    A loan made since the count took its units away, and those it has given back since are there again. Units back from
    an older loan are added when the day they came is known: without it they may have been counted.
    """
    lines, row_of = _lending(inventory, loans)
    lent_on, back_on = (days(loans[name])[lines] for name in ("lent_on", "returned_on"))
    counted = updated[row_of]  # NaT when unknown: then nothing compares as later
    qty, returned = (loans[name].to_numpy()[lines] for name in ("qty", "returned_qty"))
    shipped = effective(loans, as_of)[lines]
    lent = shipped & (lent_on > counted)
    back = shipped & np.where(known(back_on), (back_on > counted) & (back_on <= day(as_of)), lent)
    moved = np.where(back, returned, 0) - np.where(lent, qty, 0)
    size = len(inventory)
    totals = (np.bincount(row_of, units, minlength=size) for units in (moved, np.where(shipped, 0, qty)))
    came, promised = (total.astype(np.int64) for total in totals)
    return came, promised


def _lending(inventory: pd.DataFrame, loans: pd.DataFrame) -> tuple[Ints, Ints]:
    """The loans not cancelled whose lender has an inventory row of the part, and which row that is."""
    parts = len(inventory["part_no"].cat.categories)
    held = _pairs(inventory, "center", parts)
    lent = _pairs(loans, "lender", parts)
    order = np.argsort(held)
    at = np.minimum(np.searchsorted(held, lent, sorter=order), max(len(held) - 1, 0))
    if not len(held):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    found = order[at]
    lines = np.flatnonzero((held[found] == lent) & ~loans["cancelled"].to_numpy())
    return lines, found[lines]


def _pairs(frame: pd.DataFrame, center: str, parts: int) -> Ints:
    """One number for each (center, part)."""
    codes: Ints = frame[center].cat.codes.to_numpy().astype(np.int64) * parts + frame["part_no"].cat.codes.to_numpy()
    return codes

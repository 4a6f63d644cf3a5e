"""Exact sums of money, and quotients as people round them: .5 is never a little less, and no order of rows matters."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pandas as pd

Exact = int | Fraction
Objects = npt.NDArray[np.object_]


def half_up(part: Exact, whole: Exact) -> int:
    """The quotient of two numbers that are not below 0, as the nearest whole number; a half goes up."""
    return int((2 * part + whole) // (2 * whole))


def ratio(part: Exact, whole: Exact, places: int) -> float | None:
    """The quotient with so many decimal places; None when there is nothing to divide by."""
    return half_up(part * 10**places, whole) / 10**places if whole else None


def percent(part: Exact, whole: Exact) -> float | None:
    """100 × the quotient, with one decimal place; None when there is nothing to divide by."""
    return ratio(100 * part, whole, 1)


def whole(*columns: Objects) -> tuple[list[npt.NDArray[np.int64] | Objects], Decimal]:
    """Money in whole numbers of a unit that divides every amount, and that unit: sums stay exact. Blank is 0."""
    read = [pd.factorize(column) for column in columns]
    distinct = [amount for _, amounts in read for amount in amounts]
    places = max((-int(amount.as_tuple().exponent) for amount in distinct), default=0)
    unit = Decimal(1).scaleb(-max(places, 0))
    most = max((int(amount / unit) for amount in distinct), default=0) * max(len(column) for column in columns)
    dtype = np.int64 if most < 2**62 else object
    whole = (np.array([*(int(amount / unit) for amount in amounts), 0], dtype=dtype) for _, amounts in read)
    return [amounts[codes] for amounts, (codes, _) in zip(whole, read, strict=True)], unit  # code -1 is blank: the last

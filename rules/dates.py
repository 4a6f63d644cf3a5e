"""Calendar days in arrays: frames hold them as datetime64[s], the rules count in whole days."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Days = npt.NDArray[np.datetime64]
Mask = npt.NDArray[np.bool_]


def days(column: pd.Series[Any]) -> Days:
    """The days of a date column; NaT where blank."""
    return column.to_numpy().astype("datetime64[D]")


def day(as_of: date) -> np.datetime64:
    """*as_of* as an array value."""
    return np.datetime64(as_of, "D")


def first_of(*columns: Days) -> Days:
    """For each row the first of *columns* that is not blank."""
    result = columns[0]
    for column in columns[1:]:
        result = np.where(np.isnat(result), column, result)
    return result


def known(column: Days) -> Mask:
    """True where the day is filled in."""
    return ~np.isnat(column)


def plain(column: Days) -> list[date | None]:
    """Python dates, None where blank."""
    dates: list[date | None] = column.tolist()
    return dates

"""Quotients as people round them, exact: whole numbers and fractions throughout, so that .5 is never a little less."""

from __future__ import annotations

from fractions import Fraction

Exact = int | Fraction


def half_up(part: Exact, whole: Exact) -> int:
    """The quotient of two numbers that are not below 0, as the nearest whole number; a half goes up."""
    return int((2 * part + whole) // (2 * whole))


def ratio(part: Exact, whole: Exact, places: int) -> float | None:
    """The quotient with so many decimal places; None when there is nothing to divide by."""
    return half_up(part * 10**places, whole) / 10**places if whole else None


def percent(part: Exact, whole: Exact) -> float | None:
    """100 × the quotient, with one decimal place; None when there is nothing to divide by."""
    return ratio(100 * part, whole, 1)

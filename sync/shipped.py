"""Where the files that come with the program lie: in an installed wheel, or in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """The path of *name* ("templates" or "config.yaml"): the wheel's copy, else the checkout's own.

    Raises FileNotFoundError when this installation has neither.
    """
    homes = (_PACKAGE / "_shipped", _PACKAGE.parent)
    for home in homes:
        if (path := home / name).exists():
            return path
    raise FileNotFoundError(f"{name} is missing from this installation (looked in {homes[0]} and {homes[1]})")

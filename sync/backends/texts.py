"""Texts as a cell of an online sheet can hold them."""

from __future__ import annotations

import re

_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


def fitting(value: str, most: int) -> str:
    """*value* without what no cell can hold, cut to the *most* characters that one holds."""
    value = _NOT_TEXT.sub("\ufffd", value)
    return value if len(value) <= most else value[: most - 1] + "…"

"""One sentence in the two languages of the product. A module of its own: the command line starts with little else."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """One sentence in Chinese and in English."""

    zh: str
    en: str

    def in_(self, locale: str) -> str:
        """The sentence in *locale* ("zh" or "en")."""
        return self.en if locale == "en" else self.zh

"""Phone numbers and e-mail addresses in any text, masked for pages that leave the circle of members.

Source: table contract, 手机 "masked in the report"; interface, `report`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

Mask = Callable[[str], str]

SHORTEST = 5
"""Characters of the shortest phone that is known by itself: shorter ones are found in too many other texts."""

_SIGN = r"[^\s@＠<>()（）,，;；:：、「」'\"]"
_ADDRESS = re.compile(rf"(?P<first>{_SIGN}){_SIGN}{{0,63}}\s?[@＠]\s?(?P<domain>{_SIGN}*)")
_PHONES = (
    r"\+\d(?:[\s.()-]{0,2}\d){6,16}",  # with the code of a country
    r"[1１][3-9３-９]\d[\s.-]?\d{4}[\s.-]?\d{4}",  # a mobile
    r"[(（]?[0０]\d{2,3}[)）]?[\s.-]?\d{7,8}",  # a land line with its area
    r"[48４８][0０]{2}[\s.-]?\d{3}[\s.-]?\d{4}",
)
_NUMBER = rf"(?<![\dA-Za-z])(?:86[\s-]?)?(?:{'|'.join(_PHONES)})(?![\dA-Za-z])"


def mask(phones: Iterable[str] = (), keys: Iterable[str] = ()) -> Mask:
    """A function that masks contacts in a text: 139****1001, w***@service.example.

    phones: the members' own as they stand in the sheet, masked wherever they occur, whatever they look like. keys:
    numbers of parts, requests and loans, which are left alone though some look like a mobile.
    """
    own = sorted({text for text in phones if len(text) >= SHORTEST}, key=lambda text: (-len(text), text))
    number = re.compile("|".join([*map(re.escape, own), _NUMBER]))
    spared = frozenset(keys)

    def starred(found: re.Match[str]) -> str:
        return found[0] if found[0] in spared else _starred(found[0])

    return lambda text: number.sub(starred, _ADDRESS.sub(r"\g<first>***@\g<domain>", text))


def hidden(text: str) -> str:
    """What may be shown of a cell that should hold a contact, whatever stands in it: its first character."""
    return f"{text[:1]}***" if text else ""


def _starred(phone: str) -> str:
    """The first three and the last four digits; of a short number the last two."""
    at = [match.start() for match in re.finditer(r"\d", phone)]
    if len(at) < SHORTEST:
        return hidden(phone)
    kept = {*at[:3], *at[-4:]} if len(at) > 8 else {*at[-2:]}  # noqa: PLR2004  # shorter ones show less
    return "".join("*" if i in at and i not in kept else sign for i, sign in enumerate(phone))

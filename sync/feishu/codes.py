"""What each code of Feishu asks of us. HTTP statuses tell little: most refusals come as 200, one code as 200 or 400."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class Meaning(Enum):
    """What becomes of a call that was answered so."""

    DONE = "as wanted"
    AGAIN = "passes by itself: wait, and send the call again"
    TOKEN = "the token is no longer good: get a new one, once"  # noqa: S105 - no secret
    OWNER = "a person has to click something: a sentence of its own, no repeat"
    SCHEMA = "tables, columns or rows are no longer what we read"
    ROW = "one row of the batch cannot be written"
    SIZE = "too much at once: ask for less"
    REFUSED = "a mistake of ours, or something new: told with its code"


OK = 0
TOO_LARGE_ANSWER, TOO_MANY_ROWS = 1254030, 1254104
NO_SUCH_RECORD = 1254043
OVER_FREQUENCY = 99991400

_CODES: Mapping[Meaning, tuple[int, ...]] = {
    Meaning.DONE: (OK, 1254606),  # 1254606: the data is that already
    Meaning.AGAIN: (
        131001, 131007,  # the wiki's own failures
        1254002, 1254036, 1254112, 1254290, 1254291, 1254607, 1254608,
        *range(1255001, 1255006), 1255040,
        OVER_FREQUENCY,
    ),
    Meaning.TOKEN: (99991661, 99991663, 99991664, 99991665, 99991668, 99991671, 99991677),
    Meaning.OWNER: (
        10003, 10014, 10015, 91402, 91403, 131002, 131005, 131006,
        1254003, 1254040, 1254100, 1254103, 1254105, 1254302, 1254304, 1254306,
        99991401, 99991403, 99991672, 99991673, 99991679,
    ),
    Meaning.SCHEMA: (*range(1254004, 1254010), 1254015, 1254024, 1254041, 1254042, NO_SUCH_RECORD, 1254044, 1254045),
    Meaning.ROW: (*range(1254060, 1254070), 1254072, 1254074, 1254130, 1254303),
    Meaning.SIZE: (TOO_LARGE_ANSWER, TOO_MANY_ROWS),
    Meaning.REFUSED: (
        1254000, 1254001, *range(1254010, 1254015), *range(1254016, 1254024), 1254029, 1254037,
        *range(1254080, 1254097), 1255006, 99992402,
    ),
}  # fmt: skip
MEANINGS: Mapping[int, Meaning] = {code: meaning for meaning, codes in _CODES.items() for code in codes}
"""Code -> meaning; a code that is not here is refused, or passes where the HTTP status says so."""

UNTOUCHED = frozenset({1254036, 1254290, 1254291, 1254608, OVER_FREQUENCY})
"""Of those to send again: the call was not even begun."""

LAGGING = frozenset({1254041, 1254042, NO_SUCH_RECORD, 1254044, 1254045})
"""Answered also for a moment after the thing was made: not every server of theirs knows it yet."""

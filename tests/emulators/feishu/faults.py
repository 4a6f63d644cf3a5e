"""What a worker must survive, ready to inject: each is a `Fault`, and `times` says to which calls it happens."""

from __future__ import annotations

from collections.abc import Callable

from tests.emulators.feishu.errors import Refused, refusal
from tests.emulators.served import BAD_GATEWAY, Answer, Call, Fault

LOG_ID = "202607231202194A328CC"


def code(number: int) -> Fault:
    """The call is refused with this code, and nothing was done."""
    return Fault(answer=refusal(Refused(number), LOG_ID))


WRITE_CONFLICT = code(1254291)
NOT_READY = code(1254607)
TOO_MANY_REQUESTS = code(1254290)
SAME_TOKEN_TOO_FAST = code(1254608)
COPYING = code(1254036)
TOKEN_EXPIRED = code(99991677)
TOKEN_INVALID = code(99991663)
QUOTA_USED_UP = code(99991403)
BROKEN_GATEWAY = Fault(answer=BAD_GATEWAY)
LOST_ANSWER = Fault(served=True)
"""The call took effect and the connection was cut before its answer."""


def slow_down(seconds: int, limit: int = 100) -> Fault:
    """Over the frequency limit: 429, and when to come again."""
    headers = {"x-ogw-ratelimit-limit": str(limit), "x-ogw-ratelimit-reset": str(seconds)}
    answer = Answer(429, {"code": 99991400, "msg": "request trigger frequency limit"}, headers=headers)
    return Fault(answer=answer)


def times(
    count: int, fault: Fault, *, path: str = "", method: str = "", skip: int = 0
) -> Callable[[Call], Fault | None]:
    """For `Emulator.fault`: the first *count* calls whose path contains *path*, after *skip* of them, meet *fault*."""
    seen = 0

    def strike(call: Call) -> Fault | None:
        nonlocal seen
        if path not in call.path or method not in {"", call.method}:
            return None
        seen += 1
        return fault if skip < seen <= skip + count else None

    return strike

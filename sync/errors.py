"""What can go wrong outside the data, and the exit code each ends in.

    HuzhuError
    ├── SetupError      2  configuration, credentials, a missing table or column; nothing was written
    ├── RunFailed       1  the run stopped, nothing is half-written, safe to run again
    │   └── Conflict       the sheet changed since it was read: the cycle starts over
    └── Busy            4  another run is in progress

A problem in the data is never an exception: it is a row in 数据问题 (rules/problems.py).
"""

from __future__ import annotations

from rules.words import Words


class HuzhuError(Exception):
    """A sentence for the operator, in both languages, and the exit code of the process."""

    exit_code = 1

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(zh, en)
        self.words = Words(zh, en)

    def __str__(self) -> str:
        return self.words.en


class SetupError(HuzhuError):
    """Set-up is wrong; nothing was written."""

    exit_code = 2


class RunFailed(HuzhuError):
    """The run stopped; the sheet is as it was, or whole; running again is safe."""

    exit_code = 1


class Conflict(RunFailed):
    """The sheet changed since it was read."""


class Busy(HuzhuError):
    """Another run is in progress."""

    exit_code = 4


class MailError(Exception):
    """A mail did not leave. *permanent*: trying again cannot help. *unknown*: it may have left."""

    def __init__(self, reason: str, *, permanent: bool = False, unknown: bool = False) -> None:
        super().__init__(reason)
        self.permanent = permanent
        self.unknown = unknown

"""What goes wrong between us and any service: what to say of it, what may have become of the call, how long to try.

And how long a run keeps others out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn
from urllib.parse import urlsplit

from requests import exceptions
from urllib3.exceptions import NewConnectionError

from sync.errors import HuzhuError

TRIES = 6
LONGEST_LEASE = timedelta(days=1)
"""As `run.lease_minutes` allows."""


def keeps_out(until: datetime, now: datetime) -> bool:
    """Whether a run whose lease ends at *until* keeps others out *now*.

    A lease that ends after more than the longest one was given by a clock that ran ahead: it would last for weeks.
    """
    return now < until <= now + LONGEST_LEASE


class Lost(Exception):
    """No answer to a call, for now. sentence: what to raise when no try is left.

    unknown: the call may have taken effect. wait: how long the service asks to wait. quota: it counts our calls.
    """

    def __init__(
        self,
        sentence: HuzhuError,
        *,
        unknown: bool = False,
        wait: float | None = None,
        quota: bool = False,
        tries: int = TRIES,
    ) -> None:
        super().__init__(str(sentence))
        self.sentence = sentence
        self.unknown = unknown
        self.wait = wait
        self.quota = quota
        self.tries = tries


class Deadline:
    """The end of a run's time, from now on. late: what to raise once it is over."""

    def __init__(
        self, seconds: float, late: HuzhuError, sleep: Callable[[float], None], monotonic: Callable[[], float]
    ) -> None:
        self._end, self._late = monotonic() + seconds, late
        self._sleep, self._monotonic = sleep, monotonic

    def timeouts(self, connect: float, read: float) -> tuple[float, float]:
        """For connecting and for reading, within what is left."""
        left = self._end - self._monotonic()
        if left <= 0:
            raise self._late
        return min(connect, left), min(read, left)

    def wait(self, seconds: float, give_up: HuzhuError | None = None) -> None:
        """Sleeps, but never past the end: then raises *give_up*."""
        if self._monotonic() + seconds >= self._end:
            raise give_up or self._late
        self._sleep(seconds)


@dataclass(frozen=True, slots=True)
class Trouble:
    """code: of the complaint to make. lasting: it does not pass by itself. unknown: the call may have taken effect."""

    code: str
    lasting: bool = False
    unknown: bool = True


# The first that fits: an error of requests -> trouble.
_TROUBLES: tuple[tuple[tuple[type[Exception], ...], Trouble], ...] = (
    (
        (exceptions.InvalidProxyURL, exceptions.InvalidSchema, exceptions.InvalidURL, exceptions.MissingSchema),
        Trouble("proxy", lasting=True),
    ),
    ((exceptions.ReadTimeout,), Trouble("silent")),
    (
        (exceptions.ChunkedEncodingError, exceptions.ContentDecodingError, exceptions.TooManyRedirects),
        Trouble("garbled"),
    ),
    ((exceptions.ConnectTimeout, exceptions.ProxyError), Trouble("unreachable", unknown=False)),
    ((exceptions.ConnectionError,), Trouble("unreachable")),
)


def trouble(error: Exception) -> Trouble | None:
    """What *error*, raised by requests, means; None for a mistake of ours."""
    if isinstance(error, exceptions.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        return Trouble("certificate", lasting=True)
    if isinstance(error, OSError) and not isinstance(error, exceptions.RequestException):
        return Trouble("no_certificates", lasting=True)  # a file of certificates is named and missing
    if _never_connected(error):
        return Trouble("unreachable", unknown=False)
    return next((found for kinds, found in _TROUBLES if isinstance(error, kinds)), None)


def _never_connected(error: Exception) -> bool:
    cause = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, exceptions.ConnectionError) and isinstance(cause, NewConnectionError)


def host(url: str) -> str:
    """The host in *url*, with its port."""
    return urlsplit(url).netloc


def raise_lost(error: Exception, url: str, complaint: Callable[..., HuzhuError]) -> NoReturn:
    """What *error* of requests means: a lost try, something set up wrongly, or a mistake of ours as it is.

    complaint: the service's own sentence for a code.
    """
    found = trouble(error)
    if found is None:
        raise error
    said = complaint(found.code, host=host(url))
    raise (said if found.lasting else Lost(said, unknown=found.unknown)) from error

"""What goes wrong between us and any service: what to say of it, and what may have become of the call."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from requests import exceptions
from urllib3.exceptions import NewConnectionError


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

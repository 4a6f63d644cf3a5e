"""One call to Feishu: signed, repeated while that can help, within the run's time; and what its answer means."""

from __future__ import annotations

import json as jsons
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from requests import Response, Session
from requests.models import PreparedRequest

from sync import secret
from sync.errors import HuzhuError
from sync.feishu import codes
from sync.feishu.codes import MEANINGS, Meaning
from sync.feishu.complaints import Refused, SchemaChanged, complaint, explained, line
from sync.net import Deadline, Lost, host, raise_lost

log = logging.getLogger(__name__)

_TRIES_LAGGING = 4
_LONGEST_WAIT = 30.0
_SANE_RESET = 120  # seconds; who is told to come back later than that may as well be told so
_LAG = 30.0  # seconds after something was made in which "not found" may only mean "not yet known"
_SPARE = 300.0  # seconds that a token is given up before its end
_LOGIN = "auth/v3/tenant_access_token/internal"
_TEMPORARY = {408, 429, 500, 502, 503, 504}


@dataclass(frozen=True, slots=True)
class Call:
    """kind: read, write or login. Path: what follows /open-apis/. body: of which a login's holds the secret.

    needs: what the data of a complete answer holds for sure, "" for anything.
    """

    method: str
    path: str
    query: Mapping[str, str]
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    kind: str = "read"
    needs: str = ""

    @property
    def base(self) -> str:
        """The token of the base it is about, "" for none."""
        parts = self.path.split("/")
        return parts[parts.index("apps") + 1] if "apps" in parts[:-1] else ""


@dataclass(frozen=True, slots=True)
class _Reply:
    """A complete answer in JSON, whatever its code."""

    status: int
    body: Mapping[str, Any]
    reset: float | None = None
    log_id: str = ""

    @property
    def code(self) -> int:
        return int(self.body["code"])

    @property
    def message(self) -> str:
        error = self.body.get("error")
        detail = error.get("message") if isinstance(error, dict) else None
        return " ".join(str(part) for part in (self.body.get("msg"), detail) if part)


class Wire:
    """Calls in the name of one app, one at a time. calls: HTTP requests, repeats included and logins left out."""

    def __init__(
        self,
        app_id: str,
        app_secret: str,
        *,
        base_url: str,
        timeout: tuple[float, float],
        deadline_seconds: float,
        write_gap: float,
        sleep: Callable[[float], None],
        monotonic: Callable[[], float],
    ) -> None:
        self.calls = {"read": 0, "write": 0}
        self._app_id, self._app_secret = app_id, app_secret
        self._root = f"{base_url.rstrip('/')}/open-apis/"
        self._session = Session()
        self._timeouts = timeout
        late = complaint("late", minutes=round(deadline_seconds / 60))
        self._deadline = Deadline(deadline_seconds, late, sleep, monotonic)
        self._gap = write_gap
        self._monotonic = monotonic
        self._token, self._token_until = "", float("-inf")
        self._written_at = self._made_at = float("-inf")

    def data(self, call: Call) -> dict[str, Any]:
        """Feishu's data in answer to *call*.

        Raises SetupError where somebody has to click something, SchemaChanged, Refused where Feishu says no for any
        other reason; RunFailed when tries or time are used up.
        """
        attempt, unknown = 0, False
        while True:
            attempt += 1
            try:
                data: dict[str, Any] = self._answer(call).body["data"]
            except Lost as lost:
                unknown = unknown or lost.unknown
                if attempt >= lost.tries:
                    raise lost.sentence from lost
                self._back_off(attempt, lost)
            except Refused as refused:
                refused.repeated = unknown and call.kind == "write"
                raise
            else:
                return data

    def _answer(self, call: Call) -> _Reply:
        """What came back for one try, as wanted. Raises Lost for all that may pass."""
        if self._monotonic() >= self._token_until:
            self._log_in()
        reply = self._send(call)
        if MEANINGS.get(reply.code) is Meaning.TOKEN:  # it can end before its time; a new one cannot
            self._log_in()
            reply = self._send(call)
        self._check(reply, call)
        if call.kind == "write" and not call.path.endswith(("/batch_update", "/batch_delete")):
            self._made_at = self._monotonic()
        return reply

    def _check(self, reply: _Reply, call: Call) -> None:
        """Raises what the code of *reply* means, if it is not as wanted."""
        code, message = reply.code, secret.without(reply.message, self._app_secret, self._token)
        meaning = MEANINGS.get(code, Meaning.AGAIN if reply.status in _TEMPORARY else Meaning.REFUSED)
        if meaning is Meaning.DONE:
            data = reply.body.get("data")
            if call.kind != "login" and not (isinstance(data, dict) and (not call.needs or call.needs in data)):
                raise Lost(self.garbled(), unknown=True)  # something between us that speaks JSON
            return
        log.info("%s %s: %d %s (log id %s)", call.method, call.path, code, line(message), reply.log_id)
        if meaning is Meaning.AGAIN:
            busy = complaint("busy", code=code, message=line(message))
            raise Lost(busy, unknown=code not in codes.UNTOUCHED, wait=reply.reset)
        if meaning is Meaning.TOKEN:
            raise complaint("token", code=code, app_id=self._app_id)
        if meaning is Meaning.OWNER:
            raise explained(code, message, app_id=self._app_id, base=call.base)
        if meaning is Meaning.SCHEMA:
            changed = SchemaChanged(code, message)
            if code in codes.LAGGING and self._monotonic() - self._made_at < _LAG:
                raise Lost(changed, tries=_TRIES_LAGGING)
            raise changed
        raise Refused(code, message)

    def _log_in(self) -> None:
        """Gets a token: asked in time Feishu gives the same one again, with less left of it."""
        asked_at = self._monotonic()
        call = Call("POST", _LOGIN, {}, {"app_id": self._app_id, "app_secret": self._app_secret}, "login")
        try:
            reply = self._send(call)
            self._check(reply, call)
        except Lost as lost:
            lost.unknown = False  # whatever became of the login, the call that wants it has not left
            raise
        token, seconds = reply.body.get("tenant_access_token"), reply.body.get("expire")
        if not isinstance(token, str) or not isinstance(seconds, int | float):
            raise Lost(self.garbled())
        self._token, self._token_until = token, asked_at + seconds - _SPARE

    def _send(self, call: Call) -> _Reply:
        if call.kind == "write":  # one at a time, and not too fast: else they conflict with each other
            gap = self._written_at + self._gap - self._monotonic()
            if gap > 0:
                self._deadline.wait(gap)
        body = None if call.body is None else jsons.dumps(call.body, ensure_ascii=False, allow_nan=False).encode()
        timeout = self._deadline.timeouts(*self._timeouts)
        if call.kind in self.calls:
            self.calls[call.kind] += 1
        try:
            response = self._session.request(
                call.method,
                self._root + call.path,
                params=dict(call.query),
                data=body,
                headers={"Content-Type": "application/json; charset=utf-8"},
                auth=_unsigned if call.kind == "login" else self._signed,
                timeout=timeout,
                allow_redirects=False,
            )
        except OSError as error:
            raise_lost(error, self._root, complaint)
        finally:
            if call.kind == "write":
                self._written_at = self._monotonic()
        return _replied(response)

    def _signed(self, request: PreparedRequest) -> PreparedRequest:
        """As an `auth` of requests, so that a .netrc file does not replace it."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def _back_off(self, attempt: int, lost: Lost) -> None:
        """Waits after a lost try: as Feishu asks, else ever longer, and never past the deadline."""
        longest = min(2.0**attempt, _LONGEST_WAIT)
        # Many clients that fail at once must not come back at once.
        seconds = lost.wait if lost.wait is not None else random.uniform(longest / 2, longest)  # noqa: S311
        log.info("%s Again in %.1f s.", lost, seconds)
        self._deadline.wait(seconds, lost.sentence)

    def garbled(self) -> HuzhuError:
        """The error to raise for an answer that is none."""
        return complaint("garbled", host=host(self._root))


def _unsigned(request: PreparedRequest) -> PreparedRequest:
    """An `auth` of requests that signs nothing, nor lets a .netrc file."""
    return request


def _replied(response: Response) -> _Reply:
    """The answer in *response*. Raises Lost where there is none: cut off, or a page of something between us."""
    where = host(response.url)
    try:
        body = jsons.loads(response.content)
    except ValueError:
        body = None
    if not isinstance(body, dict) or not isinstance(body.get("code"), int):
        if response.status_code in _TEMPORARY:
            raise Lost(complaint("unavailable", host=where, status=response.status_code), unknown=True)
        raise Lost(complaint("garbled", host=where), unknown=True)
    return _Reply(response.status_code, body, _reset(response), response.headers.get("X-Tt-Logid", ""))


def _reset(response: Response) -> float | None:
    """Seconds that Feishu asks us to wait; None where it does not, or asks for more than a run can spare."""
    text = response.headers.get("x-ogw-ratelimit-reset", "")
    return max(float(text), 1.0) if text.isdecimal() and int(text) <= _SANE_RESET else None

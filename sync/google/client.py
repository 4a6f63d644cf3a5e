"""Every call to Google passes here: where to, how long, how often, and how many times.

A write may be sent again when its answer was lost: whoever makes a write makes it so that a repeat is refused or
harmless, and is told through `Refused.repeated`.
"""

from __future__ import annotations

import functools
import json as jsons
import logging
import random
import re
import time
from collections import deque
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from google.auth.credentials import Credentials, TokenState
from google.auth.exceptions import RefreshError, TransportError
from google.auth.transport.requests import Request
from gspread.http_client import FileType, HTTPClient, ParamsType
from requests import Response, Session
from requests.models import PreparedRequest

from sync import secret
from sync.google.complaints import Refused, complaint, login_refused
from sync.net import Deadline, Lost, host, raise_lost

log = logging.getLogger(__name__)

BASE_URL = "https://sheets.googleapis.com"
_HEADS = (BASE_URL, "https://www.googleapis.com")
_LONGEST_WAIT = 32.0
_SANE_RETRY_AFTER = 120  # seconds; who is told to come back later than that may as well be told so
_WINDOW = 60.0
_TEMPORARY = {408, 500, 502, 503, 504}
_PASSING = {"internal_failure", "server_error", "temporarily_unavailable"}  # of a token endpoint, whatever the status
_ASSERTION = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")
"""What a service account logs in with, should the answer quote it."""
_QUOTA = {"RATE_LIMIT_EXCEEDED", "rateLimitExceeded", "userRateLimitExceeded"}
_OK, _UNAUTHORIZED, _FORBIDDEN, _TOO_MANY = 200, 401, 403, 429


class Client(HTTPClient):
    """gspread's way to Google, for one run: its deadline starts here.

    calls: HTTP requests sent to the Sheets API, repeats included, by kind.
    """

    def __init__(
        self,
        auth: Credentials,
        *,
        base_url: str = BASE_URL,
        timeout: tuple[float, float] = (10.0, 190.0),
        deadline_seconds: float = 900.0,
        per_minute: int = 50,
        service_account: str = "",
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        # A plain session: google-auth's own asks a second host, in a thread, about every service account it signs for.
        super().__init__(auth, Session())
        self.auth = auth
        self.timeout: tuple[float, float] = timeout
        self.calls = {"read": 0, "write": 0}
        self._base_url = base_url.rstrip("/")
        late = complaint("late", minutes=round(deadline_seconds / 60))
        self._deadline = Deadline(deadline_seconds, late, sleep, monotonic)
        self._per_minute = per_minute
        self._sent: dict[str, deque[float]] = {"read": deque(), "write": deque()}
        self._service_account = service_account
        self._monotonic = monotonic
        self._google = Request(self.session)

    def request(
        self,
        method: str,
        endpoint: str,
        params: ParamsType | None = None,
        data: bytes | None = None,
        json: Mapping[str, Any] | None = None,
        files: FileType = None,
        headers: MutableMapping[str, str] | None = None,
    ) -> Response:
        """Google's answer, complete and parsed once.

        Raises Refused where Google says no; RunFailed when tries or time are used up; SetupError where the network or
        the login is set up wrongly.
        """
        url = self._address(endpoint)
        kind = "read" if method.lower() == "get" else "write"
        wanted = _wanted(endpoint, params)
        send = functools.partial(
            self.session.request, method, url, params=params, data=data, json=json, files=files, headers=headers
        )
        attempt, unknown = 0, False
        while True:
            attempt += 1
            try:
                response = self._answer(kind, url, send, wanted)
            except Lost as lost:
                unknown = unknown or lost.unknown
                if attempt == lost.tries:
                    raise lost.sentence from lost
                self._back_off(attempt, lost)
            else:
                if response.ok:
                    return response
                message, reason = _said(response)
                message = secret.without(message, str(self.auth.token))
                raise Refused(response.status_code, message, reason, repeated=unknown and kind == "write")

    def _address(self, endpoint: str) -> str:
        head = next((head for head in _HEADS if endpoint.startswith(head)), "")
        return self._base_url + endpoint.removeprefix(head) if head and self._base_url != BASE_URL else endpoint

    def _answer(self, kind: str, url: str, send: Callable[..., Response], wanted: str) -> Response:
        """What came back for one try: a complete answer or a refusal. Raises Lost for all that may pass."""
        if self.auth.token_state is not TokenState.FRESH:
            self._logged_in()
        response = self._send(kind, url, send)
        # A token can be withdrawn before its time; a second 401 with a new one is a refusal.
        if response.status_code == _UNAUTHORIZED and self._logged_in():
            response = self._send(kind, url, send)
        return _checked(response, wanted)

    def _send(self, kind: str, url: str, send: Callable[..., Response]) -> Response:
        self._keep_pace(kind)
        timeout = self._deadline.timeouts(*self.timeout)
        self.calls[kind] += 1
        self._sent[kind].append(self._monotonic())
        try:
            return send(auth=self._signed, timeout=timeout)
        except OSError as error:
            raise_lost(error, url, complaint)

    def _signed(self, request: PreparedRequest) -> PreparedRequest:
        """As an `auth` of requests, so that a .netrc file does not replace it and another host never gets it."""
        request.headers["Authorization"] = f"Bearer {self.auth.token}"
        return request

    def _logged_in(self) -> bool:
        """Whether a new token came. Not where there is nothing to ask one with: a token given from outside."""
        try:
            self.auth.refresh(self._token_call)  # type: ignore[no-untyped-call]
        except RefreshError as error:
            if len(error.args) > 1:  # Google's answer is there
                message = _ASSERTION.sub("***", str(error.args[0]))
                raise login_refused(message, self._service_account) from None  # it holds Google's whole answer
            return False
        return True

    def _token_call(self, url: str, method: str = "GET", body: Any = None, headers: Any = None, **_: Any) -> Any:
        """google-auth's transport, in our time, and with our tries in place of its own three.

        body, headers and the answer are google-auth's and untyped there.
        """
        try:
            response = self._google(
                url, method=method, body=body, headers=headers, timeout=self._deadline.timeouts(*self.timeout)
            )
        except TransportError as error:
            raise_lost(error.args[0], url, complaint)
        except OSError as error:
            raise_lost(error, url, complaint)
        answer = _parsed(response.data)
        if response.status in _TEMPORARY | {_TOO_MANY} or (
            isinstance(answer, dict) and answer.get("error") in _PASSING
        ):
            raise Lost(complaint("unavailable", host=host(url), status=response.status))
        if not isinstance(answer, dict):
            raise Lost(complaint("garbled", host=host(url)))
        return response

    def _keep_pace(self, kind: str) -> None:
        """Waits until one more call of *kind* keeps within the calls per minute."""
        sent = self._sent[kind]
        while sent and sent[0] <= self._monotonic() - _WINDOW:
            sent.popleft()
        if len(sent) >= self._per_minute:
            self._deadline.wait(sent[-self._per_minute] + _WINDOW - self._monotonic())

    def _back_off(self, attempt: int, lost: Lost) -> None:
        """Waits after a lost try: as Google asks, else ever longer, and never past the deadline."""
        longest = min(2.0**attempt, _LONGEST_WAIT)
        # Many clients that fail at once must not come back at once: any time up to the longest. Not so for a quota: it
        # is ours alone and counts per minute, so the tries have to reach beyond a minute.
        jitter = random.uniform(0, 1.0 if lost.quota else longest)  # noqa: S311  # not for secrets
        seconds = lost.wait if lost.wait is not None else jitter + (longest if lost.quota else 0)
        log.info("%s Again in %.1f s.", lost, seconds)
        self._deadline.wait(seconds, lost.sentence)


def _wanted(endpoint: str, params: ParamsType | None) -> str:
    """What a complete answer holds for sure: the first field that was asked for, or the values; "" for anything."""
    fields = re.match(r"\w*", str((params or {}).get("fields", "")))
    return (fields[0] if fields else "") or ("valueRanges" if endpoint.endswith("/values:batchGet") else "")


def _checked(response: Response, wanted: str) -> Response:
    """*response*, if it is an answer or a refusal. Raises Lost if it is neither, or does not hold what is *wanted*."""
    status, where = response.status_code, host(response.url)
    if status in _TEMPORARY:
        raise Lost(complaint("unavailable", host=where, status=status), unknown=True, wait=_retry_after(response))
    if status == _TOO_MANY or (status == _FORBIDDEN and _said(response)[1] in _QUOTA):
        raise Lost(complaint("quota"), quota=True, wait=_retry_after(response))
    if status == _OK:
        parsed = _parsed(response.content)
        if not isinstance(parsed, dict) or (wanted and wanted not in parsed):
            raise Lost(complaint("garbled", host=where), unknown=True)
        # gspread would parse it again: 15 ms a megabyte
        response.json = lambda **_: parsed  # type: ignore[method-assign]
    return response


def _parsed(body: bytes) -> Any:
    """The JSON in *body*, None if it is none: cut off, or a page of something between us and Google."""
    try:
        return jsons.loads(body)
    except ValueError:
        return None


def _said(response: Response) -> tuple[str, str]:
    """Google's message and reason in a refusal; of a page, its title."""
    body = _parsed(response.content)
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        title = re.search(r"<title>(.*?)</title>", response.text, re.DOTALL | re.IGNORECASE)
        return (title[1] if title else response.text), ""
    details = [*(error.get("details") or ()), *(error.get("errors") or ())]  # the newer shape, and the older
    return str(error.get("message", "")), next((str(detail["reason"]) for detail in details if "reason" in detail), "")


def _retry_after(response: Response) -> float | None:
    """Seconds that Google asks us to wait; None where it does not, or asks for more than a run can spare."""
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() and int(text) <= _SANE_RETRY_AFTER else None

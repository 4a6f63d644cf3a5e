"""Every call to Feishu passes here: how often, how long, how many times, and what its code means.

A write that is sent again does no harm: a create carries a token by which Feishu knows it, an update or a delete that
happened already changes nothing.
"""

from __future__ import annotations

import json as jsons
import logging
import os
import random
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

from requests import Response, Session, exceptions
from requests.models import PreparedRequest
from urllib3.exceptions import NewConnectionError

from sync.errors import HuzhuError
from sync.feishu import codes
from sync.feishu.codes import MEANINGS, Meaning
from sync.feishu.complaints import Refused, SchemaChanged, complaint, explained, line

log = logging.getLogger(__name__)

BASE_URL = "https://open.feishu.cn"
MOST_WRITTEN = 500  # rows in a batch; some of their pages say 1000, some 500
_MOST_GOT = 100
_TRIES = 6
_TRIES_LAGGING = 4
_LONGEST_WAIT = 30.0
_SANE_RESET = 120  # seconds; who is told to come back later than that may as well be told so
_LAG = 30.0  # seconds after something was made in which "not found" may only mean "not yet known"
_SPARE = 300.0  # seconds that a token is given up before its end
_FEWEST = 10  # rows in a page that is still too large
_MOST_BAD = 20  # rows of one write that are looked for one by one
_LOGIN = "auth/v3/tenant_access_token/internal"
_TEMPORARY = {408, 429, 500, 502, 503, 504}
_IDS = ("record_id", "field_id", "table_id")
_MISSET = (exceptions.InvalidProxyURL, exceptions.InvalidSchema, exceptions.InvalidURL, exceptions.MissingSchema)
_UNSENT = (exceptions.ConnectTimeout, exceptions.ProxyError)
_BROKEN = (exceptions.ChunkedEncodingError, exceptions.ContentDecodingError)

_Key = TypeVar("_Key", int, str)
Record = dict[str, Any]
"""One item of an answer; third party's JSON."""


def secret_from_environment(variable: str, environment: Mapping[str, str] = os.environ) -> str:
    """The app's secret, from *variable*. Raises SetupError where it is not set."""
    secret = environment.get(variable, "").strip()
    if not secret:
        raise complaint("no_variable", name=variable)
    return secret


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that Feishu would not take, while the others of its batch were written.

    row: its place among the rows of a create, its record id of an update.
    """

    table: str
    row: int | str
    code: int
    message: str


@dataclass(frozen=True, slots=True)
class _Call:
    """body: None for a call without one. base: the token of the base it is about, "" for none."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    kind: str = "read"

    @property
    def base(self) -> str:
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


@dataclass(slots=True)
class _Patience:
    """How many rows of one write were found bad, each at the cost of some calls."""

    found: int = 0


class _Lost(Exception):
    """No answer to a call, for now. unknown: the call may have taken effect. wait: how long Feishu asks to wait."""

    def __init__(
        self, sentence: HuzhuError, *, unknown: bool = False, wait: float | None = None, tries: int = _TRIES
    ) -> None:
        super().__init__(str(sentence))
        self.sentence = sentence
        self.unknown = unknown
        self.wait = wait
        self.tries = tries


class Client:
    """The way to Feishu, for one run: its deadline starts here. For one thread: writes never overlap.

    calls: HTTP requests, repeats included and logins left out, by kind; a search is a read. rejected: rows that were
    not written, of all writes so far. Paths are what follows /open-apis/.
    """

    def __init__(
        self,
        app_id: str,
        app_secret: str,
        *,
        base_url: str = BASE_URL,
        timeout: tuple[float, float] = (10.0, 60.0),
        deadline_seconds: float = 900.0,
        write_gap: float = 0.5,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.calls = {"read": 0, "write": 0}
        self.rejected: list[Rejected] = []
        self._app_id, self._app_secret = app_id, app_secret
        self._root = f"{base_url.rstrip('/')}/open-apis/"
        self._session = Session()
        self._timeouts = timeout
        self._seconds, self._deadline = deadline_seconds, monotonic() + deadline_seconds
        self._gap = write_gap
        self._sleep, self._monotonic = sleep, monotonic
        self._token, self._token_until = "", float("-inf")
        self._written_at = self._made_at = float("-inf")

    # What backends call

    def get(self, path: str, **query: object) -> Record:
        """The answer's data."""
        return self._data(_Call("GET", path, _asked(query)))

    def post(
        self, path: str, body: Mapping[str, Any], *, query: Mapping[str, object] | None = None, read: bool = False
    ) -> Record:
        """The answer's data. read: the call changes nothing."""
        return self._data(_Call("POST", path, _asked(query), body, "read" if read else "write"))

    def pages(
        self,
        method: str,
        path: str,
        *,
        size: int,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, object] | None = None,
    ) -> list[Record]:
        """Every item of a listing or search, once.

        Pages are counted by rows: what people add or delete meanwhile moves the rest. A count that does not come out
        is read once more from the start, and then taken as it is.
        """
        while True:
            try:
                items, total = self._listed(method, path, size, body, query)
                if total not in (None, len(items)):
                    items, _ = self._listed(method, path, size, body, query)
            except Refused as refused:
                if refused.code != codes.TOO_LARGE_ANSWER or size <= _FEWEST:
                    raise
                size = max(size // 2, _FEWEST)
            else:
                return items

    def create_records(self, app: str, table: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """The record id of each row, in the order of *rows*; "" for one that is in `rejected`."""
        ids = [""] * len(rows)
        for places in _batches(range(len(rows)), MOST_WRITTEN):
            self._create(f"{_table(app, table)}/records/batch_create", table, rows, places, ids, _Patience())
        return ids

    def update_records(self, app: str, table: str, rows: Mapping[str, Mapping[str, Any]]) -> None:
        """Writes the given cells of each record and no other; None clears one.

        Records that are gone, and rows that Feishu does not take, are in `rejected`.
        """
        for ids in _batches(list(rows), MOST_WRITTEN):
            self._update(_table(app, table), table, rows, ids, _Patience())

    def delete_records(self, app: str, table: str, ids: Sequence[str]) -> None:
        """Deletes these records; those that are gone already are as wanted."""
        for batch in _batches(list(dict.fromkeys(ids)), MOST_WRITTEN):
            self._delete(_table(app, table), batch)

    # Rows in batches: a batch happens whole or not at all, so one bad row would keep the others out

    def _create(
        self,
        path: str,
        table: str,
        rows: Sequence[Mapping[str, Any]],
        places: Sequence[int],
        ids: list[str],
        patience: _Patience,
    ) -> None:
        sent = [rows[place] for place in places]
        query = {"client_token": str(uuid.uuid4())}
        try:
            data = self.post(path, {"records": [{"fields": row} for row in sent]}, query=query)
        except Refused as refused:
            for half in self._halves(refused, table, places, patience):
                self._create(path, table, rows, half, ids, patience)
            return
        made = data.get("records") or []
        if len(made) != len(sent):
            raise complaint("garbled", host=_host(self._root))
        for place, record_id in zip(places, _matched(sent, made), strict=True):
            ids[place] = record_id

    def _update(
        self, path: str, table: str, rows: Mapping[str, Mapping[str, Any]], ids: Sequence[str], patience: _Patience
    ) -> None:
        records = [{"record_id": record_id, "fields": rows[record_id]} for record_id in ids]
        try:
            self.post(f"{path}/records/batch_update", {"records": records})
        except Refused as refused:
            for half in self._halves(refused, table, ids, patience):
                self._update(path, table, rows, half, patience)
        except SchemaChanged as changed:
            gone = self._absent(path, ids) if changed.code == codes.NO_SUCH_RECORD else set()
            if not gone:
                raise
            self._reject(table, [one for one in ids if one in gone], changed.code, changed.message)
            left = [one for one in ids if one not in gone]
            if left:
                self._update(path, table, rows, left, patience)

    def _delete(self, path: str, ids: Sequence[str]) -> None:
        try:
            self.post(f"{path}/records/batch_delete", {"records": list(ids)})
        except SchemaChanged as changed:
            gone = self._absent(path, ids) if changed.code == codes.NO_SUCH_RECORD else set()
            if not gone:
                raise
            left = [one for one in ids if one not in gone]
            if left:
                self._delete(path, left)

    def _halves(
        self, refused: Refused, table: str, keys: Sequence[_Key], patience: _Patience
    ) -> tuple[Sequence[_Key], ...]:
        """What to try in place of a refused batch; nothing where its rows are rejected. Raises what is no row's fault.

        Where many rows are bad it is a column that is bad, and looking for each row would take the whole run.
        """
        if MEANINGS.get(refused.code) is not Meaning.ROW and refused.code != codes.TOO_MANY_ROWS:
            raise refused
        if len(keys) > 1 and patience.found < _MOST_BAD:
            middle = len(keys) // 2
            return keys[:middle], keys[middle:]
        patience.found += 1
        self._reject(table, keys, refused.code, refused.message)
        return ()

    def _reject(self, table: str, keys: Sequence[int | str], code: int, message: str) -> None:
        log.warning("Feishu does not take %d row(s) of %s (%d): %s", len(keys), table, code, line(message))
        self.rejected += [Rejected(table, key, code, message) for key in keys]

    def _absent(self, path: str, ids: Sequence[str]) -> set[str]:
        """Those of *ids* that are no records any more."""
        gone: set[str] = set()
        for some in _batches(ids, _MOST_GOT):
            data = self.post(f"{path}/records/batch_get", {"record_ids": list(some)}, read=True)
            gone |= set(data.get("absent_record_ids") or ())
        return gone

    # Pages

    def _listed(
        self, method: str, path: str, size: int, body: Mapping[str, Any] | None, query: Mapping[str, object] | None
    ) -> tuple[list[Record], int | None]:
        """The items of all pages, each once, and how many Feishu counted at last; None where it did not."""
        items: dict[object, Record] = {}
        asked = {**_asked(query), "page_size": str(size)}
        seen = {""}
        while True:
            data = self._data(_Call(method, path, asked, body))
            for item in data.get("items") or ():
                items[next((item[name] for name in _IDS if name in item), len(items))] = item
            if not data.get("has_more"):
                return list(items.values()), data.get("total")
            token = str(data.get("page_token") or "")
            if token in seen:  # and so for ever
                raise complaint("garbled", host=_host(self._root))
            seen.add(token)
            asked["page_token"] = token

    # One call

    def _data(self, call: _Call) -> Record:
        """Feishu's data in answer to *call*.

        Raises SetupError where somebody has to click something, SchemaChanged, Refused where Feishu says no for any
        other reason; RunFailed when tries or time are used up.
        """
        attempt, unknown = 0, False
        while True:
            attempt += 1
            try:
                data = self._answer(call).body.get("data")
            except _Lost as lost:
                unknown = unknown or lost.unknown
                if attempt >= lost.tries:
                    raise lost.sentence from lost
                self._back_off(attempt, lost)
            except Refused as refused:
                refused.repeated = unknown and call.kind == "write"
                raise
            else:
                return data if isinstance(data, dict) else {}

    def _answer(self, call: _Call) -> _Reply:
        """What came back for one try, as wanted. Raises _Lost for all that may pass."""
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

    def _check(self, reply: _Reply, call: _Call) -> None:
        """Raises what the code of *reply* means, if it is not as wanted."""
        code, message = reply.code, reply.message
        meaning = MEANINGS.get(code, Meaning.AGAIN if reply.status in _TEMPORARY else Meaning.REFUSED)
        if meaning is Meaning.DONE:
            return
        log.info("%s %s: %d %s (log id %s)", call.method, call.path, code, line(message), reply.log_id)
        if meaning is Meaning.AGAIN:
            busy = complaint("busy", code=code, message=line(message))
            raise _Lost(busy, unknown=code not in codes.UNTOUCHED, wait=reply.reset)
        if meaning is Meaning.TOKEN:
            raise complaint("token", code=code, app_id=self._app_id)
        if meaning is Meaning.OWNER:
            raise explained(code, message, app_id=self._app_id, base=call.base)
        if meaning is Meaning.SCHEMA:
            changed = SchemaChanged(code, message)
            if code in codes.LAGGING and self._monotonic() - self._made_at < _LAG:
                raise _Lost(changed, tries=_TRIES_LAGGING)
            raise changed
        raise Refused(code, message)

    def _log_in(self) -> None:
        """Gets a token: asked in time Feishu gives the same one again, with less left of it."""
        asked_at = self._monotonic()
        call = _Call("POST", _LOGIN, {}, {"app_id": self._app_id, "app_secret": self._app_secret}, "login")
        reply = self._send(call)
        self._check(reply, call)
        token, seconds = reply.body.get("tenant_access_token"), reply.body.get("expire")
        if not isinstance(token, str) or not isinstance(seconds, int | float):
            raise _Lost(complaint("garbled", host=_host(self._root)))
        self._token, self._token_until = token, asked_at + seconds - _SPARE

    def _send(self, call: _Call) -> _Reply:
        if call.kind == "write":  # one at a time, and not too fast: else they conflict with each other
            self._wait(self._written_at + self._gap - self._monotonic(), self._late())
        body = None if call.body is None else jsons.dumps(call.body, ensure_ascii=False, allow_nan=False).encode()
        timeout = self._timeout()
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
        except exceptions.RequestException as error:
            _raise_lost(error, self._root)
        except OSError as error:  # requests says it so when a file of certificates is named and missing
            raise complaint("no_certificates") from error
        finally:
            if call.kind == "write":
                self._written_at = self._monotonic()
        return _replied(response)

    def _signed(self, request: PreparedRequest) -> PreparedRequest:
        """As an `auth` of requests, so that a .netrc file does not replace it."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def _timeout(self) -> tuple[float, float]:
        """For connecting and for reading, within what is left of the run."""
        left = self._deadline - self._monotonic()
        if left <= 0:
            raise self._late()
        connect, read = self._timeouts
        return min(connect, left), min(read, left)

    def _back_off(self, attempt: int, lost: _Lost) -> None:
        """Waits after a lost try: as Feishu asks, else ever longer, and never past the deadline."""
        longest = min(2.0**attempt, _LONGEST_WAIT)
        # Many clients that fail at once must not come back at once.
        seconds = lost.wait if lost.wait is not None else random.uniform(longest / 2, longest)  # noqa: S311
        log.info("%s Again in %.1f s.", lost, seconds)
        self._wait(seconds, lost.sentence)

    def _wait(self, seconds: float, give_up: HuzhuError) -> None:
        if seconds <= 0:
            return
        if self._monotonic() + seconds >= self._deadline:
            raise give_up
        self._sleep(seconds)

    def _late(self) -> HuzhuError:
        return complaint("late", minutes=round(self._seconds / 60))


def _unsigned(request: PreparedRequest) -> PreparedRequest:
    """An `auth` of requests that signs nothing, nor lets a .netrc file."""
    return request


def _table(app: str, table: str) -> str:
    return f"bitable/v1/apps/{app}/tables/{table}"


def _batches(keys: Sequence[_Key], size: int) -> list[Sequence[_Key]]:
    return [keys[start : start + size] for start in range(0, len(keys), size)]


def _asked(query: Mapping[str, object] | None) -> dict[str, str]:
    """A query as Feishu reads it."""
    given = {name: value for name, value in (query or {}).items() if value is not None}
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in given.items()}


def _matched(sent: Sequence[Mapping[str, Any]], made: Sequence[Record]) -> list[str]:
    """The ids of the records made of the rows *sent*: by what each echoes, for nothing promises their order.

    Rows that no echo fits take what is left, in the order given.
    """
    echoed: dict[str, list[str]] = defaultdict(list)
    for record in reversed(made):
        echoed[_mark(record.get("fields") or {})].append(str(record["record_id"]))
    ids = [echoed[mark].pop() if echoed[mark := _mark(row)] else "" for row in sent]
    left = {one for some in echoed.values() for one in some}
    rest = (str(record["record_id"]) for record in made if record["record_id"] in left)
    return [one or next(rest) for one in ids]


def _mark(fields: Mapping[str, Any]) -> str:
    """What tells a row from another, the same for a row as it is written and as it is echoed."""
    return jsons.dumps({name: _plain(value) for name, value in fields.items() if value is not None}, sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, list) and value and all(isinstance(one, dict) and "text" in one for one in value):
        return "".join(str(one["text"]) for one in value)
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _replied(response: Response) -> _Reply:
    """The answer in *response*. Raises _Lost where there is none: cut off, or a page of something between us."""
    host = _host(response.url)
    try:
        body = jsons.loads(response.content)
    except ValueError:
        body = None
    if not isinstance(body, dict) or not isinstance(body.get("code"), int):
        if response.status_code in _TEMPORARY:
            raise _Lost(complaint("unavailable", host=host, status=response.status_code), unknown=True)
        raise _Lost(complaint("garbled", host=host), unknown=True)
    return _Reply(response.status_code, body, _reset(response), response.headers.get("X-Tt-Logid", ""))


def _reset(response: Response) -> float | None:
    """Seconds that Feishu asks us to wait; None where it does not, or asks for more than a run can spare."""
    text = response.headers.get("x-ogw-ratelimit-reset", "")
    return max(float(text), 1.0) if text.isdecimal() and int(text) <= _SANE_RESET else None


def _raise_lost(error: Exception, url: str) -> NoReturn:
    """What *error* of requests means: a lost try, something set up wrongly, or a mistake of ours as it is."""
    host = _host(url)
    if isinstance(error, exceptions.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        raise complaint("certificate", host=host) from error
    if isinstance(error, _MISSET):
        raise complaint("proxy", host=host) from error
    if isinstance(error, exceptions.ReadTimeout):
        raise _Lost(complaint("silent", host=host), unknown=True) from error
    if isinstance(error, _BROKEN):
        raise _Lost(complaint("garbled", host=host), unknown=True) from error
    if isinstance(error, exceptions.ConnectionError):
        raise _Lost(complaint("unreachable", host=host), unknown=not _unsent(error)) from error
    raise error


def _unsent(error: exceptions.ConnectionError) -> bool:
    """Whether there never was a connection, so that the call cannot have taken effect."""
    cause = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, _UNSENT) or isinstance(cause, NewConnectionError)


def _host(url: str) -> str:
    return urlsplit(url).netloc

"""What a backend asks of Feishu: data, whole listings, and rows in batches.

A write that is sent again does no harm: a create carries a token by which Feishu knows it, an update or a delete that
happened already changes nothing.
"""

from __future__ import annotations

import json as jsons
import logging
import os
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sync import secret
from sync.feishu import codes
from sync.feishu.codes import MEANINGS, Meaning
from sync.feishu.complaints import Refused, SchemaChanged, complaint, line
from sync.feishu.wire import Call, Wire

log = logging.getLogger(__name__)

BASE_URL = "https://open.feishu.cn"
MOST_WRITTEN = 500  # rows in a batch; some of their pages say 1000, some 500
_MOST_GOT = 100
_FEWEST = 10  # rows in a page that is still too large
_MOST_BAD = 20  # rows of one write that are looked for one by one
_ONCE = ("/records/batch_create", "/fields")
_IDS = ("record_id", "field_id", "table_id")

_Key = TypeVar("_Key", int, str)
Record = dict[str, Any]
"""One item of an answer; third party's JSON."""


def secret_from_environment(variable: str, environment: Mapping[str, str] = os.environ) -> str:
    """The app's secret, from *variable*. Raises SetupError where it is not set."""
    held = (secret.from_environment(variable, "backend.feishu.app_secret_env", environment) or "").strip()
    if not held:
        raise complaint("no_variable", name=variable)
    return held


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that Feishu would not take, while the others of its batch were written.

    row: its place among the rows of a create, its record id of an update.
    """

    table: str
    row: int | str
    code: int
    message: str


@dataclass(slots=True)
class _Patience:
    """How many rows of one write were found bad, each at the cost of some calls."""

    found: int = 0


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
        self.rejected: list[Rejected] = []
        self._wire = Wire(
            app_id,
            app_secret,
            base_url=base_url,
            timeout=timeout,
            deadline_seconds=deadline_seconds,
            write_gap=write_gap,
            sleep=sleep,
            monotonic=monotonic,
        )

    @property
    def calls(self) -> dict[str, int]:
        """HTTP requests by kind."""
        return self._wire.calls

    # What backends call

    def get(self, path: str, /, needs: str = "", **query: object) -> Record:
        """The answer's data. needs: see `Call`."""
        return self._wire.data(Call("GET", path, _asked(query), needs=needs))

    def post(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        query: Mapping[str, object] | None = None,
        read: bool = False,
        needs: str = "",
    ) -> Record:
        """The answer's data. read: the call changes nothing; needs: see `Call`.

        What is made twice when it is sent twice carries a token, where Feishu takes one.
        """
        if not read and path.endswith(_ONCE):
            query = {"client_token": str(uuid.uuid4()), **(query or {})}
        return self._wire.data(Call("POST", path, _asked(query), body, "read" if read else "write", needs))

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
                items, totals = self._listed(method, path, size, body, query)
                if totals - {len(items)}:
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
        try:
            data = self.post(path, {"records": [{"fields": row} for row in sent]})
        except Refused as refused:
            for half in self._halves(refused, table, places, patience):
                self._create(path, table, rows, half, ids, patience)
            return
        made = data.get("records") or []
        if len(made) != len(sent):
            raise self._wire.garbled()
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
    ) -> tuple[list[Record], set[int]]:
        """The items of all pages, each once, and how many Feishu counted in all, from page to page."""
        items: dict[object, Record] = {}
        asked = {**_asked(query), "page_size": str(size)}
        seen, totals = {""}, set()
        while True:
            data = self._wire.data(Call(method, path, asked, body, needs="has_more"))
            for item in data.get("items") or ():
                items[next((item[name] for name in _IDS if name in item), len(items))] = item
            totals |= {data["total"]} if "total" in data else set()
            if not data.get("has_more"):
                return list(items.values()), totals
            token = str(data.get("page_token") or "")
            if token in seen:  # and so for ever
                raise self._wire.garbled()
            seen.add(token)
            asked["page_token"] = token


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
    for record in made:
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

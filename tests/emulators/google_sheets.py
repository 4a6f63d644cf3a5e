"""Google Sheets, emulated: the Sheets API v4, the Drive calls that gspread makes, and the token endpoint.

What a recording or Google's documentation shows is answered so; what neither shows is refused with 501.

    python tests/emulators/google_sheets.py --port 8000 --add-spreadsheet 备件互助

Without files of its own to begin with, the account holds those that it had when its traffic was recorded.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import traceback
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # Run as a program, the folder of this file is on the path, and `google` in it would hide Google's own package.
    sys.path[0] = str(Path(__file__).parents[2])

from tests.emulators.google import beside, cells, metadata, tabs
from tests.emulators.google.access import Access
from tests.emulators.google.batch import Batch
from tests.emulators.google.book import Book, Json, Tab
from tests.emulators.google.drive import Drive
from tests.emulators.google.masks import ANY, camels, masked, parsed
from tests.emulators.google.people import Person
from tests.emulators.google.reading import SPREADSHEET, spreadsheet
from tests.emulators.google.refusals import NO_PERMISSION, NOT_FOUND, Refused, Unemulated, api_disabled, known
from tests.emulators.google.values import Writing, renderer, value_range
from tests.emulators.served import Answer, Call, Emulator

KINDS = tabs.KINDS | cells.KINDS | beside.KINDS | metadata.KINDS
BATCH = {"requests", "includeSpreadsheetInResponse", "responseRanges", "responseIncludeGridData"}
ANSWER = {"spreadsheetId": {}, "replies": ANY, "updatedSpreadsheet": SPREADSHEET}
REPLAYED = {"replay": "robot@project.iam.gserviceaccount.example"}
_RENDER = ("valueRenderOption", "dateTimeRenderOption")
_RESPONSE = ("responseValueRenderOption", "responseDateTimeRenderOption")
_WRITE = {"valueInputOption", "includeValuesInResponse", *_RESPONSE}
_ID = r"([^/:]+)"
_SNAKE = re.compile(rb'"\w+_\w+"\s*:')


class GoogleSheets:
    """The service. Spreadsheets by id; who may call; what it is told to refuse.

    users: e-mail by bearer token. accounts: service accounts the token endpoint knows. forbidden: ids of files that
    exist and that nobody may open. api_disabled: the API is off in the caller's project.
    """

    def __init__(self) -> None:
        self.books: dict[str, Book] = {}
        self.access = Access(dict(REPLAYED))
        self.forbidden: set[str] = set()
        self.api_disabled = False
        self._ids = random.Random(20260101)
        self._seconds = 0
        self._drive = Drive(self.books, self._open, self._made, self.now, self.save)

    @property
    def users(self) -> dict[str, str]:
        return self.access.users

    @property
    def accounts(self) -> set[str]:
        return self.access.accounts

    def emulator(self, port: int = 0, *, log: bool = False) -> Emulator:
        """The server, to be entered; its `url` stands in for both of Google's hosts and for the token endpoint."""
        return Emulator(self.answer, port, log=log)

    def now(self) -> str:
        """A later moment at each call: files changed later say so."""
        self._seconds += 1
        moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=self._seconds)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

    def add_spreadsheet(
        self,
        title: str,
        owner: str = REPLAYED["replay"],
        editors: Iterable[str] = (),
        *,
        locale: str = "en_US",
        time_zone: str = "Etc/GMT",
    ) -> str:
        """The id of a new spreadsheet with one empty tab, Sheet1."""
        book = self._made(title, owner)
        book.editors, book.locale, book.time_zone = frozenset(editors), locale, time_zone
        return book.id

    def share(self, id_: str, *emails: str) -> None:
        """These may edit it as well."""
        self.books[id_].editors |= set(emails)

    def person(self, id_: str, email: str) -> Person:
        """Somebody who edits that spreadsheet by hand; it is shared with them."""
        self.share(id_, email)
        return Person(email, lambda: self.books[id_], lambda requests, user: self.change(id_, requests, user)[1])

    def change(self, id_: str, requests: list[Json], user: str) -> tuple[Book, list[Json]]:
        """Does batchUpdate requests, all or none; the book and the replies."""
        book, replies = self._changed(id_, requests, user)
        return self.save(book), replies

    def _changed(self, id_: str, requests: list[Json], user: str) -> tuple[Book, list[Json]]:
        """As `change`, but nobody sees it yet."""
        batch = Batch(self.books[id_].working_copy(), user, self._ids)
        replies: list[Json] = []
        for at, request in enumerate(requests):
            replies.append(_done(batch, at, request))
        return batch.book, replies

    def save(self, book: Book) -> Book:
        """A changed book is the one that everybody sees."""
        book.revision += 1
        book.modified = self.now()
        self.books[book.id] = book
        return book

    def answer(self, call: Call) -> Answer:
        """The answer to any call."""
        try:
            return self._served(call)
        except Refused as refused:
            return refused.answer
        except Unemulated as unknown:
            print(call.method, call.path, call.query, call.body.decode()[:2000], "->", unknown, file=sys.stderr)  # noqa: T201
            return unknown.answer
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as odd:
            # A body of another shape than any that is emulated: said aloud as well, not a lost connection.
            traceback.print_exc()
            return Unemulated(f"{call.method} {call.path}: {odd!r}").answer

    def _served(self, call: Call) -> Answer:
        for method, path, serve in self._routes():
            match = re.fullmatch(path, call.path, re.DOTALL)
            if match and method == call.method:
                return serve(call, *match.groups())
        raise Unemulated(f"{call.method} {call.path}")

    def _routes(self) -> tuple[tuple[str, str, Callable[..., Answer]], ...]:
        sheets = f"/v4/spreadsheets/{_ID}"
        return (
            ("GET", sheets, self._get),
            ("POST", f"{sheets}:batchUpdate", self._batch_update),
            ("GET", f"{sheets}/values:batchGet", self._batch_get),
            ("POST", f"{sheets}/values:batchUpdate", self._values_batch_update),
            ("POST", f"{sheets}/values:batchClear", self._batch_clear),
            ("POST", f"{sheets}/values:batchGetByDataFilter", self._get_by_filter),
            ("POST", f"{sheets}/values:batchUpdateByDataFilter", self._update_by_filter),
            ("POST", f"{sheets}/values:batchClearByDataFilter", self._clear_by_filter),
            ("GET", f"{sheets}/developerMetadata/(\\d+)", self._metadata),
            ("POST", f"{sheets}/developerMetadata:search", self._search),
            ("GET", f"{sheets}/values/(.+)", self._values_get),
            ("PUT", f"{sheets}/values/(.+)", self._values_update),
            ("POST", f"{sheets}/values/(.+):append", self._append),
            ("POST", f"{sheets}/values/(.+):clear", self._clear),
            ("POST", "/token", self.access.grant),
            *((method, path, self._driven(serve)) for method, path, serve in self._drive.routes()),
        )

    def _driven(self, serve: Callable[..., Answer]) -> Callable[..., Answer]:
        return lambda call, *groups: serve(call, self.access.user(call), *groups)

    def _made(self, title: str, owner: str) -> Book:
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        id_ = "1" + "".join(self._ids.choices(letters, k=43))
        moment = self.now()
        self.books[id_] = Book(id_, title, owner, tabs=[Tab(0, "Sheet1")], created=moment, modified=moment)
        return self.books[id_]

    def _open(self, id_: str, user: str) -> Book:
        """That spreadsheet, if *user* may edit it."""
        if self.api_disabled:
            raise api_disabled()
        if id_ in self.forbidden:
            raise Refused(NO_PERMISSION, 403)
        if id_ not in self.books:
            raise Refused(NOT_FOUND, 404)
        book = self.books[id_]
        if user != book.owner and user not in book.editors:
            raise Refused(NO_PERMISSION, 403)
        return book

    def _opened(self, call: Call, id_: str, parameters: Iterable[str] = ()) -> tuple[Book, str]:
        """The spreadsheet and the caller; *parameters*: those of the query that the endpoint knows."""
        user = self.access.user(call)
        book = self._open(id_, user)
        known(call.query, {*parameters, "fields", "alt", "prettyPrint"}, "query")
        return book, user

    def _get(self, call: Call, id_: str) -> Answer:
        book, user = self._opened(call, id_, ("includeGridData", "ranges"))
        data = call.one("includeGridData").lower() == "true"
        return Answer(200, spreadsheet(book, user, call.one("fields"), call.query.get("ranges", []), data=data))

    def _batch_update(self, call: Call, id_: str) -> Answer:
        _, user = self._opened(call, id_)
        body = _body(call, BATCH)
        requests = _flat(body.get("requests") or [])
        if not requests:
            raise Refused("Must specify at least one request.")
        book, replies = self._changed(id_, requests, user)
        mask = parsed(call.one("fields"), ANSWER, "fields") if call.one("fields") else {}
        answer = masked({"spreadsheetId": id_, "replies": replies}, mask)
        if body.get("includeSpreadsheetInResponse") and (not mask or "updatedSpreadsheet" in mask):
            ranges, data = body.get("responseRanges") or [], bool(body.get("responseIncludeGridData"))
            shown = spreadsheet(book, user, mask.get("updatedSpreadsheet", {}), ranges, data=data)
            answer["updatedSpreadsheet"] = shown
        # Last of all: a call whose answer cannot be made has done nothing.
        self.save(book)
        return Answer(200, answer)

    def _values_get(self, call: Call, id_: str, text: str) -> Answer:
        book, _ = self._opened(call, id_, ("majorDimension", *_RENDER))
        render = renderer(book, *(call.one(name) for name in _RENDER))
        return _masked(call, value_range(book, book.area(text), render, call.one("majorDimension")))

    def _batch_get(self, call: Call, id_: str) -> Answer:
        book, _ = self._opened(call, id_, ("ranges", "majorDimension", *_RENDER))
        render = renderer(book, *(call.one(name) for name in _RENDER))
        areas = [book.area(text) for text in call.query.get("ranges", [])]
        found = [value_range(book, area, render, call.one("majorDimension")) for area in areas]
        return _masked(call, {"spreadsheetId": id_} | ({"valueRanges": found} if found else {}))

    def _values_update(self, call: Call, id_: str, text: str) -> Answer:
        book, user = self._opened(call, id_, _WRITE)
        writing = Writing(book.working_copy(), user, call.one("valueInputOption"))
        answer, area = writing.update(text, _body(call))
        if call.one("includeValuesInResponse").lower() == "true":
            render = renderer(writing.book, *(call.one(name) for name in _RESPONSE))
            answer["updatedData"] = value_range(writing.book, area, render)
        self.save(writing.book)
        return _masked(call, answer)

    def _append(self, call: Call, id_: str, text: str) -> Answer:
        book, user = self._opened(call, id_, {*_WRITE, "insertDataOption"})
        writing = Writing(book.working_copy(), user, call.one("valueInputOption"))
        if call.one("includeValuesInResponse").lower() == "true":
            raise Unemulated("includeValuesInResponse of append")
        answer = writing.append(text, _body(call), insert=call.one("insertDataOption") == "INSERT_ROWS")
        self.save(writing.book)
        return _masked(call, answer)

    def _clear(self, call: Call, id_: str, text: str) -> Answer:
        book, user = self._opened(call, id_)
        writing = Writing(book.working_copy(), user, "RAW")
        name = writing.clear(book.area(text))
        self.save(writing.book)
        return _masked(call, {"spreadsheetId": id_, "clearedRange": name})

    def _batch_clear(self, call: Call, id_: str) -> Answer:
        book, user = self._opened(call, id_)
        writing = Writing(book.working_copy(), user, "RAW")
        names: list[str] = []
        for at, text in enumerate(_body(call, {"ranges"}).get("ranges") or []):
            try:
                names.append(writing.clear(book.area(text)))
            except Refused as refused:
                raise refused.within(f"range[{at}]") from refused
        self.save(writing.book)
        return _masked(call, {"spreadsheetId": id_, "clearedRanges": names})

    def _values_batch_update(self, call: Call, id_: str) -> Answer:
        book, user = self._opened(call, id_)
        body = _body(call, {*_WRITE, "data"})
        writing = Writing(book.working_copy(), user, body.get("valueInputOption") or "")
        written = []
        for at, data in enumerate(body.get("data") or []):
            try:
                written.append((writing.update(data["range"], data), data))
            except Refused as refused:
                raise refused.within(f"data[{at}]") from refused
        return self._written(call, body, writing, [(*answer, {}) for answer, _ in written])

    def _written(self, call: Call, body: Json, writing: Writing, written: list[tuple[Json, Any, Json]]) -> Answer:
        """The answer to a write of several rectangles."""
        book, answers = writing.book, []
        for answer, area, more in written:
            one = answer | more
            if body.get("includeValuesInResponse"):
                render = renderer(book, *(body.get(name) or "" for name in _RESPONSE))
                one["updatedData"] = value_range(book, area, render)
            answers.append(one)
        self.save(book)
        return _masked(call, {"spreadsheetId": book.id} | writing.totals | {"responses": answers})

    def _get_by_filter(self, call: Call, id_: str) -> Answer:
        book, _ = self._opened(call, id_)
        body = _body(call, {"dataFilters", "majorDimension", *_RENDER})
        render = renderer(book, *(body.get(name) or "" for name in _RENDER))
        found = [
            {"valueRange": value_range(book, area, render, body.get("majorDimension") or ""), "dataFilters": [wanted]}
            for wanted in body.get("dataFilters") or []
            for area in metadata.areas(book, wanted)
        ]
        return _masked(call, {"spreadsheetId": id_} | ({"valueRanges": found} if found else {}))

    def _update_by_filter(self, call: Call, id_: str) -> Answer:
        book, user = self._opened(call, id_)
        body = _body(call, {*_WRITE, "data"})
        writing = Writing(book.working_copy(), user, body.get("valueInputOption") or "")
        written = []
        for data in body.get("data") or []:
            known(data, {"dataFilter", "majorDimension", "values"}, "DataFilterValueRange")
            areas = metadata.areas(book, data["dataFilter"])
            if not areas:
                raise Unemulated("a write by a data filter that matches nothing")
            rows = {name: value for name, value in data.items() if name != "dataFilter"}
            for area in areas:
                answer, _ = writing.update(book.name(area), rows)
                del answer["spreadsheetId"]
                written.append((answer, area, {"dataFilter": data["dataFilter"]}))
        return self._written(call, body, writing, written)

    def _clear_by_filter(self, call: Call, id_: str) -> Answer:
        book, user = self._opened(call, id_)
        writing = Writing(book.working_copy(), user, "RAW")
        filters = _body(call, {"dataFilters"}).get("dataFilters") or []
        names = [writing.clear(area) for wanted in filters for area in metadata.areas(book, wanted)]
        self.save(writing.book)
        return _masked(call, {"spreadsheetId": id_} | ({"clearedRanges": names} if names else {}))

    def _metadata(self, call: Call, id_: str, one: str) -> Answer:
        book, _ = self._opened(call, id_)
        wanted = {"developerMetadataLookup": {"metadataId": int(one)}}
        matched = metadata.search(book, [wanted]).get("matchedDeveloperMetadata")
        if not matched:
            raise Refused(f"No developer metadata with ID {one}", 404)
        return _masked(call, matched[0]["developerMetadata"])

    def _search(self, call: Call, id_: str) -> Answer:
        book, _ = self._opened(call, id_)
        return _masked(call, metadata.search(book, _body(call, {"dataFilters"}).get("dataFilters") or []))


def _done(batch: Batch, at: int, request: Json) -> Json:
    """The reply to one request of a batch."""
    if len(request) != 1 or not request.keys() <= KINDS.keys():
        raise Unemulated(f"requests[{at}]: {', '.join(request) or 'empty'}")
    ((kind, given),) = request.items()
    try:
        return KINDS[kind](batch, given or {})
    except Refused as refused:
        raise refused.within(f"requests[{at}].{kind}") from refused


def _flat(requests: Any) -> list[Json]:
    """The requests: Google takes one object, a list, and lists in a list."""
    if isinstance(requests, dict):
        return [requests]
    return [one for request in requests for one in (_flat(request) if isinstance(request, list) else [request])]


def _body(call: Call, names: set[str] | None = None) -> Json:
    try:
        body = camels(call.json or {}) if _SNAKE.search(call.body) else call.json or {}
    except json.JSONDecodeError as wrong:
        raise Refused("Invalid JSON payload received.") from wrong
    if names is not None:
        known(body, names, "body")
    return dict(body)


def _masked(call: Call, answer: Json) -> Answer:
    return Answer(200, masked(answer, parsed(call.one("fields"), ANY, "fields")) if call.one("fields") else answer)


@contextmanager
def google_sheets() -> Any:
    """(service, emulator), serving from here on."""
    service = GoogleSheets()
    with service.emulator() as emulator:
        yield service, emulator


RECORDED = Path(__file__).parents[1] / "data" / "google" / "account.args"
"""The files of the account that the traffic was recorded with: its listings name them."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0], fromfile_prefix_chars="@")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--add-spreadsheet", metavar="TITLE", action="append", default=[])
    parser.add_argument("--forbid", metavar="ID", action="append", default=[], help="a file that nobody may open")
    parser.add_argument("--share", metavar="EMAIL", action="append", default=[], help="a service account that may edit")
    options = parser.parse_args()
    if not (options.add_spreadsheet or options.forbid):  # no account of one's own: the one that was recorded
        options = parser.parse_args([f"@{RECORDED}", *sys.argv[1:]])
    service = GoogleSheets()
    service.accounts.update(options.share)
    service.forbidden.update(options.forbid)
    emulator = service.emulator(options.port, log=True)
    print(emulator.url, flush=True)  # noqa: T201
    for title in options.add_spreadsheet:
        print(service.add_spreadsheet(title, editors=options.share), title, flush=True)  # noqa: T201
    emulator.serve_forever()


if __name__ == "__main__":
    main()

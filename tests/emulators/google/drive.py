"""The Drive calls that gspread makes: files made, listed, copied, exported, replaced and deleted."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace

from tests.emulators.google.book import Book, Json, Tab
from tests.emulators.google.masks import ANY, masked, parsed
from tests.emulators.google.refusals import NOT_FOUND, Refused, Unemulated
from tests.emulators.google.values import Writing, renderer, rows_of
from tests.emulators.served import Answer, Call

SPREADSHEET = "application/vnd.google-apps.spreadsheet"
FILES = "/drive/v3/files"
_ID = r"([^/]+)"
_NAME = re.compile(r'mimeType="([^"]+)"(?: and name = "((?:[^"\\]|\\.)*)")?')


class Drive:
    """Serves the files of *books*, newest first."""

    def __init__(
        self,
        books: dict[str, Book],
        opened: Callable[[str, str], Book],
        made: Callable[[str, str], Book],
        now: Callable[[], str],
        save: Callable[[Book], Book],
    ) -> None:
        self._books, self._open, self._made, self._now, self._save = books, opened, made, now, save

    def routes(self) -> tuple[tuple[str, str, Callable[..., Answer]], ...]:
        return (
            ("POST", FILES, self._create),
            ("GET", FILES, self._list),
            ("GET", f"{FILES}/{_ID}", self._get),
            ("DELETE", f"{FILES}/{_ID}", self._delete),
            ("POST", f"{FILES}/{_ID}/copy", self._copy),
            ("GET", f"{FILES}/{_ID}/export", self._export),
            ("GET", f"{FILES}/{_ID}/comments", self._comments),
            ("PUT", f"/upload/drive/v2/files/{_ID}", self._upload),
        )

    def _opened(self, id_: str, user: str) -> Book:
        """As in Sheets, but Drive does not tell a file that is not shared from one that is not there."""
        try:
            return self._open(id_, user)
        except Refused as refused:
            if refused.code == 403 and refused.details is None:
                raise Refused(NOT_FOUND, 404) from refused
            raise

    def _create(self, call: Call, user: str) -> Answer:
        if call.json.get("mimeType") != SPREADSHEET:
            raise Unemulated(f"a file of type {call.json.get('mimeType')}")
        return Answer(200, _file(self._made(call.json.get("name") or "Untitled", user)))

    def _list(self, call: Call, user: str) -> Answer:
        match = _NAME.fullmatch(call.one("q"))
        if not match or match[1] != SPREADSHEET:
            raise Unemulated(f"files.list q={call.one('q')}")
        name = None if match[2] is None else re.sub(r"\\(.)", r"\1", match[2])
        mine = [book for book in self._books.values() if user == book.owner or user in book.editors]
        shown = [book for book in reversed(mine) if name is None or book.title == name]
        files = [_file(book) | _times(book) for book in sorted(shown, key=lambda book: book.created, reverse=True)]
        return Answer(200, _masked(call, {"kind": "drive#fileList", "files": files}))

    def _get(self, call: Call, user: str, id_: str) -> Answer:
        book = self._opened(id_, user)
        return Answer(200, _masked(call, _file(book) | (_times(book) if call.one("fields") else {})))

    def _delete(self, _call: Call, user: str, id_: str) -> Answer:
        self._opened(id_, user)
        del self._books[id_]
        return Answer(204, None, "text/html")

    def _copy(self, call: Call, user: str, id_: str) -> Answer:
        """A copied file has the cells and the tabs of the original, and none of its developer metadata."""
        old = self._opened(id_, user)
        made = self._made(call.json.get("name") or f"Copy of {old.title}", user)
        twin = replace(old.working_copy(), id=made.id, title=made.title, owner=user, editors=frozenset(), metadata={})
        self._books[made.id] = replace(twin, created=made.created, modified=made.modified, revision=1)
        return Answer(200, _file(made))

    def _export(self, call: Call, user: str, id_: str) -> Answer:
        book = self._opened(id_, user)
        if call.one("mimeType") != "text/csv":
            raise Unemulated(f"export as {call.one('mimeType')}")
        area = book.within(next(book.area(tab.title) for tab in book.tabs))
        rows = rows_of(book, area, renderer(book, "", ""))
        width = max(map(len, rows), default=0)
        text = io.StringIO()
        csv.writer(text, lineterminator="\r\n").writerows(row + [""] * (width - len(row)) for row in rows)
        return Answer(200, text.getvalue().removesuffix("\r\n"), "text/csv")

    def _comments(self, _call: Call, user: str, id_: str) -> Answer:
        self._opened(id_, user)
        return Answer(200, {"comments": []})

    def _upload(self, call: Call, user: str, id_: str) -> Answer:
        """A CSV file takes the place of all tabs: one tab named like the file."""
        if not call.headers.get("content-type", "").startswith("text/csv"):
            raise Unemulated("an upload other than CSV")
        book = self._opened(id_, user).working_copy()
        rows = list(csv.reader(io.StringIO(call.body.decode())))
        sheet = 1 + sum(map(ord, id_))
        size = max(1000, len(rows)), max([26, *map(len, rows)])
        book.tabs, book.named, book.metadata = [Tab(sheet, book.title, *size)], [], {}
        book.time_zone = "America/Los_Angeles"
        Writing(book, user, "USER_ENTERED").put(sheet, 0, 0, rows)
        self._save(book)
        return Answer(200, {"kind": "drive#file", "id": id_, "title": book.title, "mimeType": SPREADSHEET})


def _file(book: Book) -> Json:
    return {"kind": "drive#file", "id": book.id, "name": book.title, "mimeType": SPREADSHEET}


def _times(book: Book) -> Json:
    return {"createdTime": book.created, "modifiedTime": book.modified, "version": str(book.revision)}


def _masked(call: Call, answer: Json) -> Json:
    kept: Json = masked(answer, parsed(call.one("fields"), ANY, "fields")) if call.one("fields") else answer
    return kept

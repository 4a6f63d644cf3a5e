"""One Google spreadsheet: what it is asked, and the one way it is written.

Every write is one call, whole or not at all, and a numbered commit (sync/google/commits.py). Google knows no "only if
unchanged since": an edit to a worker's tab between our reading and writing is found afterwards, from the answer.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from gspread.urls import SPREADSHEET_BATCH_UPDATE_URL, SPREADSHEET_URL

from rules.values import Cell
from sync.backends.places import quoted_title
from sync.errors import HuzhuError
from sync.google.client import Client
from sync.google.commits import FIRST, KEPT, Commit, Request, commits
from sync.google.complaints import Refused, complaint, explained
from sync.google.tabs import Tab, tab_of
from sync.net import keeps_out

_HEAD_ROWS = 11  # the top rows in which headers may stand, and one of data
_GRID = "properties(sheetId,title,sheetType,gridProperties(rowCount,columnCount))"
_STATE = f"sheets({_GRID}),developerMetadata(metadataId,metadataKey,metadataValue)"
_HEADS = (
    f"sheets({_GRID},protectedRanges(range,warningOnly,requestingUserCanEdit,editors),"
    "data(rowData(values(userEnteredValue,effectiveValue,note,dataValidation))))"
)
_KEYS = "updatedSpreadsheet(sheets(data(rowData(values(effectiveValue)))))"
_VALUES = {"valueRenderOption": "UNFORMATTED_VALUE", "dateTimeRenderOption": "SERIAL_NUMBER", "majorDimension": "ROWS"}
_MOVED = re.compile("No grid with id|Unable to parse range|grid limits|after last (row|column)|beyond the last")
_NUMBER = re.compile(r"requests\[(\d+)\]")
_BAD, _ABSENT = 400, 404


class Spreadsheet:
    """account: the e-mail of the service account. lease: how long a run that stopped without a word keeps others out.

    Every call raises SetupError or RunFailed with a sentence for the operator when Google refuses it.
    """

    def __init__(
        self, client: Client, ident: str, account: str, clock: Callable[[], datetime], lease: timedelta
    ) -> None:
        self.account = account
        self.ids: dict[int, str] = {}  # of all tabs, as last looked at -> title
        self.leased = False
        self._client, self._id, self._clock, self._lease = client, ident, clock, lease
        self._holder, self._marks = uuid.uuid4().hex[:12], count(1)
        self._known: list[Commit] = []

    @property
    def calls(self) -> Mapping[str, int]:
        """Requests sent, repeats included."""
        return self._client.calls

    @property
    def version(self) -> int:
        """The number of the last commit that is known."""
        return self._known[-1].number if self._known else FIRST

    def tabs(self) -> list[Tab]:
        """The tabs with cells. Raises Busy when another run has begun to write and not ended."""
        found = self._get({"fields": _STATE})
        self._known = commits(found.get("developerMetadata", ()))
        last = self._known[-1] if self._known else None
        if last and last.until and last.holder != self._holder and keeps_out(last.until, self._clock()):
            raise complaint("busy", until=f"{last.until.astimezone(self._clock().tzinfo):%H:%M}")
        self.ids = {sheet["properties"].get("sheetId", 0): sheet["properties"]["title"] for sheet in found["sheets"]}
        return [tab_of(sheet) for sheet in found["sheets"] if sheet["properties"].get("sheetType", "GRID") == "GRID"]

    def heads(self, titles: Sequence[str]) -> dict[str, Tab]:
        """Tabs by title, with their top rows: notes, formulas, dropdowns; and how they are protected."""
        if not titles:
            return {}
        ranges = [f"{quoted_title(title)}!1:{_HEAD_ROWS}" for title in titles]
        found = self._get({"ranges": ranges, "includeGridData": "true", "fields": _HEADS})
        return {tab.title: tab for tab in map(tab_of, found["sheets"])}

    def values(self, ranges: Sequence[str]) -> list[list[list[Cell]]]:
        """The rows of each range, typed, days as serial numbers; rows may be ragged."""
        if not ranges:
            return []
        try:
            found = self._client.values_batch_get(self._id, list(ranges), params=dict(_VALUES))
        except Refused as error:
            raise self._explained(error) from error
        return [answer.get("values", []) for answer in found["valueRanges"]]

    def commit(
        self,
        asked: Sequence[Request],
        version: int,
        *,
        more: bool = False,
        shown: str = "",
    ) -> tuple[int, list[Cell] | None]:
        """Do all of *asked*, or nothing. The new version, and the first column of the tab *shown* as it is then.

        more: more writes will follow, so others are kept out. Raises Conflict when another run has written since
        *version*, or when somebody took away what *asked* is about.
        """
        until = self._clock().astimezone(UTC) + self._lease if more else None
        commit = Commit(version + 1, self._holder, str(next(self._marks)), until)
        first = commit.requests([known.number for known in self._known])
        body: dict[str, Any] = {"requests": [*first, *asked]}
        if shown:
            ranges = [_first_column(shown)]
            body |= {"includeSpreadsheetInResponse": True, "responseIncludeGridData": True, "responseRanges": ranges}
        url = SPREADSHEET_BATCH_UPDATE_URL % self._id
        try:
            fields = _KEYS if shown else "spreadsheetId"
            answer = self._client.request("post", url, params={"fields": fields}, json=body).json()
        except Refused as error:
            self._check_applied(commit, error, asked, len(first))
            answer = None
        self._known = [*(known for known in self._known if known.number > commit.number - KEPT), commit]
        self.leased = more
        if not shown:
            return commit.number, None
        return commit.number, self._column(shown) if answer is None else _column_in(answer)

    def release(self) -> None:
        """End the lease of a run that is over. Failing that, it ends by itself."""
        self.commit([], self.version)

    def _check_applied(self, commit: Commit, error: Refused, asked: Sequence[Request], before: int) -> None:
        """Silence when the refused write is there already: it was sent again after its answer was lost."""
        stands = self._value(commit.number) if error.status == _BAD else None
        if stands == commit.value:
            return
        if stands is not None:
            raise complaint("overtaken")
        raise self._explained(error, asked, before) from error

    def _value(self, number: int) -> str | None:
        """What stands in the metadata *number*; None when there is none."""
        try:
            found = self._client.request("get", f"{SPREADSHEET_URL % self._id}/developerMetadata/{number}").json()
        except Refused as error:
            if error.status == _ABSENT:
                return None
            raise self._explained(error) from error
        return str(found.get("metadataValue", ""))

    def _get(self, params: dict[str, Any]) -> Any:  # the API's answer
        try:
            return self._client.fetch_sheet_metadata(self._id, params=params)
        except Refused as error:
            raise self._explained(error) from error

    def _explained(self, error: Refused, asked: Sequence[Request] = (), before: int = 0) -> HuzhuError:
        """The sentence for a refusal; Conflict for a tab or row that somebody took away meanwhile."""
        if error.status == _BAD and _MOVED.search(error.message):
            return complaint("moved")
        number = _NUMBER.search(error.message)
        at = int(number[1]) - before if number else -1
        title = self.ids.get(_sheet_id(asked[at]), "") if 0 <= at < len(asked) else ""
        return explained(error, spreadsheet=self._id, service_account=self.account, title=title)

    def _column(self, title: str) -> list[Cell]:
        return [row[0] if row else "" for row in self.values([_first_column(title)])[0]]


def _column_in(answer: Any) -> list[Cell]:  # the API's answer
    """The first column of the one tab that an answer shows."""
    rows = answer["updatedSpreadsheet"]["sheets"][0]["data"][0].get("rowData", [])
    cells = [line.get("values", [{}])[0].get("effectiveValue", {}) for line in rows]
    found: list[Cell] = [next(iter(cell.values()), "") for cell in cells]
    while found and found[-1] == "":
        found.pop()
    return found


def _first_column(title: str) -> str:
    return f"{quoted_title(title)}!A:A"


def _sheet_id(request: Request) -> int:
    """The tab that a request is about."""
    (body,) = request.values()
    about: dict[str, Any] = next(
        (body[name] for name in ("start", "range", "properties", "protectedRange") if name in body), {}
    )
    return int(about.get("range", about).get("sheetId", 0))

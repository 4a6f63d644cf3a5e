"""The emulated Google Sheets answers as recorded, as documented, and otherwise says that it does not know.

tests/data/google/recorded.jsonl.gz: what gspread's own test suite and Google said to each other (see LICENSE there).
metadata.jsonl: the examples of Google's guide to developer metadata. account.args: the files that the recorded account
already had, as arguments of the emulator.
"""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import gspread
import pytest
from google.oauth2.credentials import Credentials
from hypothesis import given, strategies

from tests.emulators.google.ranges import Shift
from tests.emulators.google.refusals import PROTECTED, TOO_LONG, TOO_MANY, Refused, Unemulated, quota_exceeded
from tests.emulators.google_sheets import REPLAYED, GoogleSheets
from tests.emulators.served import BAD_GATEWAY, Fault

DATA = Path(__file__).parent.parent / "data" / "google"
ROBOT = REPLAYED["replay"]
OWNER, MEMBER = "owner@alliance.example", "wang@member.example"
TIMES = ("createdTime", "modifiedTime")
LOOKUP = (
    '=ARRAYFORMULA(IF(ROW(A1:A)=ROW(),"状态",IF(A1:A="","",XLOOKUP(A1:A&"",\'借调状态\'!A:A&"",\'借调状态\'!H:H,""))))'
)

KNOWN_DIFFERENCES = {
    ("WorksheetTest.test_auto_resize_columns", 8): "how wide a text is depends on Google's fonts",
}


class Caller:
    """Calls one emulator over HTTP."""

    def __init__(self, url: str, token: str = "replay") -> None:
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc)
        self.token = token

    def __call__(self, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, Any]:
        path = quote(path, safe="/:%") + ("?" + urlencode(query, doseq=True) if query else "")
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if isinstance(body, str):
            headers["Content-Type"] = "text/csv"
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode() if body is not None else None
        self.connection.request(method, path, data, headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        return answer.status, {"_text": text} if text and answer.getheader(
            "Content-Type"
        ) == "text/csv" else json.loads(text or "null")


class House:
    """One spreadsheet of the owner's, shared with the robot and a member, behind a running emulator."""

    def __init__(self, service: GoogleSheets, url: str) -> None:
        self.service, self.url, self.call = service, url, Caller(url)
        self.id = service.add_spreadsheet("备件互助", OWNER, [ROBOT])
        self.owner, self.member = service.person(self.id, OWNER), service.person(self.id, MEMBER)

    def sheet(self, title: str) -> int:
        return self.owner.tab(title).id

    def get(self, **query: Any) -> Any:
        status, answer = self.call("GET", f"/v4/spreadsheets/{self.id}", **query)
        assert status == 200, answer
        return answer

    def batch(self, *requests: Any, **query: Any) -> Any:
        status, answer = self.call("POST", f"/v4/spreadsheets/{self.id}:batchUpdate", {"requests": requests}, **query)
        assert status == 200, answer
        return answer

    def refusal(self, *requests: Any) -> str:
        """The text with which a batch is refused."""
        status, answer = self.call("POST", f"/v4/spreadsheets/{self.id}:batchUpdate", {"requests": requests})
        assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")
        return answer["error"]["message"]

    def values(self, text: str, **query: Any) -> Any:
        path = f"/v4/spreadsheets/{self.id}/values/{text}"
        status, answer = self.call("GET", path, **{"valueRenderOption": "UNFORMATTED_VALUE"} | query)
        assert status == 200, answer
        return answer.get("values", [])

    def put(self, text: str, values: Any, option: str = "RAW") -> tuple[int, Any]:
        path = f"/v4/spreadsheets/{self.id}/values/{text}"
        return self.call("PUT", path, {"values": values}, valueInputOption=option)


@pytest.fixture
def house() -> Iterator[House]:
    service = GoogleSheets()
    with service.emulator() as emulator:
        house = House(service, emulator.url)
        yield house
        house.call.connection.close()


# ---- what was recorded


def recorded() -> dict[str, list[dict[str, Any]]]:
    """The recorded pairs by case, in order."""
    cases: dict[str, list[dict[str, Any]]] = {}
    for line in gzip.decompress((DATA / "recorded.jsonl.gz").read_bytes()).decode().splitlines():
        pair = json.loads(line)
        cases.setdefault(pair["case"], []).append(pair)
    return cases


def bound(node: Any, names: dict[Any, Any]) -> Any:
    """*node* with what was made by the recorded server replaced by what the emulator made."""
    if isinstance(node, dict):
        return {key: bound(value, names) for key, value in node.items()}
    if isinstance(node, list):
        return [bound(item, names) for item in node]
    if isinstance(node, str):
        for name, made in names.items():
            node = node.replace(name, str(made)) if str(name).startswith("{") or name == node else node
        return node
    return names.get(node, node) if type(node) is int else node


def learn(pair: Any, answer: Any, pointers: set[str], names: dict[Any, Any], at: str = "") -> None:
    """Binds the ids that an answer brings."""
    if isinstance(pair, dict) and isinstance(answer, dict):
        for key in pair.keys() & answer.keys():
            learn(pair[key], answer[key], pointers, names, f"{at}/{key}")
    elif isinstance(pair, list) and isinstance(answer, list):
        for index, (one, other) in enumerate(zip(pair, answer, strict=False)):
            learn(one, other, pointers, names, f"{at}/{index}")
    elif (str(pair).startswith("{ss") or at in pointers) and at.rsplit("/", 1)[-1] not in TIMES:
        names.setdefault(pair, answer)


def timeless(node: Any) -> Any:
    """*node* with every time as the word for its type, and bools apart from numbers."""
    if isinstance(node, dict):
        return {key: type(value) if key in TIMES else timeless(value) for key, value in node.items()}
    if isinstance(node, list):
        return [timeless(item) for item in node]
    return str(node) if isinstance(node, bool) else node


def prepared(pairs: list[dict[str, Any]]) -> GoogleSheets:
    """A service whose account has the files that the recorded one had."""
    service = GoogleSheets()
    service.forbidden.add("{ss1}")  # the one case that asks for a file that nobody made
    lists = [pair["resp"]["files"] for pair in pairs if pair["ep"] == "drive.files.list"]
    for file in reversed(lists[0][1:] if lists else []):
        service.add_spreadsheet(file["name"])
    return service


def differing(pairs: list[dict[str, Any]]) -> list[int]:
    """The numbers of the pairs that the emulator answers otherwise."""
    names: dict[Any, Any] = {}
    wrong = []
    with prepared(pairs).emulator() as emulator:
        call = Caller(emulator.url)
        for pair in pairs:
            body = bound(pair.get("body"), names)
            text = body.get("_text") if isinstance(body, dict) else None
            status, answer = call(pair["method"], bound(pair["path"], names), text or body, **pair.get("query", {}))
            learn(pair["resp"], answer, set(pair.get("gen", ())), names)
            if (status, timeless(answer)) != (pair["status"], timeless(bound(pair["resp"], names))):
                wrong.append(pair["seq"])
        call.connection.close()
    return wrong


def test_recorded_traffic_is_answered_as_it_was() -> None:
    cases = recorded()
    wrong = {(case, number) for case, pairs in cases.items() for number in differing(pairs)}
    assert sum(map(len, cases.values())) == 1117
    assert wrong == set(KNOWN_DIFFERENCES)


# ---- what is documented and was never recorded

SALES, REVENUE = ("Sales", "ROW"), ("Revenue", "SHEET")
DOCUMENTED = [json.loads(line) for line in (DATA / "metadata.jsonl").read_text(encoding="utf-8").splitlines()]
BEFORE = {
    "create": None,
    "get after delete": None,
    "search": REVENUE,
    "delete": ("SalesUpdated", "SHEET"),
}


@pytest.mark.parametrize("example", DOCUMENTED, ids=lambda example: example["what"])
def test_metadata_examples_of_the_guide(house: House, example: dict[str, Any]) -> None:
    house.owner.add_tab("Sheet7", [[]] * 6 + [["W-24", 74]])
    sheet, made = house.sheet("Sheet7"), BEFORE.get(example["what"], SALES)
    names = {"{ss1}": house.id, "{id}": 4711, "{sheet}": sheet}
    if made:
        row = {"sheetId": sheet, "dimension": "ROWS", "startIndex": 6, "endIndex": 7}
        location = {"dimensionRange": row} if made[1] == "ROW" else {"sheetId": sheet}
        one = {"metadataId": 4711, "metadataKey": made[0], "metadataValue": "2022", "location": location}
        house.batch({"createDeveloperMetadata": {"developerMetadata": one | {"visibility": "DOCUMENT"}}})
    status, answer = house.call(example["method"], bound(example["path"], names), numbers(example.get("body"), names))
    assert status == example["status"]
    if "resp_message" in example:
        assert answer["error"]["message"] == bound(example["resp_message"], names)
        return
    if example["what"] == "create":
        names["{id}"] = answer["replies"][0]["createDeveloperMetadata"]["developerMetadata"]["metadataId"]
    assert texts(answer) == texts(numbers(example["resp"], names))


def numbers(node: Any, names: dict[str, Any]) -> Any:
    """*node* with the ids in it as numbers."""
    if isinstance(node, dict):
        return {key: numbers(value, names) for key, value in node.items()}
    if isinstance(node, list):
        return [numbers(item, names) for item in node]
    return names.get(node, node) if isinstance(node, str) else node


def texts(node: Any) -> Any:
    """*node* with every number as text: the guide shows values as they are formatted."""
    if isinstance(node, dict):
        return {key: texts(value) for key, value in node.items()}
    return [texts(item) for item in node] if isinstance(node, list) else str(node)


def metadata(id_: int, **location: Any) -> dict[str, Any]:
    one = {"metadataId": id_, "metadataKey": "run", "location": location, "visibility": "DOCUMENT"}
    return {"createDeveloperMetadata": {"developerMetadata": one}}


def test_a_number_of_metadata_in_use_refuses_the_whole_batch(house: House) -> None:
    house.batch(metadata(7, spreadsheet=True))
    write = {"updateCells": {"start": {"sheetId": 0}, "rows": [text_row("twice")], "fields": "userEnteredValue"}}
    assert house.refusal(write, metadata(7, spreadsheet=True)).startswith(
        "Invalid requests[1].createDeveloperMetadata: "
    )
    assert house.values("Sheet1") == []
    assert house.get(fields="developerMetadata")["developerMetadata"][0]["metadataId"] == 7


def test_deleting_metadata_that_is_not_there_deletes_nothing(house: House) -> None:
    lookup = {"developerMetadataLookup": {"metadataId": 8}}
    assert house.batch({"deleteDeveloperMetadata": {"dataFilter": lookup}})["replies"] == [
        {"deleteDeveloperMetadata": {}}
    ]


def test_row_metadata_goes_with_its_row(house: House) -> None:
    house.owner.replace("Sheet1", [["id"], ["b"], ["a"], ["c"]])
    row = {"sheetId": 0, "dimension": "ROWS", "startIndex": 1, "endIndex": 2}
    house.batch(metadata(5, dimensionRange=row))
    filters = {"dataFilters": [{"developerMetadataLookup": {"metadataId": 5}}]}

    def tagged() -> Any:
        _, answer = house.call("POST", f"/v4/spreadsheets/{house.id}/values:batchGetByDataFilter", filters)
        found = answer.get("valueRanges")
        return found and (found[0]["valueRange"]["range"], found[0]["valueRange"]["values"])

    assert tagged() == ("Sheet1!A2:Z2", [["b"]])
    house.owner.insert_rows("Sheet1", 1, 2)
    assert tagged() == ("Sheet1!A4:Z4", [["b"]])
    house.owner.sort("Sheet1", 1, header_rows=3)
    assert tagged() == ("Sheet1!A5:Z5", [["b"]])
    house.owner.delete_rows("Sheet1", 5)
    assert tagged() is None


def text_row(*texts_: str) -> dict[str, Any]:
    return {"values": [{"userEnteredValue": {"stringValue": text}} for text in texts_]}


def cells(where: dict[str, Any], *rows: Any) -> dict[str, Any]:
    return {"updateCells": {"range": where, "rows": rows, "fields": "userEnteredValue"}}


SEEN = {
    "Range (Sheet1!A1001:B) exceeds grid limits. Max rows: 1000, max columns: 26": (
        "Invalid requests[0].repeatCell: ",
        {
            "repeatCell": {
                "range": {"startRowIndex": 1000, "startColumnIndex": 0, "endColumnIndex": 2},
                "cell": {},
                "fields": "note",
            }
        },
    ),
    "You can't hide all the sheets in a document.": (
        "Invalid requests[0].updateSheetProperties: ",
        {"updateSheetProperties": {"properties": {"sheetId": 0, "hidden": True}, "fields": "hidden"}},
    ),
    TOO_MANY: (
        "Invalid requests[0].addSheet: ",
        {"addSheet": {"properties": {"gridProperties": {"rowCount": 1_000_000, "columnCount": 10}}}},
    ),
    TOO_LONG: ("Invalid requests[0].updateCells: ", cells({"sheetId": 0}, text_row("x" * 50_001))),
}


@pytest.mark.parametrize("text", SEEN)
def test_texts_of_refused_batches(house: House, text: str) -> None:
    place, request = SEEN[text]
    assert house.refusal(request) == place + text


def test_texts_of_refused_values(house: House) -> None:
    path = f"/v4/spreadsheets/{house.id}/values"
    house.owner.does(
        {
            "updateSheetProperties": {
                "properties": {"gridProperties": {"rowCount": 13}},
                "fields": "gridProperties.rowCount",
            }
        }
    )
    limits = "exceeds grid limits. Max rows: 13, max columns: 26"

    def message(answer: tuple[int, Any]) -> str:
        assert answer[0] == 400
        return answer[1]["error"]["message"]

    assert message(house.put("Sheet1!AA1", [["x"]])) == f"Range (Sheet1!AA1) {limits}"
    body = {"ranges": ["Sheet1!A221:ZZ"]}
    assert (
        message(house.call("POST", f"{path}:batchClear", body)) == f"Invalid range[0]: Range (Sheet1!A221:ZZ) {limits}"
    )
    tried = "Requested writing within range ['Sheet1'!A11], but tried writing to row [14]"
    assert message(house.put("'Sheet1'!A11", [["x"]] * 4)) == tried
    data = [{"range": "A1", "values": [["x"]]}, {"range": "A2", "values": [["x" * 50_001]]}]
    body = {"valueInputOption": "RAW", "data": data}
    assert message(house.call("POST", f"{path}:batchUpdate", body)) == f"Invalid data[1]: {TOO_LONG}"
    assert message(house.call("GET", f"{path}/Nowhere!A1")) == "Unable to parse range: Nowhere!A1"
    assert house.values("Sheet1") == []


# ---- writing


def test_a_batch_is_done_as_a_whole_or_not_at_all(house: House) -> None:
    good, bad = cells({"sheetId": 0}, text_row("x")), {"deleteSheet": {"sheetId": 99}}
    before = house.service.books[house.id]
    assert house.refusal({"addSheet": {"properties": {"title": "new"}}}, good, bad).startswith(
        "Invalid requests[2].deleteSheet"
    )
    assert house.service.books[house.id] is before
    assert house.owner.tabs() == ["Sheet1"]


def test_fewer_rows_than_the_range_empty_the_rest(house: House) -> None:
    house.owner.replace("Sheet1", [["a", "b", "keep"], ["c", "d", "keep"]])
    house.batch(cells({"sheetId": 0, "startColumnIndex": 0, "endColumnIndex": 2}, text_row("x")))
    assert house.values("Sheet1") == [["x", "", "keep"], ["", "", "keep"]]


def test_a_batch_may_answer_with_the_spreadsheet(house: House) -> None:
    body = {
        "requests": [cells({"sheetId": 0}, text_row("x", "y"))],
        "includeSpreadsheetInResponse": True,
        "responseIncludeGridData": True,
        "responseRanges": ["Sheet1!B1:C2"],
    }
    fields = "replies,updatedSpreadsheet(sheets(properties(sheetId),data(startColumn,rowData(values(effectiveValue)))))"
    _, answer = house.call("POST", f"/v4/spreadsheets/{house.id}:batchUpdate", body, fields=fields)
    grid = {"startColumn": 1, "rowData": [{"values": [{"effectiveValue": {"stringValue": "y"}}]}]}
    shown = {"sheets": [{"properties": {"sheetId": 0}, "data": [grid]}]}
    assert answer == {"replies": [{}], "updatedSpreadsheet": shown}


def test_cells_show_what_was_entered_and_what_it_is(house: House) -> None:
    house.put("A1", [["2,000.50", "2026-03-01", "true", "=1+2", "'007", "12%"]], "USER_ENTERED")
    values = house.get(
        ranges="A1:F1", fields="sheets.data.rowData.values(userEnteredValue,effectiveValue,formattedValue)"
    )
    (row,) = values["sheets"][0]["data"][0]["rowData"]
    assert [cell["formattedValue"] for cell in row["values"]] == ["2,000.50", "2026-03-01", "TRUE", "3", "007", "12%"]
    assert row["values"][3]["userEnteredValue"] == {"formulaValue": "=1+2"}
    assert row["values"][3]["effectiveValue"] == {"numberValue": 3}
    assert house.values("A1:F1") == [[2000.5, 46082, True, 3, "007", 0.12]]


def test_rows_are_appended_below_the_last_that_shows_something(house: House) -> None:
    house.owner.replace("Sheet1", [["a"], [], ["b"]])
    house.batch({"appendCells": {"sheetId": 0, "rows": [text_row("c")], "fields": "userEnteredValue"}})
    assert house.values("Sheet1") == [["a"], [], ["b"], ["c"]]


def test_names_and_protection_follow_rows_and_columns(house: House) -> None:
    where = {"sheetId": 0, "startRowIndex": 1, "endRowIndex": 3, "startColumnIndex": 1, "endColumnIndex": 2}
    name = {"addNamedRange": {"namedRange": {"name": "block", "range": where}}}
    rule = {
        "addConditionalFormatRule": {"rule": {"ranges": [where], "booleanRule": {"condition": {"type": "NOT_BLANK"}}}}
    }
    house.batch(name, rule, {"addProtectedRange": {"protectedRange": {"range": where}}})
    house.owner.insert_rows("Sheet1", 1)
    house.owner.insert_columns("Sheet1", 2)
    house.owner.insert_rows("Sheet1", 4)
    house.owner.move_column("Sheet1", 3, 1)
    moved = {"startRowIndex": 2, "endRowIndex": 5, "startColumnIndex": 0, "endColumnIndex": 1}
    answer = house.get(fields="namedRanges.range,sheets(protectedRanges.range,conditionalFormats.ranges)")
    assert answer["namedRanges"] == [{"range": moved}]
    assert answer["sheets"] == [{"protectedRanges": [{"range": moved}], "conditionalFormats": [{"ranges": [moved]}]}]


def test_a_chart_is_placed_and_removed(house: House) -> None:
    source = {
        "sources": [{"sheetId": 0, "startRowIndex": 0, "endRowIndex": 5, "startColumnIndex": 0, "endColumnIndex": 1}]
    }
    spec = {"title": "t", "basicChart": {"chartType": "COLUMN", "series": [{"series": {"sourceRange": source}}]}}
    position = {"overlayPosition": {"anchorCell": {"sheetId": 0, "rowIndex": 2}}}
    reply = house.batch({"addChart": {"chart": {"spec": spec, "position": position}}})["replies"][0]["addChart"][
        "chart"
    ]
    house.owner.insert_rows("Sheet1", 1)
    (chart,) = house.get(fields="sheets.charts")["sheets"][0]["charts"]
    assert chart["chartId"] == reply["chartId"]
    assert chart["position"] == {"overlayPosition": {"anchorCell": {"rowIndex": 3}}}
    house.batch({"deleteEmbeddedObject": {"objectId": chart["chartId"]}})
    assert house.get(fields="sheets.charts") == {"sheets": [{}]}


def test_odd_but_legal_requests_are_taken(house: House) -> None:
    """One object instead of a list, lists in a list, snake_case."""
    path = f"/v4/spreadsheets/{house.id}:batchUpdate"
    frozen = {"properties": {"sheet_id": 0, "grid_properties": {"frozen_row_count": 3}}}
    request = {"update_sheet_properties": frozen | {"fields": "grid_properties(frozen_row_count)"}}
    assert house.call("POST", path, {"requests": request})[0] == 200
    assert house.call("POST", path, {"requests": [[request, request]]})[1]["replies"] == [{}, {}]
    assert house.get(fields="sheets.properties.gridProperties.frozenRowCount") == {
        "sheets": [{"properties": {"gridProperties": {"frozenRowCount": 3}}}]
    }


def test_an_answer_that_cannot_be_made_undoes_the_call(house: House) -> None:
    asked = {"includeSpreadsheetInResponse": True, "responseRanges": ["Nowhere"]}
    body = {"requests": [cells({"sheetId": 0}, text_row("x"))]} | asked
    assert house.call("POST", f"/v4/spreadsheets/{house.id}:batchUpdate", body)[0] == 400
    assert house.values("Sheet1") == []


def test_a_cell_of_unknown_value_keeps_only_itself_to_itself(house: House) -> None:
    house.owner.replace("Sheet1", [["a", "b"]])
    house.owner.type("Sheet1", 1, 3, "=NOW()")
    assert house.values("A1:B1") == [["a", "b"]]
    assert house.values("A1:C1", valueRenderOption="FORMULA") == [["a", "b", "=NOW()"]]
    assert house.call("GET", f"/v4/spreadsheets/{house.id}/values/C1")[0] == 501


def test_formulas_use_each_other_in_any_order(house: House) -> None:
    house.put("A1", [["=B1*2", "=SUM(A2:B2)-1"], [3, "text"]], "USER_ENTERED")
    assert house.values("A1:B1") == [[4, 2]]


@given(
    kind=strategies.sampled_from(("insert", "delete", "move")),
    lines=strategies.tuples(*[strategies.integers(0, 12)] * 5),
)
def test_a_span_goes_where_its_lines_go(kind: Any, lines: tuple[int, ...]) -> None:
    start, more, first, length, to = lines
    shift = Shift(0, "ROWS", kind, start, start + more + 1, to)
    if kind == "move" and start <= to <= shift.end:
        return
    span = shift.span(first, first + length + 1)
    now = [at for line in range(first, first + length + 1) if (at := shift.index(line)) is not None]
    assert (span is None) == (not now)
    if now and max(now) - min(now) + 1 == len(now):
        assert span is not None
        assert span[0] <= min(now)
        assert max(now) < span[1]
    untouched = kind != "insert" and (first + length + 1 <= min(start, to))
    assert not untouched or span == (first, first + length + 1)


# ---- who may do what


def test_protection_keeps_others_out_by_hand_and_by_call(house: House) -> None:
    house.owner.replace("Sheet1", [["a", "b"], ["c", "d"]])
    first = {"sheetId": 0, "startRowIndex": 0, "endRowIndex": 1}
    house.owner.does({"addProtectedRange": {"protectedRange": {"range": first}}})
    assert house.refusal(cells(first, text_row("x"))) == f"Invalid requests[0].updateCells: {PROTECTED}"
    assert house.put("A1", [["x"]])[1]["error"]["message"] == PROTECTED
    for edit in (
        lambda: house.member.type("Sheet1", 1, 1, "x"),
        lambda: house.member.delete_rows("Sheet1", 1),
        lambda: house.member.sort("Sheet1", 1, header_rows=0),
        lambda: house.member.delete_tab("Sheet1"),
    ):
        with pytest.raises(Refused, match="protected cell or object"):
            edit()
    house.member.type("Sheet1", 2, 1, "mine")
    house.owner.type("Sheet1", 1, 1, "owner's")
    assert house.member.rows("Sheet1") == [["owner's", "b"], ["mine", "d"]]


def test_editors_of_a_protection_may_write(house: House) -> None:
    protected = {"range": {"sheetId": 0}, "editors": {"users": [ROBOT]}}
    (reply,) = house.owner.does({"addProtectedRange": {"protectedRange": protected}})
    id_ = reply["addProtectedRange"]["protectedRange"]["protectedRangeId"]
    assert house.put("A1", [["x"]])[0] == 200
    new = {"protectedRangeId": id_, "editors": {"users": []}}
    house.owner.does({"updateProtectedRange": {"protectedRange": new, "fields": "editors"}})
    assert house.put("A1", [["y"]])[1]["error"]["message"] == PROTECTED
    house.owner.does({"deleteProtectedRange": {"protectedRangeId": id_}})
    assert house.put("A1", [["z"]])[0] == 200


def assertion(email: str) -> str:
    parts = ({"alg": "RS256"}, {"iss": email, "sub": email})
    return ".".join([*(base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts), "c2ln"])


def test_a_file_opens_only_for_those_it_is_shared_with(house: House) -> None:
    path = f"/v4/spreadsheets/{house.id}"

    def status(token: str) -> tuple[int, str]:
        house.call.token = token
        code, answer = house.call("GET", path, fields="spreadsheetId")
        return code, answer.get("error", {}).get("message", "")

    assert status("replay") == (200, "")
    assert status(assertion(MEMBER)) == (200, "")
    assert status(assertion("stranger@x.example")) == (403, "The caller does not have permission")
    assert status("nobody")[0] == 401
    house.service.users["t2"] = "stranger@x.example"
    house.service.share(house.id, "stranger@x.example")
    assert status("t2") == (200, "")
    house.service.api_disabled = True
    code, answer = house.call("GET", path)
    reason = answer["error"]["details"][0]
    assert (code, reason["reason"], reason["metadata"]["service"]) == (403, "SERVICE_DISABLED", "sheets.googleapis.com")


def test_tokens_are_given_to_accounts_that_exist(house: House) -> None:
    house.service.accounts.add(ROBOT)
    form = urlencode({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion(ROBOT)})
    status, answer = house.call("POST", "/token", form)
    assert (status, answer["expires_in"], answer["token_type"]) == (200, 3599, "Bearer")
    assert house.service.users[answer["access_token"]] == ROBOT
    for failure, code, text in (
        ("revoked", 400, "Invalid JWT Signature."),
        ("clock", 400, "Invalid JWT: Token must be a short-lived token"),
        ("gone", 400, "Invalid grant: account not found"),
        ("down", 503, ""),
    ):
        house.service.access.token_failure = failure
        status, answer = house.call("POST", "/token", form)
        assert status == code
        assert text in answer["error_description"]


# ---- the lookup beside a member's rows


def lookup_house(house: House) -> House:
    """借调记录 looks its third column up in 借调状态, by the first."""
    status = [
        ["编号", *[None] * 6, "状态"],
        ["k1", *[None] * 6, 3],
        ["K2", *[None] * 6, "到期"],
        ["4", *[None] * 6, 0.5],
    ]
    house.owner.replace("借调状态", status)
    house.member.replace("借调记录", [["编号", "零件"], ["k1", "轴"], ["k2", "承"], ["?", "x"], ["", "y"], [4, "z"]])
    start = {"sheetId": house.sheet("借调记录"), "columnIndex": 2}
    row = {"values": [{"userEnteredValue": {"formulaValue": LOOKUP}}]}
    house.batch({"updateCells": {"start": start, "rows": [row], "fields": "userEnteredValue"}})
    return house


def test_the_lookup_spills_its_header_and_what_it_finds(house: House) -> None:
    lookup_house(house)
    assert house.values("借调记录!C1:C7") == [["状态"], [3], ["到期"], [""], [""], [0.5], [""]]
    assert house.member.rows("借调记录")[4] == ["", "y"]
    assert house.member.rows("借调记录", spilled=False)[1] == ["k1", "轴"]
    assert house.values("借调记录!C1", valueRenderOption="FORMULA") == [[LOOKUP]]


def test_the_lookup_follows_what_people_do(house: House) -> None:
    lookup_house(house)
    before = [row[-1] for row in house.member.rows("借调记录") if len(row) == 3]
    house.owner.insert_columns("借调状态", 3)
    house.owner.rename_tab("借调状态", "it's")
    house.member.insert_columns("借调记录", 1)
    house.member.insert_rows("借调记录", 1)
    house.member.sort("借调记录", 3, descending=True, header_rows=2)
    wanted = LOOKUP.replace("A1:A", "B2:B").replace("借调状态", "it''s").replace("H:H", "I:I")
    assert house.member.formula("借调记录", 2, 4) == wanted
    shown = [row[1:] for row in house.member.rows("借调记录")[1:]]
    assert sorted(str(row[2]) for row in shown if len(row) == 3) == sorted(map(str, before))
    assert shown[3:6] == [[4, "z", 0.5], ["", "y"], ["?", "x"]]


def test_typing_into_the_lookup_breaks_it(house: House) -> None:
    lookup_house(house)
    house.member.type("借调记录", 4, 3, "mine")
    assert house.values("借调记录!C1:C6") == [["#REF!"], [], [], ["mine"]]
    (row,) = house.get(ranges="借调记录!C1", fields="sheets.data.rowData.values.effectiveValue")["sheets"][0]["data"][
        0
    ]["rowData"]
    assert row["values"][0]["effectiveValue"]["errorValue"]["type"] == "REF"
    house.member.type("借调记录", 4, 3, None)
    assert house.values("借调记录!C2") == [[3]]


def test_a_lookup_into_a_deleted_tab_is_an_error(house: House) -> None:
    lookup_house(house)
    house.owner.delete_tab("借调状态")
    assert house.member.rows("借调记录", spilled=False)[0] == ["编号", "零件", "#REF!"]


def test_a_formula_that_names_no_tab_is_an_error(house: House) -> None:
    house.owner.type("Sheet1", 1, 1, "=SUM('later'!A1:A2)")
    house.owner.add_tab("later", [[1], [2]])
    assert house.values("A1") == [["#REF!"]]
    house.owner.type("Sheet1", 1, 1, "=SUM('later'!A1:A2)")
    assert house.values("A1") == [[3]]


# ---- what goes wrong outside


def test_faults_look_as_they_were_seen(house: House) -> None:
    with house.service.emulator() as emulator:
        call = Caller(emulator.url)
        emulator.fault = lambda _call: Fault(answer=quota_exceeded())
        status, answer = call("GET", f"/v4/spreadsheets/{house.id}")
        assert (status, answer["error"]["details"][0]["reason"]) == (429, "RATE_LIMIT_EXCEEDED")
        assert answer["error"]["message"].startswith("Quota exceeded for quota metric 'Read requests' and limit")
        emulator.fault = lambda _call: Fault(answer=BAD_GATEWAY)
        call.connection.request("GET", "/")
        answer = call.connection.getresponse()
        assert (answer.status, b"Error 502 (Server Error)!!1" in answer.read()) == (502, True)
        call.connection.close()


# ---- what is not known


@pytest.mark.parametrize(
    ("method", "path", "body", "query"),
    [
        ("GET", "/v4/nothing", None, {}),
        ("GET", "/v4/spreadsheets/ID", None, {"fields": "sheets.slicers"}),
        ("GET", "/v4/spreadsheets/ID", None, {"unheard": "of"}),
        ("POST", "/v4/spreadsheets/ID:batchUpdate", {"requests": [{"addSlicer": {}}]}, {}),
        ("POST", "/v4/spreadsheets/ID:batchUpdate", {"requests": [{"addSheet": {"propertys": {}}}]}, {}),
        ("POST", "/v4/spreadsheets/ID:batchUpdate", {"requests": [{"addSheet": []}], "writeControl": {}}, {}),
        ("POST", "/v4/spreadsheets/ID:batchUpdate", {"requests": [cells({}, {"cells": []})]}, {}),
        ("POST", "/v4/spreadsheets/ID:batchUpdate", {"requests": [cells({}, {"values": [{"value": 1}]})]}, {}),
        ("GET", "/v4/spreadsheets/ID/values/A1", None, {}),
    ],
)
def test_what_is_not_emulated_is_refused_aloud(
    house: House, capsys: Any, method: str, path: str, body: Any, query: Any
) -> None:
    house.owner.type("Sheet1", 1, 1, "=COUNTIFS(A:A,1)")
    status, answer = house.call(method, path.replace("ID", house.id), body, **query)
    assert (status, answer["error"]["status"]) == (501, "UNIMPLEMENTED")
    assert path.replace("ID", house.id) in capsys.readouterr().err
    assert house.get(fields="sheets.data.rowData.values.userEnteredValue")["sheets"][0]["data"][0]["rowData"]


# ---- people, and gspread


def test_people_edit_as_on_the_web_page(house: House) -> None:
    wang = house.member
    wang.add_tab("库存", [["号", "日"], ["a", date(2026, 3, 1)], ["=text", None]])
    wang.type("库存", 3, 2, value=True)
    assert wang.rows("库存") == [["号", "日"], ["a", 46082], ["=text", True]]
    assert house.values("库存!B2", valueRenderOption="FORMATTED_VALUE") == [["2026-03-01"]]
    wang.replace("库存", [["号"]])
    assert wang.rows("库存") == [["号"]]
    wang.type("库存", 2, 1, "=RAND()")
    with pytest.raises(Unemulated, match="RAND"):
        wang.rows("库存")
    wang.delete_tab("库存")
    assert wang.tabs() == ["Sheet1"]


def test_it_runs_as_a_program() -> None:
    """Wherever it is started from."""
    program = Path(__file__).with_name("google_sheets.py")
    command = [sys.executable, str(program), "--port", "0", "--add-spreadsheet", "备件互助"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd="/", encoding="utf-8") as running:
        assert running.stdout
        url, (id_, title) = running.stdout.readline().strip(), running.stdout.readline().split()
        call = Caller(url)
        answer = call("GET", f"/v4/spreadsheets/{id_}", fields="properties.title")
        call.connection.close()
        running.terminate()
    assert answer == (200, {"properties": {"title": title}})


class LocalClient(gspread.HTTPClient):
    url = ""

    def request(self, method: str, endpoint: str, *args: Any, **kwargs: Any) -> Any:
        endpoint = endpoint.replace("https://sheets.googleapis.com", self.url).replace(
            "https://www.googleapis.com", self.url
        )
        return super().request(method, endpoint, *args, **kwargs)


def test_gspread_works_with_it(house: House) -> None:
    client = gspread.authorize(Credentials("replay"), http_client=type("Local", (LocalClient,), {"url": house.url}))
    sheet = client.open_by_key(house.id)
    tab = sheet.add_worksheet("记录", 10, 3)
    tab.update([["编号", "状态"], ["k1", 3]], "A1")
    assert tab.get_all_records() == [{"编号": "k1", "状态": 3}]
    with pytest.raises(gspread.SpreadsheetNotFound):
        client.open_by_key("nothing")
    client.http_client.session.close()

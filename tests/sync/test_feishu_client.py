"""Calls to Feishu: how they are signed, repeated and paced, what happens to rows, and what the operator is told."""

from __future__ import annotations

import contextlib
import itertools
import logging
import socket
import ssl
import string
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sync.errors import Conflict, HuzhuError, RunFailed, SetupError
from sync.feishu import complaints
from sync.feishu.client import Client, secret_from_environment
from sync.feishu.codes import MEANINGS, UNTOUCHED, Meaning
from sync.feishu.complaints import Refused, SchemaChanged
from tests.emulators.feishu import faults
from tests.emulators.feishu.faults import times
from tests.emulators.feishu.person import Person
from tests.emulators.feishu_bitable import FeishuBitable
from tests.emulators.served import BAD_GATEWAY, Answer, Call, Emulator, Fault
from tests.sync.cycles import Clock

APP, SECRET = "cli_huzhu", "s3cr3t-of-the-app"
API = "/open-apis/bitable"
LOGIN = "tenant_access_token"
TITLE = "积分榜"


class House:
    """The company's Feishu with one base and one table: the text 键 and the number 数."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.feishu = FeishuBitable(lambda: 1_761_192_000_000 + round(clock.now * 1000))
        self.app = self.feishu.add_app(APP, SECRET)
        self.base = self.feishu.add_base("互助")
        self.person: Person = self.feishu.person(self.base)
        self.table = self.person.add_table(TITLE, [("键", "Text"), ("数", "Number")])
        self.server = Emulator(self.feishu)
        self.path = f"bitable/v1/apps/{self.base}"
        self.search = f"{self.path}/tables/{self.table}/records/search"

    def client(self, url: str = "", secret: str = SECRET, **settings: Any) -> Client:
        settings = {"write_gap": 0.0, "sleep": self.clock.sleep, "monotonic": self.clock, **settings}
        return Client(APP, secret, base_url=url or self.server.url, **settings)

    def calls(self, path: str = API) -> list[Call]:
        return [call for call in self.server.calls if path in call.path]

    def rows(self) -> dict[str, Any]:
        """键 -> 数, as people see them; a second row of the same key would show."""
        seen = [(row["键"], row["数"]) for row in self.person.rows(TITLE).values()]
        assert len(dict(seen)) == len(seen)
        return dict(seen)

    def add(self, count: int) -> list[str]:
        return [self.person.add(TITLE, {"键": f"k{n}", "数": n}) for n in range(count)]

    def create(self, ours: Client, *rows: dict[str, Any]) -> list[str]:
        return ours.create_records(self.base, self.table, rows)

    def read(self, ours: Client, size: int = 500) -> list[Any]:
        return ours.pages("POST", self.search, size=size, body={})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(clock: Clock) -> Iterator[House]:
    house = House(clock)
    with house.server:
        yield house


def row(key: str, number: object = 1) -> dict[str, Any]:
    return {"键": key, "数": number}


def failure(call: Callable[[], Any]) -> HuzhuError:
    with pytest.raises(HuzhuError) as raised:
        call()
    error = raised.value
    assert error.words.zh != error.words.en
    for sentence in error.words:
        assert not [piece for piece in ("\n", "{", "Traceback", SECRET) if piece in sentence]
    return error


def look(house: House, ours: Client | None = None) -> dict[str, Any]:
    return (ours or house.client()).get(house.path)


# Logging in


def test_one_login_serves_many_calls_and_is_no_call(house: House) -> None:
    ours = house.client()
    look(house, ours)
    house.create(ours, row("a"))
    assert len(house.read(ours)) == 1
    assert len(house.calls(LOGIN)) == 1
    assert ours.calls == {"read": 2, "write": 1}
    assert {call.headers["authorization"] for call in house.calls()} == {f"Bearer {next(iter(house.app.tokens))}"}


def test_a_token_is_given_up_five_minutes_before_its_end(house: House, clock: Clock) -> None:
    """Feishu hands out the same token again, with less left of it."""
    house.feishu.token_for(house.app)
    clock.now += 5000
    ours = house.client(deadline_seconds=9000)
    for passed, logins in ((0, 1), (1899, 1), (2, 2)):
        clock.now += passed
        look(house, ours)
        assert len(house.calls(LOGIN)) == logins


@pytest.mark.parametrize("code", [99991661, 99991663, 99991671, 99991677])
def test_a_token_ended_before_its_time_is_renewed_once(house: House, clock: Clock, code: int) -> None:
    house.server.fault = times(1, faults.code(code), path=API)
    look(house)
    assert len(house.calls(LOGIN)) == 2
    house.server.fault = times(2, faults.code(code), path=API)
    assert str(code) in str(failure(lambda: look(house)))
    assert len(house.calls(LOGIN)) == 4
    assert clock.slept == []


GATEWAY = {
    "502": faults.BROKEN_GATEWAY,
    "cut before": Fault(),
    "cut after": faults.LOST_ANSWER,
    "truncated": Fault(served=True, body_bytes=5),
    "page": Fault(answer=Answer(200, "<html>Log in to the Wi-Fi</html>", "text/html")),
    "no code": Fault(answer=Answer(200, {"message": "no Route matched"})),
    "moved": Fault(answer=Answer(302, "", headers={"Location": "http://127.0.0.1:9/login"})),
}


@pytest.mark.parametrize("fault", GATEWAY.values(), ids=GATEWAY)
def test_a_lost_login_is_tried_again(house: House, fault: Fault) -> None:
    house.server.fault = times(2, fault, path=LOGIN)
    look(house)
    assert len(house.calls(LOGIN)) == 3


def test_a_netrc_file_signs_nothing(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    look(house)
    assert [call.headers.get("authorization", "")[:9] for call in house.server.calls] == ["", "Bearer t-"]


def test_the_secret_is_told_nowhere(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    house.server.fault = times(1, faults.BROKEN_GATEWAY, path=LOGIN)
    house.feishu.apps[APP].secret = "another"
    error = failure(lambda: look(house))
    assert APP in str(error)
    assert caplog.records
    assert SECRET not in caplog.text


def test_a_missing_secret_names_its_variable() -> None:
    for environment in ({}, {"HUZHU_FEISHU": " "}):
        with pytest.raises(SetupError, match="HUZHU_FEISHU is not set"):
            secret_from_environment("HUZHU_FEISHU", environment)
    assert secret_from_environment("HUZHU_FEISHU", {"HUZHU_FEISHU": f"{SECRET}\n"}) == SECRET


# What is repeated

PASSING = {str(code): faults.code(code) for code in (1254002, 1254036, 1254290, 1254291, 1254607, 1254608, 1255040)}
LOST = {**GATEWAY, **PASSING, "429": faults.slow_down(3)}


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST)
def test_what_passes_is_sent_again(house: House, clock: Clock, fault: Fault) -> None:
    ours = house.client()
    house.server.fault = times(2, fault, path="records/search")
    assert house.read(ours) == []
    house.server.fault = times(2, fault, path="batch_create")
    house.create(ours, row("a"))
    assert ours.calls == {"read": 3, "write": 3}
    assert len(clock.slept) == 4
    assert house.rows() == {"a": 1}
    assert len({(call.path, call.body, str(call.query)) for call in house.calls()}) == 2


@pytest.mark.parametrize("status", [200, 400, 403, 500])
def test_the_code_decides_and_not_the_status(house: House, clock: Clock, status: int) -> None:
    house.server.fault = times(1, Fault(answer=Answer(status, {"code": 1254291, "msg": "Write conflict"})), path=API)
    look(house)
    assert len(clock.slept) == 1
    house.server.fault = times(1, Fault(answer=Answer(status, {"code": 1254018, "msg": "InvalidFilter"})), path=API)
    assert type(failure(lambda: look(house))) is Refused
    house.server.fault = times(1, Fault(answer=Answer(status, {"code": 0, "data": {"app": 1}})), path=API)
    assert look(house) == {"app": 1}
    assert len(clock.slept) == 1


def test_an_unknown_code_passes_where_the_status_says_so(house: House) -> None:
    house.server.fault = times(1, Fault(answer=Answer(503, {"code": 777, "msg": "?"})), path=API)
    assert "app" in look(house)
    house.server.fault = times(1, Fault(answer=Answer(400, {"code": 777, "msg": "?"})), path=API)
    assert "(777)" in str(failure(lambda: look(house)))


def test_nobody_is_followed_elsewhere(house: House) -> None:
    """A page that wants a login would get the call, and perhaps what signs it."""
    moved = Answer(307, "", headers={"Location": f"{house.server.url}/elsewhere"})
    house.server.fault = times(1, Fault(answer=moved), path=API)
    house.create(house.client(), row("a"))
    assert house.calls("elsewhere") == []


def test_a_call_that_never_left_has_not_taken_effect(house: House) -> None:
    """Nobody listens at first; Feishu comes up while we wait."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    house.person.add_table("新", ["键"])
    with contextlib.ExitStack() as up:
        ours = house.client(f"http://127.0.0.1:{port}", sleep=lambda _: up.enter_context(Emulator(house.feishu, port)))
        ours._wire._token, ours._wire._token_until = house.feishu.token_for(house.app)[0], 1e9
        refused = failure(lambda: ours.post(f"{house.path}/tables", {"table": {"name": "新"}}))
    assert isinstance(refused, Refused)
    assert (refused.code, refused.repeated, ours.calls["write"]) == (1254013, False, 2)


def test_a_query_is_in_the_words_of_feishu(house: House) -> None:
    house.server.fault = times(1, Fault(answer=Answer(200, {"code": 0, "data": {}})), path=API)
    assert house.client().get(house.path, text_field_as_array=True, page_size=7, view_id=None) == {}
    assert house.calls()[0].query == {"text_field_as_array": ["true"], "page_size": ["7"]}


def test_silence_is_a_lost_call(house: House) -> None:
    house.server.fault = times(1, Fault(delay=0.4, served=True), path=API)
    ours = house.client(timeout=(5.0, 0.1))
    look(house, ours)
    assert ours.calls["read"] == 2


def test_tries_are_few_and_ever_further_apart(house: House, clock: Clock) -> None:
    house.server.fault = times(99, faults.WRITE_CONFLICT, path=API)
    error = failure(lambda: house.create(house.client(), row("a")))
    assert type(error) is RunFailed
    assert "1254291" in error.words.zh
    assert len(house.calls()) == 6
    longest = [2.0, 4.0, 8.0, 16.0, 30.0]
    assert len(clock.slept) == len(longest)
    assert all(most / 2 <= waited <= most for most, waited in zip(longest, clock.slept, strict=True))
    assert not set(longest) & set(clock.slept)  # many that failed at once do not come back at once


@pytest.mark.parametrize(("asked", "waited"), [(17, [17.0]), (0, [1.0])])
def test_feishu_says_when_to_come_back(house: House, clock: Clock, asked: int, waited: list[float]) -> None:
    house.server.fault = times(1, faults.slow_down(asked), path=API)
    look(house)
    assert clock.slept == waited


def test_who_asks_for_too_much_patience_is_asked_again_earlier(house: House, clock: Clock) -> None:
    house.server.fault = times(1, faults.slow_down(86_400), path=API)
    look(house)
    assert sum(clock.slept) <= 2


def test_no_wait_goes_past_the_deadline(house: House, clock: Clock) -> None:
    house.server.fault = times(99, faults.slow_down(60), path=API)
    assert type(failure(lambda: look(house, house.client(deadline_seconds=150)))) is RunFailed
    assert clock.now == 1120
    assert len(house.calls()) == 3


def test_a_run_past_its_deadline_calls_nobody(house: House, clock: Clock) -> None:
    ours = house.client(deadline_seconds=300)
    clock.now += 300
    assert "5 minutes" in str(failure(lambda: look(house, ours)))
    assert house.server.calls == []


def test_a_refusal_is_not_repeated_and_is_quoted(house: House, clock: Clock) -> None:
    house.server.fault = times(9, faults.code(1254018), path=API)
    refused = failure(lambda: look(house))
    assert isinstance(refused, Refused)
    assert (refused.code, refused.repeated, clock.slept) == (1254018, False, [])
    assert "InvalidFilter" in refused.words.zh


# Writes


def test_writes_keep_their_distance_and_reads_do_not_wait(house: House, clock: Clock) -> None:
    house.feishu.write_gap = 500
    ours = house.client(write_gap=0.5)
    for number in range(3):
        house.create(ours, row(f"k{number}"))
        house.read(ours)
    assert clock.slept == [0.5, 0.5]
    assert ours.calls["write"] == 3


def test_a_create_whose_answer_was_lost_makes_no_second_row(house: House) -> None:
    house.server.fault = times(2, faults.LOST_ANSWER, path="batch_create")
    ids = house.create(house.client(), row("a"), row("b", 2))
    assert house.rows() == {"a": 1, "b": 2}
    assert list(house.person.rows(TITLE)) == ids
    assert len({call.one("client_token") for call in house.calls("batch_create")}) == 1


def test_a_lost_login_says_nothing_of_the_write_that_wanted_it(house: House) -> None:
    house.person.add_table("新", ["键"])
    house.server.fault = times(1, faults.LOST_ANSWER, path=LOGIN)
    refused = failure(lambda: house.client().post(f"{house.path}/tables", {"table": {"name": "新"}}))
    assert isinstance(refused, Refused)
    assert refused.repeated is False


def test_each_batch_has_a_token_of_its_own(house: House) -> None:
    ours = house.client()
    ids = house.create(ours, *(row(f"k{n}", n) for n in range(1100)))
    assert [len(call.json["records"]) for call in house.calls("batch_create")] == [500, 500, 100]
    assert len({call.one("client_token") for call in house.calls("batch_create")}) == 3
    assert len(set(ids)) == 1100


def test_a_new_field_whose_answer_was_lost_is_made_once(house: House) -> None:
    house.server.fault = times(1, faults.LOST_ANSWER, path="fields")
    made = house.client().post(f"{house.path}/tables/{house.table}/fields", {"field_name": "新", "type": 1})
    assert made["field"]["field_name"] == "新"


def test_a_refused_repeat_says_that_the_first_may_have_taken_effect(house: House) -> None:
    house.server.fault = times(1, faults.LOST_ANSWER, path="/tables")
    body = {"table": {"name": "新"}}
    refused = failure(lambda: house.client().post(f"{house.path}/tables", body))
    assert isinstance(refused, Refused)
    assert (refused.code, refused.repeated) == (1254013, True)
    refused = failure(lambda: house.client().post(f"{house.path}/tables", body))
    assert isinstance(refused, Refused)
    assert refused.repeated is False


def test_ids_come_in_the_order_of_the_rows_whatever_feishu_answers(house: House) -> None:
    house.feishu.backwards = True
    rows = [row("a"), row("b", 2.5), row("甲\n乙", None), row("b", 2.5), {}, row("c", 10**6)]
    ids = house.create(house.client(), *rows)
    held = house.person.rows(TITLE)
    assert [held[one]["键"] for one in ids] == ["a", "b", "甲\n乙", "b", None, "c"]
    assert len(set(ids)) == 6


def test_ids_come_in_the_order_given_where_feishu_echoes_something_else(house: House) -> None:
    records = [{"record_id": f"rec{n}", "fields": {"键": "?"}} for n in range(3)]
    answer = Answer(200, {"code": 0, "data": {"records": records}})
    house.server.fault = times(1, Fault(answer=answer), path="batch_create")
    assert house.create(house.client(), row("a"), row("b"), row("c")) == ["rec0", "rec1", "rec2"]
    house.server.fault = times(1, Fault(answer=answer), path="batch_create")
    assert "incomplete" in str(failure(lambda: house.create(house.client(), row("a"))))


def test_ids_are_found_by_an_echo_in_the_shape_of_a_search(house: House) -> None:
    shown: list[dict[str, Any]] = [
        {"键": [{"type": "text", "text": "甲\n"}, {"type": "text", "text": "乙"}], "数": 2.0},
        {"键": [{"type": "text", "text": "b"}]},
        {"键": "c", "数": 3},
        {"键": "d"},
        {"键": "e", "数": 4.0},
    ]
    records = [{"record_id": f"rec{n}", "fields": fields} for n, fields in enumerate(shown)]
    answer = Answer(200, {"code": 0, "data": {"records": records}})
    house.server.fault = times(1, Fault(answer=answer), path="batch_create")
    rows = [row("c", 3), row("e", 4), row("d", None), row("甲\n乙", 2), row("b", None)]
    assert house.create(house.client(), *rows) == ["rec2", "rec4", "rec3", "rec0", "rec1"]


def test_a_batch_refused_for_no_row_of_it_is_not_taken_apart(house: House) -> None:
    ours = house.client()
    house.server.fault = times(99, faults.code(1254037), path="batch_")
    for write in (
        lambda: house.create(ours, row("a"), row("b")),
        lambda: ours.update_records(house.base, house.table, {"rec1": {}, "rec2": {}}),
    ):
        assert isinstance(failure(write), Refused)
    assert (ours.rejected, ours.calls["write"]) == ([], 2)


def test_bad_rows_are_told_and_the_others_written(house: House) -> None:
    ours = house.client()
    rows = [row(f"k{n}", "seven" if n in (7, 66) else n) for n in range(100)]
    ids = house.create(ours, *rows)
    assert house.rows() == {f"k{n}": n for n in range(100) if n not in (7, 66)}
    assert [n for n, one in enumerate(ids) if not one] == [7, 66]
    assert [(one.table, one.row, one.code) for one in ours.rejected] == [(house.table, n, 1254061) for n in (7, 66)]
    assert "数" in ours.rejected[0].message
    assert ours.calls["write"] < 35


def test_bad_rows_of_an_update_are_told_and_the_others_written(house: House) -> None:
    ids, ours = house.add(40), house.client()
    ours.update_records(house.base, house.table, {one: {"数": "x" if n == 11 else -n} for n, one in enumerate(ids)})
    assert house.rows() == {f"k{n}": 11 if n == 11 else -n for n in range(40)}
    assert [(one.row, one.code) for one in ours.rejected] == [(ids[11], 1254061)]


def test_a_bad_column_is_not_looked_for_row_by_row(house: House) -> None:
    ours = house.client()
    assert house.create(ours, *(row(f"k{n}", "x") for n in range(500))) == [""] * 500
    assert [one.row for one in ours.rejected] == list(range(500))
    assert ours.calls["write"] < 80


def test_rows_that_are_gone_are_told_and_the_others_written(house: House) -> None:
    ids, ours = house.add(250), house.client()
    house.person.delete(TITLE, ids[3], ids[201])
    ours.update_records(house.base, house.table, {one: {"数": 0} for one in ids})
    assert set(house.rows().values()) == {0}
    assert [(one.row, one.code) for one in ours.rejected] == [(ids[n], 1254043) for n in (3, 201)]
    assert ours.calls["write"] == 2


def test_an_update_changes_no_other_cell_and_none_clears(house: House) -> None:
    one, two = house.add(2)
    house.client().update_records(house.base, house.table, {one: {"数": None}, two: {"键": "neu"}})
    assert house.rows() == {"k0": None, "neu": 1}


@pytest.mark.parametrize("fault", [faults.LOST_ANSWER, faults.code(1254606)])
def test_a_delete_is_as_wanted_when_the_rows_are_gone(house: House, fault: Fault) -> None:
    ids, ours = house.add(7), house.client()
    house.person.delete(TITLE, ids[0])
    ours.delete_records(house.base, house.table, [*ids[:3], ids[1]])
    assert list(house.rows()) == ["k3", "k4", "k5", "k6"]
    house.server.fault = times(1, fault, path="batch_delete")
    ours.delete_records(house.base, house.table, ids[3:5])
    assert ours.rejected == []
    assert ours.calls["write"] in (3, 4)


@pytest.mark.parametrize("call", ["update", "delete"])
def test_the_rows_of_a_write_go_in_batches(house: House, call: str) -> None:
    ids, ours = house.add(501), house.client()
    if call == "update":
        ours.update_records(house.base, house.table, {one: {"数": 7} for one in ids})
        assert set(house.rows().values()) == {7}
    else:
        ours.delete_records(house.base, house.table, ids)
        assert house.rows() == {}
    assert ours.calls["write"] == 2


def test_a_renamed_column_is_a_changed_schema(house: House, clock: Clock) -> None:
    house.person.rename_field(TITLE, "数", "数量")
    error = failure(lambda: house.create(house.client(), row("a")))
    assert isinstance(error, SchemaChanged)
    assert isinstance(error, Conflict)
    assert error.code == 1254045
    assert clock.slept == []
    house.person.delete_table(TITLE)
    gone = failure(lambda: house.read(house.client()))
    assert isinstance(gone, SchemaChanged)
    assert gone.code == 1254041


def test_what_was_just_made_may_not_be_known_yet(house: House, clock: Clock) -> None:
    house.feishu.lag = 2
    ours = house.client()
    made = ours.post(f"{house.path}/tables", {"table": {"name": "新", "default_view_name": "表", "fields": [
        {"field_name": "键", "type": 1}]}})  # fmt: skip
    fields = ours.pages("GET", f"{house.path}/tables/{made['table_id']}/fields", size=100)
    assert [one["field_name"] for one in fields] == ["键"]
    assert len(clock.slept) == 2
    clock.now += 60
    failure(lambda: ours.get(f"{house.path}/tables/tblNone/fields"))
    assert len(clock.slept) == 2


# Pages


def test_every_page_is_read(house: House) -> None:
    house.add(45)
    ours = house.client()
    assert [item["fields"]["数"] for item in house.read(ours, size=20)] == list(range(45))
    assert ours.calls == {"read": 3, "write": 0}
    for number in range(30):
        house.person.add_field(TITLE, f"列{number}")
    fields = ours.pages("GET", f"{house.path}/tables/{house.table}/fields", size=10)
    assert len({one["field_id"] for one in fields}) == len(fields) == 32


def edit_at(house: House, *turns: int, edit: Callable[[], Any]) -> None:
    """A person edits before the searches of these numbers, from 1."""
    count = itertools.count(1)

    def between(call: Call) -> None:
        if call.path.endswith("search") and next(count) in turns:
            edit()

    house.server.between = between


def test_a_row_that_slipped_between_two_pages_is_read(house: House) -> None:
    """Somebody deletes a row of the first page: what follows moves up by one."""
    ids = house.add(30)
    edit_at(house, 2, edit=lambda: house.person.delete(TITLE, ids[0]))
    ours = house.client()
    assert {item["record_id"] for item in house.read(ours, size=10)} == set(ids[1:])
    assert ours.calls["read"] == 6


def test_a_row_that_came_twice_is_read_once(house: House) -> None:
    """Somebody sorts between the pages, again and again: the second reading is taken as it is."""
    house.add(30)
    turn = itertools.cycle((True, False))
    edit_at(house, 2, 5, edit=lambda: house.person.reorder(TITLE, lambda one: one["数"], reverse=next(turn)))
    ours = house.client()
    ids = [item["record_id"] for item in house.read(ours, size=10)]
    assert len(set(ids)) == len(ids) == 20
    assert ours.calls["read"] == 6


def test_an_answer_that_is_too_large_is_asked_for_in_parts(house: House) -> None:
    house.add(300)
    house.server.fault = lambda call: faults.code(1254030) if int(call.one("page_size", "0")) > 130 else None
    ours = house.client()
    assert len(house.read(ours)) == 300
    assert {call.one("page_size") for call in house.calls("search")} == {"500", "250", "125"}
    house.server.fault = times(99, faults.code(1254030), path="search")
    assert "1254030" in str(failure(lambda: house.read(ours)))


@pytest.mark.parametrize("page", [{"has_more": True}, {"has_more": True, "page_token": "same"}])
def test_pages_without_an_end_are_given_up(house: House, page: dict[str, Any]) -> None:
    answer = Answer(200, {"code": 0, "data": {"items": [], "total": 0, **page}})
    house.server.fault = times(9, Fault(answer=answer), path="search")
    assert "incomplete" in str(failure(lambda: house.read(house.client())))


# What the operator is told


def shared(right: str) -> Callable[[House], None]:
    return lambda house: house.feishu.share(house.base, APP, right)


def closed_node(house: House) -> None:
    house.path = "wiki/v2/spaces/get_node?token=" + house.feishu.add_node(house.base, readable=False)


def no_node(house: House) -> None:
    house.path = "wiki/v2/spaces/get_node?token=wikNone"


def advanced(house: House) -> None:
    house.feishu.bases[house.base].is_advanced = True
    house.feishu.share(house.base, APP, "edit")


TOLD: dict[str, tuple[Callable[[House], Any], str, str]] = {
    "not a document app": (shared("none"), "「添加文档应用」", "Add document app"),
    "may only read": (shared("read"), "可编辑", "Can edit"),
    "advanced permissions": (advanced, "看不到全部内容", "has advanced permissions"),
    "no base": (lambda house: setattr(house, "base", "bascNone"), "/base/ 后面", "after /base/"),
    "no scope": (lambda house: setattr(house.app, "scopes", ()), "开通 bitable:app", "add bitable:app"),
    "wrong secret": (lambda house: setattr(house.app, "secret", "other"), "凭证与基础信息", "Credentials"),
    "wrong id": (lambda house: house.feishu.apps.clear(), "App ID", "App ID"),
    "stopped": (lambda house: setattr(house.app, "stopped", True), "版本管理与发布", "Release"),
    "month's quota": (lambda house: setattr(house.feishu, "quota", 0), "下月 1 日", "on the 1st"),
    "full": (lambda house: setattr(house.feishu.bases[house.base], "row_limit", 0), "上限", "limit of rows"),
    "wiki closed": (closed_node, "知识库", "may not see the page in the wiki"),
    "wiki none": (no_node, "/wiki/", "/wiki/"),
    "whitelist": (
        lambda house: setattr(
            house.server,
            "fault",
            times(9, Fault(answer=Answer(400, {"code": 99991401, "msg": "ip not allowed"})), path=API),
        ),
        "IP 白名单",
        "IP whitelist",
    ),
}


@pytest.mark.parametrize(("spoil", "zh", "en"), TOLD.values(), ids=TOLD)
def test_a_set_up_that_is_wrong_says_what_to_click(
    house: House, clock: Clock, spoil: Callable[[House], Any], zh: str, en: str
) -> None:
    spoil(house)
    ours = house.client()
    path, _, token = house.path.partition("?token=")
    error = failure(lambda: ours.get(path, token=token) if token else house.create(ours, row("a")))
    assert type(error) is SetupError
    assert zh in error.words.zh
    assert en in error.words.en
    assert clock.slept == []


def test_an_unreachable_feishu_is_told_with_its_addresses(house: House, clock: Clock) -> None:
    error = failure(lambda: look(house, house.client("http://127.0.0.1:9")))
    assert type(error) is RunFailed
    assert "open.larksuite.com" in error.words.zh
    assert "NO_PROXY" in error.words.en
    assert len(clock.slept) == 5


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:7890", "http://"])
def test_an_unusable_proxy_is_told_at_once(
    house: House, clock: Clock, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    monkeypatch.setenv("NO_PROXY", "")
    error = failure(lambda: look(house, house.client("http://open.example.test")))
    assert type(error) is SetupError
    assert "HTTPS_PROXY" in str(error)
    assert clock.slept == []


@pytest.mark.parametrize("url", ["open.feishu.cn", "ftp://open.feishu.cn", "https://"])
def test_an_address_that_is_none_is_told_at_once(house: House, clock: Clock, url: str) -> None:
    assert type(failure(lambda: look(house, house.client(url)))) is SetupError
    assert clock.slept == []


def test_missing_certificates_are_told_at_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/company.pem")
    error = failure(lambda: look(house, house.client("https://127.0.0.1:9")))
    assert type(error) is SetupError
    assert "REQUESTS_CA_BUNDLE" in str(error)


def test_an_unknown_certificate_is_told_at_once(house: House, clock: Clock, tmp_path: Path) -> None:
    """A company's proxy that answers in Feishu's place."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    today = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    signed = builder.not_valid_before(today).not_valid_after(today + timedelta(9999)).sign(key, hashes.SHA256())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = tmp_path / "proxy.pem"
    file.write_bytes(pem + signed.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    company = Emulator(lambda _call: Answer())
    company._server.socket = context.wrap_socket(company._server.socket, server_side=True)
    with company:
        error = failure(lambda: look(house, house.client(company.url.replace("http:", "https:"))))
    assert type(error) is SetupError
    assert "certificate" in str(error)
    assert clock.slept == []


def test_a_page_of_another_site_is_told_with_the_right_addresses(house: House) -> None:
    house.server.fault = times(99, Fault(answer=Answer(404, "<html>", "text/html")))
    assert "open.larksuite.com" in str(failure(lambda: look(house)))
    house.server.fault = times(99, Fault(answer=BAD_GATEWAY))
    assert "502" in str(failure(lambda: look(house)))


def test_the_words_of_feishu_stay_on_one_short_line() -> None:
    refused = Refused(7, "First\nline {braces} " + "x" * 999)
    assert "(7): First line {braces} xxx" in refused.words.en
    assert all(len(sentence) < 260 and "\n" not in sentence for sentence in refused.words)


@pytest.mark.parametrize("code", complaints._COMPLAINTS)
def test_every_complaint_says_the_same_in_both_languages(code: str) -> None:
    _, zh, en = complaints._COMPLAINTS[code]
    facts = [{field for _, field, _, _ in string.Formatter().parse(text) if field} for text in (zh, en)]
    assert facts[0] == facts[1]
    assert any("\u4e00" <= letter <= "\u9fff" for letter in zh)
    assert not any("\u4e00" <= letter <= "\u9fff" for letter in en)


def test_every_code_for_the_owner_has_a_sentence() -> None:
    assert {code for code, meaning in MEANINGS.items() if meaning is Meaning.OWNER} == set(complaints._OF_CODES)
    assert all(MEANINGS[code] is Meaning.AGAIN for code in UNTOUCHED)
    for code in complaints._OF_CODES:
        error = complaints.explained(code, "{words}", app_id=APP, base="basc")
        assert type(error) is SetupError
        assert "{console}" not in str(error)

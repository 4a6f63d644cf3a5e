"""The cycle on a Google spreadsheet: few calls, each write once, two runs never mixed, and plain words when it fails."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from rules.outbox import mails_in
from rules.policy import MailPolicy, Policy
from rules.schema import LOANS, OUTBOX, RUNS, TABLES, Owner
from rules.values import Change, Mail, MailStatus
from sync.backends import google
from sync.backends.google import Google
from sync.backends.places import letters
from sync.errors import Busy, RunFailed
from sync.google.commits import KEPT
from sync.runlog import Report
from sync.worker import Worker
from tests.emulators.served import BAD_GATEWAY, Answer, Call, Fault
from tests.rules.sheets import POLICY, ZONE, grid, loan, member
from tests.sync.cycles import AS_OF, WORDS, Counted
from tests.sync.house import called, huzhu
from tests.sync.spreadsheets import ACCOUNT, LEASE, NOON, House, alliance, settings, spreadsheet


@pytest.fixture
def house() -> Iterator[House]:
    with spreadsheet(like=alliance()) as made:
        yield made


NOT_WEEKLY = replace(POLICY, mail=MailPolicy(kinds={"statement": False, "digest": False}))
"""The letters of a small alliance fit one claim, the weekly ones left out."""


def ran(
    house: House,
    mailer: Counted | None = None,
    backend: Google | None = None,
    days: int = 0,
    policy: Policy = POLICY,
) -> Report:
    worker = Worker(backend or house.backend(), mailer or Counted(), WORDS, policy, ZONE, lambda: NOON)
    return worker.run(AS_OF + timedelta(days=days))


def writes(house: House) -> list[Call]:
    return [call for call in house.server.calls if call.method == "POST" and "batchUpdate" in call.path]


def mails(house: House) -> list[Mail]:
    return mails_in(house.backend().read((OUTBOX,)).tabs["outbox"], ZONE)


def shown(house: House) -> dict[str, list[list[Any]]]:
    """Every worker tab but the log, whose times differ from run to run."""
    return {t.title: house.owner.rows(t.title) for t in TABLES if t.owner is Owner.WORKER and t is not RUNS}


# calls


def test_an_unchanged_run_reads_twice_and_writes_once(house: House) -> None:
    ran(house)
    house.server.calls.clear()
    report = ran(house)
    assert report.changes == {}
    assert report.calls == {"read": 2, "write": 1}
    assert len(house.server.calls) == 3


def test_a_run_that_changes_rows_and_mails_letters_reads_twice_and_writes_three_times(house: House) -> None:
    house.server.calls.clear()
    report = ran(house, policy=NOT_WEEKLY)
    assert 0 < report.mails["sent"] <= Google.claims
    assert report.calls == {"read": 2, "write": 3}
    assert len(house.server.calls) == 5


def test_the_calls_of_a_run_do_not_grow_with_the_rows(house: House) -> None:
    """300 loans settled long ago, and the same letters."""
    old = [loan(f"A-{n:03d}", 借出日期="2025-09-01", 归还日期="2025-09-02") for n in range(300)]
    house.owner.insert_rows("借调记录", 2, 300)
    house.fill({"loans": [row[: len(LOANS.typed)] for row in grid(LOANS, old).rows[1:]]})
    report = ran(house, policy=NOT_WEEKLY)
    assert report.changes["loan_states"]["added"] > 300
    assert report.calls == {"read": 2, "write": 3}


def test_more_letters_than_one_claim_are_marked_in_batches(house: House) -> None:
    people = [member(f"中心{n:02d}") for n in range(Google.claims * 2)]
    loans = [loan(f"M-{n:02d}", "华东", f"中心{n:02d}") for n in range(Google.claims * 2)]
    for title, rows in (("成员", people), ("借调记录", loans)):
        house.owner.insert_rows(title, 2, len(rows))
        table = next(t for t in TABLES if t.title == title)
        house.fill({table.name: [row[: len(table.typed)] for row in grid(table, rows).rows[1:]]})
    report = ran(house)
    batches = -(-report.mails["sent"] // Google.claims)
    assert batches > 2
    assert report.calls == {"read": 2, "write": 1 + batches + 1}


def test_only_what_differs_is_written(house: House) -> None:
    ran(house)
    row = next(n for n, line in enumerate(house.owner.rows("借调记录"), 1) if line[0] == "L-4")
    house.owner.type("借调记录", row, LOANS.fields.index("returned_on") + 1, AS_OF)
    house.server.calls.clear()
    ran(house)
    requests = [request for call in writes(house) for request in call.json["requests"]]
    cells = [
        cell
        for request in requests
        for line in request.get("updateCells", {}).get("rows", [])
        for cell in line["values"]
        if cell
    ]
    assert 10 < len(cells) < 60  # a state, two postings, a row of standings, figures that rest on them, the log


def test_a_large_write_is_split_and_the_log_row_comes_last(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google, "MOST_BYTES", 25_000)  # the largest table of this sheet just fits
    house.server.calls.clear()
    ran(house)
    calls = writes(house)
    assert len(calls) > 2
    assert max(len(call.body) for call in calls) < 26_000
    log = next(tab.id for tab in house.service.books[house.ident].tabs if tab.title == "运行日志")
    about = [{r["updateCells"]["start"]["sheetId"] for r in c.json["requests"] if "updateCells" in r} for c in calls]
    assert [log in tabs for tabs in about] == [False] * (len(calls) - 1) + [True]


# each write once

LOST = (
    pytest.param(Fault(served=True), id="the answer is lost"),
    pytest.param(Fault(served=True, body_bytes=9), id="the answer is cut off"),
    pytest.param(Fault(served=True, answer=BAD_GATEWAY), id="a gateway answers instead"),
    pytest.param(Fault(), id="nothing was done"),
    pytest.param(Fault(answer=Answer(503, {"error": {"code": 503, "message": "busy"}})), id="busy"),
    pytest.param(Fault(answer=Answer(429, {"error": {"code": 429, "message": "quota"}})), id="quota"),
)


@functools.cache
def without_faults() -> dict[str, list[list[Any]]]:
    """What a run shows when every call succeeds."""
    with spreadsheet(like=alliance()) as house:
        ran(house)
        return shown(house)


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("nth", range(5))
def test_a_fault_in_any_call_changes_nothing_of_the_result(house: House, nth: int, fault: Fault) -> None:
    first = len(house.server.calls)
    house.server.fault = lambda _call: fault if len(house.server.calls) - first == nth + 1 else None
    mailer = Counted()
    ran(house, mailer, house.backend(sleep=lambda _seconds: None))
    assert shown(house) == without_faults()
    assert len(house.owner.rows("运行日志")) == 2
    assert set(mailer.left.values()) == {1}


@pytest.mark.parametrize("body", [{"hello": "world"}, {}, [], "null"])
def test_json_that_is_no_answer_of_googles_ends_the_run_in_a_sentence(house: House, body: object) -> None:
    house.server.fault = lambda _call: Fault(served=True, answer=Answer(200, body))
    with pytest.raises(RunFailed, match="does not come from Google"):
        ran(house, backend=house.backend(sleep=lambda _seconds: None))


def test_a_spreadsheet_keeps_few_marks_of_its_commits(house: House) -> None:
    for _ in range(40):
        version = house.backend().read(TABLES).version
        for rows in ([MAIL], []):
            version = house.backend().write([Change(OUTBOX, rows)], version)
    assert len(house.service.books[house.ident].metadata) <= KEPT


# two runs

MAIL = tuple("x" if column.is_text else None for column in OUTBOX.typed)


class Overtaken(Google):
    """A run that another run overtakes between its reading and its first write."""

    meanwhile: Callable[[], object] | None = None

    def write(self, changes: Any, version: object) -> object:
        if self.meanwhile is not None:
            act, self.meanwhile = self.meanwhile, None
            act()
        return super().write(changes, version)


def test_of_two_runs_that_read_the_same_only_one_mails(house: House) -> None:
    mailer = Counted()
    backend = Overtaken(house.backend()._sheet)
    other: list[Report] = []
    backend.meanwhile = lambda: other.append(ran(house, mailer))
    report = ran(house, mailer, backend)
    assert other[0].mails["sent"] == len(mailer.left) > 0
    assert report.mails["sent"] == 0
    assert set(mailer.left.values()) == {1}
    assert len(house.owner.rows("运行日志")) == 3


def test_while_a_run_mails_another_gets_busy_and_says_until_when(house: House) -> None:
    class Watched(Counted):
        """A second run begins as each mail leaves."""

        @contextmanager
        def open(self) -> Iterator[Callable[[EmailMessage], tuple[str, ...]]]:
            with pytest.raises(Busy, match=r"12:15"):
                ran(house)
            with super().open() as send:
                yield send

    mailer = Watched()
    first = ran(house, mailer)
    assert first.mails["sent"] == len(mailer.left) > 0
    assert ran(house).changes == {}


def test_the_lease_of_a_run_that_broke_off_ends_by_itself(house: House) -> None:
    gone = house.backend(sleep=lambda _seconds: None)
    with gone.lock():
        version = gone.write([Change(RUNS, []), Change(OUTBOX, [MAIL])], gone.read(TABLES).version)
        gone.write([Change(OUTBOX, [])], version)
        house.server.fault = lambda _call: Fault()
    house.server.fault = lambda _call: None
    with pytest.raises(Busy):
        house.backend().read(TABLES)
    assert house.backend(NOON + LEASE + timedelta(seconds=1)).read(TABLES).version == gone._sheet.version


def test_a_lease_lasts_as_long_in_an_hour_that_comes_twice(house: House) -> None:
    first = datetime(2026, 10, 25, 2, 50, tzinfo=ZoneInfo("Europe/Berlin"))
    gone = house.backend(first, sleep=lambda _seconds: None)
    with gone.lock():
        version = gone.write([Change(OUTBOX, [MAIL])], gone.read(TABLES).version)
        house.server.fault = lambda _call: Fault()
    house.server.fault = lambda _call: None
    with pytest.raises(Busy, match=r"02:05"):
        house.backend(later(first, 14)).read(TABLES)
    assert house.backend(later(first, 16)).read(TABLES).version == version


def later(moment: datetime, minutes: float) -> datetime:
    """So many minutes after *moment*, as the clock on its wall shows it."""
    return (moment.astimezone(UTC) + timedelta(minutes=minutes)).astimezone(moment.tzinfo)


def test_the_lease_of_a_clock_that_ran_ahead_keeps_nobody_out(house: House) -> None:
    ahead = house.backend(NOON + timedelta(days=31), sleep=lambda _seconds: None)
    with ahead.lock():
        version = ahead.write([Change(OUTBOX, [MAIL])], ahead.read(TABLES).version)
        house.server.fault = lambda _call: Fault()
    house.server.fault = lambda _call: None
    assert house.backend().read(TABLES).version == version


# people at the worker's tabs


@pytest.mark.parametrize("nth", range(1, 4))
def test_mail_keeps_its_fate_when_the_owner_sorts_the_outbox_meanwhile(house: House, nth: int) -> None:
    """The owner may edit the worker's tabs, too; a status in the wrong row would send a mail twice, or never."""
    mailer = Counted()
    ran(house, mailer)
    house.owner.insert_rows("借调记录", 2, 3)
    new = [loan(f"S-{n}", "华东", to) for n, to in enumerate(("华北", "华中", "西北"))]
    house.fill({"loans": [row[: len(LOANS.typed)] for row in grid(LOANS, new).rows[1:]]})
    house.server.calls.clear()

    def sorting(call: Call) -> None:
        if "batchUpdate" in call.path and len(writes(house)) == nth:
            house.owner.sort("提醒邮件", 1, descending=True)
            house.owner.insert_rows("提醒邮件", 2)

    house.server.between = sorting
    ran(house, mailer)
    house.server.between = lambda _call: None
    ran(house, mailer)
    assert set(mailer.left.values()) == {1}
    left = {number.strip("<>").split("@")[0] for number in mailer.left}
    for mail in mails(house):
        assert (mail.status is MailStatus.SENT) <= (mail.mail_id in left), "called sent, and it was not"
        assert mail.status in (MailStatus.SENT, MailStatus.HELD)
    assert left <= {mail.mail_id for mail in mails(house)}, "a mail left and its row is gone"


@pytest.mark.parametrize("what", ["rename", "delete", "shrink"])
def test_a_worker_tab_taken_away_between_reading_and_writing_is_made_again(house: House, what: str) -> None:
    ran(house)
    row = next(n for n, line in enumerate(house.owner.rows("借调记录"), 1) if line[0] == "L-4")
    house.owner.type("借调记录", row, LOANS.fields.index("returned_on") + 1, AS_OF)
    house.server.calls.clear()
    acts: dict[str, Callable[[], None]] = {
        "rename": lambda: house.owner.rename_tab("借调状态", "旧的"),
        "delete": lambda: house.owner.delete_tab("借调状态"),
        "shrink": lambda: house.owner.delete_rows("借调状态", 2, 38),
    }

    def act(call: Call) -> None:
        if call.method == "POST" and len(house.server.calls) == 3:
            acts[what]()

    house.server.between = act
    ran(house)
    ran(house)
    states = {line[0]: line[7] for line in house.owner.rows("借调状态")[1:]}
    assert states["L-4"] == "已归还"
    assert ran(house).changes == {}


# what init makes


def test_a_sheet_that_people_made_is_accepted_as_it_is() -> None:
    """Other column order, columns of their own, a title row, headers in English: nothing that exists changes."""
    with spreadsheet() as house:
        loans = [
            ["2025 年借调"],
            ["我们的备注", "borrower", "出借方", "配件编号", "数量", "借调编号", "状态"],
            ["急", "华北", "华东", "P-1", 1, "L-1", "我们自己的状态"],
        ]
        house.owner.add_tab("借调记录", loans)
        house.owner.add_tab("成员", [["负责人", "邮箱", "服务中心"], ["王", "a@x.example", "华北"]])
        said = house.backend().prepare(TABLES)
        rows = house.owner.rows("借调记录", spilled=False)
        assert [row[:7] for row in rows[:3]] == [
            [*row, *[""] * 7][:7] if i == 1 else row[:7] for i, row in enumerate(loans)
        ]
        assert set(rows[1][7:]) == {c.header for c in LOANS.columns} - set(loans[1]) - {"借用方"}
        assert any("借调记录" in words.zh and "到期日期" in words.zh for words in said)
        assert house.backend().prepare(TABLES) == []
        assert all(finding.ok for finding in house.backend().examine(TABLES))


def test_beside_each_row_shows_what_the_worker_found(house: House) -> None:
    ran(house)
    headers, *rows = house.owner.rows("求助")
    key, level = headers.index("求助编号"), headers.index("级别")
    assert {row[key]: row[level] for row in rows if row and row[key]} == {"R-1": "P2", "R-2": "P1", "007": "P2"}


def test_the_overview_has_two_charts_over_the_workers_tabs(house: House) -> None:
    charts = house.owner.tab("概览").charts
    assert len(charts) == 2
    ids = {tab.title: tab.id for tab in house.service.books[house.ident].tabs}
    assert str(ids["积分榜"]) in json.dumps(charts)
    months = [house.owner.formula("概览", row, 20) for row in range(2, 14)]
    assert all("COUNTIFS('借调状态'!" in formula for formula in months)


def test_a_part_number_kept_as_a_number_is_pointed_at_with_its_cell(house: House) -> None:
    house.owner.insert_rows("配件", 2)
    house.owner.type("配件", 2, 1, 1044321)
    house.owner.type("配件", 2, 2, "中控大屏")
    ran(house)
    found = [row for row in house.owner.rows("数据问题") if "1044321" in map(str, row)]
    assert [(row[1], row[3], row[4]) for row in found] == [("配件", 2, "配件编号")]


# what doctor says


def unwell(house: House) -> list[str]:
    return [f"{f.step.zh}：{f.advice.zh}" for f in house.backend().examine(TABLES) if not f.ok]


def test_doctor_and_the_run_point_at_what_blocks_a_lookup_column(house: House) -> None:
    at = house.owner.rows("借调记录")[0].index("状态") + 1
    house.owner.type("借调记录", 4, at, "我来填")
    assert house.owner.rows("借调记录")[0][at - 1] == "#REF!"
    (said,) = unwell(house)
    assert f"{letters(at - 1)}4" in said
    assert house.backend().prepare(TABLES) == []
    ran(house)
    found = [row for row in house.owner.rows("数据问题") if "我来填" in row]
    assert [(row[1], row[3], row[4]) for row in found] == [("借调记录", 4, "状态")]
    house.owner.type("借调记录", 4, at, None)
    assert unwell(house) == []


def protect(house: House, title: str, **how: object) -> None:
    """The owner replaces the protection of a tab."""
    tab = house.owner.tab(title)
    for entry in tab.protections:
        house.owner.does({"deleteProtectedRange": {"protectedRangeId": entry["protectedRangeId"]}})
    if how:
        house.owner.does({"addProtectedRange": {"protectedRange": {"range": {"sheetId": tab.id}, **how}}})


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({}, "huzhu init"),
        ({"warningOnly": True}, "限制谁可以修改此范围"),
        ({"editors": {"users": ["somebody@alliance.example"]}}, ACCOUNT),
    ],
    ids=["none", "open to anyone", "closed to the worker"],
)
def test_doctor_finds_a_worker_tab_that_is_not_protected_well(house: House, how: dict[str, object], said: str) -> None:
    protect(house, "积分榜", **how)
    (found,) = unwell(house)
    assert "积分榜" in found
    assert said in found
    if not how:
        assert [words.zh for words in house.backend().prepare(TABLES)] == ["保护了工作表“积分榜”"]
        assert unwell(house) == []


# set up wrongly: one sentence, an exit code, no traceback


def _other_owner(house: House) -> None:
    house.service.books[house.ident].editors = frozenset()


def _renamed(house: House) -> None:
    house.owner.rename_tab("求助", "求助表 2025")


def _full(house: House) -> None:
    """A tab of the worker's is gone, and there is no room to make it again."""
    house.owner.delete_tab("积分榜")
    used = sum(tab.row_count * tab.column_count for tab in house.service.books[house.ident].tabs)
    grid = {"rowCount": 9_999_000 - used, "columnCount": 1}
    house.owner.does({"addSheet": {"properties": {"title": "大", "gridProperties": grid}}})


def _failing(what: str) -> Callable[[House], None]:
    return lambda house: setattr(house.service.access, "token_failure", what)


WRONG: dict[str, tuple[Callable[[House], None], int, str]] = {
    "wrong id": (lambda house: house.service.books.update({"other": house.service.books.pop(house.ident)}), 2, "/d/"),
    "not shared": (_other_owner, 2, ACCOUNT),
    "API disabled": (lambda house: setattr(house.service, "api_disabled", True), 2, "启用"),
    "key revoked": (_failing("revoked"), 2, "密钥"),
    "clock skew": (_failing("clock"), 2, "时间"),
    "account deleted": (_failing("gone"), 2, ACCOUNT),
    "protected from the worker": (
        lambda house: protect(house, "积分榜", editors={"users": ["somebody@alliance.example"]}), 2, "积分榜"
    ),
    "a tab renamed": (_renamed, 2, "求助"),
    "the limit of cells": (_full, 2, "1000 万"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_set_up_wrongly_is_said_in_one_sentence(tmp_path: Path, name: str) -> None:
    wrong, code, said = WRONG[name]
    with spreadsheet(like=alliance()) as house:
        file = settings(house, tmp_path)
        wrong(house)
        done = called("run", "--config", file, "--as-of", AS_OF)
    assert done[0] == code, done
    assert said in done[2]
    assert done[2].count("\n") == 1
    assert "Traceback" not in done[2]
    assert "PRIVATE" not in done[2]


def test_init_check_plan_run_and_doctor_work_from_a_key_file(tmp_path: Path) -> None:
    """The stranger's path, as the README tells it."""
    with spreadsheet() as house:
        file = settings(house, tmp_path)
        assert huzhu("init", "--config", file)[0] == 0
        assert "没有改动" in called("init", "--config", file)[1]
        house.fill({"members": [["华北", "王", "a@x.example"]], "parts": [["P-1", "屏"]]})
        assert huzhu("check", "--config", file)[0] == 0
        assert called("plan", "--config", file)[0] == 0
        code, out, _ = huzhu("run", "--config", file, "--json")
        assert code == 0
        assert json.loads(out)["calls"] == {"read": 2, "write": 1}
        assert house.owner.rows("积分榜")[1][1] == "华北"
        code, out, _ = huzhu("doctor", "--config", file)
        assert code == 0, out
        assert called("outbox", "list", "--config", file)[0] == 0

"""A base of Feishu as the shared sheet: over HTTP, with people and faults between the calls."""

from __future__ import annotations

import copy
import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from rules.schema import LOANS, MEMBER_TABLES, TABLES, WORKER_TABLES
from rules.values import Change
from sync import compose
from sync.backends.feishu import Feishu
from sync.backends.memory import Memory
from sync.config import Config
from sync.errors import Busy, Conflict, HuzhuError, RunFailed, SetupError
from sync.feishu.base import token_in
from sync.feishu.order import placed
from sync.runlog import Tally
from sync.snapshot import Snapshot
from sync.undo import undo
from sync.worker import Worker, planned
from tests.emulators.feishu import faults
from tests.emulators.served import Answer, Call, Fault
from tests.rules.sheets import BY_NAME, POLICY, ZONE, member, request
from tests.sync.bases import (
    ALLIANCE,
    APP,
    LEASE,
    MINUTE,
    NOON,
    SECRET,
    House,
    alliance,
    base,
    check_beside,
    check_results,
    peopled,
    ran,
    seen,
    served,
)
from tests.sync.cycles import AS_OF, WORDS, Counted
from tests.sync.house import huzhu


@pytest.fixture
def house() -> Iterator[House]:
    with alliance() as made:
        yield made


def written(house: House) -> list[tuple[str, str, dict[str, Any]]]:
    """Every cell write that was asked for: table, call, fields of one record."""
    titles = {table.id: table.name for table in house.service.bases[house.token].tables}
    return [
        (titles[call.path.split("/")[7]], call.path.rsplit("/", 1)[1], record.get("fields", {}))
        for call in house.server.calls
        if call.path.endswith(("batch_create", "batch_update"))
        for record in call.json["records"]
    ]


# What a run does


def test_the_same_cells_give_the_same_plan_as_on_the_fake(house: House) -> None:
    here = planned(house.backend().read, WORDS, POLICY, ZONE, AS_OF, Tally())
    there = planned(Memory(seen(house)).read, WORDS, POLICY, ZONE, AS_OF, Tally())
    assert here.plan.rows == there.plan.rows
    assert here.plan.problems == there.plan.problems
    assert [letter.mail_id for letter in here.plan.letters] == [letter.mail_id for letter in there.plan.letters]


def test_a_run_leaves_every_result_with_its_key_and_every_member_cell_as_it_was(house: House) -> None:
    before = seen(house)
    ran(house, Counted())
    assert seen(house) == before
    check_results(house)
    check_beside(house)


def test_a_second_unchanged_run_writes_only_its_log_row(house: House) -> None:
    ran(house, Counted())
    first = len(house.server.calls)
    report = ran(house, Counted(), minutes=1)
    assert report.changes == {}
    tables = len(house.service.bases[house.token].tables)
    assert report.calls == {"read": 2 + 2 * tables, "write": 1}
    assert [(table, how) for table, how, _ in written(house)][-1] == ("运行日志", "batch_create")
    assert len(house.server.calls) - first == 1 + 2 + 2 * tables + 1  # one to log in


def test_a_first_run_takes_one_write_for_each_table_that_changed(house: House) -> None:
    report = ran(house)  # nothing leaves
    # its row made and filled in; six tables; two with something beside their rows
    assert report.calls["write"] <= 1 + len(report.changes) + 2 + 1
    assert report.calls["read"] <= 2 + 2 * len(TABLES) + 2


def test_a_row_at_the_top_of_the_queue_renumbers_no_other_row(house: House) -> None:
    ran(house)
    start = len(written(house))
    house.person.add("求助", dict(request("R-0", "华东", 申报级别="P0", 原因="媒体", 舆情风险="高")))
    ran(house, minutes=1)
    queue = [(how, cells) for table, how, cells in written(house)[start:] if table == "优先级队列"]
    assert [how for how, _ in queue].count("batch_create") == 1
    assert all(set(cells) == {"序号"} for how, cells in queue if how == "batch_update")
    check_results(house)
    check_beside(house)


def test_only_the_workers_own_fields_are_ever_written(house: House) -> None:
    for day in range(3):
        ran(house, Counted(), AS_OF + timedelta(days=day), minutes=day)
    titles = {table.title for table in MEMBER_TABLES}
    touched = {name for table, _, cells in written(house) if table in titles for name in cells}
    assert touched == {"系统·状态", "系统·天数", "系统·序号", "系统·级别"}
    assert not [how for table, how, _ in written(house) if table in titles and how != "batch_update"]
    assert not [call for call in house.server.calls if call.method in {"PUT", "PATCH", "DELETE"}]


def test_what_shows_beside_members_rows_goes_back_with_a_run_that_is_undone(house: House) -> None:
    ran(house)
    before = written(house)
    kept: list[Snapshot] = []
    later = AS_OF + timedelta(days=3)
    worker = Worker(house.backend(), Counted(), WORDS, POLICY, ZONE, lambda: NOON, keep=kept.append)
    worker.run(later)
    assert any("系统·天数" in fields for _, _, fields in written(house)[len(before) :])
    undo(house.backend(), kept[-1], lambda: NOON)
    check_beside(house)


def test_a_row_deleted_while_it_is_written_beside_is_no_failure(house: House) -> None:
    gone: list[str] = []

    def delete(call: Call) -> None:
        if not gone and "batch_update" in call.path:
            gone.append(next(iter(house.person.rows("借调记录"))))
            house.person.delete("借调记录", *gone)

    house.server.between = delete
    ran(house)
    assert gone
    house.quiet()
    ran(house, minutes=1)
    check_results(house)
    check_beside(house)


def test_rows_with_the_same_key_are_mended_and_the_oldest_stays(house: House) -> None:
    ran(house, Counted())
    rows = house.person.rows("提醒邮件")
    first = next(iter(rows))
    house.person.add("提醒邮件", {name: cell for name, cell in rows[first].items() if cell is not None})
    mailer = Counted()
    ran(house, mailer, minutes=1)
    assert list(house.person.rows("提醒邮件")) == list(rows)
    assert not mailer.left


def test_record_ids_stay_when_results_change(house: House) -> None:
    ran(house)
    before = {row["借调编号"]: ident for ident, row in house.person.rows("借调状态").items()}
    ran(house, as_of=AS_OF + timedelta(days=30), minutes=1)
    assert {row["借调编号"]: ident for ident, row in house.person.rows("借调状态").items()} == before


def test_a_changed_row_costs_its_changed_cells_alone(house: House) -> None:
    ran(house)
    start = len(written(house))
    ran(house, as_of=AS_OF + timedelta(days=1), minutes=1)
    assert all(
        set(cells) <= {"天数", "状态", "阶段", "下一步", "下一步日期", "应赔金额", "系统·顺序"}
        for table, how, cells in written(house)[start:]
        if table == "借调状态"
    )


def test_rows_that_people_sort_in_a_worker_table_are_no_change(house: House) -> None:
    ran(house)
    for table in WORKER_TABLES:
        house.person.reorder(table.title, lambda row: str(sorted(map(str, row.values()))), reverse=True)
    assert ran(house, minutes=1).changes == {}


# What people make of their base


def test_renamed_fields_are_found_and_said(house: House) -> None:
    house.person.rename_field("借调记录", "系统·状态", "进展")
    house.person.rename_field("积分榜", "积分", "总分")
    ran(house)
    check_results(house)
    said = [finding.step.zh for finding in house.backend().examine(TABLES) if "现在叫" in finding.step.zh]
    assert len(said) == 2
    assert "进展" in said[1] + said[0]


def test_a_members_field_that_init_made_may_be_renamed() -> None:
    with base() as house:
        house.backend().prepare(TABLES)
        house.person.add("成员", {"服务中心": "华北", "负责人": "王", "邮箱": "a@x.example"})
        house.person.rename_field("成员", "负责人", "店长")
        raw = house.backend().read(TABLES).tabs["members"]
        assert raw.rows[0][:2] == ["服务中心", "负责人"]
        assert raw.rows[1][:2] == ["华北", "王"]


def test_a_renamed_table_is_found_by_the_marks_of_its_fields(house: House) -> None:
    ran(house)
    house.person.rename_table("借调状态", "现在的借调")
    assert ran(house, minutes=1).changes == {}
    assert "借调状态" not in [table.name for table in house.service.bases[house.token].tables]
    assert "“借调状态”表现在叫“现在的借调”，照常使用" in [one.step.zh for one in house.backend().examine(TABLES)]


def test_any_type_of_field_may_hold_a_members_column() -> None:
    with base() as house:
        person = house.person
        person.add_table("成员", [("服务中心", "Text"), ("负责人", "User"), ("邮箱", "Email")])
        north = person.add("成员", {"服务中心": "华北", "负责人": "张三", "邮箱": "a@x.example"})
        east = person.add("成员", {"服务中心": "华东", "负责人": "张三", "邮箱": "b@x.example"})
        person.add_table("配件", [("配件编号", "Barcode"), ("配件名称", "Text"), ("单价", "Currency")])
        person.add("配件", {"配件编号": "007", "配件名称": "屏", "单价": 12000.5})
        options = {"options": [{"name": "007"}]}
        person.add_table("库存", [("在库数量", "Text"), ("服务中心", "Text"), ("配件编号", "SingleSelect", options)])
        person.add("库存", {"在库数量": "3 个", "服务中心": "华东", "配件编号": "007"})
        person.add_table(
            "求助", ["求助方", ("求助编号", "AutoNumber"), "配件编号", ("数量", "Number"), ("提出时间", "CreatedTime")]
        )
        person.add("求助", {"求助方": "华北", "配件编号": "007", "数量": 1})
        person.add("求助", {})
        linked = {"table_id": "成员", "multiple": False}
        person.add_table("借调记录", ["备注", ("借调编号", "AutoNumber")])
        for name in ("出借方", "借用方"):
            person.add_field("借调记录", name, "SingleLink", dict(linked))
        for name, ui in (("配件编号", "Text"), ("数量", "Number"), ("借出日期", "DateTime")):
            person.add_field("借调记录", name, ui)
        person.add(
            "借调记录", {"出借方": [east], "借用方": [north], "配件编号": "007", "数量": 1, "借出日期": "2025-10-23"}
        )
        house.backend().prepare(TABLES)
        report = ran(house)
        assert report.problems["error"] == 0, [row["问题"] for row in person.rows("数据问题").values()]
        assert report.rows_read["requests"] == 1, "a row in which nobody typed is none"
        (state,) = person.rows("借调状态").values()
        assert (state["借调编号"], state["出借方"], state["借用方"]) == ("1", "华东", "华北")
        (shown,) = person.rows("借调记录").values()
        assert shown["系统·状态"] == state["状态"]


def test_a_worker_field_of_another_type_stops_the_run_before_it_writes(house: House) -> None:
    table = house.person.table("借调状态")
    house.person.delete_field("借调状态", "状态")
    house.person.add_field("借调状态", "状态", "SingleSelect")
    start = len(written(house))
    with pytest.raises(SetupError) as stopped:
        ran(house)
    assert "“状态”" in stopped.value.words.zh
    assert "文本" in stopped.value.words.zh
    assert written(house)[start:] == []
    assert table.named("状态").options == []
    unwell = [finding for finding in house.backend().examine(TABLES) if not finding.ok]
    assert any("字段类型" in finding.advice.zh for finding in unwell)


def test_a_log_that_cannot_be_written_stops_the_run_before_it_writes(house: House) -> None:
    house.person.delete_field("运行日志", "读取行数")
    house.person.add_field("运行日志", "读取行数", "Checkbox")
    start = len(written(house))
    with pytest.raises(SetupError, match="读取行数"):
        ran(house)
    assert written(house)[start:] == []


def test_a_worker_table_that_people_delete_meanwhile_is_made_again(house: House) -> None:
    def delete(call: Call) -> None:
        if call.path.endswith("batch_create") and house.service.bases[house.token].named("积分流水"):
            house.person.delete_table("积分流水")
            house.quiet()

    house.server.between = delete
    mailer = Counted()
    ran(house, mailer)
    check_results(house)
    assert set(mailer.left.values()) == {1}


def test_a_field_beside_members_rows_that_cannot_be_written_stops_nothing(house: House) -> None:
    house.person.delete_field("借调记录", "系统·状态")
    house.person.add_field("借调记录", "系统·状态", "SingleSelect")
    ran(house)
    assert house.person.field("借调记录", "系统·状态").options == []
    check_results(house)


def test_a_worker_field_that_people_deleted_is_made_again(house: House) -> None:
    ran(house)
    house.person.delete_field("借调状态", "状态")
    house.person.delete_field("积分榜", "系统·顺序")
    ran(house, as_of=AS_OF + timedelta(days=1), minutes=1)
    check_results(house, AS_OF + timedelta(days=1))
    check_beside(house)


def test_a_base_without_the_worker_tables_gets_them_by_the_run() -> None:
    with base() as house:
        for table in MEMBER_TABLES:
            house.person.add_table(table.title, [column.header for column in table.typed])
        house.person.add("成员", dict(member("华北")))
        ran(house)
        check_results(house)


# Set-up


def test_init_makes_forms_and_numbers_that_count_by_themselves() -> None:
    with base(fresh=True) as house:
        made = house.backend().prepare(TABLES)
        assert [words.zh for words in made if "表单" in words.zh] == [
            "给“求助”建了表单“求助登记”",
            "给“借调记录”建了表单“借调登记”",
        ]
        house.person.add("求助", {"求助方": "华北"})
        (row,) = house.person.rows("求助").values()
        assert row["求助编号"] == "R-0001"
        assert house.person.table("求助").fields[0].name == "求助方"  # a counting number cannot stand first
        assert house.backend().prepare(TABLES) == []


def test_init_mends_tables_that_feishu_cut_short() -> None:
    with base() as house:
        house.service.fields_kept = 6
        house.backend().prepare(TABLES)
        names = [one.name for one in house.person.table("借调记录").fields]
        assert len(names) == len(LOANS.columns)
        assert house.backend().prepare(TABLES) == []


def test_init_adds_to_a_base_and_changes_nothing_in_it() -> None:
    with base() as house:
        house.person.add_table("成员", ["服务中心", "我们的"], [["华北", "x"]])
        before = [(one.id, one.name, one.ui) for one in house.person.table("成员").fields]
        house.backend().prepare(TABLES)
        after = [(one.id, one.name, one.ui) for one in house.person.table("成员").fields]
        assert after[: len(before)] == before
        assert next(iter(house.person.rows("成员").values()))["我们的"] == "x"
        assert not [call for call in house.server.calls if call.method in {"PUT", "PATCH", "DELETE"}]


def test_a_base_in_a_wiki_is_found_by_the_address_of_its_page(house: House) -> None:
    node = house.service.add_node(house.token)
    backend = house.backend(base=f"https://alliance.feishu.cn/wiki/{node}?table=tblX&view=vewY")
    assert set(backend.read(TABLES).tabs) >= {"members", "runs"}


@pytest.mark.parametrize(
    ("written_as", "token", "wiki"),
    [
        ("bascnABC", "bascnABC", False),
        (" https://a.feishu.cn/base/bascnABC?table=tbl1&view=vew2 ", "bascnABC", False),
        ("https://a.larksuite.com/wiki/wikcnXYZ", "wikcnXYZ", True),
    ],
)
def test_a_base_is_named_by_its_token_or_its_address(written_as: str, token: str, *, wiki: bool) -> None:
    assert token_in(written_as) == (token, wiki)


def test_settings_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config()
    for key, value in (("base", "bascnABC"), ("app_id", "cli_1")):
        with pytest.raises(SetupError, match=f"backend.feishu.{key}"):
            compose.feishu(config)
        settings = replace(config.backend.feishu, **{key: value})
        config = replace(config, backend=replace(config.backend, feishu=settings))
    monkeypatch.delenv("FEISHU_APP_SECRET", raising=False)
    with pytest.raises(SetupError, match="FEISHU_APP_SECRET"):
        compose.feishu(config)
    monkeypatch.setenv("FEISHU_APP_SECRET", "s")
    assert compose.feishu(config).calls == {"read": 0, "write": 0}


def test_the_commands_work_on_a_base(house: House, tmp_path: Path) -> None:
    file, address = tmp_path / "config.yaml", f"https://alliance.feishu.cn/base/{house.token}?table=tblX"
    feishu = {"base": address, "app_id": APP, "url": house.server.url, "write_gap_seconds": 0}
    settings = {"backend": {"kind": "feishu", "feishu": feishu}, "mail": {"kinds": {"problems": False}}}
    file.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    for command, *more in (("init",), ("run", "--as-of", AS_OF, "--json")):
        code, out, err = huzhu(command, *more, "--config", file, FEISHU_APP_SECRET=SECRET)
        assert code in (0, 3), err
        assert SECRET not in out + err
    check_results(house)
    check_beside(house)


def test_doctor_says_what_to_click_when_the_app_may_only_read(house: House) -> None:
    house.service.share(house.token, "cli_huzhu", "read")
    unwell = [finding for finding in house.backend().examine(TABLES) if not finding.ok]
    assert [finding.step.zh for finding in unwell] == ["可以写入多维表格"]
    assert "添加文档应用" in unwell[0].advice.zh


def test_doctor_knows_the_zone_and_the_calls_of_a_month(house: House) -> None:
    house.service.bases[house.token].time_zone = "America/New_York"
    found = house.backend().examine(TABLES)
    assert ["时区" in finding.step.zh for finding in found if not finding.ok] == [True]
    assert any("每月约" in finding.step.zh for finding in found)


def test_a_field_renamed_between_its_listing_and_its_rows_is_not_read_as_blank(house: House) -> None:
    """Cells come under names: under the new one a return would look as if it had never been."""
    field = house.person.field("借调记录", "归还日期")
    field.description = "[huzhu:loans.returned_on]"

    def rename(call: Call) -> None:
        if call.path.endswith(f"{house.person.table('借调记录').id}/records/search"):
            field.name = "实际归还"

    house.server.between = rename
    ran(house)
    field.name = "归还日期"
    check_results(house)


# What goes wrong


@pytest.mark.parametrize("emptied", ["advanced", "deleted"])
def test_a_base_that_shows_no_rows_stops_the_run(house: House, emptied: str) -> None:
    ran(house)
    here = house.service.bases[house.token]
    if emptied == "advanced":
        here.is_advanced = True
        house.service.share(house.token, "cli_huzhu", "edit")
    else:
        for table in MEMBER_TABLES:
            house.person.delete(table.title, *house.person.rows(table.title))
    start = len(written(house))
    with pytest.raises(SetupError) as stopped:
        ran(house, minutes=1)
    assert "可管理" in stopped.value.words.zh
    assert written(house)[start:] == []
    assert any(not finding.ok and "可管理" in finding.advice.zh for finding in house.backend().examine(TABLES))


PASSING = {
    "write conflict": faults.WRITE_CONFLICT,
    "not ready": faults.NOT_READY,
    "bad gateway": faults.BROKEN_GATEWAY,
    "lost answer": faults.LOST_ANSWER,
    "cut": Fault(),
}


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_by_itself_leaves_no_trace(house: House, name: str) -> None:
    chance, mailer = random.Random(name), Counted()
    house.server.fault = lambda _call: PASSING[name] if chance.random() < 0.25 else None
    ran(house, mailer)
    house.quiet()
    check_results(house)
    check_beside(house)
    assert ran(house, mailer, minutes=1).changes == {}
    assert set(mailer.left.values()) == {1}
    for table in WORKER_TABLES:
        keys = [tuple(row[table[name].header] for name in table.key) for row in house.person.rows(table.title).values()]
        assert len(set(keys)) == len(keys), table.name


@pytest.mark.parametrize("body", [{"code": 0, "msg": "ok"}, {"code": 0, "data": {}}, {"code": 0, "data": []}, {}])
def test_an_empty_answer_is_not_an_empty_table(house: House, body: object) -> None:
    """Read as no rows, the loans would look settled, and the members gone."""
    house.server.fault = lambda call: None if "auth" in call.path else Fault(served=True, answer=Answer(200, body))
    with pytest.raises(RunFailed, match="does not come from Feishu"):
        ran(house)


def test_reading_servers_that_lag_are_waited_for(house: House) -> None:
    house.service.lag = 2
    mailer = Counted()
    ran(house, mailer)
    house.service.lag = 0
    house.quiet()
    assert ran(house, mailer, minutes=1).changes == {}
    check_results(house)
    assert set(mailer.left.values()) == {1}


def test_rows_are_not_lost_when_people_delete_between_two_pages() -> None:
    rows = {**ALLIANCE, "members": [member(f"中心{n:04}") for n in range(1100)], "loans": (), "requests": ()}
    with base() as house:
        peopled(house, {name: rows[name] for name in ("members", "parts")})
        table = house.person.table("成员").id
        ids, pages = list(house.person.rows("成员")), []

        def delete(call: Call) -> None:
            if call.path.endswith(f"{table}/records/search"):
                pages.append(call)
                if len(pages) == 2:
                    house.person.delete("成员", ids[3])
                    house.person.add("成员", {"服务中心": "新来的"})

        house.server.between = delete
        read = [row[0] for row in house.backend().read(TABLES).tabs["members"].rows[1:]]
        assert sorted(read) == sorted(row["服务中心"] for row in house.person.rows("成员").values())


# One run at a time


@pytest.mark.parametrize("revised", [True, False], ids=["", "without revisions"])
def test_of_two_runs_at_once_one_goes_on(monkeypatch: pytest.MonkeyPatch, *, revised: bool) -> None:
    """The other begins before some call of the first: it finds it busy, or is through before the first write.

    That holds by the log alone, should a change of a cell not count as a revision of its table.
    """
    if not revised:
        monkeypatch.setattr("tests.emulators.feishu.model.Base.touch", lambda _base, _table: None)
    outcomes: Counter[str] = Counter()
    for number in range(7, 60, 7):
        with alliance() as house:
            outcomes[raced(house, number)] += 1
    assert outcomes.keys() == {"busy", "through"}


def raced(house: House, number: int) -> str:
    """What became of a run that began before the call *number* of another."""
    outcome: list[str] = []
    mailer, count = Counted(), itertools.count()

    def other(_call: Call) -> None:
        if next(count) == number:
            house.server.between = lambda _call: None
            house.server._alone.release()
            try:
                ran(house, mailer)
                outcome.append("through")
            except Busy:
                outcome.append("busy")
            finally:
                house.server._alone.acquire()

    house.server.between = other
    ran(house, mailer)
    house.quiet()
    check_results(house)
    check_beside(house)
    assert mailer.left
    assert set(mailer.left.values()) == {1}
    assert "运行中" not in {row["结果"] for row in house.person.rows("运行日志").values()}
    return outcome[0]


def test_two_runs_that_made_their_rows_together_do_not_both_go_on(house: House) -> None:
    change = Change(BY_NAME["kpis"], [("a", 1.0, "", "", "", "", "")])
    one, two = house.backend(), house.backend()
    versions = one.read(TABLES).version, two.read(TABLES).version
    waits: list[str] = []

    def second(call: Call) -> None:
        """The other run makes its row right before the first looks who is there."""
        if call.path.endswith("search") and not waits:
            waits.append(call.path)
            house.server._alone.release()
            try:
                with two.lock(), pytest.raises(Busy):
                    two.write([change], versions[1])
            finally:
                house.server._alone.acquire()

    with one.lock():
        house.server.between = second
        one.write([change], versions[0])
    assert waits
    assert len(house.person.rows("指标")) == 1
    assert house.person.rows("运行日志") == {}


def test_an_older_row_gives_way_to_a_younger_one_that_stays(house: House) -> None:
    """The younger may have looked before the older was there to be seen."""
    change = Change(BY_NAME["kpis"], [("a", 1.0, "", "", "", "", "")])
    backend = house.backend()
    version = backend.read(TABLES).version
    made: list[str] = []

    def younger(call: Call) -> None:
        if call.path.endswith("search") and not made:
            until = (NOON + LEASE).replace(tzinfo=None)
            made.append(house.person.add("运行日志", {"运行编号": "run-x", "结果": "运行中", "结束": until}))
            house.person.record("运行日志", made[0]).created_at += 60_000

    with backend.lock():
        house.server.between = younger
        with pytest.raises(Busy):
            backend.write([change], version)
    assert house.person.rows("指标") == {}
    assert list(house.person.rows("运行日志")) == made


def test_a_run_that_broke_off_keeps_others_out_until_its_time_is_over(house: House) -> None:
    first = house.backend()
    first.write([Change(BY_NAME["kpis"], [("a", 1.0, "", "", "", "", "")])], first.read(TABLES).version)
    broken = house.backend()
    with broken.lock():
        version = broken.read(TABLES).version
        broken.write([Change(BY_NAME["kpis"], [("b", 1.0, "", "", "", "", "")])], version)
        with pytest.raises(Busy) as busy:
            ran(house, minutes=14)
        assert "12:15" in busy.value.words.zh
        later = house.backend(NOON + 15 * MINUTE).read(TABLES)
        assert later.tabs["runs"].rows[1:] == [], "a run under way is no run in the log"
        ran(house, minutes=16)
        broken._turn._clock = lambda: NOON + 17 * MINUTE
        with pytest.raises(Conflict):  # it comes back to life
            broken.write([Change(BY_NAME["kpis"], [("c", 1.0, "", "", "", "", "")])], broken._sheet.version)
    assert [row["结果"] for row in house.person.rows("运行日志").values()] == ["完成"]


@pytest.mark.parametrize("zone", ["Asia/Beijing", "Europe/Berlin"])
@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
def test_a_turn_lasts_as_long_when_an_hour_comes_twice_or_never(zone: str, day: date) -> None:
    first = datetime.combine(day, time(0, 50), UTC)

    def backend(house: House, minutes: float) -> Feishu:
        return house.backend((first + timedelta(minutes=minutes)).astimezone(ZoneInfo("Europe/Berlin")))

    with base(time_zone=zone) as house:
        peopled(house)
        broken = backend(house, 0)
        with broken.lock():
            broken.write([Change(BY_NAME["kpis"], [("b", 1.0, "", "", "", "", "")])], broken.read(TABLES).version)
            with pytest.raises(Busy, match=r"0[23]:05"):
                backend(house, 14).read(TABLES)
            backend(house, 16).read(TABLES)


def test_a_row_of_a_clock_that_ran_ahead_keeps_nobody_out(house: House) -> None:
    until = (NOON + timedelta(days=31)).replace(tzinfo=None)
    house.person.add("运行日志", {"运行编号": "run-x", "结果": "运行中", "结束": until})
    ran(house)
    assert [row["结果"] for row in house.person.rows("运行日志").values()] == ["完成"]


def test_what_became_of_the_mail_is_saved_though_somebody_deletes_the_row_of_the_run(house: House) -> None:
    mailer, gone = Counted(), []

    def delete(call: Call) -> None:
        if mailer.left and "batch_update" in call.path and not gone:
            gone.extend(house.person.rows("运行日志"))
            house.person.delete("运行日志", *gone)

    house.server.between = delete
    ran(house, mailer)
    assert gone
    house.quiet()
    assert {row["状态"] for row in house.person.rows("提醒邮件").values()} == {"已发送"}
    assert [row["结果"] for row in house.person.rows("运行日志").values()] == ["完成"]
    assert ran(house, mailer, minutes=1).changes == {}
    assert set(mailer.left.values()) == {1}


def test_what_became_of_the_mail_is_saved_though_the_turn_is_over_and_results_were_edited(house: House) -> None:
    ran(house)
    mailer, now = Counted(), [NOON]

    def asleep(call: Call) -> None:
        if mailer.left and "batch_update" in call.path and now == [NOON]:
            now[0] += 20 * MINUTE
            house.person.add("积分榜", {"服务中心": "我"})
            for ident in house.person.rows("提醒邮件"):
                house.person.type("提醒邮件", ident, "错误", "结果未知")

    house.server.between = asleep
    Worker(house.backend(lambda: now[0]), mailer, WORDS, POLICY, ZONE, lambda: now[0]).run(AS_OF)
    house.quiet()
    left = {number.strip("<>").split("@")[0] for number in mailer.left}
    fates = {row["邮件编号"]: (row["状态"], row["错误"]) for row in house.person.rows("提醒邮件").values()}
    assert {fates[number] for number in left} == {("已发送", None)}
    ran(house, mailer, minutes=40)
    assert set(mailer.left.values()) == {1}


def test_a_long_run_keeps_its_turn(house: House) -> None:
    now = [NOON]
    backend = house.backend()
    backend._turn._clock = lambda: now[0]
    table = BY_NAME["kpis"]
    with backend.lock():
        version = backend.read(TABLES).version
        for number in range(5):
            now[0] = NOON + 10 * number * MINUTE
            version = backend.write([Change(table, [(str(number), 1.0, "", "", "", "", "")])], version)
            with pytest.raises(Busy):
                house.backend(now[0] + MINUTE).read(TABLES)


def test_a_run_that_slept_through_its_turn_while_it_wrote_does_not_go_on(house: House) -> None:
    """Another one may have done its work meanwhile: what it claimed then must not leave."""
    now = [NOON]
    backend = house.backend(lambda: now[0])

    def asleep(call: Call) -> None:
        if "batch_create" in call.path:
            now[0] += 20 * MINUTE

    with backend.lock():
        version = backend.read(TABLES).version
        house.server.between = asleep
        with pytest.raises(Conflict):
            backend.write([Change(BY_NAME["kpis"], [("a", 1.0, "", "", "", "", "")])], version)


def test_a_persons_edit_of_a_worker_table_is_a_conflict(house: House) -> None:
    backend = house.backend()
    version = backend.read(TABLES).version
    house.person.add("积分榜", {"服务中心": "我"})
    with pytest.raises(Conflict):
        backend.write([Change(BY_NAME["kpis"], [("a", 1.0, "", "", "", "", "")])], version)
    assert house.person.rows("运行日志") == {}
    assert house.person.rows("指标") == {}


# A run that is killed while it files a year


def killed(house: House, run: Callable[[House, Counted], None], days: int, number: int, fault: Fault) -> None:
    """The power goes at this call: before it took effect, or after. The next run ends where one alone would."""
    mailer, count, day = Counted(), itertools.count(), AS_OF + timedelta(days=days)

    def power(_call: Call) -> Fault | None:
        at = next(count)
        return None if at < number else fault if at == number else Fault()

    house.server.fault = power
    with suppress(HuzhuError):
        run(house, mailer)
    house.quiet()
    ran(house, mailer, day, minutes=30)
    assert ran(house, mailer, day, minutes=31).changes == {}, "the results are whole"
    check_beside(house)
    assert set(mailer.left.values()) <= {1}
    assert {row["状态"] for row in house.person.rows("提醒邮件").values()} <= {"已发送", "待人工", "已归档"}
    assert "运行中" not in {row["结果"] for row in house.person.rows("运行日志").values()}


FILED_ON = date(2026, 4, 1)


def filing_run(house: House, mailer: Counted) -> None:
    ran(house, mailer, FILED_ON, minutes=10)


def test_a_run_killed_while_it_files_a_year_loses_no_mail() -> None:
    """Before or after the archive is filled, the keys are put, and the mails are taken out of the outbox."""
    with alliance() as house:
        ran(house, Counted())
        ready, start = copy.deepcopy(house.service), len(house.server.calls)
        mails = {row["邮件编号"] for row in house.person.rows("提醒邮件").values()}
        filing_run(house, Counted())
        calls = house.server.calls[start:]
        whole = filed(house)
    writes = [n for n, call in enumerate(calls) if call.method == "POST" and not call.path.endswith("search")]
    assert "batch_delete" in calls[writes[5]].path, "the mails are taken out of the outbox last"
    for number in writes[3:6]:
        with served(copy.deepcopy(ready)) as house:
            killed(house, filing_run, (FILED_ON - AS_OF).days, number, (Fault(), faults.LOST_ANSWER)[number % 2])
            assert filed(house) == whole
            assert mails == {row["邮件编号"] for row in house.person.rows("邮件归档2025").values()}


def filed(house: House) -> list[str | None]:
    """What stands in the archive and in the rows that stay of it."""
    archive = [row["事由"] for row in house.person.rows("邮件归档2025").values()]
    return [*archive, *(row["事由"] for row in house.person.rows("提醒邮件").values() if row["状态"] == "已归档")]


# The order of rows


def test_numbers_ascend_and_as_many_stay_as_can() -> None:
    chance = random.Random(7)
    for _ in range(500):
        now = [chance.choice([None, chance.randint(1, 9), chance.random()]) for _ in range(chance.randrange(9))]
        numbers = placed(now)
        assert all(a < b for a, b in pairwise(numbers))
        if now and None not in now and len(set(now)) == len(now):
            moved = sum(a != b for a, b in zip(now, numbers, strict=True))
            ascending = all(a < b for a, b in pairwise(now))
            assert moved == 0 if ascending else moved >= 1


def test_rows_put_in_at_one_place_again_and_again_keep_their_order() -> None:
    numbers = placed([None, None])
    for _ in range(200):
        numbers = placed([numbers[0], None, *numbers[1:]])
        assert all(a < b for a, b in pairwise(numbers))

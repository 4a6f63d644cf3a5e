"""Where a P0 request should be within 48 hours, and where it is. The source's 48小时作战计划."""

from datetime import date

import pytest

from rules.policy import Alliance, Policy
from rules.schema import TIMELINE
from rules.values import Book, RawTable
from tests.rules.sheets import book, decided, loan, member, request, run

TODAY = "2025-11-06"
P0 = {"舆情风险": "高", "原因": "已三次发帖", "提出时间": "2025-11-06 08:00", "数量": 3}


def stock(center, units):
    return {"center": center, "part_no": "P-1", "on_hand": units, "updated_on": "2025-11-05"}


def agreed(loan_id="L-1", **cells):
    """All three units from one lender, not shipped."""
    return loan(loan_id, **{"求助编号": "R-1", "数量": 3, "借出日期": None, **cells})


def sheet(*loans, lenders=(("华东", 2), ("华中", 5)), **cells):
    rows = [stock(center, units) for center, units in lenders]
    return book(requests=[request("R-1", **P0 | cells)], loans=loans, inventory=rows)


def lines(sheet, as_of=TODAY, policy=Policy()):  # noqa: B008
    """H+n -> field -> cell."""
    rows = [dict(zip(TIMELINE.fields, row, strict=True)) for row in decided(sheet, as_of, policy).rows["timeline"]]
    return {row["milestone"].split()[0]: row for row in rows}


def reached(sheet, as_of=TODAY):
    """The milestones that are done, with the day of each."""
    return {name: row["done_on"].isoformat()[5:] for name, row in lines(sheet, as_of).items() if row["done_on"]}


def test_each_milestone_is_due_hours_after_the_request():
    rows = decided(sheet(), TODAY).rows["timeline"]
    assert [(row[3], f"{row[4]:%m-%d %H:%M}") for row in rows] == [
        ("H+0 定位库存", "11-06 08:00"),
        ("H+2 确定候选", "11-06 10:00"),
        ("H+4 谈妥登记", "11-06 12:00"),
        ("H+6 发出", "11-06 14:00"),
        ("H+30 签收", "11-07 14:00"),
        ("H+48 问题解决", "11-08 08:00"),
    ]
    assert {row[:3] for row in rows} == {("R-1", "华北", "P-1")}


@pytest.mark.parametrize(
    ("made", "done"),
    [
        (sheet(lenders=()), set()),
        (sheet(lenders=[("华东", 2)]), {"H+0"}),
        (sheet(), {"H+0", "H+2"}),
        (sheet(agreed(数量=2)), {"H+0", "H+2"}),
        (sheet(agreed(数量=2), lenders=()), {"H+0"}),
        (sheet(agreed(), lenders=()), {"H+0", "H+2", "H+4"}),
        (sheet(agreed(数量=5), lenders=()), {"H+0", "H+2", "H+4"}),
        (sheet(agreed(作废="是"), lenders=()), set()),
        (sheet(agreed(借出日期="2025-11-07"), lenders=()), {"H+0", "H+2", "H+4"}),
        (sheet(agreed(数量=2, 借出日期=TODAY)), {"H+0", "H+2"}),  # one is still to be found
        (sheet(agreed(借出日期=TODAY)), {"H+0", "H+2", "H+4", "H+6"}),
        (sheet(agreed(数量=2, 借出日期=TODAY), agreed("L-2", 数量=1)), {"H+0", "H+2", "H+4"}),
        (sheet(agreed(借出日期=TODAY, 签收日期=TODAY)), {"H+0", "H+2", "H+4", "H+6", "H+30"}),
        (sheet(agreed(借出日期=TODAY, 签收日期="2025-11-07")), {"H+0", "H+2", "H+4", "H+6"}),
    ],
)  # fmt: skip
def test_a_milestone_is_done_when_the_rows_say_so(made, done):
    assert set(lines(made)) == {"H+0", "H+2", "H+4", "H+6", "H+30", "H+48"}
    assert set(reached(made)) == done


def test_shipping_and_receipt_bear_the_day_of_the_last_parcel():
    one = agreed(数量=2, 借出日期="2025-11-07", 签收日期="2025-11-08")
    other = agreed("L-2", 数量=1, 借出日期="2025-11-06", 签收日期="2025-11-09")
    found = reached(sheet(one, other), "2025-11-12")
    assert (found["H+6"], found["H+30"]) == ("11-07", "11-09")
    assert found["H+4"] == "11-07"  # agreed, at the latest, when it was shipped


@pytest.mark.parametrize(
    ("cells", "as_of", "state"),
    [
        ({"借出日期": "2025-11-06"}, "2025-11-09", "已完成"),
        ({"借出日期": "2025-11-07"}, "2025-11-09", "晚完成"),
        ({}, "2025-11-06", "进行中"),
        ({}, "2025-11-07", "已超时"),
    ],
)
def test_only_days_are_compared(cells, as_of, state):
    assert lines(sheet(agreed(**cells)), as_of)["H+6"]["state"] == state


def test_what_no_row_dates_bears_the_day_a_run_saw_it_first():
    _, later = run(sheet(), "2025-11-06")
    assert reached(later, "2025-11-08") == {"H+0": "11-06", "H+2": "11-06"}
    now = Book({**sheet(agreed()).tabs, "timeline": later.tabs["timeline"]})
    assert reached(now, "2025-11-08") == {"H+0": "11-06", "H+2": "11-06", "H+4": "11-08"}
    assert lines(now, "2025-11-08")["H+4"]["state"] == "晚完成"


def test_what_is_undone_again_is_forgotten():
    _, later = run(sheet(agreed()), "2025-11-06")
    back = Book({**sheet(agreed(作废="是"), lenders=()).tabs, "timeline": later.tabs["timeline"]})
    assert reached(back, "2025-11-07") == {}


@pytest.mark.parametrize("spoilt", ["下周三", "#REF!", "", None, True])
def test_a_spoilt_memory_is_none(spoilt):
    _, later = run(sheet(), "2025-11-06")
    at = TIMELINE.fields.index("done_on")
    head, *rows = later.tabs["timeline"].rows
    for kept in ([head, *([*row[:at], spoilt, *row[at + 1 :]] for row in rows)], [["旧"], *rows], []):
        torn = Book({**later.tabs, "timeline": RawTable("作战时间线", kept)})
        assert reached(torn, "2025-11-08") == {"H+0": "11-08", "H+2": "11-08"}


@pytest.mark.parametrize(
    ("cells", "listed"),
    [
        ({}, True),
        ({"状态": "已满足"}, False),
        ({"状态": "已取消"}, False),
        ({"舆情风险": "中"}, False),
        ({"求助方": "东北"}, False),
    ],
)
@pytest.mark.parametrize("covered", [False, True])
def test_every_p0_that_nobody_closed_is_listed(cells, listed, covered):
    made = sheet(*[agreed(借用方="华中")] * covered, **cells)
    members = [member("华北"), member("华东"), member("华中"), member("东北", 退出日期="2025-11-01")]
    made = Book({**book(members=members).tabs, **{name: tab for name, tab in made.tabs.items() if name != "members"}})
    plan = decided(made, TODAY)
    assert bool(plan.rows["timeline"]) == listed
    assert (listed and not covered) == any(row[5] == "P0" for row in plan.rows["queue"])


def test_requests_stand_as_they_are_served():
    requests = [request("R-1", **P0), request("R-2", **P0 | {"需要日期": "2025-11-08"}), request("R-3", **P0)]
    rows = decided(book(requests=requests, loans=[agreed(求助编号="R-2")]), TODAY).rows["timeline"]
    assert list(dict.fromkeys(row[0] for row in rows)) == ["R-2", "R-1", "R-3"]


@pytest.mark.parametrize(
    ("made", "notes"),
    [
        (sheet(), {
            "H+0": "2 家有货，可借 7 个", "H+4": "已谈妥 0/3 个；打电话给 华中，谈妥就登记到借调记录", "H+2": "建议：华中 3",
            "H+48": "装好后把求助的状态改为 已满足",
        }),
        (sheet(lenders=()), {"H+0": "联盟内没有找到库存；看匹配建议里的其他办法", "H+2": "还缺 3 个；看匹配建议里的其他办法"}),
        (sheet(lenders=[("华东", 1), ("华中", 1)]), {"H+2": "建议：华东 1，华中 1；还缺 1 个；看匹配建议里的其他办法"}),
        (sheet(agreed(数量=2, 借出日期=TODAY, 快递单号="顺丰 SF1"), agreed("L-2", 数量=1)), {
            "H+0": "不用再找", "H+4": "已谈妥 3/3 个", "H+6": "已发出 2/3 个；单号：L-1 顺丰 SF1；未发出：L-2",
            "H+30": "已签收 0/3 个；未签收：L-1、L-2",
        }),
    ],
)  # fmt: skip
def test_the_note_says_what_is_there_and_what_to_do_next(made, notes):
    found = lines(made)
    assert {name: found[name]["note"] for name in notes} == notes


def test_the_timeline_is_in_the_alliances_language():
    english = Policy(alliance=Alliance(locale="en"))
    found = lines(sheet(), policy=english)
    assert found["H+4"]["milestone"] == "H+4 agreed and recorded"
    assert found["H+0"]["note"] == "2 centers have stock, 7 to lend"
    assert found["H+6"]["state"] == "进行中"
    _, later = run(sheet(), "2025-11-06")
    assert lines(later, "2025-11-08", english)["H+0"]["done_on"] == date(2025, 11, 6)

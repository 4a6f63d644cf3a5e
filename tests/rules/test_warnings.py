"""What somebody should look at before it goes wrong. The source's 风险控制."""

import pytest

from rules.policy import Alliance, LoansPolicy, Policy
from rules.problems import rows_of
from rules.schema import renamed
from rules.values import Book
from tests.rules.sheets import MEMBERS, book, decided, loan, part, request, run

AS_OF = "2025-11-06"
CODES = {"no_tracking", "not_received", "damaged_units", "promise_retracted", "no_unit_value"}


def warned(*loans, policy=Policy(), **tables):  # noqa: B008
    """(loan, code) of each warning about what may go wrong."""
    found = decided(book(loans=loans, **tables), AS_OF, policy).problems
    return sorted((p.key, p.code) for p in found if p.code in CODES)


@pytest.mark.parametrize(
    ("cells", "codes"),
    [
        ({"借出日期": "2025-11-05"}, []),
        ({"借出日期": "2025-11-04"}, ["no_tracking"]),
        ({"借出日期": "2025-11-03"}, ["no_tracking"]),
        ({"借出日期": "2025-11-02"}, ["no_tracking", "not_received"]),
        ({"借出日期": "2025-11-02", "快递单号": "顺丰 SF1"}, ["not_received"]),
        ({"借出日期": "2025-11-02", "签收日期": "2025-11-03"}, []),
        ({"借出日期": "2025-11-02", "数量": 2, "已还数量": 1}, []),
        ({"借出日期": "2025-11-02", "归还日期": "2025-11-05"}, []),
        ({"借出日期": "2025-11-02", "赔偿日期": "2025-11-05"}, []),
        ({"借出日期": "2025-11-02", "方案": "配件互换"}, []),
        ({"借出日期": "2025-11-02", "作废": "是"}, []),
        ({"借出日期": None}, []),
    ],
)
def test_a_parcel_on_its_way_should_show(cells, codes):
    assert warned(loan("L-1", **cells)) == [("L-1", code) for code in codes]


def test_how_long_a_parcel_may_take_is_a_setting():
    slow = Policy(loans=LoansPolicy(tracking_days=0, transit_days=9))
    assert warned(loan("L-1", 借出日期="2025-10-29"), policy=slow) == [("L-1", "no_tracking")]
    assert warned(loan("L-1", 借出日期=AS_OF), policy=slow) == [("L-1", "no_tracking")]


@pytest.mark.parametrize(
    ("cells", "codes"),
    [
        ({"归还日期": "2025-11-05"}, ["damaged_units"]),
        ({"方案": "配件互换"}, ["damaged_units"]),
        ({"赔偿日期": "2025-11-06"}, []),
        ({"签收日期": "2025-10-24", "赔偿日期": "2025-11-07"}, ["damaged_units"]),
        ({"作废": "是"}, []),
        ({"借出日期": None}, []),
        ({"归还日期": "2025-11-05", "配件编号": "P-0"}, ["damaged_units", "no_unit_value"]),
    ],
)
def test_damage_is_told_until_it_is_paid(cells, codes):
    prices = [part("P-1"), part("P-0", 单价=None)]
    assert warned(loan("L-1", 数量=3, 损坏数量=2, **cells), parts=prices) == [("L-1", code) for code in codes]


def test_damage_says_who_pays_whom_how_much():
    found = decided(book(loans=[loan("L-1", 数量=3, 损坏数量=2, 归还日期="2025-11-05")]), AS_OF).problems
    [row] = rows_of(found, renamed({}), "zh")
    assert row[1:6] == ("借调记录", "L-1", 2, "损坏数量", "2")
    assert row[6] == "损坏 2 个，由 华北 赔给 华东，应赔 24000 元"


PROMISE = {"求助编号": "R-1", "借出日期": None, "数量": 2}


def retracted(*loans, **cells):
    """(loan, units that are open again) of each promise that was taken back."""
    sheet = book(loans=loans, requests=[request("R-1", **{"数量": 3, **cells}), request("R-2", 数量=9)])
    found = decided(sheet, AS_OF).problems
    return [(p.key, p.value, p.args["units"]) for p in found if p.code == "promise_retracted"]


@pytest.mark.parametrize(
    ("cells", "request_cells", "units"),
    [
        ({}, {}, None),
        ({"作废": "是"}, {}, "2"),
        ({"作废": "是"}, {"数量": 1}, "1"),
        ({}, {"已婉拒": "华东"}, "2"),
        ({}, {"已婉拒": "华中"}, None),
        ({"数量": 3}, {"已婉拒": "华东"}, "3"),  # nothing seems to lack, so the queue no longer shows it
        ({"作废": "是"}, {"已婉拒": "华东"}, "2"),
        ({"作废": "是", "求助编号": None}, {}, None),
        ({"作废": "是"}, {"状态": "已满足"}, None),
        ({}, {"已婉拒": "华东", "状态": "已取消"}, None),
        ({"借出日期": "2025-11-05", "作废": "是"}, {}, None),
        ({"借出日期": "2025-11-05"}, {"已婉拒": "华东"}, None),
        ({"借出日期": "2025-11-07", "作废": "是"}, {}, "2"),
    ],
)
def test_a_promise_taken_back_is_told_while_its_units_are_missing(cells, request_cells, units):
    assert retracted(loan("L-1", **PROMISE | cells), **request_cells) == ([("L-1", "华东", units)] if units else [])


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (loan("L-2", "华中", 求助编号="R-1", 数量=2), [("L-1", "华东", "1")]),  # one of the two is found already
        (loan("L-2", "华中", 求助编号="R-1", 数量=3), []),
        (loan("L-2", "华东", 求助编号="R-1", 数量=1), []),  # typed anew: no change of mind
        (loan("L-2", "华东", 求助编号="R-2", 数量=1), [("L-1", "华东", "2")]),
    ],
)
def test_units_found_elsewhere_are_no_longer_missing(other, told):
    assert retracted(loan("L-1", **PROMISE, 作废="是"), other) == told


# --- stock ------------------------------------------------------------------------------------------------------------


def stale(as_of, *stock, **tabs):
    """(center, row, value, how many rows) of each warning about stock that was not counted."""
    found = decided(book(inventory=stock, **tabs), as_of, Policy()).problems
    return [(p.key, p.row, p.value, p.args["count"]) for p in found if p.code == "stale_stock"]


def counted(center, on, part_no="P-1"):
    return {"center": center, "part_no": part_no, "on_hand": 1, "updated_on": on}


def test_stock_nobody_counts_is_one_warning_a_member_at_the_row_that_waits_longest():
    stock = [counted("华北", "2025-10-29"), counted("华北", "2025-10-01", "P-2"), counted("华东", "2025-10-30")]
    assert stale(AS_OF, *stock) == [("华北", 3, "2025-10-01", "2")]
    assert stale("2025-11-07", *stock) == [("华北", 3, "2025-10-01", "2"), ("华东", 4, "2025-10-30", "1")]
    gone = [{**m, "退出日期": AS_OF} if m["服务中心"] == "华北" else m for m in MEMBERS]
    assert stale(AS_OF, *stock, members=gone) == []


def test_stock_that_waits_is_told_once_and_again_after_another_count():
    """The coordinator's report gives the news alone."""
    policy = Policy(alliance=Alliance(coordinator_email="desk@example.cn"))
    sheet, told_on = book(inventory=[counted("华北", "2025-10-01")]), []
    for day, updated in ((AS_OF, "2025-10-01"), ("2025-11-09", "2025-10-01"), ("2025-11-20", "2025-11-10")):
        now = Book({**sheet.tabs, "inventory": book(inventory=[counted("华北", updated)]).tabs["inventory"]})
        plan, sheet = run(now, day, policy)
        told_on += [day for x in plan.letters if x.kind == "problems"]
    assert told_on == [AS_OF, "2025-11-20"]

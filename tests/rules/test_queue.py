"""Who is served first: a proven crisis, then points. Rules, section 3."""

import pytest

from rules.policy import Alliance, PointsPolicy, Policy, PriorityPolicy
from tests.rules.sheets import MEMBERS, POLICY, adjustment, book, decided, loan, member, request

TODAY = "2025-11-06"


def queue(sheet, as_of=TODAY, policy=POLICY):
    return decided(sheet, as_of, policy).rows["queue"]


def order(sheet, **more):
    return [row[1] for row in queue(sheet, **more)]


def judged(policy=POLICY, **cells):
    """(level, basis) of one request of a member that may ask."""
    [row] = queue(book(requests=[request("R-1", **cells)]), policy=policy)
    return row[5], row[6]


def lack(**cells):
    """What the warning about a declared P0 says is missing."""
    problems = decided(book(requests=[request("R-1", **cells)]), TODAY).problems
    return [(p.severity, p.code, p.key, p.row, p.args["lack"], p.args["level"]) for p in problems]


PRESS = {"客户类型": "媒体"}
WHY = {"原因": "已三次发帖"}


@pytest.mark.parametrize(
    ("cells", "level", "basis"),
    [
        ({"舆情风险": "高"}, "P0", "舆情风险高"),
        ({**PRESS, "客户等待起始": "2025-10-23"}, "P0", "媒体客户已等 14 天"),
        ({**PRESS, "客户等待起始": "2025-10-24"}, "P2", "普通求助"),
        ({**PRESS, "申报级别": "P0"}, "P0", "申报 P0 且为媒体客户"),
        ({"客户类型": "意见领袖", "申报级别": "P0"}, "P0", "申报 P0 且为意见领袖客户"),
        ({"客户类型": "大V", "申报级别": "P0"}, "P0", "申报 P0 且为大V客户"),
        ({"客户类型": "网红", "申报级别": "P0"}, "P0", "申报 P0 且为网红客户"),
        ({"舆情风险": "高", **PRESS, "申报级别": "P0", "客户等待起始": "2025-10-11"}, "P0",
         "舆情风险高；媒体客户已等 26 天；申报 P0 且为媒体客户"),
        ({"舆情风险": "高", "需要日期": "2025-11-07"}, "P0", "舆情风险高"),
        ({"申报级别": "P0"}, "P1", "申报 P0 但没有舆情证据"),
        ({"申报级别": "P0", "客户类型": "普通", "客户等待起始": "2025-10-01"}, "P1", "申报 P0 但没有舆情证据；客户已等 36 天"),
        ({"舆情风险": "中"}, "P2", "普通求助"),
        ({"申报级别": "P1"}, "P1", "申报 P1"),
        ({"需要日期": "2025-11-08"}, "P1", "2025-11-08 前需要"),
        ({"需要日期": "2025-11-01"}, "P1", "2025-11-01 前需要"),
        ({"需要日期": "2025-11-09"}, "P2", "普通求助"),
        ({"客户等待起始": "2025-10-23"}, "P1", "客户已等 14 天"),
        ({"客户等待起始": "2025-10-24"}, "P2", "普通求助"),
        ({"申报级别": "P1", "需要日期": "2025-11-06", "客户等待起始": "2025-10-01"}, "P1",
         "申报 P1；2025-11-06 前需要；客户已等 36 天"),
        ({"申报级别": "P2"}, "P2", "普通求助"),
        ({}, "P2", "普通求助"),
    ],
)  # fmt: skip
def test_a_request_with_a_reason_has_the_level_its_evidence_gives(cells, level, basis):
    assert judged(**cells, **WHY) == (level, basis)


@pytest.mark.parametrize(
    ("cells", "level", "basis"),
    [
        ({"舆情风险": "高"}, "P2", "普通求助"),
        ({"舆情风险": "高", "需要日期": "2025-11-07"}, "P1", "2025-11-07 前需要"),
        ({"舆情风险": "高", "申报级别": "P0"}, "P1", "申报 P0 但没有写原因"),
        ({**PRESS, "申报级别": "P0", "客户等待起始": "2025-10-11"}, "P1", "申报 P0 但没有写原因；客户已等 26 天"),
        ({"申报级别": "P0", "原因": "　 "}, "P1", "申报 P0 但没有舆情证据"),
    ],
)
def test_without_a_reason_nothing_is_p0(cells, level, basis):
    assert judged(**cells) == (level, basis)


def test_a_declared_p0_that_is_none_is_warned_of():
    assert lack(申报级别="P0", **WHY) == [("warning", "p0_unproven", "R-1", 2, "没有舆情证据", "P1")]
    assert lack(申报级别="P0", 舆情风险="高") == [("warning", "p0_unproven", "R-1", 2, "没有写原因", "P1")]
    assert lack(申报级别="P0", 舆情风险="高", **WHY) == []
    assert lack(申报级别="P1", 舆情风险="高") == []


def test_the_thresholds_are_settings():
    policy = Policy(priority=PriorityPolicy(("网约车",), sensitive_wait_days=3, long_wait_days=20, soon_days=0))
    assert judged(policy, 客户类型="网约车", 客户等待起始="2025-11-03", **WHY)[0] == "P0"
    assert judged(policy, 客户类型="媒体", 客户等待起始="2025-10-18", **WHY)[0] == "P2"
    assert judged(policy, 需要日期="2025-11-07")[0] == "P2"
    assert judged(policy, 需要日期="2025-11-06")[0] == "P1"


def test_the_basis_is_in_the_alliances_language():
    policy = Policy(alliance=Alliance(locale="en"))
    row = judged(policy, 申报级别="P1", 客户等待起始="2025-10-01")
    assert row == ("P1", "declared P1; customer waiting 36 days")


@pytest.mark.parametrize(
    "cells",
    [
        {"状态": "已满足"},
        {"状态": "已取消"},
        {"数量": "两个"},
        {"求助方": "东北"},
        {"求助方": "东南"},
    ],
)
def test_what_is_closed_spoiled_or_asked_by_one_who_left_is_not_queued(cells):
    members = [*MEMBERS, member("东北", 退出日期=TODAY), member("东南", 邮箱="没有")]
    sheet = book(members=members, requests=[request("R-1", **cells), request("R-2")])
    assert order(sheet) == ["R-2"]


@pytest.mark.parametrize("cells", [{"状态": "待响应"}, {"状态": "进行中"}, {"状态": "也许"}, {"求助方": "东北"}])
def test_what_is_open_is_queued(cells):
    members = [*MEMBERS, member("东北", 退出日期="2025-11-07")]
    assert order(book(members=members, requests=[request("R-1", **cells)])) == ["R-1"]


@pytest.mark.parametrize(
    ("loans", "still_wanted"),
    [
        ([], 3),
        ([loan("L-1", 求助编号="R-1")], 2),
        ([loan("L-1", 求助编号="R-1", 借出日期="")], 2),
        ([loan("L-1", 求助编号="R-1", 作废="是")], 3),
        ([loan("L-1", 求助编号="R-1"), loan("L-2", "华中", 求助编号="R-1")], 1),
        ([loan("L-1", 求助编号="R-1", 归还日期="2025-11-01")], 2),
        ([loan("L-1", 求助编号="R-2", 数量=3)], 3),
        ([loan("L-1", 求助编号="R-1", 数量="两个")], 3),
        ([loan("L-1", 求助编号="R-1", 数量=3)], None),
        ([loan("L-1", 求助编号="R-1", 数量=5)], None),
    ],
)
def test_what_is_lent_or_promised_is_no_longer_wanted(loans, still_wanted):
    """open_qty = qty − Σ qty of its loans that are not cancelled, pending ones included."""
    requests = [request("R-1", 数量=3), request("R-2", 数量=3, 状态="已取消")]
    rows = queue(book(requests=requests, loans=loans))
    assert [row[4] for row in rows] == ([] if still_wanted is None else [still_wanted])


CRISIS = {"舆情风险": "高", **WHY}


def test_a_crisis_goes_first_whatever_the_points():
    """规则2：舆情危机其他成员无条件支持; needed_by, then the time it was made; points play no part."""
    requests = [
        request("R-1", "华东"),
        request("R-2", "华北", **CRISIS),
        request("R-3", "华中", 需要日期="2025-12-01", 提出时间="2025-10-02", **CRISIS),
        request("R-4", "华中", 需要日期="2025-12-01", 提出时间="2025-10-01", **CRISIS),
        request("R-5", "西北", 需要日期="2025-11-30", **CRISIS),
    ]
    rows = queue(book(requests=requests, adjustments=[adjustment("华北", -5), adjustment("华东", 9)]))
    assert [(row[1], row[8]) for row in rows] == [
        ("R-5", "无条件支持"), ("R-4", "无条件支持"), ("R-3", "无条件支持"), ("R-2", "无条件支持"), ("R-1", "可求助")
    ]  # fmt: skip
    assert [row[7] for row in rows] == [0, 0, 0, -5, 9]
    assert [row[0] for row in rows] == [1, 2, 3, 4, 5]


def test_the_others_go_by_points_then_level_then_days():
    requests = [
        request("R-1", "华北", 申报级别="P1"),
        request("R-2", "华东"),
        request("R-3", "华中", 需要日期="2025-12-01"),
        request("R-4", "西北", 需要日期="2025-11-30"),
    ]
    sheet = book(requests=requests, adjustments=[adjustment("华东", 1)])
    assert order(sheet) == ["R-2", "R-1", "R-4", "R-3"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"提出时间": "2025-10-20 08:00"}, {"提出时间": "2025-10-20 08:01"}),
        ({"需要日期": "2025-12-01"}, {"提出时间": "2025-10-01"}),
        ({}, {}),
    ],
)
def test_ties_are_broken_in_sight(first, second):
    """needed_by (blank last), requested_at, request_id."""
    one, two = request("R-1", "华北", **first), request("R-2", "华东", **second)
    assert order(book(requests=[one, two])) == order(book(requests=[two, one])) == ["R-1", "R-2"]


def test_each_request_of_a_member_costs_the_next_one_a_point():
    """规则1: projected points; a member with 1 point has two requests served before it must help."""
    requests = [request(f"R-{n}", "华北", 提出时间=f"2025-10-0{n}") for n in range(1, 5)] + [request("R-9", "华东")]
    rows = queue(book(requests=requests, adjustments=[adjustment("华北", 1)]))
    assert [(row[1], row[8]) for row in rows] == [
        ("R-1", "可求助"), ("R-2", "可求助"), ("R-9", "可求助"), ("R-3", "需先帮助他人"), ("R-4", "需先帮助他人")
    ]  # fmt: skip
    assert {row[7] for row in rows if row[2] == "华北"} == {1}


def test_a_crisis_of_ones_own_costs_the_next_request_a_point_too():
    requests = [request("R-1", "华北", 提出时间="2025-10-01"), request("R-2", "华北", **CRISIS)]
    rows = queue(book(requests=requests))
    assert [(row[1], row[8]) for row in rows] == [("R-2", "无条件支持"), ("R-1", "需先帮助他人")]


def test_the_more_urgent_of_ones_own_requests_uses_the_points():
    requests = [request("R-1", "华北", 提出时间="2025-10-01"), request("R-2", "华北", 申报级别="P1")]
    assert [(row[1], row[8]) for row in queue(book(requests=requests))] == [("R-2", "可求助"), ("R-1", "需先帮助他人")]


def test_below_the_floor_a_request_stands_after_all_others():
    requests = [
        request("R-1", "华北", 申报级别="P1", 需要日期="2025-11-07"),
        request("R-2", "华东", 提出时间="2025-11-05"),
    ]
    sheet = book(requests=requests, adjustments=[adjustment("华北", -1)])
    assert [(row[1], row[8]) for row in queue(sheet)] == [("R-2", "可求助"), ("R-1", "需先帮助他人")]
    lower = Policy(points=PointsPolicy(floor=-1))
    assert [row[8] for row in queue(sheet, policy=lower)] == ["可求助", "可求助"]


def test_a_pending_loan_has_already_used_its_point():
    requests = [request("R-1", "华北"), request("R-2", "华东", 提出时间="2025-11-05")]
    sheet = book(requests=requests, loans=[loan("L-1", "华中", "华北", 借出日期="")])
    assert [(row[1], row[8]) for row in queue(sheet)] == [("R-2", "可求助"), ("R-1", "需先帮助他人")]

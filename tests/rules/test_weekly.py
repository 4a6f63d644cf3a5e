"""What is told once a week, to whom, and what it says. Rules, section 5."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given

from rules.fates import NO_LONGER
from rules.items import Digest, Statement
from rules.ladder import AWAITING, OUT
from rules.outbox import mails_in
from rules.policy import Alliance, Policy, RunPolicy
from rules.values import Book, MailStatus
from rules.weekly import LINES
from tests.rules.sheets import (
    MEMBERS,
    ZONE,
    adjustment,
    book,
    days,
    decided,
    loan,
    member,
    part,
    request,
    run,
    settled,
)
from tests.rules.strategies import TODAY, as_book
from tests.rules.test_laws import SHEETS, laws

POLICY = Policy(alliance=Alliance(name="联盟", coordinator_email="desk@example.cn"), run=RunPolicy(cadence_days=1))
MONDAY = "2025-11-03"
ADDRESS = {str(m["服务中心"]): str(m["邮箱"]) for m in MEMBERS}


def letters(plan, kind="statement"):
    return [x for x in plan.letters if x.kind == kind]


def told(plan, kind="statement") -> list[str]:
    return [key for x in letters(plan, kind) for key in x.keys]


def statements(as_of=MONDAY, **tabs) -> dict[str, Statement]:
    """Center -> its statement on a sheet with these rows."""
    plan = decided(settled(book(**tabs)), as_of, POLICY)
    return {item.member.center: item for x in letters(plan) for item in x.items}


def shelf(center="华北", part_no="P-1", **cells):
    return {"center": center, "part_no": part_no, "on_hand": 2, "updated_on": MONDAY, **cells}


# --- when ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "made_on"),
    [
        (1, ["2025-10-29", "2025-11-03", "2025-11-10"]),
        (2, ["2025-10-29", "2025-11-04", "2025-11-10"]),
        (7, ["2025-10-29", "2025-11-05", "2025-11-12"]),
        (10, ["2025-10-29", "2025-11-08"]),
    ],
)
def test_the_first_run_of_an_iso_week_makes_the_statements(step, made_on):
    """2025-10-29 is the Wednesday of week 44."""
    sheet, told_on = settled(book(loans=[loan("L-1", 到期日期="2026-01-01")])), []
    for day in days("2025-10-29", "2025-11-15", step):
        plan, sheet = run(sheet, day, POLICY)
        told_on += [day for key in told(plan) if key == f"statement:华北:{_week(day)}"]
    assert told_on == made_on


def _week(day: str) -> str:
    return date.fromisoformat(day).strftime("%G-W%V")


def test_a_week_belongs_to_its_iso_year():
    assert "statement:华北:2026-W01" in told(decided(book(loans=[loan("L-1")]), "2025-12-29", POLICY))


def test_what_comes_up_after_the_statements_were_made_waits_for_the_next_week():
    """Also when those who had something to hear have nothing left."""
    _, sheet = run(settled(book(loans=[loan("L-1", 到期日期="2026-01-01")])), MONDAY, POLICY)
    later = book(requests=[request("R-1", "华中")])
    plan, sheet = run(
        Book({**sheet.tabs, **{name: later.tabs[name] for name in ("requests", "loans")}}), "2025-11-05", POLICY
    )
    assert told(plan) == []
    assert "statement:华中:2025-W46" in told(decided(sheet, "2025-11-10", POLICY))


@pytest.mark.parametrize("status", [MailStatus.FAILED, MailStatus.QUEUED])
def test_a_statement_that_waits_is_of_the_day_it_leaves_and_of_no_other_week(status):
    _, sheet = run(settled(book(loans=[loan("L-1", 到期日期="2026-01-01")])), MONDAY, POLICY, status)
    back = Book({**sheet.tabs, "loans": book(loans=[loan("L-1", 到期日期="2025-11-04")]).tabs["loans"]})
    again = {item.key: item for x in letters(decided(back, "2025-11-05", POLICY)) for item in x.items}
    assert again["statement:华北:2025-W45"].overdue == 1
    plan, sheet = run(sheet, "2025-11-10", POLICY)
    assert set(told(plan)) == {"statement:华北:2025-W46", "statement:华东:2025-W46"}
    old = [m for m in mails_in(sheet.tabs["outbox"], ZONE) if m.items[0].endswith("W45")]
    assert {(m.status, m.error) for m in old} == {(MailStatus.CANCELLED, NO_LONGER.zh)}


# --- to whom ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tabs", "centers"),
    [
        ({}, set()),
        ({"loans": [loan("L-1")]}, {"华北", "华东"}),
        ({"loans": [loan("L-1", 借出日期=None)]}, {"华北", "华东"}),  # agreed
        ({"loans": [loan("L-1", 归还日期=MONDAY)]}, set()),
        ({"loans": [loan("L-1", 作废="是")]}, set()),
        ({"loans": [loan("L-1", 方案="配件互换")]}, set()),
        ({"requests": [request("R-1")]}, {"华北"}),
        ({"requests": [request("R-1", 状态="已满足")]}, set()),
        ({"inventory": [shelf(updated_on="2025-10-27")]}, set()),  # a week old
        ({"inventory": [shelf(updated_on="2025-10-26")]}, {"华北"}),
        ({"inventory": [shelf(updated_on=None)]}, set()),
        ({"inventory": [shelf(last_used_on="2025-01-01")]}, set()),  # no reason to write by itself
    ],
)
def test_a_member_hears_when_there_is_something_to_say(tabs, centers):
    assert statements(**tabs).keys() == centers


def test_it_goes_to_the_member_alone_and_its_answer_to_the_coordinator():
    plan = decided(settled(book(requests=[request("R-1")])), MONDAY, POLICY)
    [x] = letters(plan)
    assert (x.to, x.cc, x.reply_to, x.greeting) == (ADDRESS["华北"], (), "desk@example.cn", "华北经理")
    nobody = Policy(run=RunPolicy(cadence_days=1))
    assert [x.reply_to for x in letters(decided(settled(book(requests=[request("R-1")])), MONDAY, nobody))] == [""]


def test_members_who_share_a_mailbox_get_one_letter():
    shared = [member(center, 邮箱="one@example.cn") for center in ("华北", "华东")]
    [x] = letters(decided(settled(book(members=shared, loans=[loan("L-1")])), MONDAY, POLICY))
    assert x.keys == ("statement:华东:2025-W45", "statement:华北:2025-W45")


def test_who_owes_longest_hears_first():
    loans = [loan("L-1", "西北", "华东", 到期日期="2025-11-01"), loan("L-2", "西北", "华中", 到期日期="2025-10-30")]
    assert [x.to for x in letters(decided(settled(book(loans=loans)), MONDAY, POLICY))] == [
        ADDRESS["华中"], ADDRESS["华东"], ADDRESS["西北"]
    ]  # fmt: skip


def test_a_member_who_left_hears_of_its_loans_and_of_nothing_else():
    members = [*MEMBERS[1:], {**MEMBERS[0], "退出日期": MONDAY}]
    old = [shelf(updated_on="2025-10-01")]
    assert statements(members=members, requests=[request("R-1")], inventory=old) == {}
    [left] = [s for s in statements(members=members, loans=[loan("L-1")], inventory=old).values() if s.rank is None]
    assert (left.member.center, len(left.borrowed), left.stale.total) == ("华北", 1, 0)


# --- what it says ----------------------------------------------------------------------------------------------------


def test_a_statement_gives_points_place_and_standing():
    stood = statements(loans=[loan("L-1"), loan("L-2", 借出日期=None)], adjustments=[adjustment("华北", 1)])
    lender, borrower = stood["华东"], stood["华北"]
    assert (lender.rank, lender.balance, lender.helped, lender.received, lender.standing) == (1, 1, 1, 0, "可求助")
    assert (borrower.rank, borrower.balance, borrower.received, borrower.standing) == (2, 0, 1, "需先帮助他人")


def test_loans_stand_by_the_day_they_are_due_and_agreed_ones_last():
    loans = [
        loan("L-1", 数量=3, 已还数量=1, 到期日期="2025-11-10"),
        loan("L-2", 到期日期="2025-11-11"),
        loan("L-3", 到期日期="2025-11-01"),
        loan("L-4", 借出日期=None),
        loan("L-5", 到期日期=MONDAY),
    ]
    borrower, lender = (statements(loans=loans)[center] for center in ("华北", "华东"))
    lines = [(line.loan_id, line.days, line.units) for line in borrower.borrowed]
    assert lines == [("L-3", 2, 1), ("L-5", 0, 1), ("L-1", -7, 2), ("L-2", -8, 1), ("L-4", 0, 1)]
    assert lender.lent == borrower.borrowed
    assert (borrower.overdue, borrower.due_soon, borrower.to_send) == (1, 2, 0)
    assert (lender.overdue, lender.due_soon, lender.to_send) == (0, 0, 1)


def test_requests_stand_the_most_pressing_first():
    asked = [request("R-1"), request("R-2", 申报级别="P1"), request("R-3", 舆情风险="高", 原因="要发文")]
    lines = [(line.request_id, line.level, line.standing) for line in statements(requests=asked)["华北"].requests]
    assert lines == [("R-3", "P0", "无条件支持"), ("R-2", "P1", "需先帮助他人"), ("R-1", "P2", "需先帮助他人")]


def test_stock_stands_by_how_long_nobody_touched_it():
    stock = [
        shelf(part_no="P-1", updated_on="2025-10-20", last_used_on="2025-08-05"),
        shelf(part_no="P-2", updated_on="2025-10-13", last_used_on="2025-08-06", on_hand=5),
        shelf(part_no="P-3", on_hand=0, last_used_on="2025-01-01"),
        shelf("华东", updated_on="2025-01-01"),
    ]
    own = statements(inventory=stock, parts=[part("P-1"), part("P-2"), part("P-3")])["华北"]
    assert [(line.part_no, line.on_hand, line.days) for line in own.stale.top] == [("P-2", 5, 21), ("P-1", 2, 14)]
    assert [(line.part_no, line.days) for line in own.dead.top] == [("P-1", 90)]  # nothing on the shelf is not dead


def test_of_a_long_list_of_stock_the_worst_are_named_and_all_are_counted():
    parts = [part(f"P-{n:02}") for n in range(LINES + 5)]
    own = statements(parts=parts, inventory=[shelf(part_no=p["配件编号"], updated_on="2025-10-01") for p in parts])[
        "华北"
    ]
    assert (own.stale.total, len(own.stale.top)) == (LINES + 5, LINES)


@laws(20)
@given(SHEETS)
def test_every_open_loan_stands_in_the_statements_of_both_sides_and_in_no_other(rows):
    plan = decided(as_book(rows), TODAY, POLICY)
    still = [row for row in plan.rows["loan_states"] if row[7] in (AWAITING, *OUT)]
    for side, lines in ((1, "lent"), (2, "borrowed")):
        stood = [(s.member.center, line.loan_id) for x in letters(plan) for s in x.items for line in getattr(s, lines)]
        assert sorted(stood) == sorted((row[side], row[0]) for row in still)


@laws(15)
@given(SHEETS)
def test_a_first_run_tells_each_member_once_and_all_of_them_once(rows):
    plan = decided(as_book(rows), TODAY, POLICY)
    heard = [item.member.center for x in letters(plan) for item in x.items]
    assert len(heard) == len(set(heard))
    assert sum(len(x.items) for x in letters(plan, "digest")) <= 1


# --- the digest ------------------------------------------------------------------------------------------------------


def digest(as_of=MONDAY, policy=POLICY, **tabs) -> Digest:
    """The digest of a sheet with these rows."""
    [x] = letters(decided(settled(book(**tabs)), as_of, policy), "digest")
    return x.items[0]


@pytest.mark.parametrize("step", [1, 7])
def test_there_is_one_digest_a_week_and_it_is_of_the_first_run(step):
    sheet, told_on = settled(book(loans=[loan("L-1", 到期日期="2026-01-01")])), []
    for day in days("2025-10-29", "2025-11-15", step):
        plan, sheet = run(sheet, day, POLICY)
        told_on += [(day, key) for key in told(plan, "digest")]
    first = {1: ["2025-10-29", "2025-11-03", "2025-11-10"], 7: ["2025-10-29", "2025-11-05", "2025-11-12"]}[step]
    assert told_on == [(day, f"digest:{_week(day)}") for day in first]


def test_the_digest_goes_to_the_coordinator_and_every_member_is_copied_once():
    gone = {**MEMBERS[3], "退出日期": MONDAY}
    desk = member("西南", 邮箱="desk@example.cn")
    members = [*MEMBERS[:3], gone, desk, member("华南", 邮箱=ADDRESS["华北"])]
    [x] = letters(decided(settled(book(members=members, loans=[loan("L-1")])), MONDAY, POLICY), "digest")
    assert (x.to, x.reply_to, x.greeting) == ("desk@example.cn", "desk@example.cn", "")
    assert x.cc == tuple(sorted(ADDRESS[center] for center in ("华北", "华东", "华中")))


@pytest.mark.parametrize(
    ("policy", "tabs", "count"),
    [
        (POLICY, {"loans": [loan("L-1", 归还日期="2025-10-30")]}, 1),
        (POLICY, {"requests": [request("R-1")]}, 1),
        (POLICY, {"inventory": [shelf(updated_on="2025-01-01")]}, 0),  # nobody has helped or asked yet
        (Policy(), {"requests": [request("R-1")]}, 0),  # nobody to send it to
    ],
)
def test_an_alliance_that_has_not_begun_has_no_digest(policy, tabs, count):
    assert len(letters(decided(settled(book(**tabs)), MONDAY, policy), "digest")) == count


def test_the_digest_names_the_first_three_places_and_no_member_who_left():
    members = [*MEMBERS[:3], {**MEMBERS[3], "退出日期": MONDAY}, member("华南"), member("西南")]
    points = [adjustment("西北", 9), adjustment("华南", 5), adjustment("西南", 5), adjustment("华东", 7)]
    leaders = digest(members=members, adjustments=points, loans=[loan("L-1")]).leaders
    assert [(place.rank, place.center, place.balance) for place in leaders] == [
        (1, "华东", 8), (2, "华南", 5), (2, "西南", 5)
    ]  # fmt: skip


def test_the_digest_tells_who_helped_whom_within_seven_days():
    loans = [
        loan("L-1", 借出日期="2025-10-27"),
        loan("L-2", 借出日期="2025-10-28", 数量=3, 已还数量=1),
        loan("L-3", 借出日期=MONDAY, 归还日期=MONDAY),
        loan("L-4", 借出日期="2025-11-04"),
        loan("L-5", 借出日期=MONDAY, 作废="是"),
    ]
    helped = digest(loans=loans).helped
    assert [(line.loan_id, line.units) for line in helped.top] == [("L-2", 3), ("L-3", 1)]


def test_the_digest_lists_unsolved_crises_and_overdue_loans():
    crisis = {"舆情风险": "高", "原因": "要发文"}
    asked = [
        request("R-1"),
        request("R-2", **crisis),
        request("R-3", **crisis, 状态="已满足"),
        request("R-4", **crisis),
    ]
    loans = [
        loan("L-1", 到期日期="2025-11-02"),
        loan("L-2", 到期日期="2025-11-01"),
        loan("L-3", 到期日期=MONDAY, 求助编号="R-4"),
    ]
    found = digest(requests=asked, loans=loans)
    assert [(line.request_id, line.units) for line in found.crises.top] == [("R-2", 1), ("R-4", 0)]
    assert [(line.loan_id, line.days) for line in found.overdue.top] == [("L-2", 2), ("L-1", 1)]


def test_of_a_long_list_the_first_are_named_and_all_are_counted():
    overdue = digest(loans=[loan(f"L-{n:02}", 到期日期="2025-11-01") for n in range(LINES + 5)]).overdue
    assert (overdue.total, len(overdue.top)) == (LINES + 5, LINES)


def test_the_digest_gives_figures_beside_their_references():
    english = replace(POLICY, alliance=replace(POLICY.alliance, locale="en"))
    loans = [loan("L-1", 归还日期="2025-10-30"), loan("L-2", 归还日期="2025-11-10", 到期日期="2025-11-06")]
    lines = digest("2025-11-12", english, loans=loans).figures
    assert [(line.name, line.value) for line in lines] == [
        ("fill rate", None), ("hours to receipt, median", None), ("on-time return rate", 50.0)
    ]  # fmt: skip
    assert (lines[0].unit, lines[0].traditional, lines[0].benchmark) == ("%", "85-90%", "95-98%")
    assert digest(requests=[request("R-1", 状态="已满足"), request("R-2")]).figures[0].name == "满足率"


CHANGES = (
    # what happened, on which loan or request: in the last seven days, in the seven before
    ("asked", {"requests": [request("R-1", 提出时间="2025-10-28 08:00"), request("R-2", 提出时间="2025-10-27 23:00")]}, (1, 1)),
    ("asked", {"requests": [request("R-1", 提出时间="2025-10-20 08:00"), request("R-2", 提出时间="2025-11-04 08:00")]}, (0, 0)),
    ("lent", {"loans": [loan("L-1", 借出日期=MONDAY), loan("L-2", 借出日期="2025-10-21")]}, (1, 1)),
    ("lent", {"loans": [loan("L-1", 借出日期=MONDAY, 作废="是"), loan("L-2", 借出日期="2025-11-04")]}, (0, 0)),
    ("returned", {"loans": [loan("L-1", 归还日期=MONDAY), loan("L-2", 归还日期="2025-10-27")]}, (1, 1)),
    ("overdue", {"loans": [loan("L-1", 到期日期="2025-11-02"), loan("L-2", 到期日期=MONDAY)]}, (1, 0)),
    ("overdue", {"loans": [loan("L-1", 到期日期="2025-10-26", 归还日期="2025-10-30")]}, (0, 1)),  # late, and back since
    ("overdue", {"loans": [loan("L-1", 到期日期="2025-10-30", 归还日期="2025-10-30")]}, (0, 0)),
    ("overdue", {"loans": [loan("L-1", 到期日期="2025-10-30", 已还数量=1)]}, (0, 0)),  # back, nobody wrote when
    ("overdue", {"loans": [loan("L-1", 到期日期="2025-10-30", 赔偿日期="2025-10-29")]}, (0, 0)),
    ("overdue", {"loans": [loan("L-1", 到期日期="2025-10-30", 方案="配件互换")]}, (0, 0)),
    ("overdue", {"loans": [loan("L-1", 到期日期="2025-11-01", 作废="是")]}, (0, 0)),
)  # fmt: skip


@pytest.mark.parametrize(("what", "tabs", "counted"), CHANGES)
def test_the_digest_compares_seven_days_with_the_seven_before(what, tabs, counted):
    other = {
        "requests": [request("R-0", 提出时间="2025-01-01 08:00")],
        "loans": [loan("L-0", 借出日期="2024-12-01", 到期日期="2025-01-01")],
    }
    both = {name: [*rows, *tabs.get(name, [])] for name, rows in other.items()}
    [change] = [change for change in digest(**both).changes if change.what == what]
    assert (change.now, change.before) == counted

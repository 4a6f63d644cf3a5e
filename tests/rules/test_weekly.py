"""What is told once a week, to whom, and what it says. Rules, section 5."""

from datetime import date

import pytest
from hypothesis import given

from rules.items import Statement
from rules.ladder import AWAITING, OUT
from rules.outbox import NO_LONGER, mails_in
from rules.policy import Alliance, Policy, RunPolicy
from rules.values import Book, MailStatus
from rules.weekly import STOCK_LINES
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
    assert (left.member.center, len(left.borrowed), left.stale.rows) == ("华北", 1, 0)


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
    assert [(line.part_no, line.on_hand, line.days) for line in own.stale.worst] == [("P-2", 5, 21), ("P-1", 2, 14)]
    assert [(line.part_no, line.days) for line in own.dead.worst] == [("P-1", 90)]  # nothing on the shelf is not dead


def test_of_a_long_list_of_stock_the_worst_are_named_and_all_are_counted():
    parts = [part(f"P-{n:02}") for n in range(STOCK_LINES + 5)]
    own = statements(parts=parts, inventory=[shelf(part_no=p["配件编号"], updated_on="2025-10-01") for p in parts])[
        "华北"
    ]
    assert (own.stale.rows, len(own.stale.worst)) == (STOCK_LINES + 5, STOCK_LINES)


@laws(20)
@given(SHEETS)
def test_every_open_loan_stands_in_the_statements_of_both_sides_and_in_no_other(rows):
    plan = decided(as_book(rows), TODAY, POLICY)
    still = [row for row in plan.rows["loan_states"] if row[7] in (AWAITING, *OUT)]
    for side, lines in ((1, "lent"), (2, "borrowed")):
        stood = [(s.member.center, line.loan_id) for x in letters(plan) for s in x.items for line in getattr(s, lines)]
        assert sorted(stood) == sorted((row[side], row[0]) for row in still)

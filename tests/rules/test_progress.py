"""What lender and borrower hear of a loan besides the ladder, each thing once. Rules, section 4."""

from datetime import date

import pytest

from rules.items import LoanNote
from rules.policy import Alliance, MailPolicy, Policy, RunPolicy
from rules.values import Book, MailStatus
from tests.rules.sheets import MEMBERS, NOT_WEEKLY, book, days, decided, loan, member, run, settled

POLICY = Policy(
    alliance=Alliance(coordinator_email="desk@example.cn"),
    run=RunPolicy(cadence_days=1),
    mail=MailPolicy(kinds=NOT_WEEKLY),
)
KINDS = ("recall", "arrived", "thanks")
ADDRESS = {str(m["服务中心"]): str(m["邮箱"]) for m in MEMBERS}


def letters(plan):
    return [x for x in plan.letters if x.kind in KINDS]


def noted(plan) -> list[str]:
    return [key for x in letters(plan) for key in x.keys]


def on(as_of, *loans, inventory=(), **tabs) -> list[str]:
    """The keys of what is told on *as_of* of these loans, on a sheet with nothing on record."""
    return noted(decided(settled(book(loans=loans, inventory=inventory, **tabs)), as_of, POLICY))


def shelf(on_hand=0, center="华北", part_no="P-1", **cells):
    return {"center": center, "part_no": part_no, "on_hand": on_hand, **cells}


def changed(sheet, **tabs) -> Book:
    """The sheet after people typed other rows."""
    return Book({**sheet.tabs, **{name: book(**tabs).tabs[name] for name in tabs}})


def over(first, last, *loans, step=1) -> dict[str, list[str]]:
    """What is told on each day of runs every *step* days, where something is."""
    sheet, said = settled(book(loans=loans)), {}
    for day in days(first, last, step):
        plan, sheet = run(sheet, day, POLICY)
        said |= {day: noted(plan)} if noted(plan) else {}
    return said


# --- thanks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("as_of", "cells", "told"),
    [
        ("2025-10-25", {"签收日期": "2025-10-25"}, ["received"]),
        ("2025-10-24", {"签收日期": "2025-10-25"}, []),  # expected, not there yet
        ("2025-10-29", {}, []),
        ("2025-10-30", {}, ["week1"]),
        ("2025-11-05", {}, ["week1"]),
        ("2025-11-06", {}, []),  # due: the ladder copies the lender
        ("2025-11-06", {"签收日期": "2025-11-05"}, []),
        ("2025-11-20", {"到期日期": "2025-12-20"}, ["week4"]),  # earlier weeks are not told late
        ("2025-11-20", {"签收日期": "2025-10-25", "到期日期": "2025-12-20"}, ["received"]),
    ],
)
def test_the_lender_hears_that_it_arrived_and_then_each_week(as_of, cells, told):
    assert on(as_of, loan("L-1", **cells)) == [f"thanks:L-1:{event}" for event in told]


def test_a_thank_you_goes_to_the_lender_and_its_answer_to_the_borrower():
    made = loan("L-1", 数量=3, 已还数量=1, 签收日期="2025-10-25", 到期日期="2025-11-20")
    [x] = letters(decided(book(loans=[made]), "2025-11-07", POLICY))
    assert (x.kind, x.to, x.cc, x.reply_to, x.greeting) == ("thanks", ADDRESS["华东"], (), ADDRESS["华北"], "华东经理")
    [note] = x.items
    assert isinstance(note, LoanNote)
    assert (note.event, note.qty, note.outstanding, note.part_name) == ("received", 3, 2, "中控大屏")
    assert (note.due, note.days, note.weeks) == (date(2025, 11, 20), -13, 2)


def test_each_week_is_told_once_until_the_loan_is_due():
    assert over("2025-10-23", "2025-11-20", loan("L-1", 到期日期="2025-11-14")) == {
        "2025-10-30": ["thanks:L-1:week1"],
        "2025-11-06": ["thanks:L-1:week2"],
        "2025-11-13": ["thanks:L-1:week3"],
    }


def test_a_run_every_second_week_tells_the_latest_week_alone():
    told = over("2025-10-24", "2025-12-05", loan("L-1", 到期日期="2026-01-01"), step=14).values()
    assert list(told) == [["thanks:L-1:week2"], ["thanks:L-1:week4"], ["thanks:L-1:week6"]]


@pytest.mark.parametrize("outcome", [MailStatus.SENT, MailStatus.FAILED])
def test_the_week_that_had_passed_when_the_receipt_was_told_is_not_told_besides(outcome):
    """Neither in the same run nor the day after: week 1 was over on 2025-10-30."""
    sheet = settled(book(loans=[loan("L-1", 签收日期="2025-10-25", 到期日期="2025-11-20")]))
    told = {}
    for day in days("2025-11-01", "2025-11-07"):
        plan, sheet = run(sheet, day, POLICY, outcome if day == "2025-11-01" else MailStatus.SENT)
        told |= {day: noted(plan)} if noted(plan) else {}
    tried_again = {"2025-11-02": ["thanks:L-1:received"]} if outcome is MailStatus.FAILED else {}
    assert told == {"2025-11-01": ["thanks:L-1:received"], **tried_again, "2025-11-06": ["thanks:L-1:week2"]}


def test_a_week_that_waits_gives_way_to_the_receipt():
    sheet = settled(book(loans=[loan("L-1")]))
    _, sheet = run(sheet, "2025-10-30", POLICY, MailStatus.FAILED)
    plan, sheet = run(changed(sheet, loans=[loan("L-1", 签收日期="2025-10-30")]), "2025-10-31", POLICY)
    assert noted(plan) == ["thanks:L-1:received"]
    assert noted(run(sheet, "2025-11-01", POLICY)[0]) == []


# --- the borrower's own stock has come -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stock", "told"),
    [
        (shelf(在途数量=4, 预计到货="2025-10-28"), ("2025-10-28", 4)),
        (shelf(在途数量=4, 预计到货="2025-10-29"), None),  # not due to arrive yet
        (shelf(在途数量=4, 预计到货="2025-10-23"), None),  # known when the loan was made
        (shelf(在途数量=0, 预计到货="2025-10-28"), None),
        (shelf(在途数量=4), None),
        (shelf(5, 更新日期="2025-10-24"), ("stock", 2)),  # 3 of the 5 are on loan
        (shelf(3, 更新日期="2025-10-24"), None),  # all of them are on loan
        (shelf(5, 更新日期="2025-10-23"), None),  # counted before they came
        (shelf(5), None),
        (shelf(5, 更新日期="2025-10-24", 在途数量=4, 预计到货="2025-10-28"), ("2025-10-28", 4)),
        (shelf(5, 更新日期="2025-10-24", 在途数量=4, 预计到货="2025-11-28"), ("stock", 2)),
        (shelf(5, "华东", 更新日期="2025-10-24"), None),
        (shelf(5, part_no="P-2", 更新日期="2025-10-24"), None),
    ],
)
def test_the_borrower_is_asked_to_return_first_when_its_own_stock_has_come(stock, told):
    loans = [
        loan("L-1", 数量=2),
        loan("L-2", 数量=2, 已还数量=1, 借出日期="2025-10-26"),
        loan("L-3", 归还日期="2025-10-26"),
    ]
    plan = decided(book(loans=loans, inventory=[stock]), "2025-10-28", POLICY)
    notes = [item for x in letters(plan) for item in x.items if item.loan_id == "L-1"]
    assert [(note.key, note.stock) for note in notes] == ([(f"arrived:L-1:{told[0]}", told[1])] if told else [])
    for x in letters(plan):
        assert (x.kind, x.to, x.cc, x.reply_to) == ("arrived", ADDRESS["华北"], (), ADDRESS["华东"])


# --- recall ----------------------------------------------------------------------------------------------------------


def test_a_recall_is_told_to_the_borrower_once_and_copied_to_the_lender():
    sheet = settled(book(loans=[loan("L-1", 召回日期="2025-10-25")]))
    assert noted(decided(sheet, "2025-10-24", POLICY)) == []
    plan, sheet = run(sheet, "2025-10-25", POLICY)
    [x] = letters(plan)
    assert (x.kind, x.to, x.cc, x.reply_to) == ("recall", ADDRESS["华北"], (ADDRESS["华东"],), ADDRESS["华东"])
    assert (x.items[0].key, x.items[0].due) == ("recall:L-1:2025-10-25:2025-10-26", date(2025, 10, 26))
    assert noted(run(sheet, "2025-10-26", POLICY)[0]) == []
    again = changed(sheet, loans=[loan("L-1", 召回日期="2025-10-26")])
    assert noted(decided(again, "2025-10-26", POLICY)) == ["recall:L-1:2025-10-26:2025-10-27"]


# --- which loans -----------------------------------------------------------------------------------------------------

EVERYTHING = {"签收日期": "2025-10-24", "召回日期": "2025-10-25", "到期日期": "2025-12-24"}


@pytest.mark.parametrize(
    "end",
    [
        {"归还日期": "2025-10-25"},
        {"已还数量": 1},
        {"赔偿日期": "2025-10-25"},
        {"方案": "配件互换"},
        {"作废": "是"},
        {"借出日期": None},
        {"借出日期": "2025-12-01", "签收日期": None, "召回日期": None},
    ],
)
def test_nobody_is_told_of_a_loan_that_is_not_out(end):
    stock = [shelf(9, 更新日期="2025-12-02")]
    assert len(on("2025-10-25", loan("L-1", **EVERYTHING), inventory=stock)) == 3
    assert on("2025-10-25", loan("L-1", **{**EVERYTHING, **end}), inventory=stock) == []


@pytest.mark.parametrize("status", [MailStatus.QUEUED, MailStatus.FAILED])
def test_what_waits_is_given_up_when_the_loan_comes_back(status):
    sheet = settled(book(loans=[loan("L-1", **EVERYTHING)]))
    _, sheet = run(sheet, "2025-10-25", POLICY, status)
    plan, _ = run(changed(sheet, loans=[loan("L-1", **EVERYTHING, 归还日期="2025-10-25")]), "2025-10-25", POLICY)
    assert plan.letters == ()
    assert {mail.status for mail in plan.mails} == {MailStatus.CANCELLED}


def test_a_member_who_left_is_still_told_of_open_loans():
    members = [{**m, "退出日期": "2025-10-24"} for m in MEMBERS]
    assert len(on("2025-10-25", loan("L-1", **EVERYTHING), members=members)) == 2


def test_notes_to_the_same_people_are_one_letter_the_most_pressing_first():
    loans = [
        loan("L-1", 到期日期="2025-11-20"),
        loan("L-2", 到期日期="2025-11-20", 签收日期="2025-10-24"),
        loan("L-3", 到期日期="2025-11-10"),
        loan("L-4", "华中", 到期日期="2025-11-05"),
    ]
    plan = decided(book(loans=loans), "2025-10-30", POLICY)
    assert [x.keys for x in letters(plan)] == [
        ("thanks:L-2:received", "thanks:L-3:week1", "thanks:L-1:week1"),
        ("thanks:L-4:week1",),
    ]


def test_a_mailbox_that_lender_and_borrower_share_is_not_copied():
    both = [member(name, 邮箱="one@example.cn") for name in ("华北", "华东")]
    [x] = [
        x
        for x in letters(decided(book(members=both, loans=[loan("L-1", **EVERYTHING)]), "2025-10-26", POLICY))
        if x.kind == "recall"
    ]
    assert (x.to, x.cc) == ("one@example.cn", ())

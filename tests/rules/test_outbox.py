"""Letters to the same people are one mail, no item is mailed twice, no fate is lost. Rules, section 5."""

import hashlib
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.fates import NO_LONGER, TOO_MANY, TOO_OFTEN, UNKNOWN_RESULT
from rules.intake import SheetError
from rules.letters import ITEMS_PER_MAIL, NOTICES_PER_MAIL
from rules.outbox import kind_of, mails_in, rows_of
from rules.policy import LADDER, MAIL_KINDS, Alliance, MailPolicy, OverduePolicy, Policy, RunPolicy
from rules.schema import OUTBOX, renamed
from rules.values import Book, Mail, MailStatus, RawTable
from tests.rules.sheets import (
    MEMBERS,
    NOT_WEEKLY,
    PARTS,
    PATIENT,
    ZONE,
    adjustment,
    after,
    book,
    changes,
    decided,
    loan,
    mails_after,
    member,
    reminders,
    request,
    run,
    settled,
    tab,
    taken_in,
    with_mails,
)
from tests.rules.strategies import TODAY, as_book, moved_about
from tests.rules.test_laws import HANDED_OVER, OUTCOMES, SHEETS, laws

QUEUED, SENT, FAILED, HELD, SENDING, CANCELLED = (
    MailStatus.QUEUED, MailStatus.SENT, MailStatus.FAILED, MailStatus.HELD, MailStatus.SENDING, MailStatus.CANCELLED
)  # fmt: skip
DESK = Alliance(name="联盟", coordinator_email="desk@example.cn")
EVERY_KIND = Policy(alliance=DESK, loans=PATIENT, run=RunPolicy(cadence_days=1))
POLICY = replace(EVERY_KIND, mail=MailPolicy(kinds=NOT_WEEKLY))
DUE = "2025-11-06"


def policy(**mail) -> Policy:
    return replace(POLICY, mail=MailPolicy(**{"kinds": NOT_WEEKLY, **mail}))


def letters(sheet, as_of=DUE, policy=POLICY, kind="overdue"):
    return [x for x in decided(sheet, as_of, policy).letters if x.kind == kind]


def stood(sheet) -> dict[str, str]:
    """What the outbox says of each reminder: `L-1 formal` -> status."""
    mails = mails_in(sheet.tabs["outbox"], ZONE)
    return {
        " ".join(item.split(":")[1:3]): m.status.value for m in mails for item in m.items if item.startswith("overdue:")
    }


# --- one mail for the same people ------------------------------------------------------------------------------------


def address(center: str) -> str:
    return next(str(m["邮箱"]) for m in MEMBERS if m["服务中心"] == center)


def test_a_friendly_word_goes_to_the_borrower_alone():
    [x] = letters(settled(book(loans=[loan("L-1")])), "2025-11-03")
    assert (x.to, x.cc, x.greeting, x.reply_to) == (address("华北"), (), "华北经理", address("华东"))


def test_a_formal_notice_is_copied_to_the_lender():
    [x] = letters(settled(book(loans=[loan("L-1")])))
    assert (x.to, x.cc) == (address("华北"), (address("华东"),))


@pytest.mark.parametrize("as_of", ["2025-11-09", "2025-11-13"])
def test_from_the_third_day_the_borrowers_superior_is_copied(as_of):
    """逾期3天：向对方上级汇报."""
    _, sheet = run(settled(book(loans=[loan("L-1")])), DUE, POLICY)
    if as_of == "2025-11-13":
        _, sheet = run(sheet, "2025-11-09", POLICY)
    [x] = letters(sheet, as_of)
    assert x.cc == (address("华东"), "north.boss@example.cn")


@pytest.mark.parametrize(("coordinator", "copied"), [("desk@example.cn", ("desk@example.cn",)), ("", ())])
def test_without_a_superiors_address_the_coordinator_is_told(coordinator, copied):
    everyone = replace(POLICY, alliance=replace(DESK, coordinator_email=coordinator))
    _, sheet = run(settled(book(loans=[loan("L-1", "华东", "西北")])), DUE, everyone)
    plan = decided(sheet, "2025-11-09", everyone)
    [x] = [x for x in plan.letters if x.kind == "overdue"]
    assert x.cc == (address("华东"), *copied)
    assert [(p.code, p.key, p.row) for p in plan.problems] == [("no_supervisor", "西北", 5)]


@pytest.mark.parametrize(
    ("cells", "warned"),
    [({}, ["西北"]), ({"借出日期": None}, []), ({"归还日期": "2025-10-30"}, []), ({"借用方": "华北"}, [])],
)
def test_a_superiors_address_that_a_loan_may_need_is_asked_for_in_time(cells, warned):
    """While the loan is out and not yet reported to anybody."""
    sheet = settled(book(loans=[loan("L-1", "华东", "西北", **cells)]))
    problems = decided(sheet, "2025-10-31", POLICY).problems
    assert [p.key for p in problems if p.code == "no_supervisor"] == warned
    nobody = replace(POLICY, overdue=OverduePolicy(tuple(replace(rung, cc=()) for rung in LADDER)))
    assert "no_supervisor" not in {p.code for p in decided(sheet, "2025-10-31", nobody).problems}


def test_nobody_is_copied_twice_or_on_mail_to_himself():
    same = [member("华北", 邮箱="one@example.cn", 上级邮箱="one@example.cn"), member("华东", 邮箱="two@example.cn")]
    same.append(member("华中", 邮箱="three@example.cn", 上级邮箱="two@example.cn"))
    sheet = book(members=same, loans=[loan("L-1"), loan("L-2", "华东", "华中")])
    _, sheet = run(settled(sheet), DUE, POLICY)
    assert {x.to: x.cc for x in letters(sheet, "2025-11-09")} == {
        "one@example.cn": ("two@example.cn",), "three@example.cn": ("two@example.cn",)
    }  # fmt: skip


def test_items_to_the_same_people_are_one_mail_most_severe_first():
    loans = [
        loan("L-1", 到期日期="2025-11-09"),  # friendly
        loan("L-2", 到期日期="2025-11-13"),  # prepare
        loan("L-3", "华中", 到期日期="2025-11-06"),  # formal, copied to another lender
        loan("L-4", 到期日期="2025-11-05"),  # formal, 1 day late
        loan("L-6", 到期日期="2025-11-02"),  # formal, 4 days late
        loan("L-5", 到期日期="2025-11-02"),
    ]
    got = [[item.loan_id for item in x.items] for x in letters(settled(book(loans=loans)))]
    assert got == [["L-5", "L-6", "L-4"], ["L-3"], ["L-1", "L-2"]]


def test_members_who_share_an_address_and_language_share_a_mail():
    shared = [member("华北", 邮箱="one@example.cn"), member("华中", 邮箱="one@example.cn"), member("华东")]
    sheet = settled(book(members=shared, loans=[loan("L-1"), loan("L-2", "华东", "华中")]))
    [x] = letters(sheet, "2025-11-03")
    assert x.greeting == "华北经理、华中经理"
    shared[1] = {**shared[1], "语言": "en"}
    sheet = settled(book(members=shared, loans=[loan("L-1"), loan("L-2", "华东", "华中")]))
    assert sorted(x.locale for x in letters(sheet, "2025-11-03")) == ["en", "zh"]


def test_the_mail_number_is_a_hash_of_the_alliance_the_people_and_the_items():
    """First 16 hex digits of SHA-256 over (alliance name, to, cc, sorted item keys)."""
    loans = [loan("L-2"), loan("L-1")]
    [x] = letters(settled(book(loans=loans)))
    keys = ["overdue:L-1:formal:2025-11-06", "overdue:L-2:formal:2025-11-06"]
    text = "\n".join(["联盟", address("华北"), address("华东"), *keys])
    assert x.mail_id == hashlib.sha256(text.encode()).hexdigest()[:16]
    assert sorted(x.keys) == keys


def test_long_digests_are_cut_into_several_mails():
    loans = [loan(f"L-{n:03d}") for n in range(ITEMS_PER_MAIL + 5)]
    got = letters(settled(book(loans=loans)))
    assert [len(x.items) for x in got] == [ITEMS_PER_MAIL, 5]
    _, sheet = run(settled(book(loans=loans)), DUE, POLICY, QUEUED)
    assert [x.mail_id for x in letters(sheet)] == [x.mail_id for x in got]


# --- no item twice ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [SENT, HELD, SENDING])
def test_what_has_left_or_may_have_left_is_not_mailed_again(outcome):
    sheet = settled(book(loans=[loan("L-1")]))
    _, sheet = run(sheet, DUE, POLICY, outcome)
    for day in (DUE, "2025-11-07", "2025-11-08"):
        plan, sheet = run(sheet, day, POLICY)
        assert reminders(plan) == []


@pytest.mark.parametrize("outcome", [FAILED, QUEUED])
def test_what_has_not_left_is_tried_again_as_the_same_mail(outcome):
    first, sheet = run(settled(book(loans=[loan("L-1")])), DUE, POLICY, outcome)
    second, sheet = run(sheet, "2025-11-07", POLICY)
    assert [x.mail_id for x in first.letters] == [x.mail_id for x in second.letters]
    assert second.letters[0].items[0].days == 1  # said as it is that day
    assert stood(sheet) == {"L-1 formal": "已发送"}
    assert len(mails_in(sheet.tabs["outbox"], ZONE)) == 1


@pytest.mark.parametrize("tries", [1, 3])
def test_after_max_attempts_a_person_must_look(tries):
    sheet = settled(book(loans=[loan("L-1")]))
    limit = policy(max_attempts=tries)
    for _ in range(tries):
        plan, sheet = run(sheet, DUE, limit, FAILED)
        assert len(reminders(plan)) == 1
    plan, sheet = run(sheet, DUE, limit, FAILED)
    [mail] = [m for m in plan.mails if m.items[0].startswith("overdue:")]
    assert (mail.status, mail.attempts) == (HELD, tries)
    assert mail.error == f"{TOO_OFTEN.zh.format(n=tries)}: 稍后再试"
    assert reminders(plan) == []


def test_a_crash_while_sending_leaves_the_mail_to_a_person():
    """A row left in 发送中 becomes 待人工 with the reason 结果未知, is reported, and is never sent again by itself."""
    _, sheet = run(settled(book(loans=[loan("L-1")])), DUE, POLICY, SENDING)
    plan, sheet = run(sheet, DUE, POLICY)
    assert [(m.status, m.error) for m in plan.mails] == [(HELD, UNKNOWN_RESULT.zh)]
    [report] = plan.letters
    assert (report.kind, report.items[0].severity, report.items[0].problem) == ("problems", "held", UNKNOWN_RESULT.zh)
    plan, sheet = run(sheet, "2025-11-20", POLICY)
    assert plan.letters == ()


@pytest.mark.parametrize("outcome", [SENDING, HELD])
@pytest.mark.parametrize(
    "now",
    [
        [loan("L-1", 归还日期="2025-11-06"), loan("L-2")],
        [loan("L-1"), loan("L-2"), loan("L-3")],
        [loan("L-1", 延期至="2025-12-01"), loan("L-2")],
    ],
)
def test_what_may_have_left_is_never_sent_a_second_time(now, outcome):
    """Also when the mail would look different now: no item of it is made anew."""
    _, sheet = run(settled(book(loans=[loan("L-1"), loan("L-2")])), DUE, POLICY, outcome)
    sheet = Book({**sheet.tabs, "loans": book(loans=now).tabs["loans"]})
    for _ in range(3):
        plan, sheet = run(sheet, DUE, POLICY)
        assert not {"L-1 formal", "L-2 formal"} & set(reminders(plan))
    assert {stood(sheet)[key] for key in ("L-1 formal", "L-2 formal")} == {"待人工"}


@pytest.mark.parametrize("status", [QUEUED, FAILED, HELD])
def test_a_waiting_mail_is_retired_when_its_reason_is_gone(status):
    old_case = book(loans=[loan("L-1")])
    as_of = "2025-12-20" if status is HELD else DUE  # the first run holds old cases
    start = old_case if status is HELD else settled(old_case)
    _, sheet = run(start, as_of, POLICY, status)
    assert stood(sheet) == {"L-1 formal": status.value}
    sheet = Book({**sheet.tabs, "loans": book(loans=[loan("L-1", 归还日期=DUE)]).tabs["loans"]})
    plan, sheet = run(sheet, as_of, POLICY)
    mail = next(m for m in plan.mails if m.items[0].startswith("overdue:"))
    assert (mail.status, mail.error, reminders(plan)) == (CANCELLED, NO_LONGER.zh, [])


def test_a_friendly_word_that_waited_too_long_is_retired():
    _, sheet = run(settled(book(loans=[loan("L-1")])), "2025-11-03", POLICY, FAILED)
    plan, sheet = run(sheet, DUE, POLICY)
    assert reminders(plan) == ["L-1 formal"]
    assert stood(sheet) == {"L-1 friendly": "已取消", "L-1 formal": "已发送"}


def test_a_formal_notice_that_failed_is_sent_before_anything_worse():
    _, sheet = run(settled(book(loans=[loan("L-1")])), DUE, POLICY, FAILED)
    plan, sheet = run(sheet, "2025-11-10", POLICY)
    assert reminders(plan) == ["L-1 formal"]
    plan, sheet = run(sheet, "2025-11-12", POLICY)
    assert reminders(plan) == []
    plan, sheet = run(sheet, "2025-11-13", POLICY)
    assert reminders(plan) == ["L-1 escalate"]  # the ladder counts from the day the notice left


@pytest.mark.parametrize("day", ["2025-11-09", "2025-11-20"])
def test_nobody_is_told_of_a_second_notice_before_the_first_has_left(day):
    """A released mail, or all mail of a worker that was tried without a way out, does not leave three rungs at once."""
    _, sheet = run(settled(book(loans=[loan("L-1")])), DUE, POLICY, QUEUED)
    plan, sheet = run(sheet, day, POLICY, SENT)
    assert reminders(plan) == ["L-1 formal"]
    plan, sheet = run(sheet, day, POLICY, SENT)
    assert reminders(plan) == []


def moved(sheet, **cells):
    """The sheet after the borrower's row in 成员 was changed."""
    members = [{**m, **cells} if m["服务中心"] == "华北" else m for m in MEMBERS]
    return Book({**sheet.tabs, "members": book(members=members).tabs["members"]})


def test_a_changed_address_makes_a_new_mail_of_what_has_not_left():
    _, sheet = run(settled(book(loans=[loan("L-1")])), DUE, POLICY, FAILED)
    sheet = moved(sheet, 邮箱="new@example.cn")
    second, sheet = run(sheet, DUE, POLICY)
    assert [x.to for x in second.letters] == ["new@example.cn"]
    assert [m.status for m in mails_in(sheet.tabs["outbox"], ZONE)] == [CANCELLED, SENT]
    third, _ = run(moved(sheet, 邮箱="newer@example.cn"), DUE, POLICY)
    assert reminders(third) == []


def test_an_address_changed_and_changed_back_loses_no_reminder():
    """The mail that was given up has the same number; it begins anew."""
    _, sheet = run(settled(book(loans=[loan("L-1")])), DUE, POLICY, FAILED)
    _, sheet = run(moved(sheet, 邮箱="new@example.cn"), DUE, POLICY, FAILED)
    plan, sheet = run(moved(sheet), DUE, POLICY)
    assert [x.to for x in plan.letters] == [address("华北")]
    assert sorted(m.status for m in mails_in(sheet.tabs["outbox"], ZONE)) == sorted([CANCELLED, SENT])


@pytest.mark.parametrize("outcome", [SENT, QUEUED])
def test_a_return_entered_by_mistake_loses_no_reminder(outcome):
    _, sheet = run(settled(book(loans=[loan("L-1")])), DUE, POLICY, FAILED)
    back = Book({**sheet.tabs, "loans": book(loans=[loan("L-1", 归还日期=DUE)]).tabs["loans"]})
    _, back = run(back, DUE, POLICY)
    plan, sheet = run(Book({**back.tabs, "loans": sheet.tabs["loans"]}), DUE, POLICY, outcome)
    assert reminders(plan) == ["L-1 formal"]
    assert stood(sheet) == {"L-1 formal": outcome.value}


def test_what_a_person_cancelled_stays_cancelled():
    first, _ = run(settled(book(loans=[loan("L-1")])), DUE, POLICY)
    [mail] = mails_after(first, date.fromisoformat(DUE), QUEUED)
    sheet = with_mails(settled(book(loans=[loan("L-1")])), [replace(mail, status=CANCELLED, error="人工取消")])
    for day in (DUE, "2025-11-09", "2025-11-30"):
        plan, sheet = run(sheet, day, POLICY)
        assert plan.letters == ()
    assert stood(sheet) == {"L-1 formal": "已取消"}


def test_a_released_mail_leaves_if_it_is_still_true():
    _, sheet = run(book(loans=[loan("L-1")]), "2025-12-20", POLICY)
    [mail] = [m for m in mails_in(sheet.tabs["outbox"], ZONE) if m.status is HELD]
    sheet = with_mails(sheet, [replace(mail, status=QUEUED, error="")])
    plan, sheet = run(sheet, "2025-12-21", POLICY)
    assert reminders(plan) == ["L-1 formal"]
    assert stood(sheet)["L-1 formal"] == "已发送"


def test_a_mail_whose_items_somebody_cleared_is_not_made_again():
    first, _ = run(settled(book(loans=[loan("L-1")])), DUE, POLICY)
    [mail] = mails_after(first, date.fromisoformat(DUE), SENT)
    sheet = with_mails(settled(book(loans=[loan("L-1")])), [replace(mail, items=())])
    assert letters(sheet) == []


@pytest.mark.parametrize("name", ["L:1", "R:2025:7", "overdue:L-1", "L-1 formal"])
def test_a_loan_number_may_hold_any_sign(name):
    _, sheet = run(settled(book(loans=[loan(name)])), DUE, POLICY, FAILED)
    plan, sheet = run(sheet, DUE, POLICY)
    assert [x.items[0].loan_id for x in plan.letters] == [name]
    plan, _ = run(sheet, DUE, POLICY)
    assert plan.letters == ()


# --- laws of every letter to members ---------------------------------------------------------------------------------


def on(first: int, last: int) -> st.SearchStrategy[str]:
    return st.integers(first, last).map(lambda n: (TODAY + timedelta(n)).isoformat())


CENTERS = ["华北", "华东", "华中"]
OUT = st.fixed_dictionaries(
    {"借出日期": on(-40, -10), "到期日期": on(-9, 20)},
    optional={"签收日期": on(-9, 9), "召回日期": on(-9, 9), "归还日期": on(-9, 0), "数量": st.integers(1, 3)},
)
SHELF = st.fixed_dictionaries(
    {"在库数量": st.integers(0, 4), "更新日期": on(-12, 0)},
    optional={
        "在途数量": st.integers(0, 2),
        "预计到货": on(-9, 9),
        "出借条件": st.sampled_from(["配件互换", "成本补偿"]),
    },
)
ASKED = st.fixed_dictionaries(
    {"数量": st.integers(1, 4), "配件编号": st.sampled_from(["P-1", "P-2"])},
    optional={"已婉拒": st.sampled_from(CENTERS), "舆情风险": st.just("高"), "原因": st.just("要发文")},
)


@st.composite
def busy(draw: st.DrawFn):
    """Tables with loans under way, shelves that fill, and requests that compete."""
    pairs = st.permutations(CENTERS).map(lambda names: names[:2])
    loans = [loan(f"L-{n}", *draw(pairs), **draw(OUT)) for n in range(draw(st.integers(1, 4)))]
    asked = [request(f"R-{n}", draw(st.sampled_from(CENTERS)), **draw(ASKED)) for n in range(draw(st.integers(1, 3)))]
    shelves = [{"服务中心": center, "配件编号": part, **draw(SHELF)} for center in CENTERS for part in ("P-1", "P-2")]
    points = [adjustment(center, 9) for center in CENTERS]
    tables = {"members": MEMBERS, "parts": PARTS, "inventory": shelves, "requests": asked, "loans": loans}
    return {name: list(cells) for name, cells in {**tables, "adjustments": points}.items()}


STIRRED = st.one_of(busy(), busy(), SHEETS)


@laws(40)
@given(st.lists(st.tuples(STIRRED, st.integers(0, 9), OUTCOMES), min_size=2, max_size=4))
def test_nothing_is_told_twice(runs):
    """Whatever people make of the sheet from run to run, and whatever becomes of the letters."""
    sheet, as_of, left = Book({}), TODAY, []
    for rows, days, outcome in runs:
        as_of += timedelta(days)
        sheet = Book({**sheet.tabs, **as_book(rows).tabs})
        plan = decided(sheet, as_of, EVERY_KIND)
        if outcome in HANDED_OVER:
            left += [key for x in plan.letters if not x.held for key in x.keys]
        sheet = after(sheet, plan, as_of, outcome)
    assert len(left) == len(set(left))
    asks = [key.rsplit(":", 1) for key in left if key.startswith("ask:")]
    for about in {about for about, _ in asks}:
        units = [int(n) for each, n in asks if each == about]
        assert units == sorted(units)


@laws(40)
@given(STIRRED, st.integers(0, 1))
def test_without_news_nothing_is_told(rows, days):
    """On the same day nothing, and on the next one only what another day makes due."""
    plan = decided(as_book(rows), TODAY, EVERY_KIND)
    sheet = after(as_book(rows), plan, TODAY)
    again = decided(sheet, TODAY + timedelta(days), EVERY_KIND).letters
    told = {key for x in plan.letters for key in x.keys}
    assert told.isdisjoint(key for x in again for key in x.keys)
    assert days or {x.kind for x in again} <= {"problems"}  # mail that this run held is news to the coordinator


@laws(25)
@given(STIRRED, st.randoms(use_true_random=False))
def test_letters_do_not_depend_on_the_order_of_rows(rows, chance):
    plans = [decided(as_book(each), TODAY, EVERY_KIND) for each in (rows, moved_about(rows, chance.shuffle))]
    first, second = ([x for x in plan.letters if x.kind != "problems"] for plan in plans)
    assert first == second


@laws(25)
@given(STIRRED)
def test_letters_go_to_members_and_the_coordinator_alone(rows):
    """Superiors are copied on reminders only; nobody is asked who declined, left, or asks himself."""
    sheet = as_book(rows)
    frames = taken_in(sheet).frames
    known = {*frames["members"]["email"], "desk@example.cn"}
    declined = dict(zip(frames["requests"]["request_id"], frames["requests"]["declined_by"], strict=True))
    gone = set(frames["members"]["center"][frames["members"]["left_on"] <= TODAY.isoformat()])
    for x in decided(sheet, TODAY, EVERY_KIND).letters:
        answers = set(x.reply_to.split(", ")) if x.reply_to else set()
        assert {x.to, *answers} | (set() if x.kind == "overdue" else set(x.cc)) <= known
        for item in x.items if x.kind == "ask" else ():
            assert item.lender.center not in {*declined[item.request_id], *gone, item.requester.center}


# --- brake and switches ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("limit", "leaving"), [(0, []), (1, ["L-2"]), (2, ["L-2", "L-1"]), (9, ["L-2", "L-1", "L-3"])])
def test_the_brake_lets_the_most_severe_leave_and_holds_the_rest(limit, leaving):
    loans = [
        loan("L-1", "华东", "华北"),
        loan("L-2", "华东", "华中", 到期日期="2025-11-05"),
        loan("L-3", "华东", "西北", 到期日期="2025-11-09"),
    ]
    sheet = settled(book(loans=loans))
    got = letters(sheet, policy=policy(max_per_run=limit))
    assert [x.items[0].loan_id for x in got if not x.held] == leaving
    assert {x.held for x in got[limit:]} <= {TOO_MANY.zh.format(n=limit)}
    _, sheet = run(sheet, DUE, policy(max_per_run=limit))
    assert sum(status == "待人工" for status in stood(sheet).values()) == 3 - len(leaving)


def test_waiting_mail_counts_toward_the_brake():
    sheet = settled(book(loans=[loan("L-1"), loan("L-2", "华东", "华中")]))
    _, sheet = run(sheet, DUE, POLICY, QUEUED)
    assert [bool(x.held) for x in letters(sheet, policy=policy(max_per_run=1))] == [False, True]


def test_a_kind_of_mail_that_is_switched_off_is_not_written():
    sheet = settled(book(loans=[loan("L-1"), loan("L-2", 数量="两个")]))
    assert letters(sheet, policy=policy(kinds={"overdue": False, "problems": True})) == []
    assert letters(sheet, policy=policy(kinds={"overdue": True, "problems": False}), kind="problems") == []
    both = {x.kind for x in decided(sheet, DUE, POLICY).letters}
    assert both == {"overdue", "problems"}


LOANS = (
    loan("L-1", "华东", "西北"),
    loan("L-2", "西北", "华中", 到期日期="2025-12-01"),
    loan("L-3", "华东", "华北", 到期日期="2025-12-01", 召回日期=DUE),
    loan("L-4", "华中", "西北", 借出日期="2025-11-05", 到期日期="2025-12-01", 延期至="2025-12-20"),
    loan("L-5", "华中", "西北", 借出日期="2025-11-05", 到期日期="2025-12-01", 归还日期=DUE),
)
BUSY = book(
    members=[{**m, "城市": "武汉", "上级邮箱": "boss@example.cn"} for m in MEMBERS],
    inventory=[
        {"center": "华东", "part_no": "P-1", "on_hand": 1},
        {"center": "华中", "part_no": "P-1", "on_hand": 9, "updated_on": "2025-11-01"},
    ],
    requests=[request("R-1"), request("R-2", 数量=2, 配件编号="P-2"), request("R-3", "华中", 配件编号="P-2")],
    loans=LOANS,
    adjustments=[adjustment("华北", 5), adjustment("华中", 5)],
)
"""A sheet with a reason for every kind of letter to members, as far as they were told that L-4 and L-5 are due."""
TOLD = MAIL_KINDS[:-1]


def busy() -> Book:
    keys = tuple(f"overdue:{loan_id}:prepare:2025-12-01" for loan_id in ("L-4", "L-5"))
    return with_mails(settled(BUSY), [Mail("0" * 16, date(2025, 11, 1), "a@x.cn", (), "", "", keys, SENT)])


def test_the_brake_lets_the_kinds_leave_in_their_order():
    every = [x.kind for x in decided(busy(), DUE, EVERY_KIND).letters]
    assert tuple(dict.fromkeys(every)) == TOLD
    for limit in range(len(every)):
        got = decided(busy(), DUE, policy(max_per_run=limit, kinds={})).letters
        assert [x.kind for x in got if x.kind != "problems"] == every
        assert [x.held == "" for x in got if x.kind != "problems"] == [n < limit for n in range(len(every))]


@pytest.mark.parametrize("kind", TOLD)
def test_each_kind_can_be_switched_off_and_what_waits_of_it_is_given_up(kind):
    _, sheet = run(busy(), DUE, EVERY_KIND, FAILED)
    off = policy(kinds={kind: False})
    plan = decided(sheet, DUE, off)
    assert {x.kind for x in plan.letters} == set(TOLD) - {kind}
    assert {kind_of(mail): mail.error for mail in plan.mails if mail.status is CANCELLED} == {kind: NO_LONGER.zh}
    again = decided(after(sheet, plan, date.fromisoformat(DUE)), DUE, EVERY_KIND)
    assert {x.kind for x in again.letters} == {kind}


@pytest.mark.parametrize("kind", [kind for kind in TOLD if kind != "digest"])
def test_a_waiting_letter_is_given_up_when_its_reason_is_gone(kind):
    """All loans come back; of those that were told about, what was told holds again."""
    told = kind in ("moved", "returned")
    _, sheet = run(busy() if told else settled(BUSY), DUE, EVERY_KIND, FAILED)
    ends = [{"归还日期": DUE}] * 3 + [{"延期至": None, "归还日期": None} if told else {"归还日期": DUE}] * 2
    back = [{**cells, **end} for cells, end in zip(LOANS, ends, strict=True)]
    quiet = {name: book(loans=back).tabs[name] for name in ("requests", "loans")}
    plan = decided(Book({**sheet.tabs, **quiet}), DUE, EVERY_KIND)
    assert {x.kind for x in plan.letters} == {"digest", *(["statement"] if told else [])}  # what came back is news
    assert {mail.error for mail in plan.mails if kind_of(mail) == kind and mail.status is not SENT} == {NO_LONGER.zh}


def test_no_more_than_200_items_stand_in_one_letter_to_a_member():
    """And every one of them is told once."""
    loans = [loan(f"L-{n:03d}", 到期日期="2025-12-01") for n in range(ITEMS_PER_MAIL + 1)]
    plan, sheet = run(settled(book(loans=loans)), DUE, POLICY, FAILED)
    assert [len(x.items) for x in plan.letters] == [ITEMS_PER_MAIL, 1]
    plan, sheet = run(sheet, DUE, POLICY)
    assert [len(x.items) for x in plan.letters] == [ITEMS_PER_MAIL, 1]
    assert run(sheet, DUE, POLICY)[0].letters == ()


def test_an_old_sheet_holds_old_reminders_and_nothing_else():
    """First run: 2025-12-20 is long after every loan of it was due."""
    late = [loan("L-1"), loan("L-2", 签收日期="2025-10-25", 召回日期="2025-10-30")]
    held = {x.kind: bool(x.held) for x in decided(book(loans=late), "2025-12-20", EVERY_KIND).letters}
    assert held == {"overdue": True, "recall": False, "statement": False, "digest": False, "problems": False}


# --- the coordinator's report ----------------------------------------------------------------------------------------

BAD = loan("L-1", 数量="两个")


def reported(plan) -> list[str]:
    return [item.value for x in plan.letters if x.kind == "problems" for item in x.items]


def test_the_report_says_only_what_is_new():
    plan, sheet = run(settled(book(loans=[BAD])), DUE, POLICY)
    assert reported(plan) == ["两个"]
    plan, sheet = run(sheet, "2025-11-07", POLICY)
    assert plan.letters == ()
    sheet = Book({**sheet.tabs, "loans": book(loans=[loan("L-0", 借出日期="明天"), BAD]).tabs["loans"]})
    plan, sheet = run(sheet, "2025-11-08", POLICY)
    assert reported(plan) == ["明天"]


def test_the_report_goes_to_the_coordinator_in_the_alliances_language():
    english = replace(POLICY, alliance=replace(DESK, locale="en"))
    [x] = letters(settled(book(loans=[BAD])), policy=english, kind="problems")
    assert (x.to, x.cc, x.locale, x.items[0].problem) == ("desk@example.cn", (), "en", "'两个' is not a whole number")
    nobody = replace(POLICY, alliance=replace(DESK, coordinator_email=""))
    assert letters(settled(book(loans=[BAD])), policy=nobody, kind="problems") == []


def test_errors_come_first_then_warnings_then_held_mail():
    loans = [loan("L-1", 快递单号="#REF!"), loan("L-2", 数量="两个"), loan("L-3")]
    plan = decided(book(loans=loans), "2025-12-20", POLICY)
    [x] = [x for x in plan.letters if x.kind == "problems"]
    assert [item.severity for item in x.items] == ["error", "warning", "held"]
    assert x.items[0].where == "借调记录 · #3 · L-2 · 数量"


def test_a_report_that_waits_is_replaced_when_a_problem_is_mended():
    _, sheet = run(settled(book(loans=[BAD, loan("L-2", 数量="三个")])), DUE, POLICY, FAILED)
    sheet = Book({**sheet.tabs, "loans": book(loans=[loan("L-2", 数量="三个")]).tabs["loans"]})
    plan, sheet = run(sheet, DUE, POLICY)
    assert reported(plan) == ["三个"]
    assert [m.status for m in mails_in(sheet.tabs["outbox"], ZONE)] == [CANCELLED, SENT]


def test_a_problem_that_came_back_before_it_was_told_is_told():
    _, sheet = run(settled(book(loans=[BAD])), DUE, POLICY, FAILED)
    mended = Book({**sheet.tabs, "loans": book(loans=[]).tabs["loans"]})
    _, mended = run(mended, DUE, POLICY)
    plan, sheet = run(Book({**mended.tabs, "loans": sheet.tabs["loans"]}), DUE, POLICY)
    assert reported(plan) == ["两个"]
    assert [m.status for m in mails_in(sheet.tabs["outbox"], ZONE)] == [SENT]


@pytest.mark.parametrize("outcome", [SENT, FAILED, QUEUED])
def test_more_than_1000_problems_are_one_report_and_no_news_again(outcome):
    asked = [request(f"R-{n:04d}", 数量="很多") for n in range(NOTICES_PER_MAIL + 7)]
    first, sheet = run(settled(book(requests=asked)), DUE, POLICY, outcome)
    [x] = first.letters
    assert len(x.items) == NOTICES_PER_MAIL + 1
    assert x.items[-1].problem == "还有 7 条，见数据问题表"
    second, sheet = run(sheet, DUE, POLICY)
    assert [y.mail_id for y in second.letters] == ([] if outcome is SENT else [x.mail_id])
    third, sheet = run(sheet, "2025-11-07", POLICY)
    assert third.letters == ()
    assert [m.status for m in mails_in(sheet.tabs["outbox"], ZONE)] == [SENT]


# --- the tab ---------------------------------------------------------------------------------------------------------

MAIL = Mail(
    "00000000000012e4", date(2025, 11, 6), "a@example.cn", ("b@example.cn", "c@example.cn"), "主题　Ａ", "\n第一行 \n２个\n",
    ("overdue:L-1:formal:2025-11-06", "overdue:L 2:formal:2025-11-06"), SENT, datetime.fromisoformat("2025-11-06T09:07"), 1, "#N/A",
)  # fmt: skip


def test_a_mail_is_read_back_to_the_letter():
    """A mail that is read differently would be written again at each run."""
    assert mails_in(tab(OUTBOX, rows_of([MAIL, replace(MAIL, mail_id="1", sent_at=None, cc=(), error="")])), ZONE) == [
        MAIL,
        replace(MAIL, mail_id="1", sent_at=None, cc=(), error=""),
    ]


@pytest.mark.parametrize(
    ("field", "cell", "meant"),
    [
        ("status", "寄出", {"status": HELD}),
        ("status", "", {"status": HELD}),
        ("attempts", "几次", {"attempts": 0}),
        ("sent_at", "昨天", {"sent_at": None}),
        ("created_on", "", {"created_on": date(2000, 1, 1)}),
        ("items", "\n", {"items": ()}),
    ],
)
def test_a_spoiled_cell_of_the_outbox_is_taken_with_care(field, cell, meant):
    """A status nobody knows counts as held for a person."""
    row = list(rows_of([MAIL])[0])
    row[OUTBOX.fields.index(field)] = cell
    assert mails_in(tab(OUTBOX, [tuple(row)]), ZONE) == [replace(MAIL, **meant)]


@pytest.mark.parametrize("waiting", [QUEUED, FAILED, HELD, CANCELLED])
@pytest.mark.parametrize("gone", [SENT, SENDING])
def test_of_rows_with_one_number_the_one_that_may_have_left_counts(waiting, gone):
    """Two runs may have made one each, or a person copied one: what left must not wait again."""
    waits, left, other = replace(MAIL, status=waiting), replace(MAIL, status=gone), replace(MAIL, mail_id="1")
    for rows in ([waits, left, other], [left, waits, other]):
        assert mails_in(tab(OUTBOX, rows_of(rows)), ZONE) == [left, other]


def test_rows_without_a_number_are_no_mail():
    blank = replace(MAIL, mail_id="")
    assert mails_in(tab(OUTBOX, rows_of([blank, MAIL])), ZONE) == [MAIL]


def test_the_outbox_is_found_below_a_title_in_any_order_and_under_new_names():
    table = renamed({"outbox": {"mail_id": "号", "status": "怎样了"}})["outbox"]
    header = [c.header for c in table.typed]
    rows = [["提醒邮件，请勿改动"], header[::-1], list(rows_of([MAIL])[0])[::-1]]
    assert mails_in(RawTable("提醒邮件", rows), ZONE, table) == [MAIL]


@pytest.mark.parametrize("field", ["mail_id", "items", "status"])
def test_an_outbox_whose_headers_are_gone_stops_the_run(field):
    """What was mailed must not be forgotten: everything would be mailed again."""
    raw = tab(OUTBOX, rows_of([MAIL]))
    spoiled = [["?" if cell == OUTBOX[field].header else cell for cell in raw.rows[0]], *raw.rows[1:]]
    with pytest.raises(SheetError) as stopped:
        decided(book(tabs={"outbox": RawTable("提醒邮件", spoiled)}), DUE)
    assert (stopped.value.code, stopped.value.column) == ("missing_column", OUTBOX[field].header)


@pytest.mark.parametrize("rows", [[], [[]], [["", None], []]])
def test_an_empty_outbox_holds_no_mail(rows):
    assert mails_in(RawTable("提醒邮件", rows), ZONE) == []


def test_a_second_run_of_the_day_writes_nothing():
    sheet = settled(book(loans=[loan("L-1"), BAD | {"借调编号": "L-2"}], requests=[request("R-1")]))
    _, sheet = run(sheet, DUE, POLICY)
    again = decided(sheet, DUE, POLICY)
    assert again.letters == ()
    assert changes(sheet, again, again.mails) == []
    assert after(sheet, again, date.fromisoformat(DUE)).tabs["outbox"] == sheet.tabs["outbox"]

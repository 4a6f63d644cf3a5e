"""What the group is told: open P0 requests and overdue loans, each once, whatever becomes of the messages."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.fates import NO_LONGER, TOO_OFTEN
from rules.group import GROUP
from rules.letters import ITEMS_PER_MAIL
from rules.outbox import kind_of, mails_in
from rules.policy import Alliance, GroupPolicy, MailPolicy, Policy, RunPolicy
from rules.values import Book, Mail, MailStatus
from tests.rules.sheets import (
    MEMBERS,
    NOT_WEEKLY,
    PARTS,
    ZONE,
    after,
    book,
    decided,
    loan,
    part,
    request,
    run,
    settled,
    with_mails,
)
from tests.rules.strategies import TODAY, as_book, moved_about, tables
from tests.rules.test_laws import HANDED_OVER, OUTCOMES, SHEETS, laws

QUEUED, SENT, FAILED, HELD, SENDING, CANCELLED = (
    MailStatus.QUEUED, MailStatus.SENT, MailStatus.FAILED, MailStatus.HELD, MailStatus.SENDING, MailStatus.CANCELLED
)  # fmt: skip
DAY = "2025-11-09"  # a loan that ended on 2025-11-06 is 3 days overdue
POLICY = Policy(
    alliance=Alliance(name="联盟", coordinator_email="desk@example.cn"),
    run=RunPolicy(cadence_days=1),
    group=GroupPolicy(bot="feishu"),
)
CRISIS = {"客户类型": "媒体", "舆情风险": "高", "原因": "要发文", "客户等待起始": "2025-10-14"}


def crisis(name: str, **cells):
    return request(name, **{**CRISIS, **cells})


def messages(plan) -> list:
    return [x for x in plan.letters if x.kind == "group"]


def told(plan) -> list[str]:
    return [key.removeprefix("group:") for x in messages(plan) for key in x.keys]


def rows(sheet) -> list[Mail]:
    return [mail for mail in mails_in(sheet.tabs["outbox"], ZONE) if kind_of(mail) == "group"]


def now(sheet: Book, **others) -> Book:
    """The sheet after people typed other rows."""
    return Book({**sheet.tabs, **{name: book(**others).tabs[name] for name in others}})


def test_a_p0_request_and_an_overdue_loan_are_told():
    sheet = book(requests=[request("R-1"), crisis("R-2")], loans=[loan("L-1"), loan("L-2", 到期日期="2025-11-09")])
    [x] = messages(decided(sheet, DAY, POLICY))
    assert (x.to, x.cc, x.reply_to, x.locale, x.held) == (GROUP, (), "", "zh", "")
    assert [(i.key, i.severity, i.where, i.value, i.problem) for i in x.items] == [
        ("group:p0:R-2", "p0", "R-2 · 华北 需要", "中控大屏（P-1）1 个", "媒体客户，客户已等 26 天"),
        ("group:late:L-1:2025-11-06", "late", "L-1 · 华北 应还 华东", "中控大屏（P-1）1 个", "2025-11-06 到期，已逾期 3 天"),
    ]  # fmt: skip


def test_a_message_is_in_the_alliances_language():
    sheet = book(requests=[crisis("R-2", 需要日期="2025-11-11")], loans=[loan("L-1", 数量=2)])
    english = replace(POLICY, alliance=replace(POLICY.alliance, locale="en"))
    [x] = messages(decided(sheet, DAY, english))
    assert [(i.where, i.value, i.problem) for i in x.items] == [
        ("R-2 · 华北 needs", "1 × 中控大屏 (P-1)", "媒体 customer, customer waiting 26 days, needed by 2025-11-11"),
        ("L-1 · 华北 owes 华东", "2 × 中控大屏 (P-1)", "due 2025-11-06, 3 days overdue"),
    ]


@pytest.mark.parametrize(("asked", "said"), [("2025-11-07", "2 天前提出"), (DAY, "今天提出")])
def test_without_a_customers_day_the_request_tells_its_age(asked, said):
    sheet = book(requests=[crisis("R-2", 客户等待起始=None, 提出时间=f"{asked} 08:00")])
    [x] = messages(decided(sheet, DAY, POLICY))
    assert x.items[0].problem == f"媒体客户，{said}"


@pytest.mark.parametrize(
    "closed", [{"归还日期": DAY}, {"赔偿日期": DAY}, {"延期至": "2025-12-01"}, {"到期日期": DAY}, {"借出日期": None}]
)
def test_a_loan_that_is_not_overdue_is_not_told(closed):
    assert told(decided(book(loans=[loan("L-1", **closed)]), DAY, POLICY)) == []


@pytest.mark.parametrize(
    "closed", [{"状态": "已满足"}, {"状态": "已取消"}, {"原因": ""}, {"舆情风险": "低", "客户类型": "普通"}]
)
def test_a_request_that_is_no_open_p0_is_not_told(closed):
    assert told(decided(book(requests=[crisis("R-1", **closed)]), DAY, POLICY)) == []


def test_without_a_bot_no_message_is_written():
    silent = replace(POLICY, group=GroupPolicy())
    assert messages(decided(book(requests=[crisis("R-1")]), DAY, silent)) == []


def test_a_message_that_waits_is_given_up_when_the_bot_is_switched_off_and_told_when_it_is_back():
    _, sheet = run(book(requests=[crisis("R-1")]), DAY, POLICY, FAILED)
    plan, sheet = run(sheet, DAY, replace(POLICY, group=GroupPolicy()))
    assert messages(plan) == []
    assert [(m.status, m.error) for m in rows(sheet)] == [(CANCELLED, NO_LONGER.zh)]
    assert told(run(sheet, DAY, POLICY)[0]) == ["p0:R-1"]


def test_a_changed_due_date_is_news_when_it_passes_again():
    _, sheet = run(book(loans=[loan("L-1")]), DAY, POLICY)
    sheet = now(sheet, loans=[loan("L-1", 延期至="2025-11-12")])
    plan, sheet = run(sheet, "2025-11-12", POLICY)
    assert told(plan) == []
    assert told(run(sheet, "2025-11-13", POLICY)[0]) == ["late:L-1:2025-11-12"]


def test_a_p0_that_closed_while_its_message_waited_is_not_told():
    _, sheet = run(book(requests=[crisis("R-1"), crisis("R-2")]), DAY, POLICY, FAILED)
    plan, sheet = run(now(sheet, requests=[crisis("R-1", 状态="已满足"), crisis("R-2")]), DAY, POLICY)
    assert told(plan) == ["p0:R-2"]
    assert [m.status for m in rows(sheet)] == [CANCELLED, SENT]


def test_news_joins_what_waits_but_not_what_a_person_must_settle():
    _, sheet = run(book(requests=[crisis("R-1")]), DAY, POLICY, FAILED)
    assert told(run(now(sheet, requests=[crisis("R-1"), crisis("R-2")]), DAY, POLICY)[0]) == ["p0:R-1", "p0:R-2"]
    _, sheet = run(book(requests=[crisis("R-1")]), DAY, POLICY, HELD)
    assert told(run(now(sheet, requests=[crisis("R-1"), crisis("R-2")]), DAY, POLICY)[0]) == ["p0:R-2"]


def test_two_messages_that_were_released_leave_as_one():
    _, sheet = run(book(requests=[crisis("R-1")]), DAY, POLICY, HELD)
    _, sheet = run(now(sheet, requests=[crisis("R-1"), crisis("R-2")]), DAY, POLICY, HELD)
    freed = [replace(m, status=QUEUED, error="") for m in rows(sheet)]
    assert len(freed) == 2
    plan, sheet = run(with_mails(sheet, freed), DAY, POLICY)
    assert (len(messages(plan)), told(plan)) == (1, ["p0:R-1", "p0:R-2"])
    assert [m.status for m in rows(sheet)] == [CANCELLED, CANCELLED, SENT]


def test_a_message_that_failed_too_often_is_a_persons_and_is_reported():
    only = MailPolicy(max_attempts=2, kinds={**NOT_WEEKLY, "result": False})
    sheet, limit = book(requests=[crisis("R-1")]), replace(POLICY, mail=only)
    for _ in range(2):
        _, sheet = run(sheet, DAY, limit, FAILED)
    plan, sheet = run(sheet, DAY, limit, FAILED)
    [mail] = rows(sheet)
    assert (mail.status, mail.error) == (HELD, f"{TOO_OFTEN.zh.format(n=2)}: 稍后再试")
    assert messages(plan) == []
    assert [i.value for x in plan.letters if x.kind == "problems" for i in x.items] == [mail.mail_id]


@pytest.mark.parametrize("outcome", [SENT, FAILED, QUEUED])
def test_a_long_list_is_one_message_and_no_news_again(outcome):
    sheet = settled(book(loans=[loan(f"L-{n:03d}") for n in range(ITEMS_PER_MAIL + 5)]))
    first, sheet = run(sheet, DAY, POLICY, outcome)
    [x] = messages(first)
    assert len(x.items) == ITEMS_PER_MAIL + 1
    assert x.items[-1].problem == "还有 5 项，见优先级队列和借调状态表"
    second, sheet = run(sheet, DAY, POLICY)
    assert [y.mail_id for y in messages(second)] == ([] if outcome is SENT else [x.mail_id])
    assert messages(run(sheet, "2025-11-10", POLICY)[0]) == []


@pytest.mark.parametrize("name", ["R:1", "group:p0:R-1", "overdue:L-1", "P0 一"])
def test_a_request_number_may_hold_any_sign(name):
    plan, sheet = run(book(requests=[crisis(name)]), DAY, POLICY, FAILED)
    assert told(plan) == [f"p0:{name}"]
    assert told(run(sheet, DAY, POLICY)[0]) == [f"p0:{name}"]


def test_the_longest_overdue_stands_first():
    loans = [loan("L-1"), loan("L-3", 到期日期="2025-11-01"), loan("L-2", 到期日期="2025-11-01")]
    assert [key.split(":")[1] for key in told(decided(book(loans=loans), DAY, POLICY))] == ["L-2", "L-3", "L-1"]


# --- laws ------------------------------------------------------------------------------------------------------------

TYPED = st.fixed_dictionaries(
    {
        "requests": st.sets(st.sampled_from(["R-1", "R-2", "R-3"])),
        "loans": st.dictionaries(st.sampled_from(["L-1", "L-2"]), st.integers(-6, 3)),
    }
)
"""Which requests are open P0s, and when which loans are due."""
STEPS = st.lists(st.tuples(TYPED, st.integers(0, 3), OUTCOMES), min_size=1, max_size=7)


def typed(sheet: Book, step) -> Book:
    loans = [loan(name, 到期日期=TODAY + timedelta(due)) for name, due in step["loans"].items()]
    return now(sheet, requests=[crisis(name) for name in sorted(step["requests"])], loans=loans)


def news_of(step, as_of: date) -> set[str]:
    """What is true on *as_of*, by the rule alone."""
    late = {(name, TODAY + timedelta(due)) for name, due in step["loans"].items()}
    return {f"p0:{name}" for name in step["requests"]} | {f"late:{name}:{due}" for name, due in late if due < as_of}


@laws(60)
@given(STEPS)
def test_an_item_is_told_at_most_once_and_nothing_but_news(steps):
    """Over any edits, outcomes and days: one message a run, of what is true and has not been handed over, all of it."""
    sheet, left, as_of = book(), set(), TODAY
    for step, days, outcome in steps:
        as_of += timedelta(days)
        sheet = typed(sheet, step)
        plan = decided(sheet, as_of, POLICY)
        items = told(plan)
        assert len(messages(plan)) == (1 if items else 0)
        assert len(items) == len(set(items))
        assert set(items) == news_of(step, as_of) - left
        left |= set(items) if outcome in HANDED_OVER else set()
        sheet = after(sheet, plan, as_of, outcome)
        assert sum(m.status in (QUEUED, FAILED) for m in rows(sheet)) <= 1


@laws(30)
@given(SHEETS, OUTCOMES)
def test_a_second_run_tells_nothing_new(sheet_rows, outcome):
    plan = decided(as_book(sheet_rows), TODAY, POLICY)
    again = decided(after(as_book(sheet_rows), plan, TODAY, outcome), TODAY, POLICY)
    assert told(again) == ([] if outcome in HANDED_OVER else told(plan))


@laws(20)
@given(tables(), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_message(sheet_rows, chance):
    moved = moved_about(sheet_rows, chance.shuffle)
    assert messages(decided(as_book(sheet_rows), TODAY, POLICY)) == messages(decided(as_book(moved), TODAY, POLICY))


@laws(20)
@given(SHEETS)
def test_a_group_changes_nothing_else(sheet_rows):
    """Mail to people is the same with a bot and without."""
    with_bot = decided(as_book(sheet_rows), TODAY, POLICY)
    without = decided(as_book(sheet_rows), TODAY, replace(POLICY, group=GroupPolicy()))
    assert [x for x in with_bot.letters if x.kind != "group"] == list(without.letters)
    assert with_bot.rows == without.rows


def test_braces_in_a_name_are_text():
    odd = [part("P-1", 配件名称="{0}%s{name}"), *PARTS[1:]]
    [x] = messages(decided(book(members=MEMBERS, parts=odd, requests=[crisis("R-1")]), DAY, POLICY))
    assert x.items[0].value == "{0}%s{name}（P-1）1 个"

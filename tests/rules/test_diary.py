"""What stands in the calendars of those who were told of a loan, whatever happens to it. Interface, section on mail."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.diary import history
from rules.items import DueNote
from rules.ladder import OUT
from rules.outbox import mails_in, rows_of
from rules.policy import Alliance, CalendarPolicy, MailPolicy, Policy, RunPolicy
from rules.schema import OUTBOX
from rules.values import Book, Mail, MailStatus
from tests.rules.sheets import (
    MEMBERS,
    PATIENT,
    ZONE,
    after,
    book,
    decided,
    loan,
    run,
    settled,
    tab,
    with_mails,
)

POLICY = Policy(alliance=Alliance(coordinator_email="desk@example.cn"), run=RunPolicy(cadence_days=1), loans=PATIENT)
ADDRESS = {str(m["服务中心"]): str(m["邮箱"]) for m in MEMBERS}
DUE, LATER, LATEST = "2025-11-06", "2025-12-06", "2025-12-20"


def entered(plan) -> list[str]:
    """The keys of what carries an entry for a calendar."""
    return [item.key for x in plan.letters for item in x.items if getattr(item, "entry", None)]


def typed(sheet: Book, *loans) -> Book:
    """The sheet after people typed other loans."""
    return Book({**sheet.tabs, "loans": book(loans=loans).tabs["loans"]})


def told(*cells, start="2025-10-30", policy=POLICY) -> Book:
    """A sheet on which the borrower of L-1 was told that it is due on 2025-11-06."""
    return run(settled(book(loans=[loan("L-1", **dict(cells))])), start, policy)[1]


def kept(sheet: Book) -> list[Mail]:
    return mails_in(sheet.tabs["outbox"], ZONE)


# --- a due date that moved -------------------------------------------------------------------------------------------


def test_an_extension_is_told_at_once_and_copied_to_the_lender():
    plan, sheet = run(typed(told(), loan("L-1", 延期至=LATER)), "2025-10-31", POLICY)
    [x] = [x for x in plan.letters if x.kind != "thanks"]
    assert (x.kind, x.to, x.cc, x.reply_to) == ("moved", ADDRESS["华北"], (ADDRESS["华东"],), ADDRESS["华东"])
    [item] = x.items
    assert isinstance(item, DueNote)
    assert (item.key, item.told, item.due, item.days) == (
        "moved:L-1:1:2025-12-06", date(2025, 11, 6), date(2025, 12, 6), -36,
    )  # fmt: skip
    assert run(sheet, "2025-11-01", POLICY)[0].letters == ()


@pytest.mark.parametrize(
    ("before", "now", "letters"),
    [
        ({}, {}, []),
        ({}, {"到期日期": "2025-11-10"}, ["moved:L-1:1:2025-11-10"]),
        ({}, {"到期日期": "2025-11-07"}, ["overdue:L-1:prepare:2025-11-07"]),  # the ladder tells it today
        ({}, {"召回日期": "2025-10-31"}, ["overdue:L-1:friendly:2025-11-01", "recall:L-1:2025-10-31:2025-11-01"]),
        ({}, {"召回日期": "2025-11-01"}, ["overdue:L-1:friendly:2025-11-02"]),  # the lender says it a day ahead
        ({"延期至": LATER}, {"延期至": LATEST}, []),  # nobody was told of the first date yet
        ({}, {"借出日期": "2025-11-20"}, []),  # not shipped after all: nobody waits for it
        ({}, {"数量": 3}, []),
    ],
)
def test_a_day_that_was_told_and_holds_no_longer_is_told_unless_another_letter_tells_it(before, now, letters):
    plan = decided(typed(told(*before.items()), loan("L-1", **now)), "2025-10-31", POLICY)
    assert sorted(entered(plan)) == letters


def test_a_recall_that_is_withdrawn_brings_the_old_day_back():
    sheet = told()
    plan, sheet = run(typed(sheet, loan("L-1", 到期日期=LATER, 召回日期="2025-10-31")), "2025-10-31", POLICY)
    assert entered(plan) == ["overdue:L-1:friendly:2025-11-01", "recall:L-1:2025-10-31:2025-11-01"]
    plan, sheet = run(typed(sheet, loan("L-1", 到期日期=LATER)), "2025-11-01", POLICY)
    assert entered(plan) == ["moved:L-1:3:2025-12-06"]


def test_a_day_that_goes_back_to_one_told_before_is_told_again():
    """The ladder does not repeat itself; without this the calendar would keep the day in between."""
    sheet, keys = told(), []
    for day, cells in (("2025-10-31", {"延期至": LATER}), ("2025-11-01", {}), ("2025-11-02", {"延期至": LATER})):
        plan, sheet = run(typed(sheet, loan("L-1", **cells)), day, POLICY)
        keys += [(item.key, item.entry.sequence) for x in plan.letters for item in x.items]
    assert keys == [
        ("moved:L-1:1:2025-12-06", 1), ("moved:L-1:2:2025-11-06", 2), ("moved:L-1:3:2025-12-06", 3),
    ]  # fmt: skip


def test_a_letter_that_waits_is_given_up_when_the_ladder_tells_the_same_day():
    plan, sheet = run(typed(told(), loan("L-1", 延期至="2025-11-09")), "2025-11-01", POLICY, MailStatus.FAILED)
    assert entered(plan) == ["moved:L-1:1:2025-11-09"]
    for day in ("2025-11-02", "2025-11-03"):
        plan, sheet = run(sheet, day, POLICY, MailStatus.FAILED)
        assert entered(plan) == ["overdue:L-1:prepare:2025-11-09"]
    assert [mail.status for mail in kept(sheet) if "moved" in mail.items[0]] == [MailStatus.CANCELLED]


# --- a loan that is settled ------------------------------------------------------------------------------------------

ENDS = [
    ({"归还日期": "2025-11-01"}, "已归还", date(2025, 11, 1)),
    ({"已还数量": 1}, "已归还", None),
    ({"赔偿日期": "2025-11-01"}, "已赔偿", date(2025, 11, 1)),
    ({"方案": "配件互换"}, "已互换", None),
    ({"作废": "是"}, "作废", None),
    ({"作废": "是", "借出日期": None}, "作废", None),
]


@pytest.mark.parametrize(("end", "state", "closed_on"), ENDS, ids=[str(end) for end, _, _ in ENDS])
def test_who_was_told_to_return_hears_once_that_it_is_settled(end, state, closed_on):
    plan, sheet = run(typed(told(), loan("L-1", **end)), "2025-11-01", POLICY)
    [x] = [x for x in plan.letters if x.kind == "returned"]
    assert (x.to, x.cc) == (ADDRESS["华北"], (ADDRESS["华东"],))
    [item] = x.items
    assert (item.key, item.state, item.closed_on, item.due) == ("returned:L-1:1", state, closed_on, date(2025, 11, 6))
    assert (item.entry.sequence, item.entry.alarms, item.entry.cancelled) == (1, (), True)
    assert entered(run(sheet, "2025-11-02", POLICY)[0]) == []


def test_nobody_hears_of_the_end_of_a_loan_it_was_not_reminded_of():
    sheet = run(settled(book(loans=[loan("L-1")])), "2025-10-29", POLICY)[1]
    assert decided(typed(sheet, loan("L-1", 归还日期="2025-10-29")), "2025-10-30", POLICY).letters == ()


@pytest.mark.parametrize(("as_of", "told_"), [("2025-12-01", ["returned:L-1:1"]), ("2025-12-02", [])])
def test_what_was_settled_long_ago_is_no_news(as_of, told_):
    """A worker that starts to write these letters does not thank for last year: `run.quiet_gap_days`."""
    assert entered(decided(typed(told(), loan("L-1", 归还日期="2025-11-01")), as_of, POLICY)) == told_


def test_a_loan_that_was_closed_by_mistake_comes_back_and_closes_again():
    sheet, keys = told(), []
    for day, cells in (
        ("2025-10-31", {"归还日期": "2025-10-31"}), ("2025-11-01", {}), ("2025-11-02", {"归还日期": "2025-11-02"}),
    ):  # fmt: skip
        plan, sheet = run(typed(sheet, loan("L-1", **cells)), day, POLICY)
        keys += [(item.key, item.told, item.entry.sequence) for x in plan.letters for item in x.items]
    assert keys == [
        ("returned:L-1:1", date(2025, 11, 6), 1), ("moved:L-1:2:2025-11-06", None, 2),
        ("returned:L-1:3", date(2025, 11, 6), 3),
    ]  # fmt: skip


def test_what_a_person_cancelled_is_not_written_again():
    _, sheet = run(typed(told(), loan("L-1", 延期至=LATER)), "2025-10-31", POLICY, MailStatus.FAILED)
    by_hand = [
        replace(mail, status=MailStatus.CANCELLED, error="人工取消") if mail.status is MailStatus.FAILED else mail
        for mail in kept(sheet)
    ]
    assert decided(with_mails(sheet, by_hand), "2025-11-01", POLICY).letters == ()


@pytest.mark.parametrize("cells", [{"延期至": LATER}, {"归还日期": "2025-10-31"}])
def test_where_nothing_is_sent_there_is_nothing_to_put_right(cells):
    """`mail.transport: none`: nobody has an entry."""
    rows = replace(POLICY, mail=MailPolicy(transport="none"))
    sheet = run(settled(book(loans=[loan("L-1")])), "2025-10-30", rows, MailStatus.QUEUED)[1]
    assert entered(decided(typed(sheet, loan("L-1", **cells)), "2025-10-31", rows)) == []


# --- the record ------------------------------------------------------------------------------------------------------


def sent(key: str, day: str = "2025-11-01") -> Mail:
    return Mail(key.encode().hex()[-16:], date.fromisoformat(day), "a@x.cn", (), "", "", (key,), MailStatus.SENT)


@pytest.mark.parametrize(
    ("key", "loan_id", "due"),
    [
        ("overdue:L-1:formal:2025-11-06", "L-1", date(2025, 11, 6)),
        ("overdue:a:b:formal:2025-11-06", "a:b", date(2025, 11, 6)),
        ("recall:L-1:2025-10-30:2025-10-31", "L-1", date(2025, 10, 31)),
        ("moved:a:1:4:2025-12-06", "a:1", date(2025, 12, 6)),
        ("returned:a:1:4", "a:1", None),
    ],
)
def test_a_key_says_which_loan_and_which_day(key, loan_id, due):
    assert {name: [said.due for said in each] for name, each in history([sent(key)]).items()} == {loan_id: [due]}


@pytest.mark.parametrize(
    "key",
    ["", "overdue", "overdue:L-1", "overdue:L-1:formal:明天", "moved:L-1:many:2025-12-06", "returned:L-1", "returned:L-1:x",
     "thanks:L-1:week2", "arrived:L-1:2025-11-06", "ask:R-1:华东:P-1:2", "problem:0a1b2c"],
)  # fmt: skip
def test_a_key_that_says_no_day_is_passed_over(key):
    assert history([sent(key)]) == {}


KEYS = ["overdue:L:prepare:2025-11-06", "overdue:L:friendly:2025-11-06", "moved:L:2:2025-12-06", "returned:L:3"]


@pytest.mark.parametrize("order", [KEYS, KEYS[::-1], sorted(KEYS)])
@pytest.mark.parametrize("clock", [["2025-11-01"] * 4, ["2025-12-01", "2025-12-02", "2025-11-03", "2025-11-04"]])
def test_what_was_told_last_is_known_though_people_sort_the_tab_and_clocks_are_set_back(order, clock):
    days = dict(zip(KEYS, clock, strict=True))
    [said] = history([sent(key, days[key]) for key in order]).values()
    assert [each.key for each in said][2:] == KEYS[2:]


@pytest.mark.parametrize("backwards", [False, True])
def test_what_came_after_a_correction_was_told_after_it(backwards):
    keys = [
        KEYS[0],
        "moved:L:1:2025-12-06",
        "overdue:L:prepare:2025-12-06",
        "returned:L:3",
        "overdue:L:prepare:2026-01-08",
    ]
    mails = [sent(key, f"2025-11-{n:02}") for n, key in enumerate(keys, 1)]
    [said] = history(mails[::-1] if backwards else mails).values()
    assert [each.key for each in said] == keys


# --- alarms ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("as_of", "alarms"),
    [
        ("2025-10-30", ["2025-11-03", "2025-11-06", "2025-11-09", "2025-11-13"]),
        ("2025-11-04", ["2025-11-06", "2025-11-09", "2025-11-13"]),
        ("2025-11-06", ["2025-11-09", "2025-11-13"]),
        ("2025-11-20", []),
    ],
)
def test_alarms_ring_on_the_days_of_the_ladder_that_lie_ahead(as_of, alarms):
    plan = decided(settled(book(loans=[loan("L-1")])), as_of, POLICY)
    [item] = [item for x in plan.letters if x.kind == "overdue" for item in x.items]
    assert [day.isoformat() for day in item.entry.alarms] == alarms


def test_alarms_keep_to_workdays_where_reminders_do():
    """2025-11-09 is a Sunday: the notice waits for Monday, and what follows waits for the notice."""
    policy = replace(POLICY, calendar=CalendarPolicy(workdays_only=True))
    plan = decided(settled(book(loans=[loan("L-1", 到期日期="2025-11-09")])), "2025-10-31", policy)
    [item] = [item for x in plan.letters if x.kind == "overdue" for item in x.items]
    assert [f"{day:%m-%d}" for day in item.entry.alarms] == ["11-06", "11-10", "11-13", "11-17"]
    assert item.due == date(2025, 11, 9)


def test_other_letters_about_a_loan_carry_no_entry():
    shelf = [{"center": "华北", "part_no": "P-1", "on_hand": 9, "updated_on": "2025-10-25"}]
    plan = decided(settled(book(loans=[loan("L-1", 签收日期="2025-10-24")], inventory=shelf)), "2025-10-27", POLICY)
    assert {x.kind for x in plan.letters} >= {"arrived", "thanks"}
    assert entered(plan) == []


# --- the law ---------------------------------------------------------------------------------------------------------


class Program:
    """A calendar that does what RFC 5545 and 5546 say: of each entry the highest sequence counts."""

    def __init__(self) -> None:
        self.newest: dict[str, tuple[int, date | None]] = {}

    def open(self, item) -> None:
        sequence, shown = self.newest.get(item.loan_id, (-1, None))
        told_ = None if item.entry.cancelled else item.due
        assert not isinstance(item, DueNote) or told_ != shown, "what was told last needs no letter of its own"
        if item.loan_id in self.newest and told_ != shown:
            assert item.entry.sequence > sequence, "another day must not come under a number that was used"
        if item.entry.sequence >= sequence:
            self.newest[item.loan_id] = item.entry.sequence, told_


LENT = date(2025, 10, 20)
START = date(2025, 10, 27)


def ahead(least: int, most: int) -> st.SearchStrategy[date | None]:
    return st.none() | st.integers(least, most).map(lambda n: START + timedelta(n))


CELLS = st.fixed_dictionaries(
    {"延期至": ahead(12, 60), "召回日期": ahead(-3, 25)},
    optional={"归还日期": ahead(0, 9), "赔偿日期": ahead(0, 9), "作废": st.just("是"), "方案": st.just("配件互换")},
)
LEFT, UNKNOWN, STAYED = MailStatus.SENT, MailStatus.HELD, MailStatus.FAILED
STEPS = st.lists(
    st.tuples(st.integers(0, 4), st.none() | st.lists(CELLS, min_size=2, max_size=2), st.sampled_from([LEFT, LEFT, UNKNOWN, STAYED])),
    min_size=2, max_size=7,
)  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.integers(2, 12), min_size=2, max_size=2),
    STEPS,
    st.sampled_from([1, 7]),
    st.booleans(),
)
def test_a_calendar_shows_what_the_sheet_says_of_each_loan_told_about(terms, steps, cadence, newest_first):
    """Over any extensions, recalls, returns, corrections and lost mails; the tab as it is or sorted by people."""
    policy = replace(POLICY, run=RunPolicy(cadence_days=cadence))
    fixed = [{"借出日期": LENT, "到期日期": START + timedelta(term)} for term in terms]
    loans = [loan(f"L-{n}", **cells) for n, cells in enumerate(fixed)]
    sheet, day, program = settled(book(loans=loans), "2025-10-20"), START, Program()
    for wait, cells, outcome in steps:
        day += timedelta(wait)
        if cells:
            loans = [loan(f"L-{n}", **fixed[n], **cells[n]) for n in range(2)]
        plan = decided(typed(sheet, *loans), day, policy)
        if outcome is not STAYED:
            for item in (item for x in plan.letters for item in x.items if getattr(item, "entry", None)):
                program.open(item)
            says = {row[0]: row[5] if row[7] in OUT else None for row in plan.rows["loan_states"]}
            assert {name: shown for name, (_, shown) in program.newest.items()} == {
                name: says.get(name) for name in program.newest
            }
        sheet = after(typed(sheet, *loans), plan, day, outcome)
        if newest_first:
            mails = sorted(kept(sheet), key=lambda mail: mail.created_on, reverse=True)
            sheet = Book({**sheet.tabs, "outbox": tab(OUTBOX, rows_of(mails))})

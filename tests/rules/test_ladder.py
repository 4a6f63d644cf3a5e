"""Where each loan stands, and which reminder is due now. Rules, section 4.

The story is the source document's: 华北 borrows two central screens of 华东 on 2025-10-23, due back on 2025-11-06.
"""

from datetime import date, timedelta
from decimal import Decimal
from functools import cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rules.ladder import loan_states, reminder_key, reminders_due
from rules.policy import LADDER, CalendarPolicy, LoansPolicy, OverduePolicy, PolicyError, Rung, RunPolicy
from rules.schema import LOAN_STATES
from rules.workdays import Workdays, workdays
from tests.rules.sheets import POLICY, Policy, book, decided, loan, part, reminders, run, settled, taken_in
from tests.rules.sheets import days as days_between
from tests.rules.strategies import CALENDARS, OFFICIAL_2026, is_worked, official_days

DUE = date(2025, 11, 6)
DAILY = Policy(alliance=POLICY.alliance, run=RunPolicy(cadence_days=1))
WEEKLY = Policy(alliance=POLICY.alliance, run=RunPolicy(cadence_days=7))
BOTH = pytest.mark.parametrize("policy", [DAILY, WEEKLY], ids=["daily", "weekly"])


def on(days: int) -> date:
    """The day that lies *days* after the due date."""
    return DUE + timedelta(days)


def state(as_of="2025-11-06", policy=POLICY, **cells):
    """The row of 借调状态, by field."""
    [row] = decided(book(loans=[loan("L-1", **cells)]), as_of, policy).rows["loan_states"]
    return dict(zip(LOAN_STATES.fields, row, strict=True))


# --- due date and state ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "due"),
    [
        ({}, "2025-11-06"),
        ({"到期日期": "2025-11-20"}, "2025-11-20"),
        ({"到期日期": "2025-11-20", "延期至": "2025-12-01"}, "2025-12-01"),
        ({"延期至": "2025-12-01"}, "2025-12-01"),
        ({"召回日期": "2025-10-30"}, "2025-10-31"),
        ({"召回日期": "2025-10-30", "延期至": "2025-12-01"}, "2025-10-31"),
        ({"召回日期": "2025-11-30"}, "2025-11-06"),
        ({"召回日期": "2025-11-05"}, "2025-11-06"),
        ({"借出日期": "", "到期日期": "2025-11-20"}, "2025-11-20"),
    ],
)
def test_due_is_the_extension_else_the_day_agreed_else_the_term_and_a_recall_comes_first(cells, due):
    assert str(state(**cells)["due"]) == due


def test_a_loan_that_is_not_shipped_and_has_no_day_is_not_due():
    row = state(借出日期="")
    assert (row["due"], row["days"], row["state"], row["next_step"]) == (None, None, "待发出", "")


def test_the_terms_are_settings():
    policy = Policy(loans=LoansPolicy(default_days=30, recall_days=0))
    assert str(state(policy=policy)["due"]) == "2025-11-22"
    assert str(state(policy=policy, 召回日期="2025-10-30")["due"]) == "2025-10-30"


@pytest.mark.parametrize(
    ("days", "name", "stage", "next_step", "next_on"),
    [
        (-14, "在借", "", "准备归还", "2025-10-30"),
        (-8, "在借", "", "准备归还", "2025-10-30"),
        (-7, "即将到期", "准备归还", "友好提醒", "2025-11-03"),
        (-4, "即将到期", "准备归还", "友好提醒", "2025-11-03"),
        (-3, "即将到期", "友好提醒", "正式催还", "2025-11-06"),
        (-1, "即将到期", "友好提醒", "正式催还", "2025-11-06"),
        (0, "今日到期", "正式催还", "上报上级", "2025-11-09"),
        (1, "已逾期", "正式催还", "上报上级", "2025-11-09"),
        (3, "已逾期", "上报上级", "按约赔偿", "2025-11-13"),
        (6, "已逾期", "上报上级", "按约赔偿", "2025-11-13"),
        (7, "已逾期", "按约赔偿", "", "None"),
        (400, "已逾期", "按约赔偿", "", "None"),
    ],
)
def test_a_loan_climbs_the_ladder_day_by_day(days, name, stage, next_step, next_on):
    """提前1周准备归还，前3天友好提醒，当天正式催还，逾期3天上报，逾期7天赔偿."""
    row = state(on(days))
    assert (row["days"], row["state"], row["stage"], row["next_step"], str(row["next_on"])) == (
        days, name, stage, next_step, next_on
    )  # fmt: skip


@pytest.mark.parametrize(
    ("cells", "name", "units"),
    [
        ({"赔偿日期": "2025-11-20"}, "已赔偿", 2),
        ({"赔偿日期": "2025-11-20", "归还日期": "2025-11-20"}, "已赔偿", 0),
        ({"赔偿日期": "2025-11-21"}, "已逾期", 2),
        ({"归还日期": "2025-11-19"}, "已归还", 0),
        ({"已还数量": 2}, "已归还", 0),
        ({"已还数量": 1}, "已逾期", 1),
        ({"已还数量": 2, "方案": "配件互换"}, "已归还", 0),
        ({"方案": "配件互换"}, "已互换", 2),
        ({"方案": "配件互换", "借出日期": ""}, "待发出", 2),
        ({"方案": "成本补偿"}, "已逾期", 2),
        ({"借出日期": ""}, "待发出", 2),
        ({"借出日期": "2025-11-21"}, "待发出", 2),
    ],
)
def test_the_first_state_that_holds_is_shown(cells, name, units):
    row = state(on(14), 数量=2, **cells)
    assert (row["state"], row["outstanding"]) == (name, units)
    if name != "已逾期":
        assert (row["days"], row["stage"], row["next_step"], row["next_on"], row["claim"]) == (None, "", "", None, None)


def test_a_cancelled_loan_has_no_state():
    assert decided(book(loans=[loan("L-1", 作废="是")]), "2025-11-06").rows["loan_states"] == []


@pytest.mark.parametrize(
    ("days", "cells", "claim"),
    [
        (6, {}, None),
        (7, {}, Decimal(24000)),
        (9, {"已还数量": 1}, Decimal(12000)),
        (7, {"配件编号": "P-2"}, Decimal(1600)),
        (7, {"配件编号": "P-3"}, None),
    ],
)
def test_the_claim_is_the_value_of_what_is_still_out(days, cells, claim):
    sheet = book(
        parts=[part("P-1"), part("P-2", 单价="800元"), part("P-3", 单价="")],
        loans=[loan("L-1", **{"数量": 2, **cells})],
    )
    plan = decided(sheet, on(days))
    assert plan.rows["loan_states"][0][-1] == claim
    assert ("no_unit_value" in {p.code for p in plan.problems}) == (cells.get("配件编号") == "P-3")


@pytest.mark.parametrize(
    ("term", "stages"),
    [
        (1, ["", "正式催还"]),
        (3, ["", "", "", "正式催还"]),
        (4, ["", "友好提醒", "友好提醒", "友好提醒", "正式催还"]),
        (7, ["", "", "", "", "友好提醒", "友好提醒", "友好提醒", "正式催还"]),
        (8, ["", "准备归还", "准备归还", "准备归还", "准备归还", "友好提醒", "友好提醒", "友好提醒", "正式催还"]),
    ],
)
def test_a_short_loan_has_no_rung_on_or_before_the_day_it_began(term, stages):
    due = date(2025, 10, 23) + timedelta(term)
    shown = [state(date(2025, 10, 23) + timedelta(n), 到期日期=due)["stage"] for n in range(term + 1)]
    assert shown == stages


def test_the_states_are_listed_by_loan_number():
    rows = decided(book(loans=[loan("L-2"), loan("L-10"), loan("L-1")]), "2025-11-06").rows["loan_states"]
    assert [row[0] for row in rows] == ["L-1", "L-10", "L-2"]


# --- which reminder is due now ---------------------------------------------------------------------------------------


@cache
def screens(lent="2025-10-23", due="2025-11-06"):
    return taken_in(book(loans=[loan("L-1", 借出日期=lent, 到期日期=due)])).frames["loans"]


NEVER_OFF = Workdays(worked=frozenset(on(n) for n in range(-40, 40)), moves=True)
"""Reminders keep to workdays, and every day is one."""
EITHER = pytest.mark.parametrize("workdays", [Workdays(), NEVER_OFF], ids=["any day", "workdays only"])


def stage_due(days: int, cadence: int, made=(), *, ladder=LADDER, workdays=Workdays()) -> str | None:  # noqa: B008
    """The stage due on day *days* from due. made: `stage@day` on record, `stage` for one that waits for a person."""
    policy = OverduePolicy(ladder)
    states = loan_states(screens(), on(days), LoansPolicy(), policy, workdays)
    record = {}
    for entry in made:
        stage, _, day = entry.partition("@")
        record[reminder_key("L-1", stage, DUE)] = on(int(day)) if day else None
    due = reminders_due(states, record, cadence, ladder)
    assert len(due) <= 1
    return ladder[due[0].rung].stage if due else None


@pytest.mark.parametrize(
    ("days", "made", "stage"),
    [
        (-8, [], None),
        (-7, [], "prepare"),
        (-7, ["prepare@-7"], None),
        (-6, [], "prepare"),
        (-4, ["prepare@-7"], None),
        (-3, ["prepare@-7"], "friendly"),
        (-3, [], "friendly"),  # prepare was missed: skipped, not sent late
        (-1, ["friendly@-3"], None),
        (-1, ["prepare@-7"], "friendly"),
        (0, ["friendly@-3"], "formal"),
        (0, [], "formal"),
        (0, ["formal@0"], None),
        (2, ["formal@0"], None),
        (3, ["formal@0"], "escalate"),
        (3, ["formal@1"], None),  # not faster than the ladder
        (4, ["formal@1"], "escalate"),
        (3, [], "formal"),  # one at a time, from the first that is missing
        (30, [], "formal"),
        (30, ["formal@30"], None),
        (32, ["formal@30"], None),
        (33, ["formal@30"], "escalate"),
        (33, ["formal@0"], "escalate"),
        (6, ["formal@0", "escalate@3"], None),
        (7, ["formal@0", "escalate@3"], "compensate"),
        (7, ["formal@0", "escalate@4"], None),
        (8, ["formal@0", "escalate@4"], "compensate"),
        (7, ["formal@0"], "escalate"),
        (36, ["formal@30", "escalate@33"], None),
        (37, ["formal@30", "escalate@33"], "compensate"),
        (99, ["formal@0", "escalate@3", "compensate@7"], None),
        (3, ["formal"], None),  # waits for a person: neither again nor the next
        (30, ["formal"], None),
        (30, ["formal@0", "escalate"], None),
        (7, ["escalate@3"], "compensate"),  # the row of the formal notice was deleted: no rung goes down
    ],
)
@EITHER
def test_a_daily_run_makes_one_rung_at_a_time(days, made, stage, workdays):
    assert stage_due(days, 1, made, workdays=workdays) == stage


@pytest.mark.parametrize(
    ("days", "made", "stage"),
    [
        (-14, [], None),
        (-13, [], "prepare"),  # its day falls before the next run
        (-8, [], "prepare"),
        (-7, [], "friendly"),  # never before day -7
        (-8, ["prepare@-13"], None),
        (-4, [], "friendly"),
        (-4, ["friendly@-7"], None),
        (-3, ["friendly@-7"], "formal"),  # never more than 3 days early
        (-3, [], "formal"),
        (-1, ["formal@-3"], None),
        (0, ["formal@-3"], None),
        (2, ["formal@-3"], None),  # a rung after due is never early
        (3, ["formal@-3"], "escalate"),
        (3, ["formal@2"], None),
        (7, ["formal@-3", "escalate@3"], "compensate"),
        (6, ["formal@-1"], "escalate"),
        (10, ["formal@-1", "escalate@6"], "compensate"),
        (9, ["formal@-1", "escalate@6"], None),
    ],
)
@EITHER
def test_a_weekly_run_announces_what_falls_before_the_next(days, made, stage, workdays):
    assert stage_due(days, 7, made, workdays=workdays) == stage


@pytest.mark.parametrize("cadence", [1, 3, 7, 31])
@pytest.mark.parametrize("made", [rung.stage for rung in LADDER])
@pytest.mark.parametrize("workdays", [Workdays(), Workdays(moves=True)], ids=["any day", "workdays only"])
def test_no_rung_goes_down(cadence, made, workdays):
    """A day set back, or a daily run after a weekly one, makes nothing friendlier than what was made."""
    stages = [rung.stage for rung in LADDER]
    for days in range(-14, 12, 1):
        for record in (made, f"{made}@{days}", f"{made}@-14"):
            later = stage_due(days, cadence, [record], workdays=workdays)
            assert later is None or stages.index(later) > stages.index(made)


@pytest.mark.parametrize(
    "cells",
    [
        {"归还日期": "2025-11-06"}, {"已还数量": 1}, {"赔偿日期": "2025-10-30"}, {"方案": "配件互换"}, {"借出日期": ""},
        {"借出日期": "2026-01-01"}, {"作废": "是"},
    ],
)  # fmt: skip
@BOTH
def test_nothing_is_mailed_for_a_loan_whose_units_are_not_out(cells, policy):
    for days in (-7, -3, 0, 3, 7, 20):
        plan = decided(settled(book(loans=[loan("L-1", **cells)])), on(days), policy)
        assert reminders(plan) == []


def test_a_half_returned_loan_is_reminded_of_the_rest():
    plan = decided(settled(book(loans=[loan("L-1", 数量=2, 已还数量=1)])), DUE)
    [item] = plan.letters[0].items
    assert (item.outstanding, item.claim) == (1, Decimal(12000))


def mailed(sheet, first: str, last: str, step: int, policy) -> dict[str, str]:
    """day -> stage, over a run on every *step*-th day, all mail leaving."""
    sheet, record = settled(sheet), {}
    for day in days_between(first, last, step):
        plan, sheet = run(sheet, day, policy)
        if made := reminders(plan):
            [record[day[5:]]] = made
    return record


SCREENS = loan("L-1", "华东", "华北", 数量=2)


def test_the_story_of_two_screens_with_daily_runs():
    assert mailed(book(loans=[SCREENS]), "2025-10-20", "2025-12-01", 1, DAILY) == {
        "10-30": "L-1 prepare",
        "11-03": "L-1 friendly",
        "11-06": "L-1 formal",
        "11-09": "L-1 escalate",
        "11-13": "L-1 compensate",
    }


@pytest.mark.parametrize(
    ("first", "record"),
    [
        # a run every Thursday, Friday... ; the loan is due on Thursday 11-06
        ("2025-10-16", {"10-30": "friendly", "11-06": "formal", "11-13": "escalate", "11-20": "compensate"}),
        (
            "2025-10-17",
            {"10-24": "prepare", "10-31": "friendly", "11-07": "formal", "11-14": "escalate", "11-21": "compensate"},
        ),
        (
            "2025-10-18",
            {"10-25": "prepare", "11-01": "friendly", "11-08": "formal", "11-15": "escalate", "11-22": "compensate"},
        ),
        (
            "2025-10-19",
            {"10-26": "prepare", "11-02": "friendly", "11-09": "formal", "11-16": "escalate", "11-23": "compensate"},
        ),
        ("2025-10-20", {"10-27": "prepare", "11-03": "formal", "11-10": "escalate", "11-17": "compensate"}),
        ("2025-10-21", {"10-28": "prepare", "11-04": "formal", "11-11": "escalate", "11-18": "compensate"}),
        ("2025-10-22", {"10-29": "prepare", "11-05": "formal", "11-12": "escalate", "11-19": "compensate"}),
    ],
    ids=["thu", "fri", "sat", "sun", "mon", "tue", "wed"],
)
def test_the_story_of_two_screens_with_weekly_runs(first, record):
    """Whatever the weekday: a friendly word before due, then formal, escalate, compensate in the three weeks after."""
    made = mailed(book(loans=[SCREENS]), first, "2025-12-31", 7, WEEKLY)
    assert made == {day: f"L-1 {stage}" for day, stage in record.items()}


@pytest.mark.parametrize(
    ("runs", "record"),
    [
        (["2025-11-05"], {"11-05": "friendly"}),
        (["2025-11-08"], {"11-08": "formal"}),
        (["2025-11-20", "2025-11-21", "2025-11-23", "2025-11-26", "2025-11-27"],
         {"11-20": "formal", "11-23": "escalate", "11-27": "compensate"}),
        (["2025-10-30", "2025-11-12", "2025-11-15", "2025-11-30"],
         {"10-30": "prepare", "11-12": "formal", "11-15": "escalate", "11-30": "compensate"}),
    ],
)  # fmt: skip
def test_missed_runs_are_caught_up_in_order_and_not_faster_than_the_ladder(runs, record):
    sheet, made = settled(book(loans=[SCREENS]), "2025-10-29"), {}
    for day in runs:
        plan, sheet = run(sheet, day, DAILY)
        made |= {day[5:]: stage for stage in reminders(plan)}
    assert made == {day: f"L-1 {stage}" for day, stage in record.items()}


def changed_to(sheet, **cells):
    tabs = {**sheet.tabs, "loans": book(loans=[loan("L-1", **cells)]).tabs["loans"]}
    return type(sheet)(tabs)


def test_an_extension_starts_the_ladder_again():
    sheet = settled(book(loans=[SCREENS]))
    for day in ("2025-11-06", "2025-11-09"):
        _, sheet = run(sheet, day, DAILY)
    sheet = changed_to(sheet, 延期至="2025-11-20")
    made = mailed(sheet, "2025-11-10", "2025-11-30", 1, DAILY)
    assert made == {
        "11-13": "L-1 prepare", "11-17": "L-1 friendly", "11-20": "L-1 formal", "11-23": "L-1 escalate", "11-27": "L-1 compensate"
    }  # fmt: skip


def test_a_recall_starts_the_ladder_again_and_goes_at_once():
    """如果这2周内你那边有紧急情况，24小时内归还."""
    sheet = settled(book(loans=[SCREENS]))
    _, sheet = run(sheet, "2025-10-30", DAILY)
    sheet = changed_to(sheet, 召回日期="2025-10-30")
    made = mailed(sheet, "2025-10-30", "2025-11-10", 1, DAILY)
    assert made == {
        "10-30": "L-1 friendly", "10-31": "L-1 formal", "11-03": "L-1 escalate", "11-07": "L-1 compensate"
    }  # fmt: skip


def test_a_ladder_may_have_fewer_rungs():
    short = (Rung("friendly", -1), Rung("formal", 2, ("lender",)))
    assert [stage_due(days, 1, ladder=short) for days in (-2, -1, 1, 2, 9)] == [
        None,
        "friendly",
        "friendly",
        "formal",
        "formal",
    ]
    plan = decided(book(loans=[SCREENS]), on(30), Policy(overdue=OverduePolicy(short)))
    assert plan.rows["loan_states"][0][-1] is None  # no rung claims anything


@pytest.mark.parametrize(
    "ladder",
    [(), (Rung("formal", 0), Rung("friendly", -3)), (Rung("formal", 0), Rung("formal", 3)), (Rung("nudge", 0),)],
)
def test_a_ladder_that_does_not_rise_is_refused(ladder):
    with pytest.raises(PolicyError, match=r"overdue\.ladder"):
        OverduePolicy(ladder)


# --- first run and quiet gap -----------------------------------------------------------------------------------------


def held(sheet, as_of, policy=DAILY) -> dict[str, bool]:
    return {
        item.loan_id: bool(x.held)
        for x in decided(sheet, as_of, policy).letters
        if x.kind == "overdue"
        for item in x.items
    }


OLD_AND_NEW = book(
    loans=[
        loan("L-1", 到期日期="2025-11-06"),
        loan("L-2", 到期日期="2025-11-07"),
        loan("L-3", 到期日期="2025-12-06"),
    ]
)


def test_a_first_run_holds_what_is_overdue_by_more_than_30_days():
    assert held(OLD_AND_NEW, "2025-12-07") == {"L-1": True, "L-2": False, "L-3": False}


@pytest.mark.parametrize(("last_run", "holds"), [("2025-11-06", True), ("2025-11-07", False), ("2025-12-06", False)])
def test_a_quiet_gap_holds_old_cases_like_a_first_run(last_run, holds):
    """2025-12-07 is 31 days after 2025-11-06."""
    assert held(settled(OLD_AND_NEW, last_run), "2025-12-07") == {"L-1": holds, "L-2": False, "L-3": False}


def test_the_quiet_gap_is_a_setting():
    policy = Policy(run=RunPolicy(cadence_days=1, quiet_gap_days=20))
    assert held(OLD_AND_NEW, "2025-12-07", policy) == {"L-1": True, "L-2": True, "L-3": False}


def test_what_was_held_waits_for_a_person_and_does_not_climb():
    plan, sheet = run(OLD_AND_NEW, "2025-12-07", DAILY)
    assert "首次运行" in next(x.held for x in plan.letters if x.held)
    for day in days_between("2025-12-07", "2025-12-30"):
        plan, sheet = run(sheet, day, DAILY)
        assert not [r for r in reminders(plan) if r.startswith("L-1")]


# --- reminders that keep to workdays ---------------------------------------------------------------------------------

ON_WORKDAYS = CalendarPolicy(workdays_only=True)
KEPT = Policy(alliance=POLICY.alliance, run=RunPolicy(cadence_days=1), calendar=ON_WORKDAYS, official=OFFICIAL_2026)


@cache
def nothing_typed():
    return taken_in(book()).frames["holidays"]


def rung_days(lent: str, due: str, official=OFFICIAL_2026, calendar=ON_WORKDAYS) -> list[date]:
    """The day of each rung, whether the loan is long enough for it or not."""
    chosen = workdays(official, nothing_typed(), calendar)
    day = date.fromisoformat(due)
    states = loan_states(screens(lent, due), day, LoansPolicy(), OverduePolicy(), chosen)
    return [day + timedelta(int(n)) for n in states.offsets[0]]


@pytest.mark.parametrize(
    ("due", "days"),
    [
        # −7, −3 before; 0, +3, +7 after
        ("2026-09-17", ["09-10", "09-14", "09-17", "09-20", "09-24"]),  # +3 is a Sunday worked in exchange
        ("2026-09-24", ["09-17", "09-21", "09-24", "09-28", "10-08"]),  # +7 waits for +3, and so for the holiday
        ("2026-10-01", ["09-24", "09-28", "10-08", "10-12", "10-16"]),  # due in the holiday: asked for after it
        ("2026-10-07", ["09-30", "09-30", "10-08", "10-12", "10-16"]),  # a week and three days before are one workday
        ("2026-10-08", ["09-30", "09-30", "10-08", "10-12", "10-16"]),
        ("2026-02-14", ["02-06", "02-11", "02-14", "02-24", "02-28"]),  # +3 and +7 in the festival stay 4 days apart
        ("2026-02-23", ["02-14", "02-14", "02-24", "02-27", "03-03"]),
    ],
)
def test_a_rung_on_a_day_off_moves_to_a_workday(due, days):
    assert [day.isoformat()[5:] for day in rung_days("2026-01-05", due)] == days


def test_the_loan_shows_the_day_its_next_rung_has_moved_to():
    cells = {"借出日期": "2026-09-14", "到期日期": "2026-10-01"}
    shown = [state(f"2026-{day}", KEPT, **cells) for day in ("09-28", "10-01", "10-05", "10-08", "10-12", "10-16")]
    assert [(row["days"], row["stage"], row["next_step"], str(row["next_on"])[5:]) for row in shown] == [
        (-3, "友好提醒", "正式催还", "10-08"),
        (0, "友好提醒", "正式催还", "10-08"),
        (4, "友好提醒", "正式催还", "10-08"),
        (7, "正式催还", "上报上级", "10-12"),
        (11, "上报上级", "按约赔偿", "10-16"),
        (15, "按约赔偿", "", ""),
    ]


def test_a_loan_over_the_holiday_is_reminded_on_workdays():
    """Runs on days off make nothing; the letter says where the due date lies, and the next rung where it has moved."""
    sheet = settled(book(loans=[loan("L-1", 借出日期="2026-09-14", 到期日期="2026-10-01")]), "2026-09-20")
    made = {}
    for day in ("09-24", "09-27", "09-28", "10-01", "10-04", "10-08", "10-11", "10-12", "10-15", "10-16"):
        plan, sheet = run(sheet, f"2026-{day}", KEPT)
        for letter in (letter for letter in plan.letters if letter.kind == "overdue"):
            [x] = letter.items
            made[day] = (x.stage, str(x.next_on or "")[5:], x.holiday.en, str(x.last_workday)[5:])
    where = ("National Day", "09-30")
    assert made == {
        "09-24": ("prepare", "09-28", *where), "09-28": ("friendly", "10-08", *where),
        "10-08": ("formal", "10-12", *where), "10-12": ("escalate", "10-16", *where), "10-16": ("compensate", "", *where),
    }  # fmt: skip


def test_a_rung_that_moved_onto_the_day_of_lending_does_not_exist():
    """Lent on the last workday, due in the holiday: the borrower has just been told."""
    chosen = workdays(OFFICIAL_2026, nothing_typed(), ON_WORKDAYS)
    made = simulated("2026-09-30", "2026-10-07", chosen, first=-7, cadence=1, days=25)
    assert [(stage, day.isoformat()[5:]) for stage, day in made] == [
        ("formal", "10-08"), ("escalate", "10-12"), ("compensate", "10-16")
    ]  # fmt: skip


def test_a_day_off_of_our_own_moves_a_rung_too():
    cells, typed = {"借出日期": "2026-10-12", "到期日期": "2026-11-05"}, [{"日期": "2026-11-02", "类型": "休"}]
    [row] = decided(book(loans=[loan("L-1", **cells)], holidays=typed), "2026-10-29", KEPT).rows["loan_states"]
    assert str(row[LOAN_STATES.fields.index("next_on")]) == "2026-10-30"


def simulated(lent: str, due: str, chosen: Workdays, first: int, cadence: int, days: int) -> list[tuple[str, date]]:
    """(stage, day) of every reminder, over a run on each *cadence*-th day from day *first* on, all mail leaving."""
    record, made = {}, []
    for n in range(first, first + days, cadence):
        as_of = date.fromisoformat(due) + timedelta(n)
        states = loan_states(screens(lent, due), as_of, LoansPolicy(), OverduePolicy(), chosen)
        for item in reminders_due(states, record, cadence, LADDER):
            stage = LADDER[item.rung].stage
            record[reminder_key("L-1", stage, date.fromisoformat(due))] = as_of
            made.append((stage, as_of))
    return made


TERMS = [("2025-10-23", "2025-11-06"), ("2025-11-01", "2025-11-06"), ("2025-11-04", "2025-11-08"), ("2025-11-06", "2025-11-07")]  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(CALENDARS, st.sampled_from(TERMS), st.integers(-12, -8), st.sampled_from([1, 1, 3, 7]))
@example(
    (official_days([(-8, 2)], set()), ON_WORKDAYS), TERMS[0], -8, 1
)  # the first rung moves to before the first run
def test_whatever_is_off_no_rung_after_due_is_lost_hurried_or_early(chosen, term, first, cadence):
    official, calendar = chosen
    days, begun = rung_days(*term, official, calendar), date.fromisoformat(term[1]) + timedelta(first)
    made = simulated(*term, workdays(official, nothing_typed(), calendar), first, cadence, days=80)
    stages = [stage for stage, _ in made]
    order = [rung.stage for rung in LADDER]
    assert stages == sorted(stages, key=order.index)  # no rung goes down
    assert len(stages) == len(set(stages))
    assert stages[-3:] == ["formal", "escalate", "compensate"]
    left = dict(made)
    assert left["escalate"] - left["formal"] >= timedelta(3)
    assert left["compensate"] - left["escalate"] >= timedelta(4)
    for place, (rung, day) in enumerate(zip(LADDER, days, strict=True)):
        if rung.stage in left and (cadence == 1 or rung.offset > 0):
            assert left[rung.stage] == day if cadence == 1 and day >= begun else left[rung.stage] >= day
        assert place == 0 or days[place - 1] <= day
    assert left["formal"] >= date.fromisoformat(term[1]) - timedelta(3)


@settings(max_examples=60, deadline=None)
@given(CALENDARS, st.sampled_from(TERMS))
def test_a_rung_moves_to_the_nearest_workday_that_keeps_the_distances(chosen, term):
    """Against a walk from day to day; where reminders go out on any day, nothing moves."""
    official, calendar = chosen
    due, expected = date.fromisoformat(term[1]), []
    for n, rung in enumerate(LADDER):
        day = due + timedelta(rung.offset)
        if n and rung.offset > 0:
            day = max(day, expected[-1] + timedelta(rung.offset - LADDER[n - 1].offset))
        while calendar.workdays_only and not is_worked(day, official):
            day += timedelta(-1 if rung.offset < 0 else 1)
        expected.append(day)
    assert rung_days(*term, official, calendar) == expected

"""Laws that hold for every sheet people can make (docs/architecture.md, "Laws")."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.changes import change
from rules.decide import decide
from rules.intake import SheetError
from rules.items import Reminder
from rules.ladder import reminder_key
from rules.outbox import mails_in
from rules.policy import LADDER, Alliance, CalendarPolicy, MailPolicy, PointsPolicy, Policy, RunPolicy
from rules.schema import MEMBER_TABLES, TABLES, WORKER_TABLES, Kind, renamed
from rules.values import Change, MailStatus, RawTable, WriteRefused
from tests.rules.sheets import (
    BY_NAME,
    ZONE,
    after,
    book,
    changes,
    decided,
    loan,
    mails_after,
    settled,
    tab,
    taken_in,
    with_mails,
)
from tests.rules.strategies import CALENDARS, TODAY, as_book, is_worked, messy, moved_about, scrambled, tables

DESK = Alliance(coordinator_email="desk@example.cn")
POLICIES = st.builds(
    Policy,
    alliance=st.sampled_from([DESK, Alliance(locale="en", coordinator_email="desk@example.cn"), Alliance()]),
    points=st.builds(PointsPolicy, help=st.sampled_from([1, 2]), per=st.sampled_from(["loan", "unit"])),
    run=st.builds(RunPolicy, cadence_days=st.sampled_from([1, 7])),
    calendar=st.builds(CalendarPolicy, workdays_only=st.booleans()),
    official=CALENDARS.map(lambda chosen: chosen[0]),
)
SHEETS = st.one_of(tables(), messy())


def laws(examples: int):
    """Of so many examples each stop tries half; HUZHU_EXAMPLES, see tests/conftest.py, says otherwise."""
    tried = max(1, examples * settings.default.max_examples // 100)
    return settings(
        max_examples=tried, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
    )


def in_words(plan) -> object:
    """A plan without row numbers, for plans of sheets that differ in the order of their rows."""
    problems = sorted(
        (p.severity, p.code, p.table, p.key, p.field, p.value, sorted((k, v) for k, v in p.args.items() if k != "rows"))
        for p in plan.problems
    )
    rows = {name: rows for name, rows in plan.rows.items() if name != "issues"}
    letters = [(x.mail_id, x.to, x.cc, x.held, x.greeting, x.keys) for x in plan.letters if x.kind == "overdue"]
    told = sorted(key for x in plan.letters if x.kind == "problems" for key in x.keys)
    return problems, rows, letters, told, plan.rows_read


@laws(20)
@given(SHEETS, POLICIES, st.sampled_from([MailStatus.SENT, MailStatus.QUEUED, MailStatus.HELD]))
def test_a_second_cycle_plans_nothing(rows, policy, outcome):
    """Run twice, write once: no table changes and nothing leaves again."""
    first = as_book(rows)
    plan = decided(first, TODAY, policy)
    sheet = after(first, plan, TODAY, outcome)
    again = decided(sheet, TODAY, policy)
    fresh = [x for x in again.letters if x.mail_id not in {y.mail_id for y in plan.letters}]
    if outcome is MailStatus.HELD:  # held mail is news for the coordinator, once
        assert {x.kind for x in fresh} <= {"problems"}
        again = decided(after(sheet, again, TODAY, MailStatus.SENT), TODAY, policy)
        assert again.letters == ()
        return
    assert fresh == []
    assert outcome is MailStatus.QUEUED or again.letters == ()
    assert changes(sheet, again, mails_after(again, TODAY, outcome)) == []


@laws(20)
@given(SHEETS, st.randoms(use_true_random=False))
def test_row_order_does_not_matter(rows, chance):
    policy = Policy(alliance=DESK)
    moved = moved_about(rows, chance.shuffle)
    assert in_words(decided(as_book(rows), TODAY, policy)) == in_words(decided(as_book(moved), TODAY, policy))


@laws(20)
@given(SHEETS, st.integers(0, 3), st.sampled_from(["loan", "unit"]), st.integers(-40, 40))
def test_points_in_are_points_out(rows, worth, per, days):
    """Without adjustments, and with help == receive, the balances of all members sum to 0, always."""
    policy = Policy(points=PointsPolicy(help=worth, receive=worth, per=per))
    plan = decided(as_book({**rows, "adjustments": []}), TODAY + timedelta(days), policy)
    assert sum(row[5] for row in plan.rows["standings"]) == 0
    assert sum(row[2] for row in plan.rows["ledger"]) == 0


@laws(15)
@given(SHEETS, POLICIES)
def test_a_balance_is_the_sum_of_the_members_lines(rows, policy):
    plan = decided(as_book(rows), TODAY, policy)
    lines = plan.rows["ledger"]
    shown = {row[1]: row[5] for row in plan.rows["standings"]}
    for center, balance in shown.items():
        assert balance == sum(line[2] for line in lines if line[1] == center)
    last = {line[1]: line[3] for line in lines}
    assert {center: shown.get(center, 0) for center in last} == last
    assert [(line[0], line[5], line[1]) for line in lines] == sorted((line[0], line[5], line[1]) for line in lines)


@laws(30)
@given(messy())
def test_every_row_is_used_or_has_an_error_never_neither(rows):
    read_in = taken_in(as_book(rows))
    errors = {(p.table, p.row) for p in read_in.problems if p.severity == "error"}
    for table in MEMBER_TABLES:
        used = set(read_in.frames[table.name]["row"])
        lost = {row for name, row in errors if name == table.name}
        assert not used & lost
        assert len(used) + len(lost) == read_in.rows_read[table.name]


@laws(20)
@given(tables(), st.data())
def test_a_bad_row_changes_nothing_but_its_own_problems(rows, data):
    """Nor those of rows that refer to it: here nothing does."""
    name = data.draw(st.sampled_from(["loans", "requests", "adjustments", "inventory"]))
    bad = {"requests": {"request_id": "R-bad"}, "loans": {"loan_id": "L-bad"}}.get(
        name, {"reason": "坏", "terms": "白送"}
    )
    bad = {key: cell for key, cell in bad.items() if key in BY_NAME[name].fields}
    clean = decided(as_book(rows), TODAY)
    spoilt = decided(as_book({**rows, name: [*rows[name], bad]}), TODAY)
    assert {k: v for k, v in clean.rows.items() if k != "issues"} == {
        k: v for k, v in spoilt.rows.items() if k != "issues"
    }
    row = len(rows[name]) + 2
    assert list(clean.problems) == [p for p in spoilt.problems if (p.table, p.row) != (name, row)]
    assert any((p.severity, p.table, p.row) == ("error", name, row) for p in spoilt.problems)


@laws(20)
@given(messy(), st.sampled_from(["members", "parts"]), st.data())
def test_a_spoilt_row_takes_only_what_refers_to_it(rows, name, data):
    """Members and parts are referred to: rows that need the spoilt one are left out, all others stay."""
    table, number = BY_NAME[name], data.draw(st.integers(2, len(rows[name]) + 1))
    needed = next(c.field for c in table.typed if c.required and c.field not in table.key)
    cells = rows[name]
    spoilt = {**rows, name: [*cells[: number - 2], {**cells[number - 2], needed: None}, *cells[number - 1 :]]}
    before, now = taken_in(as_book(rows)), taken_in(as_book(spoilt))
    key = dict(zip(before.frames[name]["row"], before.frames[name][table.key[0]], strict=True)).get(number)
    for other in MEMBER_TABLES:
        frame = before.frames[other.name].set_index("row")
        kept = set(now.frames[other.name]["row"])
        refers = [c.field for c in other.typed if c.required and c.refers_to]
        assert kept <= set(frame.index)
        for row in set(frame.index) - kept - ({number} if other is table else set()):
            assert key in {frame.loc[row, field] for field in refers}


# --- the ladder over any sequence of runs ----------------------------------------------------------------------------

OUTCOMES = st.sampled_from(
    [MailStatus.SENT, MailStatus.SENT, MailStatus.FAILED, MailStatus.HELD, MailStatus.SENDING, MailStatus.QUEUED]
)
LOANS = st.lists(
    st.fixed_dictionaries(
        {
            "到期日期": st.integers(-10, 5).map(lambda n: TODAY + timedelta(n)),
            "借用方": st.sampled_from(["华北", "华中"]),
        }
    ),
    min_size=1,
    max_size=3,
)
RUNS = st.lists(st.tuples(st.integers(-16, 25), OUTCOMES, st.sampled_from([1, 7])), min_size=1, max_size=8)
HANDED_OVER = (MailStatus.SENT, MailStatus.HELD, MailStatus.SENDING)
"""Fates of a mail that left, or may have left."""


def reminders_of(plan) -> list[Reminder]:
    return [item for x in plan.letters if not x.held for item in x.items if isinstance(item, Reminder)]


@laws(30)
@given(LOANS, RUNS, st.booleans(), CALENDARS)
def test_a_reminder_leaves_at_most_once_and_no_rung_goes_down(loans, runs, in_order, calendar):
    """Over any sequence of runs, crashes and clock jumps. Rules, section 4."""
    rungs = {rung.stage: i for i, rung in enumerate(LADDER)}
    sheet = settled(book(loans=[loan(f"L-{n}", **cells) for n, cells in enumerate(loans)]))
    left: list[str] = []
    highest: dict[str, int] = {}
    left_on: dict[str, date] = {}
    latest = date.min
    for days, outcome, cadence in sorted(runs, key=lambda entry: entry[0]) if in_order else runs:
        as_of = TODAY + timedelta(days)
        latest = max(latest, as_of)
        plan = decided(sheet, as_of, keeping(calendar, cadence))
        items = reminders_of(plan)
        assert len({item.loan_id for item in items}) == len(items)  # one rung of a loan at a time
        for item in items if outcome in HANDED_OVER else ():
            assert rungs[item.stage] >= highest.get(item.loan_id, 0)
            highest[item.loan_id] = rungs[item.stage]
            left.append(item.key)
            if outcome is MailStatus.SENT:
                left_on[item.key] = as_of
            _check_order(item, latest, left_on, calendar)
        sheet = after(sheet, plan, as_of, outcome)
        assert len(left) == len(set(left))


def keeping(calendar, cadence: int) -> Policy:
    official, kept = calendar
    return Policy(alliance=DESK, run=RunPolicy(cadence_days=cadence), calendar=kept, official=official)


def _check_order(item: Reminder, latest: date, left_on: dict[str, date], calendar) -> None:
    """No rung after due without the one before it, nor faster than the ladder, nor early: a rung before due that lies
    on a day off is early by that.

    latest: the last day any run computed for; a failed mail may be tried again under a clock that was set back.
    """
    place = next(i for i, rung in enumerate(LADDER) if rung.stage == item.stage)
    rung, before = LADDER[place], LADDER[place - 1]
    if rung.offset > 0:
        assert item.days >= rung.offset
        earlier = left_on[reminder_key(item.loan_id, before.stage, item.due)]
        assert (latest - earlier).days >= rung.offset - before.offset
    elif place:
        official, kept = calendar
        moved = item.due + timedelta(rung.offset)
        while kept.workdays_only and rung.offset < 0 and not is_worked(moved, official):
            moved -= timedelta(1)
        assert item.days >= min(before.offset, (moved - item.due).days)


@laws(8)
@given(LOANS, st.integers(-16, -8), st.sampled_from([1, 2, 3, 5, 7]), CALENDARS)
def test_with_regular_runs_no_rung_after_due_is_lost(loans, first, cadence, calendar):
    sheet = settled(book(loans=[loan(f"L-{n}", **cells) for n, cells in enumerate(loans)]))
    policy = keeping(calendar, cadence)
    made: dict[str, list[str]] = {}
    for n in range(first, 55 if policy.calendar.workdays_only else 28, cadence):
        plan = decided(sheet, TODAY + timedelta(n), policy)
        for item in reminders_of(plan):
            made.setdefault(item.loan_id, []).append(item.stage)
        sheet = after(sheet, plan, TODAY + timedelta(n))
    assert all(stages[-3:] == ["formal", "escalate", "compensate"] for stages in made.values())
    assert all(len(stages) == len(set(stages)) for stages in made.values())
    assert len(made) == len(loans)


@laws(15)
@given(SHEETS, st.lists(st.tuples(st.integers(-10, 40), OUTCOMES), min_size=1, max_size=4))
def test_mail_once_on_record_stays_on_record(rows, runs):
    """And no two mails that count have an item of a loan in common."""
    sheet = as_book(rows)
    seen: dict[str, MailStatus] = {}
    for days, outcome in runs:
        as_of = TODAY + timedelta(days)
        sheet = after(
            sheet, decided(sheet, as_of, Policy(alliance=DESK, run=RunPolicy(cadence_days=1))), as_of, outcome
        )
        mails = {mail.mail_id: mail for mail in mails_in(sheet.tabs["outbox"], ZONE)}
        assert seen.keys() <= mails.keys()
        assert all(
            mails[ident].status is MailStatus.SENT for ident, status in seen.items() if status is MailStatus.SENT
        )
        seen = {ident: mail.status for ident, mail in mails.items()}
        counting = [item for mail in mails.values() if mail.status is not MailStatus.CANCELLED for item in mail.items]
        assert len(counting) == len(set(counting))


# --- what may be written ---------------------------------------------------------------------------------------------


STRANGER = "stranger@outside.example"
SMUGGLED = st.sampled_from([
    f"a@example.cn, {STRANGER}", f"a@example.cn\nBcc: {STRANGER}", f"王 <{STRANGER}>,", f'"{STRANGER}" a@example.cn',
    f"a@example.cn;{STRANGER}", f"{STRANGER} ?", f"mailto:{STRANGER}",
])  # fmt: skip
"""No address of anybody, though a stranger's stands in it: in a column of addresses, or any other text."""
ADDRESSES = {"a@example.cn", "b@example.cn", "c@example.cn", "desk@example.cn"}
TYPED_TEXT = [
    (table.name, column.field)
    for table in MEMBER_TABLES
    for column in table.typed
    if column.kind in (Kind.TEXT, Kind.NOTE, Kind.EMAIL)
]


@laws(30)
@given(SHEETS, POLICIES, st.data())
def test_letters_go_to_members_their_superiors_and_the_coordinator_alone(rows, policy, data):
    """Interface, "Mail": whatever else the sheet holds, and whatever somebody wrote into the outbox."""
    for name, field in data.draw(st.lists(st.sampled_from(TYPED_TEXT), min_size=1, max_size=6)):
        for row in rows[name]:
            row[field] = data.draw(SMUGGLED)
    sheet = as_book(rows)
    allowed = {row.get(field) for row in rows["members"] for field in ("email", "supervisor_email")} & ADDRESSES
    allowed |= {policy.alliance.coordinator_email}
    for _ in range(2):
        plan = decided(sheet, TODAY, policy)
        for letter in (letter for letter in plan.letters if letter.kind != "group"):
            answers = {address.strip() for address in letter.reply_to.split(",")} - {""}
            assert {letter.to, *letter.cc, *answers} <= allowed
        mails = [replace(m, to=STRANGER, cc=(STRANGER,)) for m in mails_after(plan, TODAY, MailStatus.FAILED)]
        sheet = with_mails(sheet, mails)


@pytest.mark.parametrize("table", MEMBER_TABLES, ids=lambda table: table.name)
def test_no_change_can_name_a_members_table(table):
    with pytest.raises(WriteRefused):
        Change(table, [])
    with pytest.raises(WriteRefused):
        change(table, None, [("x",) * len(table.fields)])


@pytest.mark.parametrize("table", WORKER_TABLES, ids=lambda table: table.name)
def test_a_workers_table_can_be_written(table):
    assert change(table, None, []).table is table


@laws(15)
@given(SHEETS)
def test_a_run_writes_only_the_workers_tables(rows):
    sheet = as_book(rows)
    plan = decided(sheet, TODAY, Policy(alliance=DESK))
    written = changes(sheet, plan, mails_after(plan, TODAY, MailStatus.SENT))
    assert {c.table for c in written} <= set(WORKER_TABLES)
    for c in written:
        assert all(len(row) == len(c.table.fields) for row in c.rows)


VALUES = {
    Kind.COUNT: st.integers(0, 10**6), Kind.POINTS: st.integers(-99, 99), Kind.MONEY: st.decimals(0, 10**6, places=2),
    Kind.NUMBER: st.floats(-(10**6), 10**6), Kind.DATE: st.dates(), Kind.MOMENT: st.datetimes(),
}  # fmt: skip


@laws(30)
@given(st.sampled_from(WORKER_TABLES), st.data())
def test_what_is_read_back_in_another_type_is_no_change(table, data):
    """2 comes back as 2.0, a date as midnight, money as a float, a blank as ""."""
    cells = [st.none() | VALUES.get(column.kind, st.text(min_size=1)) for column in table.typed]
    rows = [tuple(row) for row in data.draw(st.lists(st.tuples(*cells), max_size=3))]
    rows = [row for row in rows if any(cell not in (None, "") for cell in row)]
    back = tab(table, rows)
    floats = [[float(cell) if isinstance(cell, Decimal) else cell for cell in row] for row in back.rows]
    padded = RawTable(table.title, [*([*row, "", None] for row in floats), ["", None], []])
    assert change(table, padded, rows) is None
    assert change(table, back, rows) is None


@laws(20)
@given(st.sampled_from(WORKER_TABLES), st.data())
def test_any_other_cell_is_a_change(table, data):
    cells = [VALUES.get(column.kind, st.sampled_from("abc")) for column in table.typed]
    rows = data.draw(st.lists(st.tuples(*cells), min_size=1, max_size=3))
    n, at = data.draw(st.integers(0, len(rows) - 1)), data.draw(st.integers(0, len(table.fields) - 1))
    other = data.draw(st.none() | cells[at])
    wanted = [(*row[:at], other, *row[at + 1 :]) if i == n else row for i, row in enumerate(rows)]
    found = change(table, tab(table, rows), wanted)
    if other == rows[n][at] and type(other) is type(rows[n][at]):
        assert found is None
    elif found is not None:
        assert list(found.rows) == wanted
        assert found.cells >= 1
    else:
        assert other == rows[n][at] or float(other) == float(rows[n][at])


def test_a_tab_that_is_not_there_or_has_another_header_is_written_whole():
    table = BY_NAME["kpis"]
    rows = [("满足率", 90.5, "%", "", "", "", "")]
    for before in (None, RawTable("指标", []), RawTable("指标", [["旧"], *rows])):
        found = change(table, before, rows)
        assert found is not None
        assert (list(found.rows), found.counts["added"]) == (rows, 1)
    assert change(table, RawTable("指标", [[c.header for c in table.typed]]), []) is None


def test_what_changed_is_counted_by_key():
    table = BY_NAME["kpis"]
    old = [("甲", 1, "", "", "", "", ""), ("乙", 2, "", "", "", "", ""), ("丙", 3, "", "", "", "", "")]
    new = [("乙", 5, "件", "", "", "", ""), ("丙", 3, "", "", "", "", ""), ("丁", 4, "", "", "", "", "")]
    found = change(table, tab(table, old), new)
    assert (found.counts, found.cells) == ({"added": 1, "changed": 1, "removed": 1}, 2 + 7 + 7)


# --- the declaration -------------------------------------------------------------------------------------------------


def test_every_reference_and_bound_of_the_declaration_names_a_column():
    names = {table.name for table in TABLES}
    for table in TABLES:
        fields = [column.field for column in table.columns]
        headers = [column.header for column in table.columns]
        assert len(set(fields)) == len(fields)
        assert len(set(headers)) == len(headers)
        assert {*table.key, *table.derived_key} <= set(table.fields)
        for column in table.columns:
            others = [column.not_before, column.at_most, column.differs_from, *(column.blank_means or ())]
            assert {other for other in others if other} <= set(fields)
            assert not column.refers_to or (column.refers_to in names and len(BY_NAME[column.refers_to].key) == 1)
            assert column.default in {"", *column.choices}
            assert not column.finds or column.finds[1] in BY_NAME[column.finds[0]].fields


def test_renaming_what_is_not_there_is_refused():
    for rename in ({"nowhere": {}}, {"loans": {"due": "应还日"}}):
        with pytest.raises(KeyError):
            renamed(rename)
    assert renamed({"loans": {"due_on": "应还日"}})["loans"]["due_on"].header == "应还日"


@laws(15)
@given(SHEETS, POLICIES, st.integers(-500, 500))
def test_no_sheet_and_no_day_stops_the_rules(rows, policy, days):
    brake = replace(policy, mail=MailPolicy(max_per_run=1))
    plan = decide(as_book(rows), TODAY + timedelta(days), brake, ZONE)
    assert len(plan.rows["issues"]) == len(plan.problems)
    assert sum(not x.held for x in plan.letters if x.kind == "overdue") <= 1


@laws(14)
@given(SHEETS, POLICIES, st.data())
def test_no_cell_of_any_tab_stops_the_rules(rows, policy, data):
    """Whatever stands in a member's cell, a header or the worker's own tabs: a plan, or one sentence about a header."""
    sheet = as_book(rows)
    sheet = data.draw(scrambled(after(sheet, decided(sheet, TODAY, policy), TODAY, MailStatus.FAILED).tabs))
    try:
        plan = decided(sheet, TODAY, policy)
    except SheetError:
        return
    read_in = taken_in(sheet)
    lost = {(p.table, p.row) for p in read_in.problems if p.severity == "error"}
    for table in MEMBER_TABLES:
        used = {(table.name, row) for row in read_in.frames[table.name]["row"]}
        assert not used & lost
        assert len(used) + sum(name == table.name for name, _ in lost) == read_in.rows_read[table.name]
    assert len(plan.rows["issues"]) == len(plan.problems)


@laws(15)
@given(tables())
def test_a_sheet_without_mistakes_has_no_error(rows):
    problems = taken_in(as_book(rows)).problems
    assert [p for p in problems if p.severity == "error"] == []

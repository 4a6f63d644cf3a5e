"""How the alliance does, in figures: each by its definition, and the rows that made it. Rules, section 8."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.facts import facts
from rules.figures import LISTED, drill_down, figures, rows_of
from rules.fulfilment import fulfilment
from rules.ladder import loan_states
from rules.policy import InventoryPolicy, Policy
from rules.schema import CREDIT, KPIS
from rules.supply import supply
from tests.rules.sheets import (
    MEMBERS,
    POLICY,
    book,
    decided,
    loan,
    member,
    part,
    request,
    taken_in,
)
from tests.rules.strategies import TODAY, as_book, messy, moved_about, tables
from tests.rules.test_laws import laws

AS_OF = date(2025, 11, 6)
ASKED = {"提出时间": "2025-10-20 08:00"}
CODES = (
    "fill_rate", "units_fill_rate", "median_hours", "p90_hours", "turnover", "dead_stock_rate", "on_time_rate",
    "open_loans", "overdue_loans", "value_at_risk", "stale_rows", "gini",
)  # fmt: skip
PERCENT = ("fill_rate", "units_fill_rate", "dead_stock_rate", "on_time_rate")


def stock(center, on_hand, part_no="P-1", **cells):
    return {"服务中心": center, "配件编号": part_no, "在库数量": on_hand, **cells}


def found(sheet, as_of=AS_OF, policy=POLICY):
    """Code -> figure."""
    frames = taken_in(sheet).frames
    states = loan_states(frames["loans"], as_of, policy.loans, policy.overdue)
    served = fulfilment(frames["requests"], frames["loans"], as_of)
    held = supply(frames["inventory"], frames["loans"], as_of, policy.inventory, 0)
    return {one.code: one for one in figures(facts(frames, states, served, held, policy.inventory))}


def figure(code, as_of=AS_OF, policy=POLICY, **rows):
    return found(book(**rows), as_of, policy)[code]


# --- requests --------------------------------------------------------------------------------------------------------

DUE = {"需要日期": "2025-11-01"}
IN_TIME, LATE, NEVER = {"签收日期": "2025-11-01"}, {"签收日期": "2025-11-02"}, {}
SAID, GIVEN_UP = {"状态": "已满足"}, {"状态": "已取消"}
UNDECIDED = None


@pytest.mark.parametrize(
    ("asked", "came", "in_time"),
    [
        ({}, [NEVER], UNDECIDED),
        ({}, [IN_TIME], True),
        ({}, [LATE], True),
        (DUE, [IN_TIME], True),
        (DUE, [LATE], False),
        (DUE, [NEVER], False),
        (DUE, [], False),
        ({"需要日期": "2025-11-06"}, [NEVER], UNDECIDED),
        ({"需要日期": "2025-11-05"}, [NEVER], False),
        (DUE | {"数量": 2}, [IN_TIME, IN_TIME], True),
        (DUE | {"数量": 2}, [IN_TIME, LATE], False),
        (DUE | {"数量": 2}, [IN_TIME], False),
        ({"数量": 2}, [IN_TIME], UNDECIDED),
        (DUE | SAID, [], True),
        (DUE | SAID, [LATE], False),
        (DUE | SAID | {"数量": 2}, [IN_TIME], True),
        (DUE | SAID | {"数量": 2}, [IN_TIME, LATE], False),
        (SAID, [NEVER], True),
        (GIVEN_UP, [], False),
        (GIVEN_UP, [NEVER], False),
        (DUE | GIVEN_UP, [IN_TIME], True),
        (DUE, [IN_TIME | {"作废": "是"}], False),
        (DUE, [IN_TIME | {"方案": "配件互换"}], True),
        (DUE, [{"已还数量": 1}], True),
        (DUE, [{"赔偿日期": "2025-11-03"}], False),
        (DUE, [LATE | {"归还日期": "2025-11-05"}], False),
        (DUE, [{"借出日期": None, "签收日期": "2025-11-01"}], False),
        ({}, [{"签收日期": "2025-11-07"}], UNDECIDED),
        ({"提出时间": "2025-11-07 08:00", "状态": "已满足"}, [], UNDECIDED),
    ],
)
def test_a_request_is_decided_once_it_is_filled_closed_or_past_its_day(asked, came, in_time):
    loans = [loan(f"L-{n}", 求助编号="R-1", **cells) for n, cells in enumerate(came)]
    rate = figure("fill_rate", requests=[request("R-1", **asked)], loans=loans).value
    assert rate == (None if in_time is UNDECIDED else 100.0 * in_time)


@pytest.mark.parametrize(
    ("asked", "came", "units"),
    [
        (DUE | {"数量": 4}, [IN_TIME, LATE], 25),
        (DUE | {"数量": 4}, [IN_TIME | {"数量": 3}], 75),
        (DUE | {"数量": 2}, [IN_TIME | {"数量": 3}], 100),
        (DUE | SAID | {"数量": 4}, [IN_TIME], 100),
        (DUE | SAID | {"数量": 4}, [IN_TIME, LATE], 25),
        (GIVEN_UP | {"数量": 4}, [IN_TIME], 25),
        ({"数量": 4}, [IN_TIME], UNDECIDED),
    ],
)
def test_units_that_came_in_time_count_each(asked, came, units):
    loans = [loan(f"L-{n}", 求助编号="R-1", **cells) for n, cells in enumerate(came)]
    assert figure("units_fill_rate", requests=[request("R-1", **asked)], loans=loans).value == units


@pytest.mark.parametrize(
    ("received", "median", "p90"),
    [
        (["2025-10-20"], 16.0, 16.0),
        (["2025-10-20", "2025-10-21"], 28.0, 40.0),
        (["2025-10-20", "2025-10-21", "2025-10-25"], 40.0, 136.0),
        (["2025-10-20"] * 9 + ["2025-10-30"], 16.0, 16.0),
        (["2025-10-20"] * 10 + ["2025-10-30"], 16.0, 16.0),
        (["2025-10-20"] * 8 + ["2025-10-30"], 16.0, 256.0),
        (["2025-10-19"], None, None),
        (["2025-10-19", "2025-10-21"], 40.0, 40.0),
        (["2025-11-07"], None, None),
        ([None], None, None),
    ],
)
def test_hours_run_from_the_request_to_the_end_of_the_day_of_receipt(received, median, p90):
    loans = [loan(f"L-{n}", 求助编号="R-1", 借出日期="2025-10-19", 签收日期=day) for n, day in enumerate(received)]
    shown = found(book(requests=[request("R-1", **ASKED)], loans=[*loans, loan("L-x", 签收日期="2025-10-24")]))
    assert (shown["median_hours"].value, shown["p90_hours"].value) == (median, p90)


# --- stock -----------------------------------------------------------------------------------------------------------

GONE = [*MEMBERS, member("旧店", 退出日期="2025-11-01")]


@pytest.mark.parametrize(
    ("held", "loans", "turnover"),
    [
        ([stock("华东", 4)], [loan("L-1", 数量=2)], 0.5),
        ([stock("华东", 3)], [loan("L-1"), loan("L-2", 方案="配件互换", 归还日期="2025-10-30")], 0.67),
        ([stock("华东", 2)], [loan("L-1", 借出日期="2024-11-06"), loan("L-2", 借出日期="2024-11-07")], 0.5),
        ([stock("华东", 2)], [loan("L-1", 借出日期="2025-11-07"), loan("L-2", 作废="是")], 0.0),
        ([stock("华东", 2), stock("旧店", 5)], [loan("L-1"), loan("L-2", "旧店", "华北")], 0.5),
        ([stock("华东", 0)], [loan("L-1")], None),
        ([], [loan("L-1")], None),
    ],
)
def test_turnover_is_units_lent_in_a_year_by_units_in_stock(held, loans, turnover):
    assert figure("turnover", members=GONE, inventory=held, loans=loans).value == turnover


DEAD, LIVE = {"最近出库": "2025-08-08"}, {"最近出库": "2025-08-09"}


@pytest.mark.parametrize(
    ("held", "rate"),
    [
        ([stock("华东", 1, **DEAD), stock("华北", 1, **LIVE)], 50.0),
        ([stock("华东", 1, **DEAD), stock("华北", 1)], 50.0),
        ([stock("华东", 1, **DEAD), stock("华北", 3, "P-2", **LIVE)], 83.3),
        ([stock("华东", 1, **DEAD), stock("华北", 3, "P-0", **LIVE)], 100.0),
        ([stock("华东", 1, **LIVE), stock("旧店", 5, **DEAD)], 0.0),
        ([stock("华东", 0, **DEAD)], None),
        ([stock("华东", 1, "P-0", **DEAD)], None),
    ],
)
def test_stock_is_dead_by_its_value(held, rate):
    parts = [part("P-1"), part("P-2", 单价=800), part("P-0", 单价=None)]
    assert figure("dead_stock_rate", members=GONE, parts=parts, inventory=held).value == rate


def test_what_is_dead_and_what_is_stale_follows_the_policy():
    policy = Policy(inventory=InventoryPolicy(dead_days=30, stale_days=60))
    held = [stock("华东", 1, 最近出库="2025-10-06", 更新日期="2025-09-06"), stock("华北", 1, 最近出库="2025-11-01")]
    shown = found(book(inventory=held), policy=policy)
    assert (shown["dead_stock_rate"].value, shown["stale_rows"].value) == (50.0, 1.0)


def test_rows_not_counted_for_a_week_are_stale():
    days = {"华东": "2025-10-29", "华北": "2025-10-30", "华中": None, "旧店": "2025-01-01"}
    held = [stock(center, 1, 更新日期=day) for center, day in days.items()]
    stale = figure("stale_rows", members=GONE, inventory=held)
    assert (stale.value, stale.rows) == (1.0, {"inventory": ("华东 · P-1",)})
    assert "另有 1 行没有写更新日期" in stale.note.zh


# --- loans -----------------------------------------------------------------------------------------------------------

BACK = {"归还日期": "2025-11-05"}


@pytest.mark.parametrize(
    ("loans", "rate"),
    [
        ([BACK], 100.0),
        ([BACK, BACK, BACK | {"到期日期": "2025-11-04"}], 66.7),
        ([BACK, {"到期日期": "2025-11-05"}], 50.0),
        ([BACK, {"到期日期": "2025-11-06"}], 100.0),
        ([BACK, {"赔偿日期": "2025-11-05"}], 50.0),
        ([BACK, {"方案": "配件互换", "到期日期": "2025-11-01"}], 100.0),
        ([BACK, BACK | {"作废": "是"}], 100.0),
        ([{}], None),
    ],
)
def test_a_loan_counts_once_it_is_settled_or_overdue(loans, rate):
    rows = [loan(f"L-{n}", **cells) for n, cells in enumerate(loans)]
    assert figure("on_time_rate", loans=rows).value == rate


@laws(15)
@given(messy())
def test_returns_are_those_of_the_archive(rows):
    """The alliance's rate is what its members' records add up to."""
    sheet = as_book(rows)
    records = [dict(zip(CREDIT.fields, row, strict=True)) for row in decided(sheet, TODAY).rows["credit"]]
    on_time, closed, overdue, still_out = (
        sum(record[name] for record in records) for name in ("on_time", "closed", "overdue_now", "open")
    )
    shown = found(sheet, TODAY)
    assert shown["on_time_rate"].value == (
        pytest.approx(100 * on_time / (closed + overdue), abs=0.051) if closed + overdue else None
    )
    assert (shown["open_loans"].value, shown["overdue_loans"].value) == (still_out, overdue)


OUT = {"到期日期": "2025-11-05"}


@pytest.mark.parametrize(
    ("loans", "counts"),
    [
        ([OUT | {"数量": 3, "已还数量": 1}, {}, BACK], (2, 1, 24000.0)),
        ([OUT, OUT | {"配件编号": "P-0"}], (2, 2, 12000.0)),
        ([OUT | {"配件编号": "P-0"}], (1, 1, None)),
        ([OUT | {"配件编号": "P-9"}], (1, 1, None)),
        ([OUT | {"配件编号": "P-3", "数量": 3}], (1, 1, 0.3)),
        ([{}, {"借出日期": None}, OUT | {"方案": "配件互换"}], (1, 0, 0.0)),
    ],
)
def test_value_at_risk_is_what_is_overdue_at_its_price(loans, counts):
    parts = [part("P-1"), part("P-0", 单价=None), part("P-9", 单价="9" * 400), part("P-3", 单价="0.1")]
    rows = [loan(f"L-{n}", **cells) for n, cells in enumerate(loans)]
    shown = found(book(parts=parts, loans=rows))
    assert tuple(shown[code].value for code in ("open_loans", "overdue_loans", "value_at_risk")) == counts


# --- members ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lenders", "gini"),
    [
        (["华北", "华东", "华中", "西北"], 0.0),
        (["华北"], 0.75),
        (["华北", "华北", "华东"], 0.58),
        (["华北", "旧店"], 0.75),
        (["旧店"], None),
        ([], None),
    ],
)
def test_the_gini_coefficient_is_of_those_who_are_there(lenders, gini):
    loans = [loan(f"L-{n}", who, "华东" if who != "华东" else "华北") for n, who in enumerate(lenders)]
    assert figure("gini", members=GONE, loans=loans).value == gini


# --- all of them -----------------------------------------------------------------------------------------------------


def test_an_empty_sheet_has_every_figure_blank_or_zero_with_its_reason():
    shown = found(book())
    blank = {code for code, one in shown.items() if one.value is None}
    assert blank == {*PERCENT, "median_hours", "p90_hours", "turnover", "gini"}
    assert all(one.value == 0 for code, one in shown.items() if code not in blank)
    assert all("算不出" in shown[code].note.zh for code in blank)


def test_every_figure_has_its_row_in_its_place():
    shown = found(book())
    assert tuple(shown) == CODES
    assert decided(book(), AS_OF).rows["kpis"] == rows_of(list(shown.values()), "zh")


def test_references_are_those_of_the_source_documents():
    rows = [dict(zip(KPIS.fields, row, strict=True)) for row in rows_of(list(found(book()).values()), "zh")]
    assert {row["kpi"]: (row["traditional"], row["benchmark"]) for row in rows if row["traditional"]} == {
        "满足率": ("85-90%", "95-98%"),
        "到货用时（中位数）": ("3-5天", "4-8小时"),
        "到货用时（九成以内）": ("3-5天", "4-8小时"),
        "库存周转率": ("4-6次/年", "10-12次/年"),
        "呆滞率": ("10-15%", "<5%"),
    }


@laws(20)
@given(st.one_of(tables(), messy()), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_figure_and_no_drill_down(rows, chance):
    assert found(as_book(rows), TODAY) == found(as_book(moved_about(rows, chance.shuffle)), TODAY)


@laws(20)
@given(st.one_of(tables(), messy()))
def test_rates_are_shares_and_every_figure_says_something(rows):
    for code, one in found(as_book(rows), TODAY).items():
        most = {"gini": 1}.get(code, 100 if code in PERCENT else float("inf"))
        assert one.value is None or 0 <= one.value <= most
        assert one.note.zh.endswith("。")
        assert one.note.en.endswith(".")


@laws(40)
@given(tables(), st.sampled_from(CODES))
def test_the_rows_of_a_figure_alone_give_its_value(rows, code):
    """Members and parts stay, and requests that a loan names."""
    one = found(as_book(rows), TODAY)[code]
    kept = {name: one.rows.get(name, ()) for name in ("loans", "inventory", *one.rows) if name != "members"}
    alone = {name: [row for row in rows[name] if _key(row) in keys] for name, keys in kept.items()}
    assert found(as_book({**rows, **alone}), TODAY)[code].value == one.value


def _key(row):
    return row.get("loan_id") or row.get("request_id") or f"{row['center']} · {row['part_no']}"


@laws(20)
@given(tables())
def test_a_member_without_rows_changes_only_how_help_is_spread(rows):
    with_one = {**rows, "members": [*rows["members"], member("新店")]}
    before, after = found(as_book(rows), TODAY), found(as_book(with_one), TODAY)
    assert {code for code in before if before[code] != after[code]} <= {"gini"}


@pytest.mark.parametrize("name", ["requests", "loans"])
def test_what_is_dated_ahead_is_not_there_yet(name):
    rows = {"requests": [request("R-1", 需要日期="2025-11-01")], "loans": [loan("L-1", 求助编号="R-1")]}
    ahead = {
        "requests": request("R-9", 提出时间="2025-11-07 08:00", 状态="已取消"),
        "loans": loan("L-9", 求助编号="R-1", 借出日期="2025-11-07", 签收日期="2025-11-08"),
    }
    assert found(book(**rows)) == found(book(**{**rows, name: [*rows[name], ahead[name]]}))


def test_what_went_wrong_stands_first_in_the_drill_down():
    requests = [request("R-1", **DUE, **SAID), request("R-3", **GIVEN_UP), request("R-2", **DUE)]
    loans = [loan("L-1", **BACK), loan("L-3", 到期日期="2025-11-01"), loan("L-2", 到期日期="2025-11-04")]
    shown = found(book(requests=requests, loans=loans))
    assert shown["fill_rate"].rows["requests"] == ("R-2", "R-3", "R-1")
    assert shown["on_time_rate"].rows["loans"] == ("L-2", "L-3", "L-1")
    assert shown["overdue_loans"].rows["loans"] == ("L-3", "L-2")
    assert "1 条已取消，算没收齐" in shown["fill_rate"].note.zh
    assert "1 条没有签收日期，算按时" in shown["fill_rate"].note.zh


def test_a_long_drill_down_is_cut_and_says_how_long_it_is():
    keys = tuple(f"L-{n:03d}" for n in range(LISTED + 1))
    said = drill_down({"requests": ("R-1",), "loans": keys, "members": ()})
    assert said.zh == "求助 R-1；借调记录 L-000、L-001、L-002、L-003、L-004、L-005、L-006、L-007 等 9 行"
    assert said.en.endswith("L-007… 9 rows")
    assert len(drill_down({"loans": ("长" * 30_000,) * 9}).zh) < 500

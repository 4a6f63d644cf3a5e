"""Points: help once, one more; be helped once, one less. Rules, section 2."""

from dataclasses import replace
from datetime import date

import pytest

from rules.policy import Alliance, PointsPolicy, Policy
from rules.values import Book, RawTable
from tests.rules.sheets import MEMBERS, PATIENT, POLICY, adjustment, after, book, decided, loan, member, run


def standings(sheet, as_of="2025-11-06", **points):
    """center -> (rank, helped, received, adjusted, balance, standing)."""
    policy = Policy(alliance=POLICY.alliance, points=PointsPolicy(**points))
    return {row[1]: (row[0], *row[2:]) for row in decided(sheet, as_of, policy).rows["standings"]}


def balances(sheet, as_of="2025-11-06", **points):
    return {center: row[4] for center, row in standings(sheet, as_of, **points).items()}


def postings(sheet, as_of="2025-11-06", **points):
    """`date center points balance kind ref` of each line."""
    policy = Policy(alliance=POLICY.alliance, points=PointsPolicy(**points))
    return [" ".join(map(str, row[:6])).strip() for row in decided(sheet, as_of, policy).rows["ledger"]]


def test_helping_once_is_one_point_and_being_helped_once_costs_one():
    assert standings(book(loans=[loan("L-1", "华东", "华北", 数量=3)])) == {
        "华东": (1, 1, 0, 0, 1, "可求助"),
        "华中": (2, 0, 0, 0, 0, "可求助"),
        "西北": (2, 0, 0, 0, 0, "可求助"),
        "华北": (4, 0, 1, 0, -1, "需先帮助他人"),
    }


@pytest.mark.parametrize(
    ("points", "lender", "borrower"),
    [
        ({}, 1, -1),
        ({"per": "unit"}, 3, -3),
        ({"help": 2}, 2, -1),
        ({"help": 2, "receive": 3, "per": "unit"}, 6, -9),
        ({"help": 0}, 0, -1),
    ],
)
def test_points_are_counted_as_the_policy_says(points, lender, borrower):
    sheet = book(loans=[loan("L-1", "华东", "华北", 数量=3)])
    assert balances(sheet, **points)["华东"] == lender
    assert balances(sheet, **points)["华北"] == borrower
    assert (standings(sheet, **points)["华东"][1], standings(sheet, **points)["华北"][2]) == (1, 1)


@pytest.mark.parametrize(
    ("cells", "counts"),
    [
        ({}, True),
        ({"借出日期": "2025-11-06"}, True),
        ({"借出日期": "2025-11-07"}, False),
        ({"借出日期": ""}, False),
        ({"作废": "是"}, False),
        ({"归还日期": "2025-10-30"}, True),
        ({"赔偿日期": "2025-10-30"}, True),
        ({"方案": "配件互换"}, True),
        ({"数量": "两个"}, False),
    ],
)
def test_a_loan_counts_from_the_day_it_is_shipped_unless_it_is_cancelled(cells, counts):
    """Effective: valid, not 作废, lent_on ≤ as_of. What comes of it later takes no point back."""
    sheet = book(loans=[loan("L-1", "华东", "华北", **cells)])
    assert balances(sheet)["华东"] == int(counts)
    assert len(postings(sheet)) == 2 * counts


@pytest.mark.parametrize("lent_on", ["", "2025-11-07"])
def test_a_pending_loan_reserves_a_point_of_the_borrower(lent_on):
    """available = balance − pending loans; the balance itself does not move."""
    sheet = book(loans=[loan("L-1", "华东", "华北", 借出日期=lent_on)])
    assert standings(sheet)["华北"] == (1, 0, 0, 0, 0, "需先帮助他人")
    assert standings(sheet)["华东"] == (1, 0, 0, 0, 0, "可求助")


def test_a_pending_loan_reserves_what_it_will_cost():
    pending = [loan("L-1", "华东", "华北", 借出日期="", 数量=3), adjustment("华北", 4)]
    sheet = book(loans=pending[:1], adjustments=pending[1:])
    assert standings(sheet, per="unit", receive=1)["华北"][-1] == "可求助"
    assert standings(sheet, per="unit", receive=2)["华北"][-1] == "需先帮助他人"


@pytest.mark.parametrize(
    ("balance", "floor", "may"), [(0, 0, True), (-1, 0, False), (-1, -1, True), (-2, -1, False), (1, 2, False)]
)
def test_a_member_may_ask_from_the_floor_up(balance, floor, may):
    sheet = book(adjustments=[adjustment("华北", balance)])
    assert standings(sheet, floor=floor)["华北"][-1] == ("可求助" if may else "需先帮助他人")


def test_a_newcomer_may_ask():
    assert standings(book(members=[*MEMBERS, member("东北")]))["东北"][-1] == "可求助"


@pytest.mark.parametrize(("on", "counts"), [("2025-11-06", True), ("2025-11-07", False), ("2025-01-01", True)])
def test_an_adjustment_counts_from_its_day(on, counts):
    sheet = book(adjustments=[adjustment("西北", 3, on), adjustment("西北", -1, on)])
    assert standings(sheet)["西北"][3:5] == ((2, 2) if counts else (0, 0))


def test_equal_members_share_a_rank_and_the_next_rank_is_left_out():
    """1, 2, 2, 4; by balance, then helped, then center."""
    loans = [loan("L-1", "华东", "西北"), loan("L-2", "华东", "西北")]
    assert {c: row[0] for c, row in standings(book(loans=loans)).items()} == {
        "华东": 1,
        "华中": 2,
        "华北": 2,
        "西北": 4,
    }


def test_of_equal_balances_the_one_who_helped_more_stands_first():
    loans = [loan("L-1", "西北", "华北"), loan("L-2", "华北", "西北")]
    ranks = [(c, row[0]) for c, row in standings(book(loans=loans)).items()]
    assert ranks == [("华北", 1), ("西北", 1), ("华东", 3), ("华中", 3)]


@pytest.mark.parametrize(
    ("left_on", "adjusted", "expected"),
    [
        ("2025-11-07", 0, [("东北", 1), ("华东", 1), ("华中", 1), ("华北", 1), ("西北", 1)]),
        ("2025-11-06", 0, [("华东", 1), ("华中", 1), ("华北", 1), ("西北", 1)]),
        ("2025-11-06", 5, [("华东", 1), ("华中", 1), ("华北", 1), ("西北", 1), ("东北", None)]),
        ("2025-11-06", -5, [("华东", 1), ("华中", 1), ("华北", 1), ("西北", 1), ("东北", None)]),
    ],
)
def test_who_left_stands_last_without_rank_until_the_balance_is_settled(left_on, adjusted, expected):
    sheet = book(members=[*MEMBERS, member("东北", 退出日期=left_on)], adjustments=[adjustment("东北", adjusted)])
    assert [(c, row[0]) for c, row in standings(sheet).items()] == expected


def test_the_ledger_is_ordered_by_date_number_and_center_with_a_running_balance():
    sheet = book(
        loans=[loan("L-2", "华北", "华东"), loan("L-1"), loan("L-3", "西北", "华北", 借出日期="2025-10-01")],
        adjustments=[adjustment("华北", 2, "2025-10-23", 批准人="王强")],
    )
    assert postings(sheet) == [
        "2025-10-01 华北 -1 -1 受助 L-3",
        "2025-10-01 西北 1 1 帮助 L-3",
        "2025-10-23 华北 2 1 调整",
        "2025-10-23 华东 1 1 帮助 L-1",
        "2025-10-23 华北 -1 0 受助 L-1",
        "2025-10-23 华东 -1 0 受助 L-2",
        "2025-10-23 华北 1 1 帮助 L-2",
    ]
    assert [row[6] for row in decided(sheet, "2025-11-06").rows["ledger"]][:3] == [
        "西北 借给 华北 P-1 × 1",
        "西北 借给 华北 P-1 × 1",
        "约定 (王强)",
    ]


def test_the_memo_is_in_the_alliances_language():
    policy = Policy(alliance=Alliance(locale="en"))
    row = decided(book(loans=[loan("L-1", 数量=2)]), "2025-11-06", policy).rows["ledger"][0]
    assert row[6] == "华东 lent to 华北 P-1 × 2"


# --- history watch ---------------------------------------------------------------------------------------------------


def changed(sheet, as_of):
    return [
        (p.key, p.row, p.args["before"], p.args["after"])
        for p in decided(sheet, as_of).problems
        if p.code == "history_changed"
    ]


def edited(sheet: Book, *loans) -> Book:
    """The sheet after somebody put these loans in the place of what stood there."""
    return Book({**sheet.tabs, "loans": book(loans=loans).tabs["loans"]})


PLUS, MINUS = "2025-10-23 华东 +1", "2025-10-23 华北 -1"


@pytest.mark.parametrize(
    ("now", "row", "said"),
    [
        ([loan("L-1", 借出日期="2025-10-24")], 2, "2025-10-24 华东 +1；2025-10-24 华北 -1"),
        ([loan("L-9"), loan("L-1", "华中")], 3, "2025-10-23 华中 +1；2025-10-23 华北 -1"),
        ([loan("L-1", 作废="是")], 2, "—"),
        ([loan("L-1", 借出日期="")], 2, "—"),
        ([], 0, "—"),
        ([loan("L-1", 数量="两个")], 0, "—"),
    ],
)
def test_a_changed_or_missing_posting_is_told(now, row, said):
    _, sheet = run(book(loans=[loan("L-1")]), "2025-11-06")
    [(key, at, before, afterwards)] = changed(edited(sheet, *now), "2025-11-07")
    assert (key, at, before) == ("L-1", row, f"{PLUS}；{MINUS}")
    assert set(afterwards.split("；")) == set(said.split("；"))


@pytest.mark.parametrize(
    "now",
    [
        [loan("L-1")],
        [loan("L-2"), loan("L-1")],
        [loan("L-1", 归还日期="2025-11-05", 数量="1个", 到期日期="2025-11-30")],
    ],
)
def test_what_posts_the_same_is_no_news(now):
    _, sheet = run(book(loans=[loan("L-1")]), "2025-11-06")
    assert changed(edited(sheet, *now), "2025-11-07") == []


def test_the_first_run_has_no_history():
    assert changed(book(loans=[loan("L-1")]), "2025-11-06") == []


def test_a_changed_history_is_told_all_day_and_not_the_next():
    """The ledger is rewritten at once, so a second run of the day must not wipe the warning out."""
    _, sheet = run(book(loans=[loan("L-1")]), "2025-11-06")
    sheet = edited(sheet, loan("L-1", "华中"))
    first, sheet = run(sheet, "2025-11-07")
    second, sheet = run(sheet, "2025-11-07")
    third, sheet = run(sheet, "2025-11-07")
    assert [[p.code for p in plan.problems] for plan in (first, second, third)] == [["history_changed"]] * 3
    assert first.rows["issues"] == second.rows["issues"] == third.rows["issues"]
    assert changed(sheet, "2025-11-08") == []


def test_a_changed_history_stays_told_when_the_run_was_cut_off_before_its_log_row():
    """A base is written table by table: the ledger may be new, the mail gone, and the row of the run missing."""
    _, sheet = run(book(loans=[loan("L-1")]), "2025-11-06")
    log = sheet.tabs["runs"]
    plan, sheet = run(edited(sheet, loan("L-1", "华中")), "2025-11-07")
    cut_off = Book({**sheet.tabs, "runs": log})
    assert decided(cut_off, "2025-11-07").rows["issues"] == plan.rows["issues"]
    assert changed(cut_off, "2025-11-08") == []


def test_postings_that_two_runs_wrote_are_no_news():
    _, sheet = run(book(loans=[loan("L-1"), loan("L-2")]), "2025-11-06")
    headers, *rows = sheet.tabs["ledger"].rows
    twice = Book({**sheet.tabs, "ledger": replace(sheet.tabs["ledger"], rows=[headers, *rows, *rows])})
    assert changed(twice, "2025-11-07") == []


def test_a_changed_history_that_two_runs_wrote_is_told_once():
    _, sheet = run(book(loans=[loan("L-1")]), "2025-11-06")
    plan, sheet = run(edited(sheet, loan("L-1", "华中")), "2025-11-07")
    headers, *rows = sheet.tabs["issues"].rows
    twice = Book({**sheet.tabs, "issues": replace(sheet.tabs["issues"], rows=[headers, *rows, *rows])})
    assert decided(twice, "2025-11-07").rows["issues"] == plan.rows["issues"]


def test_a_history_put_back_is_no_news_on_the_same_day():
    _, sheet = run(book(loans=[loan("L-1")]), "2025-11-06")
    _, sheet = run(edited(sheet, loan("L-1", "华中")), "2025-11-07")
    back = edited(sheet, loan("L-1"))
    [(_, _, before, now)] = changed(back, "2025-11-07")
    assert "华中" in before
    assert "华东" in now


def test_a_ledger_somebody_spoiled_is_no_history():
    """Columns are known by their header: another shape of the tab is not read as points."""
    _, sheet = run(book(loans=[loan("L-1")]), "2025-11-06")
    rows = sheet.tabs["ledger"].rows
    for spoiled in ([row[1:] for row in rows], [["说明"], *rows], [], [[]]):
        other = Book({**sheet.tabs, "ledger": RawTable("积分流水", spoiled)})
        assert changed(other, "2025-11-07") == []


def test_the_history_is_read_under_renamed_headers():
    policy = Policy(
        loans=PATIENT, rename={"ledger": {"points": "分数"}, "runs": {"as_of": "到哪天"}, "issues": {"problem": "毛病"}}
    )

    def named(sheet: Book) -> Book:
        names = {"积分流水": {"积分": "分数"}, "运行日志": {"截至": "到哪天"}, "数据问题": {"问题": "毛病"}}
        tabs = {}
        for name, raw in sheet.tabs.items():
            header = [names.get(raw.title, {}).get(cell, cell) for cell in raw.rows[0]]
            tabs[name] = RawTable(raw.title, [header, *raw.rows[1:]])
        return Book(tabs)

    sheet = book(loans=[loan("L-1")])
    plan = decided(sheet, "2025-11-06", policy)
    sheet = edited(named(after(sheet, plan, date(2025, 11, 6))), loan("L-1", "华中"))
    for _ in range(2):
        plan = decided(sheet, "2025-11-07", policy)
        assert [p.code for p in plan.problems] == ["history_changed"]
        sheet = named(after(sheet, plan, date(2025, 11, 7)))

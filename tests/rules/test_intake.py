"""Rows: used or reported, never neither. Rules, section 1."""

from datetime import datetime
from decimal import Decimal

import pytest

from rules.intake import SheetError, intake
from rules.schema import MEMBER_TABLES, renamed
from rules.values import Book, ErrorCell, RawTable, UncachedCell
from tests.rules.sheets import (
    BY_NAME,
    MEMBERS,
    PARTS,
    ZONE,
    adjustment,
    book,
    grid,
    loan,
    member,
    part,
    request,
    taken_in,
    told,
)


def loans_of(sheet: Book) -> list[str]:
    return taken_in(sheet).frames["loans"]["loan_id"].tolist()


def typed(table: str, rows, **others) -> dict[str, object]:
    """The first row of *table* as the rules see it."""
    return taken_in(book(**{table: rows}, **others)).frames[table].iloc[0].to_dict()


# --- what a row says -------------------------------------------------------------------------------------------------


def test_a_loan_is_read_cell_by_cell():
    row = typed(
        "loans", [loan("L-1", 数量="２个", 到期日期="2025年11月6日", 运费="¥120", 作废="否", 快递单号="SF 123")]
    )
    assert (row["loan_id"], row["lender"], row["borrower"], row["part_no"]) == ("L-1", "华东", "华北", "P-1")
    assert (row["qty"], row["freight"], row["cancelled"], row["tracking_no"]) == (2, Decimal(120), False, "SF 123")
    assert str(row["due_on"])[:10] == "2025-11-06"
    assert row["row"] == 2


def test_a_blank_cell_counts_as_what_the_schema_says():
    """Table contract: plan 先借后还, declared_level P2, status 待响应, returned_qty 0."""
    blank = typed("loans", [loan("L-1")])
    assert (blank["plan"], blank["returned_qty"], blank["damaged_qty"]) == ("先借后还", 0, 0)
    asked = typed("requests", [request("R-1")])
    assert (asked["declared_level"], asked["status"]) == ("P2", "待响应")


@pytest.mark.parametrize(
    ("cells", "returned"),
    [({}, 0), ({"归还日期": "2025-11-01"}, 3), ({"归还日期": "2025-11-01", "已还数量": 1}, 1), ({"已还数量": 2}, 2)],
)
def test_a_return_date_means_all_units_are_back(cells, returned):
    """Table contract: 已还数量 defaults to 0, or to the quantity when 归还日期 is set."""
    assert typed("loans", [loan("L-1", 数量=3, **cells)])["returned_qty"] == returned


@pytest.mark.parametrize("qty", [2, 2.0, "2", "２", " 2　", Decimal(2)])
def test_the_same_number_in_any_form_is_the_same_row(qty):
    assert typed("loans", [loan("L-1", 数量=qty)])["qty"] == 2


# --- severities ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", MEMBER_TABLES, ids=lambda table: table.name)
def test_a_missing_required_cell_leaves_the_row_out(table):
    """One error for each required column that is blank; a blank number of a request or loan is only warned of."""
    filled = {
        "members": member("新"), "parts": part("P-9"), "inventory": {"center": "华北", "part_no": "P-1", "on_hand": 1},
        "requests": request("R-1"), "loans": loan("L-1"), "adjustments": adjustment("华北", 1),
        "routes": {"origin": "华北", "destination": "华东"}, "holidays": {"date": "2027-02-06", "kind": "休"},
    }[table.name]  # fmt: skip
    for column in (c for c in table.typed if c.required):
        row = {name: cell for name, cell in filled.items() if name not in (column.header, column.field)}
        others = {"members": [*MEMBERS, row]} if table.name == "members" else {table.name: [row]}
        sheet = book(**others)
        derived = bool(table.derived_key) and column.field in table.key
        found = [p for p in taken_in(sheet).problems if p.table == table.name]
        expected = ("warning", "blank_key") if derived else ("error", "required_blank")
        assert [(p.severity, p.code, p.field) for p in found] == [(*expected, column.field)]
        kept = taken_in(sheet).frames[table.name]["row"].tolist()
        assert (found[0].row in kept) == derived


@pytest.mark.parametrize(
    ("cells", "code", "field"),
    [
        ({"到期日期": "下周三"}, "not_date", "due_on"),
        ({"到期日期": "10/23"}, "not_date", "due_on"),
        ({"到期日期": "1925-11-06"}, "year_out_of_range", "due_on"),
        ({"已还数量": "半个"}, "not_whole", "returned_qty"),
        ({"已还数量": -1}, "below_least", "returned_qty"),
        ({"运费": "到付"}, "not_money", "freight"),
        ({"作废": "也许"}, "not_flag", "cancelled"),
        ({"方案": "白送"}, "not_choice", "plan"),
        ({"快递单号": ErrorCell("#REF!")}, "error_value", "tracking_no"),
        ({"求助编号": "R-404"}, "unknown_ref", "request_id"),
    ],
)
def test_a_bad_cell_in_an_optional_column_counts_as_blank(cells, code, field):
    sheet = book(loans=[loan("L-1", **cells)])
    assert told(sheet, "loans") == [("warning", code, 2, field)]
    assert loans_of(sheet) == ["L-1"]
    clean, row = typed("loans", [loan("L-1")]), taken_in(sheet).frames["loans"].iloc[0].to_dict()
    assert {k: str(v) for k, v in row.items()} == {k: str(v) for k, v in clean.items()}


@pytest.mark.parametrize(
    ("cells", "code", "field"),
    [
        ({"数量": "两个"}, "not_whole", "qty"),
        ({"数量": 2.5}, "not_whole", "qty"),
        ({"数量": 0}, "below_least", "qty"),
        ({"数量": "#N/A"}, "error_value", "qty"),
        ({"出借方": "火星"}, "unknown_ref", "lender"),
        ({"出借方": "华北"}, "same_as_other", "borrower"),
        ({"到期日期": "2025-10-22"}, "before_other", "due_on"),
        ({"归还日期": "2025-10-22"}, "before_other", "returned_on"),
        ({"签收日期": "2025-10-22"}, "before_other", "received_on"),
        ({"召回日期": "2025-10-22"}, "before_other", "recall_on"),
        ({"到期日期": "2025-11-06", "延期至": "2025-11-05"}, "before_other", "extended_to"),
        ({"已还数量": 2}, "above_other", "returned_qty"),
        ({"损坏数量": 2}, "above_other", "damaged_qty"),
    ],
)
def test_a_bad_required_cell_or_a_contradiction_leaves_the_row_out(cells, code, field):
    """And all other rows go on."""
    sheet = book(loans=[loan("L-1", **cells), loan("L-2")])
    assert told(sheet, "loans") == [("error", code, 2, field)]
    assert loans_of(sheet) == ["L-2"]


@pytest.mark.parametrize(
    "cells", [{"到期日期": "2025-10-23"}, {"归还日期": "2025-10-23"}, {"已还数量": 1}, {"损坏数量": 1}]
)
def test_a_bound_that_is_just_met_is_no_contradiction(cells):
    assert told(book(loans=[loan("L-1", **cells)]), "loans") == []


def test_a_member_cannot_leave_before_it_joined():
    rows = [*MEMBERS, member("东北", 加入日期="2025-02-01", 退出日期="2025-01-31")]
    assert told(book(members=rows), "members") == [("error", "before_other", 6, "left_on")]


def test_a_unit_typed_after_a_number_is_warned_of_and_dropped():
    sheet = book(loans=[loan("L-1", 数量="2 pcs")])
    assert told(sheet, "loans") == [("warning", "unit_dropped", 2, "qty")]
    assert taken_in(sheet).frames["loans"]["qty"].tolist() == [2]


def test_one_row_may_have_several_problems():
    sheet = book(loans=[loan("L-1", 数量="两个", 出借方="火星", 到期日期="明天")])
    assert sorted(code for _, code, _, _ in told(sheet, "loans")) == ["not_date", "not_whole", "unknown_ref"]


# --- keys ------------------------------------------------------------------------------------------------------------


def test_rows_with_one_key_are_all_left_out_and_name_each_other():
    sheet = book(loans=[loan("L-1"), loan("L-2"), loan("Ｌ-1 "), loan("L-1")])
    found = taken_in(sheet).problems
    assert [(p.code, p.row, p.args["rows"], p.key) for p in found] == [
        ("duplicate_key", 2, "4、5", "L-1"),
        ("duplicate_key", 4, "2、5", "L-1"),
        ("duplicate_key", 5, "2、4", "L-1"),
    ]
    assert loans_of(sheet) == ["L-2"]


def test_a_key_of_two_columns_is_double_only_when_both_are():
    rows = [
        {"服务中心": c, "配件编号": p, "在库数量": 1} for c, p in (("华北", "P-1"), ("华北", "P-2"), ("华东", "P-1"))
    ]
    assert told(book(inventory=rows), "inventory") == []
    assert [code for _, code, _, _ in told(book(inventory=[*rows, rows[0]]), "inventory")] == ["duplicate_key"] * 2


def test_007_stays_007():
    sheet = book(parts=[part("007")], loans=[loan("L-1", 配件编号="007")])
    assert taken_in(sheet).frames["loans"]["part_no"].tolist() == ["007"]


def test_a_key_typed_as_a_number_is_text_and_warned_of():
    sheet = book(parts=[part(7)])
    assert told(sheet, "parts") == [("warning", "numeric_key", 2, "part_no")]
    assert taken_in(sheet).frames["parts"]["part_no"].tolist() == ["7"]


def test_a_blank_number_is_derived_and_the_next_free_one_proposed():
    sheet = book(loans=[loan("L-2025-009"), loan(""), loan("L-2025-003")])
    [problem] = taken_in(sheet).problems
    assert (problem.severity, problem.code, problem.row, problem.args["next"]) == (
        "warning",
        "blank_key",
        3,
        "L-2025-010",
    )
    derived = loans_of(sheet)[1]
    assert problem.key == problem.args["value"] == derived
    assert derived.startswith("auto-")
    assert len(derived) == len("auto-") + 8
    assert int(derived[5:], 16) >= 0


@pytest.mark.parametrize(
    ("keys", "proposed"),
    [
        (["L-1", "L-2"], "L-3"),
        (["L-001", "X-900", "L-002"], "L-003"),
        (["L-099"], "L-100"),
        (["L-999"], "L-1000"),
        (["7", "8"], "9"),
        (["甲", "乙"], "1"),
        ([], "1"),
        (["L-2024-100", "L-2025-001", "L-2025-002"], "L-2025-003"),
        (["A-1", "B-7"], "A-2"),
        (["B-7", "A-1"], "A-2"),
    ],
)
def test_the_next_free_number_continues_the_commonest_form(keys, proposed):
    """Equally common forms: the first by name, so that row order does not matter."""
    found = taken_in(book(loans=[*(loan(key, 借出日期="2025-10-01") for key in keys), loan("")])).problems
    assert [p.args["next"] for p in found if p.code == "blank_key"] == [proposed]


def test_a_proposed_number_is_free():
    """Also when it must count past 9 and the next number stands elsewhere in the sheet."""
    rows = [loan("", 数量=n) for n in range(1, 4)]
    rows = [{**row, "借出日期": f"2025-10-0{n}"} for n, row in enumerate(rows, start=1)]
    found = taken_in(book(loans=[loan("L-9"), loan("L-009"), *rows])).problems
    proposed = [p.args["next"] for p in found]
    assert len(set(proposed)) == 3
    assert not {"L-9", "L-009"} & set(proposed)


def test_a_derived_number_does_not_depend_on_the_row_or_on_how_cells_are_written():
    one = loans_of(book(loans=[loan("", 借出日期="2025-10-23")]))
    other = loans_of(book(loans=[loan("L-1"), loan("　", 借出日期=45953.0, 数量="1个")]))
    assert one[0] == other[1]


def test_loans_that_differ_have_different_derived_numbers():
    keys = loans_of(
        book(loans=[loan(""), loan("", 借出日期="2025-10-24"), loan("", 配件编号="P-2"), loan("", 借出日期="")])
    )
    assert len(set(keys)) == 4


def test_two_rows_without_number_that_say_the_same_are_doubles():
    sheet = book(requests=[request(""), request("")])
    assert sorted(code for _, code, _, _ in told(sheet, "requests")) == ["blank_key"] * 2 + ["duplicate_key"] * 2


# --- references ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["华北-北京", " 华北-北京　", "华北－北京"])
def test_a_reference_is_matched_after_folding(name):
    sheet = book(members=[member("华北-北京"), member("华东")], loans=[loan("L-1", "华东", name)])
    assert told(sheet, "loans") == []


@pytest.mark.parametrize("name", ["华北北京", "华北 - 北京", "华北—北京", "华北-北京店", "北京"])
def test_a_near_miss_proposes_the_closest_name(name):
    sheet = book(members=[member("华北-北京"), member("华东-上海")], loans=[loan("L-1", "华东-上海", name)])
    [problem] = taken_in(sheet).problems
    assert (problem.severity, problem.code, problem.args["closest"]) == ("error", "near_ref", "华北-北京")


@pytest.mark.parametrize(("typed_as", "meant"), [("p-1", "P-1"), ("P1", "P-1"), ("P-01", "P-1"), ("屏-77", "")])
def test_a_near_miss_of_a_number_is_a_way_of_writing_it(typed_as, meant):
    [problem] = taken_in(book(loans=[loan("L-1", 配件编号=typed_as)])).problems
    assert problem.args.get("closest", "") == meant


def test_a_number_whose_zeros_were_lost_is_found_again():
    [warned, problem] = taken_in(book(parts=[part("007")], loans=[loan("L-1", 配件编号=7)])).problems
    assert (warned.code, problem.code, problem.args["closest"]) == ("numeric_key", "near_ref", "007")


def test_a_row_that_refers_to_a_bad_row_is_left_out_and_says_which():
    sheet = book(members=[*MEMBERS, member("东北", 邮箱="没有")], loans=[loan("L-1", "东北"), loan("L-2")])
    problem = next(p for p in taken_in(sheet).problems if p.table == "loans")
    assert (problem.severity, problem.code, problem.args["rows"]) == ("error", "broken_ref", "6")
    assert loans_of(sheet) == ["L-2"]


def test_a_loan_of_a_bad_request_goes_on_without_it():
    sheet = book(requests=[request("R-1", 数量="很多")], loans=[loan("L-1", 求助编号="R-1")])
    assert told(sheet, "loans") == [("warning", "broken_ref", 2, "request_id")]
    assert loans_of(sheet) == ["L-1"]


def test_a_list_keeps_the_names_that_are_known():
    sheet = book(requests=[request("R-1", 已婉拒="华东、火星、华中")])
    assert told(sheet, "requests") == [("warning", "unknown_ref", 2, "declined_by")]
    assert taken_in(sheet).frames["requests"]["declined_by"].tolist() == [("华东", "华中")]


def test_a_substitute_is_a_part_that_can_be_used():
    """A part's own table is known to it: bad and double rows cannot stand in for anything."""
    rows = [part("P-1", 替代配件="P-2、P-3、P-4、P-5"), part("P-2"), part("P-3", 配件名称=""), part("P-4"), part("P-4")]
    sheet = book(parts=rows)
    assert taken_in(sheet).frames["parts"]["substitutes"].tolist()[0] == ("P-2",)
    codes = [(p.code, p.args["value"]) for p in taken_in(sheet).problems if p.field == "substitutes"]
    assert codes == [("broken_ref", "P-3"), ("broken_ref", "P-4"), ("unknown_ref", "P-5")]


def test_codes_of_a_reference_are_rows_of_the_table_it_names():
    frames = taken_in(book(loans=[loan("L-1"), loan("L-2", "西北", "华中")])).frames
    centers = frames["members"]["center"].tolist()
    for column in ("lender", "borrower"):
        assert [centers[code] for code in frames["loans"][column].cat.codes] == frames["loans"][column].tolist()


def test_a_column_full_of_unknown_names_is_read_in_no_time():
    """20,000 loans of archived requests: nobody looks for the closest of 20,000 names 20,000 times."""
    asked = [request(f"R-{n}") for n in range(300)]
    lent = [loan(f"L-{n}", 求助编号=f"旧-{n}") for n in range(3000)]
    found = taken_in(book(requests=asked, loans=lent)).problems
    assert {p.code for p in found} == {"unknown_ref"}


# --- where things stand ----------------------------------------------------------------------------------------------


def raw(*rows) -> Book:
    return book(tabs={"parts": RawTable("配件", rows)})


def parts_of(sheet: Book) -> list[tuple[int, str, str]]:
    frame = taken_in(sheet).frames["parts"]
    return list(zip(frame["row"].tolist(), frame["part_no"], frame["name"], strict=True))


@pytest.mark.parametrize(
    "header",
    [
        ["配件编号", "配件名称"],
        ["配件编号*", "配件名称 *"],
        ["配件\n编号", " 配件 名称　"],
        ["＊配件编号", "配件名称＊"],
        ["part_no", "name"],
        ["PART_NO", "Name"],
        ["Part_No ", "配件名称"],
    ],
)
def test_a_header_is_known_in_any_dress(header):
    assert parts_of(raw(header, ["P-1", "屏"])) == [(2, "P-1", "屏")]


def test_columns_stand_in_any_order_among_strangers():
    sheet = raw(["备注", "配件名称", None, "配件编号", "经手"], ["随便", "屏", 1, "P-1", "#REF!"])
    assert parts_of(sheet) == [(2, "P-1", "屏")]
    assert taken_in(sheet).problems == []


@pytest.mark.parametrize("above", range(10))
def test_titles_above_the_header_do_no_harm_and_row_numbers_are_the_sheets(above):
    titles = [["互助联盟配件目录", "配件编号见下"], [], ["", None]]
    sheet = raw(*(titles[n % 3] for n in range(above)), ["配件编号", "配件名称"], ["P-1", "屏"], [], ["P-2", "摆臂"])
    assert parts_of(sheet) == [(above + 2, "P-1", "屏"), (above + 4, "P-2", "摆臂")]


def test_a_header_below_the_tenth_row_is_not_looked_for():
    with pytest.raises(SheetError):
        taken_in(raw(*[["标题"]] * 10, ["配件编号", "配件名称"], ["P-1", "屏"]))


def test_the_first_row_with_all_required_headers_is_the_header():
    sheet = raw(["配件编号", "说明"], ["配件编号", "配件名称"], ["P-1", "屏"])
    assert parts_of(sheet) == [(3, "P-1", "屏")]


def test_rows_may_be_ragged():
    sheet = raw(["配件编号", "配件名称", "单价"], ["P-1", "屏"], ["P-2", "摆臂", 800, "多", "余"], [], [None], ["P-3"])
    assert parts_of(sheet) == [(2, "P-1", "屏"), (3, "P-2", "摆臂")]
    assert told(sheet, "parts") == [("error", "required_blank", 6, "name")]


@pytest.mark.parametrize("blank", [[], [None], ["", "　", None], [" ", "\n"]])
def test_a_row_without_cells_does_not_exist(blank):
    read_in = taken_in(raw(["配件编号", "配件名称"], blank, ["P-1", "屏"], blank))
    assert read_in.problems == []
    assert read_in.rows_read["parts"] == 1


def test_an_unticked_box_alone_makes_no_row():
    """A sheet with tick boxes down to row 1000 reads FALSE in each of them."""
    rows = [["P-1", "屏", False], ["", "", False], [None, None, "FALSE"]]
    read_in = taken_in(raw(["配件编号", "配件名称", "通用"], *rows))
    assert (read_in.problems, read_in.rows_read["parts"]) == ([], 1)


def test_a_ticked_box_alone_is_a_row():
    assert told(raw(["配件编号", "配件名称", "通用"], ["", "", True]), "parts") == [
        ("error", "required_blank", 2, "part_no"),
        ("error", "required_blank", 2, "name"),
    ]


def test_what_the_worker_shows_beside_a_row_makes_no_row():
    """Lookup formulas fill their columns down the sheet."""
    tab = grid(BY_NAME["loans"], [loan("L-1"), {"状态": "#N/A", "天数": 3}])
    assert told(book(tabs={"loans": tab}), "loans") == []


def test_what_stands_in_the_way_of_a_lookup_column_is_pointed_at():
    """The formula in the header cell then shows an error, and the whole column nothing."""
    tab = grid(BY_NAME["loans"], [loan("L-1"), {**loan("L-2"), "状态": "已还"}])
    assert told(book(tabs={"loans": tab}), "loans") == []
    blocked = [["#REF!" if cell == "状态" else cell for cell in tab.rows[0]], *tab.rows[1:]]
    told_of = told(book(tabs={"loans": RawTable("借调记录", blocked)}), "loans")
    assert told_of == [("warning", "lookup_blocked", 3, "state")]


def test_a_header_that_stands_twice_is_warned_of_and_the_left_one_counts():
    sheet = raw(["配件编号", "配件名称", "配件名称"], ["P-1", "屏", "摆臂"])
    assert parts_of(sheet) == [(2, "P-1", "屏")]
    assert told(sheet, "parts") == [("warning", "header_twice", 1, "name")]


def test_a_column_of_the_worker_that_stands_twice_is_no_matter():
    """It is not read, so nobody needs to mend it."""
    tab = grid(BY_NAME["loans"], [loan("L-1")])
    twice = RawTable(tab.title, [[*row, "状态" if n == 0 else ""] for n, row in enumerate(tab.rows)])
    assert told(book(tabs={"loans": twice}), "loans") == []


@pytest.mark.parametrize(
    ("header", "missing", "closest"),
    [
        (["配件号", "配件名称"], "配件编号", "配件号"),
        (["配件编号", "名称"], "配件名称", "名称"),
        (["配件编号", "xyz"], "配件名称", ""),
        ([], "配件编号", "配件目录"),
    ],
)
def test_a_missing_column_stops_the_run_and_names_the_closest_header(header, missing, closest):
    with pytest.raises(SheetError) as stopped:
        taken_in(raw(["配件目录"], header, ["P-1", "屏"]))
    assert (stopped.value.code, stopped.value.table.name) == ("missing_column", "parts")
    assert (stopped.value.column, stopped.value.found) == (missing, closest)


@pytest.mark.parametrize("table", MEMBER_TABLES, ids=lambda table: table.name)
def test_a_missing_table_stops_the_run_unless_it_may_be_absent(table):
    tabs = dict(book().tabs)
    tabs.pop(table.name, None)
    if table.optional:
        assert table.name in intake(Book(tabs), renamed({}), ZONE).frames
        return
    with pytest.raises(SheetError) as stopped:
        intake(Book(tabs), renamed({}), ZONE)
    assert (stopped.value.code, stopped.value.table) == ("missing_table", table)


@pytest.mark.parametrize("rows", [[], [[]], [[None, ""]]])
def test_an_empty_tab_lacks_its_first_column(rows):
    with pytest.raises(SheetError) as stopped:
        taken_in(raw(*rows))
    assert stopped.value.column == "配件编号"


def test_a_renamed_header_is_found_and_the_english_name_stays():
    tables = renamed({"parts": {"part_no": "料号"}})
    for header in ("料号", "part_no"):
        sheet = raw([header, "配件名称"], ["P-1", "屏"])
        assert intake(sheet, tables, ZONE).frames["parts"]["part_no"].tolist() == ["P-1"]
    with pytest.raises(SheetError) as stopped:
        intake(raw(["配件名称"], ["屏"]), tables, ZONE)
    assert stopped.value.column == "料号"


def test_a_formula_without_a_result_in_a_used_column_stops_the_run():
    with pytest.raises(SheetError) as stopped:
        taken_in(raw(["配件编号", "配件名称", "x"], ["P-1", UncachedCell("B2"), ""]))
    assert (stopped.value.code, stopped.value.column, stopped.value.found) == ("uncached", "配件名称", "B2")
    assert parts_of(raw(["配件编号", "配件名称", "x"], ["P-1", "屏", UncachedCell("C2")])) == [(2, "P-1", "屏")]


def test_members_of_the_sheet_are_counted_as_read():
    read_in = taken_in(book(loans=[loan("L-1"), loan("L-2", 数量="x")]))
    assert read_in.rows_read == {
        "members": len(MEMBERS), "parts": len(PARTS), "inventory": 0, "requests": 0, "loans": 2, "adjustments": 0, "routes": 0, "holidays": 0
    }  # fmt: skip


def test_the_time_of_a_request_is_kept():
    row = typed("requests", [request("R-1", 提出时间="2025-10-20 08:30")])
    assert row["requested_at"].to_pydatetime() == datetime.fromisoformat("2025-10-20T08:30")

"""What a person may type in a cell, and what it means. Rules, section 1; one table for each kind."""
# ruff: noqa: DTZ001  # a sheet holds wall time

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.cells import WARNED, folded, folded_key, read, shown
from rules.columns import Uncached, read_column
from rules.problems import PROBLEMS
from rules.schema import MEMBER_TABLES, Column, Kind, Words
from rules.values import ErrorCell, UncachedCell
from tests.rules.sheets import BY_NAME, ZONE
from tests.rules.strategies import ANY_CELL

PLAIN = timezone(timedelta(0))


def column(kind, **more):
    return Column("field", "列", kind, Words("说明", "doc"), **more)


COUNT = column(Kind.COUNT, least=0)
ANY = column(Kind.POINTS)


@pytest.mark.parametrize(
    ("cell", "value", "code"),
    [
        (2, 2, ""),
        (2.0, 2, ""),
        (Decimal("2.00"), 2, ""),
        ("2", 2, ""),
        ("２", 2, ""),
        (" 2　", 2, ""),
        ("\xa02\xa0", 2, ""),
        ("2.0", 2, ""),
        ("+2", 2, ""),
        ("0", 0, ""),
        ("1,200", 1200, ""),
        ("１，２００", 1200, ""),
        ("2个", 2, "unit_dropped"),
        ("２ 个", 2, "unit_dropped"),
        ("2 pcs", 2, "unit_dropped"),
        ("2 pcs.", 2, "unit_dropped"),
        ("1 piece", 1, "unit_dropped"),
        ("2套", 2, "unit_dropped"),
        (2.5, None, "not_whole"),
        ("2.5", None, "not_whole"),
        ("两个", None, "not_whole"),
        ("二", None, "not_whole"),
        ("2万", None, "not_whole"),
        ("2打", None, "not_whole"),
        ("2多个", None, "not_whole"),
        ("2k", None, "not_whole"),
        ("1e3", None, "not_whole"),
        ("2-3", None, "not_whole"),
        ("2~3个", None, "not_whole"),
        ("约2个", None, "not_whole"),
        ("1,5", None, "not_whole"),
        ("12,00", None, "not_whole"),
        (True, None, "not_whole"),
        (date(2025, 1, 1), None, "not_whole"),
        (time(2, 0), None, "not_whole"),
        (float("nan"), None, "not_whole"),
        (float("inf"), None, "not_whole"),
        ("9" * 12, None, "not_whole"),
        (-1, None, "below_least"),
        ("-1", None, "below_least"),
        ("－１", None, "below_least"),
        ("-1个", None, "below_least"),
    ],
)
def test_a_whole_number_is_read_as_typed_or_not_at_all(cell, value, code):
    reading = read(cell, COUNT, ZONE)
    assert (reading.value, reading.code) == (value, code)
    assert type(reading.value) in (int, type(None))


@pytest.mark.parametrize(("cell", "value"), [(-3, -3), ("-3", -3), ("+3", 3), ("－3", -3), (-3.0, -3)])
def test_points_may_be_negative(cell, value):
    assert read(cell, ANY, ZONE) == (value, "", {})


def test_a_dropped_unit_says_which_number_is_meant():
    assert read("12 pcs", COUNT, ZONE).facts == {"read": "12"}


@pytest.mark.parametrize(
    ("cell", "value", "code"),
    [
        (31.2, 31.2, ""),
        ("31.2", 31.2, ""),
        (-31, -31.0, ""),
        ("1200公里", 1200.0, "unit_dropped"),
        ("1,200.5 km", 1200.5, "unit_dropped"),
        ("远", None, "not_number"),
        ("1.2万", None, "not_number"),
        (float("nan"), None, "not_number"),
    ],
)
def test_a_number_is_read_with_its_decimals(cell, value, code):
    assert read(cell, column(Kind.NUMBER), ZONE)[:2] == (value, code)


DAY = datetime(2025, 10, 23)


@pytest.mark.parametrize(
    "cell",
    [
        DAY,
        date(2025, 10, 23),
        45953,
        45953.0,
        Decimal(45953),
        20251023,
        20251023.0,
        1761148800000,
        1761148800000.0,
        "2025-10-23",
        "2025/10/23",
        "2025.10.23",
        "20251023",
        "2025年10月23日",
        "2025年10月23",
        "2025 年 10 月 23 日",
        "２０２５－１０－２３",
        "２０２５年１０月２３日",
        " 2025-10-23　",
        "2025-10-23T00:00:00",
        "2025-10-23 00:00",
        "2025-10-23T00:00:00.000",
        "2025-10-23T00:00:00+08:00",
        "2025-10-23T00:00:00+0800",
        "2025-10-22T16:00:00Z",
        "2025-10-22T16:00:00.000Z",
        "2025-10-22t16:00:00z",
        datetime(2025, 10, 22, 16, tzinfo=UTC),
    ],
)
def test_every_way_to_write_a_day_is_the_same_day(cell):
    assert read(cell, column(Kind.DATE), ZONE) == (DAY.date(), "", {})
    assert read(cell, column(Kind.MOMENT), ZONE) == (DAY, "", {})


@pytest.mark.parametrize("cell", ["2025-1-2", "2025/1/2", "2025.1.2", "2025年1月2日", "20250102", "2025-01-02"])
def test_days_and_months_need_no_leading_zero(cell):
    assert read(cell, column(Kind.DATE), ZONE).value == date(2025, 1, 2)


@pytest.mark.parametrize(
    "cell",
    [
        datetime(2025, 10, 23, 8, 30),
        45953 + 8.5 / 24,
        "2025-10-23 08:30",
        "2025-10-23 8:30",
        "2025/10/23 08:30:00",
        "2025-10-23T08:30:00",
        "2025年10月23日 8时30分",
        "2025年10月23日 08:30",
        "2025-10-23　08：30",
        "2025-10-23T00:30:00Z",
        1761179400000,
    ],
)
def test_every_way_to_write_a_moment_is_the_same_moment(cell):
    assert read(cell, column(Kind.MOMENT), ZONE).value == datetime(2025, 10, 23, 8, 30)
    assert read(cell, column(Kind.DATE), ZONE).value == date(2025, 10, 23)


@pytest.mark.parametrize(
    "cell",
    [
        "10/23", "10月23日", "10-23", "下周三", "明天", "2025-10", "2025年10月", "2025-02-30", "2025-13-01", "25-10-23",
        "2025-10/23", "2025-10-23日", "2025-10-23 下午", "2025-10-23 25:00", "2025-10-23 24:00", "23.10.2025",
        "2025-10-23 或 24", 0, 7, 2025, 45953.5e9, True, time(8, 30), float("nan"), float("inf"), -45953,
        "0000-01-01", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", datetime(9999, 12, 31, 23, tzinfo=UTC),
    ],
)  # fmt: skip
def test_a_day_is_never_guessed(cell):
    reading = read(cell, column(Kind.DATE), ZONE)
    assert reading.value is None
    assert reading.code in ("not_date", "year_out_of_range")


@pytest.mark.parametrize("cell", ["1999-12-31", "2101-01-01", date(1899, 12, 30), "0205-10-23", "20521-01-01"[:10]])
def test_a_year_outside_2000_to_2100_is_a_problem(cell):
    assert read(cell, column(Kind.DATE), ZONE).value is None


@pytest.mark.parametrize(
    ("cell", "code"), [("1999-12-31", "year_out_of_range"), (date(2101, 1, 1), "year_out_of_range")]
)
def test_a_wrong_century_is_named(cell, code):
    assert read(cell, column(Kind.DATE), ZONE).code == code


@pytest.mark.parametrize("cell", ["2000-01-01", "2100-12-31", date(2000, 1, 1), 36526, 73415])
def test_the_first_and_the_last_day_are_read(cell):
    assert read(cell, column(Kind.DATE), ZONE).value is not None


def test_an_instant_falls_on_the_day_of_the_alliances_zone():
    instant = "2025-10-23T20:00:00Z"
    assert read(instant, column(Kind.DATE), ZONE).value == date(2025, 10, 24)
    assert read(instant, column(Kind.DATE), ZoneInfo("America/New_York")).value == date(2025, 10, 23)


@given(st.integers(36_526, 73_415))
def test_a_serial_number_counts_days_from_the_end_of_1899(serial):
    assert read(float(serial), column(Kind.DATE), ZONE).value == date(1899, 12, 30) + timedelta(serial)


@given(st.datetimes(datetime(2000, 1, 2), datetime(2100, 12, 30)))
def test_a_moment_written_as_serial_milliseconds_and_text_is_one_moment(moment):
    whole = moment.replace(microsecond=0)
    serial = (whole - datetime(1899, 12, 30)) / timedelta(days=1)
    milliseconds = int(whole.replace(tzinfo=PLAIN).timestamp() * 1000)
    readings = {
        read(cell, column(Kind.MOMENT), PLAIN).value for cell in (serial, milliseconds, whole.isoformat(), whole)
    }
    assert readings == {whole}


@pytest.mark.parametrize("cell", [True, "TRUE", "true", "是", "Y", "y", "yes", "1", 1, 1.0, "√", "✓", "Ｙ", " 是 "])
def test_yes_is_yes(cell):
    assert read(cell, column(Kind.FLAG), ZONE) == (True, "", {})


@pytest.mark.parametrize("cell", [False, "FALSE", "否", "N", "n", "no", "0", 0, 0.0, "×", "Ｎ"])
def test_no_is_no(cell):
    assert read(cell, column(Kind.FLAG), ZONE) == (False, "", {})


@pytest.mark.parametrize("cell", ["也许", "2", 2, "是的吧", date(2025, 1, 1)])
def test_anything_else_is_neither_yes_nor_no(cell):
    assert read(cell, column(Kind.FLAG), ZONE)[:2] == (None, "not_flag")


@pytest.mark.parametrize(
    "text", ["A,B", "A，B", "A、B", "A;B", "A；B", "A\nB", "A\r\nB", " A , 、B ;", "Ａ、Ｂ", "A、B、A"]
)
def test_a_list_splits_at_every_separator(text):
    assert read(text, column(Kind.LIST), ZONE) == (("A", "B"), "", {})


def test_a_list_keeps_its_order_and_inner_spaces():
    assert read("华中 武汉、华北-北京", column(Kind.LIST), ZONE).value == ("华中 武汉", "华北-北京")


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1.2万", 12000),
        ("1.2 万元", 12000),
        ("¥12,000", 12000),
        ("￥12,000", 12000),
        ("￥１２，０００", 12000),
        ("12000元", 12000),
        ("12000元整", 12000),
        ("RMB 12000", 12000),
        ("12000 rmb", 12000),
        ("人民币12000元", 12000),
        (12000, 12000),
        (12000.0, 12000),
        ("0.10", "0.1"),
        (0.1, "0.1"),
        (Decimal("0.1"), "0.1"),
        ("1.23456789万", "12345.6789"),
        ("3亿", 300_000_000),
        (0, 0),
    ],
)
def test_money_is_exact(cell, value):
    reading = read(cell, column(Kind.MONEY), ZONE)
    assert (reading.value, reading.code) == (Decimal(value), "")
    assert isinstance(reading.value, Decimal)


def test_money_that_is_whole_is_said_without_decimals():
    """A sheet holds 12000 as 12000.0; people must not see the difference."""
    assert [f"{read(cell, column(Kind.MONEY), ZONE).value:f}" for cell in (12000.0, "1.2万", 12000)] == ["12000"] * 3


@pytest.mark.parametrize(
    ("cell", "code"),
    [("-1", "below_least"), (-0.5, "below_least"), ("面议", "not_money"), ("1.2.3", "not_money"), ("12,00", "not_money"),
     ("一万二", "not_money"), ("1e5", "not_money"), (True, "not_money"), (float("nan"), "not_money"),
     (float("inf"), "not_money"), ("12000美元", "not_money"), ("1万2", "not_money")],
)  # fmt: skip
def test_money_is_never_guessed(cell, code):
    assert read(cell, column(Kind.MONEY), ZONE)[:2] == (None, code)


@given(st.decimals(0, 10**9, places=2))
def test_money_comes_back_to_the_cent(amount):
    assert read(str(amount), column(Kind.MONEY), ZONE).value == amount
    assert read(f"¥{amount:,}", column(Kind.MONEY), ZONE).value == amount


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize(
    "error", ["#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#ERROR!"]
)
def test_a_formula_error_is_a_problem_in_every_kind_of_cell(kind, error):
    for cell in (error, ErrorCell(error), f" {error} "):
        assert read(cell, column(kind), ZONE)[:2] == (None, "error_value")


def test_an_error_cell_of_any_text_is_a_problem():
    assert read(ErrorCell("#名称?"), column(Kind.TEXT), ZONE).code == "error_value"


def test_text_that_mentions_an_error_is_text():
    assert read("屏幕显示 #REF! 字样", column(Kind.TEXT), ZONE).code == ""


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("cell", [None, "", " ", "　", "\xa0", "\u200b", "\n"])
def test_blank_is_absent_in_every_kind_of_cell(kind, cell):
    if (kind, cell) != (Kind.NOTE, "\u200b"):
        assert read(cell, column(kind), ZONE) == (None, "", {})


@pytest.mark.parametrize(
    ("cell", "value", "code"),
    [
        ("007", "007", ""),
        (7, "7", "numeric_key"),
        (7.0, "7", "numeric_key"),
        ("Ｌ－００１", "L-001", ""),
        (" L-001　", "L-001", ""),
        ("华北  北京", "华北 北京", ""),
        ("L\u200b-001", "L-001", ""),
    ],
)
def test_a_key_is_text(cell, value, code):
    assert read(cell, column(Kind.KEY), ZONE)[:2] == (value, code)


@pytest.mark.parametrize(
    ("cell", "value"),
    [(" 王　强 ", "王 强"), ("Ｍｏｄｅｌ Ｙ", "Model Y"), ("a\nb", "a b"), (138, "138"), (138.0, "138")],
)
def test_text_is_one_line(cell, value):
    assert read(cell, column(Kind.TEXT), ZONE) == (value, "", {})


def test_a_note_keeps_its_line_breaks():
    assert read(" 第一行\r\n第二行 ", column(Kind.NOTE), ZONE).value == "第一行\n第二行"


@pytest.mark.parametrize("cell", ["a.b@example.cn", " a.b@example.cn ", "ａ.ｂ＠example.cn", "a+b@mail.example.com"])
def test_an_address_is_read(cell):
    reading = read(cell, column(Kind.EMAIL), ZONE)
    assert reading.code == ""
    assert "@" in reading.value


@pytest.mark.parametrize(
    "cell",
    [
        "王强",
        "a@b",
        "a@example.cn, b@example.cn",
        "a b@example.cn",
        "a@example.cn\nBcc: x@y.cn",
        "<a@example.cn>",
        138,
        "@x.cn",
    ],
)
def test_what_is_not_one_address_is_a_problem(cell):
    """One line that is one address: nothing a cell holds can add a header or a recipient."""
    assert read(cell, column(Kind.EMAIL), ZONE)[:2] == (None, "not_email")


@pytest.mark.parametrize(("cell", "value"), [("P0", "P0"), ("p0", "P0"), ("Ｐ０", "P0"), (" P1 ", "P1")])
def test_a_choice_is_read_in_any_width_and_case(cell, value):
    assert read(cell, column(Kind.CHOICE, choices=("P0", "P1")), ZONE).value == value


@pytest.mark.parametrize("cell", ["P3", "紧急", 0, True])
def test_what_is_not_offered_is_no_choice(cell):
    reading = read(cell, column(Kind.CHOICE, choices=("P0", "P1")), ZONE)
    assert (reading.value, reading.code, reading.facts) == (None, "not_choice", {"choices": "P0 / P1"})


@pytest.mark.parametrize("kind", [Kind.KEY, Kind.TEXT, Kind.NOTE])
def test_what_is_no_text_is_replaced(kind):
    """Halves of characters, which JSON can hold and no file, mail or hash; and what would steer a terminal."""
    assert read("\ud83d\ude00 \ud800=1", column(kind), ZONE).value == "😀 \ufffd=1"
    assert read("\x1b]0;x\x07\x9b31m", column(kind), ZONE).value == "\ufffd]0;x\ufffd\ufffd31m"
    assert shown("\x1b[2J") == "\ufffd[2J"


@given(ANY_CELL, st.sampled_from([c for table in MEMBER_TABLES for c in table.typed]))
def test_every_cell_has_a_value_a_problem_or_is_blank(cell, any_column):
    """No cell that a backend can read stops a run."""
    reading = read(cell, any_column, ZONE)
    assert reading.code in {*PROBLEMS, ""}
    assert f"{shown(cell)}{reading.value}".encode(), "no halves of characters"
    if reading.value is None:
        assert reading.code or not shown(cell).strip(" \n\u200b").strip() or any_column.kind is Kind.LIST
    else:
        assert reading.code in {*WARNED, ""}


@given(st.lists(ANY_CELL, max_size=8), st.sampled_from([c for table in MEMBER_TABLES for c in table.typed]))
def test_a_column_reads_each_cell_as_it_would_be_read_alone(cells, any_column):
    whole = read_column(cells, any_column, ZONE)
    for i, cell in enumerate(cells):
        alone = read(cell, any_column, ZONE)
        assert bool(whole.blank[i]) == (alone.value is None)
        assert (whole.flaws[i].code if i in whole.flaws else "") == alone.code
        if alone.value is not None and any_column.kind is not Kind.MOMENT and any_column.kind is not Kind.DATE:
            assert whole.array[i] == alone.value


def test_a_formula_without_a_stored_result_cannot_be_read():
    with pytest.raises(Uncached, match="C7"):
        read_column(["2", UncachedCell("C7")], BY_NAME["loans"]["qty"], ZONE)


@given(st.text(max_size=20))
def test_folding_twice_changes_nothing(text):
    assert folded(folded(text)) == folded(text)
    assert folded_key(folded_key(text)) == folded_key(text)

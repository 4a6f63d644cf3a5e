"""Problems are words about a place in the sheet: what is wrong, what to type instead, in both languages."""

import ast
import functools
import re
import string
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest

from rules import matching
from rules.allocation import allocate
from rules.letters import problem_notices
from rules.policy import OfficialDays, Policy
from rules.problems import PROBLEMS, SEVERITIES, Problem, facts_in, ordered, rows_of
from rules.schema import ISSUES, renamed
from rules.values import Book, RawTable
from tests.rules.sheets import MEMBERS, adjustment, book, decided, loan, member, part, request, run, settled, taken_in

RULES = Path(__file__).parents[2] / "rules"
TABLES = renamed({})


def everything_wrong():
    """A sheet with every mistake but those of headers, and a changed history."""
    long_ago = {"借出日期": "2025-09-01"}
    return book(
        members=[*MEMBERS, member("东北", 邮箱="没有", 上级邮箱="?"), member("华南", 手机="#REF!", 纬度="偏北"), {"服务中心": "孤"}],
        parts=[part("P-1"), part("P-2", 单价="面议"), part(7, 通用="也许")],
        requests=[request("R-1", 申报级别="P0"), request("R-2", 申报级别="P9", 数量=0), request("R-1b", 数量="两个"), request("R-3", "西北")],
        loans=[
            loan("L-1", 数量="2个", 到期日期="明天", 归还日期="1999-01-01"),
            loan("L-2"), loan("L-2"), loan(""),
            loan("L-3", "东北"), loan("L-4", "华北店"), loan("L-5", "火星人"),
            loan("L-6", 到期日期="2025-10-01"), loan("L-7", 已还数量=3), loan("L-8", "华北", "华北"),
            loan("L-9", 数量=2, 已还数量=1, 归还日期="2025-10-30"), loan("L-10", 保价金额=1),
            loan("L-11", "华北", "西北", 配件编号="P-2", **long_ago),
            loan("L-12", 损坏数量=1), loan("L-13", 求助编号="R-1", 借出日期=None, 作废="是"),
        ],
        adjustments=[adjustment("华北", "很多"), adjustment("西北", 9)],
        inventory=[{"center": "华中", "part_no": "P-1", "on_hand": 1, "updated_on": "2025-10-01"}],
    )  # fmt: skip


@functools.cache
def found():
    _, first = run(book(loans=[loan("L-99")]), "2025-11-06")
    wrong = everything_wrong().tabs
    header, *rows = wrong["parts"].rows
    twice = RawTable("配件", [[*header, "单价"], *rows])
    top, line, *rest = wrong["loans"].rows
    at = list(top).index("状态")
    blocked = RawTable("借调记录", [[*top[:at], "#REF!", *top[at + 1 :]], [*line[:at], "在借", *line[at + 1 :]], *rest])
    sheet = Book({**wrong, "parts": twice, "loans": blocked, "ledger": first.tabs["ledger"]})
    with mock.patch.object(matching, "allocate", out_of_effort):
        return decided(sheet, "2025-11-20", Policy(official=OfficialDays(last_year=2024))).problems


def out_of_effort(demands, stock, split_cost):
    """An allocation whose cost the solver could not prove to be the least."""
    return replace(allocate(demands, stock, split_cost), proven=[False] * len(demands))


@pytest.mark.parametrize("code", PROBLEMS)
def test_every_code_is_found_in_a_sheet_that_has_everything_wrong(code):
    """No sentence is dead, and each is filled with the facts of a real problem."""
    problem = next(p for p in found() if p.code == code)
    for locale in ("zh", "en"):
        [row] = rows_of([problem], TABLES, locale)
        said = " ".join(str(row[ISSUES.fields.index(name)]) for name in ("problem", "fix"))
        assert not re.search(r"[{}]", said)


@pytest.mark.parametrize("code", PROBLEMS)
def test_both_languages_state_the_same_facts(code):
    def names(words):
        return [
            {name for _, name, _, _ in string.Formatter().parse(words.in_(locale)) if name} for locale in ("zh", "en")
        ]

    kind = PROBLEMS[code]
    for zh, en in (names(kind.problem), names(kind.fix)):
        assert zh - {"column", "lack"} == en - {"column", "lack_en"}


def test_every_code_in_the_rules_is_declared():
    """A code that is spelt wrong would be found by the first person who makes that mistake."""
    literals = {
        node.value
        for path in RULES.glob("*.py")
        if path.name != "problems.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert set(PROBLEMS) <= literals


def test_a_problem_says_where_what_and_what_to_type_instead():
    problems = taken_in(book(loans=[loan("L-1"), loan("L-2025-007", 借出日期="下周三")])).problems
    assert rows_of(problems, TABLES, "zh") == [
        (
            "警告",
            "借调记录",
            "L-2025-007",
            3,
            "借出日期",
            "下周三",
            "「下周三」看不出是哪一天",
            "写成年-月-日，例如 2025-10-23",
        )
    ]
    [row] = rows_of(problems, TABLES, "en")
    assert row[6:] == ("'下周三' is not a date", "Write it as 2025-10-23")


def test_a_problem_names_the_header_that_people_gave_the_column():
    tables = renamed({"loans": {"lent_on": "发货日"}})
    problems = taken_in(book(loans=[loan("L-1", 借出日期="下周三")])).problems
    assert rows_of(problems, tables, "zh")[0][4] == "发货日"


def test_errors_come_first_then_the_order_of_the_sheet():
    problems = taken_in(everything_wrong()).problems
    sorted_ = ordered(reversed(problems), TABLES)
    assert sorted_ == ordered(problems, TABLES)
    severities = [p.severity for p in sorted_]
    assert severities == sorted(severities)
    assert set(severities) == set(SEVERITIES)
    errors = [(list(TABLES).index(p.table), p.row) for p in sorted_ if p.severity == "error"]
    assert errors == sorted(errors)


def test_text_from_the_sheet_is_never_a_pattern_or_a_format():
    nasty = "{value} {0} %s \\1 (?P<ref>"
    problem = Problem("warning", "not_date", "loans", "L", 2, "lent_on", nasty)
    assert nasty in str(rows_of([problem], TABLES, "zh")[0][6])


def test_the_facts_of_a_sentence_can_be_read_back_out_of_it():
    facts = {"ref": "L-1", "before": "2025-10-23 华东 +1", "after": "—"}
    for locale in ("zh", "en"):
        problem = Problem("warning", "history_changed", "loans", "L-1", 2, "loan_id", "L-1", facts)
        sentence = str(rows_of([problem], TABLES, locale)[0][6])
        assert facts_in("history_changed", sentence, locale) == facts
        assert facts_in("not_date", sentence, locale) is None


def test_moving_rows_is_no_news_for_the_coordinator():
    """The key of a notice leaves the row number out."""

    def keys(*loans):
        problems = taken_in(book(loans=loans)).problems
        return {notice.key for notice in problem_notices(problems, rows_of(problems, TABLES, "zh"))}

    bad = loan("L-1", 数量="两个")
    assert keys(bad, loan("L-2")) == keys(loan("L-2"), bad)
    assert keys(bad) != keys(loan("L-1", 数量="三个"))


def test_a_run_counts_what_it_found():
    plan = decided(settled(everything_wrong()), "2025-11-20")
    assert len(plan.rows["issues"]) == len(plan.problems)
    assert [row[2] for row in plan.rows["issues"]] == [p.key for p in plan.problems]

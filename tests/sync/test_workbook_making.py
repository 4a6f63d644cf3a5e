"""What `huzhu init` makes: a new workbook, or what a workbook people made lacks."""

from __future__ import annotations

import re
import zipfile
from datetime import date

import openpyxl
import pytest

from rules.layout import Layout, locate
from rules.schema import MEMBER_TABLES, TABLES, WORKER_TABLES
from sync.backends.workbook import Workbook
from sync.errors import SetupError

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def parts(path):
    with zipfile.ZipFile(path) as package:
        return {name: package.read(name) for name in package.namelist()}


def repack(path, changes):
    content = parts(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, part in content.items():
            package.writestr(name, changes(name, part))


@pytest.fixture
def made(tmp_path):
    path = tmp_path / "alliance.xlsx"
    Workbook(path).prepare(TABLES)
    return path


@pytest.fixture
def people(tmp_path):
    """A workbook people began: a title row, some columns only, a note, a dropdown of their own, blank styled cells."""
    path = tmp_path / "alliance.xlsx"
    book = openpyxl.Workbook()
    tab = book.active
    tab.title = "借调记录"
    tab.append(["2026 年借调"])
    tab.append(["借调编号*", "出借方", "借用方", "配件编号", "数量", "我们的备注"])
    tab.append(["L-1", "A", "B", "007", 1, "急"])
    tab.append(["L-2", "A", "B", "007", 2, None])
    tab.append(["L-3", "A", "B", "008", 2, None])
    tab["H4"].fill = openpyxl.styles.PatternFill("solid", fgColor="FFFF00")
    rule = openpyxl.worksheet.datavalidation.DataValidation(type="list", formula1='"007,008"')
    rule.add("D3:D99")
    tab.add_data_validation(rule)
    tab.append(["L-4", "A", "B", "008", 2, None])
    book.create_sheet("成员")
    book.save(path)
    return path


def test_a_second_init_says_and_changes_nothing(made):
    before = made.read_bytes()
    assert Workbook(made).prepare(TABLES) == []
    assert made.read_bytes() == before


def test_a_new_workbook_holds_every_header_where_the_reader_looks(made):
    book = Workbook(made).read(TABLES)
    assert list(book.tabs) == [table.name for table in TABLES]
    for table in TABLES:
        found = locate(book.tabs[table.name], table)
        assert isinstance(found, Layout)
        assert set(found.columns) == {column.field for column in table.columns}


def test_a_new_workbook_loads_in_openpyxl_with_what_people_need(made):
    book = openpyxl.load_workbook(made)
    for table in TABLES:
        tab = book[table.title]
        assert tab.freeze_panes == "A2"
        assert tab["A1"].comment is not None
        assert tab.protection.sheet == (table in WORKER_TABLES)
    loans = book["借调记录"]
    rules = {str(rule.sqref): rule for rule in loans.data_validations.dataValidation}
    assert rules["C2:C1048576"].formula1.startswith("OFFSET('成员'!$A$2")
    assert rules["G2:G1048576"].formula1 == '"先借后还,配件互换,成本补偿"'
    assert {rule.errorStyle for rule in rules.values()} == {"warning"}
    assert loans.column_dimensions["A"].width > 10
    assert loans["U2"].value.text == """=IFERROR(INDEX('借调状态'!$H:$H,MATCH($A2&"",'借调状态'!$A:$A,0))&"","")"""


def test_init_changes_no_cell_people_typed(people):
    def typed(path):
        return {
            (tab.title, cell.coordinate): (cell.value, cell.number_format, cell.fill.fgColor.rgb)
            for tab in openpyxl.load_workbook(path)
            for row in tab.iter_rows()
            for cell in row
            if cell.value is not None or cell.has_style
        }

    before = typed(people)
    assert Workbook(people).prepare(TABLES)
    after = typed(people)
    changed = {place for place in before if after[place] != before[place] and before[place][0] is not None}
    assert changed == set()


def test_init_adds_missing_columns_at_the_right_end_of_peoples_headers(people):
    Workbook(people).prepare(TABLES)
    tab = openpyxl.load_workbook(people)["借调记录"]
    headers = [cell.value for cell in tab[2]]
    assert headers[:6] == ["借调编号*", "出借方", "借用方", "配件编号", "数量", "我们的备注"]
    assert {"借出日期", "作废", "状态", "天数"} <= set(headers[6:])
    state = headers.index("状态") + 1
    assert '$A3&""' in tab.cell(3, state).value.text
    assert '$A300&""' in tab.cell(300, state).value.text
    members = openpyxl.load_workbook(people)["成员"]
    assert [cell.value for cell in members[1]][:3] == ["服务中心", "负责人", "邮箱"]


def test_init_adds_dropdowns_only_where_people_have_none(people):
    Workbook(people).prepare(TABLES)
    rules = openpyxl.load_workbook(people)["借调记录"].data_validations.dataValidation
    assert {str(rule.sqref) for rule in rules} >= {"D3:D99", "B3:B1048576"}
    assert not any(str(rule.sqref).startswith("D3:D10") for rule in rules)


def test_a_second_init_of_a_workbook_people_made_changes_nothing(people):
    Workbook(people).prepare(TABLES)
    before = people.read_bytes()
    assert Workbook(people).prepare(TABLES) == []
    assert people.read_bytes() == before


def test_init_fills_lookups_again_when_rows_outgrew_them(made):
    book = openpyxl.load_workbook(made)
    for number in range(2, 700):
        book["借调记录"].cell(number, 1, f"L-{number}")
    book.save(made)
    assert [words.en for words in Workbook(made).prepare(TABLES)] == [
        "Filled the lookup column 状态 of 借调记录",
        "Filled the lookup column 天数 of 借调记录",
    ]
    assert '$A699&""' in openpyxl.load_workbook(made)["借调记录"]["U699"].value.text
    assert Workbook(made).prepare(TABLES) == []


def test_a_column_of_peoples_own_called_like_a_lookup_is_left_alone(people):
    book = openpyxl.load_workbook(people)
    book["借调记录"]["G2"] = "状态"
    book["借调记录"]["G3"] = "还没还"
    book.save(people)
    Workbook(people).prepare(TABLES)
    tab = openpyxl.load_workbook(people)["借调记录"]
    assert [tab.cell(number, 7).value for number in (2, 3, 4, 5)] == ["状态", "还没还", None, None]


def test_files_with_prefixes_and_without_styles_or_rows_are_extended(people):
    def prefixed(name, part):
        if name.endswith(("workbook.xml", "styles.xml")) or name.startswith("xl/worksheets/sheet"):
            part = re.sub(rb"<(/?)(?=[A-Za-z])", rb"<\1x:", part)
            return part.replace(b"xmlns=", b"xmlns:x=")
        return part

    repack(people, prefixed)
    assert Workbook(people).prepare(TABLES)
    book = Workbook(people).read(TABLES)
    assert all(isinstance(locate(book.tabs[table.name], table), Layout) for table in TABLES)
    assert openpyxl.load_workbook(people)["借调记录"]["A3"].value == "L-1"
    before = people.read_bytes()
    assert Workbook(people).prepare(TABLES) == []
    assert people.read_bytes() == before


def test_seed_fills_fresh_tabs_and_no_others(made):
    rows = {"members": [["A", "王", "a@x.example", "007", None, "北京", 39.9, 116.4, date(2025, 1, 1), None, "zh"]]}
    Workbook(made).seed(rows)
    read = Workbook(made).read(TABLES).tabs["members"].rows[1]
    assert read == ["A", "王", "a@x.example", "007", "", "北京", 39.9, 116.4, date(2025, 1, 1), "", "zh"]
    with pytest.raises(SetupError, match="already holds"):
        Workbook(made).seed(rows)


def test_seeded_cells_are_what_people_typed_not_what_it_means(made):
    cells = ["R-1", "A", 7, "2个", "10月23日", *[None] * 8]
    Workbook(made).seed({"requests": [cells]})
    assert Workbook(made).read(TABLES).tabs["requests"].rows[1][:5] == ["R-1", "A", 7.0, "2个", "10月23日"]


@pytest.mark.libreoffice
def test_libreoffice_keeps_what_init_made(made, libreoffice):
    saved = openpyxl.load_workbook(libreoffice(made, "xlsx"))
    assert saved.sheetnames == [*(table.title for table in TABLES), "概览"]
    for table in MEMBER_TABLES:
        assert [cell.value for cell in saved[table.title][1]][: len(table.columns)] == [c.header for c in table.columns]
        assert saved[table.title]["A1"].comment is not None
    assert saved["借调状态"].protection.sheet
    assert saved["借调状态"].conditional_formatting
    # Frozen panes are not asked for: LibreOffice without a window drops everybody's.
    assert any("OFFSET" in (rule.formula1 or "") for rule in saved["借调记录"].data_validations.dataValidation)


@pytest.mark.libreoffice
def test_init_after_libreoffice_saved_the_workbook_makes_nothing_again(made, libreoffice):
    path = made.with_name("saved.xlsx")
    path.write_bytes(libreoffice(made, "xlsx").read_bytes())
    assert Workbook(path).prepare(TABLES) == []

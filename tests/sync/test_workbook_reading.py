"""What a reading finds, and one sentence for each file that cannot be read."""

from __future__ import annotations

import io
import re
import zipfile

import openpyxl
import pytest

from rules.schema import TABLES
from rules.values import Change, ErrorCell, UncachedCell
from sync.backends.workbook import Workbook
from sync.errors import Busy, HuzhuError, SetupError

TABLE = {table.name: table for table in TABLES}
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml."


def bare_package(path, sheet, *, title="成员", x="", target="worksheets/sheet1.xml"):
    """The least a workbook needs, with the namespace prefix *x*, as some programs write it."""
    home = f'xmlns:{x[:-1]}="{MAIN}"' if x else f'xmlns="{MAIN}"'
    content = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" '
        f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" '
        f'ContentType="{TYPE}sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="{TYPE}worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" Type="{RELATED}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" Type="{RELATED}/worksheet" Target="{target}"/></Relationships>',
        "xl/workbook.xml": f'<{x}workbook {home} xmlns:rel="{RELATED}"><{x}sheets><{x}sheet name="{title}" sheetId="7" rel:id="r1"/></{x}sheets></{x}workbook>',
        "xl/worksheets/sheet1.xml": f"<{x}worksheet {home}>{sheet}</{x}worksheet>",
    }
    with zipfile.ZipFile(path, "w") as package:
        for name, part in content.items():
            package.writestr(name, part)
    return path


def rows_of(path, name="members"):
    return Workbook(path).read(TABLES).tabs[name].rows


@pytest.fixture
def path(tmp_path):
    return tmp_path / "alliance.xlsx"


def test_row_1_of_the_sheet_is_the_first_row_read(path):
    bare_package(path, '<sheetData><row r="3"><c r="C3"><v>5</v></c></row></sheetData>')
    assert rows_of(path)[2] == ["", "", 5.0]


def test_an_error_value_is_read_as_such(path):
    bare_package(
        path,
        '<sheetData><row r="2"><c r="B2" t="e"><v>#REF!</v></c><c r="C2" t="e"><f>1/0</f><v>#DIV/0!</v></c></row></sheetData>',
    )
    assert rows_of(path)[1][1:] == [ErrorCell("#REF!"), ErrorCell("#DIV/0!")]
    assert all(isinstance(cell, ErrorCell) for cell in rows_of(path)[1][1:])


@pytest.mark.parametrize("error", ["#GETTING_DATA", "#SPILL!", "#CALC!", "#ERROR!", "#名称?", "Err:509", "x"])
@pytest.mark.parametrize("x", ["", "y:"])
def test_an_error_value_that_only_some_programs_know_is_no_damage(path, error, x):
    """Rules, section 1: an error value in a used cell is a problem, and all other cells are read."""
    bare_package(
        path,
        f'<{x}sheetData><{x}row r="1"><{x}c r="A1"><{x}v>5</{x}v></{x}c><{x}c t="e" r="B1"><{x}f>1</{x}f><{x}v>{error}</{x}v></{x}c>'
        f'<{x}c r="C1" t="e"><{x}v>{error}</{x}v></{x}c><{x}c r="D1"><{x}v>7</{x}v></{x}c></{x}row></{x}sheetData>',
        x=x,
    )
    shown = error if error[0] == "#" else "#N/A"
    assert rows_of(path) == [[5.0, shown, shown, 7.0]]
    assert isinstance(rows_of(path)[0][1], ErrorCell)


@pytest.mark.parametrize(
    "formula", ["<f>1+1</f>", "<f>1+1</f><v></v>", "<f>1+1</f><v/>", '<f t="shared" si="0"/>', "<f>1+1</f> "]
)
def test_a_formula_without_a_stored_result_is_read_as_such(path, formula):
    bare_package(
        path,
        f'<sheetData><row r="1"><c r="A1"><f>2</f><v>2</v></c></row><row r="7"><c r="B7" s="0">{formula}</c></row></sheetData>',
    )
    cell = rows_of(path)[6][1]
    assert isinstance(cell, UncachedCell)
    assert cell == "B7"


def test_a_formula_that_gave_an_empty_text_is_a_blank(path):
    bare_package(
        path, '<sheetData><row r="1"><c r="A1"><v>1</v></c><c r="B1" t="str"><f>""</f><v></v></c></row></sheetData>'
    )
    assert rows_of(path)[0] == [1.0, ""]


def test_errors_and_formulas_are_found_in_cells_that_do_not_say_where_they_stand(path):
    bare_package(path, '<sheetData><row><c><v>1</v></c><c t="e"><v>#N/A</v></c><c><f>A1</f></c></row></sheetData>')
    assert rows_of(path)[0][1:] == [ErrorCell("#N/A"), UncachedCell("C1")]


def test_prefixed_names_and_absolute_targets_are_read(path):
    sheet = '<x:sheetData><x:row r="2"><x:c r="B2" t="e"><x:v>#REF!</x:v></x:c><x:c r="C2"><x:f>1</x:f></x:c></x:row></x:sheetData>'
    bare_package(path, sheet, x="x:", target="/xl/worksheets/sheet1.xml")
    assert rows_of(path)[1] == ["", ErrorCell("#REF!"), UncachedCell("C2")]


def test_hidden_tabs_are_read(path):
    book = openpyxl.Workbook()
    book.create_sheet(" 成 员").append(["服务中心"])
    book[" 成 员"].sheet_state = "hidden"
    book.save(path)
    assert rows_of(path) == [["服务中心"]]


def test_two_tabs_for_one_table_are_refused(path):
    book = openpyxl.Workbook()
    book.create_sheet("成员")
    book.create_sheet("members")
    book.save(path)
    with pytest.raises(SetupError, match="both stand for"):
        Workbook(path).read(TABLES)


@pytest.mark.parametrize("dimension", ["", '<dimension ref="A1:B2"/>', '<dimension ref="A1:XFD1048576"/>'])
def test_a_cell_at_the_far_corner_is_refused_before_it_fills_the_memory(path, dimension):
    bare_package(
        path,
        f'{dimension}<sheetData><row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>',
    )
    with pytest.raises(SetupError, match="column 16384"):
        Workbook(path).read(TABLES)


def test_a_file_that_unpacks_to_too_much_is_refused(path):
    bare_package(path, "<sheetData/>" + " " * 3_000_000)
    with pytest.raises(SetupError, match="over 2 MB"):
        Workbook(path, max_mb=2).read(TABLES)


def ole(tail=b""):
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + tail


def with_parts(*names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        for name in names:
            package.writestr(name, "<a/>")
    return out.getvalue()


def truncated():
    out = io.BytesIO()
    openpyxl.Workbook().save(out)
    return out.getvalue()[:2000]


BAD = {
    "empty": (b"", "empty"),
    "csv": ("服务中心,负责人\n".encode(), "not an .xlsx"),
    "old xls": (ole(), "old .xls"),
    "password": (ole("EncryptedPackage".encode("utf-16-le")), "password"),
    "truncated": (truncated(), "damaged"),
    "no workbook part": (with_parts("[Content_Types].xml"), "damaged"),
    "broken workbook part": (with_parts("xl/workbook.xml") + b"", "damaged|no tab"),
    "binary workbook": (with_parts("xl/workbook.bin"), "damaged"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_gives_one_sentence_in_two_languages_and_stays_as_it_is(path, name):
    content, sentence = BAD[name]
    path.write_bytes(content)
    for act in (lambda: Workbook(path).read(TABLES), lambda: Workbook(path).prepare(TABLES)):
        with pytest.raises(HuzhuError, match=sentence) as caught:
            act()
        assert "alliance.xlsx" in caught.value.words.zh
        assert caught.value.exit_code in (1, 2)
    assert path.read_bytes() == content


def test_no_file_says_how_to_make_one(path):
    with pytest.raises(SetupError, match="huzhu init"):
        Workbook(path).read(TABLES)


def test_a_folder_is_said_to_be_one(path):
    path.mkdir()
    with pytest.raises(SetupError, match="is a folder"):
        Workbook(path).read(TABLES)
    with pytest.raises(SetupError, match="is a folder"):
        Workbook(path).prepare(TABLES)


def test_bytes_changed_inside_a_part_give_a_sentence(path):
    Workbook(path).prepare(TABLES)
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as package:
        start = package.getinfo("xl/worksheets/sheet1.xml").header_offset + 60
    data[start : start + 40] = bytes(40)
    path.write_bytes(data)
    with pytest.raises(SetupError, match="damaged"):
        Workbook(path).read(TABLES)


def test_a_tab_that_is_not_xml_gives_a_sentence(path):
    bare_package(path, "<sheetData><row><c><v>1</v></c></row></sheetData><cols a=>")
    with pytest.raises(SetupError, match="damaged"):
        Workbook(path).prepare(TABLES)


def test_macros_stay_in_a_macro_workbook(tmp_path):
    path = tmp_path / "alliance.xlsm"
    Workbook(path).prepare(TABLES)
    with zipfile.ZipFile(path, "a") as package:
        package.writestr("xl/vbaProject.bin", b"macros")
    book = Workbook(path)
    book.write([Change(TABLE["kpis"], [("x", 1, "", "", "", "", "")])], book.read(TABLES).version)
    with zipfile.ZipFile(path) as package:
        assert package.read("xl/vbaProject.bin") == b"macros"


def test_a_second_run_is_told_that_one_is_in_progress(path):
    with Workbook(path).lock(), pytest.raises(Busy) as caught, Workbook(path).lock():
        pass
    assert caught.value.exit_code == 4


def test_doctor_finds_a_prepared_workbook_well_and_says_what_another_lacks(path):
    book = Workbook(path)
    assert [finding.ok for finding in book.examine(TABLES)] == [False]
    book.prepare(TABLES)
    assert all(finding.ok for finding in book.examine(TABLES))
    people = openpyxl.load_workbook(path)
    people["成员"]["B1"] = "责任人"
    people["借调状态"].protection.sheet = False
    people.save(path)
    unwell = [finding for finding in book.examine(TABLES) if not finding.ok]
    assert len(unwell) == 2
    assert all(re.search("[\u4e00-\u9fff]", f.advice.zh) and f.advice.en for f in unwell)

"""What a write may touch: the worker's own tabs and the package's bookkeeping, nothing else."""

from __future__ import annotations

import csv
import errno
import fcntl
import io
import itertools
import os
import re
import stat
import zipfile
from datetime import date, datetime
from decimal import Decimal

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment
from openpyxl.formatting.rule import CellIsRule
from openpyxl.styles import PatternFill
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation

from rules.schema import TABLES
from rules.values import Change
from sync.backends.workbook import Workbook
from sync.errors import Conflict, RunFailed, SetupError
from tests.sync.hostile import FORMULAS, PADDED

TABLE = {table.name: table for table in TABLES}
BOOKKEEPING = {
    "[Content_Types].xml",
    "xl/workbook.xml",
    "xl/_rels/workbook.xml.rels",
    "xl/styles.xml",
}
STATES = [
    ("L-1", "A", "B", "007", 1, date(2026, 1, 16), -3, "即将到期", "预告", "到期", date(2026, 1, 16), Decimal("12.50")),
    ("=1+1", "-A", "@B", "+7", 0, date(2026, 1, 1), 12, "已逾期", "", "", None, 0),
]


def states(rows=STATES):
    return [Change(TABLE["loan_states"], rows)]


def parts(path):
    with zipfile.ZipFile(path) as package:
        return {info.filename: package.read(info) for info in package.infolist()}


def raw_entries(path):
    """The compressed bytes of each entry."""
    data = path.read_bytes()
    with zipfile.ZipFile(path) as package:
        found = {}
        for info in package.infolist():
            start = (
                info.header_offset
                + 30
                + sum(
                    int.from_bytes(data[info.header_offset + at : info.header_offset + at + 2], "little")
                    for at in (26, 28)
                )
            )
            found[info.filename] = data[start : start + info.compress_size]
        return found


def never(_seconds):
    raise AssertionError("waited")


@pytest.fixture
def rich(tmp_path):
    """A workbook people made, with all that programs lose when they load and save it."""
    path = tmp_path / "alliance.xlsx"
    book = openpyxl.Workbook()
    loans = book.active
    loans.title = "借调记录"
    loans.append(["借调编号", "出借方", "借用方", "配件编号", "数量", "借出日期", "图表"])
    for number in range(1, 9):
        loans.append([f"L-{number}", "A", "B", "007", number, date(2026, 1, number), f"=E{number + 1}*2"])
    loans["A1"].comment = Comment("请填写", "王")
    loans.column_dimensions["A"].width = 31.5
    loans.column_dimensions["C"].hidden = True
    loans.conditional_formatting.add(
        "E2:E9", CellIsRule(operator="greaterThan", formula=["3"], fill=PatternFill(bgColor="FF0000"))
    )
    rule = DataValidation(type="list", formula1='"A,B"')
    rule.add("B2:B9")
    loans.add_data_validation(rule)
    chart = BarChart()
    chart.add_data(Reference(loans, min_col=5, min_row=1, max_row=9), titles_from_data=True)
    loans.add_chart(chart, "I2")
    hidden = book.create_sheet("内部")
    hidden.sheet_state = "hidden"
    hidden["B2"] = "别看"
    book.defined_names["税率"] = DefinedName("税率", attr_text="内部!$B$2")
    book.save(path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as package:
        package.writestr("xl/media/image1.png", b"\x89PNG\r\n\x1a\n" + bytes(200))
        package.writestr("customXml/item1.xml", "<a/>")
        package.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0 macros")
    path.chmod(0o640)
    return path


def test_a_write_leaves_every_other_part_byte_identical(rich):
    before, packed = parts(rich), raw_entries(rich)
    book = Workbook(rich, sleep=never)
    version = book.write(states(), book.read(TABLES).version)
    book.write([Change(TABLE["issues"], [("错误", "借调记录", "L-1", 2, "数量", "两", "不是整数", "写 2")])], version)
    after, repacked = parts(rich), raw_entries(rich)
    assert {name for name in before if after.get(name) != before[name]} <= BOOKKEEPING
    same = set(before) - BOOKKEEPING
    assert {name: packed[name] for name in same} == {name: repacked[name] for name in same}


def test_a_second_write_changes_only_the_part_of_its_tab(rich):
    book = Workbook(rich, sleep=never)
    version = book.write(states(), book.read(TABLES).version)
    before = parts(rich)
    book.write(states(STATES[:1]), version)
    assert [name for name, content in parts(rich).items() if before[name] != content] == ["xl/worksheets/sheet3.xml"]


def test_the_same_rows_give_the_same_file(rich):
    book = Workbook(rich, sleep=never)
    version = book.write(states(), book.read(TABLES).version)
    first = rich.read_bytes()
    assert book.write(states(), version) == version
    assert rich.read_bytes() == first


def test_what_people_put_on_a_worker_tab_stays(rich):
    Workbook(rich, sleep=never).prepare([TABLE["loan_states"]])
    book = openpyxl.load_workbook(rich)
    tab = book["借调状态"]
    chart = BarChart()
    chart.add_data(Reference(tab, min_col=7, min_row=1, max_row=9))
    tab.add_chart(chart, "N2")
    tab.column_dimensions["B"].width = 44.0
    book.save(rich)
    worker = Workbook(rich, sleep=never)
    worker.write(states(), worker.read(TABLES).version)
    written = openpyxl.load_workbook(rich)["借调状态"]
    assert len(written._charts) == 1
    assert written.column_dimensions["B"].width == 44.0
    assert written["H3"].value == "已逾期"


def test_openpyxl_sees_the_values_and_types_written(rich):
    book = Workbook(rich, sleep=never)
    book.write(states(), book.read(TABLES).version)
    tab = openpyxl.load_workbook(rich)["借调状态"]
    first, second = list(tab.iter_rows(min_row=2, values_only=True))
    assert first[:5] == ("L-1", "A", "B", "007", 1)
    assert first[5] == datetime(2026, 1, 16)  # noqa: DTZ001 - a sheet has no zones
    assert first[11] == 12.5
    assert [cell.data_type for cell in tab[3]][:4] == ["s", "s", "s", "s"]
    assert second[0] == "=1+1"
    assert (tab["F2"].number_format, tab["L2"].number_format, tab["A2"].number_format) == (
        "yyyy-mm-dd",
        "#,##0.00",
        "@",
    )
    assert tab.freeze_panes == "A2"
    assert tab.protection.sheet
    assert "系统" in tab["A1"].comment.text


def test_states_are_coloured_by_the_sheet_itself(rich):
    book = Workbook(rich, sleep=never)
    book.write(states(), book.read(TABLES).version)
    formats = openpyxl.load_workbook(rich)["借调状态"].conditional_formatting
    rules = {rule.formula[0].strip('"'): rule.dxf.fill.bgColor.rgb for group in formats for rule in group.rules}
    assert rules["已逾期"] == "FFFFC7CE"
    assert len({rules[state] for state in ("已逾期", "今日到期", "即将到期", "已归还")}) == 4


def test_a_file_changed_since_it_was_read_is_not_written(rich):
    book = Workbook(rich, sleep=never)
    version = book.read(TABLES).version
    people = openpyxl.load_workbook(rich)
    people["借调记录"]["E2"] = 5
    people.save(rich)
    saved = rich.read_bytes()
    with pytest.raises(Conflict):
        book.write(states(), version)
    assert rich.read_bytes() == saved


def test_a_write_keeps_mode_and_leaves_nothing_beside(rich):
    book = Workbook(rich, sleep=never)
    book.write(states(), book.read(TABLES).version)
    assert stat.S_IMODE(rich.stat().st_mode) == 0o640
    assert {p.name for p in rich.parent.iterdir()} <= {rich.name, f".{rich.name}.lock"}


def test_a_write_through_a_link_keeps_the_link(rich, tmp_path):
    link = tmp_path / "link.xlsx"
    link.symlink_to(rich)
    book = Workbook(link, sleep=never)
    book.write(states(), book.read(TABLES).version)
    assert link.is_symlink()
    assert "借调状态" in openpyxl.load_workbook(rich).sheetnames


@pytest.mark.parametrize("error", [28, 122])
def test_a_full_disk_leaves_the_file_as_it_was(rich, monkeypatch, error):
    book = Workbook(rich, sleep=never)
    version, before = book.read(TABLES).version, rich.read_bytes()
    monkeypatch.setattr(os, "fsync", lambda _descriptor: (_ for _ in ()).throw(OSError(error, os.strerror(error))))
    with pytest.raises(RunFailed, match="disk is full"):
        book.write(states(), version)
    assert rich.read_bytes() == before
    assert not list(rich.parent.glob("*.new"))


def test_a_share_that_is_gone_when_the_lock_is_let_go_of_ends_nothing(rich, monkeypatch):
    """By then the run is over; the system lets go of the lock with the process."""
    taken = fcntl.flock

    def flock(file, operation):
        if operation == fcntl.LOCK_UN:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        taken(file, operation)

    with Workbook(rich).lock():
        monkeypatch.setattr(fcntl, "flock", flock)


@pytest.mark.parametrize("owner_file", ["~${}", ".~lock.{}#", ".~{}"])
def test_a_write_waits_for_the_file_to_be_closed(rich, owner_file):
    beside = rich.with_name(owner_file.format(rich.name))
    beside.touch()
    waited = []

    def sleep(seconds):
        waited.append(seconds)
        if len(waited) == 3:
            beside.unlink()

    book = Workbook(rich, sleep=sleep)
    book.write(states(), book.read(TABLES).version)
    assert len(waited) == 3


def test_a_file_that_stays_open_is_left_alone(rich):
    rich.with_name(f"~${rich.name}").touch()
    waited = []
    book = Workbook(rich, wait_seconds=5, sleep=waited.append)
    version, before = book.read(TABLES).version, rich.read_bytes()
    with pytest.raises(RunFailed, match="open elsewhere"):
        book.write(states(), version)
    assert sum(waited) == 5
    assert rich.read_bytes() == before


def test_an_owner_file_a_crash_left_days_ago_does_not_count(rich):
    left = rich.with_name(f"~${rich.name}")
    left.touch()
    long_ago = left.stat().st_mtime - 2 * 24 * 3600
    os.utime(left, (long_ago, long_ago))
    book = Workbook(rich, sleep=never)
    book.write(states(), book.read(TABLES).version)


def test_a_read_only_file_is_not_replaced(rich):
    book = Workbook(rich, sleep=never)
    version = book.read(TABLES).version
    rich.chmod(0o440)
    with pytest.raises(SetupError, match="read-only"):
        book.write(states(), version)


def test_a_read_only_folder_is_said_so(rich):
    book = Workbook(rich, sleep=never)
    version = book.read(TABLES).version
    rich.parent.chmod(0o550)
    try:
        with pytest.raises(SetupError, match="folder"):
            book.write(states(), version)
    finally:
        rich.parent.chmod(0o750)


def test_formulas_people_typed_into_a_worker_tab_leave_no_trace_in_the_calculation_chain(rich):
    book = Workbook(rich, sleep=never)
    version = book.write(states(), book.read(TABLES).version)
    content = parts(rich)
    sheet = content["xl/worksheets/sheet3.xml"].replace(
        b"</row></sheetData>", b'<c r="Z3"><f>1+1</f><v>2</v></c></row></sheetData>'
    )
    types = content["[Content_Types].xml"].replace(
        b"</Types>",
        b'<Override PartName="/xl/calcChain.xml" ContentType="application/vnd.openxmlformats-officedocument.'
        b'spreadsheetml.calcChain+xml"/></Types>',
    )
    rels = content["xl/_rels/workbook.xml.rels"].replace(
        b"</Relationships>",
        b'<Relationship Id="rId99" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/calcChain" '
        b'Target="calcChain.xml"/></Relationships>',
    )
    changed = {"xl/worksheets/sheet3.xml": sheet, "[Content_Types].xml": types, "xl/_rels/workbook.xml.rels": rels}
    changed["xl/calcChain.xml"] = b'<calcChain xmlns="x"><c r="Z3" i="3"/></calcChain>'
    with zipfile.ZipFile(rich, "w") as package:
        for name, part in (content | changed).items():
            package.writestr(name, part)
    book.write(states(STATES[:1]), book.read(TABLES).version)
    after = parts(rich)
    assert version
    assert "xl/calcChain.xml" not in after
    assert b"calcChain" not in after["[Content_Types].xml"] + after["xl/_rels/workbook.xml.rels"]


CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(CELLS, st.integers(-(2**50), 2**50), st.floats(allow_nan=False, allow_infinity=False), st.dates(date(1900, 3, 1)),
                  st.datetimes(datetime(1900, 3, 1), datetime(9999, 12, 31)).map(lambda d: d.replace(microsecond=0))),  # noqa: DTZ001 - a sheet has no zones
        min_size=1, max_size=5,
    )
)  # fmt: skip
def test_any_text_number_and_date_comes_back_as_written(tmp_path, rows):
    path = tmp_path / "trip.xlsx"
    book = Workbook(path, sleep=never)
    if not path.exists():
        book.prepare([TABLE["runs"]])
    blank = [None] * 5
    written = [(text, moment, None, day, "x", whole, part, *blank[:3]) for text, whole, part, day, moment in rows]
    book.write([Change(TABLE["runs"], written)], book.read(TABLES).version)
    read = book.read(TABLES).tabs["runs"].rows[1:]
    for wanted, found in itertools.zip_longest(written, read):
        assert found[0] == wanted[0]
        assert found[5] == wanted[5]
        assert found[6] == wanted[6]
        assert found[3] == wanted[3]
        assert str(found[1])[:19] == str(wanted[1])[: len(str(found[1]))]


def test_text_longer_than_a_cell_is_cut_with_an_ellipsis(rich):
    book = Workbook(rich, sleep=never)
    book.write(
        [Change(TABLE["issues"], [("错误", "", "", 1, "", "字" * 40_000, "𠮷" * 20_000, "")])],
        book.read(TABLES).version,
    )
    row = book.read(TABLES).tabs["issues"].rows[1]
    assert row[5] == "字" * 32_766 + "…"
    assert len(row[6].encode("utf-16-le")) // 2 <= 32_767
    assert row[6].endswith("…")


@pytest.mark.libreoffice
def test_libreoffice_shows_the_same_member_cells_and_the_new_rows(rich, libreoffice):
    before = libreoffice(rich, "借调记录").read_text("utf-8")
    book = Workbook(rich, sleep=never)
    typed = [text for text in (*FORMULAS, *PADDED) if "\n" not in text and "\r" not in text]  # one line each
    problems = Change(TABLE["issues"], [("错误", "", "", 1, "", text, "", "") for text in typed])
    book.write([*states(), problems], book.read(TABLES).version)
    assert libreoffice(rich, "借调记录").read_text("utf-8") == before
    shown = list(csv.reader(io.StringIO(libreoffice(rich, "借调状态").read_text("utf-8"))))
    assert shown[1][:8] == ["L-1", "A", "B", "007", "1", "2026-01-16", "-3", "即将到期"]
    assert shown[2][0] == "=1+1"
    told = csv.reader(io.StringIO(libreoffice(rich, "数据问题").read_text("utf-8")))
    assert [row[5] for row in told][1:] == typed


@pytest.mark.libreoffice
@pytest.mark.parametrize("program", [b"LibreOffice/7.4", b"Microsoft Excel", b"WPS"])
def test_a_lookup_shows_the_new_value_though_a_program_had_stored_the_old_one(tmp_path, libreoffice, program):
    path = tmp_path / "alliance.xlsx"
    book = Workbook(path, sleep=never)
    book.prepare(TABLES)
    book.seed({"loans": [["L-1", "", "A", "B", "007", 1, *[None] * 14]]})
    book.write(states(), book.read(TABLES).version)
    saved = tmp_path / "saved.xlsx"
    with zipfile.ZipFile(saved, "w", zipfile.ZIP_DEFLATED) as package:
        for name, part in parts(libreoffice(path, "xlsx")).items():
            package.writestr(name, re.sub(rb"(<Application>)[^<]*", rb"\1" + program, part))
    again = Workbook(saved, sleep=never)
    before = parts(saved)
    again.write(states([(*STATES[0][:6], 2, "已逾期", *STATES[0][8:])]), again.read(TABLES).version)
    after = parts(saved)
    place = [table.name for table in TABLES].index("loan_states") + 1
    changed = [n for n in before if n.startswith("xl/worksheets/") and before[n] != after[n]]
    assert changed == [f"xl/worksheets/sheet{place}.xml"]
    shown = list(csv.reader(io.StringIO(libreoffice(saved, "借调记录").read_text("utf-8"))))
    assert shown[1][20:22] == ["已逾期", "2"]


def test_every_part_of_a_rich_file_is_still_listed_in_order(rich):
    with zipfile.ZipFile(rich) as package:
        before = package.namelist()
    book = Workbook(rich, sleep=never)
    book.write(states(), book.read(TABLES).version)
    with zipfile.ZipFile(rich) as package:
        assert package.namelist()[: len(before)] == before
        assert package.testzip() is None

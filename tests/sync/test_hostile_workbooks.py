"""No file makes a reading crash, hang or fill the memory: each is read, or refused with a sentence."""

from __future__ import annotations

import contextlib
import io
import re
import struct
import zipfile

import pytest

from rules.schema import QUEUE, TABLES
from rules.values import Change
from sync.backends.workbook import Workbook
from sync.errors import SetupError
from sync.xlsx import scan
from tests.fuzz import packages
from tests.sync.test_workbook_reading import bare_package

FAR = {
    "a column that no sheet has": '<row r="1"><c r="ZZZZZZZ9"><v>1</v></c></row>',
    "a row that no sheet has": '<row r="1"><c r="A99999999"><v>1</v></c></row>',
    "row 0": '<row r="1"><c r="A0"><v>1</v></c></row>',
    "rows out of order": '<row r="1048576"><c r="A1048576"><v>1</v></c></row><row r="2"><c r="XFD2"><v>1</v></c></row>',
    "a cell that lies about its row": '<row r="1"><c r="XFD1048576"><v>1</v></c></row>',
    "single quotes": "<row r='1'><c r='XFD1048576'><v>1</v></c></row>",
    "another attribute first": '<row r="1"><c s=">" r="XFD1048576"><v>1</v></c></row>',
    "white space": '<row r="1"><c  r = "XFD1048576"><v>1</v></c></row>',
    "a line break": '<row r="1"><c\nr="XFD1048576"><v>1</v></c></row>',
    "a far row whose cell has no address": '<row r="4000000000"><c><v>1</v></c></row>',
    "a row that is no number": '<row r="one"><c><v>1</v></c></row>',
}


@pytest.mark.parametrize("name", FAR)
def test_a_far_cell_is_refused_however_it_is_written(tmp_path, name):
    path = bare_package(tmp_path / "alliance.xlsx", f'<dimension ref="A1:B2"/><sheetData>{FAR[name]}</sheetData>')
    with pytest.raises(SetupError):
        Workbook(path).read(TABLES)


@pytest.mark.parametrize("prefix", ["y:", "x:"])
def test_a_far_cell_is_refused_under_any_prefix(tmp_path, prefix):
    sheet = f'<{prefix}sheetData><{prefix}row r="1"><{prefix}c r="XFD1048576"><{prefix}v>1</{prefix}v></{prefix}c></{prefix}row></{prefix}sheetData>'
    path = bare_package(tmp_path / "alliance.xlsx", sheet, x=prefix)
    with pytest.raises(SetupError, match="column 16384"):
        Workbook(path).read(TABLES)


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_far_cell_is_seen_across_pieces(cut):
    xml = b'<sheetData><c r="A1"><v>1</v></c><c r="XFD9"><v>1</v></c></sheetData>'
    assert not scan.glance([xml[:cut], xml[cut:]]).near
    near = xml.replace(b"XFD9", b"X999")
    assert scan.glance([near[:cut], near[cut:]]).near


def entries(*parts: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts:
            package.writestr(name, content)
    return out.getvalue()


def declared(data: bytes, part: str, size: int) -> bytes:
    """*data*, in whose directory *part* claims to unpack to *size* bytes."""
    at = data.rindex(part.encode()) - 46  # its entry in the central directory
    assert data[at : at + 4] == b"PK\x01\x02"
    return data[: at + 24] + size.to_bytes(4, "little") + data[at + 28 :]


def test_a_part_that_unpacks_to_more_than_it_says_is_refused(tmp_path):
    path = tmp_path / "alliance.xlsx"
    Workbook(path).prepare(TABLES)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as package:
        package.writestr("xl/sharedStrings.xml", b"<sst>" + b"<si><t>x</t></si>" * 1_000_000 + b"</sst>")
    path.write_bytes(declared(path.read_bytes(), "xl/sharedStrings.xml", 1000))
    with pytest.raises(SetupError, match="damaged"):
        Workbook(path).read(TABLES)


def test_a_part_that_stands_there_twice_is_refused(tmp_path):
    path = tmp_path / "alliance.xlsx"
    with pytest.warns(UserWarning, match="Duplicate"):
        path.write_bytes(
            entries(("xl/workbook.xml", b"<a/>"), ("XL/workbook.xml", b"<b/>"), ("xl/workbook.xml", b"<a/>"))
        )
    with pytest.raises(SetupError, match="damaged"):
        Workbook(path).read(TABLES)


SECRET = "only-this-machine-knows"
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 9))
TARGETS = (
    "xl/workbook.xml", "/xl/workbook.xml", "workbook.xml", "_rels/workbook.xml.rels", "worksheets/sheet2.xml", "../../{}", "/{}",
    "{}", "file://{}", "http://127.0.0.1:9/x.xml", "\\\\\\\\127.0.0.1\\\\x", "worksheets/../worksheets/sheet1.xml", "", "#", "worksheets/",
)  # fmt: skip
DOCTYPES = (
    '<!DOCTYPE x [<!ENTITY e SYSTEM "file://{}">]>', '<!DOCTYPE x SYSTEM "file://{}">',
    '<!DOCTYPE x [<!ENTITY % p SYSTEM "file://{}">%p;]>', f'<!DOCTYPE x [<!ENTITY l0 "x">{LAUGHS}<!ENTITY e "&l8;">]>',
    '<!DOCTYPE x [<!ENTITY e "&e;">]>',
)  # fmt: skip
CELLS = {
    "a formula that is its own answer": '<c r="A2"><f>A2</f></c>',
    "two formulas in a circle": '<c r="A2"><f>B2</f></c><c r="B2"><f>A2</f></c>',
    "a shared formula nobody defined": '<c r="A2"><f t="shared" si="7"/><v>1</v></c>',
    "a shared formula over the whole sheet": '<c r="A2"><f t="shared" si="0" ref="A1:XFD1048576">A1</f><v>1</v></c>',
    "a link to another book": "<c r=\"A2\"><f>'[1]x'!A1</f><v>1</v></c>",
    "DDE": "<c r=\"A2\"><f>cmd|'/C calc'!A0</f><v>1</v></c>",
    "a text that is not there": '<c r="A2" t="s"><v>99999999</v></c>',
    "a text before the first": '<c r="A2" t="s"><v>-1</v></c>',
    "a type nobody knows": '<c r="A2" t="zz"><v>1</v></c>',
    "a style that is not there": '<c r="A2" s="4294967295"><v>1</v></c>',
    "a day beyond all calendars": '<c r="A2" t="d"><v>99999-99-99T99:99:99</v></c>',
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> dict[str, bytes]:
    path = tmp_path_factory.mktemp("book") / "alliance.xlsx"
    Workbook(path).prepare(TABLES)
    return packages.parts_of(path.read_bytes())


@pytest.fixture
def tried(tmp_path, prepared):
    """What a workbook with some parts changed reads as; "" when it is refused with a sentence."""
    outside = tmp_path / "outside.xml"
    outside.write_text(f'<x><sheetData><row r="1"><c t="str"><v>{SECRET}</v></c></row></sheetData></x>', "utf-8")

    def tried(change) -> str:
        path = tmp_path / "alliance.xlsx"
        changed = {**prepared, **change(dict(prepared), str(outside))}
        path.write_bytes(entries(*changed.items()))
        try:
            return repr(Workbook(path).read(TABLES))
        except SetupError:
            return ""

    return tried


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("part", ["_rels/.rels", "xl/_rels/workbook.xml.rels"])
@pytest.mark.parametrize("mode", ["", ' TargetMode="External"'])
def test_no_relation_leads_out_of_the_file_or_round_in_circles(tried, part, target, mode):
    def change(parts, outside):
        new = f'Target="{target.format(outside)}"{mode}'.encode()
        return {part: re.sub(rb'Target="[^"]*"', new.replace(b"\\", b"\\\\"), parts[part], count=1)}

    assert SECRET not in tried(change)


@pytest.mark.parametrize("doctype", DOCTYPES)
@pytest.mark.parametrize(
    "part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml"]
)
def test_no_entity_reads_a_file_or_grows(tried, part, doctype):
    def change(parts, outside):
        body = re.sub(rb"^<\?xml[^>]*\?>\s*", b"", parts[part])
        filled = re.sub(rb"(?s)(<t[^>]*>)", rb"\1&e;", body, count=1)
        return {part: b'<?xml version="1.0"?>' + doctype.format(outside).encode() + filled}

    read = tried(change)
    assert SECRET not in read
    assert len(read) < 1_000_000


@pytest.mark.parametrize(
    "encoding", ["UTF-4", "utf-7", "hex", "rot13", "undefined", "idna", "zlib", "punycode", "utf-16", "é"]
)
@pytest.mark.parametrize(
    "part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml"]
)
def test_a_part_in_an_encoding_nobody_uses_is_read_or_refused(tmp_path, tried, part, encoding):
    def change(parts, _outside):
        head = f'<?xml version="1.0" encoding="{encoding}"?>'.encode()
        far = b'<row r="2"><c r="XFD2"><v>1</v></c></row></sheetData>'  # which takes a closer look
        return {part: head + re.sub(rb"^<\?xml[^>]*\?>", b"", parts[part]).replace(b"</sheetData>", far)}

    tried(change)
    path = tmp_path / "alliance.xlsx"
    with contextlib.suppress(SetupError):
        Workbook(path).prepare(TABLES)


@pytest.mark.parametrize("cells", CELLS)
def test_what_no_cell_should_hold_is_read_as_a_value_or_a_problem(tried, cells):
    def change(parts, _outside):
        sheet = "xl/worksheets/sheet1.xml"
        rows = f'<row r="2">{CELLS[cells]}</row></sheetData>'.encode()
        return {sheet: parts[sheet].replace(b"</sheetData>", rows)}

    tried(change)


@pytest.mark.parametrize(
    "name", ["../alliance.xml", "/etc/alliance.xml", "C:\\alliance.xml", "xl/../../alliance.xml", "CON", "a\x01"]
)
def test_a_part_of_any_name_is_written_nowhere_but_into_the_file(tmp_path, prepared, name):
    """And stays in it as it was."""
    home = tmp_path / "home"
    home.mkdir()
    path = home / "alliance.xlsx"
    path.write_bytes(entries(*prepared.items(), (name, b"<x/>")))
    book = Workbook(path)
    book.write([Change(QUEUE, [])], book.read(TABLES).version)
    assert packages.parts_of(path.read_bytes())[zipfile.ZipInfo(name).filename] == b"<x/>"
    assert {file.name for file in tmp_path.rglob("*")} <= {"home", "alliance.xlsx", ".alliance.xlsx.lock"}


def test_parts_that_share_their_bytes_count_once_each(tmp_path):
    """The bomb whose entries overlap: 1 MB of file that would unpack to 1 GB."""
    part = b"<x>" + b" " * 100_000_000 + b"</x>"
    path = tmp_path / "alliance.xlsx"
    data = entries(("xl/a.xml", part))
    end = data.rindex(b"PK\x05\x06")
    start = int.from_bytes(data[end + 16 : end + 20], "little")
    entry = data[start:end]
    directory = b"".join(entry.replace(b"xl/a.xml", b"xl/%c.xml" % name) for name in b"abcdefghij")
    ends = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 10, 10, len(directory), start, 0)
    path.write_bytes(data[:start] + directory + ends)
    with pytest.raises(SetupError, match="over 512 MB"):
        Workbook(path).read(TABLES)


@pytest.mark.parametrize(
    "part", ["xl/styles.xml", "xl/worksheets/sheet1.xml", "xl/comments1.xml", "xl/drawings/drawing1.xml"]
)
def test_a_part_that_is_named_and_gone_is_made_anew_or_missed(tmp_path, prepared, part):
    """It is still declared: a name that is not free is not waited for."""
    path = tmp_path / "alliance.xlsx"
    path.write_bytes(entries(*((name, content) for name, content in prepared.items() if name != part)))
    book = Workbook(path)
    with contextlib.suppress(SetupError):
        book.write([Change(QUEUE, [])], book.read(TABLES).version)
        book.prepare(TABLES)
    if part == "xl/styles.xml":
        assert book.read(TABLES).tabs["queue"].rows

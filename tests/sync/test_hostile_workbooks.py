"""No file makes a reading crash, hang or fill the memory: each is read, or refused with a sentence."""

from __future__ import annotations

import io
import zipfile

import pytest

from rules.schema import TABLES
from sync.backends.workbook import Workbook
from sync.errors import SetupError
from sync.xlsx import scan
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

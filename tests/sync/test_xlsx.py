"""The package under a workbook: what is copied, what is added, and how cells and formats are written."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.schema import Kind
from sync.backends import places
from sync.errors import SetupError
from sync.xlsx import cells, markup, opc, scan, styles
from sync.xlsx.package import Package


class Unseekable(io.BytesIO):
    """A stream as a server writes one: sizes stand behind each entry."""

    def seekable(self):
        return False

    def tell(self):
        raise OSError

    def seek(self, *_):
        raise OSError


def package_of(parts, out=None, method=zipfile.ZIP_DEFLATED):
    out = out or io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return Package(out.getvalue(), "x.xlsx", 100)


PARTS = {"a.xml": b"<a/>" * 99, "图/b.bin": bytes(range(256)), "c.xml": b""}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("stream", [io.BytesIO, Unseekable])
def test_parts_survive_whatever_way_they_were_zipped(method, stream):
    package = package_of(PARTS, stream(), method)
    package.put("A.xml", b"new")
    package.put("d.xml", b"added")
    with zipfile.ZipFile(io.BytesIO(package.packed())) as packed:
        assert packed.testzip() is None
        assert {n: packed.read(n) for n in packed.namelist()} == PARTS | {"a.xml": b"new", "d.xml": b"added"}


def test_a_dropped_part_is_gone_and_may_come_back():
    package = package_of(PARTS)
    package.drop("a.xml")
    assert "a.xml" not in package
    assert set(package.parts) == set(PARTS) - {"a.xml"}
    package.put("a.xml", b"again")
    with zipfile.ZipFile(io.BytesIO(package.packed())) as packed:
        assert packed.read("a.xml") == b"again"


def test_the_same_content_is_no_change():
    package = package_of(PARTS)
    package.put("a.xml", PARTS["a.xml"])
    assert not package.touched


def test_a_part_larger_than_it_says_is_refused():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("a.xml", bytes(5_000_000))
    lie = out.getvalue().replace((5_000_000).to_bytes(4, "little"), (50).to_bytes(4, "little"))
    with pytest.raises(SetupError, match="damaged"):
        Package(lie, "x.xlsx", 1).read("a.xml")


@pytest.mark.parametrize(
    ("xml", "wanted"),
    [
        (b"<r><sheets/><calcPr/></r>", b"<r><sheets><n/></sheets><calcPr/></r>"),
        (b'<r><sheets count="1"><s a=">"/></sheets></r>', b'<r><sheets count="2"><s a=">"/><n/></sheets></r>'),
        (b'<?xml version="1.0"?>\n<x:r xmlns:x="u"><x:sheets></x:sheets></x:r>', b'<?xml version="1.0"?>\n<x:r xmlns:x="u"><x:sheets><x:n/></x:sheets></x:r>'),
    ],
)  # fmt: skip
def test_a_child_is_appended_and_counted_and_nothing_else_changes(xml, wanted):
    group = next(child for child in markup.children(xml) if child.name == "sheets")
    assert markup.append(xml, group, b"<n/>") == wanted


@pytest.mark.parametrize(
    ("xml", "wanted"),
    [
        (b"<w/>", b"<w><cols/></w>"),
        (b"<w><sheetData/><extLst/></w>", b"<w><cols/><sheetData/><extLst/></w>"),
        (b"<w><dimension/></w>", b"<w><dimension/><cols/></w>"),
        (b"<w><sheetPr><cols/></sheetPr><!-- <sheetData/> --><sheetData/></w>", b"<w><sheetPr><cols/></sheetPr><!-- <sheetData/> --><cols/><sheetData/></w>"),
    ],
)  # fmt: skip
def test_a_child_is_put_where_the_format_wants_it(xml, wanted):
    assert markup.insert(xml, markup.SHEET_ORDER, "cols", b"<cols/>") == wanted


@given(st.integers(0, cells.LAST_COLUMN - 1))
def test_letters_and_index_are_each_others_inverse(column):
    assert places.index(places.letters(column)) == column


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, ""),
        ("", ""),
        (float("nan"), ""),
        (float("inf"), ""),
        (True, ' t="b"><v>1</v></c>'),
        (1, "><v>1</v></c>"),
        (Decimal("12.50"), "><v>12.50</v></c>"),
        (dt.date(2026, 1, 2), "><v>46024</v></c>"),
        (dt.datetime(2026, 1, 2, 12), "><v>46024.5</v></c>"),  # noqa: DTZ001 - a sheet has no zones
        (dt.time(6), "><v>0.25</v></c>"),
        (dt.timedelta(hours=36), "><v>1.5</v></c>"),
        (dt.date(1800, 1, 1), ' t="inlineStr"><is><t>1800-01-01</t></is></c>'),
        ("a\r\n\x00_x0041_<", ' t="inlineStr"><is><t xml:space="preserve">a_x000D_\n_x0000__x005F_x0041_&lt;</t></is></c>'),
    ],
)  # fmt: skip
def test_each_kind_of_value_has_one_written_form(value, written):
    assert cells.Cells(0)[type(value), value] == written


def test_days_count_from_1904_in_a_workbook_that_does():
    assert cells.Cells(0, from_1904=True)[dt.date, dt.date(2026, 1, 2)] == "><v>44562</v></c>"


def test_a_text_column_holds_numbers_as_text():
    assert cells.Cells(3, as_text=True)[int, 7] == ' s="3" t="inlineStr"><is><t>7</t></is></c>'


def test_equal_values_of_different_types_are_different_cells():
    column = cells.Cells(0)
    assert len({column[type(value), value] for value in (1, True, "1")}) == 3


def test_a_format_is_added_once_and_found_again():
    package = Package(opc.new(), "x.xlsx", 100)
    wanted = [styles.HEADER, *styles.FORMATS.values()]
    first = styles.indexes(package, wanted)
    before = package.read("xl/styles.xml")
    assert styles.indexes(package, wanted) == first
    assert package.read("xl/styles.xml") == before
    assert first[styles.FORMATS[Kind.TEXT]] == 0
    assert len(set(first.values())) == len(set(wanted))


def test_existing_formats_keep_their_numbers():
    package = Package(opc.new(), "x.xlsx", 100)
    styles.indexes(package, [styles.PLAIN])
    old = package.read("xl/styles.xml")
    styles.indexes(package, [styles.FORMATS[Kind.DATE], styles.HEADER])
    new = package.read("xl/styles.xml")
    body = old[old.index(b"<cellXfs") :].split(b">", 1)[1].split(b"</cellXfs>")[0]
    assert new[new.index(b"<cellXfs") :].split(b">", 1)[1].startswith(body)


@given(st.integers(1, 40))
def test_a_glance_counts_across_pieces(size):
    xml = b"<w><sheetData>" + b'<row r="1"><c r="A1"><f>INDEX(S!$A:$A)</f><v>1</v></c></row>' * 9 + b"</sheetData></w>"
    pieces = [xml[at : at + size + 50] for at in range(0, len(xml), size + 50)]
    assert not scan.glance(pieces, ["INDEX(S!$"]).formulas
    assert scan.glance(pieces, []).formulas
    assert scan.glance(pieces, ["INDEX(T!$"]).formulas


def test_strict_files_get_strict_names():
    package = Package(opc.new(), "x.xlsx", 100)
    package.put(
        "xl/workbook.xml", b'<workbook xmlns="http://purl.oclc.org/ooxml/spreadsheetml/main"><sheets/></workbook>'
    )
    tab = opc.add_tab(package, "A", f'<worksheet xmlns="{opc.MAIN}"><sheetData/></worksheet>'.encode())
    assert b"purl.oclc.org" in package.read(tab.part)
    assert opc.tabs(package) == [tab]

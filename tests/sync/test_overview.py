"""The tab 概览 of a workbook: made once by `huzhu init`, people's from then on, always of the last run."""

from __future__ import annotations

import re
import zipfile
from datetime import UTC, date, datetime, timedelta

import openpyxl
import pytest
from openpyxl.chart import LineChart, Reference

from rules.schema import TABLES, WORKER_TABLES
from rules.values import Change
from sync.backends.overview import LEFT_ALONE, MADE
from sync.backends.workbook import Workbook
from tests.sync.test_workbook_making import parts, repack

TABLE = {table.name: table for table in TABLES}
BOOKKEEPING = {"[Content_Types].xml", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml"}
SHOWN = [
    ("积分榜!$B$2:$B$101", "积分榜!$F$2:$F$101", "积分榜!$F$1"),
    ("概览!$I$2:$I$13", "概览!$J$2:$J$13", "概览!$J$1"),
]
STRICT = {
    b"http://schemas.openxmlformats.org/spreadsheetml/2006/main": b"http://purl.oclc.org/ooxml/spreadsheetml/main",
    b"http://schemas.openxmlformats.org/officeDocument/2006/relationships": b"http://purl.oclc.org/ooxml/officeDocument/relationships",
}  # fmt: skip


@pytest.fixture
def made(tmp_path):
    path = tmp_path / "alliance.xlsx"
    assert MADE in Workbook(path).prepare(TABLES)
    return path


@pytest.fixture
def old(made):
    """A workbook from before there was the tab, with a chart of people's own."""
    book = openpyxl.load_workbook(made)
    del book["概览"]
    chart = LineChart()
    chart.add_data(Reference(book["库存"], min_col=3, min_row=1, max_row=9))
    book["库存"].add_chart(chart, "N2")
    book.save(made)
    return made


def shown(path):
    """What each chart of the tab refers to."""
    series = [chart.ser[0] for chart in openpyxl.load_workbook(path)["概览"]._charts]
    labels = [one.cat.strRef or one.cat.numRef for one in series]
    found = [(at.f, one.val.numRef.f, one.tx.strRef.f) for at, one in zip(labels, series, strict=True)]
    return [tuple(f.replace("'", "") for f in line) for line in found]


def ran(path, due=None):
    """The tabs after a run; due: the due date of a loan that is overdue."""
    book = Workbook(path)
    standings = [(n, f"中心{n}", 0, 0, 0, 3 - n, "可求助") for n in range(1, 6)]
    states = [("L-1", "A", "B", "007", 1, due, 40, "已逾期", "", "", None, 0)]
    changes = [Change(TABLE["standings"], standings), Change(TABLE["loan_states"], states)]
    book.write(changes, book.read(TABLES).version)


def test_the_tab_has_two_charts_over_the_workers_tabs(made):
    assert shown(made) == SHOWN
    book = openpyxl.load_workbook(made)
    assert book.sheetnames[-1] == "概览"
    points, late = book["概览"]._charts
    assert (points.barDir, late.barDir) == ("bar", "col")
    assert points.legend is late.legend is None
    assert "借调状态" in book["概览"]["J13"].value.text


def test_a_screen_reader_is_told_what_each_chart_shows(made):
    drawing = parts(made)["xl/drawings/drawing1.xml"].decode()
    said = re.findall(r'descr="([^"]*)"', drawing)
    assert len(said) == 2
    assert all("图：" in alt and "chart: " in alt for alt in said)


def test_no_run_and_no_second_init_changes_the_tab(made):
    before = parts(made)
    tab = {name for name in before if re.search("chart|drawings/(_rels/)?drawing|sheet20", name)}
    assert len(tab) == 6
    ran(made, date(2026, 1, 5))
    assert Workbook(made).prepare(TABLES) == []
    after = parts(made)
    assert after != before
    assert {name: after[name] for name in tab} == {name: before[name] for name in tab}


def test_init_adds_the_tab_to_an_older_workbook_and_changes_nothing_else(old):
    before = parts(old)
    assert Workbook(old).prepare(TABLES) == [MADE]
    after = parts(old)
    assert {name for name in before if after[name] != before[name]} <= BOOKKEEPING
    assert shown(old) == SHOWN
    assert len(openpyxl.load_workbook(old)["库存"]._charts) == 1
    assert Workbook(old).prepare(TABLES) == []


def test_a_part_that_is_gone_but_still_listed_keeps_its_name(old):
    """A program that drops a chart may leave its relations or its type behind."""
    with zipfile.ZipFile(old, "a") as package:
        package.writestr("xl/drawings/_rels/drawing2.xml.rels", b"<Relationships/>")
    left = b'<Override PartName="/xl/charts/Chart2.xml" ContentType="application/x"/></Types>'
    repack(old, lambda name, part: part.replace(b"</Types>", left) if name == "[Content_Types].xml" else part)
    assert Workbook(old).prepare(TABLES) == [MADE]
    after = parts(old)
    assert after["xl/drawings/_rels/drawing2.xml.rels"] == b"<Relationships/>"
    assert {"xl/drawings/drawing3.xml", "xl/charts/chart3.xml", "xl/charts/chart4.xml"} <= after.keys()
    names = re.findall(rb'PartName="([^"]*)"', after["[Content_Types].xml"].lower())
    assert len(names) == len(set(names))


def test_a_tab_of_peoples_own_is_left_alone_and_said_so(old):
    book = openpyxl.load_workbook(old)
    book.create_sheet("概览")["A1"] = "我们自己的"
    book["概览"].add_chart(LineChart(), "B2")
    book.save(old)
    before = old.read_bytes()
    assert Workbook(old).prepare(TABLES) == [LEFT_ALONE]
    assert old.read_bytes() == before


def test_a_workbook_without_points_gets_no_charts(tmp_path):
    path = tmp_path / "alliance.xlsx"
    Workbook(path).prepare([table for table in WORKER_TABLES if table.name != "standings"])
    assert "概览" not in openpyxl.load_workbook(path).sheetnames


def strict(old):
    def spelled(_name, part):
        for usual, other in STRICT.items():
            part = part.replace(usual, other)
        return part

    repack(old, spelled)


def test_a_strict_workbook_gets_strict_charts(old):
    strict(old)
    before = parts(old)
    assert Workbook(old).prepare(TABLES) == [MADE]
    new = {name: part for name, part in parts(old).items() if name not in before}
    assert len(new) == 6
    names = [name for part in new.values() for name in re.findall(rb'(?:xmlns(?::\w+)?|Type|uri)="([^"]*)"', part)]
    assert {name for name in names if b"purl.oclc.org" not in name} == {
        b"http://schemas.openxmlformats.org/package/2006/relationships"
    }


@pytest.mark.libreoffice
@pytest.mark.parametrize("spelling", [lambda _path: None, strict])
def test_libreoffice_shows_the_last_run(old, libreoffice, spelling):
    spelling(old)
    Workbook(old).prepare(TABLES)
    today = datetime.fromtimestamp(old.stat().st_mtime, UTC).date()  # the file was just made
    due = today - timedelta(days=40)
    ran(old, due)
    seen = libreoffice(old, "xlsx")
    months = openpyxl.load_workbook(seen, data_only=True)["概览"].iter_rows(2, 13, 9, 10, values_only=True)
    assert [(month.date(), loans) for month, loans in months if loans] == [(due.replace(day=1), 1)]
    assert shown(seen) == SHOWN

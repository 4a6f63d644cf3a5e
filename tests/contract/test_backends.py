"""What every backend keeps, whichever holds the sheet: one suite, one line in `SHEETS` for each backend."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from rules.layout import Layout, locate
from rules.schema import MEMBER_TABLES, TABLES, WORKER_TABLES, Kind
from rules.values import Change, WriteRefused
from sync import demo
from sync.backends import Backend
from sync.backends.memory import Memory
from sync.backends.workbook import Workbook
from sync.config import Config
from sync.errors import Busy, Conflict, SetupError
from sync.runlog import Tally
from sync.wording import Wording
from sync.worker import planned
from tests.sync.bases import base
from tests.sync.house import TODAY
from tests.sync.spreadsheets import spreadsheet

TABLE = {table.name: table for table in TABLES}
Edit = Callable[[str, list[list[object]]], None]
"""What a person does: the tab now holds these rows."""

SAMPLE = {
    Kind.COUNT: 3,
    Kind.POINTS: -2,
    Kind.MONEY: Decimal("12.50"),
    Kind.NUMBER: 0.25,
    Kind.DATE: dt.date(2026, 2, 28),
    Kind.MOMENT: dt.datetime(2026, 2, 28, 8, 30, 5),  # noqa: DTZ001 - a sheet has no zones
    Kind.FLAG: True,
}


@dataclass(frozen=True)
class Sheet:
    """A backend, what a person does to its sheet, and the sheet as another run opens it."""

    backend: Backend
    edit: Edit
    twin: Callable[[], Backend]
    sees_edits: bool = True
    """Whether a write finds out that a person edited the sheet since it was read."""
    wary: bool = False
    """Whether a sheet without any member is refused once its log tells of rows: an app without rights sees none."""
    computing: Callable[[], set[str]] = set
    """The titles of the tabs that hold a formula."""
    typed: bool = False
    """Whether the columns that `prepare` makes take no text for a number or a day: only people's own can hold both."""


@contextmanager
def memory(_folder: Path) -> Iterator[Sheet]:
    sheet = Memory()
    yield Sheet(sheet, sheet.edit, lambda: sheet)


@contextmanager
def workbook(folder: Path) -> Iterator[Sheet]:
    path = folder / "alliance.xlsx"

    def edit(title, rows):
        book = openpyxl.load_workbook(path) if path.exists() else openpyxl.Workbook()
        if title in book.sheetnames:
            book.remove(book[title])
        tab = book.create_sheet(title)
        for row in rows:
            tab.append(row)
        for cell in (cell for row in tab for cell in row if cell.data_type == "f"):
            cell.data_type = "s"  # typed behind an apostrophe
        book.save(path)

    def computing():
        return {tab.title for tab in openpyxl.load_workbook(path) for row in tab for c in row if c.data_type == "f"}

    yield Sheet(Workbook(path, wait_seconds=0), edit, lambda: Workbook(path, wait_seconds=0), computing=computing)


@contextmanager
def google(_folder: Path) -> Iterator[Sheet]:
    def computing():
        return {title for title in house.owner.tabs() if house.owner.tab(title).formulas}

    with spreadsheet() as house:
        yield Sheet(house.backend(), house.owner.replace, house.backend, sees_edits=False, computing=computing)


@contextmanager
def feishu(_folder: Path) -> Iterator[Sheet]:
    def computing():
        tables = house.person.base.tables
        return {table.name for table in tables for field in table.fields if field.ui in ("Formula", "Lookup")}

    with base() as house:
        ways = {"sees_edits": False, "wary": True, "typed": True, "computing": computing}
        yield Sheet(house.backend(), house.person.replace, house.backend, **ways)


SHEETS = {"memory": memory, "workbook": workbook, "google": google, "feishu": feishu}


@pytest.fixture(params=SHEETS.values(), ids=SHEETS)
def whole(request, tmp_path) -> Iterator[Sheet]:
    with request.param(tmp_path) as made:
        yield made


@pytest.fixture
def sheet(whole) -> tuple[Backend, Edit]:
    return whole.backend, whole.edit


@pytest.fixture
def backend(whole) -> Backend:
    whole.backend.prepare(TABLES)
    if whole.wary:
        whole.edit("成员", [["服务中心", "负责人", "邮箱"], ["B", "李", "b@x.example"]])
    return whole.backend


@pytest.fixture
def edit(sheet) -> Edit:
    return sheet[1]


def row_of(table, mark=""):
    return tuple(SAMPLE.get(column.kind, f"{column.header}{mark}") for column in table.typed)


def as_typed(table, row):
    """The row as intake would type it: numbers compared as numbers, moments as moments."""
    return [
        float(cell) if column.kind in (Kind.COUNT, Kind.POINTS, Kind.MONEY, Kind.NUMBER) else cell
        for column, cell in zip(table.typed, row, strict=True)
    ]


def test_a_fresh_sheet_gets_every_table_with_every_header(backend):
    book = backend.read(TABLES)
    assert set(book.tabs) == set(TABLE)
    for table in TABLES:
        found = locate(book.tabs[table.name], table)
        assert isinstance(found, Layout)
        assert set(found.columns) >= {column.field for column in table.typed}


def test_preparing_twice_says_nothing_and_changes_nothing(backend):
    before = backend.read(TABLES)
    assert backend.prepare(TABLES) == []
    after = backend.read(TABLES)
    assert after.version == before.version
    assert after.tabs == before.tabs


def test_every_sentence_of_prepare_is_in_two_languages(sheet):
    made = sheet[0].prepare(TABLES)
    assert len(made) >= len(TABLES)
    assert all(words.zh and words.en and words.zh != words.en for words in made)


@pytest.mark.parametrize("table", WORKER_TABLES, ids=lambda table: table.name)
def test_what_is_written_is_read_back_in_order(backend, table):
    rows = [row_of(table, "2"), row_of(table, "1")]
    backend.write([Change(table, rows)], backend.read(TABLES).version)
    read = backend.read(TABLES).tabs[table.name].rows
    assert list(read[0])[: len(table.typed)] == [column.header for column in table.typed]
    assert [as_typed(table, row) for row in read[1:]] == [as_typed(table, row) for row in rows]


def test_text_that_looks_like_a_formula_or_a_number_stays_text(backend):
    texts = ["=1+1", "+1", "-1", "@x", "007", "1e5", "2026-01-01", "'x", '<&>"', "_x0041_", " a ", "两\n行", "TRUE"]
    table = TABLE["issues"]
    backend.write(
        [Change(table, [("错误", "", "", 1, "", text, "", "") for text in texts])], backend.read(TABLES).version
    )
    assert [row[5] for row in backend.read(TABLES).tabs["issues"].rows[1:]] == texts


def test_fewer_rows_leave_none_of_the_old_ones(backend):
    table = TABLE["standings"]
    version = backend.write([Change(table, [row_of(table, str(n)) for n in range(9)])], backend.read(TABLES).version)
    backend.write([Change(table, [row_of(table)])], version)
    rows = [row for row in backend.read(TABLES).tabs["standings"].rows if any(cell not in ("", None) for cell in row)]
    assert len(rows) == 2


def test_no_rows_leave_the_header(backend):
    table = TABLE["queue"]
    version = backend.write([Change(table, [row_of(table)])], backend.read(TABLES).version)
    backend.write([Change(table, [])], version)
    rows = [row for row in backend.read(TABLES).tabs["queue"].rows if any(cell not in ("", None) for cell in row)]
    assert [list(row) for row in rows] == [[column.header for column in table.typed]]


def test_writes_are_chained_by_version_without_reading_again(backend):
    version = backend.read(TABLES).version
    for number in range(3):
        version = backend.write([Change(TABLE["outbox"], [row_of(TABLE["outbox"], str(number))])], version)
    assert backend.read(TABLES).version == version


def test_a_write_after_another_run_wrote_is_refused_and_changes_nothing(whole, backend):
    table = TABLE["kpis"]
    version = backend.read(TABLES).version
    other = whole.twin()
    other.write([Change(table, [row_of(table)])], other.read(TABLES).version)
    before = whole.twin().read(TABLES)
    with pytest.raises(Conflict):
        backend.write([Change(table, [row_of(table, "2")])], version)
    assert backend.read(TABLES) == before


def test_a_write_after_a_persons_edit_is_refused_or_leaves_the_edit_alone(whole, backend):
    version = backend.read(TABLES).version
    whole.edit("成员", [["服务中心", "负责人", "邮箱"], ["A", "王", "a@x.example"]])
    before = whole.twin().read(TABLES)
    try:
        backend.write([Change(TABLE["kpis"], [row_of(TABLE["kpis"])])], version)
    except Conflict:
        assert backend.read(TABLES) == before
    else:
        assert not whole.sees_edits
        assert backend.read(MEMBER_TABLES).tabs == {t.name: before.tabs[t.name] for t in MEMBER_TABLES}


def test_no_write_touches_a_members_tab(backend, edit):
    edit("成员", [["服务中心", "负责人", "邮箱", "我们的列"], ["A", "王", "a@x.example", 1.5]])
    before = backend.read(MEMBER_TABLES)
    backend.write([Change(table, [row_of(table)]) for table in WORKER_TABLES], before.version)
    assert backend.read(MEMBER_TABLES).tabs == before.tabs


@pytest.mark.parametrize("table", MEMBER_TABLES, ids=lambda table: table.name)
def test_a_write_to_a_members_table_cannot_be_made(table):
    with pytest.raises(WriteRefused):
        Change(table, [])


def test_a_missing_worker_tab_is_made_by_the_write(sheet):
    backend, edit = sheet
    edit("成员", [["服务中心", "负责人", "邮箱"]])
    backend.write([Change(TABLE["ledger"], [row_of(TABLE["ledger"])])], backend.read(TABLES).version)
    assert backend.read(TABLES).tabs["ledger"].rows[1][1] == "服务中心"


def test_a_tab_is_found_by_its_title_or_its_english_name(sheet):
    backend, edit = sheet
    edit("Ｍembers ", [["center", "manager", "email"]])
    assert set(backend.read(TABLES).tabs) == {"members"}


def test_two_tabs_that_answer_to_one_table_are_refused(sheet):
    backend, edit = sheet
    edit("members", [["center"]])
    edit("成 员", [["center"]])
    with pytest.raises(SetupError):
        backend.read(TABLES)


def test_renamed_headers_are_the_ones_written(backend):
    table = TABLE["kpis"]
    columns = (replace(table.columns[0], header="名目"), *table.columns[1:])
    renamed = replace(table, columns=columns)
    backend.write([Change(renamed, [row_of(renamed)])], backend.read(TABLES).version)
    assert backend.read([renamed]).tabs["kpis"].rows[0][0] == "名目"


def test_while_a_run_writes_another_gets_busy(whole, backend):
    table = TABLE["kpis"]
    with backend.lock():
        backend.write([Change(table, [row_of(table)])], backend.read(TABLES).version)
        with pytest.raises(Busy):
            began(whole.twin())
        assert backend.read(TABLES).tabs
    began(whole.twin())


def test_a_run_that_fails_lets_the_next_one_in(whole, backend):
    table = TABLE["kpis"]
    with contextlib.suppress(ZeroDivisionError), backend.lock():
        backend.write([Change(table, [row_of(table)])], backend.read(TABLES).version)
        raise ZeroDivisionError
    began(whole.twin())


def began(backend: Backend) -> None:
    """What every run does first."""
    with backend.lock():
        backend.read(TABLES)


def test_a_run_that_holds_the_lock_may_write(backend):
    with backend.lock():
        backend.write([Change(TABLE["kpis"], [row_of(TABLE["kpis"])])], backend.read(TABLES).version)


def test_doctor_finds_a_prepared_sheet_well(backend):
    findings = backend.examine(TABLES)
    assert findings
    assert all(finding.ok for finding in findings)


def test_doctor_says_what_to_do_about_a_missing_table(sheet):
    backend, edit = sheet
    edit("成员", [["服务中心", "负责人", "邮箱"]])
    unwell = [finding for finding in backend.examine(TABLES) if not finding.ok]
    assert unwell
    assert all(finding.advice.zh and finding.advice.en for finding in unwell)
    assert any("配件" in finding.step.zh for finding in unwell)


def test_the_same_cells_give_the_same_plan(whole):
    """The demo's sheet, mistakes included: dates, numbers kept as text, units, blanks, wrong names."""
    tabs = {}
    for name, rows in demo.rows(TODAY).items():
        header = [column.header for column in TABLE[name].typed]
        tabs[TABLE[name].title] = [header, *([*row, *[None] * len(header)][: len(header)] for row in rows)]
    if not whole.typed:
        whole.backend.prepare(TABLES)
    for title, rows in tabs.items():
        whole.edit(title, rows)
    settings, words = Config(), Wording("互助联盟", "desk@alliance.example", None)
    plans = [
        planned(sheet.read, words, settings.policy, settings.zone, TODAY, Tally())
        for sheet in (whole.backend, Memory(tabs))
    ]
    ours, wanted = ({c.table.name: c.rows for c in plan.changes} for plan in plans)
    assert ours == wanted
    assert plans[0].queue.mails == plans[1].queue.mails
    assert len(ours["issues"]) > 10


def test_claims_is_a_positive_number(backend):
    assert backend.claims >= 1

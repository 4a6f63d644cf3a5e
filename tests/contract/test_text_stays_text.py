"""Whatever a member types comes out of each written cell as that text, never as a formula, on every backend."""

from __future__ import annotations

import re

import pytest

from rules.cells import folded_key
from rules.schema import TABLES, WORKER_TABLES, Column, Table
from rules.values import Change
from sync.backends import Backend
from sync.worker import Worker
from tests.contract.runs import clock
from tests.contract.test_backends import SHEETS, TABLE, row_of
from tests.rules.sheets import POLICY, ZONE, Cells, grid, loan, member, part, request
from tests.sync.cycles import AS_OF, WORDS, Counted
from tests.sync.hostile import FORMULAS, LONG, PADDED, UNHOLDABLE

HOSTILE = (*FORMULAS, *PADDED, *UNHOLDABLE)
WRITTEN = {table.title for table in WORKER_TABLES}


@pytest.fixture(params=SHEETS.values(), ids=SHEETS)
def whole(request, tmp_path):
    with request.param(tmp_path) as made:
        yield made


def hostile(table: Table) -> tuple[str, ...]:
    """What is written into *table*: one is enough to see that a long text is cut."""
    return (*HOSTILE, LONG) if table.name == "queue" else HOSTILE


def hostile_rows(table: Table) -> list[tuple[object, ...]]:
    """One row for each, which stands in every column of text but that of numbers the worker makes."""
    usual = list(zip(table.typed, row_of(table), strict=True))
    return [tuple(text if open_to_text(column) else cell for column, cell in usual) for text in hostile(table)]


def open_to_text(column: Column) -> bool:
    return column.is_text and column.field not in ("mail_id", "run_id")


def written(backend: Backend, table: Table) -> list[list[object]]:
    """What stands in those columns, row by row."""
    rows = backend.read((table,)).tabs[table.name].rows[1:]
    return [[cell for cell, column in zip(row, table.typed, strict=False) if open_to_text(column)] for row in rows]


def kept(text: object) -> str:
    """*text* up to where it was cut, without what no sheet holds and what stands in its place."""
    assert isinstance(text, str)
    return re.sub("[\\x00-\\x1f\\ufffd-\\uffff\\ud800-\\udfff]", "", text)[:30_000]


def test_what_looks_like_a_formula_is_written_as_text_into_every_column(whole):
    backend = whole.backend
    whole.edit("成员", [["服务中心", "负责人", "邮箱"], ["B", "李", "b@x.example"]])
    backend.write([Change(table, hostile_rows(table)) for table in WORKER_TABLES], backend.read(TABLES).version)
    assert not whole.computing() & WRITTEN
    for table in WORKER_TABLES:
        rows = written(backend, table)
        for text, row in zip(hostile(table), rows, strict=True):
            assert {kept(cell) for cell in row} == {kept(text)}, table.name
            assert text not in FORMULAS or set(row) == {text}, table.name


def hostile_alliance() -> dict[str, list[Cells]]:
    """Members, parts and loans of such names, each with a request."""
    names = list(dict.fromkeys(folded_key(text) for text in FORMULAS[:9]))
    pairs = list(zip(names, [*names[1:], names[0]], range(len(names)), strict=True))
    return {
        "members": [member(name, 负责人=name, 邮箱=f"m{at}@x.example", 手机=name) for name, _, at in pairs],
        "parts": [part(name, 配件名称=name) for name in names],
        "requests": [request(name, name, 配件编号=name, 原因=name, 客户类型=name) for name in names],
        "loans": [loan(name, name, other, 配件编号=name, 快递单号=name) for name, other, _ in pairs],
    }


def test_a_run_over_hostile_names_writes_no_formula_and_then_nothing(whole):
    for name, rows in hostile_alliance().items():
        table = TABLE[name]
        width = len(table.typed)
        whole.edit(table.title, [list(row)[:width] for row in grid(table, rows).rows])
    whole.backend.prepare(TABLES)
    mail = Counted()
    worker = Worker(whole.backend, mail, WORDS, POLICY, ZONE, clock)
    worker.run(AS_OF)
    assert not whole.computing() & WRITTEN
    standings = written(whole.backend, TABLE["standings"])
    assert {row[0] for row in standings} == {row["服务中心"] for row in hostile_alliance()["members"]}
    assert len(mail.left) > 0
    assert worker.run(AS_OF).changes == {}

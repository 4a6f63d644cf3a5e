"""History is watched on every backend: what the last run posted, and somebody changed since, is told by name."""

from __future__ import annotations

from rules.schema import ISSUES, LOANS
from rules.values import Cell
from sync.backends import Backend
from tests.contract.runs import cells, ran, tab
from tests.contract.test_backends import Sheet


def test_a_changed_history_is_told_all_day_and_not_the_next(sheet: Sheet) -> None:
    ran(sheet.backend)
    assert told(sheet.backend) == []
    loans = tab("loans")
    lender = LOANS.fields.index("lender")
    assert (loans[2][0], loans[2][lender]) == ("L-2", "华中")
    loans[2][lender] = "华北"
    sheet.edit("借调记录", loans)
    for _ in range(2):
        ran(sheet.twin(), 1)
        [(loan_id, said)] = told(sheet.backend)
        assert loan_id == "L-2"
        before, now = said.split("，现在 ")
        assert ("华中 +1" in before, "华北 +1" in now) == (True, True)
    ran(sheet.twin(), 2)
    assert told(sheet.backend) == []


def told(backend: Backend) -> list[tuple[Cell, str]]:
    """The rows of 数据问题 about changed history: which loan, and what its points were and are."""
    key, problem = ISSUES.fields.index("key"), ISSUES.fields.index("problem")
    return [(row[key], str(row[problem])) for row in cells(backend, "issues") if "积分记录变了" in str(row[problem])]

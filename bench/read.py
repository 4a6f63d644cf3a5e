"""Reading the sheet, members' tabs to typed frames, beside the bare parser that only makes lists of the same cells.

What is between the two is checking: every cell typed, every reference looked up, every mistake found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import python_calamine

from bench.data import Alliance, workbook
from bench.measure import OURS, Line, in_turn, size_name
from bench.run import filled_workbook
from rules.intake import intake
from rules.schema import MEMBER_TABLES, TABLES
from sync.backends.workbook import Workbook

GOALS = {20_000: 1.3}
_CALAMINE, _PANDAS = "calamine to_python", "pandas read_excel"
_ZONE = ZoneInfo("Asia/Shanghai")
_BY_NAME = {table.name: table for table in TABLES}


def lines(sizes: list[int]) -> Iterator[Line]:
    """Reading at each of *sizes*: before the first run, when all there is to read is to be typed, and after it."""
    for size in sizes:
        few = size > 5_000
        alliance = Alliance(size)
        for what, book in (
            ("worker's tabs empty", workbook(alliance)),
            ("worker's tabs filled", filled_workbook(alliance)),
        ):
            times = in_turn({OURS: _ours(book), _CALAMINE: _calamine(book)}, 5 if few else 11)
            yield times.line("read", what, size_name(size), _CALAMINE, GOALS.get(size))
        slow = in_turn(
            {OURS: _ours(workbook(alliance)), _PANDAS: _pandas(workbook(alliance))},
            3 if few else 5,
            warm_up=not few,
        )
        yield slow.line("read", "worker's tabs empty", size_name(size), _PANDAS)


def _ours(book: Path) -> Callable[[], object]:
    backend = Workbook(book)
    return lambda: intake(backend.read(TABLES), _BY_NAME, _ZONE)


def _calamine(book: Path) -> Callable[[], object]:
    def lists() -> object:
        opened = python_calamine.CalamineWorkbook.from_path(str(book))
        return [opened.get_sheet_by_name(t.title).to_python() for t in TABLES if t.title in opened.sheet_names]

    return lists


def _pandas(book: Path) -> Callable[[], object]:
    titles = [table.title for table in MEMBER_TABLES]
    # The engine is named since pandas warns that its default will be another one.
    return lambda: pd.read_excel(book, sheet_name=titles, engine="openpyxl")

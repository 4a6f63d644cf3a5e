"""The tab 概览 in a workbook: two charts over the worker's tabs, and the months that one of them counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rules.schema import LOAN_STATES, STANDINGS
from rules.words import Words
from sync.backends import overview as shared
from sync.backends.places import letters, quoted_title
from sync.xlsx import cells, charts, opc, sheet, styles
from sync.xlsx.opc import Tab
from sync.xlsx.package import Package

_MONTH = styles.Format("yyyy-mm")
_TABLE, _BESIDE = 8, 11  # columns, from 0: of the months, and of the chart to the right of them
_LIST = (490, 60 + 22 * shared.MEMBERS)  # pixels: a bar is as thick for seven members as for a hundred
_COLUMNS = (720, 360)


def made(package: Package, held: Mapping[str, Tab]) -> Iterator[Words]:
    """Make the tab when there is none; what to say of it. held: the tab of each table, by table name."""
    if not {STANDINGS.name, LOAN_STATES.name} <= held.keys():
        return
    standings, states = held[STANDINGS.name].title, held[LOAN_STATES.name].title
    there = next((tab for tab in opc.tabs(package) if tab.title == shared.TITLE), None)
    if there is None:
        tab = opc.add_tab(package, shared.TITLE, _sheet(package, states))
        charts.add(package, tab.part, _charts(standings))
        yield shared.MADE
    elif not any(standings in shown for shown in charts.ranges_on(package, there.part)):
        yield shared.LEFT_ALONE


def _charts(standings: str) -> tuple[charts.Chart, charts.Chart]:
    points = _ranges(standings, shared.LABELS, shared.FIGURES, shared.MEMBERS)
    late = _ranges(shared.TITLE, _TABLE, _TABLE + 1, shared.MONTHS)
    return (
        charts.Chart(shared.POINTS, 0, _LIST, *points, as_list=True),
        charts.Chart(shared.LATE, _BESIDE, _COLUMNS, *late, code="0;-0;", dated=True),  # a month without any shows no 0
    )


def _ranges(title: str, labels: int, figures: int, rows: int) -> tuple[str, str, str]:
    """The labels, the header of the figures, and the figures: *rows* of two columns of a tab, below row 1."""
    tab, at, of = quoted_title(title), letters(labels), letters(figures)
    return f"{tab}!${at}$2:${at}${rows + 1}", f"{tab}!${of}$1", f"{tab}!${of}$2:${of}${rows + 1}"


def _sheet(package: Package, states: str) -> bytes:
    """The tab before it gets its charts."""
    lines = "".join(f'<row r="{number}">{line}</row>' for number, line in enumerate(_months(package, states), 1))
    return (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<worksheet xmlns="{opc.MAIN}"><sheetPr><pageSetUpPr '
        'fitToPage="1"/></sheetPr><sheetViews><sheetView showGridLines="0" workbookViewId="0"/></sheetViews>'
        '<sheetFormatPr defaultRowHeight="15"/><cols>'
        f'<col min="{_TABLE + 1}" max="{_TABLE + 2}" width="12" customWidth="1"/></cols><sheetData>{lines}</sheetData>'
        f'{sheet.MARGINS}<pageSetup orientation="landscape" fitToHeight="0"/></worksheet>'
    ).encode()


def _months(package: Package, states: str) -> Iterator[str]:
    """The cells of each row: the headers, and the formulas of each month.

    No result is stored beside a formula: one of the day of `init` would be shown as if it were of the last run.
    """
    numbers = styles.indexes(package, [styles.HEADER, _MONTH, styles.PLAIN])
    header = cells.Cells(numbers[styles.HEADER], as_text=True)
    yield "".join(cells.cell(1, at, header[str, text]) for at, text in enumerate(shared.HEADERS, _TABLE))
    looks = (numbers[_MONTH], numbers[styles.PLAIN])
    for row, formulas in enumerate(shared.months(states, letters(_TABLE)), 2):
        filled = zip(formulas, looks, strict=True)
        yield "".join(
            cells.cell(row, at, sheet.computed(row, at, formula, look))
            for at, (formula, look) in enumerate(filled, _TABLE)
        )

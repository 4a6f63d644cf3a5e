"""The tab 概览 in a spreadsheet: two charts over the worker's tabs, drawn by Google itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from rules.schema import LOAN_STATES, STANDINGS
from rules.words import Words
from sync.backends.looks import CHART
from sync.backends.overview import FIGURES, HEADERS, LABELS, LATE, MADE, MEMBERS, MONTHS, POINTS, TITLE, Said, months
from sync.backends.places import Address, letters
from sync.google.commits import Request
from sync.google.requests import area, cells
from sync.google.tabs import Tab, free_id, rgb

_TABLE_LEFT = 18  # the months stand to the right of the charts


def made(
    heads: Mapping[str, Tab], taken: Collection[int], placed: Mapping[str, Address]
) -> tuple[Iterator[Request], Words]:
    """The tab, and what to say of it. heads: the tabs of tables that are there; the others are being made."""
    names = (STANDINGS.name, LOAN_STATES.name)
    ids = {name: heads[name].sheet_id if name in heads else free_id(name, taken) for name in names}
    return _requests(free_id(TITLE, taken), ids, placed[LOAN_STATES.name].title), MADE


def _requests(sheet_id: int, ids: Mapping[str, int], states: str) -> Iterator[Request]:
    grid = {"rowCount": 60, "columnCount": _TABLE_LEFT + 2}
    yield {"addSheet": {"properties": {"sheetId": sheet_id, "title": TITLE, "gridProperties": grid}}}
    yield cells(sheet_id, 0, _TABLE_LEFT, _months(states))
    look = {"userEnteredFormat": {"numberFormat": {"type": "DATE", "pattern": "yyyy-mm"}}}
    dated = area(sheet_id, range(1, MONTHS + 1), _TABLE_LEFT, _TABLE_LEFT + 1)
    yield {"repeatCell": {"range": dated, "cell": look, "fields": "userEnteredFormat.numberFormat"}}
    points = [(ids[STANDINGS.name], at, MEMBERS) for at in (LABELS, FIGURES)]
    late = [(sheet_id, _TABLE_LEFT + i, MONTHS) for i in (0, 1)]
    yield _chart(POINTS, "BAR", points, sheet_id, 0)
    yield _chart(LATE, "COLUMN", late, sheet_id, 22)


def _months(states: str) -> list[list[dict[str, dict[str, str]]]]:
    """The headers, and the formulas of each month."""
    lines = months(states, letters(_TABLE_LEFT))
    return [
        [{"userEnteredValue": {"stringValue": text}} for text in HEADERS],
        *([{"userEnteredValue": {"formulaValue": f"={formula}"}} for formula in line] for line in lines),
    ]


def _chart(said: Said, kind: str, columns: list[tuple[int, int, int]], sheet_id: int, row: int) -> Request:
    """A chart at *row* of the tab. columns: (tab, column, rows below the header) of the labels and of the figures."""
    domain, series = (
        {"sourceRange": {"sources": [area(tab, range(rows + 1), at, at + 1)]}} for tab, at, rows in columns
    )
    target = "BOTTOM_AXIS" if kind == "BAR" else "LEFT_AXIS"
    basic = {
        "chartType": kind,
        "headerCount": 1,
        "legendPosition": "NO_LEGEND",
        "domains": [{"domain": domain}],
        "series": [{"series": series, "targetAxis": target, "colorStyle": {"rgbColor": rgb(CHART)}}],
    }
    anchor = {"sheetId": sheet_id, "rowIndex": row, "columnIndex": 0}
    size = {"widthPixels": 900, "heightPixels": 420}
    spec = {"title": said.title, "altText": said.alt, "basicChart": basic}
    position = {"overlayPosition": {"anchorCell": anchor, **size}}
    return {"addChart": {"chart": {"spec": spec, "position": position}}}

"""The tab 概览: two charts over the worker's tabs, drawn by Google itself, so that they are always of the last run."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from rules.ladder import OVERDUE
from rules.schema import LOAN_STATES, STANDINGS
from sync.backends.places import Address, letters, quoted_title
from sync.google.commits import Request
from sync.google.requests import area, cells
from sync.google.tabs import Tab, free_id

TITLE = "概览"
_MONTHS = 12
_MEMBERS = 100  # bars in the chart of points
_TABLE_LEFT = 18  # the months stand to the right of the charts


def made(
    heads: Mapping[str, Tab], taken: Collection[int], placed: Mapping[str, Address]
) -> tuple[Iterator[Request], str, str]:
    """The tab, and what to say of it. heads: the tabs of tables that are there; the others are being made."""
    names = (STANDINGS.name, LOAN_STATES.name)
    ids = {name: heads[name].sheet_id if name in heads else free_id(name, taken) for name in names}
    requests = _requests(free_id(TITLE, taken), ids, placed[LOAN_STATES.name].title)
    return requests, f"新建工作表“{TITLE}”，含两张图", f"Made the tab {TITLE} with two charts"


def _requests(sheet_id: int, ids: Mapping[str, int], states: str) -> Iterator[Request]:
    grid = {"rowCount": 60, "columnCount": _TABLE_LEFT + 2}
    yield {"addSheet": {"properties": {"sheetId": sheet_id, "title": TITLE, "gridProperties": grid}}}
    yield cells(sheet_id, 0, _TABLE_LEFT, _months(states))
    look = {"userEnteredFormat": {"numberFormat": {"type": "DATE", "pattern": "yyyy-mm"}}}
    months = area(sheet_id, range(1, _MONTHS + 1), _TABLE_LEFT, _TABLE_LEFT + 1)
    yield {"repeatCell": {"range": months, "cell": look, "fields": "userEnteredFormat.numberFormat"}}
    fields = STANDINGS.fields
    points = [(ids[STANDINGS.name], fields.index(name), _MEMBERS) for name in ("center", "balance")]
    late = [(sheet_id, _TABLE_LEFT + i, _MONTHS) for i in (0, 1)]
    yield _chart("积分榜 · points", "BAR", points, sheet_id, 0)
    yield _chart("逾期未还，按应还月份 · overdue loans by month due", "COLUMN", late, sheet_id, 22)


def _months(states: str) -> list[list[dict[str, dict[str, str]]]]:
    """The last twelve months, the newest last, and how many loans due in each are overdue now."""
    state, due = (
        f"{quoted_title(states)}!{at}:{at}" for at in (letters(LOAN_STATES.fields.index(f)) for f in ("state", "due"))
    )
    month = letters(_TABLE_LEFT)
    rows = [[{"userEnteredValue": {"stringValue": text}} for text in ("应还月份", "逾期借调")]]
    for row in range(2, _MONTHS + 2):
        first = f"=EDATE(EOMONTH(TODAY(),-1)+1,{row - _MONTHS - 1})"
        count = f'=COUNTIFS({state},"{OVERDUE}",{due},">="&{month}{row},{due},"<"&EDATE({month}{row},1))'
        rows.append([{"userEnteredValue": {"formulaValue": formula}} for formula in (first, count)])
    return rows


def _chart(title: str, kind: str, columns: list[tuple[int, int, int]], sheet_id: int, row: int) -> Request:
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
        "series": [{"series": series, "targetAxis": target}],
    }
    anchor = {"sheetId": sheet_id, "rowIndex": row, "columnIndex": 0}
    size = {"widthPixels": 900, "heightPixels": 420}
    spec = {"title": title, "altText": title, "basicChart": basic}
    position = {"overlayPosition": {"anchorCell": anchor, **size}}
    return {"addChart": {"chart": {"spec": spec, "position": position}}}

"""What `huzhu doctor` says of a spreadsheet: one finding a step, with what to click when a step is not well."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from rules.schema import Owner, Table
from rules.values import Book, RawTable
from rules.words import Words
from sync.backends import Finding
from sync.backends.checks import INIT, of_tabs
from sync.backends.places import letters
from sync.errors import HuzhuError
from sync.google.tabs import Json, Tab, lookups_of, whole_protections

_OPEN = Words("打开 Google 表格", "Open the spreadsheet")


def findings(
    tables: Sequence[Table], account: str, read: Callable[[], tuple[Book, Mapping[str, Tab]]]
) -> list[Finding]:
    """The steps in the order an operator would mend them; later ones are left out when the sheet cannot be read."""
    try:
        book, tabs = read()
    except HuzhuError as error:
        return [Finding(_OPEN, ok=False, advice=error.words)]
    found = [Finding(_OPEN, ok=True), *of_tabs(tables, book)]
    for table in tables:
        tab = tabs.get(table.name)
        if tab is not None and table.owner is Owner.WORKER:
            found.append(_protection(tab, account))
        elif tab is not None:
            found += _spills(table, tab, book.tabs[table.name])
    return found


def _spills(table: Table, tab: Tab, raw: RawTable) -> Iterator[Finding]:
    """A lookup column shows nothing as long as somebody's text stands in its way."""
    for column, row, at, cell in lookups_of(table, tab):
        blocked = "errorValue" in cell.get("effectiveValue", {})
        step = Words(f"“{tab.title}”的“{column.header}”列显示正常", f"{tab.title}: the column {column.header} shows")
        below = (n for n, line in enumerate(raw.rows) if n > row and at < len(line) and line[at] not in ("", None))
        where = f"{letters(at)}{next(below, row + 1) + 1}"
        advice = Words(
            f"“{tab.title}”的 {where} 有人输入了内容，请清空这一格（这一列由公式自动显示）。",
            f"Somebody typed into {where} of {tab.title}; clear that cell: a formula fills this column.",
        )
        yield Finding(step, not blocked, advice)


def _protection(tab: Tab, account: str) -> Finding:
    step = Words(f"工作表“{tab.title}”已保护", f"The tab {tab.title} is protected")
    entries = whole_protections(tab)
    if not entries:
        return Finding(step, ok=False, advice=INIT)
    if not all(entry.get("requestingUserCanEdit") for entry in entries if not entry.get("warningOnly")):
        return Finding(
            step, ok=False, advice=_click(tab, f"把 {account} 加为可编辑的人", f"add {account} as an editor")
        )
    if all(_open_to_anyone(entry) for entry in entries):
        words = ("改为“限制谁可以修改此范围”，只留系统账号", "choose Restrict who can edit, and keep the worker alone")
        return Finding(step, ok=False, advice=_click(tab, *words))
    return Finding(step, ok=True)


def _open_to_anyone(entry: Json) -> bool:
    """A protection that only warns, or that lets everybody of the organisation in."""
    return bool(entry.get("warningOnly") or entry.get("editors", {}).get("domainUsersCanEdit"))


def _click(tab: Tab, zh: str, en: str) -> Words:
    return Words(
        f"数据 → 保护工作表和范围 → “{tab.title}” → 更改权限：{zh}。",
        f"Data, Protect sheets and ranges, {tab.title}, Change permissions: {en}.",
    )

"""What `doctor` says of the tables of any backend: there, with their headers, with their lookup columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rules.layout import MissingHeader, locate
from rules.schema import Owner, Table
from rules.values import Book, RawTable
from rules.words import Words
from sync.backends import Finding

INIT = Words("运行 huzhu init。", "Run `huzhu init`.")


def of_tabs(tables: Sequence[Table], book: Book) -> Iterator[Finding]:
    """One finding for each missing tab; for each member's tab its headers, and its lookup columns if it has any."""
    for table in tables:
        raw = book.tabs.get(table.name)
        if raw is not None and table.owner is Owner.MEMBER:
            yield from _headers(table, raw)
        elif raw is None and not table.optional:
            yield Finding(Words(f"工作表“{table.title}”", f"Tab {table.title}"), ok=False, advice=INIT)


def _headers(table: Table, raw: RawTable) -> Iterator[Finding]:
    found = locate(raw, table)
    step = Words(f"工作表“{raw.title}”的表头", f"Headers of the tab {raw.title}")
    if isinstance(found, MissingHeader):
        header, near = found.column.header, found.closest
        zh = (
            f"“{raw.title}”缺少“{header}”列"
            + (f"，最接近的是“{near}”，请改名" if near else "")
            + "；或运行 huzhu init。"
        )
        en = f"{raw.title} has no column {header}" + (f"; the closest is {near}, rename it" if near else "")
        yield Finding(step, ok=False, advice=Words(zh, f"{en}; or run `huzhu init`."))
        return
    yield Finding(step, ok=True)
    if table.lookups:
        there = all(column.field in found.columns for column in table.lookups)
        yield Finding(
            Words(f"工作表“{raw.title}”的查找列", f"Lookup columns of the tab {raw.title}"), ok=there, advice=INIT
        )

"""The shared sheet as a Google spreadsheet, read and written while people edit it.

Members' tabs get nothing at run time: there is no row that could be hit wrongly. What shows beside their rows are
lookup formulas that `huzhu init` put there.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence

from rules.schema import LOAN_STATES, OUTBOX, RUNS, STANDINGS, Owner, Table
from rules.values import Book, Cell, Change, RawTable
from rules.words import Words
from sync.backends import Finding, titles_held
from sync.backends.overview import TITLE
from sync.backends.places import addresses, quoted_title
from sync.errors import HuzhuError
from sync.google import doctor, overview, requests, tabs
from sync.google.cells import typed
from sync.google.commits import Request
from sync.google.complaints import complaint
from sync.google.requests import Grid
from sync.google.spreadsheet import Spreadsheet

MOST_BYTES = 1_800_000  # of one call: Google advises 2 MB
_MENDS = 3
_ID = re.compile(r"/d/([A-Za-z0-9_-]+)")


def spreadsheet_id(written: str) -> str:
    """The id in the address of a spreadsheet; an id is its own."""
    found = _ID.search(written)
    return found[1] if found else written.strip()


class Google:
    """The backend `google`. Satisfies `sync.backends.Backend`."""

    claims = 10

    def __init__(self, spreadsheet: Spreadsheet) -> None:
        self._sheet = spreadsheet
        self._locked = False
        self._grids: dict[str, Grid | None] = {}  # by table name, as last read; None where there was no tab

    @property
    def calls(self) -> Mapping[str, int]:
        """Requests sent, repeats included."""
        return self._sheet.calls

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """A run: from its first write to its log row, reading raises Busy for anybody else.

        Asks nothing by itself: of two runs that start together only one gets its first write.
        """
        self._locked = True
        try:
            yield
        finally:
            self._locked = False
            if self._sheet.leased:
                with contextlib.suppress(HuzhuError):
                    self._sheet.release()

    def read(self, tables: Sequence[Table]) -> Book:
        """The tabs of *tables* in two calls: which there are and how large, then the values of all."""
        there = {tab.title: tab for tab in self._sheet.tabs()}
        held = titles_held(there, tables)
        values = self._sheet.values([quoted_title(title) for title in held.values()])
        by_name = {table.name: table for table in tables}
        self._grids |= dict.fromkeys(by_name)
        raw = {}
        for (name, title), rows in zip(held.items(), values, strict=True):
            found = typed(by_name[name], rows) if by_name[name].owner is Owner.WORKER else rows
            self._grids[name] = Grid(there[title].sheet_id, title, there[title].size, found)
            raw[name] = RawTable(title, found)
        return Book(raw, self._sheet.version)

    def write(self, changes: Sequence[Change], version: object) -> object:
        """Make the worker's tabs hold the rows of *changes*; the log is in the last call."""
        assert isinstance(version, int)
        unread = [change.table for change in changes if change.table.name not in self._grids]
        if unread and self.read(unread).version != version:
            raise complaint("overtaken")
        # A run whose log row is not written yet has more to write.
        more = self._locked and all(change.table.name != RUNS.name for change in changes)
        version, mail_ids = self._put(changes, version, more=more)
        outbox = next((change for change in changes if change.table.name == OUTBOX.name), None)
        if outbox is None or mail_ids is None:
            return version
        return self._mended(outbox, mail_ids, version, more=more)

    def _put(self, changes: Sequence[Change], version: int, *, more: bool) -> tuple[int, list[Cell] | None]:
        """Write the cells that differ. The new version, and the first column of the outbox if it was written."""
        asked: list[Request] = []
        after: dict[str, Grid] = {}
        for change in sorted(changes, key=lambda change: change.table.name == RUNS.name):
            grid = self._grids[change.table.name]
            if grid is None:
                grid = tabs.new_grid(change.table, self._sheet.ids)
                asked += tabs.new_tab(change.table, grid.sheet_id, {}, self._sheet.account)
            asked += requests.rewriting(change.table, grid, change.rows)
            after[change.table.name] = grid.holding(change.table, change.rows)
        shown = after[OUTBOX.name].title if OUTBOX.name in after else ""
        column = None
        calls = list(requests.calls(asked, MOST_BYTES))
        for i, call in enumerate(calls, 1):
            rest = i < len(calls)
            version, column = self._sheet.commit(call, version, more=more or rest, shown="" if rest else shown)
        self._grids |= after
        return version, column

    def _mended(self, outbox: Change, mail_ids: list[Cell], version: int, *, more: bool) -> int:
        """The version in which the outbox holds its rows, each in its place.

        When somebody sorted it or inserted rows while it was written, a status stands in a wrong row, or a row is gone:
        a mail would leave twice, or never. So it is read and written again.
        """
        wanted = [outbox.table.typed[0].header, *(row[0] for row in outbox.rows)]
        for _ in range(_MENDS):
            if mail_ids == wanted:
                return version
            self.read([outbox.table])
            version, seen = self._put([outbox], self._sheet.version, more=more)
            mail_ids = wanted if seen is None else seen
        raise complaint("edited", title=outbox.table.title)

    def state(self, version: object = None) -> str:
        """Nothing: to know it, one would have to read it."""
        del version
        return ""

    def prepare(self, tables: Sequence[Table]) -> list[Words]:
        """Make what is missing, by one call."""
        book, heads = self._heads(tables)
        placed = addresses(book, tables)
        made = tabs.prepared(tables, book, heads, placed, self._sheet.account, self._sheet.ids)
        if TITLE not in self._sheet.ids.values() and {STANDINGS.name, LOAN_STATES.name} <= placed.keys():
            new, words = overview.made(heads, self._sheet.ids, placed)
            made.add(new, *words)
        if made.requests:
            self._sheet.commit(made.in_order(), self._sheet.version)
            self._grids.clear()
        return made.words

    def examine(self, tables: Sequence[Table]) -> list[Finding]:
        """What `doctor` says of the spreadsheet, step by step."""
        return doctor.findings(tables, self._sheet.account, lambda: self._heads(tables))

    def _heads(self, tables: Sequence[Table]) -> tuple[Book, dict[str, tabs.Tab]]:
        """The book with its lookup columns under their headers, and each table's tab with its top rows."""
        book = self.read(tables)
        heads = self._sheet.heads([raw.title for raw in book.tabs.values()])
        found = {name: heads[raw.title] for name, raw in book.tabs.items() if raw.title in heads}
        return tabs.mended(book, tables, found), found

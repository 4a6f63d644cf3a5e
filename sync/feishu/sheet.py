"""Our tables of a base as they were last seen, and every change that the worker makes to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

from rules.changes import canonical
from rules.schema import OUTBOX, RUNS, Column, Owner, Table
from rules.values import Cell, RawTable, Row
from rules.words import Words
from sync.backends import titles_held
from sync.errors import Conflict, RunFailed, SetupError
from sync.feishu import codes, tables
from sync.feishu.base import Base, Tab
from sync.feishu.cells import encoded
from sync.feishu.rows import Edits, Held, Line, beside, cells_of, lines, links, typed_by_people

RUNNING = "运行中"
"""The outcome of a row of 运行日志 as long as its run is under way."""

_REREADS = 3
_OUTCOME, _READ = (RUNS.fields.index(name) for name in ("outcome", "rows_read"))


def runs_on(line: Line) -> bool:
    """Whether a row of 运行日志 is of a run under way."""
    return line.row[_OUTCOME] == RUNNING


class Sheet:
    """held, lines: by the name of the table; lines of worker tables alone, in their order."""

    def __init__(self, base: Base) -> None:
        self.base = base
        self.held: dict[str, Held] = {}
        self.lines: dict[str, list[Line]] = {}
        self._looked: set[str] = set()
        self._touched: set[str] = set()  # written since they were read: their revision tells nothing of others

    @property
    def log(self) -> list[Line]:
        """The rows of runs that are over."""
        return [line for line in self.lines.get(RUNS.name, ()) if not runs_on(line)]

    @property
    def version(self) -> str:
        """A mark of what the worker's tables hold."""
        digest = sha256()
        for name in sorted(self.lines):
            held = self.log if name == RUNS.name else self.lines[name]
            rows = canonical(self.held[name].table, [line.row for line in held])
            digest.update(repr((name, [[_plain(cell) for cell in row] for row in rows])).encode())
        return digest.hexdigest()

    # Looking

    def forget(self) -> None:
        """Know no table any more."""
        for known in (self.held, self.lines, self._looked, self._touched):
            known.clear()

    def look(self, wanted: Sequence[Table]) -> None:
        """Read these tables: which there are, then of each its fields and its rows.

        The log comes first: whoever writes after it was read has a row that is not in it.
        """
        found = sorted(self.tabs(wanted), key=lambda one: one[0].name != RUNS.name)
        held = {table.name: self._fetched(table, tab) for table, tab in found}
        self._settle(held)
        for table in wanted:
            self.held.pop(table.name, None)
            self.lines.pop(table.name, None)
        self.held |= held
        self._looked |= {table.name for table in wanted}
        self._touched -= {table.name for table in wanted}
        for one in held.values():
            if one.table.owner is Owner.WORKER:
                self.lines[one.table.name] = lines(one, self.base.zone)

    def look_once(self, wanted: Sequence[Table]) -> None:
        """Read those that were never looked for."""
        new = [table for table in wanted if table.name not in self._looked]
        if new:
            self.look(new)

    def look_again(self, name: str) -> None:
        """Read the rows of a table that is there."""
        self.held[name] = self._filled(self.held[name])
        self.lines[name] = lines(self.held[name], self.base.zone)

    def tabs(self, wanted: Sequence[Table]) -> Iterator[tuple[Table, Tab]]:
        """Each of *wanted* that is there, by its title, or by the marks of its fields when people gave it another."""
        self.base.open()
        there = {tab.title: tab for tab in self.base.tables()}
        titles = titles_held(there, wanted)
        lost = [table for table in wanted if table.name not in titles and not table.optional]
        if lost and len(there) > len(titles):
            titles |= self._marked(lost, [tab for tab in there.values() if tab.title not in titles.values()])
        yield from ((table, there[titles[table.name]]) for table in wanted if table.name in titles)

    def _marked(self, lost: Sequence[Table], strangers: Sequence[Tab]) -> dict[str, str]:
        """Which of the tables of other names hold *lost*. A copy of a table has the same marks: then neither does."""
        names: dict[str, list[str]] = {}
        for tab in strangers:
            for name in {tables.mark_in(field)[0] for field in self.base.fields(tab.ident)}:
                names.setdefault(name, []).append(tab.title)
        return {t.name: names[t.name][0] for t in lost if len(names.get(t.name, ())) == 1}

    def _fetched(self, table: Table, tab: Tab) -> Held:
        return self._filled(Held.of(table, tab, self.base.fields(tab.ident)))

    def _filled(self, held: Held) -> Held:
        dated = held.table.owner is Owner.WORKER
        return replace(held, records=self.base.records(held.tab.ident, held.names, dated=dated))

    def _settle(self, held: dict[str, Held]) -> None:
        """Read tables of several pages again while people change them: a row may have moved to another page."""
        for _ in range(_REREADS):
            if not any(self.base.many(one.records) for one in held.values()):
                return
            now = {tab.ident: tab for tab in self.base.tables()}
            moved = [
                one
                for one in held.values()
                if self.base.many(one.records) and now.get(one.tab.ident, one.tab).revision != one.tab.revision
            ]
            if not moved:
                return
            held |= {one.table.name: self._fetched(one.table, now[one.tab.ident]) for one in moved}
        if any(one.table.owner is Owner.WORKER for one in moved):
            raise Conflict(
                "有人一直在改程序填写的表，没能读全，请稍后再运行。",
                "Somebody keeps editing the worker's tables, so they could not be read whole; run again later.",
            )

    def raw(self, wanted: Iterable[Table]) -> dict[str, RawTable]:
        """The tables of *wanted* that are there, as rows under headers."""
        zone = self.base.zone
        shown_by = links([one for one in self.held.values() if one.table.owner is Owner.MEMBER], zone)
        return {
            table.name: self._own(table)
            if table.owner is Owner.WORKER
            else typed_by_people(self.held[table.name], zone, shown_by)
            for table in wanted
            if table.name in self.held
        }

    def _own(self, table: Table) -> RawTable:
        found = self.log if table.name == RUNS.name else self.lines[table.name]
        headers = [column.header for column in table.typed]
        return RawTable(self.held[table.name].tab.title, [headers, *(line.row for line in found)])

    def check_shown(self, raw: Mapping[str, RawTable]) -> None:
        """Raises SetupError when no member's table shows a row, though rows were there before.

        That is what an app sees that lost its rights: no refusal, just nothing.
        """
        if not raw or any(any(row) for tab in raw.values() for row in tab.rows[1:]):
            return
        seen = self.log[-1].row[_READ] if self.log else 0
        if self.base.advanced or seen:
            raise SetupError(
                "多维表格里一行数据也读不到。请打开多维表格 → 右上角「…」→「…更多」→「添加文档应用」，把本应用设为"
                "「可管理」（开启了高级权限时必须如此）。如果数据真的都删了，请先在“成员”表加一行再运行。",
                "Not one row of the base can be read. Open the base → … (top right) → More → Add document app, and let"
                " the app manage the base (with advanced permissions nothing less shows rows). If the data was really"
                " deleted, add a row to the members table first.",
            )

    def moved(self) -> bool:
        """Whether somebody changed a worker's table, the log left out, since it was read. One call."""
        now = {tab.ident: tab.revision for tab in self.base.tables()}
        ours = [self.held[name].tab for name in self.lines.keys() - self._touched - {RUNS.name}]
        return any(now.get(tab.ident) != tab.revision for tab in ours)

    def catch_up(self) -> None:
        """Take note of the revisions that our own writes made."""
        now = {tab.ident: tab for tab in self.base.tables()}
        for name, held in self.held.items():
            self.held[name] = replace(held, tab=now.get(held.tab.ident, held.tab))
        self._touched.clear()

    # Changing

    def ensure(self, table: Table) -> list[Words]:
        """Make the worker's table, or what it lacks."""
        held = self.held.get(table.name)
        tab, words = self.made(table, held.tab if held else None, held.listed if held else ())
        if words:
            there = held.records if held else ()
            self.held[table.name] = Held.of(table, tab, self.base.fields(tab.ident), there)
            self.lines.setdefault(table.name, [])
        return words

    def made(self, table: Table, tab: Tab | None, listed: Sequence[Mapping[str, object]]) -> tuple[Tab, list[Words]]:
        """The table with every field, and a sentence for each thing that had to be made."""
        if tab is None:
            tab = self.base.make_table(table.title, tables.specs(table))
            for column in tables.missing(table, self.base.fields(tab.ident)):  # a long list may have been cut short
                self.base.make_field(tab.ident, tables.spec(table, column, new=True))
            return tab, [Words(f"新建数据表“{table.title}”", f"Made the table {table.title}")]
        lacking = tables.missing(table, listed)
        for column in lacking:
            self.base.make_field(tab.ident, tables.spec(table, column))
        if not lacking:
            return tab, []
        names = "、".join(map(tables.name_of, lacking))
        return tab, [Words(f"在“{tab.title}”增加字段：{names}", f"Added fields to {tab.title}: {names}")]

    def check_writable(self, name: str) -> None:
        """Raises SetupError when people changed the type of a field that the worker writes."""
        held = self.held.get(name)
        if held is None:
            return
        for column, field in misshapen(held):
            raise SetupError(*reshape(held.tab.title, column, field))

    def apply(self, name: str, asked: Edits) -> None:
        """Do *asked*. Raises Conflict when people deleted a row that was to be changed."""
        held, before = self.held[name], len(self.base.rejected)
        self._touched.add(name)
        self.base.update(held.tab.ident, {ident: self._cells(held, cells) for ident, cells in asked.change.items()})
        new = [self._cells(held, cells_of(held.table, line)) for line in asked.make]
        idents = self.base.create(held.tab.ident, new)
        self.base.delete(held.tab.ident, asked.drop)
        self.lines[name] = asked.made(idents)
        refused = self.base.rejected[before:]
        if any(one.code == codes.NO_SUCH_RECORD for one in refused):
            raise Conflict(
                f"“{held.tab.title}”表里有行在写入时被人删掉了。",
                f"Somebody deleted rows of {held.tab.title} meanwhile.",
            )
        if refused and name == OUTBOX.name:
            raise RunFailed(
                f"飞书没有收下“{held.tab.title}”表的 {len(refused)} 行：{refused[0].message}",
                f"Feishu did not take {len(refused)} rows of {held.tab.title}: {refused[0].message}",
            )

    def _cells(self, held: Held, cells: Mapping[str, Cell]) -> dict[str, object]:
        """Cells as a write takes them, under the names that the fields have now."""
        by_name = {column.field: column for column in tables.columns(held.table)}
        fields = {name: held.fields[name]["field_name"] for name in cells}
        return {fields[name]: encoded(by_name[name], cell, self.base.zone) for name, cell in cells.items()}

    def written(self, name: str, cells: Mapping[str, Cell]) -> dict[str, object]:
        """Cells of the table *name* as a write takes them."""
        return self._cells(self.held[name], cells)

    def beside(self, rows: Mapping[str, Sequence[Row]]) -> dict[str, dict[str, dict[str, Cell]]]:
        """What is to be written beside members' rows: table -> record -> column -> cell. rows: of changing tables."""
        wanted = {}
        for name, held in self.held.items():
            bad = {column.field for column, _ in misshapen(held)}
            values = {
                column.field: found
                for column in held.table.lookups
                if column.field in held.fields and column.field not in bad
                if column.finds and (found := self._by_key(*column.finds, rows)) is not None
            }
            if values and (cells := beside(held, values, self.base.zone)):
                wanted[name] = cells
        return wanted

    def _by_key(self, name: str, field: str, rows: Mapping[str, Sequence[Row]]) -> dict[str, Cell] | None:
        """Key -> cell of a worker's table; None when nothing is known of it."""
        if name not in rows and name not in self.lines:
            return None
        table = self.held[name].table
        now = rows[name] if name in rows else [line.row for line in self.lines[name]]
        key, at = table.fields.index(table.key[0]), table.fields.index(field)
        return {str(row[key]): row[at] for row in now}

    def put_beside(self, name: str, wanted: Mapping[str, Mapping[str, Cell]]) -> None:
        """Write beside members' rows. A row that its owner deleted meanwhile needs nothing any more."""
        held = self.held[name]
        written = {ident: self._cells(held, cells) for ident, cells in wanted.items()}
        self.base.update(held.tab.ident, written)
        now = [replace(one, cells={**one.cells, **written.get(one.ident, {})}) for one in held.records]
        self.held[name] = replace(held, records=now)


TYPES: Mapping[int, Words] = {
    tables.TEXT: Words("文本", "text"),
    tables.NUMBER: Words("数字", "number"),
    tables.MOMENT: Words("日期", "date"),
    tables.BOX: Words("复选框", "checkbox"),
}
"""What people call the types that the worker writes."""


def misshapen(held: Held) -> Iterator[tuple[Column, str]]:
    """The worker's columns whose field has a type that is not ours, with the name of the field."""
    for column in tables.columns(held.table):
        field = held.fields.get(column.field)
        if field is not None and column.owner is Owner.WORKER and field.get("type") != tables.type_of(column):
            yield column, str(field["field_name"])


def reshape(title: str, column: Column, field: str) -> Words:
    """What to click so that a field can be written again."""
    shape = TYPES[tables.type_of(column)]
    return Words(
        f"“{title}”的“{field}”字段被改成了别的类型，程序写不进去。请双击这一列的标题 → 字段类型 → 改回“{shape.zh}”。",
        f"The field {field} of {title} was given another type and cannot be written. Double-click its title, and choose"
        f" the type {shape.en} again.",
    )


def _plain(cell: Cell) -> Cell:
    return float(cell) if isinstance(cell, int) and not isinstance(cell, bool) else cell

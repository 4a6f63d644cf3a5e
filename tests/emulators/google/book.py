"""A spreadsheet: tabs of cells, what is known beside them, and what every cell's value is.

Nothing inside a `Cell`, a row or a JSON member is ever changed in place, so a copy of a book shares all of it: a batch
works on a copy, and only the tabs it touches are copied, row lists and no deeper.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.emulators.google.formulas import Arithmetic, Formula, Lookup
from tests.emulators.google.ranges import Area, Dimension, Shift, asked, located, quoted
from tests.emulators.google.refusals import PROTECTED, TOO_LONG, TOO_MANY, Refused, Unemulated
from tests.emulators.google.typed import ErrorValue, Value, is_day, shown

MAX_CELLS, MAX_TEXT = 10_000_000, 50_000
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cell:
    value: Value = None
    formula: Formula | None = None
    form: Json | None = None
    note: str = ""
    validation: Json | None = None

    @property
    def filled(self) -> bool:
        return self.value is not None or self.formula is not None


EMPTY = Cell()
Row = dict[int, Cell]


@dataclass
class Tab:
    """One tab. rows: as many as hold something; the grid has *row_count* of them. properties: what else was set."""

    id: int
    title: str
    row_count: int = 1000
    column_count: int = 26
    properties: Json = field(default_factory=dict)
    grid: Json = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    formulas: frozenset[tuple[int, int]] = frozenset()
    sizes: dict[Dimension, dict[int, Json]] = field(default_factory=lambda: {"ROWS": {}, "COLUMNS": {}})
    merges: list[Json] = field(default_factory=list)
    protections: list[Json] = field(default_factory=list)
    conditions: list[Json] = field(default_factory=list)
    charts: list[Json] = field(default_factory=list)
    groups: dict[Dimension, list[Json]] = field(default_factory=lambda: {"ROWS": [], "COLUMNS": []})
    basic_filter: Json | None = None

    def copied(self) -> Tab:
        twin = copy.copy(self)
        twin.rows = list(self.rows)
        return twin

    def cut(self, area: Area) -> Area:
        return area.cut(self.row_count, self.column_count)

    def cell(self, row: int, column: int) -> Cell:
        return self.rows[row].get(column, EMPTY) if row < len(self.rows) else EMPTY

    def put(self, row: int, cells: Row) -> None:
        """Those cells of that row are as given."""
        while len(self.rows) <= row:
            self.rows.append({})
        whole = self.rows[row] | cells
        for column, cell in cells.items():
            if cell == EMPTY:
                del whole[column]
            if (cell.formula is not None) != ((row, column) in self.formulas):
                self.formulas ^= {(row, column)}
        self.rows[row] = whole

    def find_formulas(self) -> None:
        """After cells moved."""
        if self.formulas:
            self.formulas = frozenset(
                (at, column) for at, row in enumerate(self.rows) for column, cell in row.items() if cell.formula
            )

    def lines(self, dimension: Dimension) -> int:
        return self.row_count if dimension == "ROWS" else self.column_count

    def resize(self, rows: int, columns: int) -> None:
        """The grid has that size; what lies beyond is gone."""
        self.row_count, self.column_count = rows, columns
        del self.rows[rows:]
        for at, row in enumerate(self.rows):
            if row and max(row) >= columns:
                self.rows[at] = {column: cell for column, cell in row.items() if column < columns}
        self.find_formulas()

    def shift(self, shift: Shift) -> None:
        """Rows or columns of this tab move, with all that is laid over them."""
        change = {"insert": shift.count, "delete": -shift.count, "move": 0}[shift.kind]
        if shift.dimension == "ROWS":
            self._shift_rows(shift)
            self.row_count += change
        else:
            self.column_count += change
            self.rows = [_moved(row, shift) for row in self.rows]
        self.sizes = self.sizes | {shift.dimension: _moved(self.sizes[shift.dimension], shift)}
        self.merges, self.charts = shift.followed(self.merges), shift.followed(self.charts)
        self.basic_filter = _standing(shift.followed([self.basic_filter] if self.basic_filter else []))
        groups = shift.followed(self.groups)
        self.groups = {name: [one for one in groups[name] if one["range"]] for name in self.groups}
        self.protections = [one for one in shift.followed(self.protections) if one["range"] is not None]
        self.conditions = [one for one in shift.followed(self.conditions) if one["ranges"]]
        self.find_formulas()

    def _shift_rows(self, shift: Shift) -> None:
        rows, start, end = self.rows, shift.start, shift.end
        if shift.kind == "insert":
            if start < len(rows):
                rows[start:start] = [{} for _ in range(shift.count)]
        elif shift.kind == "delete":
            del rows[start:end]
        else:
            rows += [{} for _ in range(max(end, shift.to) - len(rows))]
            moved = rows[start:end]
            del rows[start:end]
            at = shift.to if shift.to <= start else shift.to - shift.count
            rows[at:at] = moved


def _standing(filters: list[Json]) -> Json | None:
    return next((one for one in filters if one["range"]), None)


def _moved(lines: dict[int, Any], shift: Shift) -> dict[int, Any]:
    return {at: value for index, value in lines.items() if (at := shift.index(index)) is not None}


class Unknown:
    """The value of a formula that is not evaluated: reading it raises."""

    def __init__(self, why: Unemulated) -> None:
        self.why = why


Seen = Value | ErrorValue | Unknown


class Sight:
    """What the cells of one tab show: typed values, formulas' values, and what formulas spill."""

    def __init__(self, tab: Tab, evaluate: Callable[[Sight, int, int], None]) -> None:
        self.tab, self._evaluate = tab, evaluate
        self.results: dict[tuple[int, int], Seen] = {}
        self.spills: dict[int, tuple[int, list[Seen]]] = {}

    def evaluate(self, row: int, column: int) -> None:
        """The formula there has its value, if it had none yet."""
        if (row, column) not in self.results:
            self._evaluate(self, row, column)

    @property
    def height(self) -> int:
        """Rows below which nothing shows."""
        return max([len(self.tab.rows), *(start + len(values) for start, values in self.spills.values())])

    def columns(self, row: int) -> set[int]:
        """The columns in which *row* shows something."""
        cells = self.tab.rows[row] if row < len(self.tab.rows) else {}
        full = {column for column, cell in cells.items() if cell.value is not None or cell.formula is not None}
        for column, (start, values) in self.spills.items():
            if start <= row < start + len(values):
                full.add(column)
        return full

    def at(self, row: int, column: int) -> Seen:
        """The value there; raises Unemulated when it is not known."""
        cell = self.tab.cell(row, column)
        found: Seen = cell.value
        if cell.formula is not None:
            self.evaluate(row, column)
            found = self.results[row, column]
        elif found is None and column in self.spills:
            start, values = self.spills[column]
            found = values[row - start] if start <= row < start + len(values) else None
        if isinstance(found, Unknown):
            raise found.why
        return found


def joined(value: Seen, form: Json | None) -> str:
    """What `cell&""` gives: a day as it is shown, a number plainly."""
    return shown(value, form if is_day(form) else None) if not isinstance(value, Unknown) else ""


@dataclass
class Book:
    """One spreadsheet. metadata: developer metadata by id. Ranges inside always name their tab."""

    id: str
    title: str
    owner: str
    editors: frozenset[str] = frozenset()
    locale: str = "en_US"
    time_zone: str = "Etc/GMT"
    auto_recalc: str = "ON_CHANGE"
    tabs: list[Tab] = field(default_factory=list)
    named: list[Json] = field(default_factory=list)
    metadata: dict[int, Json] = field(default_factory=dict)
    created: str = ""
    modified: str = ""
    revision: int = 1
    _own: set[int] = field(default_factory=set)
    _sights: dict[int, Sight] = field(default_factory=dict)

    def working_copy(self) -> Book:
        """A copy to change: what it does not touch it shares."""
        return replace(
            self, tabs=list(self.tabs), named=list(self.named), metadata=dict(self.metadata), _own=set(), _sights={}
        )

    def tab(self, sheet: int) -> Tab:
        for tab in self.tabs:
            if tab.id == sheet:
                return tab
        raise Refused(f"No grid with id: {sheet}")

    def edit(self, sheet: int) -> Tab:
        """That tab, to be changed: this book's own copy."""
        self._sights.clear()
        tab = self.tab(sheet)
        if sheet not in self._own:
            twin = tab.copied()
            self.tabs[self.tabs.index(tab)] = tab = twin
            self._own.add(sheet)
        return tab

    @property
    def titles(self) -> dict[int, str]:
        return {tab.id: tab.title for tab in self.tabs}

    @property
    def ids(self) -> dict[str, int]:
        return {tab.title: tab.id for tab in self.tabs}

    def area(self, text: str) -> Area:
        """The area that *text* names, cut to the grid. Raises Refused when it names none, or starts beyond the grid."""
        return self.within(located(text, self.ids.items(), self.named))

    def within(self, area: Area) -> Area:
        """*area* cut to the grid of its tab. Raises Refused when it starts beyond."""
        tab = self.tab(area.sheet)
        if (area.top or 0) >= tab.row_count or (area.left or 0) >= tab.column_count:
            raise Refused(
                f"Range ({quoted(tab.title)}!{asked(area)}) exceeds grid limits. "
                f"Max rows: {tab.row_count}, max columns: {tab.column_count}"
            )
        return tab.cut(area)

    def name(self, area: Area) -> str:
        return f"{quoted(self.tab(area.sheet).title)}!{asked(area)}"

    def check_size(self, more: int = 0) -> None:
        if sum(tab.row_count * tab.column_count for tab in self.tabs) + more > MAX_CELLS:
            raise Refused(TOO_MANY)

    def guard(self, user: str, area: Area) -> None:
        """Raises Refused when *user* may not write there."""
        for one in self.tab(area.sheet).protections:
            if one.get("warningOnly") or user in (self.owner, *one.get("editors", {}).get("users", ())):
                continue
            free = any(Area.of(hole).covers(area) for hole in one.get("unprotectedRanges", ()))
            if Area.of(one["range"]).meets(area) and not free:
                raise Refused(PROTECTED)

    @staticmethod
    def content(value: Value | Formula) -> tuple[Value, Formula | None]:
        """What a cell then holds. Raises Refused for a text that is too long."""
        if isinstance(value, str) and len(value) > MAX_TEXT:
            raise Refused(TOO_LONG)
        return (None, value) if isinstance(value, Formula) else (None if value == "" else value, None)

    def formula(self, text: str, sheet: int) -> Formula:
        return Formula.read(text, sheet, self.ids)

    def shift(self, shift: Shift) -> None:
        """Rows or columns of a tab move: everything that names cells follows."""
        self.edit(shift.sheet).shift(shift)
        self.named = [one for one in shift.followed(self.named) if one["range"] is not None]
        followed = {id_: shift.followed(one) for id_, one in self.metadata.items()}
        self.metadata = {id_: one for id_, one in followed.items() if None not in one["location"].values()}
        self._change_formulas(lambda formula: formula.shifted(shift))

    def drop(self, tab: Tab) -> None:
        """That tab is gone, and what lay on it."""
        self.tabs.remove(tab)
        self.named = [one for one in self.named if one["range"]["sheetId"] != tab.id]
        self.metadata = {id_: one for id_, one in self.metadata.items() if _sheet(one["location"]) != tab.id}
        self._change_formulas(lambda formula: formula.without(tab.id))

    def _change_formulas(self, change: Any) -> None:
        for tab in self.tabs:
            for row, column in tab.formulas:
                cell = tab.cell(row, column)
                new = change(cell.formula)
                if new != cell.formula:
                    self.edit(tab.id).put(row, {column: replace(cell, formula=new)})

    def sight(self, sheet: int) -> Sight:
        """What the cells of that tab show."""
        if sheet not in self._sights:
            tab = self.tab(sheet)
            self._sights[sheet] = sight = Sight(tab, self._evaluate)
            for row, column in sorted(tab.formulas):
                sight.evaluate(row, column)
        return self._sights[sheet]

    def _evaluate(self, sight: Sight, row: int, column: int) -> None:
        formula = sight.tab.cell(row, column).formula
        assert formula is not None
        sight.results[row, column] = Unknown(Unemulated("a formula that needs its own value"))
        if formula.unresolved:
            sight.results[row, column] = ErrorValue("REF", f"Unresolved sheet name '{formula.unresolved}'.")
            return
        if formula.is_broken:
            sight.results[row, column] = ErrorValue("REF", "Reference does not exist")
            return
        try:
            if formula.lookup:
                self._spill(sight, row, column, formula.lookup)
            else:
                sight.results[row, column] = Arithmetic(formula, self._values).value()
        except Unemulated as why:
            sight.results[row, column] = Unknown(Unemulated(f"{why}: {formula.text(self.titles)}"))

    def _values(self, area: Area) -> list[Any]:
        sight = self.sight(area.sheet)
        cut = sight.tab.cut(area)
        rows = range(cut.top or 0, min(cut.bottom or 0, sight.height))
        return [sight.at(row, column) for row in rows for column in range(cut.left or 0, cut.right or 0)]

    def _spill(self, sight: Sight, row: int, column: int, lookup: Lookup) -> None:
        """The lookup's values from its cell to the end of the grid, or #REF! when something is typed there."""
        below = range(row + 1, len(sight.tab.rows))
        if blocking := next((at for at in below if sight.tab.cell(at, column).filled), None):
            cell = asked(Area(0, blocking, blocking + 1, column, column + 1))
            message = f"Array result was not expanded because it would overwrite data in {cell}."
            sight.results[row, column] = ErrorValue("REF", message)
            return
        find = self._finder(lookup)
        keys, left = self.sight(lookup.keys.sheet), lookup.keys.left or 0
        top = lookup.keys.top or 0
        values: list[Seen] = []
        for at in range(top, min(keys.tab.row_count, top + sight.tab.row_count - row)):
            blank = at == row or keys.at(at, left) in (None, "")
            values.append(lookup.header if at == row else "" if blank else find(self._key(keys, at, left)))
        sight.results[row, column] = values[0] if values else ""
        sight.spills[column] = (row, values)

    @staticmethod
    def _key(sight: Sight, row: int, column: int) -> str:
        """What is compared: XLOOKUP does not tell upper from lower case."""
        return joined(sight.at(row, column), sight.tab.cell(row, column).form).casefold()

    def _finder(self, lookup: Lookup) -> Callable[[str], Seen]:
        """What stands beside a key: the first row that has it counts; "" when none has, None beside it when blank."""
        sight = self.sight(lookup.source.sheet)
        key, found = lookup.source.left or 0, lookup.found.left or 0
        offset = (lookup.found.top or 0) - (lookup.source.top or 0)
        rows: dict[str, int] = {}
        for row in range(lookup.source.top or 0, sight.height):
            rows.setdefault(self._key(sight, row, key), row)
        return lambda wanted: sight.at(rows[wanted] + offset, found) if wanted in rows else ""


def _sheet(location: Json) -> int | None:
    """The tab that metadata lies on."""
    if "dimensionRange" in location:
        return location["dimensionRange"]["sheetId"]
    return location.get("sheetId")

"""What a run read, decided and replaced, as one value and as the bytes that keep it.

The bytes are compressed JSON, the same for the same run. Cells keep their types: what JSON has no form for stands there
as its kind and a text. Of the settings only the rules' part is in it, which holds no secret and no name of one.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from hashlib import sha256
from io import BytesIO
from itertools import count, zip_longest
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from rules.changes import body
from rules.policy import Policy
from rules.schema import Table
from rules.values import Book, Cell, ErrorCell, RawTable, Row, UncachedCell
from sync import __version__
from sync.errors import SetupError

if TYPE_CHECKING:
    from sync.worker import Planned

FORM = 1
_LEVEL = 1  # measured on 20,000 loans: a sixth of the time of 6, two fifths more bytes
_UNREADABLE = (OSError, EOFError, ValueError, LookupError, TypeError, ArithmeticError, RecursionError)
_MOST_BYTES = 1_000_000_000  # unpacked: a file that says more is no snapshot


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One run: what it rests on, and what came of it.

    replaced: the worker's tabs as they stood before the run, where an earlier attempt of the same run had written
    already; None where there was no tab. rows: what the tabs that change should hold, by table. letters: what was
    worded, by mail: a digest of every word and file of it.
    """

    run_id: str
    as_of: date
    policy: Policy
    book: Book
    rows: Mapping[str, Sequence[Row]]
    letters: Mapping[str, str]
    replaced: Mapping[str, RawTable | None] = field(default_factory=dict)
    version: str = __version__

    def before(self, name: str) -> RawTable | None:
        """The worker's tab as it stood before the run."""
        return self.replaced[name] if name in self.replaced else self.book.tabs.get(name)

    def after(self, table: Table) -> Sequence[Row]:
        """The rows of the worker's tab after the run."""
        return self.rows[table.name] if table.name in self.rows else body(table, self.book.tabs.get(table.name))

    @property
    def zone(self) -> ZoneInfo:
        """The alliance's time zone."""
        return ZoneInfo(self.policy.alliance.timezone)


def snapshot(
    planned: Planned, run_id: str, as_of: date, policy: Policy, replaced: Mapping[str, RawTable | None]
) -> Snapshot:
    """The run that *planned* is about to become."""
    worded = {letter.mail_id: sha256(repr(words).encode()).hexdigest() for letter, words in planned.queue.leaving}
    rows = {change.table.name: change.rows for change in planned.changes}
    return Snapshot(run_id, as_of, policy, planned.book, rows, worded, replaced)


def packed(kept: Snapshot) -> bytes:
    """The bytes that keep *kept*."""
    facts = {
        "form": FORM,
        "version": kept.version,
        "run_id": kept.run_id,
        "as_of": kept.as_of.isoformat(),
        "policy": _plain(_policies().dump_python(kept.policy, warnings=False)),
        "book": {name: _tab(raw) for name, raw in kept.book.tabs.items()},
        "replaced": {name: raw and _tab(raw) for name, raw in kept.replaced.items()},
        "rows": {name: _columns(rows) for name, rows in kept.rows.items()},
        "letters": kept.letters,
    }
    return gzip.compress(_json(facts).encode("utf-8", "surrogatepass"), _LEVEL, mtime=0)


def unpacked(data: bytes, name: str) -> Snapshot:
    """The snapshot that *data* keeps. Raises SetupError, naming the file, for anything else."""
    try:
        with gzip.GzipFile(fileobj=BytesIO(data)) as file:
            facts = json.loads(file.read(_MOST_BYTES).decode("utf-8", "surrogatepass"))
        return _snapshot(facts)
    except (*_UNREADABLE, zlib.error) as error:
        raise SetupError(
            f"{name} 不是这个程序能读的快照（{_reason(error)}）",
            f"{name} is not a snapshot that this program can read ({_reason(error)})",
        ) from error


@cache
def _policies() -> TypeAdapter[Policy]:
    return TypeAdapter(Policy)


def _plain(settings: Any) -> Any:  # a setting of any shape
    """The same with texts for days and lists for sets, in an order that is the same in every process."""
    if isinstance(settings, Mapping):
        return {str(name): _plain(value) for name, value in settings.items()}
    if isinstance(settings, frozenset | set):
        return sorted(map(_plain, settings))
    if isinstance(settings, list | tuple):
        return [_plain(value) for value in settings]
    return settings.isoformat() if isinstance(settings, date) else settings


def _reason(error: Exception) -> str:
    return type(error).__name__ if isinstance(error, ValidationError) else str(error).splitlines()[0][:80]


def _snapshot(facts: Any) -> Snapshot:  # whatever the file holds
    if facts["form"] != FORM:
        raise ValueError(f"form {facts['form']}")
    return Snapshot(
        run_id=str(facts["run_id"]),
        as_of=date.fromisoformat(facts["as_of"]),
        policy=_policies().validate_python(facts["policy"]),
        book=Book({name: _raw(tab) for name, tab in facts["book"].items()}),
        rows={name: _rows(rows) for name, rows in facts["rows"].items()},
        letters=dict(facts["letters"]),
        replaced={name: tab and _raw(tab) for name, tab in facts["replaced"].items()},
        version=str(facts["version"]),
    )


def as_json(rows: Sequence[Sequence[Cell]]) -> str:
    """The rows as a snapshot holds them: equal texts are equal rows, types and all."""
    return _json(_columns(rows))


def _json(facts: object) -> str:
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":"))


def _tab(raw: RawTable) -> dict[str, object]:
    return {"title": raw.title, **_columns(raw.rows)}


def _raw(tab: Any) -> RawTable:
    return RawTable(tab["title"], _rows(tab))


def _columns(rows: Sequence[Sequence[Cell]]) -> dict[str, object]:
    """The rows column by column, which is quicker and smaller; and how wide each row is."""
    widths = list(map(len, rows))
    return {
        "widths": widths[0] if len(set(widths)) == 1 else widths,
        "rows": len(rows),
        "columns": [_column(cells) for cells in zip_longest(*rows)],
    }


def _column(cells: Sequence[Cell]) -> object:
    """Plain cells as they are; others, such as days, as the distinct ones by kind, and which of them each cell is."""
    types = set(map(type, cells))
    if types <= _PLAIN:
        return cells
    # 1 and True are equal, so are 1.5 and 1.50, and not the same cell: where such may meet, form tells them apart.
    keys = cells if types <= _APART else list(zip(map(type, cells), map(repr, cells), strict=True))
    distinct = dict(zip(keys, cells, strict=True))
    places = dict(zip(distinct, count()))
    return {"of": [_tagged(cell) for cell in distinct.values()], "at": [*map(places.__getitem__, keys)]}


def _rows(facts: Any) -> list[Row]:
    columns = [_cells(column) for column in facts["columns"]]
    rows: list[Row] = list(zip(*columns, strict=True)) if columns else [()] * int(facts["rows"])
    widths = facts["widths"]
    return [row[:width] for row, width in zip(rows, widths, strict=True)] if isinstance(widths, list) else rows


def _cells(column: Any) -> Sequence[Cell]:
    if isinstance(column, list):
        return column
    distinct = [_READERS[kind](text) for kind, text in column["of"]]
    return [distinct[place] for place in column["at"]]


_PLAIN = {str, int, float, bool, type(None)}
_APART = {str, type(None), date, timedelta}  # of these, equal ones are the same
_KINDS: Mapping[type, tuple[str, Callable[[Any], object]]] = {
    datetime: ("moment", datetime.isoformat),
    date: ("date", date.isoformat),
    time: ("time", time.isoformat),
    timedelta: ("span", lambda span: [span.days, span.seconds, span.microseconds]),
    Decimal: ("decimal", str),
    ErrorCell: ("error", str),
    UncachedCell: ("uncached", str),
}
_READERS: Mapping[str, Callable[[Any], Cell]] = {
    "date": date.fromisoformat,
    "moment": datetime.fromisoformat,
    "time": time.fromisoformat,
    "span": lambda parts: timedelta(*parts),
    "decimal": Decimal,
    "error": ErrorCell,
    "uncached": UncachedCell,
    "plain": lambda cell: cell,
}


def _tagged(cell: Any) -> tuple[str, object]:  # a cell, or a narrower type of one: numpy's, pandas', an enumeration's
    known = _KINDS.get(type(cell)) or next((how for kind, how in _KINDS.items() if isinstance(cell, kind)), None)
    kind, form = known or ("plain", _bare)
    return kind, form(cell)


def _bare(cell: Any) -> object:
    return cell.item() if hasattr(cell, "item") else cell if cell is None or type(cell) in _PLAIN else str(cell)

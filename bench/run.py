"""A whole `run`, process start to exit, beside the usual script on a copy of the same workbook.

"full rewrite": the worker's tabs hold only their headers, every row must be written. "no change": they hold what they
should already, but somebody has saved the file since: all is read and computed, and only the log is written.
"untouched": nobody has, as on most days. The script cannot tell these from one another, and does all its work again.
"""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from bench import data
from bench.data import AS_OF, Alliance
from bench.measure import OURS, Line, Spent, Times, process, size_name
from rules.changes import body, change
from rules.policy import MAIL_KINDS
from rules.schema import LEDGER, LOAN_STATES, QUEUE, STANDINGS
from sync.backends.workbook import Workbook

_NO_CHANGE = "no change"
GOALS = {(_NO_CHANGE, 20_000): 0.06, ("full rewrite", 20_000): 0.15}
SCRIPT = "usual script"
_COMPARED = (STANDINGS, LEDGER, QUEUE, LOAN_STATES)
_BIG = 5_000
_CONFIG = """\
backend: {{kind: workbook, workbook: {{path: {name}}}}}
mail: {{transport: none, kinds: {{{kinds}}}}}
"""
_NO_MAIL = ", ".join(f"{kind}: false" for kind in MAIL_KINDS)
_CYCLE = """\
import sys
from datetime import date
from pathlib import Path
from sync import compose
from sync.config import load
compose.worker(load(Path(sys.argv[1]))).run(date.fromisoformat(sys.argv[2]))
"""


def lines(sizes: list[int]) -> Iterator[Line]:
    """Both states of the sheet at each of *sizes*."""
    for size in sizes:
        alliance = Alliance(size)
        for state, book in ((_NO_CHANGE, filled_workbook(alliance)), ("full rewrite", data.workbook(alliance))):
            yield from _compared(state, size, book)


def filled_workbook(alliance: Alliance) -> Path:
    """The alliance's workbook after a run on `AS_OF`."""
    return data.filled_workbook(alliance, lambda path: str(_ours(path)))


def _compared(state: str, size: int, book: Path) -> Iterator[Line]:
    spent: dict[str, list[Spent]] = {OURS: [], SCRIPT: []}
    again: list[float] = []
    programs: Mapping[str, Callable[[Path], Spent]] = {OURS: _ours, SCRIPT: _script}
    with tempfile.TemporaryDirectory(prefix="huzhu-run-") as folder:
        copies = {name: Path(folder) / f"{i}.xlsx" for i, name in enumerate(programs)}
        for turn in range(3 if size > _BIG else 5):
            for name, program in programs.items():
                shutil.copyfile(book, copies[name])
                spent[name].append(program(copies[name]))
            again.append(_ours(copies[OURS]).seconds)
            if turn == 0:
                _same_answers(copies[OURS], copies[SCRIPT])
    times = Times({name: [one.seconds for one in each] for name, each in spent.items()})
    yield times.line("run", state, size_name(size), SCRIPT, GOALS.get((state, size)))
    if state == _NO_CHANGE:
        untouched = Times({OURS: again, SCRIPT: times.rounds[SCRIPT]})
        yield untouched.line("run", "untouched since our last run", size_name(size), SCRIPT)
    peaks = {name: max(one.peak_mib for one in each) for name, each in spent.items()}
    yield Line(
        "run", f"{state}, peak memory", size_name(size), SCRIPT, f"{peaks[OURS]:.0f} MiB", f"{peaks[SCRIPT]:.0f} MiB",
        peaks[OURS] / peaks[SCRIPT],
    )  # fmt: skip


def _ours(path: Path) -> Spent:
    """One cycle on the workbook at *path*, as a scheduler starts it."""
    config = path.with_suffix(".yaml")
    config.write_text(_CONFIG.format(name=path.name, kinds=_NO_MAIL), encoding="utf-8")
    if importlib.util.find_spec("sync.__main__") is None:
        return process(["-c", _CYCLE, str(config), str(AS_OF)])
    return process(["-m", "sync", "run", "--config", str(config), "--as-of", str(AS_OF), "--json", "-q"])


def _script(path: Path) -> Spent:
    return process(["-W", "ignore", str(Path(__file__).with_name("usual_script.py")), str(path), str(AS_OF)])


def _same_answers(ours: Path, theirs: Path) -> None:
    """Stops the measurement when a cell of the compared tabs differs: a time is worth nothing then."""
    mine, other = (Workbook(path).read(_COMPARED).tabs for path in (ours, theirs))
    for table in _COMPARED:
        rows = body(table, mine[table.name])
        if not rows or change(table, other[table.name], rows) is not None:
            raise SystemExit(f"{table.title}: the usual script and huzhu do not agree")

"""The rules beside polars, duckdb and a loop over the rows, each on data in its own form. Answers are compared first.

Not compared: history watch, problems, letters; and ours says in words why each request stands where it does.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import SimpleNamespace
from typing import cast

from bench.data import TABLE, Alliance, as_text, rows
from bench.engines import Engine, with_duckdb, with_polars, with_rows, with_rules
from bench.measure import OURS, Line, in_turn, process, shown, size_name

FROM_ROWS, IN_MEMORY, EXPONENT, PEAK = 1.0, 0.6, 1.1, 1.0
_GOAL_AT = 1_000_000
_SMALL = 20_000
_POLARS, _CODED, _DUCKDB, _ROWS = "polars (str)", "polars (Categorical)", "duckdb", "row loop"
_CATEGORICAL = SimpleNamespace(**{**vars(with_polars), "typed": with_polars.categorical})
ENGINES: Mapping[str, Engine] = {
    OURS: with_rules,
    _POLARS: with_polars,
    _CODED: cast(Engine, _CATEGORICAL),
    _DUCKDB: with_duckdb,
    _ROWS: with_rows,
}
_MOST_ROWS = 100_000  # a loop over more takes long, and its ratio is known by then


def from_rows(sizes: list[int]) -> Iterator[Line]:
    """Points, ladder and queue from rows of text, as an API returns them; parsing is the greater part."""
    for size in sizes:
        texts = {name: as_text(TABLE[name], cells) for name, cells in rows(Alliance(size)).items()}
        chosen = {name: ENGINES[name] for name in (OURS, _POLARS, _ROWS)}
        _same({name: engine.answers(*engine.from_texts(texts)) for name, engine in chosen.items()})
        acts = {name: partial(engine.from_texts, texts) for name, engine in chosen.items()}
        goals = {_POLARS: FROM_ROWS} if size <= _SMALL else {}
        yield from _pairs(acts, "from rows of text, all rules", size, 5, goals)


def in_memory(sizes: list[int]) -> Iterator[Line]:
    """Points and ladder, then the queue of a tenth as many requests, on typed data."""
    for size in sizes:
        chosen = {name: engine for name, engine in ENGINES.items() if name != _ROWS or size <= _MOST_ROWS}
        forms = {name: engine.typed(Alliance(size), requests=True) for name, engine in chosen.items()}
        results = {name: engine.points_and_ladder(forms[name]) for name, engine in chosen.items()}
        placed = {name: engine.queue(forms[name], results[name]) for name, engine in chosen.items()}
        _same({name: engine.answers(results[name], placed[name]) for name, engine in chosen.items()})
        rounds = 5 if size > _MOST_ROWS else 7
        goals = {_POLARS: IN_MEMORY} if size == _GOAL_AT else {}
        ladder = {name: partial(engine.points_and_ladder, forms[name]) for name, engine in chosen.items()}
        yield from _pairs(ladder, "in memory, points and ladder", size, rounds, goals)
        queue = {name: partial(engine.queue, forms[name], results[name]) for name, engine in chosen.items()}
        yield from _pairs(queue, "in memory, queue", size, rounds, {})


def _pairs(
    acts: Mapping[str, Callable[[], object]], what: str, size: int, rounds: int, goals: Mapping[str, float]
) -> Iterator[Line]:
    """Ours in turn with each other engine by itself: a third one's threads and memory would slow the two down."""
    for name, act in acts.items():
        if name != OURS:
            times = in_turn({OURS: acts[OURS], name: act}, rounds)
            yield times.line("rules", what, size_name(size), name, goals.get(name))


def _same(answers: Mapping[str, object]) -> None:
    """Stops the measurement when an engine has another answer than ours: its time is worth nothing then."""
    ours = cast(with_rules.Answers, answers[OURS])
    for name, other in answers.items():
        if differs := ours.differ(cast(with_rules.Answers, other)):
            raise SystemExit(f"{name} has other answers: {differs}")


def growth(small: int, big: int) -> Iterator[Line]:
    """Points and ladder from *small* to *big*, each engine alone in a process: time, exponent, peak memory."""
    names = (OURS, _POLARS, _CODED, _DUCKDB)
    alone = {(name, size): _alone(name, size) for size in (small, big) for name in names}
    decades = math.log10(big / small)
    for name in names[1:]:
        mine, other = alone[OURS, big], alone[name, big]
        yield Line(
            "rules", "alone, points and ladder", size_name(big), name, shown(mine[0]), shown(other[0]),
            mine[0] / other[0],
        )  # fmt: skip
        yield Line(
            "rules", "  peak memory of the process", size_name(big), name, f"{mine[1]:.0f} MiB", f"{other[1]:.0f} MiB",
            mine[1] / other[1], PEAK if name == _POLARS else None,
        )  # fmt: skip
    for name in names:
        exponent = math.log10(alone[name, big][0] / alone[name, small][0]) / decades
        yield Line(
            "rules", f"growth exponent of {name}", f"{size_name(small)}+", "1 is linear", f"{exponent:.2f}", "1",
            exponent, EXPONENT if name == OURS else None,
        )  # fmt: skip


def _alone(name: str, size: int) -> tuple[float, float]:
    """Seconds, and peak MiB, of *name* in a process of its own."""
    spent = process(["-m", "bench.alone", name, str(size)])
    return float(json.loads(spent.output)), spent.peak_mib

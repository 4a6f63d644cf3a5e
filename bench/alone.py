"""One engine alone in a process, so that its peak memory is its own: `python -m bench.alone ENGINE LOANS`.

Prints the median seconds of points and ladder. Only the engine's own library is imported.
"""

from __future__ import annotations

import importlib
import statistics
import sys

from bench.data import Alliance
from bench.measure import OURS, in_turn

_MODULES = {
    OURS: ("with_rules", "typed"),
    "polars (str)": ("with_polars", "typed"),
    "polars (Categorical)": ("with_polars", "categorical"),
    "duckdb": ("with_duckdb", "typed"),
}


def main(name: str, loans: int) -> None:
    """Make the data, compute, print."""
    module, typed = _MODULES[name]
    engine = importlib.import_module(f"bench.engines.{module}")
    form = getattr(engine, typed)(Alliance(loans), requests=False)
    times = in_turn({name: lambda: engine.points_and_ladder(form)}, 3)
    print(statistics.median(times.rounds[name]))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

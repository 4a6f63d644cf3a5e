"""`python -m bench`: every goal of speed beside its yardstick, in one run on this machine.

Only ratios mean anything: absolute times move with the machine. See bench/measure.py for how they are taken.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence

from bench.measure import Line, compiled, size_of

_SHEETS, _MEMORY = (1_000, 20_000), (1_000, 100_000, 1_000_000)
_LARGE_SHEETS, _LARGE_MEMORY = (200_000,), (10_000_000,)
_WIDTHS = (9, 34, 5, 20, 12, 12, 8, 7, 8)
_HEADINGS = ("section", "what", "loans", "yardstick", "ours", "yardstick", "ratio", "goal", "")


def _start(_sizes: list[int], _large: list[int]) -> Iterator[Line]:
    from bench import start  # each section brings libraries of its own

    yield from start.lines()


def _run(sizes: list[int], large: list[int]) -> Iterator[Line]:
    from bench import run

    yield from run.lines([*sizes, *large])


def _read(sizes: list[int], large: list[int]) -> Iterator[Line]:
    from bench import read

    yield from read.lines([*sizes, *large])


def _write(sizes: list[int], large: list[int]) -> Iterator[Line]:
    from bench import write

    yield from write.lines([*sizes, *large], full=bool(large))


def _rules(sizes: list[int], large: list[int]) -> Iterator[Line]:
    from bench import compute

    yield from compute.from_rows([*sizes, *([100_000] if large else [])])
    yield from compute.in_memory([*_MEMORY])
    if large:
        yield from compute.growth(*_MEMORY[-1:], *_LARGE_MEMORY)


def _match(_sizes: list[int], _large: list[int]) -> Iterator[Line]:
    from bench import match

    yield from match.lines()


_SECTIONS: Mapping[str, Callable[[list[int], list[int]], Iterator[Line]]] = {
    "start": _start,
    "rules": _rules,
    "match": _match,
    "read": _read,
    "write": _write,
    "run": _run,
}


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    options = _options(arguments)
    compiled()
    if not options.json:
        print(f"Python {platform.python_version()}, {platform.machine()}; ratio = ours / yardstick, median of pairs")
        print(_row(_HEADINGS))
    began = time.perf_counter()
    found = []
    for name in options.only:
        for line in _SECTIONS[name](options.sizes, list(_LARGE_SHEETS) if options.large else []):
            found.append(line)
            if not options.json:
                print(_printed(line), flush=True)
    if options.json:
        print(json.dumps([{**dataclasses.asdict(line), "verdict": line.verdict} for line in found], ensure_ascii=False))
    else:
        _sum_up(found, time.perf_counter() - began)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--sizes",
        type=lambda text: [size_of(name) for name in text.split(",")],
        default=list(_SHEETS),
        help="loans in the sheets, such as 1k,20k",
    )
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=list(_SECTIONS),
        help=f"sections: {','.join(_SECTIONS)}",
    )
    parser.add_argument("--large", action="store_true", help="also sheets of 200k loans, rules on 10M (many minutes)")
    parser.add_argument("--json", action="store_true", help="one JSON array instead of a table")
    options = parser.parse_args(arguments)
    if unknown := set(options.only) - _SECTIONS.keys():
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    return options


def _printed(line: Line) -> str:
    goal = "" if line.goal is None else f"<={line.goal:g}"
    cells = (line.section, line.what, line.size, line.yardstick, line.ours, line.theirs, f"{line.ratio:.3f}", goal)
    return f"{_row((*cells, line.verdict))} {line.note}".rstrip()


def _row(cells: Sequence[str]) -> str:
    return " ".join(cell + " " * (width - _width(cell)) for cell, width in zip(cells, _WIDTHS, strict=True))


def _width(text: str) -> int:
    """Columns that *text* takes on a terminal: two for a Chinese character."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _sum_up(found: Sequence[Line], seconds: float) -> None:
    goals = [line for line in found if line.goal is not None]
    missed = [f"{line.what} at {line.size}" if line.size else line.what for line in goals if line.verdict != "met"]
    print(f"\n{len(goals) - len(missed)} of {len(goals)} goals met, in {seconds:.0f} s", end="")
    print(f"; missed: {'; '.join(missed)}" if missed else "")


if __name__ == "__main__":
    main(sys.argv[1:])

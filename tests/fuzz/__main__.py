"""The long run: `python -m tests.fuzz --seeds 2000 [--kind workbook|settings|cell] [--first 0] [--markdown]`.

Prints how many of each kind were told in a sentence, were accepted, and broke something. Each workbook and settings
file is tried in a process of its own, with a limit on its memory and its time, so that what would take the whole machine
down is counted instead. Cells are decided in memory; one in FILED is also typed into the file, and the file run.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from rules.policy import Policy
from rules.schema import TABLES
from sync import demo
from sync.backends.workbook import Workbook
from tests.fuzz import attempts, packages, settings
from tests.rules.sheets import ZONE

SECONDS, MEGABYTES = 20, 1500
"""The most one attempt may take, of a processor's time; the demo's own run takes a tenth of either."""
FILED = 50
KINDS = ("workbook", "settings", "cell")
ACCEPTED = ("used", "read")
COLUMNS = ("kind", "tried", "told in a sentence", "accepted", "broke", "seconds")


def outcomes(kind: str, seeds: range, home: Path) -> Iterator[tuple[int, str]]:
    """(seed, what became of it), for each of *seeds*."""
    demo.make(home, lambda: attempts.TODAY, None)
    book, config = home / "alliance.xlsx", home / "config.yaml"
    parts, text = packages.parts_of(book.read_bytes()), config.read_text(encoding="utf-8")
    sheet = Workbook(book).read(TABLES)
    clean = attempts.decide(sheet, attempts.TODAY, Policy(), ZONE)

    def try_workbook(seed: int) -> str:
        (hurt := home / "hurt.xlsx").write_bytes(packages.mutated(parts, seed))
        return attempts.workbook(hurt)

    def try_settings(seed: int) -> str:
        (hurt := home / "hurt.yaml").write_text(settings.mutated(text, seed), encoding="utf-8")
        return attempts.settings(hurt)

    def try_cell(seed: int) -> str:
        if seed % FILED == 0:
            attempts.filed(book, sheet, seed)
        return attempts.cell(sheet, clean, seed)

    attempt = dict(zip(KINDS, (try_workbook, try_settings, try_cell), strict=True))[kind]
    for seed in seeds:
        yield seed, _said(attempt, seed) if kind == "cell" else _alone(attempt, seed)


def _alone(attempt: Callable[[int], str], seed: int) -> str:
    """What became of *seed*, tried in a process that may not take more than its share."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_bounded, args=(attempt, seed, theirs))
    process.start()
    theirs.close()
    try:
        return str(ours.recv())
    except EOFError:
        process.join()
        return f"CRASHED: signal {-(process.exitcode or 0)}"
    finally:
        process.join()


def _bounded(attempt: Callable[[int], str], seed: int, answer: object) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEGABYTES * 1_000_000,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    signal.alarm(10 * SECONDS)  # what waits uses none of it; a busy machine is no defect
    answer.send(_said(attempt, seed))  # type: ignore[attr-defined]  # a Connection


def _said(attempt: Callable[[int], str], seed: int) -> str:
    try:
        return attempt(seed)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return f"BROKE: {type(error).__name__}: {error}"[:300]  # whatever it is, it is what the run is looking for


def tried(kind: str, seeds: range) -> tuple[object, ...]:
    """One line of COLUMNS; what broke is told on stderr at once."""
    began, count = time.monotonic(), Counter[str]()
    with tempfile.TemporaryDirectory() as home:
        for seed, outcome in outcomes(kind, seeds, Path(home)):
            broke = outcome.startswith(("BROKE", "CRASHED"))
            count["broke" if broke else "accepted" if outcome in ACCEPTED else "told"] += 1
            if broke:
                print(f"{kind} {seed}: {outcome}", file=sys.stderr, flush=True)
    seconds = round(time.monotonic() - began)
    return kind, len(seeds), count["told"], count["accepted"], count["broke"], seconds


def main() -> int:
    """0 when nothing broke."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", type=int, default=1000)
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--kind", choices=KINDS, action="append")
    options.add_argument("--markdown", action="store_true", help="the summary as a table")
    given = options.parse_args()
    lines = [tried(kind, range(given.first, given.first + given.seeds)) for kind in given.kind or KINDS]
    if given.markdown:
        print(*(f"| {' | '.join(map(str, line))} |" for line in (COLUMNS, ["---"] * len(COLUMNS), *lines)), sep="\n")
    else:
        print(
            *(", ".join(f"{name} {cell}" for name, cell in zip(COLUMNS, line, strict=True)) for line in lines), sep="\n"
        )
    return 1 if any(line[COLUMNS.index("broke")] for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main())

"""The long run: `python -m tests.fuzz --seeds 2000 [--kind workbook|settings|cell] [--first 0]` prints what became of each.

Each workbook and settings file is tried in a process of its own, with a limit on its memory and its time, so that what
would take the whole machine down is counted instead.
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
"""The most one attempt may take; the demo's own run takes a tenth of either."""


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

    attempt: Callable[[int], str] = {
        "workbook": try_workbook,
        "settings": try_settings,
        "cell": lambda seed: attempts.cell(sheet, clean, seed),
    }[kind]
    for seed in seeds:
        yield seed, attempt(seed) if kind == "cell" else _alone(attempt, seed)


def _alone(attempt: Callable[[int], str], seed: int) -> str:
    """What became of *seed*, tried in a process that may not take more than its share."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_bounded, args=(attempt, seed, theirs))
    process.start()
    theirs.close()
    try:
        return str(ours.recv())
    except EOFError:
        return f"CRASHED: signal {-(process.exitcode or 0)}"
    finally:
        process.join()


def _bounded(attempt: Callable[[int], str], seed: int, answer: object) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEGABYTES * 1_000_000,) * 2)
    signal.alarm(SECONDS)
    try:
        said = attempt(seed)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is what the run is looking for
        said = f"BROKE: {type(error).__name__}: {error}"[:200]
    answer.send(said)  # type: ignore[attr-defined]  # a Connection


def main() -> int:
    """0 when nothing broke."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", type=int, default=1000)
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--kind", choices=("workbook", "settings", "cell"), action="append")
    given = options.parse_args()
    bad = 0
    print("| what | tried | seconds | became |\n|---|---|---|---|")
    for kind in given.kind or ("workbook", "settings", "cell"):
        began, count = time.monotonic(), Counter[str]()
        with tempfile.TemporaryDirectory() as home:
            for seed, outcome in outcomes(kind, range(given.first, given.first + given.seeds), Path(home)):
                count[outcome.partition(":")[0]] += 1
                if outcome.startswith(("BROKE", "CRASHED")):
                    bad += 1
                    print(f"{kind} {seed}: {outcome}", file=sys.stderr)
        became = ", ".join(f"{word} {number}" for word, number in count.most_common())
        print(f"| {kind} | {given.seeds} | {time.monotonic() - began:.0f} | {became} |", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

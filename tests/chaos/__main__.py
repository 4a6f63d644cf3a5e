"""The long run: everything that can go wrong with a run, and what became of the sheet and of the mail.

`python -m tests.chaos` tries every kind on every backend and prints what it counted, as a table. A law that did not
hold is told at once, with the command that tries the same again; then the exit code is 1.
"""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
import time
import traceback
from collections.abc import Iterable, Sequence

from tests.chaos.kinds import KINDS
from tests.chaos.life import Figures
from tests.chaos.mornings import Mornings
from tests.chaos.places import PLACES
from tests.chaos.post import post

COUNTED = ("trials", "runs", "crashes", "faults", "edits", "mails", "held", "losses", "duplicates", "broken", "seconds")
HEADERS = ("kind", "backend", *COUNTED[:5], "mails counted at the server", "held for a person", *COUNTED[7:])


def tried(kind: str, mornings: Mornings, seeds: Iterable[int], *, briefly: bool = False) -> Figures:
    """What was counted in the trials of *kind* with these numbers; those that there are not are left out."""
    figures, began = Figures(), time.monotonic()
    trial = KINDS[kind].made(mornings, briefly=briefly)
    for seed in seeds:
        try:
            figures["trials"] += trial(seed, figures)
        except Exception:  # noqa: BLE001  # whatever it is, it is what the run is looking for
            figures.update(("trials", "broken"))
            _tell(kind, mornings.backend, seed, briefly=briefly)
        figures["mails"] += len(mornings.post.taken())
        mornings.post.forget()
    figures["seconds"] = round(time.monotonic() - began)
    return figures


def _tell(kind: str, backend: str, seed: int, *, briefly: bool) -> None:
    again = ["python", "-m", "tests.chaos", "--kind", kind, "--backend", backend, "--seed", str(seed)]
    print(traceback.format_exc(), shlex.join([*again, *(["--brief"] if briefly else [])]), sep="\n", file=sys.stderr)


def table(rows: Sequence[tuple[str, str, Figures]], *, markdown: bool) -> Iterable[str]:
    """*rows* and their sums, a line each; markdown: as a table of Markdown, else in columns."""
    sums = Figures()
    for _, _, figures in rows:
        sums.update(figures)
    lines = [[kind, backend, *(str(figures[name]) for name in COUNTED)] for kind, backend, figures in rows]
    lines = [list(HEADERS), *lines, ["all", "", *(str(sums[name]) for name in COUNTED)]]
    if markdown:
        lines.insert(1, ["---", "---", *["---:"] * len(COUNTED)])
        return [f"| {' | '.join(line)} |" for line in lines]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]


def options() -> argparse.ArgumentParser:
    """The arguments of the command."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--kind", choices=KINDS, action="append", help="only this kind; may be given again")
    made.add_argument("--backend", choices=PLACES, action="append", help="only on this backend; may be given again")
    made.add_argument("--seeds", type=int, help="so many trials of each; without it as many as take some minutes")
    made.add_argument("--first", type=int, default=0, help="the number of the first trial")
    made.add_argument("--seed", type=int, help="only the trial with this number")
    made.add_argument("--brief", action="store_true", help="one of each, in seconds")
    made.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every law held."""
    given = options().parse_args(arguments)
    logging.disable(logging.WARNING)  # what a run survives it may log
    rows = []
    for backend in given.backend or PLACES:
        with post() as server, Mornings(backend, server) as mornings:
            for kind in given.kind or KINDS:
                print(f"{kind} on {backend}", end=" ", file=sys.stderr, flush=True)
                many = given.seeds or (1 if given.brief else KINDS[kind].seeds)
                seeds = range(given.first, given.first + many) if given.seed is None else [given.seed]
                figures = tried(kind, mornings, seeds, briefly=given.brief)
                print(f"{figures['trials']} in {figures['seconds']} s, {figures['broken']} broken", file=sys.stderr)
                rows.append((kind, backend, figures))
    print(*table(rows, markdown=given.markdown), sep="\n")
    return 1 if any(figures["broken"] for _, _, figures in rows) else 0


if __name__ == "__main__":
    sys.exit(main())

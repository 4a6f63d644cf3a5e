"""A sheet that is still as it was when a run found nothing to do: the next run writes its log row and stops.

The watch looks every few minutes, so this look is cheap: checksums, no rules, no pandas. What it needs to know lies in
a file beside the settings. It is a convenience: without the file, or on another machine, the run is a whole one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from rules.schema import RUNS, renamed
from sync import __version__, files
from sync.backends import Backend
from sync.config import Config
from sync.errors import Conflict
from sync.runlog import Report, Tally, logged, run_id

FILE = Path(files.STATE) / "last-run.json"


def remember(config: Config, backend: Backend, report: Report, version: object) -> None:
    """Keep *report* of a run that found nothing to do, and the state of the sheet that it found."""
    state = backend.state(version)
    if not state:
        return
    kept = {
        "basis": _basis(config, report.as_of),
        "state": state,
        "report": {**asdict(report), "as_of": None, "unkept": None, "filed": {}},
    }
    with suppress(OSError):  # a folder that cannot be written costs speed, nothing else
        files.keep(config.home / FILE, json.dumps(kept, ensure_ascii=False).encode())


def run(config: Config, backend: Backend, as_of: date, clock: Callable[[], datetime]) -> Report | None:
    """The report of a run that had nothing to do, its log row written; None when a whole run is needed."""
    kept = _kept(config.home / FILE)
    if kept is None or kept.get("basis") != _basis(config, as_of):
        return None
    started, tally = clock(), Tally()
    with backend.lock(), suppress(Conflict):
        with tally.timed("read"):
            book = backend.read((RUNS,))
        log = book.tabs.get(RUNS.name)
        if log is None or backend.state(book.version) != kept["state"] or not _ends_with(log.rows, kept):
            return None
        report = Report(**{**kept["report"], "as_of": as_of, "calls": backend.calls, "seconds": tally.seconds})
        report = replace(report, run_id=run_id(started))
        with tally.timed("write"):
            change = logged(renamed(config.schema.rename)[RUNS.name], log, report, started, clock(), 0)
            version = backend.write([change], book.version)
        remember(config, backend, report, version)
        return report
    return None


def _kept(file: Path) -> dict[str, Any] | None:  # what `remember` wrote, or anything at all
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return kept if isinstance(kept, dict) and "report" in kept else None


def _ends_with(rows: Any, kept: dict[str, Any]) -> bool:  # rows of the log as read
    """True when the log's last row is the run we know: nobody emptied it, no other machine ran since."""
    return bool(rows) and bool(rows[-1]) and rows[-1][0] == kept["report"].get("run_id")


def _basis(config: Config, as_of: date) -> str:
    """Everything but the sheet that a run's result rests on."""
    return sha256(f"{__version__}\n{as_of}\n{config!r}".encode()).hexdigest()

"""More than a year of weekly runs on a sheet that grows every week, over a new year and the day the old one is filed.

`python -m tests.chaos.endurance` lives it on every backend and prints, as a table of Markdown, what it measured: the
calls of a run, mail counted at the server, rows of the outbox, memory and seconds. A law that does not hold is told,
and the exit code is 1. The worker is a process of its own, so that its memory is nobody else's.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import multiprocessing
import re
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from math import ceil
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from pathlib import Path
from time import monotonic
from types import SimpleNamespace
from typing import Any

from rules.archive import unfolded
from rules.outbox import mails_in
from rules.policy import Alliance, CalendarPolicy, Policy
from rules.schema import OUTBOX, TABLES, Table, archive_of
from rules.values import Cell, Mail, MailStatus
from sync.backends import Backend
from sync.backends.workbook import MOST_MB, Workbook
from sync.mail import Smtp
from sync.wording import Wording
from sync.worker import Worker
from sync.xlsx import sheet, tabs
from sync.xlsx.package import Package
from tests.chaos.life import Figures, Trial, law
from tests.chaos.mornings import Mornings
from tests.chaos.post import FORK, Post, post
from tests.rules.sheets import BY_NAME, ZONE, Cells, grid, loan, member, part, request
from tests.sync import bases, spreadsheets

WEEKS = 60
START = date(2025, 6, 2)
"""A Monday, as each run's day is; 2025 is filed in the 45th of them."""
WARM = 5
"""So many runs a process has had before its memory counts."""
LATE = 0.75
"""From this part of its life on a process holds no more than it did at most before: what it took for a year's mail."""
MORE, MORE_OBJECTS = 1.05, 1.03
"""How much is still no more: days that were read and patterns are kept, up to a number."""
VARYING = {"workbook": 0, "google": 0, "feishu": 4}
"""By how many calls runs may differ: in a base, rows of a table are made, changed and deleted by one call each."""
PAGE = 500
"""Rows of a base that one call reads."""

POLICY = Policy(alliance=Alliance(coordinator_email="desk@example.cn"), calendar=CalendarPolicy(country="none"))
NEW = multiprocessing.get_context("spawn")
"""A process that has nothing from this one: its memory is its own."""
WORDS = Wording("互助联盟", "huzhu@alliance.example", None)


# --- an alliance that grows ------------------------------------------------------------------------------------------

CENTERS = [f"中心{n:02}" for n in range(20)]
PARTS = [f"P-{n}" for n in range(5)]
LOANS_A_WEEK, REQUESTS_A_WEEK = 5, 2
BACK_AFTER = (9, 12, 13, 19, 33)
"""Days after which a loan of two weeks comes back, in turn: in time, and after each step of the ladder."""


def tables(as_of: date) -> dict[str, list[Cells]]:
    """What members have typed by that day, row by row: each stays where it is, and new ones come below."""
    weeks = (as_of - START).days // 7 + 1
    return {
        "members": [
            member(center, 上级邮箱=f"boss{n}@example.cn", 纬度=25 + n / 2, 经度=105 + n / 2)
            for n, center in enumerate(CENTERS)
        ],
        "parts": [part(number) for number in PARTS],
        "inventory": [
            {"服务中心": c, "配件编号": PARTS[n % 5], "在库数量": 3, "更新日期": as_of - timedelta(3)}
            for n, c in enumerate(CENTERS)
        ],
        "requests": [_request(n, as_of) for n in range(weeks * REQUESTS_A_WEEK)],
        "loans": [_loan(n, as_of) for n in range(weeks * LOANS_A_WEEK)],
    }


def _request(n: int, as_of: date) -> Cells:
    made = START + timedelta(7 * (n // REQUESTS_A_WEEK) - 1)
    status = "已满足" if (as_of - made).days > 10 else "待响应"
    return request(
        f"R-{n}", CENTERS[7 * n % 20], 配件编号=PARTS[n % 5], 提出时间=datetime.combine(made, time(8)), 状态=status
    )


def _loan(n: int, as_of: date) -> Cells:
    lent = START + timedelta(7 * (n // LOANS_A_WEEK) - 2)
    back, there = lent + timedelta(BACK_AFTER[n % 5]), lent + timedelta(3)
    lender, borrower = CENTERS[3 * n % 20], CENTERS[(3 * n + 1 + n % 7) % 20]
    later: dict[str, Cell] = {"签收日期": there} if there <= as_of else {}
    later |= {"归还日期": back} if back <= as_of else {}
    return loan(f"L-{n}", lender, borrower, 配件编号=PARTS[n % 5], 借出日期=lent, 快递单号=f"SF{n}", 运费=30, **later)


def _lines(name: str, rows: Iterable[Cells]) -> list[list[Cell]]:
    """*rows* as cells in the order of the columns that people type."""
    return [list(row[: len(BY_NAME[name].typed)]) for row in grid(BY_NAME[name], rows).rows[1:]]


# --- where its sheet is ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """put: people type these tables. where: what another process needs to open the sheet."""

    kind: str
    put: Callable[[Mapping[str, list[Cells]]], None]
    where: tuple[str, ...]

    def backend(self, now: datetime) -> Backend:
        """The sheet as a run opens it."""
        return opened(self.kind, self.where, now)


def opened(kind: str, where: tuple[str, ...], now: datetime) -> Backend:
    """The sheet of a place, in any process."""
    if kind == "workbook":
        return Workbook(Path(where[0]), wait_seconds=0)
    url, ident = where
    house: Any = {"google": spreadsheets.House, "feishu": bases.House}[kind]
    return house(None, SimpleNamespace(url=url), ident, None).backend(now)


@contextmanager
def workbook() -> Iterator[Place]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "alliance.xlsx"
        Workbook(path).prepare(TABLES)

        def put(typed: Mapping[str, list[Cells]]) -> None:
            package = Package(path.read_bytes(), path.name, MOST_MB)
            for name, tab in tabs.held(package, [BY_NAME[name] for name in typed]).items():
                table = BY_NAME[name]
                written = sheet.member_data(package, table, _lines(name, typed[name]), {}, title=tab.title).encode()
                package.put(tab.part, sheet.replaced(package.read(tab.part), written, len(table.columns)))
            path.write_bytes(package.packed())

        yield Place("workbook", put, (str(path),))


@contextmanager
def google() -> Iterator[Place]:
    with spreadsheets.spreadsheet() as house:
        house.backend().prepare(TABLES)

        def put(typed: Mapping[str, list[Cells]]) -> None:
            house.paste({name: _lines(name, rows) for name, rows in typed.items()})

        yield Place("google", put, (house.server.url, house.ident))


@contextmanager
def feishu() -> Iterator[Place]:
    with bases.base() as house:
        bases.peopled(house, tables(START))

        def put(typed: Mapping[str, list[Cells]]) -> None:
            for name, rows in typed.items():
                headers: list[Cell] = [column.header for column in BY_NAME[name].typed]
                house.person.replace(BY_NAME[name].title, [headers, *_lines(name, rows)])

        yield Place("feishu", put, (house.server.url, house.token))


PLACES = {"workbook": workbook, "google": google, "feishu": feishu}


# --- the runs --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """One run. calls: requests, or files opened. claims: writes that claim mail. rows: of the outbox afterwards.

    memory: what its process holds between runs, in MB; peak: the most it ever held. objects: how many Python objects.
    """

    day: date
    calls: int
    sent: int
    claims: int
    filed: int
    rows: int
    memory: float
    peak: float
    objects: int
    seconds: float

    @property
    def at_rest(self) -> int:
        """The calls that a week's mail has no part in."""
        return self.calls - self.claims


def _work(pipe: Connection, kind: str, where: tuple[str, ...], port: int) -> None:
    """The worker's process: a run for each day it is told, as `huzhu watch` has them."""
    for day in iter(pipe.recv, None):
        now = datetime.combine(day, time(9), ZONE)
        backend, began = opened(kind, where, now), monotonic()
        done = Worker(backend, Smtp("127.0.0.1", port, "none"), WORDS, POLICY, ZONE, lambda now=now: now).run(day)
        seconds, claims = monotonic() - began, ceil(done.mails["sent"] / backend.claims)
        del backend
        counted = (sum(done.calls.values()), done.mails["sent"], claims, sum(done.filed.values()))
        pipe.send((*counted, *_memory(), seconds))


def _memory() -> tuple[float, float, int]:
    """What this process holds, the most it ever held, in MB, and its objects. What it has freed is given back first."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    status = Path("/proc/self/status").read_text()
    now, peak = (int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) / 1024 for name in ("VmRSS", "VmHWM"))
    return now, peak, len(gc.get_objects())


def lived(place: Place, post: Post, weeks: int = WEEKS, apart: BaseContext = NEW) -> list[Run]:
    """A run a week, each after people have typed; mail goes to that server. apart: how the worker's process is made."""
    here, there = apart.Pipe()
    process = apart.Process(target=_work, args=(there, place.kind, place.where, post.port), daemon=True)
    process.start()
    there.close()
    runs = []
    for week in range(weeks):
        day = START + timedelta(7 * week)
        place.put(tables(day))
        here.send(day)
        calls, sent, claims, filed, *held, seconds = here.recv()
        runs.append(Run(day, calls, sent, claims, filed, len(_kept(place)), *held, seconds))
    here.send(None)
    process.join()
    return runs


def _kept(place: Place, table: Table = OUTBOX) -> list[Mail]:
    """The mails of the outbox or an archive; long after the last run, whose turn may not be over."""
    later = datetime.combine(START + timedelta(7 * 1000), time(9), ZONE)
    return mails_in(place.backend(later).read((table,)).tabs.get(table.name), ZONE, table)


# --- what must hold --------------------------------------------------------------------------------------------------


def broken(place: Place, runs: Sequence[Run], taken: Counter[str]) -> list[str]:
    """The laws that do not hold. taken: how often each mail came to the server."""
    archives = [archive_of(OUTBOX, year) for year in _past(runs)]
    left = [mail for table in (OUTBOX, *archives) for mail in _kept(place, table) if mail.status is MailStatus.SENT]
    told = {key for mail in unfolded(_kept(place)) for key in mail.items}
    return [*of_mail(left, told, taken), *of_runs(place.kind, runs)]


def of_mail(left: Sequence[Mail], told: Collection[str], taken: Counter[str]) -> Iterator[str]:
    """left: mails that are called sent, filed or not; told: the keys that the outbox has on record."""
    keys = Counter(key for mail in left for key in mail.items)
    twice = [name for counted in (taken, keys) for name, times in counted.items() if times > 1]
    if twice:
        yield f"left more than once: {twice[:5]}"
    if Counter(mail.mail_id for mail in left) != taken:
        yield f"{len(taken)} mails came to the server, {len(left)} are on record"
    if lost := sorted(keys.keys() - told):
        yield f"not on record in the outbox any more: {lost[:5]}"


def of_runs(kind: str, runs: Sequence[Run]) -> Iterator[str]:
    """What a run costs, what is filed, what the process holds."""
    keep = timedelta(POLICY.mail.keep_days)
    over = sum(runs[-1].day >= date(year + 1, 1, 1) + keep for year in _past(runs))
    if (filings := sum(bool(run.filed) for run in runs)) != over:
        yield f"{filings} years were filed, not {over}"
    usual = [run.at_rest - (_pages(run) if kind == "feishu" else 0) for run in runs[1:] if not run.filed]
    if usual and max(usual) - min(usual) > VARYING[kind]:
        yield f"runs cost {min(usual)} to {max(usual)} calls"
    yield from _grown(runs)


def _past(runs: Sequence[Run]) -> range:
    return range(START.year, runs[-1].day.year)


def _pages(run: Run) -> int:
    """What a base is read in besides the first page of each table: of the outbox, loans, their states, two postings."""
    loans = len(tables(run.day)["loans"])
    return sum((rows - 1) // PAGE for rows in (run.rows, loans, loans, 2 * loans) if rows)


def _grown(runs: Sequence[Run]) -> Iterator[str]:
    early, last, warm = runs[: ceil(len(runs) * LATE)], runs[-1], _warm(runs)
    before = max(run.memory for run in early)
    if last.memory > before * MORE:
        yield f"the process grew from {before:.0f} to {last.memory:.0f} MB"
    if last.objects > warm.objects * MORE_OBJECTS:
        yield f"the process held {warm.objects} objects, and holds {last.objects}"


def _warm(runs: Sequence[Run]) -> Run:
    return runs[min(WARM, len(runs) - 1)]


def trials(mornings: Mornings, weeks: int = WEEKS) -> Trial:
    """A life on the backend of *mornings*. There is but one."""

    def trial(_seed: int, figures: Figures) -> bool:
        mornings.post.forget()
        with PLACES[mornings.backend]() as place:
            runs = lived(place, mornings.post, weeks, FORK)
            said = broken(place, runs, Counter(mornings.post.taken()))
        figures["runs"] += len(runs)
        law(not said, "; ".join(said))
        return True

    return trial


HEADERS = (
    "backend", "runs", "calls: first", "median", "last", "filing run", "mails counted at the server", "duplicates",
    "rows of the outbox: most", "after filing", "last", "MB after warm-up", "after filing", "last", "at most",
    "objects after warm-up", "last", "seconds: second run", "last",
)  # fmt: skip


def measured(place: Place, runs: Sequence[Run], taken: Counter[str]) -> list[str]:
    """One row of the table."""
    usual = [run.calls for run in runs if not run.filed]
    filing = next((run for run in runs if run.filed), None)
    return [
        place.kind,
        str(len(runs)),
        *(str(round(n)) for n in (usual[0], statistics.median(usual), usual[-1])),
        str(filing.calls) if filing else "",
        str(sum(taken.values())),
        str(sum(times - 1 for times in taken.values())),
        str(max(run.rows for run in runs)),
        str(filing.rows) if filing else "",
        str(runs[-1].rows),
        f"{_warm(runs).memory:.0f}",
        f"{filing.memory:.0f}" if filing else "",
        *(f"{mb:.0f}" for mb in (runs[-1].memory, runs[-1].peak)),
        *(str(run.objects) for run in (_warm(runs), runs[-1])),
        *(f"{run.seconds:.2f}" for run in (runs[1], runs[-1])),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every law held."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--backend", choices=PLACES, action="append", help="only on this backend; may be given again")
    made.add_argument("--weeks", type=int, default=WEEKS, help="so many runs")
    given, bad = made.parse_args(arguments), 0
    print("", "| " + " | ".join(HEADERS) + " |", "|---" * len(HEADERS) + "|", sep="\n")
    for kind in given.backend or PLACES:
        with PLACES[kind]() as place, post() as server:
            runs = lived(place, server, given.weeks)
            taken = Counter(server.taken())
            print("| " + " | ".join(measured(place, runs, taken)) + " |", flush=True)
            for said in broken(place, runs, taken):
                bad += 1
                print(f"{kind}: {said}", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

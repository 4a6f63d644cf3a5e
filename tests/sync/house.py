"""A demo house to run cycles in, and what stands in its sheet."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

from click.testing import CliRunner

from rules.outbox import mails_in
from rules.schema import OUTBOX
from rules.values import Mail, MailStatus
from sync import compose
from sync.cli import cli
from sync.config import Config, load
from sync.runlog import Report

TODAY = date(2026, 11, 23)
ROOT = Path(__file__).parents[2]


def config(home: Path) -> Config:
    return load(home / "config.yaml")


def run(home: Path, as_of: date = TODAY, **changed: object) -> Report:
    """One cycle in this process; *changed* parts of the worker are replaced."""
    return replace(compose.worker(config(home)), **changed).run(as_of)


def started(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    """`huzhu` as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "sync", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )


def huzhu(*arguments: object, **environment: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of one command."""
    process = started(*arguments, **environment)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def called(*arguments: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of one command, called in this process: the same, but for the start."""
    done = CliRunner().invoke(cli, [str(argument) for argument in arguments], catch_exceptions=False)
    return done.exit_code, done.stdout, done.stderr


def book(home: Path) -> Path:
    return home / "alliance.xlsx"


def parts(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as package:
        return {name: package.read(name) for name in package.namelist()}


def mails(home: Path) -> list[Mail]:
    settings = config(home)
    raw = compose.backend(settings).read((OUTBOX,)).tabs.get("outbox")
    return mails_in(raw, settings.zone)


def by_status(home: Path) -> Counter[MailStatus]:
    return Counter(mail.status for mail in mails(home))

"""The workbook's file: read whole, replaced whole or not at all, and left alone while a person has it open.

A file is open elsewhere when the owner file that Excel, WPS or LibreOffice keeps beside it exists. One older than a day
is what a crash left behind, and does not count; its age is taken from the folder's own clock, not from this machine's.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from sync.xlsx.complaints import complaint, while_reading, while_writing

OWNER_FILES = (
    ("~${name}", "Excel / WPS"),
    (".~lock.{name}#", "LibreOffice"),
    (".~{name}", "WPS"),
)
STALE_SECONDS = 24 * 3600
_LOOK_AGAIN = 1.0  # seconds between two looks at whether the file is still open
_ANY_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def contents(path: Path) -> bytes:
    """The bytes of the file at *path*."""
    try:
        if path.is_dir():
            raise complaint("folder", name=path.name)
        return path.read_bytes()
    except OSError as error:
        raise while_reading(error, path.name) from error


def fingerprint(data: bytes) -> str:
    """What tells one content from another."""
    return hashlib.sha256(data).hexdigest()


def opened_by(path: Path, now: float | None = None) -> str:
    """The program that has the file open, "" when none has. *now*: the folder's clock; without it nothing is stale."""
    for pattern, program in OWNER_FILES:
        with contextlib.suppress(OSError):
            age = (now if now is not None else 0) - (path.parent / pattern.format(name=path.name)).stat().st_mtime
            if now is None or age < STALE_SECONDS:
                return program
    return ""


def is_writable(path: Path) -> bool:
    """True when this process may write *path*. A missing write mark counts for the superuser too."""
    try:
        return os.access(path, os.W_OK) and bool(path.stat().st_mode & _ANY_WRITE)
    except OSError:
        return False


def rewritten(
    path: Path,
    build: Callable[[bytes | None], bytes | None],
    *,
    wait_seconds: float,
    sleep: Callable[[float], None],
) -> bytes | None:
    """The bytes now in the file: what *build* makes of those there, or those there when it makes None.

    build: gets None when there is no file. The file is replaced in one step, mode and owner kept. Raises Conflict when
    someone saves it meanwhile, RunFailed when it stays open elsewhere; then, and on any error, it is as it was.
    """
    real = path.resolve()
    with _new_file(real) as (descriptor, beside):
        wait_until_closed(real, os.fstat(descriptor).st_mtime, wait_seconds=wait_seconds, sleep=sleep)
        before = _facts(real)
        old = contents(real) if before else None
        new = build(old)
        if new is None or new == old:
            return old
        try:
            _fill(descriptor, new, before)
            if _mark(_facts(real)) != _mark(before):
                raise complaint("changed", name=path.name)
            _replace(beside, real)
        except OSError as error:
            raise while_writing(error, path.name) from error
    return new


def wait_until_closed(path: Path, now: float, *, wait_seconds: float, sleep: Callable[[float], None]) -> None:
    """Returns once no program has the file open. Raises RunFailed when one still has after *wait_seconds*."""
    waited = 0.0
    while program := opened_by(path, now):
        if waited >= wait_seconds:
            raise complaint("open", name=path.name, by=program)
        pause = min(_LOOK_AGAIN, wait_seconds - waited)
        sleep(pause)
        waited += pause


@contextlib.contextmanager
def _new_file(path: Path) -> Iterator[tuple[int, Path]]:
    """An empty file beside *path*, gone at the end unless it took the name of *path*.

    Its name is always the same, so that what a killed run left is used again; the run's lock keeps others away.
    """
    beside = path.with_name(f".{path.name}.new")
    if not path.parent.is_dir():
        raise complaint("no_folder", name=path.name)
    if path.exists() and not is_writable(path):
        raise complaint("read_only_file", name=path.name)
    try:
        if not is_writable(path.parent):
            raise complaint("read_only_folder", name=path.name)
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o666)
        os.utime(descriptor)  # a file left by a killed run has an old date
    except OSError as error:
        raise while_writing(error, path.name) from error
    try:
        yield descriptor, beside
    finally:
        os.close(descriptor)
        with contextlib.suppress(OSError):
            beside.unlink()


def _facts(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _mark(facts: os.stat_result | None) -> tuple[int, int, int] | None:
    return (facts.st_ino, facts.st_size, facts.st_mtime_ns) if facts else None


def _fill(descriptor: int, data: bytes, like: os.stat_result | None) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    if like is not None and hasattr(os, "fchown"):
        with contextlib.suppress(PermissionError):  # only the superuser may give a file away
            os.fchown(descriptor, like.st_uid, like.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(like.st_mode))
    os.fsync(descriptor)


def _replace(new: Path, old: Path) -> None:
    try:
        os.replace(new, old)  # noqa: PTH105 - says what it does
    except PermissionError as error:  # Windows: a program without an owner file holds it
        raise complaint("open", name=old.name, by="?") from error
    if hasattr(os, "O_DIRECTORY"):
        folder = os.open(old.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

"""The snapshots of the last runs, in a folder beside the settings that nobody else may read.

They are what `huzhu undo` and `huzhu replay` rest on. A convenience of this machine: a run without them is as good.
"""

from __future__ import annotations

import re
from pathlib import Path

from rules.words import Words
from sync import files
from sync.errors import SetupError
from sync.snapshot import Snapshot, packed, unpacked

FOLDER = Path(files.STATE) / "runs"
_MB = 1_000_000
_NAME = re.compile(r"\d{8}-\d{6}\.json\.gz")


def keep(folder: Path, kept: Snapshot, *, most: int, max_mb: float) -> Words | None:
    """Keep *kept*, and of the older ones as many as fit *most* files and *max_mb*. None, or why it is not kept."""
    data = packed(kept)
    if len(data) > max_mb * _MB:
        size = f"{len(data) / _MB:.1f} MB"
        return Words(
            f"这次运行的快照有 {size}，超过 evidence.max_mb（{max_mb}），没有保存，因此不能撤销",
            f"The snapshot of this run is {size}, over evidence.max_mb ({max_mb}); it was not kept, so no undo",
        )
    try:
        files.keep(folder / f"{kept.run_id}.json.gz", data)
        _prune(folder, most, max_mb)
    except OSError as error:
        return Words(
            f"这次运行的快照没能存进 {folder}（{error.strerror}），因此不能撤销",
            f"The snapshot of this run could not be kept in {folder} ({error.strerror}), so no undo",
        )
    return None


def _prune(folder: Path, most: int, max_mb: float) -> None:
    left = max_mb * _MB
    for number, file in enumerate(_files(folder), 1):
        left -= file.stat().st_size
        if number > most or left < 0:
            file.unlink()


def _files(folder: Path) -> list[Path]:
    """The newest first; what else lies there is nobody's business."""
    there = folder.iterdir() if folder.is_dir() else ()
    return sorted((file for file in there if _NAME.fullmatch(file.name)), reverse=True)


def last(folder: Path) -> Snapshot:
    """The snapshot of the last run of this machine. Raises SetupError when there is none."""
    there = _files(folder)
    if not there:
        raise SetupError(
            f"{folder} 里没有任何运行的快照：这台电脑还没有运行过，或 evidence.keep 是 0",
            f"{folder} holds no snapshot: this machine has not run yet, or evidence.keep is 0",
        )
    return _read(there[0])


def named(folder: Path, name: str) -> Snapshot:
    """The snapshot of the run called *name*, or in the file *name*. Raises SetupError when there is none."""
    run = folder / f"{name}.json.gz"
    if run.is_file() and _NAME.fullmatch(run.name):
        return _read(run)
    if Path(name).is_file():
        return _read(Path(name))
    runs = "、".join(file.name.removesuffix(".json.gz") for file in _files(folder)[:5])
    raise SetupError(
        f"没有运行 {name} 的快照，也没有这个文件" + (f"；最近的有 {runs}" if runs else ""),
        f"there is no snapshot of the run {name}, and no such file" + (f"; the last are {runs}" if runs else ""),
    )


def _read(file: Path) -> Snapshot:
    try:
        return unpacked(file.read_bytes(), file.name)
    except OSError as error:
        raise SetupError(f"读不了 {file}：{error.strerror}", f"cannot read {file}: {error.strerror}") from error

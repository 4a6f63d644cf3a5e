"""A file that a person asked for by name, or that the worker keeps for itself: there whole, or as it was before."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from sync.errors import SetupError


def write(file: Path, text: str) -> None:
    """*text* stands in *file*, in place of what was there and readable by whom that was.

    Raises SetupError, with nothing written, when the folder is missing or cannot be written.
    """
    if not file.parent.is_dir():
        raise SetupError(f"没有文件夹 {file.parent}，先建好它", f"there is no folder {file.parent}; make it first")
    new = file.with_name(f".{file.name}.new")
    try:
        new.write_text(text, encoding="utf-8", newline="\n")
        with suppress(FileNotFoundError):
            shutil.copymode(file, new)
        os.replace(new, file)  # noqa: PTH105  # says what it does
    except OSError as error:
        with suppress(OSError):
            new.unlink()
        raise SetupError(f"写不了 {file}：{error.strerror}", f"cannot write {file}: {error.strerror}") from error


STATE = ".huzhu"
"""The folder beside the settings in which the worker keeps what it knows of its last runs."""


def keep(file: Path, data: bytes) -> None:
    """*data* stands in *file*, which lies in the state folder, for this user alone, as do the folders around it.

    What was there with wider rights loses them. Raises OSError, with nothing written.
    """
    top = next((number for number, folder in enumerate(file.parents) if folder.name == STATE), 0)
    for folder in reversed(file.parents[: top + 1]):
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
    new = file.with_name(".new")
    try:
        new.unlink(missing_ok=True)  # with the rights it has
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(data)
        new.replace(file)
    except OSError:
        with suppress(OSError):
            new.unlink()
        raise

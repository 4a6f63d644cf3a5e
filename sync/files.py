"""A file that a person asked for by name: there whole, or as it was before."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from sync.errors import SetupError


def write(file: Path, text: str) -> None:
    """*text* stands in *file*, in place of what was there.

    Raises SetupError, with nothing written, when the folder is missing or cannot be written.
    """
    if not file.parent.is_dir():
        raise SetupError(f"没有文件夹 {file.parent}，先建好它", f"there is no folder {file.parent}; make it first")
    new = file.with_name(f".{file.name}.new")
    try:
        new.write_text(text, encoding="utf-8", newline="\n")
        os.replace(new, file)  # noqa: PTH105  # says what it does
    except OSError as error:
        with suppress(OSError):
            new.unlink()
        raise SetupError(f"写不了 {file}：{error.strerror}", f"cannot write {file}: {error.strerror}") from error

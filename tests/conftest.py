"""What tests of several rooms share."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

# A stop tries half of the examples, the same each time: what it says of a change must not hang on chance. With
# HUZHU_EXAMPLES they are other ones each time: 100 tries as many as each law asks for, 1000 ten times as many.
EXAMPLES = os.environ.get("HUZHU_EXAMPLES")
hypothesis.settings.register_profile(
    "huzhu",
    deadline=None,  # a busy machine is no defect
    max_examples=int(EXAMPLES or 50),
    derandomize=EXAMPLES is None,
)
hypothesis.settings.load_profile("huzhu")


@pytest.fixture(scope="session", autouse=True)
def lasting_power() -> Iterator[None]:
    """No test pulls the plug, so none of them waits for a disk; the processes that tests start do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _descriptor: None)
        yield


Convert = Callable[[Path, str], Path]


@pytest.fixture(scope="session")
def libreoffice(tmp_path_factory: pytest.TempPathFactory) -> Convert:
    """convert(path, "xlsx") or convert(path, "借调记录"): the file LibreOffice makes of it, or that tab as .csv."""
    program = shutil.which("soffice")
    if program is None:
        if os.environ.get("HUZHU_REQUIRE_LIBREOFFICE") == "1":
            pytest.fail("LibreOffice is required, and soffice is not on the PATH")
        pytest.skip("soffice is not on the PATH")
    profile = tmp_path_factory.mktemp("libreoffice")
    made: dict[tuple[str, bytes, str], Path] = {}

    def convert(path: Path, wanted: str) -> Path:
        # -1 at the end: every tab into a file of its own, called <workbook>-<tab>.csv.
        kind = (
            "xlsx"
            if wanted == "xlsx"
            else "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"
        )
        known = path.name, path.read_bytes(), kind
        if known not in made:  # another tab of the same book: every tab was written
            made[known] = converted(path, kind)
        return made[known] / (path.name if wanted == "xlsx" else f"{path.stem}-{wanted}.csv")

    def converted(path: Path, kind: str) -> Path:
        out = tmp_path_factory.mktemp("converted")
        command = [program, f"-env:UserInstallation={profile.as_uri()}", "--headless", "--convert-to", kind]
        subprocess.run([*command, "--outdir", str(out), str(path)], check=True, capture_output=True, timeout=180)
        return out

    return convert


@pytest.fixture(scope="module")
def chromium() -> Iterator[object]:
    """A real browser without a network. Of a module: playwright keeps an event loop running."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        if os.environ.get("HUZHU_REQUIRE_CHROMIUM") == "1":
            pytest.fail("Chromium is required, and not on the PATH")
        pytest.skip("chromium is not on the PATH")
    from tests.browser import Browser  # playwright takes a moment

    with Browser.started(program) as browser:
        yield browser

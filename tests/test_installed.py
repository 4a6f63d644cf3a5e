"""The program as it is installed: the wheel holds exactly its files, and works in a fresh environment."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(out.glob("*.whl"))


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """The Python of an environment that holds what requirements.lock names, as it is installed here, and nothing else.

    That pip installs the lock is what the README's first command shows in CI; here it would take half a minute.
    """
    venv.create(tmp_path / "venv")
    [site] = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    for line in re.findall(r"^\w[^\\\n]*", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE):
        wanted = Requirement(line.strip())
        if wanted.marker is None or wanted.marker.evaluate():
            found = importlib.metadata.distribution(wanted.name)
            assert found.version in wanted.specifier, f"{line}: {found.version} is installed"
            tops = {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}
            for top in tops - {path.name for path in site.iterdir()}:
                (site / top).symlink_to(found.locate_file(top))
    return tmp_path / "venv" / "bin" / "python"


def test_the_wheel_holds_exactly_the_program(wheel: Path) -> None:
    sources = [*(ROOT / "rules").rglob("*.py"), *(ROOT / "sync").rglob("*.py")]
    shipped = [ROOT / "config.yaml", *(p for p in (ROOT / "templates").rglob("*") if p.is_file())]
    wanted = {str(p.relative_to(ROOT)) for p in sources if "_shipped" not in p.parts}
    wanted |= {f"sync/_shipped/{p.relative_to(ROOT)}" for p in shipped}
    with zipfile.ZipFile(wheel) as package:
        held = {name for name in package.namelist() if ".dist-info/" not in name}
    assert held == wanted


def test_the_installed_program_runs_the_demo_in_a_fresh_environment(wheel: Path, fresh: Path, tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--python", str(fresh), "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "--no-deps", str(wheel)], check=True, capture_output=True)
    huzhu = str(fresh.with_name("huzhu"))
    done = subprocess.run(
        [huzhu, "demo"], cwd=tmp_path, capture_output=True, text=True, check=True, env={"LANG": "C.UTF-8"}
    )
    assert "alliance.xlsx" in done.stdout
    assert (tmp_path / "huzhu-demo" / "alliance.xlsx").exists()
    again = subprocess.run(
        [huzhu, "doctor", "--config", "huzhu-demo/config.yaml"], cwd=tmp_path, capture_output=True, check=False
    )
    assert again.returncode == 0

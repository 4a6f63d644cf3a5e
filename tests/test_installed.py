"""The program as it is installed: the wheel holds exactly its files, and works in a fresh environment."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(out.glob("*.whl"))


def test_the_wheel_holds_exactly_the_program(wheel: Path) -> None:
    sources = [*(ROOT / "rules").rglob("*.py"), *(ROOT / "sync").rglob("*.py")]
    shipped = [ROOT / "config.yaml", *(p for p in (ROOT / "templates").rglob("*") if p.is_file())]
    wanted = {str(p.relative_to(ROOT)) for p in sources if "_shipped" not in p.parts}
    wanted |= {f"sync/_shipped/{p.relative_to(ROOT)}" for p in shipped}
    with zipfile.ZipFile(wheel) as package:
        held = {name for name in package.namelist() if ".dist-info/" not in name}
    assert held == wanted


def test_the_installed_program_runs_the_demo_in_a_fresh_environment(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "-r", str(ROOT / "requirements.lock")], check=True, capture_output=True)
    subprocess.run([*pip, "--no-deps", str(wheel)], check=True, capture_output=True)
    huzhu = str(tmp_path / "venv" / "bin" / "huzhu")
    done = subprocess.run(
        [huzhu, "demo"], cwd=tmp_path, capture_output=True, text=True, check=True, env={"LANG": "C.UTF-8"}
    )
    assert "alliance.xlsx" in done.stdout
    assert (tmp_path / "huzhu-demo" / "alliance.xlsx").exists()
    again = subprocess.run(
        [huzhu, "doctor", "--config", "huzhu-demo/config.yaml"], cwd=tmp_path, capture_output=True, check=False
    )
    assert again.returncode == 0

"""A sheet where nothing changed: the run is quick, tells the same, and is never wrong about it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import openpyxl
import pytest

from rules.schema import RUNS
from rules.values import Change
from sync import compose, still
from tests.sync.house import TODAY, book, config, huzhu, run


def looked_at(home: Path, **changed: object) -> object:
    """What the quick look says: a report, or None when a whole run is needed."""
    settings = config(home)
    as_of = changed.get("as_of", TODAY)
    return still.run(settings, compose.backend(settings), as_of, compose.clock(settings))  # type: ignore[arg-type]


def log(home: Path) -> list[list[object]]:
    return list(compose.backend(config(home)).read((RUNS,)).tabs["runs"].rows)  # type: ignore[arg-type]


@pytest.fixture
def quiet(home: Path) -> Path:
    """A demo in which a run found nothing to do."""
    run(home)
    run(home)
    return home


def test_a_run_after_one_that_had_nothing_to_do_loads_no_rules_and_tells_the_same(quiet: Path) -> None:
    first = json.loads(huzhu("run", "--config", quiet / "config.yaml", "--as-of", TODAY, "--json")[1])
    code, out, err = huzhu(
        "run", "--config", quiet / "config.yaml", "--as-of", TODAY, "--json", PYTHONPROFILEIMPORTTIME="1"
    )
    again = json.loads(out)
    loaded = {line.split("|")[-1].strip() for line in err.splitlines() if line.startswith("import time:")}
    assert "click" in loaded
    assert not loaded & {"pandas", "numpy", "jinja2", "openpyxl"}
    assert code == 3
    for changing in ("run_id", "seconds"):
        assert first.pop(changing)
        assert again.pop(changing)
    assert again == first
    assert again["calls"] == {"read": 1, "write": 1}
    assert len(log(quiet)) == 1 + 4


def test_a_first_run_is_never_taken_for_a_quiet_one(home: Path) -> None:
    run(home)
    assert looked_at(home) is None


def test_an_edited_cell_needs_a_whole_run(quiet: Path) -> None:
    people = openpyxl.load_workbook(book(quiet))
    people["求助"]["D2"] = 2
    people.save(book(quiet))
    assert looked_at(quiet) is None


def test_a_worker_tab_that_somebody_spoiled_is_mended(quiet: Path) -> None:
    people = openpyxl.load_workbook(book(quiet))
    people["积分榜"]["F2"] = 99
    people.save(book(quiet))
    assert looked_at(quiet) is None
    assert set(run(quiet).changes) == {"standings"}


def test_another_day_needs_a_whole_run(quiet: Path) -> None:
    assert looked_at(quiet, as_of=TODAY + timedelta(days=1)) is None


def test_other_settings_need_a_whole_run(quiet: Path) -> None:
    file = quiet / "config.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("  floor: 0 ", "  floor: 1 "), encoding="utf-8")
    assert looked_at(quiet) is None


def test_an_emptied_log_needs_a_whole_run(quiet: Path) -> None:
    backend = compose.backend(config(quiet))
    backend.write([Change(RUNS, [])], backend.read(()).version)
    assert looked_at(quiet) is None


@pytest.mark.parametrize("content", ["", "[]", "{", '{"report": {}, "basis": 1}'])
def test_a_spoiled_memory_needs_a_whole_run(quiet: Path, content: str) -> None:
    (quiet / still.FILE).write_text(content, encoding="utf-8")
    assert looked_at(quiet) is None


def test_a_folder_that_keeps_no_memory_costs_speed_only(home: Path) -> None:
    (home / still.FILE.parent).write_text("in the way", encoding="utf-8")
    run(home)
    assert run(home).changes == {}
    assert looked_at(home) is None

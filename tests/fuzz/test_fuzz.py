"""A few of the inputs that `python -m tests.fuzz` tries by the thousand: no traceback, no hang, each with a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.policy import Policy
from rules.schema import TABLES
from sync import demo
from sync.backends.workbook import Workbook
from tests.fuzz import attempts, packages, settings
from tests.rules.sheets import ZONE


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    made = tmp_path_factory.mktemp("demo")
    demo.make(made, lambda: attempts.TODAY, None)
    return made


def test_a_hurt_workbook_is_used_or_refused_with_a_sentence(home: Path, tmp_path):
    parts = packages.parts_of((home / "alliance.xlsx").read_bytes())
    hurt = tmp_path / "hurt.xlsx"
    became = set()
    for seed in range(15):
        hurt.write_bytes(packages.mutated(parts, seed))
        became.add(attempts.workbook(hurt))
    assert became >= {"used", "SetupError"}


def test_settings_of_any_shape_are_read_or_refused_with_a_sentence(home: Path, tmp_path):
    text, hurt = (home / "config.yaml").read_text(encoding="utf-8"), tmp_path / "config.yaml"
    became = set()
    for seed in range(60):
        hurt.write_text(settings.mutated(text, seed), encoding="utf-8")
        became.add(attempts.settings(hurt))
    assert became == {"read", "SetupError"}


def test_a_wrong_cell_is_reported_and_changes_nothing_else(home: Path):
    """As if its row were not there when it is an error, as if the cell were blank when it is a warning."""
    book = Workbook(home / "alliance.xlsx").read(TABLES)
    clean = attempts.decide(book, attempts.TODAY, Policy(), ZONE)
    assert {attempts.cell(book, clean, seed) for seed in range(15)} == {"error", "warning"}
    attempts.filed(home / "alliance.xlsx", book, 100)  # an error value that only some programs know

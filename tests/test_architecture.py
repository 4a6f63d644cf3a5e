"""The house stands as drawn: directions of import, one clock, a size that can be read, settings that are explained."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
import yaml

from rules.schema import MEMBER_TABLES, TABLES
from sync.config import Config, _checked, load
from sync.shipped import shipped
from sync.summary import markdown_lines

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*(ROOT / "rules").rglob("*.py"), *(ROOT / "sync").rglob("*.py")])


def test_imports_go_one_way() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_only_compose_has_a_clock() -> None:
    clock = re.compile(r"\b(date\.today|datetime\.now|datetime\.today|utcnow|Timestamp\.now|time\.time)\(")
    having = {path.name for path in SOURCES if clock.search(path.read_text(encoding="utf-8"))}
    assert having == {"compose.py"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_function_fits_on_a_screen(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node, clean=False) or ""
            lines = (node.end_lineno or 0) - node.body[0].lineno - docstring.count("\n")
            assert lines <= 40, f"{node.name} has {lines} lines"


def test_the_shipped_settings_are_the_defaults() -> None:
    """config.yaml shows what holds when a key is left out, and leaves no key out."""
    assert load(shipped("config.yaml")).policy == Config().policy
    shown = yaml.safe_load(shipped("config.yaml").read_text(encoding="utf-8"))
    for section in fields(Config):
        if section.name == "home":
            continue
        default = getattr(_checked({}, Path("config.yaml")), section.name)
        names = {"from" if f.name == "sender" else f.name for f in fields(default)}
        assert set(shown[section.name]) == names, section.name


def test_every_setting_is_explained_on_its_line() -> None:
    text = shipped("config.yaml").read_text(encoding="utf-8")
    settings = [line for line in text.splitlines() if re.match(r"\s+\w+: \S", line)]
    assert len(settings) > 30
    assert not [line for line in settings if "#" not in line]


def test_the_table_documents_are_generated() -> None:
    for locale, name in (("en", "tables.md"), ("zh", "tables.zh.md")):
        assert (ROOT / "docs" / name).read_text(encoding="utf-8") == "\n".join(markdown_lines(locale)) + "\n"


def test_the_readme_names_every_table_and_command() -> None:
    from sync.cli import cli

    for name in ("README.md", "README.zh.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not [table.title for table in MEMBER_TABLES if table.title not in text]
        assert not [command for command in cli.commands if f"huzhu {command}" not in text]


def test_every_part_of_the_schema_is_a_value() -> None:
    assert all(is_dataclass(table) and table.columns for table in TABLES)
    assert len({table.name for table in TABLES} | {table.title for table in TABLES}) == 2 * len(TABLES)


def test_locks_pin_by_hash_and_name_no_index() -> None:
    for lock in ROOT.glob("requirements*.lock"):
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text
        pins = re.findall(r"^\S+==", text, flags=re.MULTILINE)
        assert pins
        assert len(re.findall(r"^\S+==.*\\\n    --hash=sha256:", text, flags=re.MULTILINE)) == len(pins)

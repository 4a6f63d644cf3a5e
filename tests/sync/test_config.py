"""Settings: every mistake is one sentence that names the key."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from sync import compose
from sync.config import VARIABLE, config_path, load, write_default
from sync.errors import SetupError

MISTAKES = {
    "an unknown section": ("pionts: {help: 2}", "points"),
    "an unknown key": ("points: {hlep: 2}", "points.help"),
    "an unknown key, deep": ("mail: {smtp: {prot: 25}}", "mail.smtp.port"),
    "a word for a number": ("points: {help: many}", "points.help"),
    "a number out of range": ("run: {cadence_days: 0}", "cadence_days"),
    "a choice that is none": ("mail: {transport: pigeon}", "mail.transport"),
    "a zone that is none": ("alliance: {timezone: Mars/Olympus}", "Mars/Olympus"),
    "a field that is none": ("schema: {rename: {loans: {due_date: 应还日}}}", "loans.due_date"),
    "a table that is none": ("schema: {rename: {lones: {}}}", "lones"),
    "a ladder that falls": (
        "overdue: {ladder: [{stage: formal, offset: 0}, {stage: prepare, offset: -7}]}",
        "overdue.ladder",
    ),
    "a stage without a letter": ("overdue: {ladder: [{stage: shout, offset: 0}]}", "shout"),
    "a country whose holidays nobody told us": ("calendar: {country: FR}", "calendar.country"),
    "no yaml": ("alliance: [", "YAML"),
    "a list": ("- 1", "键: 值"),
    "a password in the file": ("mail: {smtp: {password: secret}}", "mail.smtp.password"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_settings_is_one_sentence_that_names_it(tmp_path: Path, mistake: str) -> None:
    text, named = MISTAKES[mistake]
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SetupError) as caught:
        load(file)
    assert named in caught.value.words.zh
    assert caught.value.exit_code == 2
    assert "\n" not in caught.value.words.zh + caught.value.words.en


@pytest.mark.parametrize("text", ["", "alliance:\n", "# nothing but a comment\n"])
def test_what_is_left_out_has_its_default(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    assert load(file).policy.points.help == 1


@pytest.mark.parametrize(("country", "named"), [("CN", "国庆节"), ("none", None)])
def test_a_country_stands_for_its_published_holidays(tmp_path: Path, country: str, named: str | None) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"calendar: {{country: {country}}}", encoding="utf-8")
    off = load(file).policy.official.off.get(date(2026, 10, 1))
    assert (off and off.zh) == named


def test_a_header_can_be_renamed(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("schema: {rename: {loans: {due_on: 应还日}}}", encoding="utf-8")
    assert load(file).policy.rename["loans"]["due_on"] == "应还日"


def test_the_file_is_given_or_named_by_the_environment_or_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert config_path(None) == Path("config.yaml")
    monkeypatch.setenv(VARIABLE, "/srv/a.yaml")
    assert config_path(None) == Path("/srv/a.yaml")
    assert config_path("b.yaml") == Path("b.yaml")


def test_paths_start_at_the_settings_file(tmp_path: Path) -> None:
    write_default(tmp_path / "config.yaml")
    config = load(tmp_path / "config.yaml")
    assert config.path(config.backend.workbook.path) == (tmp_path / "alliance.xlsx").resolve()


def test_settings_that_exist_are_never_written_over(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("points: {help: 3}", encoding="utf-8")
    assert not write_default(file)
    assert file.read_text(encoding="utf-8") == "points: {help: 3}"


def test_secrets_come_from_the_environment_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config.yaml"
    smtp = "{host: mail.example, username_env: HUZHU_TEST_USER, password_file: secret.txt}"
    file.write_text(f"mail: {{transport: smtp, smtp: {smtp}}}", encoding="utf-8")
    with pytest.raises(SetupError, match="HUZHU_TEST_USER"):
        compose.mailer(load(file))
    monkeypatch.setenv("HUZHU_TEST_USER", "we")
    with pytest.raises(SetupError, match="password_file"):
        compose.mailer(load(file))
    (tmp_path / "secret.txt").write_text("canary\n", encoding="utf-8")
    mailer = compose.mailer(load(file))
    assert (mailer.username, mailer.password) == ("we", "canary")  # type: ignore[union-attr]
    assert "canary" not in repr(mailer)


@pytest.mark.parametrize("text", ["run: {cadence_days: 2026-02-30}", "run: " + "[" * 5000, "alliance: {name: \x00}"])
def test_yaml_that_no_parser_can_take_is_said_in_one_sentence(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SetupError, match="YAML"):
        load(path)

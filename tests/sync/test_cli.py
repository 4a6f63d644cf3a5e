"""The command line as its users meet it: exit codes, one sentence for each mistake.

Each command is started as a process at least once; most calls stay in this one, which spares the start.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from rules.schema import ISSUES, MATCHES, TABLES
from rules.values import MailStatus
from tests.sync.house import TODAY, book, by_status, called, huzhu, mails, started

Command = Callable[..., tuple[int, str, str]]
HEAVY = ("pandas", "numpy", "gspread", "openpyxl", "jinja2", "scipy", "pydantic", "yaml", "rich", "icalendar")


def on(home: Path, *arguments: object, by: Command = called) -> tuple[int, str, str]:
    return by(*arguments, "--config", home / "config.yaml", "--as-of", TODAY)


def test_help_loads_nothing_heavy() -> None:
    """interface: start-up of --help stays in the tens of milliseconds above bare Python."""
    code, _, err = huzhu("--help", PYTHONPROFILEIMPORTTIME="1")
    loaded = {line.split("|")[-1].strip().split(".")[0] for line in err.splitlines() if line.startswith("import time:")}
    assert code == 0
    assert not loaded & set(HEAVY)


def test_demo_says_what_happened_and_what_to_open(tmp_path: Path) -> None:
    code, out, err = huzhu("demo", tmp_path / "d", "--as-of", TODAY)
    assert (code, err) == (0, "")
    assert "alliance.xlsx" in out
    assert "积分榜" in out
    assert {path.name for path in (tmp_path / "d").iterdir()} >= {"config.yaml", "alliance.xlsx", "outbox"}


def test_demo_on_the_same_folder_is_a_normal_run(tmp_path: Path) -> None:
    called("demo", tmp_path / "d", "--as-of", TODAY, "-q")
    before = (tmp_path / "d" / "config.yaml").read_bytes()
    code, out, _ = called("demo", tmp_path / "d", "--as-of", TODAY)
    assert code == 0
    assert "没有变化" in out
    assert (tmp_path / "d" / "config.yaml").read_bytes() == before


def test_the_demo_is_the_same_every_time(tmp_path: Path) -> None:
    """In another process too, where sets have another order."""
    for name, by in {"a": called, "b": huzhu}.items():
        by("demo", tmp_path / name, "--as-of", TODAY, "-q")
    names = [sorted(p.name for p in (tmp_path / name / "outbox").iterdir()) for name in ("a", "b")]
    assert names[0] == names[1]
    assert len(names[0]) > 5


def test_run_json_has_the_keys_of_the_interface(home: Path) -> None:
    code, out, _ = on(home, "run", "--json", by=huzhu)
    report = json.loads(out)
    assert code == 3, "the demo holds one old case"
    assert set(report) == {
        "run_id",
        "as_of",
        "outcome",
        "rows_read",
        "problems",
        "changes",
        "mails",
        "calls",
        "seconds",
        "filed",
    }
    assert set(report["mails"]) == {"queued", "sent", "failed", "held"}
    assert set(report["seconds"]) == {"read", "decide", "write", "mail"}
    assert report["as_of"] == TODAY.isoformat()
    assert set(report["changes"]["issues"]) == {"added", "changed", "removed"}


def test_check_prints_the_problems_and_writes_nothing(home: Path) -> None:
    before = book(home).read_bytes()
    code, out, _ = on(home, "check", "--json", by=huzhu)
    rows = json.loads(out)
    assert code == 3
    assert set(rows[0]) == set(ISSUES.fields)
    assert any(row["value"] == "两个" for row in rows)
    assert on(home, "check")[1].count("\n") == len(rows) + 1
    assert book(home).read_bytes() == before


def test_plan_shows_every_cell_and_mail_and_does_nothing(home: Path) -> None:
    before = book(home).read_bytes()
    code, out, _ = on(home, "plan", "--json", by=huzhu)
    planned = json.loads(out)
    assert code == 0
    assert book(home).read_bytes() == before
    assert not (home / "outbox").exists()
    assert {"table", "key", "field", "before", "after"} == set(planned["changes"][0])
    told = {name for mail in planned["mails"] if mail["status"] == "待发送" for name in mail["attachments"]}
    due = [key for mail in planned["mails"] if mail["status"] == "待发送" for key in mail["items"] if "overdue:" in key]
    assert told == {f"loan-{key.split(':')[1]}.ics" for key in due} != set()
    shown = on(home, "plan")[1]
    assert [name for name in told if name not in shown] == []
    on(home, "run", "-q")
    assert {mail["mail_id"] for mail in planned["mails"]} == {mail.mail_id for mail in mails(home)}
    assert {mail["body"] for mail in planned["mails"]} == {mail.body for mail in mails(home)}
    assert json.loads(on(home, "plan", "--json")[1]) == {"changes": [], "mails": [], "filed": {}}


def test_a_held_mail_leaves_after_a_person_releases_it(home: Path) -> None:
    on(home, "run", "-q")
    held = next(mail for mail in mails(home) if mail.status is MailStatus.HELD)
    assert on(home, "outbox", "show", held.mail_id)[1].count(held.mail_id) == 1
    assert on(home, "outbox", "release", held.mail_id, by=huzhu)[0] == 0
    assert by_status(home)[MailStatus.QUEUED] == 1
    assert on(home, "run", "-q")[0] == 0
    assert (home / "outbox" / f"{held.mail_id}.eml").exists()


def test_a_mail_a_person_cancels_is_never_made_again(home: Path) -> None:
    on(home, "run", "-q")
    held = next(mail for mail in mails(home) if mail.status is MailStatus.HELD)
    on(home, "outbox", "cancel", held.mail_id)
    assert on(home, "run", "-q")[0] == 0
    assert [mail.status for mail in mails(home) if set(mail.items) & set(held.items)] == [MailStatus.CANCELLED]


def test_what_was_sent_cannot_be_sent_again(home: Path) -> None:
    on(home, "run", "-q")
    sent = next(mail for mail in mails(home) if mail.status is MailStatus.SENT)
    before = book(home).read_bytes()
    for act in ("release", "retry", "sent", "cancel"):
        code, _, err = on(home, "outbox", act, sent.mail_id)
        assert code == 2
        assert sent.mail_id in err
    assert book(home).read_bytes() == before


def test_init_twice_changes_nothing(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    assert huzhu("init", "--config", config)[0] == 0
    made = book(tmp_path).read_bytes()
    code, out, _ = called("init", "--config", config)
    assert code == 0
    assert "没有改动" in out
    assert book(tmp_path).read_bytes() == made
    assert called("run", "--config", config)[0] == 0


def test_doctor_says_what_to_set(home: Path) -> None:
    on(home, "run", "-q")
    code, out, _ = on(home, "doctor", by=huzhu)
    assert code == 0, out
    text = (home / "config.yaml").read_text(encoding="utf-8").replace("transport: folder ", "transport: smtp ")
    (home / "config.yaml").write_text(text, encoding="utf-8")
    code, out, _ = on(home, "doctor")
    assert code == 2
    assert "mail.smtp.host" in out


@pytest.mark.parametrize(("country", "said"), [("CN", "节假日数据到 20"), ("none", "休息日只按周末")])
def test_doctor_says_how_far_holidays_are_known(home: Path, country: str, said: str) -> None:
    text = (home / "config.yaml").read_text(encoding="utf-8").replace("country: CN ", f"country: {country} ", 1)
    (home / "config.yaml").write_text(text, encoding="utf-8")
    assert said in on(home, "doctor")[1]


def test_schema_names_every_column() -> None:
    markdown = huzhu("schema", "--markdown")[1]
    for table in TABLES:
        assert table.title in markdown
        assert all(column.header in markdown for column in table.columns)
    assert len(json.loads(called("schema", "--json")[1])) == len(TABLES)


def test_another_run_in_progress_is_exit_4(home: Path) -> None:
    from sync import compose
    from tests.sync.house import config

    with compose.backend(config(home)).lock():
        code, _, err = on(home, "run", by=huzhu)
    assert code == 4
    assert err.startswith("huzhu: ")


def test_english_is_spoken_when_asked(home: Path) -> None:
    assert "nothing was written" in on(home, "plan", "--lang", "en")[1]
    assert "is not a whole number" in on(home, "check", "--lang", "en")[1]


def test_the_language_of_the_command_line_changes_no_cell(home: Path) -> None:
    on(home, "run", "-q")
    assert json.loads(on(home, "run", "--json", "--lang", "en")[1])["changes"] == {}
    assert json.loads(on(home, "plan", "--json", "--lang", "en")[1]) == {"changes": [], "mails": [], "filed": {}}


def _csv(path: Path) -> None:
    path.write_text("服务中心,负责人\n华北-北京,王强\n", encoding="utf-8")


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def _encrypted(path: Path) -> None:
    name = "EncryptedPackage".encode("utf-16-le")
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 1000 + name + b"\0" * 1000)


MISTAKES = {
    "no file": (Path.unlink, "alliance.xlsx"),
    "a csv renamed": (_csv, "alliance.xlsx"),
    "a truncated file": (_truncated, "alliance.xlsx"),
    "a password": (_encrypted, "alliance.xlsx"),
    "an empty file": (lambda path: path.write_bytes(b""), "alliance.xlsx"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_bad_file_is_one_sentence_and_stays_as_it_was(home: Path, mistake: str) -> None:
    spoil, named = MISTAKES[mistake]
    spoil(book(home))
    before = book(home).read_bytes() if book(home).exists() else None
    for command in ("run", "check", "plan"):
        code, out, err = on(home, command)
        assert code == 2, err
        assert out == ""
        assert named in err
        assert err.count("\n") == 1
    assert (book(home).read_bytes() if book(home).exists() else None) == before


def edited(home: Path, tab: str, cell: str, value: object) -> bytes:
    people = openpyxl.load_workbook(book(home))
    people[tab][cell] = value
    people.save(book(home))
    return book(home).read_bytes()


@pytest.mark.parametrize(
    ("tab", "cell", "value", "words"),
    [
        ("借调记录", "F3", "=1+1", ("借调记录", "F3")),
        ("借调记录", "C1", "借出的一方", ("借调记录", "出借方", "借出的一方")),
        ("成员", "A1", None, ("成员", "服务中心")),
    ],
    ids=["a formula without a stored result", "a header renamed", "a header gone"],
)
def test_a_sheet_that_cannot_be_read_is_one_sentence_that_says_where(
    home: Path, tab: str, cell: str, value: object, words: tuple[str, ...]
) -> None:
    before = edited(home, tab, cell, value)
    code, out, err = on(home, "run")
    assert (code, out) == (2, "")
    assert all(word in err for word in words)
    assert err.count("\n") == 1
    assert book(home).read_bytes() == before


def test_a_sheet_that_is_open_elsewhere_is_left_alone(home: Path) -> None:
    (home / f"~${book(home).name}").write_bytes(b"somebody")
    file = home / "config.yaml"
    file.write_text(file.read_text("utf-8").replace("wait_seconds: 60 ", "wait_seconds: 0 "), encoding="utf-8")
    before = book(home).read_bytes()
    code, out, err = on(home, "run")
    assert (code, out) == (1, "")
    assert book(home).name in err
    assert err.count("\n") == 1
    assert book(home).read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--as-of", "tomorrow"), "--as-of"),
        (("--config", "/nowhere/config.yaml"), "/nowhere/config.yaml"),
    ],
)
def test_a_wrong_argument_is_one_sentence(home: Path, arguments: tuple[str, str], words: str) -> None:
    code, _, err = called("run", "--config", home / "config.yaml", *arguments)
    assert code == 2
    assert words in err
    assert err.count("\n") == 1


def test_an_unknown_setting_names_the_nearest(home: Path) -> None:
    with (home / "config.yaml").open("a", encoding="utf-8") as file:
        file.write("\npont: {help: 2}\n")
    code, _, err = on(home, "run")
    assert code == 2
    assert "points" in err


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_one_sentence(home: Path) -> None:
    before = book(home).read_bytes()
    home.chmod(0o555)
    try:
        code, _, err = on(home, "run")
    finally:
        home.chmod(0o755)
    assert code in (1, 2)
    assert err.count("\n") == 1
    assert book(home).read_bytes() == before


def test_no_colours_or_bars_reach_a_pipe(home: Path) -> None:
    process = started("run", "--config", home / "config.yaml", "--as-of", TODAY, FORCE_COLOR="")
    out, err = process.communicate()
    assert "\x1b" not in out + err
    assert sys.executable


# --- locate and letter -----------------------------------------------------------------------------------------------

SCREEN, AIRBAG, BEIJING = "1044321-00-C", "1127502-00-D", "华北-北京"


def located(home: Path, *arguments: object) -> dict[str, Any]:
    code, out, err = on(home, "locate", *arguments, "--json")
    assert (code, err) == (0, "")
    return dict(json.loads(out))


def contents(home: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}


def test_locate_answers_as_the_sheet_does_and_writes_nothing(home: Path) -> None:
    """For a request that nothing competes with, the candidates are those of 匹配建议, in order and to the figure."""
    on(home, "run", "-q")
    before = contents(home)
    answer = located(home, SCREEN, "--qty", 3, "--for", BEIJING)
    assert contents(home) == before
    assert list(answer) == [
        "part_no", "name", "qty", "for", "by", "standing", "candidates", "plan", "missing", "alternatives", "message",
    ]  # fmt: skip
    tab = openpyxl.load_workbook(book(home))[MATCHES.title]
    rows = [dict(zip(MATCHES.fields, row, strict=False)) for row in tab.iter_rows(min_row=2, values_only=True)]
    assert [{name: value or None for name, value in row.items()} for row in answer["candidates"]] == [
        {name: value or None for name, value in row.items()} for row in rows if row["request_id"] == "R-001"
    ]
    assert answer["plan"] == [{"lender": "华东-上海", "part_no": SCREEN, "units": 3}]
    assert (answer["missing"], answer["alternatives"], answer["by"]) == (0, [], "2026-11-25")


def test_locate_shows_lenders_the_split_other_ways_and_a_message_to_copy(home: Path) -> None:
    asked = ("中控大屏 mcu2.0", "--qty", "２0个", "--for", BEIJING, "--by", "2026年11月30日")
    code, out, err = on(home, "locate", *asked, by=huzhu)
    assert (code, err) == (0, "")
    top, message, end = out.partition("\n\n")[0], out.partition("\n\n")[2], out[-2:]
    lines = top.splitlines()
    assert lines[0] == f"{SCREEN} 中控大屏 MCU2.0 × 20 · {BEIJING} · 无条件支持 · 2026-11-30 前"
    assert lines[1].split("\t")[:2] == ["出借方", "供给配件"]
    assert "拆分方案" in lines
    assert "- 西北-西安 1044321-00-C × 3" in lines
    assert lines[-1].startswith("- 最后手段：二手良品件")
    assert message.startswith("【紧急求助】\n")
    assert end == "\n\n"
    for words in (
        "× 20",
        "王强",
        "13900001001",
        "2026-11-30（还有 7 天）",
        "不超过 14 天",
        "24 小时内",
        "客户（媒体）已等 26 天",
    ):
        assert words in message
    assert "【你的" not in message


def test_locate_without_a_member_leaves_its_place_open(home: Path) -> None:
    answer = located(home, "气囊", "--qty", "2")
    assert (answer["part_no"], answer["name"], answer["for"], answer["by"]) == (AIRBAG, "气囊控制模块", None, None)
    assert (answer["candidates"], answer["plan"], answer["missing"]) == ([], [], 2)
    assert all(place in answer["message"] for place in ("【你的中心】", "【你的姓名】", "【你的手机】"))
    assert "最晚" not in answer["message"]
    assert "原因" not in answer["message"]


def test_locate_promises_what_the_settings_say_in_the_language_asked_for(home: Path) -> None:
    file = home / "config.yaml"
    text = file.read_text("utf-8").replace("default_days: 14 ", "default_days: 9 ")
    file.write_text(text.replace("recall_days: 1 ", "recall_days: 3 "), encoding="utf-8")
    message = located(home, SCREEN, "--for", BEIJING, "--lang", "en")["message"]
    for words in ("within 9 days", "within 72 hours", "Phone: 13900001001", "days left: 2"):
        assert words in message


def test_locate_loads_no_solver(home: Path) -> None:
    process = started("locate", SCREEN, "--config", home / "config.yaml", PYTHONPROFILEIMPORTTIME="1")
    loaded = process.communicate()[1]
    assert "rules.inquiry" in loaded
    assert "highspy" not in loaded


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("中控大屏",), ("1044321-00-C 中控大屏 MCU2.0", "1960001-00-A 中控大屏 Ryzen")),
        (("电",), ("等 6 个",)),
        (("1044321-00-D",), ("配件", SCREEN)),
        (("中控屏",), ("中控大屏 Ryzen",)),
        (("",), ("配件",)),
        ((SCREEN, "--qty", "0"), ("--qty 0", "1 以上的整数")),
        ((SCREEN, "--qty", "两个"), ("--qty 两个",)),
        ((SCREEN, "--by", "下周三"), ("--by 下周三",)),
        ((SCREEN, "--for", "华北北京"), ("成员", BEIJING)),
    ],
)
def test_what_locate_does_not_understand_is_one_sentence(
    home: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    code, out, err = on(home, "locate", *arguments)
    assert (code, out) == (2, "")
    assert all(word in err for word in words), err
    assert err.count("\n") == 1


def test_who_has_left_cannot_ask(home: Path) -> None:
    edited(home, "成员", "J2", TODAY)
    code, out, err = on(home, "locate", SCREEN, "--for", BEIJING)
    assert (code, out) == (2, "")
    assert BEIJING in err
    assert on(home, "locate", SCREEN, "--for", "华东-上海", "-q") == (0, "", "")


def test_a_letter_is_printed_or_written_as_the_name_of_the_file_says(home: Path) -> None:
    code, text, err = on(home, "letter", "ｌ-042", by=huzhu)
    assert (code, err) == (0, "")
    made = json.loads(on(home, "letter", "L-042", "--json")[1])
    assert list(made) == ["loan_id", "subject", "text", "html"]
    assert text == made["text"].rstrip() + "\n"
    before = contents(home)
    for name, part in {"a.html": "html", "b.HTM": "html", "c.txt": "text", "d.md": "text"}.items():
        (home / name).write_text("what was there before", encoding="utf-8")
        assert on(home, "letter", "L-042", "-o", home / name)[0] == 0
        assert (home / name).read_text(encoding="utf-8") == made[part]
        (home / name).unlink()
    assert contents(home) == before


def test_a_letter_is_in_the_borrowers_language(home: Path) -> None:
    """Shenzhen reads English, everybody else what the alliance does; `--lang` goes before both."""

    def text(*arguments: str) -> str:
        return str(json.loads(on(home, "letter", *arguments, "--json")[1])["text"])

    for loan, own, other in (("L-042", "zh", "en"), ("L-048", "en", "zh")):
        assert text(loan) == text(loan, "--lang", own) != text(loan, "--lang", other)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("L-42",), ("借调记录", "L-042")),
        (("L-042", "-o", "letter.pdf"), ("letter.pdf", "打印成 PDF")),
        (("L-042", "-o", "/nowhere/letter.html"), ("/nowhere",)),
        (("L-042", "-o", "."), (".html",)),
    ],
)
def test_a_letter_that_cannot_be_made_is_one_sentence(
    home: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    before = contents(home)
    code, out, err = on(home, "letter", *arguments)
    assert (code, out) == (2, "")
    assert all(word in err for word in words), err
    assert err.count("\n") == 1
    assert contents(home) == before

"""kill -9 at every kind of moment: nothing is lost silently, nothing is sent twice, no member part changes.

The run is a real process, the mail server a real server; the server or the folder says when to kill.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from rules.schema import MEMBER_TABLES
from rules.values import MailStatus
from tests.sync.house import TODAY, book, called, mails, parts, run, started
from tests.sync.postman import Postman


@pytest.fixture(scope="module")
def due(fresh_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    """The reminders that a run without a crash makes."""
    home = Path(shutil.copytree(fresh_demo, tmp_path_factory.mktemp("whole") / "demo"))
    run(home)
    return frozenset(item for mail in mails(home) for item in mail.items if item.startswith("overdue:"))


def killed(home: Path, moment: Callable[[subprocess.Popen[str]], None]) -> None:
    """A run that *moment* kills, if it is quick enough."""
    process = started("run", "--config", home / "config.yaml", "--as-of", TODAY, "-q")
    moment(process)
    process.kill()
    process.communicate()


def after_the_crash(home: Path, postman: Postman, due: frozenset[str], before: dict[str, bytes]) -> None:
    """What must hold once the next run has been through."""
    code, _, err = called("run", "--config", home / "config.yaml", "--as-of", TODAY, "-q")
    assert code in (0, 3), err
    on_record = {item for mail in mails(home) for item in mail.items}
    assert due <= on_record, "a reminder is lost"
    assert set(postman.numbers.values()) <= {1}, "a mail left twice"
    taken = {number.strip("<>").split("@")[0] for number in postman.numbers}
    for mail in mails(home):
        assert mail.status in (MailStatus.SENT, MailStatus.HELD)
        assert mail.mail_id in taken or mail.status is MailStatus.HELD, "called sent, and it was not"
    after = parts(book(home))
    members = [name for name in before if name.startswith("xl/worksheets/sheet")][: len(MEMBER_TABLES)]
    assert all(after[name] == before[name] for name in members)
    assert not (home / f".{book(home).name}.new").exists()


@pytest.mark.parametrize("answered", [False, True], ids=["before the answer", "after the answer"])
@pytest.mark.parametrize("nth", [1, 5, 12])
def test_a_crash_while_a_mail_leaves_makes_one_row_unknown_at_most(
    home: Path, postman: Postman, due: frozenset[str], nth: int, *, answered: bool
) -> None:
    before = parts(book(home))
    process: list[subprocess.Popen[str]] = []
    take = postman.handle_DATA

    async def taking(*args: object) -> str:
        answer = await take(*args)  # type: ignore[arg-type]
        if len(postman.taken) == nth and not answered:
            process[0].kill()
        if len(postman.taken) == nth + 1 and answered:
            process[0].kill()
        return answer

    postman.handle_DATA = taking  # type: ignore[method-assign]
    killed(home, lambda running: (process.append(running), running.wait(60))[0])
    postman.handle_DATA = take  # type: ignore[method-assign]
    unknown = [mail for mail in mails(home) if mail.status is MailStatus.SENDING]
    assert len(unknown) <= 1
    after_the_crash(home, postman, due, before)


@pytest.mark.parametrize("nth", range(1, 5))
def test_a_crash_while_the_file_is_saved_leaves_the_old_or_the_new_one(
    home: Path, postman: Postman, due: frozenset[str], nth: int
) -> None:
    """The n-th time that the new file stands beside the old one, the process is killed."""
    before = parts(book(home))
    new = home / f".{book(home).name}.new"

    def at_a_save(process: subprocess.Popen[str]) -> None:
        saves, there = 0, False
        while process.poll() is None and saves < nth:
            there, was = new.exists(), there
            saves += there and not was

    killed(home, at_a_save)
    assert new.exists()
    after_the_crash(home, postman, due, before)


@pytest.mark.parametrize("tenths", range(2, 12, 2))
def test_a_crash_at_any_time_is_made_good_by_the_next_run(
    home: Path, postman: Postman, due: frozenset[str], tenths: int
) -> None:
    before = parts(book(home))

    def after(process: subprocess.Popen[str]) -> None:
        try:
            process.wait(tenths / 10)
        except subprocess.TimeoutExpired:
            return

    killed(home, after)
    after_the_crash(home, postman, due, before)

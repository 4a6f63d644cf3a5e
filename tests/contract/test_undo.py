"""A run undone, whichever backend holds the sheet: the worker's tabs as before it, mail and members' cells as they are."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from rules.schema import MEMBER_TABLES, TABLES
from rules.values import Change
from sync.errors import RunFailed, SetupError
from sync.snapshot import packed, unpacked
from sync.undo import undo
from sync.worker import Worker
from tests.contract.runs import cells, clock, ran, shown, tab
from tests.contract.test_backends import Sheet
from tests.rules.sheets import BY_NAME, POLICY, ZONE
from tests.sync.cycles import AS_OF, WORDS, Counted


def test_undo_puts_back_the_tabs_and_leaves_mail_and_members_alone(sheet: Sheet) -> None:
    ran(sheet.backend)
    before, members, sent = shown(sheet.backend), sheet.backend.read(MEMBER_TABLES).tabs, Counted()
    (kept,) = ran(sheet.backend, 3, sent)
    after, mails = shown(sheet.backend), cells(sheet.backend, "outbox")
    assert after != before

    done = undo(sheet.backend, kept, clock)
    assert shown(sheet.backend) == before
    assert cells(sheet.backend, "outbox") == mails
    assert done.mails == len(sent.left) > 0
    assert cells(sheet.backend, "runs")[-1][4] == f"撤销 {kept.run_id}"
    assert sheet.backend.read(MEMBER_TABLES).tabs == members

    with pytest.raises(SetupError, match="nothing to undo"):
        undo(sheet.twin(), kept, clock)
    ran(sheet.twin(), 3, sent)
    assert shown(sheet.backend) == after
    assert set(sent.left.values()) == {1}


def test_a_tab_that_changed_since_is_not_undone(plain: Sheet) -> None:
    (kept,) = ran(plain.backend)
    rows = [[column.header for column in BY_NAME["queue"].typed], *map(list, cells(plain.backend, "queue"))]
    plain.edit("优先级队列", [rows[0], *rows[2:]])
    before = plain.backend.read(TABLES)
    with pytest.raises(SetupError, match="优先级队列 was changed since"):
        undo(plain.backend, kept, clock)
    assert plain.backend.read(TABLES) == before


def test_the_run_before_is_not_undone(plain: Sheet) -> None:
    (first,) = ran(plain.backend)
    ran(plain.backend, 3)
    with pytest.raises(SetupError, match="was changed since"):
        undo(plain.backend, first, clock)


def test_a_run_that_found_nothing_to_do_keeps_nothing(plain: Sheet) -> None:
    ran(plain.backend)
    assert ran(plain.backend) == []


def test_a_run_that_broke_off_is_undone(plain: Sheet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its results were written, its ledger and its log row were not."""
    before, write, kept = shown(plain.backend), plain.backend.write, []

    def once(changes: list[Change], version: object) -> object:
        if any(change.table.name == "ledger" for change in changes):
            raise RunFailed("断了", "cut off")
        return write(changes, version)

    monkeypatch.setattr(plain.backend, "write", once)
    worker = Worker(plain.backend, Counted(), WORDS, POLICY, ZONE, clock, keep=kept.append)
    with pytest.raises(RunFailed, match="cut off"):
        worker.run(AS_OF)
    assert shown(plain.backend) != before
    monkeypatch.undo()
    undo(plain.backend, kept[-1], clock)
    assert shown(plain.backend) == before


def test_a_run_that_started_over_is_undone_whole(plain: Sheet, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person saved the sheet after the first attempt had written: the second one reads what that one wrote."""
    before, write, kept = shown(plain.backend), plain.backend.write, []

    def meddled(changes: list[Change], version: object) -> object:
        monkeypatch.undo()
        write(changes, version)
        loans = tab("loans")
        plain.edit("借调记录", [loans[0], *loans[2:]])
        return version

    monkeypatch.setattr(plain.backend, "write", meddled)
    Worker(plain.backend, Counted(), WORDS, POLICY, ZONE, clock, keep=kept.append).run(AS_OF)
    assert len(kept) == 2
    undo(plain.backend, unpacked(packed(kept[-1]), "run"), clock)
    assert shown(plain.backend) == before


def test_another_version_of_the_program_undoes_nothing(plain: Sheet) -> None:
    (kept,) = ran(plain.backend)
    with pytest.raises(SetupError, match=re.escape("version 0.0.9")):
        undo(plain.backend, replace(kept, version="0.0.9"), clock)

"""Mail of a past year filed, whichever backend holds the sheet: the same tabs, nothing told twice, no call more."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import pytest

from rules.archive import filing
from rules.changes import body, canonical
from rules.outbox import mails_in, on_record, rows_of
from rules.schema import OUTBOX, TABLES, archive_of
from rules.values import Cell, Change, Mail, MailStatus
from sync import summary
from sync.backends import Backend
from sync.errors import HuzhuError, SetupError
from sync.filing import file
from sync.mailroom import Act, Mailroom
from sync.runlog import Tally
from sync.undo import undo
from sync.worker import Worker, planned
from tests.contract.runs import cells, clock, ran, shown
from tests.contract.test_backends import Sheet
from tests.emulators.served import Fault
from tests.rules.sheets import POLICY, ZONE
from tests.sync.cycles import AS_OF, WORDS, Counted
from tests.sync.spreadsheets import LEASE, NOON, House, spreadsheet

ARCHIVE = archive_of(OUTBOX, 2025)
FILED_ON = dt.date(2026, 4, 1)
DAYS = (FILED_ON - AS_OF).days


def kept(backend: Backend) -> list[Mail]:
    return mails_in(backend.read((OUTBOX,)).tabs["outbox"], ZONE)


def archived(backend: Backend) -> list[tuple[Cell, ...]]:
    return canonical(ARCHIVE, body(ARCHIVE, backend.read((ARCHIVE,)).tabs.get(ARCHIVE.name)))


def test_a_year_is_filed_the_same_on_every_sheet(sheet: Sheet) -> None:
    sent = Counted()
    ran(sheet.backend, 0, sent)
    before = kept(sheet.backend)
    wanted = filing(before, {}, FILED_ON, POLICY.mail.keep_days, "zh")

    ran(sheet.twin(), DAYS, sent)
    assert archived(sheet.backend) == canonical(ARCHIVE, rows_of(wanted.archives[2025]))
    after = kept(sheet.backend)
    assert after[: len(wanted.mails)] == list(wanted.mails)
    assert {mail.created_on for mail in after[len(wanted.mails) :]} == {FILED_ON}

    filed = archived(sheet.backend)
    ran(sheet.twin(), DAYS + 1, sent)
    assert archived(sheet.backend) == filed
    assert set(sent.left.values()) == {1}


def test_undo_of_a_run_that_filed_puts_back_the_tabs_and_leaves_mail_filed(plain: Sheet) -> None:
    ran(plain.backend)
    before = shown(plain.backend)
    (kept_then,) = ran(plain.backend, DAYS)
    mails, filed = cells(plain.backend, "outbox"), archived(plain.backend)
    undo(plain.backend, kept_then, clock)
    assert shown(plain.backend) == before
    assert (cells(plain.backend, "outbox"), archived(plain.backend)) == (mails, filed)


def put(sheet: Sheet, title: str, *rows: tuple[Cell, ...]) -> None:
    """A person, or an older version, wrote these rows of mail."""
    sheet.edit(title, [[column.header for column in OUTBOX.typed], *map(list, rows)])


OLD = Mail("0123456789abcdef", AS_OF, "a@example.cn", (), "", "", ("digest:2025-W45",), MailStatus.SENT)


def test_undo_is_of_a_run_that_did_nothing_but_file(plain: Sheet) -> None:
    """Not of the run before, whose mail it could no longer count."""
    ran(plain.backend, DAYS)
    put(plain, OUTBOX.title, *rows_of([OLD]), *cells(plain.backend, "outbox"))
    (kept_then,) = ran(plain.backend, DAYS)
    assert archived(plain.backend) == canonical(ARCHIVE, rows_of([OLD]))
    with pytest.raises(SetupError, match="nothing to undo"):
        undo(plain.backend, kept_then, clock)


def test_an_archive_without_headers_stops_the_run_and_says_so(plain: Sheet) -> None:
    """What stands there may be mail that stands nowhere else."""
    ran(plain.backend)
    plain.edit(ARCHIVE.title, [["?"], ["0123456789abcdef"]])
    before = plain.backend.read((*TABLES, ARCHIVE))
    with pytest.raises(SetupError, match=f"the tab {ARCHIVE.title} has no column"):
        ran(plain.backend, DAYS)
    assert plain.backend.read((*TABLES, ARCHIVE)) == before


@pytest.mark.parametrize("act", ["release", "retry", "sent", "cancel"])
def test_a_row_that_stands_for_filed_mail_is_no_mail_to_act_on(plain: Sheet, act: Act) -> None:
    put(plain, OUTBOX.title, *rows_of(filing([OLD], {}, FILED_ON, 0, "zh").mails))
    room = Mailroom(plain.backend, ZONE, "zh")
    before = room.mails()
    assert room.mail("archive-2025").items == ("2025-11-06 已发送", *OLD.items)
    with pytest.raises(SetupError, match="is filed; it cannot"):
        room.act(act, ["archive-2025-1"])
    assert room.mails() == before


@pytest.mark.parametrize(("locale", "said"), [("zh", "1 封邮件移到“邮件归档2025”"), ("en", "1 mails to 邮件归档2025")])
def test_plan_and_run_say_what_is_filed(plain: Sheet, capsys, locale: str, said: str) -> None:
    ran(plain.backend)
    put(plain, OUTBOX.title, *rows_of([OLD]))
    before = plain.backend.read(TABLES)
    planned_ = planned(plain.backend.read, WORDS, POLICY, ZONE, FILED_ON, Tally())
    summary.plan(planned_, as_json=False, locale=locale)
    assert said in capsys.readouterr().out
    summary.plan(planned_, as_json=True, locale=locale)
    assert json.loads(capsys.readouterr().out)["filed"] == {"2025": 1}
    assert plain.backend.read(TABLES) == before
    summary.report(
        Worker(plain.backend, Counted(), WORDS, POLICY, ZONE, clock).run(FILED_ON), as_json=False, locale=locale
    )
    assert said in capsys.readouterr().out


def test_a_filing_in_several_calls_may_be_cut_off_at_any(monkeypatch) -> None:
    """A spreadsheet takes some 2 MB at once. Newest first or last: no open mail is lost, and no key, not for a moment."""
    monkeypatch.setattr("sync.backends.google.MOST_BYTES", 2_000)
    monkeypatch.setattr("sync.google.requests._MOST_ROWS", 3)
    settled = [replace(OLD, mail_id=f"{n:016x}", items=(f"digest:2025-W{n}",), body="信" * 400) for n in range(8)]
    waiting = [replace(OLD, mail_id=f"{n:016x}", items=(f"k:{n}",), status=MailStatus.HELD) for n in range(8, 11)]
    for mails in ([*settled, *waiting], [*waiting, *settled]):
        with spreadsheet() as ready:
            ready.backend().prepare([OUTBOX])
            backend = ready.backend()
            backend.write([Change(OUTBOX, rows_of(mails))], backend.read([OUTBOX]).version)
            with spreadsheet(like=ready) as house:
                file(house.backend(), [2025], FILED_ON, POLICY, ZONE)
                whole, calls = (kept(house.backend()), archived(house.backend())), _writes(house)
            assert calls > 7
            for number in range(1, calls):
                with spreadsheet(like=ready) as house:
                    house.server.fault = lambda _call, house=house, n=number: Fault() if _writes(house) > n else None
                    with pytest.raises(HuzhuError):
                        file(house.backend(sleep=lambda _seconds: None), [2025], FILED_ON, POLICY, ZONE)
                    house.server.fault = lambda _call: None
                    half = kept(house.backend(NOON + LEASE))
                    assert {mail.mail_id for mail in waiting} <= {mail.mail_id for mail in half}
                    assert {key for mail in mails for key in mail.items} <= on_record(half).keys()
                    file(house.backend(NOON + LEASE), [2025], FILED_ON, POLICY, ZONE)
                    assert (kept(house.backend(NOON + LEASE)), archived(house.backend())) == whole


def _writes(house: House) -> int:
    return sum("batchUpdate" in call.path for call in house.server.calls)

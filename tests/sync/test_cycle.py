"""Laws of one cycle, on a real workbook and a real mail folder or SMTP server."""

from __future__ import annotations

import csv
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import filelock
import openpyxl
import pytest

from rules.outbox import kind_of, rows_of
from rules.schema import LOANS, MEMBER_TABLES, OUTBOX, RUNS, TABLES, WORKER_TABLES
from rules.values import Change, MailStatus
from sync import compose, demo
from sync.backends.workbook import Workbook
from sync.errors import Busy, RunFailed, SetupError
from sync.mail import Send
from sync.worker import RESTARTS, Worker
from tests.conftest import Convert
from tests.sync.house import TODAY, book, by_status, config, mails, parts, run
from tests.sync.postman import Postman


def test_a_run_fills_every_worker_tab_and_leaves_member_parts_as_they_were(home: Path) -> None:
    before = parts(book(home))
    report = run(home)
    after = parts(book(home))
    changed = {name for name in after if after[name] != before.get(name)}
    sheets = [name for name in before if name.startswith("xl/worksheets/sheet")]
    member_sheets = sorted(sheets, key=lambda n: int(n.split("sheet")[-1][:-4]))[: len(MEMBER_TABLES)]
    assert not changed & set(member_sheets)
    assert set(report.changes) == {table.name for table in WORKER_TABLES} - {"runs"}
    assert report.mails["sent"] == len(list((home / "outbox").glob("*.eml"))) > 0


def test_a_second_unchanged_run_writes_only_its_log_row(home: Path) -> None:
    run(home)
    before = parts(book(home))
    report = run(home)
    after = parts(book(home))
    changed = [name for name in after if after[name] != before[name]]
    assert report.changes == {}
    assert report.mails["sent"] == report.mails["queued"] == 0
    assert len(changed) == 1
    log = compose.backend(config(home)).read((RUNS,)).tabs["runs"].rows
    assert len(log) == 3
    assert log[1][: RUNS.fields.index("started_at")] != ""


def test_a_week_of_daily_runs_mails_each_reminder_once(home: Path, postman: Postman) -> None:
    for day in range(8):
        run(home, TODAY + timedelta(days=day))
    items = Counter(item for mail in mails(home) for item in mail.items if item.startswith("overdue:"))
    assert set(items.values()) == {1}
    assert set(postman.numbers.values()) == {1}
    assert len(postman.taken) == by_status(home)[MailStatus.SENT]


def test_only_members_and_the_coordinator_get_mail(home: Path, postman: Postman) -> None:
    run(home)
    rows = demo.rows(TODAY)["members"]
    allowed = {row[2] for row in rows} | {row[4] for row in rows} | {"coordinator@alliance.example"}
    for message in postman.taken:
        addresses = {a.strip() for name in ("To", "Cc") for a in str(message[name] or "").split(",") if a.strip()}
        assert addresses <= allowed


def test_an_address_typed_into_the_outbox_gets_no_mail(home: Path, postman: Postman) -> None:
    """The members tab says where mail goes: a letter that waits leaves for whom it was written."""
    run(home, mailer=None)
    people = openpyxl.load_workbook(book(home))
    places = [OUTBOX.fields.index(field) + 1 for field in ("to", "cc")]
    for row in range(2, people[OUTBOX.title].max_row + 1):
        for place in places:
            people[OUTBOX.title].cell(row, place, "stranger@outside.example")
    people.save(book(home))
    run(home)
    assert len(postman.taken) > 0
    assert not any("stranger" in f"{message['To']}{message['Cc']}" for message in postman.taken)


@pytest.mark.parametrize(
    ("answer", "status", "sent_later"),
    [
        ("451 try again later", MailStatus.FAILED, True),
        ("550 no such user", MailStatus.HELD, False),
    ],
)
def test_a_refused_mail_is_tried_again_only_when_that_can_help(
    home: Path, postman: Postman, answer: str, status: MailStatus, *, sent_later: bool
) -> None:
    postman.answer = answer
    report = run(home)
    assert report.exit_code == 3
    tried = [mail for mail in mails(home) if mail.attempts]
    assert {mail.status for mail in tried} == {status}
    assert all(answer[:3] in mail.error for mail in tried)
    postman.answer = "250 OK"
    run(home)
    taken = {number.strip("<>").split("@")[0] for number in postman.numbers}
    assert bool(taken & {mail.mail_id for mail in tried}) is sent_later
    assert set(postman.numbers.values()) == {1}


def test_a_mail_that_keeps_failing_is_held_after_the_last_attempt(home: Path, postman: Postman) -> None:
    postman.answer = "451 greylisted"
    limit = config(home).mail.max_attempts
    for _ in range(limit + 1):
        run(home)
    tried = [mail for mail in mails(home) if mail.attempts and mail.items[0].startswith("overdue:")]
    assert {(mail.status, mail.attempts) for mail in tried} == {(MailStatus.HELD, limit)}


def test_a_row_left_in_sending_is_held_and_never_sent_by_itself(home: Path, postman: Postman) -> None:
    """rules, section 5: nobody knows whether it left."""
    run(home)
    settings = config(home)
    backend = compose.backend(settings)
    sheet = backend.read((OUTBOX,))
    crashed = {mail.mail_id for mail in mails(home) if mail.sent_at}
    rows = rows_of(replace(m, status=MailStatus.SENDING) if m.mail_id in crashed else m for m in mails(home))
    backend.write([Change(OUTBOX, rows)], sheet.version)
    postman.taken.clear()
    run(home)
    assert not crashed & {number.strip("<>").split("@")[0] for number in postman.numbers}
    left = [mail for mail in mails(home) if mail.mail_id in crashed]
    assert {mail.status for mail in left} == {MailStatus.HELD}
    assert all("结果未知" in mail.error for mail in left)
    report = next(mail for mail in mails(home) if f"held:{min(crashed)}" in mail.items)
    assert f"huzhu outbox sent {min(crashed)}" in report.body
    compose.mailroom(settings).act("sent", sorted(crashed))
    run(home)
    assert not [m for m in mails(home) if m.mail_id in crashed and (m.status is not MailStatus.SENT or m.error)]
    assert not crashed & {number.strip("<>").split("@")[0] for number in postman.numbers}


def test_mail_over_the_limit_of_a_run_is_held(home: Path) -> None:
    worker = compose.worker(config(home))
    policy = replace(worker.policy, mail=replace(worker.policy.mail, max_per_run=3))
    report = replace(worker, policy=policy).run(TODAY)
    reports = [mail for mail in mails(home) if kind_of(mail) == "problems"]
    assert report.mails["sent"] == 3 + len(reports)
    assert report.mails["held"] > 1


def test_transport_none_writes_rows_sends_nothing_and_climbs_the_ladder(home: Path) -> None:
    """Somebody else sends what stands in the rows, so a row counts as a letter that left."""
    file = home / "config.yaml"
    file.write_text(file.read_text("utf-8").replace("transport: folder ", "transport: none "), encoding="utf-8")
    assert run(home).mails["sent"] == 0
    assert run(home).changes == {}
    run(home, TODAY + timedelta(days=3))
    assert set(by_status(home)) <= {MailStatus.QUEUED, MailStatus.HELD, MailStatus.CANCELLED}
    steps = [item.split(":")[2] for mail in mails(home) for item in mail.items if "overdue:L-050:" in item]
    assert steps == ["formal", "escalate"]


class Disturbed(Workbook):
    """A workbook that somebody saves right before some of our writes."""

    disturbances = 0
    seen = 0

    def write(self, changes: object, version: object) -> object:  # type: ignore[override]
        self.seen += 1
        if self.disturbances:
            self.disturbances -= 1
            with zipfile.ZipFile(self._path, "a") as package:
                package.comment = f"saved {self.seen}".encode()
        return super().write(changes, version)  # type: ignore[arg-type]


def disturbed(home: Path, times: int) -> Worker:
    backend = Disturbed(book(home))
    backend.disturbances = times
    return replace(compose.worker(config(home)), backend=backend)


def test_a_cycle_starts_over_when_somebody_saved_the_sheet(home: Path) -> None:
    report = disturbed(home, RESTARTS - 1).run(TODAY)
    assert report.calls["read"] == RESTARTS
    assert report.mails["sent"] == len(list((home / "outbox").glob("*.eml"))) > 0


def test_a_sheet_that_keeps_changing_ends_the_run_with_nothing_written(home: Path) -> None:
    with pytest.raises(RunFailed):
        disturbed(home, 10**6).run(TODAY)
    with zipfile.ZipFile(book(home)) as package:
        package.comment = b""
    assert not list((home / "outbox").glob("*.eml"))
    assert not mails(home)


def test_mail_that_left_is_marked_even_when_the_sheet_changed_meanwhile(home: Path, postman: Postman) -> None:
    worker = disturbed(home, 0)
    backend = worker.backend
    assert isinstance(backend, Disturbed)
    original = postman.handle_DATA

    async def saving(*args: object) -> str:
        backend.disturbances = 1
        return await original(*args)

    postman.handle_DATA = saving  # type: ignore[method-assign]
    worker.run(TODAY)
    assert set(postman.numbers.values()) == {1}
    assert len(postman.taken) == by_status(home)[MailStatus.SENT]
    assert not by_status(home)[MailStatus.SENDING]


def test_what_was_done_to_other_mail_meanwhile_stands(home: Path, postman: Postman) -> None:
    """The fate of the mail that left is saved beside what another hand did to the outbox while it left."""
    original = postman.handle_DATA
    seen: list[str] = []

    async def meddling(*args: object) -> str:
        if not seen:
            other = compose.backend(config(home))
            sheet = other.read((OUTBOX,))
            rows = rows_of(
                replace(mail, error="看过了") if mail.status is MailStatus.HELD else mail for mail in mails(home)
            )
            seen.extend(mail.mail_id for mail in mails(home) if mail.status is MailStatus.HELD)
            Workbook.write(unlocked(other), [Change(OUTBOX, rows)], sheet.version)
        return await original(*args)

    postman.handle_DATA = meddling  # type: ignore[method-assign]
    run(home)
    assert seen
    assert {mail.mail_id for mail in mails(home) if mail.error == "看过了"} == set(seen)
    assert len(postman.taken) == by_status(home)[MailStatus.SENT]
    assert set(postman.numbers.values()) == {1}


def unlocked(backend: object) -> Workbook:
    """The same workbook without its lock: a hand that does not ask whether a run is on."""
    assert isinstance(backend, Workbook)
    backend._lock = filelock.FileLock(backend._path.with_name(".other.lock"))
    return backend


def test_the_sheet_is_read_again_when_it_was_read_too_long_ago(home: Path, postman: Postman) -> None:
    worker = compose.worker(config(home))
    times = iter(range(10**6))
    start = datetime(2026, 11, 23, 1, tzinfo=UTC)
    slow = replace(worker, clock=lambda: (start + timedelta(minutes=4 * next(times))).astimezone(worker.zone))
    report = slow.run(TODAY)
    assert report.calls["read"] > 1
    assert set(postman.numbers.values()) == {1}
    assert len(postman.taken) == by_status(home)[MailStatus.SENT] > 5


def test_what_was_read_long_ago_is_not_written(home: Path) -> None:
    """A laptop that slept between reading and writing: others may have run, and mailed, since."""
    worker = compose.worker(config(home))
    minutes = iter([0, *[11] * 10**4])
    start = datetime(2026, 11, 23, 1, tzinfo=UTC)
    slept = replace(worker, clock=lambda: (start + timedelta(minutes=next(minutes))).astimezone(worker.zone))
    assert slept.run(TODAY).calls["read"] == 2


def test_days_are_those_of_the_run_not_of_the_clock(home: Path) -> None:
    """A replay of past days climbs the ladder as the days themselves did."""
    years_later = datetime(2030, 1, 1, tzinfo=UTC)
    for day in range(0, 15, 3):
        run(home, TODAY + timedelta(days=day), clock=lambda: years_later)
    steps = {
        mail.created_on: item.split(":")[2] for mail in mails(home) for item in mail.items if "overdue:L-050:" in item
    }
    assert steps == {
        TODAY: "formal",
        TODAY + timedelta(days=3): "escalate",
        TODAY + timedelta(days=9): "compensate",
    }


def test_a_loan_returned_between_two_runs_is_not_mailed(home: Path, postman: Postman) -> None:
    """A waiting mail is looked at again before it leaves."""
    postman.answer = "451 later"
    run(home)
    people = openpyxl.load_workbook(book(home))
    sheet = people["借调记录"]
    columns = {cell.value: cell.column for cell in sheet[1]}
    for row in range(2, sheet.max_row + 1):
        if sheet.cell(row, columns["借调编号"]).value:
            sheet.cell(row, columns["归还日期"]).value = TODAY
            sheet.cell(row, columns["已还数量"]).value = None
    people.save(book(home))
    postman.answer = "250 OK"
    run(home)
    assert not [m for m in postman.taken if "应还" in str(m["Subject"]) or "due" in str(m["Subject"])]
    assert by_status(home)[MailStatus.CANCELLED] > 0


def test_a_change_of_history_is_told_even_when_the_run_that_saw_it_was_cut_off(home: Path) -> None:
    """rules, section 2: never silently absorbed. The ledger is what the next run compares with."""
    run(home)
    people = openpyxl.load_workbook(book(home))
    sheet = people["借调记录"]
    columns = {cell.value: cell.column for cell in sheet[1]}
    changed = next(row for row in range(2, sheet.max_row + 1) if sheet.cell(row, 1).value == "L-020")
    sheet.cell(changed, columns["作废"]).value = "是"
    people.save(book(home))
    with pytest.raises(PowerCut):
        run(home, TODAY + timedelta(days=1), mailer=Unpowered())
    run(home, TODAY + timedelta(days=2))
    told = [mail for mail in mails(home) if "L-020 的积分记录变了" in mail.body]
    assert [mail.status for mail in told] == [MailStatus.SENT]


def test_what_goes_wrong_with_the_set_up_after_the_first_write_is_a_failed_run(home: Path) -> None:
    """Exit code 2 promises that nothing was written."""

    class Locking:
        """Somebody makes the file read-only while mail leaves."""

        @contextmanager
        def open(self) -> Iterator[Send]:
            def send(_message: EmailMessage) -> tuple[str, ...]:
                book(home).chmod(0o444)
                return ()

            yield send

        def check(self) -> None:
            """It always could."""

    with pytest.raises(RunFailed, match="read-only"):
        run(home, mailer=Locking())
    book(home).chmod(0o644)
    run(home)
    assert MailStatus.HELD in by_status(home)


class PowerCut(BaseException):
    """Nothing that runs can catch it."""


class Unpowered:
    """A way out for mail at whose first use the power goes."""

    @contextmanager
    def open(self) -> Iterator[Send]:
        raise PowerCut
        yield

    def check(self) -> None:
        """It looks well."""


def test_two_runs_at_once_are_one(home: Path) -> None:
    other = compose.backend(config(home))
    with other.lock(), pytest.raises(Busy):
        run(home)


def test_a_missing_tab_stops_the_run_and_names_it(home: Path) -> None:
    people = openpyxl.load_workbook(book(home))
    del people["求助"]
    people.save(book(home))
    before = book(home).read_bytes()
    with pytest.raises(SetupError, match="求助"):
        run(home)
    assert book(home).read_bytes() == before


def test_a_run_reads_every_table_of_the_schema(home: Path) -> None:
    assert {t.name for t in TABLES if t.owner is LOANS.owner} == set(run(home).rows_read)


@pytest.mark.libreoffice
def test_a_person_saving_in_libreoffice_changes_nothing_for_the_worker(home: Path, libreoffice: Convert) -> None:
    run(home)
    book(home).write_bytes(libreoffice(book(home), "xlsx").read_bytes())
    assert run(home).changes == {}


@pytest.mark.libreoffice
def test_what_a_person_edits_shows_beside_the_row_after_the_next_run(home: Path, libreoffice: Convert) -> None:
    """The story of the first day: open, return a part, save, run, open again."""
    run(home)
    shown = rows_by_key(libreoffice(book(home), "借调记录"), "借调编号")
    assert (shown["L-049"]["状态"], shown["L-049"]["天数"]) == ("已逾期", "3")
    assert (shown["L-001"]["状态"], shown["L-001"]["天数"]) == ("已归还", "")
    people = openpyxl.load_workbook(libreoffice(book(home), "xlsx"))
    sheet = people["借调记录"]
    columns = {cell.value: cell.column for cell in sheet[1]}
    row = next(row for row in range(2, 70) if sheet.cell(row, columns["借调编号"]).value == "L-049")
    sheet.cell(row, columns["归还日期"]).value = TODAY
    people.save(book(home))
    book(home).write_bytes(libreoffice(book(home), "xlsx").read_bytes())
    assert run(home).changes["loan_states"]["changed"] == 1
    shown = rows_by_key(libreoffice(book(home), "借调记录"), "借调编号")
    assert (shown["L-049"]["状态"], shown["L-049"]["天数"]) == ("已归还", "")
    queue = rows_by_key(libreoffice(book(home), "求助"), "求助编号")
    assert (queue["R-001"]["序号"], queue["R-001"]["级别"]) == ("1", "P0")


def rows_by_key(file: Path, key: str) -> dict[str, dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return {row[key]: row for row in csv.DictReader(lines)}

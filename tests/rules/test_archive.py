"""Mail of past years is filed, and nobody can tell by what the worker says next."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.archive import MOST_CHARACTERS, SETTLED, due, filing, unfolded
from rules.diary import history
from rules.fates import NO_LONGER, UNKNOWN_RESULT, given_up
from rules.outbox import left, made, mails_in, on_record, rows_of
from rules.policy import MailPolicy
from rules.schema import OUTBOX, archive_of
from rules.values import LONG_AGO, Book, Mail, MailStatus
from tests.rules.sheets import (
    NOT_WEEKLY,
    POLICY,
    ZONE,
    book,
    decided,
    loan,
    run,
    settled,
    tab,
    with_mails,
)
from tests.rules.test_laws import laws

KEEP = 90
FILED_ON = date(2026, 4, 1)
"""The first day on which 2025 has been over for KEEP days."""

DUES = ("2025-12-20", "2026-01-02", "2026-04-03")
KEYS = st.sampled_from(
    [f"overdue:L-{n}:{stage}:{day}" for n in range(2) for stage in ("friendly", "formal", "escalate") for day in DUES]
    + [f"{kind}:L-{n}:{more}" for n in range(2) for kind, more in (
        ("moved", f"1:{DUES[1]}"), ("moved", f"2:{DUES[2]}"), ("returned", "1"), ("recall", f"2025-12-15:{DUES[0]}"),
        ("thanks", "received"), ("thanks", "week3"), ("arrived", "stock"), ("spoiled", ":"),
    )]
    + [f"ask:R-0:华东:P-1:{n}" for n in (1, 2)]
    + ["statement:华北:2025-W40", "digest:2025-W40", "group:p0:R-0", "problem:0123456789ab", "no colon"]
)  # fmt: skip
ERRORS = {MailStatus.CANCELLED: ("", NO_LONGER.zh), MailStatus.HELD: (UNKNOWN_RESULT.zh, "超过上限")}


@st.composite
def mail(draw: st.DrawFn) -> Mail:
    """Any mail of 2024 or later, also one that is about what others are about."""
    status = draw(st.sampled_from([each for each in MailStatus if each is not MailStatus.FILED]))
    on = date(2024, 9, 1) + timedelta(draw(st.integers(0, 570)))
    return Mail(
        mail_id=draw(st.text("0123456789abcdef", min_size=16, max_size=16)),
        created_on=on,
        to="north@example.cn",
        cc=("east@example.cn",),
        subject=draw(st.sampled_from(["", "两行\n主题", "=1+1"])),
        body="正文",
        items=tuple(draw(st.lists(KEYS, min_size=1, max_size=4, unique=True))),
        status=status,
        sent_at=datetime(on.year, on.month, on.day, 9) if status is MailStatus.SENT else None,  # noqa: DTZ001 - a sheet
        attempts=draw(st.integers(0, 2)),
        error=draw(st.sampled_from(ERRORS.get(status, ("",)))),
    )


@st.composite
def outboxes(draw: st.DrawFn) -> list[Mail]:
    """By day, or newest first as people sort it. Of one day, what somebody must still settle stands above."""
    mails = draw(st.lists(mail(), max_size=12, unique_by=lambda each: each.mail_id))
    mails = sorted(mails, key=lambda each: (each.created_on, each.status in SETTLED))
    return sorted(mails, key=lambda each: each.created_on, reverse=True) if draw(st.booleans()) else mails


def filed(mails, as_of=FILED_ON, keep_days=KEEP, archived=None):
    return filing(mails, archived or {}, as_of, keep_days, "zh")


# --- nobody can tell -------------------------------------------------------------------------------------------------

LOANS = st.lists(
    st.fixed_dictionaries(
        {"借出日期": st.just("2025-12-06"), "到期日期": st.sampled_from(DUES)},
        optional={
            "延期至": st.just(DUES[2]), "归还日期": st.sampled_from(["2026-01-05", "2026-03-30"]),
            "召回日期": st.just("2025-12-15"), "作废": st.just("是"), "签收日期": st.just("2025-12-08"),
        },
    ),
    min_size=2, max_size=2,
)  # fmt: skip


@laws(15)
@given(outboxes(), LOANS, st.sampled_from([0, KEEP]), st.integers(0, 400))
def test_filing_changes_no_plan_of_any_later_day(mails, loans, keep_days, later):
    """Neither letters nor their entries for calendars, nor what stands in any tab, nor the fate of what is not filed."""
    as_of = FILED_ON + timedelta(later)
    sheet = settled(book(loans=[loan(f"L-{n}", **cells) for n, cells in enumerate(loans)]), "2026-03-31")
    done = filed(mails, FILED_ON, keep_days)
    without, with_ = (decided(with_mails(sheet, each), as_of) for each in (mails, done.mails))
    assert (with_.letters, with_.rows, with_.problems) == (without.letters, without.rows, without.problems)
    moved = {each.mail_id for held in done.archives.values() for each in held}
    assert [each for each in with_.mails if each.status is not MailStatus.FILED] == [
        each for each in without.mails if each.mail_id not in moved
    ]


@laws(30)
@given(outboxes(), st.booleans())
def test_what_was_told_and_when_is_the_same(mails, rows_only):
    for told in (lambda each: made(each, rows_only=rows_only), on_record, lambda each: history(left(each))):
        assert told(filed(mails).mails) == told(mails)


def test_a_year_goes_on_the_same_with_its_mail_filed():
    """Week by week over a new year, with loans made and returned: letter by letter."""
    mail_policy = replace(POLICY.mail, kinds=NOT_WEEKLY, keep_days=10)
    policy = replace(POLICY, mail=mail_policy)
    plain = settled(book(), "2025-11-20")
    tidy, left_twice, once = plain, [], set()
    for week in range(13):
        day = date(2025, 11, 24) + timedelta(7 * week)
        loans = [
            loan(f"L-{n}", 借出日期=day - timedelta(7 * (week - n)), **({"归还日期": day} if n % 3 and n < week - 3 else {}))
            for n in range(week + 1)
        ]  # fmt: skip
        plain, tidy = ({**each.tabs, "loans": book(loans=loans).tabs["loans"]} for each in (plain, tidy))
        tidy = {**tidy, "outbox": tab(OUTBOX, rows_of(filed(kept(tidy), day, 10).mails))}
        (without, plain), (with_, tidy) = (run(Book(each), day.isoformat(), policy) for each in (plain, tidy))
        assert with_.letters == without.letters
        left_twice += [key for letter in with_.letters for key in letter.keys if key in once]
        once |= {key for letter in with_.letters for key in letter.keys}
    assert len(once) > 30
    assert not left_twice
    assert len(kept(tidy.tabs)) < len(kept(plain.tabs)) - 5


def kept(tabs) -> list[Mail]:
    return mails_in(tabs.get("outbox"), ZONE)


# --- what moves ------------------------------------------------------------------------------------------------------


@laws(30)
@given(outboxes())
def test_every_mail_is_filed_or_stays_and_what_is_open_stays(mails):
    done = filed(mails)
    stay = [each for each in done.mails if each.status is not MailStatus.FILED]
    there = [each for held in done.archives.values() for each in held]
    assert sorted(rows_of([*stay, *there]), key=str) == sorted(rows_of(mails), key=str)
    assert all(
        each.status in SETTLED and each.created_on.year == year for year, m in done.archives.items() for each in m
    )
    assert all(each.status not in SETTLED or each.created_on.year == FILED_ON.year for each in stay)
    assert stay == [each for each in mails if each in stay]


@laws(30)
@given(outboxes())
def test_filing_twice_is_filing_once(mails):
    done = filed(mails)
    assert due(done.mails, FILED_ON, KEEP) == {}
    assert filed(done.mails) == replace(done, archives={}, told=done.mails)
    assert mails_in(tab(OUTBOX, rows_of(done.mails)), ZONE) == list(done.mails)


@laws(30)
@given(outboxes())
def test_a_filing_that_was_cut_off_is_finished_by_the_next(mails):
    """After any row of the outbox: when its rows are written one by one, or when rows are made and then deleted."""
    done = filed(mails)
    assert filed(mails, archived=done.archives) == done
    made_ = [[*done.told[:n], *mails[n:]] for n in range(len(done.told))]
    written = [[*done.mails[:n], *done.told[n:]] for n in range(len(done.told))]
    going = [each for each in mails if each not in done.mails]
    deleted = [[each for each in done.told if each not in going[:n]] for n in range(len(going))]
    for half in (*made_, *written, *deleted):
        again = filed(half, archived=done.archives)
        assert (again.mails, {**done.archives, **again.archives}) == (done.mails, done.archives)


@laws(30)
@given(outboxes())
def test_what_is_settled_late_joins_its_year(mails):
    """Filed a year at a time or all at once, with a mail settled after its year was filed: no row changes."""
    first = filed(mails, date(2025, 6, 1))
    settled_late = [
        replace(each, status=MailStatus.SENT) if each.status is MailStatus.HELD else each for each in first.mails
    ]
    second = filed(settled_late, archived=first.archives)
    whole = filed([replace(each, status=MailStatus.SENT) if each.status is MailStatus.HELD else each for each in mails])
    assert _keys(second.mails) == _keys(whole.mails)
    assert all(each in second.mails for each in first.mails if each.status is MailStatus.FILED)
    archived = {**first.archives, **second.archives}
    assert {year: {each.mail_id for each in held} for year, held in archived.items()} == {
        year: {each.mail_id for each in held} for year, held in whole.archives.items()
    }


def _keys(mails) -> set[tuple[date, MailStatus, str]]:
    return {(each.created_on, each.status, key) for each in unfolded(mails) if not given_up(each) for key in each.items}


@pytest.mark.parametrize(("as_of", "moves"), [("2026-03-31", False), ("2026-04-01", True), ("2027-02-01", True)])
def test_a_year_is_filed_once_it_has_been_over_for_so_many_days(as_of, moves):
    assert bool(due([MAIL], date.fromisoformat(as_of), KEEP)) is moves
    assert MailPolicy().keep_days == KEEP
    assert due([replace(MAIL, created_on=date(2026, 1, 1))], date.fromisoformat(as_of), KEEP) == {}


def test_a_mail_whose_day_was_spoiled_stays():
    assert due([replace(MAIL, created_on=LONG_AGO)], FILED_ON, KEEP) == {}


def test_what_the_worker_gave_up_leaves_no_key():
    done = filed([replace(MAIL, status=MailStatus.CANCELLED, error=NO_LONGER.zh)])
    assert done.mails == ()
    assert len(done.archives[2025]) == 1


def test_the_plan_says_what_is_to_be_filed():
    assert decided(with_mails(book(), [MAIL, replace(MAIL, mail_id="2")]), FILED_ON).filing == {2025: 2}
    assert decided(with_mails(book(), [MAIL]), "2026-03-31").filing == {}


# --- the rows that stay ----------------------------------------------------------------------------------------------

MAIL = Mail(
    "0123456789abcdef", date(2025, 5, 5), "a@example.cn", (), "主题", "正文", ("ask:R-1:华东:P-1:1",), MailStatus.SENT
)


def test_no_row_is_longer_than_a_cell_and_none_is_lost():
    """Not even with keys that count double in a workbook."""
    keys = [tuple(f"ask:{'𠮷' * 60}-{m}-{n}:华东:P-1:1" for n in range(150)) for m in range(40)]
    mails = [replace(MAIL, mail_id=str(m), items=items) for m, items in enumerate(keys)]
    done = filed(mails)
    texts = ["\n".join(row.items) for row in done.mails]
    assert all(len(text) <= MOST_CHARACTERS for text in texts)
    assert all(len(text.encode("utf-16-le")) // 2 < 32_767 for text in texts)
    assert len(texts) < sum(map(len, keys)) / 100
    assert on_record(done.mails) == on_record(mails)
    assert len({row.mail_id for row in done.mails}) == len(done.mails)


def test_a_row_that_stays_says_where_the_letters_are():
    before = replace(MAIL, mail_id="2", created_on=date(2025, 5, 4), status=MailStatus.CANCELLED)
    [row] = filed([MAIL, before]).mails
    assert row.items == ("2025-05-04 已取消", *MAIL.items, "2025-05-05 已发送", *MAIL.items)
    assert archive_of(OUTBOX, 2025).title in row.subject
    assert "不要删除" in row.body
    assert (row.mail_id, row.status.value, row.created_on) == ("archive-2025-1", "已归档", date(2025, 5, 5))


def test_a_row_that_somebody_spoiled_forgets_nothing():
    """Without its headings, its keys are still on record; with another number or day, its year is filed all the same."""
    row = Mail("7", LONG_AGO, "", (), "", "", ("2025-02-30 已发送", "2025-05-05 已烧掉", *MAIL.items), MailStatus.FILED)
    other = replace(MAIL, mail_id="2", items=("digest:2025-W10",))
    assert {*MAIL.items, *other.items} <= on_record(filed([row, other]).mails).keys()
    spoiled = replace(filed([MAIL]).mails[0], mail_id="7", created_on=LONG_AGO)
    assert [each.mail_id for each in filed([spoiled, MAIL]).mails] == ["7"]
    assert [each.mail_id for each in filed([spoiled, other]).mails] == ["7", "archive-2025-1"]

"""What a calendar finds in the file of a letter, read by two libraries; and what a name can never do to it."""

import email
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.policy import default

import icalendar
import pytest
import vobject
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rules.items import Entry
from rules.values import Mail
from sync.wording import LISTED, Wording, one_line
from tests.sync.letters import (
    ASK,
    CLOSED,
    DUE,
    EVERY,
    HOSTILE,
    MOVED,
    RECALLED,
    SCREEN,
    WORDING,
    filled,
    letter,
)

AHEAD = Entry(1, (DUE + timedelta(3), DUE + timedelta(7)), cancelled=False)
ENTERED = {
    "overdue": replace(SCREEN, entry=AHEAD),
    "recall": replace(RECALLED, entry=replace(AHEAD, sequence=0, alarms=(RECALLED.due,))),
    "moved": MOVED,
    "returned": CLOSED,
}


def files(*items, wording: Wording = WORDING, as_of: date = DUE, locale: str = "zh", **more) -> list[bytes]:
    made = wording.render(replace(letter(*items, locale=locale), **more), as_of)
    return [each.content for each in made.attachments]


def file(item, **how) -> bytes:
    [content] = files(item, **how)
    return content


def event(content: bytes) -> vobject.base.Component:
    return vobject.readOne(content.decode()).vevent


@pytest.mark.parametrize("item", ENTERED.values(), ids=ENTERED)
@pytest.mark.parametrize("locale", ["zh", "en"])
def test_two_libraries_read_the_same_entry(item, locale):
    content = file(item, locale=locale)
    [ours], theirs = icalendar.Calendar.from_ical(content).walk("VEVENT"), event(content)
    assert ours.errors == []
    assert theirs.uid.value == str(ours["uid"])
    assert theirs.dtstart.value == ours.start == item.due
    assert theirs.dtend.value == ours.end == item.due + timedelta(1)
    assert int(theirs.sequence.value) == ours["sequence"] == item.entry.sequence
    assert theirs.dtstamp.value == ours["dtstamp"].dt == datetime(2025, 11, 6, tzinfo=UTC)
    assert theirs.summary.value == ours["summary"]
    assert theirs.description.value == ours["description"]


@pytest.mark.parametrize("item", ENTERED.values(), ids=ENTERED)
def test_it_rings_at_nine_on_each_day_of_the_ladder_that_lies_ahead(item):
    found = event(file(item))
    alarms = [datetime.combine(found.dtstart.value, datetime.min.time()) + each.trigger.value for each in found.contents.get("valarm", ())]  # fmt: skip
    assert alarms == [datetime.combine(day, datetime.min.time()) + timedelta(hours=9) for day in item.entry.alarms]


def test_the_entry_says_what_goes_back_to_whom_and_whom_to_call():
    found = event(file(ENTERED["overdue"]))
    assert found.summary.value == "归还 Model Y 中控大屏 ×2（华北-北京 → 华东-上海）"
    for fact in ("Model Y 中控大屏", "P-001", "华东-上海", "13800001234", "L-2025-001", "2025-11-06"):
        assert fact in found.description.value
    assert (
        event(file(ENTERED["overdue"], locale="en")).summary.value
        == "Return 2 × Model Y 中控大屏 (华北-北京 → 华东-上海)"
    )


REQUIRED = {"UID", "DTSTAMP", "DTSTART", "ORGANIZER", "SEQUENCE", "SUMMARY", "STATUS"}


@pytest.mark.parametrize("kind", ENTERED)
def test_it_is_what_the_standards_want_of_its_method(kind):
    """RFC 5546: 3.2.1 PUBLISH and 3.2.5 CANCEL, one organizer, nobody attends; a cancelled entry has no alarm."""
    [attached] = WORDING.render(letter(ENTERED[kind]), DUE).attachments
    calendar = icalendar.Calendar.from_ical(attached.content)
    [entry] = calendar.walk("VEVENT")
    method, status = ("CANCEL", "CANCELLED") if kind == "returned" else ("PUBLISH", "CONFIRMED")
    assert (calendar["method"], entry["status"]) == (method, status)
    assert attached.media_type == f"text/calendar; charset=utf-8; method={method}"
    assert (calendar["version"], bool(calendar["prodid"])) == ("2.0", True)
    assert set(entry) >= REQUIRED
    assert "ATTENDEE" not in entry
    assert entry["organizer"] == "mailto:huzhu@example.cn"
    assert len(entry.alarms.times) == len(ENTERED[kind].entry.alarms)
    for alarm in entry.walk("VALARM"):
        assert set(alarm) == {"ACTION", "DESCRIPTION", "TRIGGER"}


def test_all_letters_about_a_loan_carry_the_same_entry_and_no_other_has_it():
    uids = {event(file(item, locale=locale)).uid.value for item in ENTERED.values() for locale in ("zh", "en")}
    assert len(uids) == 1
    other_alliance = Wording("另一个联盟", "huzhu@example.cn")
    others = [
        event(file(replace(ENTERED["overdue"], loan_id="L-2025-002"))).uid.value,
        event(file(ENTERED["overdue"], wording=other_alliance)).uid.value,
        event(file(ENTERED["overdue"], wording=Wording("互助联盟", "huzhu@example.org"))).uid.value,
    ]
    assert len({*uids, *others}) == 4


def test_the_same_letter_has_the_same_file():
    assert file(MOVED) == file(MOVED)


def test_each_loan_that_a_letter_lists_has_its_file():
    items = [replace(ENTERED["overdue"], loan_id=f"L-{n:03}") for n in range(LISTED + 5)]
    made = WORDING.render(letter(*items), DUE)
    assert [each.name for each in made.attachments] == [f"loan-L-{n:03}.ics" for n in range(LISTED)]
    assert f"另有 {5} 笔" in made.text
    assert made.text.count("附件用于日历") == 1


def test_only_letters_with_an_entry_carry_a_file_and_speak_of_it():
    for item in (*(EVERY[kind] for kind in EVERY if kind not in ENTERED), SCREEN, ASK):
        made = WORDING.render(letter(item), DUE)
        assert made.attachments == ()
        assert "日历" not in made.text


def test_a_letter_that_a_person_must_release_has_no_file_before():
    """It may lie for weeks; at its release the file is made as it is then."""
    assert files(MOVED, held="首次运行") == []


@pytest.mark.parametrize("loan_id", ["L/../1", "借-1", "还-1", "a b", "L\r\n1", "x" * 99, "CON", "..", "auto-12ab34cd"])
def test_a_file_name_is_plain_and_no_two_loans_share_one(loan_id):
    names = [
        WORDING.render(letter(replace(MOVED, loan_id=each)), DUE).attachments[0].name for each in (loan_id, "借-2")
    ]
    assert len(set(names)) == 2
    assert re.fullmatch(r"loan-[0-9A-Za-z_-]{1,80}\.ics", names[0])


def structure(content: bytes) -> list[str]:
    """The names of all properties and components of a file, in order."""
    lines = re.sub(rb"\r\n[ \t]", b"", content).split(b"\r\n")
    return [
        re.split(rb"[:;]", line)[0].decode() + (":" + line[6:].decode() if line.startswith(b"BEGIN:") else "")
        for line in lines
    ]


SPECIAL = HOSTILE | st.text(alphabet=",;:\\n\"^'\n\r\t \u2028\x85BEGIN:VALARM", min_size=1, max_size=80)


@given(text=SPECIAL, item=st.sampled_from(list(ENTERED.values())), locale=st.sampled_from(["zh", "en"]))
@example(text="x\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:1", item=MOVED, locale="zh")
@example(text="\\N", item=MOVED, locale="zh")
@example(text='a","b";x=1:mailto:thief@example.org', item=MOVED, locale="zh")
@settings(deadline=None, max_examples=40)
def test_a_name_cannot_add_a_property_or_an_entry(text, item, locale):
    r"""Whatever a member types, both libraries read it back as it was typed, but for `\N`, which the text has as `\n`."""
    hostile = replace(filled(item, f"x{text}x"), loan_id="L-1")
    content = file(hostile, locale=locale)
    assert structure(content) == structure(file(replace(filled(item, "x"), loan_id="L-1"), locale=locale))
    [ours], theirs = icalendar.Calendar.from_ical(content).walk("VEVENT"), event(content)
    assert one_line(f"x{text}x").replace(r"\N", r"\n") in ours["description"]
    assert theirs.description.value == ours["description"]
    assert len(ours["description"].splitlines()) == len(event(file(item, locale=locale)).description.value.splitlines())


@pytest.mark.parametrize("name", ['联,盟;"x":y', "x\r\nATTENDEE:mailto:thief@example.org", "^n^'\\n", '"'])
def test_the_alliances_name_cannot_either(name):
    content = file(MOVED, wording=Wording(name, "huzhu@example.cn"))
    assert structure(content) == structure(file(MOVED))
    [entry] = icalendar.Calendar.from_ical(content).walk("VEVENT")
    assert entry["organizer"] == "mailto:huzhu@example.cn"
    assert entry["organizer"].params["CN"] == one_line(name)


@given(text=st.text(min_size=1, max_size=200))
@example("😀" * 60)
@example("中" * 25)
@settings(deadline=None, max_examples=40)
def test_lines_are_short_and_no_character_is_cut(text):
    content = file(filled(MOVED, text))
    lines = content.split(b"\r\n")
    assert max(map(len, lines)) <= 75
    assert all(line.decode() is not None for line in lines)
    assert b"\n" not in content.replace(b"\r\n", b"")


def test_the_file_leaves_with_the_mail():
    of = letter(MOVED)
    rendered = WORDING.render(of, DUE)
    row = Mail(of.mail_id, DUE, of.to, of.cc, rendered.subject, rendered.text, of.keys)
    message = WORDING.message(rendered, row, reply_to=of.reply_to, at=datetime(2025, 11, 6, tzinfo=UTC))
    [part] = email.message_from_bytes(message.as_bytes(), policy=default).iter_attachments()
    assert part.get_filename() == "loan-L-2025-001.ics"
    assert (part.get_content_type(), part["Content-Type"].params["method"]) == ("text/calendar", "PUBLISH")
    assert event(part.get_payload(decode=True)).dtstart.value == MOVED.due


def test_the_library_is_loaded_for_the_first_entry_only():
    """It takes a tenth of a second, which no other command should wait for."""
    program = (
        "import sys; from tests.sync.letters import *; WORDING.render(letter(SCREEN), DUE);"
        "before = 'icalendar' in sys.modules; WORDING.render(letter(MOVED), DUE); print(before, 'icalendar' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]

"""A loan's due date as a file for a calendar: one entry, the same in all letters about that loan (RFC 5545, 5546).

What it says stands in templates/mail (`entry.<locale>.words.j2`); what it does, in rules/diary.py. Loading this module
takes a tenth of a second, so sync/wording.py does it at the first letter with an entry.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.headerregistry import Address
from typing import Any

import icalendar

from rules.items import OfLoan

ALARM_AT = time(9)
"""When an alarm rings, by the clock of whoever reads it: an entry of a whole day begins at midnight there."""

_NAME_LIMIT = 60


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who enters something, and on which day."""

    alliance: str
    sender: Address
    as_of: date

    def uid(self, loan_id: str) -> str:
        """The number of the entry for one loan, the same in all its letters."""
        return f"{_digest(self.alliance, loan_id, size=32)}@{self.sender.domain}"


def file(item: OfLoan, say: Mapping[str, Any], by: Publisher) -> tuple[str, str, bytes]:
    """Name, media type and content of the file for *item*, which has an entry.

    say: what `entry_title` and `entry_text` say of an item, in the words of the templates.
    """
    assert item.entry is not None, "without an entry there is no file"
    method = "CANCEL" if item.entry.cancelled else "PUBLISH"
    calendar = icalendar.Calendar()
    for name, value in {"version": "2.0", "prodid": "-//huzhu//loans//EN", "method": method}.items():
        calendar.add(name, value)
    calendar.add_component(_event(item, say, by))
    return _file_name(item.loan_id), f"text/calendar; charset=utf-8; method={method}", calendar.to_ical()


def _event(item: OfLoan, say: Mapping[str, Callable[[OfLoan], str]], by: Publisher) -> icalendar.Event:
    """The entry: the whole day on which the loan is due, with an alarm on each day of the ladder that lies ahead."""
    assert item.entry is not None, "see `file`"
    title, text = (_unbroken(say[name](item)) for name in ("entry_title", "entry_text"))
    event = icalendar.Event()
    for name, value in {
        "uid": by.uid(item.loan_id),
        "sequence": item.entry.sequence,
        "dtstamp": datetime.combine(by.as_of, time(), UTC),
        "organizer": _organizer(by),
        "dtstart": item.due,
        "dtend": item.due + timedelta(days=1),
        "summary": title,
        "description": text,
        "status": "CANCELLED" if item.entry.cancelled else "CONFIRMED",
        "transp": "TRANSPARENT",
    }.items():
        event.add(name, value)
    for day in item.entry.alarms:
        event.add_component(_alarm(day - item.due, title))
    return event


def _unbroken(text: str) -> str:
    r"""*text* without `\N`, of which icalendar makes a line break: nobody who types it gets a line of his own."""
    return text.replace(r"\N", r"\n")


def _alarm(after: timedelta, title: str) -> icalendar.Alarm:
    alarm = icalendar.Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", title)
    alarm.add("trigger", after + timedelta(hours=ALARM_AT.hour))
    return alarm


def _organizer(by: Publisher) -> icalendar.vCalAddress:
    organizer = icalendar.vCalAddress(f"mailto:{by.sender.addr_spec}")
    organizer.params["CN"] = by.alliance
    return organizer


def _file_name(loan_id: str) -> str:
    """`loan-<loan_id>.ics`; a number with other than plain characters gets a digest, so that no two share a name."""
    plain = re.sub(r"[^0-9A-Za-z_-]+", "-", loan_id)[:_NAME_LIMIT]
    return f"loan-{plain}.ics" if plain == loan_id else f"loan-{plain.strip('-')}-{_digest(loan_id, size=8)}.ics"


def _digest(*texts: str, size: int) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:size]

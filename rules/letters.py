"""What mail is due to whom: recipients, keys and facts. Wording is the templates' business (sync/wording.py).

Source: rules, sections 4 and 5.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom to call: a member's center, manager and phone ("" when the members table has none)."""

    center: str
    manager: str
    phone: str
    email: str


@dataclass(frozen=True, slots=True)
class Reminder:
    """One rung of the ladder for one loan, with every fact a letter states.

    days: as-of minus due, negative before. claim: unit value × outstanding, None when the part has no price.
    next_stage is "" after the last rung. key: `overdue:<loan_id>:<stage>:<due ISO>`.
    """

    key: str
    stage: str
    loan_id: str
    part_no: str
    part_name: str
    outstanding: int
    lent_on: date
    due: date
    days: int
    claim: Decimal | None
    lender: Contact
    borrower: Contact
    next_stage: str
    next_on: date | None


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing the coordinator should look at: a problem in the data, or a mail held for a person.

    where, value, problem and fix are already words in the alliance's language. severity: error | warning | held.
    """

    key: str
    severity: str
    where: str
    value: str
    problem: str
    fix: str


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail that is due: to one address, in one language, about *items* (most severe first).

    kind: "overdue" (items are Reminders) or "problems" (items are Notices). reply_to is "" when nobody in particular
    should get the answer. held: why a person must release it first, "" when it may leave at once.
    """

    mail_id: str
    kind: str
    locale: str
    to: str
    cc: tuple[str, ...]
    reply_to: str
    greeting: str
    items: tuple[Reminder, ...] | tuple[Notice, ...]
    held: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """The item keys, in the order of the items."""
        return tuple(item.key for item in self.items)


def mail_id(alliance: str, to: str, cc: Iterable[str], keys: Iterable[str]) -> str:
    """16 hex digits that are the same for the same recipients and items (rules, section 5)."""
    text = "\n".join((alliance, to, ",".join(cc), *sorted(keys)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]

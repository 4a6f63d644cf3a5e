"""`huzhu locate` and `huzhu letter`: what people type on the command line, and the sheet it is about.

Reads only. Source: interface, `locate` and `letter`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, tzinfo

import pandas as pd

from rules.cells import read
from rules.decide import Found, look
from rules.inquiry import Asked, Inquiry, named
from rules.intake import SheetError
from rules.ledger import has_left
from rules.names import nearest
from rules.policy import Policy
from rules.schema import LOANS, MEMBERS, PARTS, REQUESTS, Owner, renamed
from rules.words import Words
from sync.errors import SetupError
from sync.unreadable import unreadable
from sync.wording import one_line, templates
from sync.worker import Reader

_LISTED = 5
"""How many parts, centers or loans a sentence names."""


def sheet(reads: Reader, as_of: date, policy: Policy, zone: tzinfo) -> Found:
    """What stands in the members' tables.

    Raises SetupError when a required table or column is missing.
    """
    tables = [table for table in renamed(policy.rename).values() if table.owner is Owner.MEMBER]
    try:
        return look(reads(tables), as_of, policy, zone)
    except SheetError as error:
        raise unreadable(error) from error


def asked(found: Found, part: str, qty: str, center: str | None, by: str | None, as_of: date, zone: tzinfo) -> Asked:
    """The question as typed: a part's number or a piece of its name, whole units, a member, a day.

    Raises SetupError, one sentence, for what cannot be understood.
    """
    parts = found.frames["parts"]
    part_no = _meant(part, parts["part_no"].tolist(), parts["name"].tolist(), PARTS.title)
    units = read(qty, REQUESTS["qty"], zone).value
    if units is None:
        raise SetupError(f"--qty {qty} 应是 1 以上的整数，例如 2", f"--qty {qty} is not a whole number from 1, e.g. 2")
    day = read(by, REQUESTS["needed_by"], zone).value
    if by is not None and day is None:
        raise SetupError(f"--by {by} 不是日期，写成 2025-10-23", f"--by {by} is not a date; write it as 2025-10-23")
    return Asked(part_no, units, "" if center is None else _member(center, found.frames["members"], as_of), day)


def _member(text: str, members: pd.DataFrame, as_of: date) -> str:
    centers = members["center"].tolist()
    center = _meant(text, centers, (), MEMBERS.title)
    if has_left(members, as_of)[centers.index(center)]:
        raise SetupError(f"{center} 已退出联盟，不能求助", f"{center} has left the alliance and cannot ask for help")
    return center


def loan(found: Found, text: str) -> tuple[str, str]:
    """The number of the loan that *text* means, and its borrower's language ("" when its row has none).

    Raises SetupError naming the nearest loans when there is no such loan.
    """
    loans, members = found.frames["loans"], found.frames["members"]
    loan_id = _meant(text, loans["loan_id"].tolist(), (), LOANS.title)
    borrower = loans["borrower"].astype(object)[loans["loan_id"] == loan_id].iloc[0]
    return loan_id, str(members["locale"][members["center"] == borrower].iloc[0])


def _meant(text: str, keys: Sequence[str], names: Sequence[str], tab: str) -> str:
    """The one key that *text* means."""
    hits = named(text, keys, names)
    if len(hits) == 1:
        return hits[0]
    name_of = dict(zip(keys, names, strict=True)) if names else dict.fromkeys(keys, "")
    key_of = {form: key for key, name in name_of.items() for form in (name, key) if form}
    close = hits or list(dict.fromkeys(key_of[form] for form in nearest(text, key_of, _LISTED)))
    shown = [f"{key} {name_of[key]}".strip() for key in close[:_LISTED]]
    more = Words(f"等 {len(hits)} 个", f" and others, {len(hits)} in all") if len(hits) > _LISTED else Words("", "")
    zh, en = "、".join(shown) + more.zh, ", ".join(shown) + more.en
    text = one_line(text)
    if hits:
        raise SetupError(f"「{text}」指哪一个？{zh}", f"{text}: which one is meant? {en}")
    raise SetupError(
        f"「{tab}」表里没有「{text}」" + (f"，最接近的是 {zh}" if shown else ""),
        f"the tab {tab} has no {text}" + (f"; the closest: {en}" if shown else ""),
    )


def message(inquiry: Inquiry, as_of: date, locale: str) -> str:
    """A call for help, ready to be pasted into the group."""
    room = templates("locate")
    room.filters["one_line"] = one_line
    who = inquiry.requester
    facts = {name: one_line(getattr(who, name)) if who else "" for name in ("center", "manager", "phone")}
    lines = (one_line(line) for line in inquiry.reason.splitlines())
    reason = Words("；", "; ").in_(locale).join(line for line in lines if line)
    days_left = (inquiry.needed_by - as_of).days if inquiry.needed_by else None
    return room.get_template(f"message.{locale}.j2").render(facts, ask=inquiry, reason=reason, days_left=days_left)

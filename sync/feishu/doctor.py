"""What `huzhu doctor` says of a base: one finding a step, with what to click when a step is not well."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo

from rules.layout import table_named
from rules.schema import RUNS, Owner, Table
from rules.values import Book
from rules.words import Words
from sync.backends import Finding
from sync.backends.checks import INIT, of_tabs
from sync.errors import Busy, Conflict, HuzhuError
from sync.feishu import tables
from sync.feishu.rows import Held
from sync.feishu.sheet import Sheet, misshapen, reshape
from sync.feishu.turn import Turn

_OPEN = Words("打开飞书多维表格", "Open the base")
_WRITE = Words("可以写入多维表格", "The base can be written")
_ROWS = Words("能看到成员填写的行", "The rows of members can be seen")
_LEAST_QUOTA = 10_000  # calls in a month of all apps together, on the smallest plan
_WRITES = 15  # about how many a run needs


def findings(wanted: Sequence[Table], sheet: Sheet, turn: Turn, zone: tzinfo | None, a_month: float) -> list[Finding]:
    """The steps in the order an operator would mend them; later ones are left out when the base cannot be read."""
    try:
        sheet.look(wanted)
        calls = sheet.base.calls["read"]
        raw = sheet.raw(wanted)
    except HuzhuError as error:
        return [Finding(_OPEN, ok=False, advice=error.words)]
    found = [Finding(_OPEN, ok=True), *_zone(sheet, zone), *of_tabs(wanted, Book(raw))]
    found += [finding for name in raw for finding in _fields(sheet.held[name])]
    try:
        sheet.check_shown({table.name: raw[table.name] for table in wanted if table.name in raw and _must(table)})
        found.append(Finding(_ROWS, ok=True))
    except HuzhuError as error:
        found.append(Finding(_ROWS, ok=False, advice=error.words))
    log = sheet.held.get(RUNS.name)
    if log and not tables.missing(log.table, log.listed):
        found.append(_write(turn))
    return [*found, _quota(calls, a_month)]


def _must(table: Table) -> bool:
    return table.owner is Owner.MEMBER and not table.optional


def _zone(sheet: Sheet, zone: tzinfo | None) -> Iterator[Finding]:
    """Days are told apart by midnight: an hour between two zones is a day for some cells."""
    noon = datetime(2026, 1, 1, 12)  # noqa: DTZ001 - a wall time
    same = zone is None or noon.replace(tzinfo=zone).utcoffset() == noon.replace(tzinfo=sheet.base.zone).utcoffset()
    yield Finding(
        Words(f"多维表格的时区（{sheet.base.zone.key}）与联盟的一致", "The base is in the alliance's time zone"),
        ok=same,
        advice=Words(
            f"多维表格的时区是 {sheet.base.zone.key}，配置里 alliance.timezone 是 {zone}，请改成同一个。",
            f"The base is in {sheet.base.zone.key}, alliance.timezone is {zone}; make them the same.",
        ),
    )


def _fields(held: Held) -> Iterator[Finding]:
    """What people renamed, which does no harm; fields that cannot be written, or that were deleted."""
    title = held.tab.title
    if table_named(title, [held.table]) is None:
        step = Words(
            f"“{held.table.title}”表现在叫“{title}”，照常使用",
            f"{held.table.title} is now called {title}, and used as before",
        )
        yield Finding(step, ok=True)
    for column, name in tables.renamed(held.table, held.fields):
        yield Finding(
            Words(
                f"“{title}”的“{tables.name_of(column)}”现在叫“{name}”，照常使用",
                f"{title}: {tables.name_of(column)} is now called {name}, and used as before",
            ),
            ok=True,
        )
    for column, name in misshapen(held):
        step = Words(f"“{title}”的“{name}”可以写入", f"{title}: the field {name} can be written")
        yield Finding(step, ok=False, advice=reshape(title, column, name))
    lacking = tables.missing(held.table, held.listed) if held.table.owner is Owner.WORKER else []
    for column in lacking:
        step = Words(f"“{title}”有“{column.header}”字段", f"{title} has the field {column.header}")
        yield Finding(step, ok=False, advice=INIT)


def _write(turn: Turn) -> Finding:
    """Tried by a row in the log that goes at once: reading may be allowed where writing is not."""
    try:
        turn.begin()
    except (Busy, Conflict):  # somebody is writing: then it can be written
        return Finding(_WRITE, ok=True)
    except HuzhuError as error:
        return Finding(_WRITE, ok=False, advice=error.words)
    turn.release()
    return Finding(_WRITE, ok=True)


def _quota(calls: int, a_month: float) -> Finding:
    run = calls + _WRITES
    month = round(run * a_month)
    return Finding(
        Words(
            f"一次运行约 {run} 次调用，每月约 {month} 次（基础版每月至少 {_LEAST_QUOTA} 次，全公司的应用共用）",
            f"A run makes about {run} calls, {month} a month; the smallest plan allows {_LEAST_QUOTA} in all",
        ),
        ok=month <= _LEAST_QUOTA,
        advice=Words(
            "运行得太密，请少运行几次，或请企业管理员确认接口调用额度。",
            "Run less often, or ask the company's administrator for the quota of API calls.",
        ),
    )

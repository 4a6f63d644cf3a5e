"""What the commands print: one JSON object, or lines and tables a person can read.

JSON keys are the English field names of the schema, dates are ISO. Source: interface, `--json`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rules.cells import shown
from rules.schema import ISSUES, MATCHES, OUTBOX, TABLES, Table, archive_of
from rules.values import Cell, Mail
from rules.words import Words

if TYPE_CHECKING:
    from pathlib import Path

    from rules.inquiry import Inquiry
    from sync.backends import Finding
    from sync.replay import Replay
    from sync.runlog import Report
    from sync.undo import Undone
    from sync.wording import Rendered
    from sync.worker import Planned


def report(done: Report, *, as_json: bool, locale: str) -> None:
    """What a run did."""
    if as_json:
        facts = {name: fact for name, fact in asdict(done).items() if name not in ("complaint", "unkept")}  # to stderr
        seconds = {step: round(spent, 4) for step, spent in done.seconds.items()}
        _json({**facts, "as_of": done.as_of.isoformat(), "seconds": seconds})
        return
    titles = {table.name: table.title for table in TABLES}
    mails, problems_ = done.mails, done.problems
    lines = (
        ("截至", "as of", f"{done.as_of} · {done.outcome} · {done.run_id}"),
        ("读取", "read", "，".join(f"{titles[name]} {n}" for name, n in done.rows_read.items() if n)),
        ("问题", "problems", _said(locale, f"错误 {problems_['error']}，警告 {problems_['warning']}", f"{problems_}")),
        ("写入", "written", _changes(done.changes, titles, locale)),
        ("邮件", "mail", _mail_counts(mails, locale)),
    )
    for zh, en, text in lines:
        print(f"{_said(locale, zh, en):<8}{text}")
    _filing(done.filed, Words("归档", "filed"), locale)


def _filing(filed: Mapping[int, int], what: Words, locale: str) -> None:
    """A line for each past year whose mail moves to its archive."""
    for year, number in filed.items():
        title = archive_of(OUTBOX, year).title
        zh = f"{number} 封邮件移到“{title}”，事由留在提醒邮件"
        print(f"{what.in_(locale):<8}" + _said(locale, zh, f"{number} mails to {title}; their keys stay in the outbox"))


def undone(done: Undone, *, dry_run: bool, as_json: bool, locale: str) -> None:
    """What was put back, or would be, and what cannot be."""
    if as_json:
        _json({**asdict(done), "as_of": done.as_of.isoformat()})
        return
    put = _changes(done.changes, {table.name: table.title for table in TABLES}, locale)
    zh, en = ("会撤销运行", "would undo: the run") if dry_run else ("已撤销运行", "undone: the run")
    print(_said(locale, f"{zh} {done.run_id}：{put}", f"{en} {done.run_id}: {put}"))
    if done.mails:
        zh = f"它发出的 {done.mails} 封邮件收不回来，提醒邮件表保持原样"
        print(_said(locale, zh, f"{done.mails} letters had left and cannot be called back; the outbox stays as it is"))
    if dry_run:
        return
    zh = "下一次运行会重新计算、重新写入；要改设置或数据，请先改好"
    print(_said(locale, zh, "the next run computes and writes again; mend settings or data first"))


def replayed(done: Replay, *, as_json: bool, locale: str) -> None:
    """Whether a past run came out the same, or what did not."""
    cells = [asdict(one) for one in done.differences]
    if as_json:
        facts = {"run_id": done.run_id, "as_of": done.as_of.isoformat(), "version": done.made_by}
        plain = [{name: _plain(value) for name, value in one.items()} for one in cells]
        _json({**facts, "identical": done.identical, "differences": plain})
        return
    what = _said(locale, f"{done.rows} 行，{done.letters} 封信", f"{done.rows} rows, {done.letters} letters")
    how = _said(locale, "一致", "identical") if done.identical else _said(locale, "不一致", "different")
    print(f"{done.run_id} · {done.as_of} · {done.made_by}: {how} ({what})")
    if cells:
        _table([*cells[0]], [[*one.values()] for one in cells])


def _changes(changes: Mapping[str, Mapping[str, int]], titles: Mapping[str, str], locale: str) -> str:
    if not changes:
        return _said(locale, "没有变化，只记了运行日志", "nothing changed but the log row")
    signs = {"added": "+", "changed": "~", "removed": "-"}
    return "，".join(
        f"{titles[name]} " + " ".join(f"{signs[what]}{n}" for what, n in counts.items() if n)
        for name, counts in changes.items()
    )


def _mail_counts(mails: Mapping[str, int], locale: str) -> str:
    zh = f"新写 {mails['queued']}，发出 {mails['sent']}，失败 {mails['failed']}，待人工 {mails['held']}"
    en = f"{mails['queued']} written, {mails['sent']} sent, {mails['failed']} failed, {mails['held']} held"
    hint = _said(locale, "（huzhu outbox list 查看）", " (see huzhu outbox list)") if mails["held"] else ""
    return _said(locale, zh, en) + hint


def problems(planned: Planned, *, as_json: bool, quiet: bool, locale: str) -> None:
    """The rows of 数据问题."""
    rows = planned.plan.rows["issues"]
    if as_json:
        _json([dict(zip(ISSUES.fields, map(_plain, row), strict=True)) for row in rows])
        return
    if quiet:
        return
    if not rows:
        print(_said(locale, "没有发现问题", "no problems found"))
        return
    table(ISSUES, rows, ("severity", "table", "row", "column", "value", "problem", "fix"), locale)


def plan(planned: Planned, *, as_json: bool, locale: str) -> None:
    """Every cell that a run would write, and every mail in full."""
    diffs = list(_diffs(planned))
    leaving = {letter.mail_id: [a.name for a in words.attachments] for letter, words in planned.queue.leaving}
    mails_ = [mail for mail in planned.queue.mails if mail.mail_id in leaving or _new(mail, planned)]
    if as_json:
        facts = [{**_mail_facts(mail), "attachments": leaving.get(mail.mail_id, [])} for mail in mails_]
        _json({"changes": diffs, "mails": facts, "filed": planned.plan.filing})
        return
    _filing(planned.plan.filing, Words("先归档", "to file"), locale)
    titles = {t.name: t for t in TABLES}
    for diff in diffs:
        t = titles[diff["table"]]
        header = t[diff["field"]].header
        print(f"{t.title} · {diff['key']} · {header}: {_shown(diff['before'])} → {_shown(diff['after'])}")
    for mail_ in mails_:
        print()
        mail(mail_, as_json=False)
        if names := leaving.get(mail_.mail_id):
            print(f"{_said(locale, '附件', 'attached')}: {', '.join(names)}")
    print(
        _said(
            locale,
            f"共 {len(diffs)} 个单元格，{len(mails_)} 封邮件；什么都没有写，什么都没有发",
            f"{len(diffs)} cells, {len(mails_)} mails; nothing was written or sent",
        )
    )


def _new(mail_: Mail, planned: Planned) -> bool:
    return all(old.mail_id != mail_.mail_id for old in planned.plan.mails)


def _diffs(planned: Planned) -> Iterator[dict[str, Any]]:  # values are JSON scalars
    from rules.changes import differences  # only plan needs it

    for change in planned.changes:
        for key, field, before, after in differences(change, planned.book.tabs.get(change.table.name)):
            yield {
                "table": change.table.name,
                "key": key,
                "field": field,
                "before": _plain(before),
                "after": _plain(after),
            }


def mails(rows: Sequence[Mail], *, as_json: bool, locale: str) -> None:
    """Mails, one a line."""
    if as_json:
        _json([_mail_facts(mail_) for mail_ in rows])
        return
    if not rows:
        print(_said(locale, "没有邮件", "no mail"))
        return
    cells = [(m.mail_id, m.created_on, m.to, m.subject, m.status.value, m.attempts, m.error) for m in rows]
    fields = ("mail_id", "created_on", "to", "subject", "status", "attempts", "error")
    _table([OUTBOX[field].header if locale == "zh" else field for field in fields], cells)


def mail(shown_: Mail, *, as_json: bool) -> None:
    """One mail in full."""
    if as_json:
        _json(_mail_facts(shown_))
        return
    for field in ("mail_id", "status", "to", "cc", "subject", "error"):
        text = _shown(_mail_facts(shown_)[field])
        print(f"{OUTBOX[field].header}: {text}")
    print(f"\n{shown_.body}")


def _mail_facts(mail_: Mail) -> dict[str, Any]:  # JSON scalars and lists
    facts = asdict(mail_)
    facts.update(cc=list(mail_.cc), items=list(mail_.items), status=mail_.status.value)
    return {name: _plain(value) for name, value in facts.items()}


def inquiry(found: Inquiry, message: str, *, as_json: bool, locale: str) -> None:
    """Who can lend a part: lenders in the order of contact, the split, other ways, and the call for help."""
    if as_json:
        _json(_inquiry_facts(found, message))
        return
    who = found.requester.center if found.requester else ""
    by = _said(locale, f"{found.needed_by} 前", f"by {found.needed_by}") if found.needed_by else ""
    standing = found.standing.in_(locale) if found.standing else ""
    heading = (f"{found.part_no} {found.name} × {found.qty}", who, standing, by)
    print(" · ".join(" ".join(_shown(text).split()) for text in heading if text))
    if found.candidates:
        table(MATCHES, found.candidates, MATCHES.fields[1:], locale)
    else:
        print(_said(locale, "没有人能借", "nobody can lend it"))
    for zh, en, lines in (
        ("拆分方案", "split", [_line(*line) for line in found.plan]),
        (f"还缺 {found.missing} 个，其他办法", f"{found.missing} missing, other ways", found.ways),
    ):
        if lines:
            print(_said(locale, zh, en), *(f"- {line}" for line in lines), sep="\n")
    print(f"\n{message}\n")


def _line(lender: str, part_no: str, units: int) -> str:
    return f"{lender} {part_no} × {units}"


def _inquiry_facts(found: Inquiry, message: str) -> dict[str, Any]:  # JSON scalars and lists
    return {
        "part_no": found.part_no,
        "name": found.name,
        "qty": found.qty,
        "for": found.requester.center if found.requester else None,
        "by": _plain(found.needed_by),
        "standing": found.standing.zh if found.standing else None,
        "candidates": [dict(zip(MATCHES.fields, map(_plain, row), strict=True)) for row in found.candidates],
        "plan": [dict(zip(("lender", "part_no", "units"), line, strict=True)) for line in found.plan],
        "missing": found.missing,
        "alternatives": list(found.ways),
        "message": message,
    }


def letter(loan_id: str, made: Rendered, *, as_json: bool) -> None:
    """The written commitment for a loan."""
    if as_json:
        _json({"loan_id": loan_id, "subject": made.subject, "text": made.text, "html": made.html})
        return
    print(made.text.rstrip())


def page(file: Path, text: str, as_of: date) -> None:
    """Which page was written, as JSON."""
    _json({"file": str(file), "as_of": as_of.isoformat(), "bytes": len(text.encode())})


def findings(found: Sequence[Finding], *, as_json: bool, locale: str) -> None:
    """What doctor found."""
    told = [(f.step.in_(locale), f.ok, "" if f.ok else f.advice.in_(locale)) for f in found]
    if as_json:
        _json([{"step": step, "ok": ok, "advice": advice} for step, ok, advice in told])
        return
    for step, ok, advice in told:
        print(f"{'✓' if ok else '✗'} {step}" + (f"\n    {advice}" if advice else ""))


def schema(*, as_json: bool, markdown: bool, locale: str) -> None:
    """The tables and columns, from their one declaration."""
    if as_json:
        _json([_table_facts(t, locale) for t in TABLES])
    elif markdown:
        print("\n".join(markdown_lines(locale)))
    else:
        for t in TABLES:
            columns = " · ".join(f"{c.header}{'*' if c.required else ''}" for c in t.columns)
            print(f"{t.title} {t.name} — {t.doc.in_(locale)}\n    {columns}")


def markdown_lines(locale: str) -> Iterator[str]:
    """docs/tables.md, line by line."""
    yield _said(locale, "# 共享表：每张表、每一列", "# The shared sheet: tables and columns")
    for t in TABLES:
        owner = _OWNERS[t.owner.value].in_(locale)
        key = " + ".join(t[field].header for field in t.key) or "—"
        yield ""
        yield f"## {t.title} `{t.name}`"
        yield ""
        yield f"{t.doc.in_(locale)}{_said(locale, '。', '. ')}{owner}{_said(locale, '主键：', ' Key: ')}{key}"
        yield ""
        yield _said(locale, "| 列 | 字段 | 类型 | 必填 | 说明 |", "| header | field | kind | required | notes |")
        yield "|---|---|---|---|---|"
        for c in t.columns:
            required = _said(locale, "是", "yes") if c.required else ""
            kind = c.kind.value + (f" → {c.refers_to}" if c.refers_to else "")
            yield f"| {c.header} | `{c.field}` | {kind} | {required} | {c.doc.in_(locale)} |"


_OWNERS = {
    "member": Words("成员填写，程序从不改动。", "Members type here; the worker never changes a cell. "),
    "worker": Words("程序填写，手工内容会被覆盖。", "The worker rewrites it; what a person types is overwritten. "),
}


def _table_facts(t: Table, locale: str) -> dict[str, Any]:  # JSON scalars and lists
    columns = [
        {
            "field": c.field,
            "header": c.header,
            "kind": c.kind.value,
            "required": c.required,
            "refers_to": c.refers_to,
            "choices": list(c.choices),
            "doc": c.doc.in_(locale),
        }
        for c in t.columns
    ]
    return {"name": t.name, "title": t.title, "owner": t.owner.value, "key": list(t.key), "columns": columns}


def table(of: Table, rows: Iterable[Sequence[Cell]], fields: Sequence[str], locale: str) -> None:
    """Some columns of a worker table, as a table."""
    places = [of.fields.index(field) for field in fields]
    headers = [of[field].header if locale == "zh" else field for field in fields]
    _table(headers, [[row[place] for place in places] for row in rows])


def _table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on a terminal; tab-separated lines when piped."""
    if not sys.stdout.isatty():
        print("\t".join(headers))
        for row in rows:
            print("\t".join(" ".join(_shown(cell).split()) for cell in row))
        return
    from rich.console import Console
    from rich.table import Table as Grid

    grid = Grid(*headers)
    for row in rows:
        grid.add_row(*(_shown(cell) for cell in row))
    Console(markup=False, highlight=False).print(grid)


def _said(locale: str, zh: str, en: str) -> str:
    return en if locale == "en" else zh


def _shown(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return shown(value)  # type: ignore[arg-type]  # a cell by now


def _plain(value: Any) -> Any:  # a JSON scalar or list for any cell
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False))

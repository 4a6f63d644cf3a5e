"""The report: one HTML page that shows the alliance to itself, from the same data as the sheet.

It needs nothing else: style and script stand in it and are named by their hashes in its Content-Security-Policy, which
forbids everything more. Contacts are masked wherever they occur. The same plan gives the same page, byte for byte.
The words stand in templates/report, as those of the mails do in templates/mail. Source: interface, `report`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from rules.contacts import hidden, mask
from rules.decide import Plan
from rules.figures import Figure
from rules.ladder import OUT, OVERDUE
from rules.overview import overview, reached
from rules.policy import Policy
from rules.schema import CREDIT, ISSUES, LOAN_STATES, QUEUE, STANDINGS, TABLES, Kind, Table
from sync.charts import BARS, GRADES, charts
from sync.wording import money, one_line, one_lined, sayings, templates

LISTED, KEYS = 25, 40
"""Rows of a table, and rows named below a figure; the rest is counted, and stands in the sheet."""


def page(plan: Plan, as_of: date, policy: Policy) -> str:
    """The report on *as_of*, for which *plan* was decided, in the alliance's language."""
    room, locale, clean = templates("report"), policy.alliance.locale, _clean(plan)
    room.filters["heads"] = _heads
    say = sayings(room.get_template(f"page.{locale}.words.j2"))
    facts = one_lined(_facts(plan, as_of, policy), clean)
    return room.get_template("page.html.j2").render(
        _own(room),
        alliance=clean(policy.alliance.name),
        bars=BARS,
        charts=charts(facts, say),
        day=as_of,
        grades=GRADES,
        listed=LISTED,
        locale=locale,
        page=facts,
        say=say,
    )


def _heads(names: Iterable[str], kind: str = "n") -> list[tuple[str, str]]:
    """Heads of columns of one kind."""
    return [(name, kind) for name in names]


def _own(room: Environment) -> dict[str, Markup | str]:
    """Style and script, and the policy that allows these two and nothing else."""
    assert room.loader is not None, "templates come from files"
    files = {name: room.loader.get_source(room, f"page.{name}")[0] for name in ("css", "js")}
    css, js = (base64.b64encode(sha256(text.encode()).digest()).decode() for text in files.values())
    csp = f"default-src 'none'; style-src 'sha256-{css}'; script-src 'sha256-{js}'; base-uri 'none'; form-action 'none'"
    return {**{name: Markup(text) for name, text in files.items()}, "csp": csp}  # noqa: S704  # ours, from files


def _clean(plan: Plan) -> Callable[[str], str]:
    """What is done to every text before it is shown: one line of it, contacts masked."""
    frames = plan.found.frames
    keys = {"parts": "part_no", "requests": "request_id", "loans": "loan_id"}
    masked = mask(frames["members"]["phone"], (key for table, field in keys.items() for key in frames[table][field]))
    return lambda text: masked(one_line(text))


def _facts(plan: Plan, as_of: date, policy: Policy) -> dict[str, Any]:  # what the templates read: rows, numbers
    """Everything that the page shows, but for the words."""
    parts = plan.found.frames["parts"]
    names = dict(zip(parts["part_no"], parts["name"], strict=True))
    out = (row for row in _named(LOAN_STATES, plan) if row["state"] in OUT)
    loans = sorted(out, key=lambda row: -row["days"])
    seen = overview(plan, as_of, policy)
    issues = list(_issues(plan))
    figures = [_figure(one, policy.alliance.locale) for one in plan.found.figures]
    return {
        "seen": seen,
        "standings": _listed(_named(STANDINGS, plan)),
        "queue": _listed([{**row, "part_name": names[row["part_no"]]} for row in _named(QUEUE, plan)]),
        "loans": _listed([{**row, "part_name": names[row["part_no"]]} for row in loans]),
        "overdue": [row["days"] for row in loans if row["state"] == OVERDUE],
        "credit": _listed(sorted(_named(CREDIT, plan), key=lambda row: (row["on_time_rate"], row["center"]))),
        "issues": _listed(issues),
        "figures": sorted(figures, key=lambda one: not one["references"]),  # those with a chart first
        "by_code": {one["code"]: one for one in figures},
        "months": plan.found.months,
        "errors": sum(row["error"] for row in issues),
        "dead_days": policy.inventory.dead_days,
    }


def _named(table: Table, plan: Plan) -> list[dict[str, Any]]:  # cells of any kind
    """The rows of a worker table by field."""
    return [dict(zip(table.fields, row, strict=True)) for row in plan.rows[table.name]]


def _listed(rows: Sequence[Any]) -> dict[str, Any]:  # rows as the templates read them
    """The rows to show, how many there are, and the last of all."""
    return {"rows": rows[:LISTED], "total": len(rows), "last": rows[-1] if rows else None}


def _figure(figure: Figure, locale: str) -> dict[str, Any]:  # texts, numbers, lists of keys
    """A figure in words, what it is compared with, and which rows made it."""
    pairs = [("traditional", figure.traditional), ("benchmark", figure.benchmark)]
    return {
        "code": figure.code,
        "name": figure.name.in_(locale),
        "value": figure.value,
        "says": amount(figure.value, figure.unit.in_(locale)),
        "note": figure.note.in_(locale),
        "reached": reached(figure),
        "references": [(kind, one.words.in_(locale), one.least, one.most) for kind, one in pairs if one],
        "rows": [(_TITLES[table], keys[:KEYS], len(keys)) for table, keys in figure.rows.items() if keys],
    }


def amount(value: float | None, unit: str) -> str:
    """A figure with its unit: 81.5%, ¥56,000, 46 小时; a dash when it cannot be told."""
    if value is None:
        return "—"
    if unit in _YUAN:
        return money(Decimal(str(value))).removesuffix(".00")
    number = f"{value:,.2f}".rstrip("0").rstrip(".")
    return number if unit == _PLAIN else f"{number}%" if unit == "%" else f"{number} {unit}"


def _issues(plan: Plan) -> Iterator[dict[str, Any]]:  # cells of any kind
    """The rows of 数据问题; what was typed where a contact belongs is hidden, whatever it is."""
    for problem, row in zip(plan.problems, _named(ISSUES, plan), strict=True):
        typed = problem.value if (problem.table, problem.field) in _CONTACTS else ""
        told = {
            name: str(row[name]).replace(typed, hidden(typed)) if typed else row[name] for name in ("problem", "fix")
        }
        yield {**row, **told, "value": hidden(typed) or row["value"], "error": problem.severity == "error"}


_TITLES = {table.name: table.title for table in TABLES}
_YUAN, _PLAIN = ("元", "yuan"), "0..1"
_CONTACTS = {
    (table.name, column.field)
    for table in TABLES
    for column in table.columns
    if column.kind is Kind.EMAIL or column.field == "phone"
}

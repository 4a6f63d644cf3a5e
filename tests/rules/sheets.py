"""Test sheets that read like the sheet: rows by header, with the rest of the row filled in.

`book(loans=[loan("L-1", 出借方="华东-上海")])` is a whole alliance in which only that loan matters.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from rules.changes import change
from rules.decide import Plan, decide
from rules.intake import Intake, intake
from rules.letters import Letter
from rules.outbox import rows_of
from rules.policy import Alliance, LoansPolicy, MailKind, Policy
from rules.schema import OUTBOX, RUNS, TABLES, WORKER_TABLES, Table, renamed
from rules.values import Book, Cell, Change, Mail, MailStatus, RawTable, Row

ZONE = ZoneInfo("Asia/Shanghai")
PATIENT = LoansPolicy(tracking_days=365, transit_days=365)
"""Loans of which nobody expects a parcel: a test about something else hears of none."""
POLICY = Policy(alliance=Alliance(coordinator_email="desk@example.cn"), loans=PATIENT)
NOT_WEEKLY: Mapping[MailKind, bool] = {"statement": False, "digest": False}
"""Switches off the letters that come every week: a test about another kind counts its own."""
BY_NAME = {table.name: table for table in TABLES}

Cells = Mapping[str, Cell]
"""One row: header or English field name -> cell."""


def member(center: str, **cells: Cell) -> Cells:
    """A member with an address."""
    name = center.encode().hex()[-6:]
    return {"服务中心": center, "负责人": f"{center}经理", "邮箱": f"{name}@example.cn", **cells}


def part(part_no: str, **cells: Cell) -> Cells:
    """A part that costs 12,000."""
    return {"配件编号": part_no, "配件名称": "中控大屏", "单价": 12000, **cells}


def request(request_id: str, requester: str = "华北", **cells: Cell) -> Cells:
    """An open request for one screen, made on 2025-10-20."""
    filled = {"求助编号": request_id, "求助方": requester, "配件编号": "P-1", "数量": 1, "提出时间": "2025-10-20 08:00"}
    return filled | cells


def loan(loan_id: str, lender: str = "华东", borrower: str = "华北", **cells: Cell) -> Cells:
    """One screen lent on 2025-10-23 for 14 days, which 2025-11-06 ends."""
    filled = {"借调编号": loan_id, "出借方": lender, "借用方": borrower, "配件编号": "P-1", "数量": 1}
    return filled | {"借出日期": "2025-10-23"} | cells


def adjustment(center: str, points: Cell, on: Cell = "2025-10-01", **cells: Cell) -> Cells:
    """Points the alliance agreed on."""
    return {"日期": on, "服务中心": center, "积分": points, "原因": "约定", **cells}


MEMBERS = (
    member("华北", 上级邮箱="north.boss@example.cn"),
    member("华东", 上级邮箱="east.boss@example.cn"),
    member("华中", 上级邮箱="middle.boss@example.cn"),
    member("西北"),
)
PARTS = (part("P-1"), part("P-2", 配件名称="前悬挂摆臂", 单价=800))


def grid(table: Table, rows: Iterable[Cells]) -> RawTable:
    """A tab with a header for each column of the table, those people type and those shown beside them."""
    places = {name: i for i, column in enumerate(table.columns) for name in (column.header, column.field)}
    # A lookup column may share its header with nothing else; the typed one is what a test means.
    cells: list[list[Cell]] = [[column.header for column in table.columns]]
    for row in rows:
        cells.append([None] * len(table.columns))
        for name, cell in row.items():
            cells[-1][places[name]] = cell
    return RawTable(table.title, cells)


def book(
    *,
    members: Iterable[Cells] = MEMBERS,
    parts: Iterable[Cells] = PARTS,
    tabs: Mapping[str, RawTable] | None = None,
    **others: Iterable[Cells],
) -> Book:
    """A whole sheet: the usual members and parts, the rows given, and *tabs* in place of what is built."""
    rows: dict[str, Iterable[Cells]] = {
        "members": members, "parts": parts, "inventory": (), "requests": (), "loans": (), **others
    }  # fmt: skip
    return Book({name: grid(BY_NAME[name], cells) for name, cells in rows.items()} | dict(tabs or {}))


def taken_in(sheet: Book) -> Intake:
    """The sheet read with the headers as they are declared."""
    return intake(sheet, renamed({}), ZONE)


def decided(sheet: Book, as_of: str | date, policy: Policy = POLICY) -> Plan:
    """What a run on *as_of* should do."""
    return decide(sheet, date.fromisoformat(as_of) if isinstance(as_of, str) else as_of, policy, ZONE)


def told(sheet: Book, table: str) -> list[tuple[str, str, int, str]]:
    """(severity, code, row number, field) of every problem of *table*."""
    return [(p.severity, p.code, p.row, p.field) for p in taken_in(sheet).problems if p.table == table]


def tab(table: Table, rows: Sequence[Row]) -> RawTable:
    """A worker tab as a backend reads it back: whole numbers may come as floats, blanks as empty text."""
    body = [[_read_back(cell) for cell in row] for row in rows]
    return RawTable(table.title, [[column.header for column in table.typed], *body])


def _read_back(cell: Cell) -> Cell:
    if isinstance(cell, int) and not isinstance(cell, bool):
        return float(cell)
    if isinstance(cell, datetime):
        return cell
    if isinstance(cell, date):
        return datetime.combine(cell, time())
    return "" if cell is None else cell


def posted(mail: Mail, status: MailStatus, as_of: date) -> Mail:
    """*mail* after an attempt to send it that ended with *status*."""
    if status is MailStatus.QUEUED:
        return mail
    sent_at = datetime.combine(as_of, time(9)) if status is MailStatus.SENT else None
    error = {MailStatus.FAILED: "稍后再试", MailStatus.HELD: "结果未知：没有等到回答"}.get(status, "")
    return replace(mail, created_on=as_of, status=status, sent_at=sent_at, attempts=mail.attempts + 1, error=error)


def worded(letter: Letter, old: Mail | None, as_of: date) -> Mail:
    """A letter as a row of the outbox, in words of a test."""
    mail = old or Mail(letter.mail_id, as_of, letter.to, letter.cc, "", "", letter.keys)
    held = {"status": MailStatus.HELD, "error": letter.held} if letter.held else {}
    return replace(mail, subject=f"{letter.kind} {len(letter.items)}", body="\n".join(letter.keys) + "\n", **held)


def mails_after(plan: Plan, as_of: date, outcome: Mapping[str, MailStatus] | MailStatus) -> list[Mail]:
    """The outbox after a run. outcome: what came of each letter that may leave, by mail number or of all alike."""
    mails = {mail.mail_id: mail for mail in plan.mails}
    for letter in plan.letters:
        mail = worded(letter, mails.get(letter.mail_id), as_of)
        result = outcome if isinstance(outcome, MailStatus) else outcome[letter.mail_id]
        mails[letter.mail_id] = mail if letter.held else posted(mail, result, as_of)
    return list(mails.values())


def run_row(as_of: date) -> Row:
    """The row of 运行日志 of one run."""
    at = datetime.combine(as_of, time(9))
    return (f"{as_of:%Y%m%d}", at, at, as_of, "完成", 0, 0, 0, 0, "1")


def after(
    sheet: Book, plan: Plan, as_of: date, outcome: Mapping[str, MailStatus] | MailStatus = MailStatus.SENT
) -> Book:
    """The sheet after a run: what the plan says stands in the worker tabs, and the run in the log."""
    log = sheet.tabs.get("runs")
    runs = [tuple(row) for row in log.rows[1:]] if log else []
    rows = {**plan.rows, "outbox": rows_of(mails_after(plan, as_of, outcome)), "runs": [*runs, run_row(as_of)]}
    return Book({**sheet.tabs, **{name: tab(BY_NAME[name], cells) for name, cells in rows.items()}})


def run(sheet: Book, as_of: str, policy: Policy = POLICY, outcome: MailStatus = MailStatus.SENT) -> tuple[Plan, Book]:
    """One run and the sheet after it."""
    day = date.fromisoformat(as_of)
    plan = decided(sheet, day, policy)
    return plan, after(sheet, plan, day, outcome)


def settled(sheet: Book, as_of: str = "2025-10-01") -> Book:
    """The sheet with a run in its log, so that nothing is held as an old case."""
    return Book({**sheet.tabs, "runs": tab(RUNS, [run_row(date.fromisoformat(as_of))])})


def with_mails(sheet: Book, mails: Iterable[Mail]) -> Book:
    """The sheet with these mails in its outbox."""
    return Book({**sheet.tabs, "outbox": tab(OUTBOX, rows_of(mails))})


def changes(sheet: Book, plan: Plan, mails: Sequence[Mail]) -> list[Change]:
    """Every write that the plan and the outbox as it should stand would make."""
    wanted = {**plan.rows, "outbox": rows_of(mails)}
    made = (
        change(table, sheet.tabs.get(table.name), wanted[table.name]) for table in WORKER_TABLES if table.name in wanted
    )
    return [c for c in made if c is not None]


def reminders(plan: Plan) -> list[str]:
    """`L-1 formal` for every reminder in the letters of *plan*."""
    return [" ".join(item.key.split(":")[1:3]) for x in plan.letters if x.kind == "overdue" for item in x.items]


def days(first: str, last: str, step: int = 1) -> list[str]:
    """Every *step*-th day from *first* to *last*."""
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [(start + timedelta(n)).isoformat() for n in range(0, (end - start).days + 1, step)]

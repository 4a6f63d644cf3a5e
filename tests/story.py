"""The case of the source documents told day by day: what people type, what a run answers, what each of them sees.

    python -m tests.story > docs/story.md

A real workbook, real runs, real commands; only the calendar is set. tests/test_story.py holds docs/story.md to it.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path

import openpyxl
from click.testing import CliRunner

from rules.cells import shown
from rules.outbox import mails_in
from rules.schema import BORROW_AND_RETURN, COMPENSATION, OUTBOX, SWAP, TABLES, Table
from rules.values import Cell, Mail
from sync import compose
from sync.cli import cli
from sync.config import load, write_default

BEIJING, SHANGHAI, WUHAN, XIAN, HANGZHOU = "华北-北京", "华东-上海", "华中-武汉", "西北-西安", "华东-杭州"
SCREEN, RYZEN, ARM, BATTERY = "1044321-00-C", "1960001-00-A", "1188361-00-B", "1137376-00-H"
TABLE: Mapping[str, Table] = {table.name: table for table in TABLES}

Row = Mapping[str, Cell]


def day(month: int, number: int) -> date:
    return date(2025, month, number)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2025-{text}")


@dataclass(frozen=True)
class Typed:
    """Somebody types into a member's table: the row of *key* gets *cells*, a new row when there is none yet."""

    table: str
    key: tuple[str, ...]
    cells: Row


@dataclass(frozen=True)
class View:
    """Columns of a worker's table, as far as the rows hold *only* (field -> text)."""

    table: str
    fields: tuple[str, ...]
    only: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Scene:
    """One moment: what happened, what was typed, which commands were called, and what is looked at after the run."""

    at: datetime
    title: str
    told: str
    typed: Sequence[Typed] = ()
    commands: Sequence[Sequence[str]] = ()
    views: Sequence[View] = ()
    runs: bool = True


START: Mapping[str, Sequence[Row]] = {
    "members": [
        {"center": center, "manager": manager, "email": f"{box}@service.example", "phone": phone, "city": city,
         "supervisor_email": f"region-{box}@service.example", "joined_on": day(9, 1)}
        for center, manager, box, phone, city in (
            (BEIJING, "王强", "wangqiang", "13800001234", "北京"),
            (SHANGHAI, "张明", "zhangming", "13900005678", "上海"),
            (WUHAN, "李华", "lihua", "13700002468", "武汉"),
            (XIAN, "赵磊", "zhaolei", "13600001357", "西安"),
            (HANGZHOU, "李敏", "limin", "13500008642", "杭州"),
        )
    ],
    "parts": [
        {"part_no": SCREEN, "name": "中控大屏 MCU2.0", "unit_value": 12000, "model": "Model Y", "substitutes": RYZEN},
        {"part_no": RYZEN, "name": "中控大屏 Ryzen", "unit_value": 15000, "model": "Model Y"},
        {"part_no": ARM, "name": "前悬挂下摆臂 左", "unit_value": 1800, "model": "Model Y"},
        {"part_no": BATTERY, "name": "动力电池模组", "unit_value": 38000, "model": "Model 3"},
    ],
    "inventory": [
        {"center": center, "part_no": part, "on_hand": units, "terms": terms, "updated_on": day(10, 21), **more}
        for center, part, units, terms, more in (
            (BEIJING, SCREEN, 0, "", {"incoming": 3, "incoming_eta": day(11, 5)}),
            (BEIJING, ARM, 5, "", {"safety_stock": 1}),
            (SHANGHAI, SCREEN, 2, BORROW_AND_RETURN, {}),
            (WUHAN, SCREEN, 1, SWAP, {}),
            (WUHAN, ARM, 1, "", {"safety_stock": 1}),
            (XIAN, SCREEN, 3, COMPENSATION, {}),
            (HANGZHOU, RYZEN, 1, "", {"safety_stock": 1}),
        )
    ],
    "requests": [
        {"request_id": "R-001", "requester": WUHAN, "part_no": ARM, "qty": 2, "requested_at": at("10-21 15:00"),
         "needed_by": day(11, 5), "declared_level": "P2", "customer_type": "普通"},
    ],
    "loans": [
        {"loan_id": "L-001", "lender": HANGZHOU, "borrower": BEIJING, "part_no": BATTERY, "qty": 2,
         "lent_on": day(9, 8), "due_on": day(9, 22), "received_on": day(9, 9), "tracking_no": "SF1001", "freight": 120,
         "insured_value": 76000, "returned_on": day(9, 11)},
        {"loan_id": "L-002", "lender": BEIJING, "borrower": HANGZHOU, "part_no": ARM, "qty": 1,
         "lent_on": day(9, 15), "due_on": day(9, 29), "received_on": day(9, 16), "tracking_no": "SF1002", "freight": 40,
         "insured_value": 1800, "returned_on": day(9, 26)},
        {"loan_id": "L-003", "lender": HANGZHOU, "borrower": SHANGHAI, "part_no": BATTERY, "qty": 1,
         "lent_on": day(9, 18), "due_on": day(10, 2), "received_on": day(9, 19), "tracking_no": "SF1003", "freight": 70,
         "insured_value": 38000, "returned_on": day(9, 30)},
    ],
    "routes": [
        {"origin": BEIJING, "destination": SHANGHAI, "km": 1200, "hours": 30},
        {"origin": BEIJING, "destination": WUHAN, "km": 800, "hours": 24},
        {"origin": BEIJING, "destination": XIAN, "km": 1500, "hours": 36},
    ],
}  # fmt: skip

CRISIS: Row = {
    "requester": BEIJING, "part_no": SCREEN, "qty": 3, "requested_at": at("10-23 08:30"),
    "needed_by": day(10, 25), "declared_level": "P0", "customer_type": "媒体", "waiting_since": day(9, 27),
    "sentiment_risk": "高",
    "reason": "1 位汽车媒体编辑已等 26 天，称本周没有进展就发文；另有 2 位网约车司机停运，每天损失 500 元",
}  # fmt: skip

QUEUE = View("queue", ("rank", "request_id", "requester", "open_qty", "level", "basis", "standing"))
MATCHES = View(
    "matches",
    ("lender", "supply_part", "available", "allocated", "km", "plan", "risk", "stars", "endorser", "why"),
    {"request_id": "R-002"},
)
TIMELINE = View("timeline", ("milestone", "target", "done_on", "state", "note"), {"request_id": "R-002"})
STATES = View(
    "loan_states",
    ("loan_id", "lender", "borrower", "outstanding", "due", "days", "state", "next_step", "next_on"),
    {"part_no": SCREEN},
)
STANDINGS = View("standings", ("rank", "center", "helped", "received", "balance", "standing"))
ISSUES = View("issues", ("severity", "table", "key", "column", "problem", "fix"))
CREDIT = View("credit", ("center", "received", "helped", "closed", "on_time", "late", "score", "grade", "limit"))
SETTLEMENT = View("settlement", ("month", "payer", "payee", "loans", "freight", "damage", "net"))


def _loan(number: str, **cells: Cell) -> Typed:
    return Typed("loans", (number,), cells)


SCENES: Sequence[Scene] = (
    Scene(
        at("10-22 09:07"),
        "前一天：联盟照常运行",
        "五个服务中心共用一张表。北京两次互助一来一回，积分持平；武汉在找摆臂。",
        views=(QUEUE, STANDINGS),
    ),
    Scene(
        at("10-23 08:30"),
        "H+0：总部回复“全国紧缺，建议本地化解决”",
        "王强先看一眼谁有货。命令只读表，不写任何东西；最后一段可以直接贴到群里。",
        commands=(("locate", "中控大屏 MCU2.0", "--qty", "3", "--for", BEIJING, "--by", "2025-10-25"),),
        runs=False,
    ),
    Scene(
        at("10-23 08:45"),
        "H+0：写进求助表",
        "王强填一行求助。十五分钟一次的检查看到了新的 P0。三家的排序与来源文档的表一致；西安一家就能凑齐三个，所以先问西安。",
        typed=(Typed("requests", ("R-002",), CRISIS),),
        views=(QUEUE, MATCHES, TIMELINE),
    ),
    Scene(
        at("10-23 10:00"),
        "H+2：西安答应了",
        "赵磊登记了借调，还没有发出。",
        typed=(
            _loan("L-004", request_id="R-002", lender=XIAN, borrower=BEIJING, part_no=SCREEN, qty=3, plan=COMPENSATION),
        ),
        views=(TIMELINE,),
    ),
    Scene(
        at("10-23 11:00"),
        "风险 3：西安临时反悔",
        "赵磊把那一行作废，并把自己写进“已婉拒”。不指责，找下一家：上海两个，武汉一个。",
        typed=(
            _loan("L-004", cancelled="是"),
            Typed("requests", ("R-002",), {"declined_by": XIAN}),
        ),
        views=(MATCHES, TIMELINE, ISSUES),
    ),
    Scene(
        at("10-23 12:30"),
        "H+4：上海和武汉谈妥",
        "张明借两个，先借后还；李华拿一个大屏换两个摆臂。王强把书面承诺发给张明。",
        typed=(
            _loan(
                "L-005",
                request_id="R-002",
                lender=SHANGHAI,
                borrower=BEIJING,
                part_no=SCREEN,
                qty=2,
                plan=BORROW_AND_RETURN,
            ),
            _loan("L-006", request_id="R-002", lender=WUHAN, borrower=BEIJING, part_no=SCREEN, qty=1, plan=SWAP),
            _loan("L-007", request_id="R-001", lender=BEIJING, borrower=WUHAN, part_no=ARM, qty=2, plan=SWAP),
        ),
        commands=(("letter", "L-005"),),
        views=(TIMELINE, STANDINGS),
    ),
    Scene(
        at("10-23 14:30"),
        "H+6：发货",
        "快递单号、运费、保价都记在行里。",
        typed=(
            _loan(
                "L-005",
                lent_on=day(10, 23),
                due_on=day(11, 6),
                tracking_no="SF200501",
                freight=185,
                insured_value=24000,
            ),
            _loan("L-006", lent_on=day(10, 23), tracking_no="SF200601", freight=90, insured_value=12000),
            _loan("L-007", lent_on=day(10, 23), tracking_no="SF200701", freight=60, insured_value=3600),
        ),
        views=(TIMELINE, STATES, STANDINGS),
    ),
    Scene(
        at("10-24 14:30"),
        "H+30：签收",
        "当面验货，填上签收日期。出借方收到致谢。",
        typed=tuple(_loan(number, received_on=day(10, 24)) for number in ("L-005", "L-006", "L-007")),
        views=(TIMELINE,),
    ),
    Scene(
        at("10-25 09:07"),
        "H+48：三位客户都装好了",
        "王强把求助改为已满足。",
        typed=(
            Typed("requests", ("R-002",), {"status": "已满足"}),
            Typed("requests", ("R-001",), {"status": "已满足"}),
        ),
        views=(STANDINGS, SETTLEMENT),
    ),
    Scene(
        at("10-30 09:07"),
        "到期前 7 天",
        "借用方准备归还，出借方收到每周进展。",
        views=(STATES,),
    ),
    Scene(
        at("11-03 09:07"),
        "到期前 3 天",
        "友好提醒。武汉和西安都缺电池模组，联盟里没有：联合向总部申请。",
        typed=(
            Typed(
                "requests",
                ("R-003",),
                {
                    "requester": WUHAN,
                    "part_no": BATTERY,
                    "qty": 1,
                    "requested_at": at("11-02 10:00"),
                    "needed_by": day(11, 10),
                    "declared_level": "P1",
                    "customer_type": "普通",
                    "waiting_since": day(10, 20),
                },
            ),
            Typed(
                "requests",
                ("R-004",),
                {
                    "requester": XIAN,
                    "part_no": BATTERY,
                    "qty": 2,
                    "requested_at": at("11-02 16:00"),
                    "declared_level": "P2",
                    "customer_type": "普通",
                    "waiting_since": day(10, 26),
                },
            ),
        ),
        views=(replace(MATCHES, only={"request_id": "R-003"}),),
    ),
    Scene(
        at("11-05 09:07"),
        "北京自己的货到了",
        "预计到货日到了：先还上海。",
    ),
    Scene(
        at("11-06 09:07"),
        "到期日：还了，一天不晚",
        "王强前一天寄回，今天上海签收。不再有催还；信用记下一次按时。",
        typed=(
            _loan("L-005", returned_on=day(11, 6)),
            Typed(
                "inventory",
                (BEIJING, SCREEN),
                {"on_hand": 1, "incoming": None, "incoming_eta": None, "updated_on": day(11, 6)},
            ),
        ),
        views=(STATES, STANDINGS, CREDIT),
    ),
)


class Teller:
    """Plays the scenes in *home* and writes down what everybody sees."""

    def __init__(self, home: Path) -> None:
        self.home = home
        write_default(home / "config.yaml")
        file = home / "config.yaml"
        settings = file.read_text(encoding="utf-8")
        settings = settings.replace('coordinator_email: "" ', "coordinator_email: coordinator@alliance.example ")
        file.write_text(settings.replace("cadence_days: 7 ", "cadence_days: 1 "), encoding="utf-8")
        self.config = load(file)
        book = compose.workbook(self.config)
        book.prepare(TABLES)
        book.seed({name: [_cells(TABLE[name], row) for row in rows] for name, rows in START.items()})
        self.file = self.config.path(self.config.backend.workbook.path)

    def tell(self) -> Iterator[str]:
        """The story, line by line."""
        yield from _HEAD
        for scene in SCENES:
            yield from (f"## {scene.at:%Y-%m-%d %H:%M} · {scene.title}", "", scene.told, "")
            for typed in scene.typed:
                yield from self._type(typed)
            for command in scene.commands:
                yield from self._call(command, scene.at.date())
            if scene.runs:
                yield from self._run(scene)

    def _type(self, typed: Typed) -> Iterator[str]:
        table = TABLE[typed.table]
        people = openpyxl.load_workbook(self.file)
        sheet = people[table.title]
        columns = {cell.value: cell.column for cell in sheet[1]}
        cells = {**dict(zip(table.key, typed.key, strict=True)), **typed.cells}
        at = [columns[table[name].header] for name in table.key]
        rows = range(2, sheet.max_row + 2)
        row = next(r for r in rows if (key := tuple(sheet.cell(r, c).value for c in at)) == typed.key or not any(key))
        for name, value in cells.items():
            sheet.cell(row, columns[table[name].header]).value = value
        people.save(self.file)
        told = "，".join(f"{table[name].header} {shown(value) or '（清空）'}" for name, value in typed.cells.items())
        yield from (f"- 「{table.title}」{' '.join(typed.key)}：{told}", "")

    def _call(self, command: Sequence[str], as_of: date) -> Iterator[str]:
        options = ["--config", str(self.home / "config.yaml"), "--as-of", as_of.isoformat()]
        done = CliRunner().invoke(cli, [*command, *options], env={"COLUMNS": "160"})
        assert done.exit_code == 0, done.output
        quoted = " ".join(f'"{word}"' if " " in word else word for word in command)
        yield from ("```text", f"$ huzhu {quoted}", *done.output.strip().splitlines(), "```", "")

    def _run(self, scene: Scene) -> Iterator[str]:
        known = {mail.mail_id for mail in self._mails()}
        zone = self.config.zone
        worker = replace(compose.worker(self.config), clock=lambda: scene.at.replace(tzinfo=zone))
        worker.run(scene.at.date())
        for view in scene.views:
            yield from self._view(view)
        for mail in self._mails():
            if mail.mail_id not in known:
                yield from _letter(mail)

    def _mails(self) -> list[Mail]:
        return mails_in(compose.workbook(self.config).read((OUTBOX,)).tabs.get("outbox"), self.config.zone)

    def _view(self, view: View) -> Iterator[str]:
        table = TABLE[view.table]
        raw = compose.workbook(self.config).read((table,)).tabs[view.table]
        headers = [str(cell) for cell in raw.rows[0]]
        at = {column.field: headers.index(column.header) for column in table.typed}
        rows = [row for row in raw.rows[1:] if any(cell not in (None, "") for cell in row)]
        rows = [row for row in rows if all(shown(row[at[name]]) == text for name, text in view.only.items())]
        chosen = [at[name] for name in view.fields]
        yield from (f"**{table.title}**", "", _line(headers[i] for i in chosen), _line("---" for _ in chosen))
        yield from (_line(shown(row[i]) for i in chosen) for row in rows)
        yield ""


_HEAD = (
    "# 一个故事：从“总部没有”到“配件归还”",
    "",
    "这是来源文档里的案例，按日期走一遍：大家在表里写什么，运行之后各人看到什么。",
    "表格、命令输出和邮件都由程序生成（`python -m tests.story`），有测试保证与程序一致。人名、邮箱和电话是虚构的。",
    "",
    "The case of the source documents, day by day: what people type, what a run answers, what each of them sees.",
    "All of it is printed by the program itself, and a test holds this page to it.",
    "",
)


def _cells(table: Table, row: Row) -> list[Cell]:
    return [row.get(name) for name in table.fields]


def _line(cells: Iterator[str]) -> str:
    return "| " + " | ".join(cell.replace("\n", " ").replace("|", "\\|") for cell in cells) + " |"


def _letter(mail: Mail) -> Iterator[str]:
    copied = f"，抄送 {'、'.join(mail.cc)}" if mail.cc else ""
    yield f"<details><summary>✉ {mail.to}{copied}：{mail.subject}</summary>"
    yield from ("", "```text", *mail.body.strip().splitlines(), "```", "", "</details>", "")


def story() -> str:
    """The whole page."""
    with tempfile.TemporaryDirectory() as folder:
        return "\n".join(Teller(Path(folder)).tell()).rstrip() + "\n"


if __name__ == "__main__":
    sys.stdout.write(story())

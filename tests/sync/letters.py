"""Letters made by hand: one item of each kind as the rules would make it, and what tests look for in the words.

HUZHU_UPDATE_GOLDEN=1 writes the golden letters.
"""

import os
from dataclasses import fields, is_dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

from hypothesis import strategies as st

from rules.items import (
    Ask,
    Change,
    Contact,
    Digest,
    DueNote,
    Entry,
    FigureLine,
    Item,
    LoanLine,
    LoanNote,
    Need,
    Notice,
    Offer,
    Petition,
    Place,
    Record,
    Reminder,
    RequestLine,
    Result,
    Several,
    Statement,
    StockLine,
    Terms,
)
from rules.letters import Letter
from rules.words import Words
from sync.wording import Rendered, Wording

GOLDEN = Path(__file__).parent.parent / "golden"
WORDING = Wording("互助联盟", "huzhu@example.cn")
DUE = date(2025, 11, 6)

DAY = date(2025, 10, 23)
SHANGHAI = Contact("华东-上海", "张明", "13800001234", "shanghai@example.cn")
WUHAN = Contact("华中-武汉", "李华", "", "wuhan@example.cn")
XIAN = Contact("西北-西安", "赵伟", "13700004321", "xian@example.cn")
HANGZHOU = Contact("华东-杭州", "李强", "13600002222", "hangzhou@example.cn")
BEIJING = Contact("华北-北京", "王强", "13900005678", "beijing@example.cn")
TIANJIN = Contact("华北-天津", "陈静", "13500003333", "tianjin@example.cn")
SCREEN = Reminder(
    key="overdue:L-2025-001:formal:2025-11-06",
    stage="formal",
    loan_id="L-2025-001",
    part_no="P-001",
    part_name="Model Y 中控大屏",
    outstanding=2,
    lent_on=date(2025, 10, 23),
    due=DUE,
    days=0,
    claim=Decimal(24000),
    lender=SHANGHAI,
    borrower=BEIJING,
    next_stage="escalate",
    next_on=DUE + timedelta(3),
)
ERROR = Notice("a", "error", "借调记录 L-2025-007，第 9 行，借出日期", "下周三", "不是日期", "请写成 2025-11-06")
WARNING = Notice("b", "warning", "求助 R-012，第 3 行，原因", "", "申报 P0 但没有写原因，按 P1 排列", "请写明舆情情况")
HELD = Notice(
    "c",
    "held",
    "beijing@example.cn",
    "3f2a9c01b7de4455",
    "首次运行，逾期超过 30 天",
    "huzhu outbox release 3f2a9c01b7de4455",
)
SEASONED = Record(
    received=6,
    helped=4,
    closed=5,
    on_time=5,
    late=0,
    mean_days_late=0.0,
    open=1,
    overdue_now=0,
    damaged=0,
    p0_requests=1,
    on_time_rate=0.9,
    score=90,
    grade="A",
    limit=5,
)
NEWCOMER = Record(0, 0, 0, 0, 0, 0.0, 0, 0, 0, 0, 0.8, 80, "B", 1)
ASK = Ask(
    key="ask:R-001:华东-上海:P-001:2",
    request_id="R-001",
    level="P0",
    basis="舆情风险高；媒体客户，客户已等 26 天",
    reason="媒体编辑本周没有进展就要发文",
    customer_type="媒体",
    waiting_days=26,
    part_no="P-001",
    part_name="中控大屏 MCU2.0",
    substitute_for="",
    units=2,
    wanted=3,
    needed_by=date(2025, 10, 25),
    terms=Terms("先借后还", 14, 1, Decimal(12000)),
    swap="",
    km=1213.4,
    hours=24.2,
    estimated=True,
    lender=SHANGHAI,
    requester=BEIJING,
    record=SEASONED,
    endorser=HANGZHOU,
)
OFFERS = (
    Offer(SHANGHAI, "P-001", 2, "先借后还", "低", 5, 1213.4, 24.2, estimated=True, endorser="华东-杭州"),
    Offer(WUHAN, "P-009", 1, "配件互换", "中", 4, 800.0, 17.0, estimated=False, endorser=""),
)
RESULT = Result(
    key="result:R-001:0a1b2c3d4e5f",
    request_id="R-001",
    level="P0",
    part_no="P-001",
    part_name="中控大屏 MCU2.0",
    wanted=4,
    missing=1,
    needed_by=date(2025, 10, 25),
    offers=OFFERS,
    next_ones=(Offer(XIAN, "P-001", 3, "成本补偿", "中", 3, None, None, estimated=False, endorser=""),),
    declined=("华南-广州", "西南-成都"),
    other_ways=("在途：华东-上海 4 个，预计 2025-11-04", "联合向总部申请：华北-北京、华北-天津 共缺 3 个"),
)
PETITION = Petition(
    key="petition:P-001:0a1b2c3d4e5f",
    part_no="P-001",
    part_name="中控大屏 MCU2.0",
    units=3,
    needs=(
        Need(BEIJING, "R-001", "P0", 1, "媒体", 26, date(2025, 10, 25)),
        Need(TIANJIN, "R-007", "P1", 2, "网约车司机", 9, None),
    ),
)
RECEIVED = LoanNote(
    key="thanks:L-2025-001:received",
    event="received",
    loan_id="L-2025-001",
    part_no="P-001",
    part_name="中控大屏 MCU2.0",
    qty=2,
    outstanding=2,
    lent_on=DAY,
    received_on=date(2025, 10, 25),
    due=date(2025, 11, 6),
    days=-12,
    weeks=0,
    stock=0,
    stock_on=None,
    recall_on=None,
    lender=SHANGHAI,
    borrower=BEIJING,
)
WEEK_TWO = replace(
    RECEIVED,
    key="thanks:L-2025-004:week2",
    event="week",
    loan_id="L-2025-004",
    weeks=2,
    outstanding=1,
    borrower=TIANJIN,
)
ARRIVED = replace(RECEIVED, key="arrived:L-2025-001:2025-11-04", event="arrived", stock=3, stock_on=date(2025, 11, 4))
RECALLED = replace(
    RECEIVED,
    key="recall:L-2025-001:2025-10-30:2025-10-31",
    event="recall",
    recall_on=date(2025, 10, 30),
    due=date(2025, 10, 31),
)
MOVED = DueNote(
    key="moved:L-2025-001:2:2025-11-20",
    event="moved",
    loan_id="L-2025-001",
    part_no="P-001",
    part_name="中控大屏 MCU2.0",
    qty=2,
    outstanding=2,
    lent_on=DAY,
    extended_to=date(2025, 11, 20),
    recall_on=None,
    told=DUE,
    due=date(2025, 11, 20),
    days=-17,
    state="在借",
    closed_on=None,
    lender=SHANGHAI,
    borrower=BEIJING,
    entry=Entry(2, (date(2025, 11, 13), date(2025, 11, 17), date(2025, 11, 20)), cancelled=False),
)
REOPENED = replace(MOVED, key="moved:L-2025-001:4:2025-11-06", told=None, due=DUE, days=-3, extended_to=None)
CLOSED = replace(
    MOVED,
    key="returned:L-2025-001:3",
    event="returned",
    outstanding=0,
    state="已归还",
    closed_on=date(2025, 11, 18),
    entry=Entry(3, (), cancelled=True),
)
SWAPPED = replace(
    ASK,
    key="ask:R-007:华东-上海:P-009:1",
    request_id="R-007",
    level="P2",
    basis="",
    reason="",
    customer_type="",
    waiting_days=0,
    part_no="P-009",
    part_name="中控大屏 MCU3",
    substitute_for="P-001",
    units=1,
    needed_by=None,
    terms=replace(ASK.terms, plan="配件互换"),
    swap="前悬挂摆臂 P-003 2 个，积分互抵为 0",
    km=None,
    hours=None,
    requester=TIANJIN,
    record=NEWCOMER,
    endorser=None,
)
STATEMENT = Statement(
    key="statement:华北-北京:2025-W45",
    week="2025-W45",
    member=BEIJING,
    rank=3,
    balance=2,
    helped=5,
    received=3,
    standing="可求助",
    borrowed=(
        LoanLine("L-2025-009", "P-002", "动力电池模组", 1, WUHAN, BEIJING, date(2025, 11, 3), 3, out=True),
        LoanLine("L-2025-001", "P-001", "中控大屏 MCU2.0", 2, SHANGHAI, BEIJING, DUE, 0, out=True),
        LoanLine("L-2025-020", "P-003", "前悬挂摆臂", 1, XIAN, BEIJING, None, 0, out=False),
    ),
    lent=(
        LoanLine("L-2025-014", "P-003", "前悬挂摆臂", 2, BEIJING, TIANJIN, date(2025, 11, 18), -12, out=True),
        LoanLine("L-2025-021", "P-004", "后摄像头模块", 1, BEIJING, HANGZHOU, None, 0, out=False),
    ),
    overdue=1,
    due_soon=1,
    to_send=1,
    requests=(
        RequestLine("R-001", "华北-北京", "P-001", "中控大屏 MCU2.0", 3, "P0", date(2025, 11, 8), "无条件支持"),
        RequestLine("R-005", "华北-北京", "P-005", "电池热管理阀", 1, "P2", None, "可求助"),
    ),
    stale=Several(2, (StockLine("P-003", "前悬挂摆臂", 5, 21), StockLine("P-004", "后摄像头模块", 0, 9))),
    dead=Several(1, (StockLine("P-005", "空调压缩机", 2, 120),)),
)
QUIET = replace(
    STATEMENT,
    key="statement:华东-上海:2025-W45",
    member=SHANGHAI,
    rank=None,
    balance=-1,
    standing="需先帮助他人",
    borrowed=STATEMENT.borrowed[2:],
    lent=STATEMENT.lent[:1],
    overdue=0,
    due_soon=0,
    to_send=0,
    requests=(),
    stale=Several(0, ()),
    dead=Several(0, ()),
)
DIGEST = Digest(
    key="digest:2025-W45",
    week="2025-W45",
    leaders=(Place(1, "华东-上海", 4, 6), Place(2, "华北-北京", 2, 5), Place(2, "华中-武汉", 2, 5)),
    helped=Several(
        2,
        (
            replace(STATEMENT.lent[0], loan_id="L-2025-022", lender=SHANGHAI, borrower=XIAN),
            replace(STATEMENT.lent[0], loan_id="L-2025-023", lender=WUHAN, borrower=BEIJING, part_name="动力电池模组"),
        ),
    ),
    crises=Several(
        2,
        (
            STATEMENT.requests[0],
            RequestLine("R-009", "华北-天津", "P-002", "动力电池模组", 0, "P0", None, "可求助"),
        ),
    ),
    overdue=Several(1, STATEMENT.borrowed[:1]),
    figures=(
        FigureLine("满足率", 92.3, "%", "85-90%", "95-98%"),
        FigureLine("到货用时（中位数）", None, "小时", "3-5天", "4-8小时"),
        FigureLine("归还按时率", 88.0, "%", "", ""),
    ),
    changes=(Change("asked", 4, 2), Change("lent", 3, 5), Change("returned", 2, 2), Change("overdue", 1, 0)),
)
CALM = replace(DIGEST, helped=Several(0, ()), crises=Several(0, ()), overdue=Several(0, ()))
EVERY = {
    "overdue": SCREEN,
    "problems": ERROR,
    "ask": ASK,
    "result": RESULT,
    "petition": PETITION,
    "thanks": RECEIVED,
    "arrived": ARRIVED,
    "recall": RECALLED,
    "statement": STATEMENT,
    "moved": MOVED,
    "returned": CLOSED,
    "digest": DIGEST,
}
"""Kind of mail -> an item of it."""

_KINDS = {Reminder: "overdue", Notice: "problems", Ask: "ask", Result: "result", Petition: "petition"}
_AGREED = (
    "key",
    "stage",
    "next_stage",
    "severity",
    "level",
    "event",
    "plan",
    "risk",
    "grade",
    "email",
    "week",
    "standing",
    "state",
    "what",
)
"""Texts that no member types."""


def letter(*items: Item, locale: str = "zh", greeting: str = "王强") -> Letter:
    kind = _KINDS.get(type(items[0])) or items[0].key.partition(":")[0]
    to = "beijing@example.cn"
    return Letter("0123456789abcdef", kind, locale, to, ("shanghai@example.cn",), SHANGHAI.email, greeting, items)


def filled(value, text: str):
    """*value* with *text* in each of its words that a member may have typed."""
    if isinstance(value, str):
        return text
    if isinstance(value, Words):
        return Words(text, text)
    if isinstance(value, tuple):
        return tuple(filled(each, text) for each in value)
    if is_dataclass(value):
        typed = [f.name for f in fields(value) if f.name not in _AGREED]
        return replace(value, **{name: filled(getattr(value, name), text) for name in typed})
    return value


def golden(name: str, content: str) -> None:
    path = GOLDEN / name
    if os.environ.get("HUZHU_UPDATE_GOLDEN"):
        path.write_text(content, encoding="utf-8")
    assert content == path.read_text(encoding="utf-8"), (
        f"{name} reads differently now: read it as prose, then update it"
    )


def as_golden(rendered: Rendered) -> str:
    return f"{rendered.subject}\n\n{rendered.text}"


class Parsed(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, object]] = []
        self.text: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, attrs))

    def handle_comment(self, data):
        self.tags.append(("comment", data))

    def handle_data(self, data):
        self.text.append(data)


HOSTILE = st.text(min_size=1, max_size=60) | st.text(alphabet="<>&\"'/={}%#ab \n\r\u2028\x00", min_size=1, max_size=60)

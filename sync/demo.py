"""A realistic sheet to look at: six centers, twenty parts, half a year of loans in every state, and honest mistakes.

The same for the same `--as-of`, from which every date is counted. Names and addresses are made up (`.example`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import cast

from rules.schema import BORROW_AND_RETURN, COMPENSATION, LOANS, OFF, REQUESTS, SATISFIED, SWAP, TABLES, Table
from rules.values import Cell
from sync.config import FILE, load, write_default
from sync.errors import SetupError

Rows = list[Sequence[Cell]]

_BEIJING, _SHANGHAI, _WUHAN, _XIAN, _HANGZHOU, _SHENZHEN = CENTERS = (
    "华北-北京", "华东-上海", "华中-武汉", "西北-西安", "华东-杭州", "华南-深圳",
)  # fmt: skip
_MANAGERS = ("王强", "张明", "李华", "赵磊", "陈静", "林晓")
_MAILBOXES = ("wangqiang", "zhangming", "lihua", "zhaolei", "chenjing", "linxiao")

PARTS: tuple[tuple[str, str, Cell, str, str, str], ...] = (
    ("1044321-00-C", "中控大屏 MCU2.0", 12000, "Model Y", "1960001-00-A", ""),
    ("1960001-00-A", "中控大屏 Ryzen", "1.5万", "Model Y", "", ""),
    ("1188361-00-B", "前悬挂下摆臂 左", 1800, "Model Y", "", ""),
    ("1188366-00-B", "前悬挂下摆臂 右", 1800, "Model Y", "", ""),
    ("1137376-00-H", "动力电池模组", 38000, "Model 3", "", ""),
    ("1125116-00-D", "电池热管理阀", 2600, "Model 3 / Y", "", ""),
    ("1109613-00-F", "高压直流转换器", 7400, "Model 3", "", ""),
    ("1120980-00-H", "驱动电机逆变器", 21500, "Model 3 / Y", "", ""),
    ("1143410-00-A", "后摄像头模块", 650, "通用", "", "是"),
    ("1143411-00-A", "侧摄像头模块", 720, "通用", "", "是"),
    ("1098201-00-C", "毫米波雷达", 2980, "Model 3", "", ""),
    ("1081451-00-E", "转向助力电机", 6800, "Model 3 / Y", "", ""),
    ("1044672-00-G", "空调压缩机", 4350, "Model 3 / Y", "", ""),
    ("1084170-00-H", "前大灯总成 左", 5200, "Model Y", "", ""),
    ("1084171-00-H", "前大灯总成 右", 5200, "Model Y", "", ""),
    ("1077306-00-J", "全景天幕玻璃", "¥6,900", "Model 3", "", ""),
    ("1094267-00-B", "充电口总成", 1980, "Model 3 / Y", "", ""),
    ("1104283-00-C", "车身域控制器", 8600, "Model 3", "", ""),
    ("1127502-00-D", "气囊控制模块", "2,450元", "Model 3 / Y", "", ""),
    ("1090547-00-A", "车门电动把手", None, "Model 3", "", ""),
)
_NUMBERS = tuple(part[0] for part in PARTS)
_SCREEN, _NEW_SCREEN, _ARM, _BATTERY, _CAMERA, _HANDLE = (_NUMBERS[i] for i in (0, 1, 2, 4, 8, 19))


def make(home: Path, as_of: Callable[[], date], locale: str | None) -> bool:
    """Whether the demo was made in *home*: False when its workbook is there already.

    Raises SetupError when the folder cannot be written.
    """
    from sync.compose import workbook

    if write_default(home / FILE):
        _personal(home / FILE, locale)
    config = load(home / FILE)
    if config.path(config.backend.workbook.path).exists():
        return False
    book = workbook(config)
    book.prepare(TABLES)
    book.seed(rows(as_of()))
    return True


def _personal(file: Path, locale: str | None) -> None:
    """The demo's own coordinator and language in the copied settings, comments kept."""
    text = file.read_text(encoding="utf-8")
    text = text.replace('coordinator_email: ""  ', "coordinator_email: coordinator@alliance.example  ", 1)
    text = text.replace("locale: zh ", f"locale: {locale or 'zh'} ", 1)
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SetupError(f"写不了 {file}：{error.strerror}", f"cannot write {file}: {error.strerror}") from error


def rows(as_of: date) -> dict[str, Rows]:
    """The members' tables: name -> rows in the order of the schema."""
    chance = random.Random(20251023)  # noqa: S311  # a demo, the same every time
    inventory, history = _inventory(as_of, chance), list(_history(as_of, chance))
    return {
        "members": _members(as_of),
        "parts": [list(part) for part in PARTS],
        "inventory": inventory,
        "requests": [_row(REQUESTS, request) for request in (*_requests(as_of), *_answered(history))],
        "loans": [_row(LOANS, loan) for loan in (*history, *_live(as_of), *_mistaken(as_of))],
        "adjustments": [
            (as_of - timedelta(days=90), _XIAN, 1, "承担联盟培训", "王强"),
            (as_of - timedelta(days=30), _HANGZHOU, -1, "临时退出一次值班", "张明"),
        ],
        "routes": [(_BEIJING, _SHANGHAI, 1200, 30), (_BEIJING, _WUHAN, 800, 24), (_BEIJING, _XIAN, 1500, 36)],
        "holidays": [(as_of + timedelta(days=3), OFF, "联盟盘点日")],
    }


def _row(table: Table, facts: Mapping[str, Cell]) -> list[Cell]:
    return [facts.get(field) for field in table.fields]


def _members(as_of: date) -> Rows:
    cities = (center.split("-")[1] for center in CENTERS)
    joined = as_of - timedelta(days=300)
    people = zip(CENTERS, _MANAGERS, _MAILBOXES, cities, strict=True)
    return [
        (
            center,
            manager,
            f"{mailbox}@service.example",
            f"1390000{1001 + i}",
            "" if center == _WUHAN else f"region-{mailbox}@service.example",
            city,
            None,
            None,
            joined,
            None,
            "en" if center == _SHENZHEN else "",
        )
        for i, (center, manager, mailbox, city) in enumerate(people)
    ]


def _inventory(as_of: date, chance: random.Random) -> Rows:
    """Who has what: every center declares eight parts; Shenzhen has not updated for three weeks."""
    stock: Rows = []
    for center in CENTERS:
        for part in chance.sample(_NUMBERS, 8):
            on_hand = chance.choice((0, 1, 1, 2, 3, 5))
            age = 21 if center == _SHENZHEN else chance.randrange(6)
            used = as_of - timedelta(days=chance.choice((3, 12, 30, 75, 120)))
            terms = chance.choice(("", BORROW_AND_RETURN, SWAP, COMPENSATION))
            updated = as_of - timedelta(days=age)
            incoming = (2, as_of + timedelta(days=9)) if on_hand == 0 else (None, None)
            stock.append((center, part, on_hand, chance.choice((0, 1)), *incoming, used, terms, updated))
    stock[3] = (*stock[3][:2], f"{stock[3][2]}个", *stock[3][3:])
    told = {row[:2]: row for row in _told(as_of)}
    return [told.pop(tuple(row[:2]), row) for row in stock] + list(told.values())


def _told(as_of: date) -> Iterator[tuple[Cell, ...]]:
    """Who has what R-001 and R-003 ask for: three screens from one lender or two, and arms to swap for a screen."""
    for center, part, on_hand, keep, idle, terms in (
        (_SHANGHAI, _SCREEN, 3, 1, 12, BORROW_AND_RETURN),
        (_WUHAN, _SCREEN, 1, 0, 30, SWAP),
        (_XIAN, _SCREEN, 3, 0, 20, COMPENSATION),
        (_HANGZHOU, _NEW_SCREEN, 1, 0, 120, ""),
        (_BEIJING, _ARM, 5, 1, 75, ""),
    ):
        yield center, part, on_hand, keep, None, None, as_of - timedelta(days=idle), terms, as_of - timedelta(days=1)


def _history(as_of: date, chance: random.Random) -> Iterator[dict[str, Cell]]:
    """Half a year of loans that came back: most on time, some late, one damaged, one paid for."""
    for n in range(1, 42):
        lender, borrower = chance.sample(CENTERS, 2)
        lent = as_of - timedelta(days=185 - 4 * n + chance.randrange(3))
        back = lent + timedelta(days=chance.choice((6, 9, 11, 13, 14, 14, 17, 22)))
        qty = chance.choice((1, 1, 1, 2, 2, 3))
        done: dict[str, Cell] = {"returned_on": back} if back < as_of else {"returned_qty": qty}
        if n == 17:  # noqa: PLR2004
            done = {"compensated_on": lent + timedelta(days=30)}
        yield {
            "loan_id": f"L-{n:03d}",
            "request_id": f"R-{100 + n}",
            "lender": lender,
            "borrower": borrower,
            "part_no": chance.choice(_NUMBERS[:19]),
            "qty": qty,
            "lent_on": lent,
            "due_on": lent + timedelta(days=14),
            "received_on": lent + timedelta(days=2),
            "tracking_no": f"SF{100000 + 37 * n}",
            "freight": 60 + 10 * (n % 9),
            "damaged_qty": 1 if n == 23 else None,  # noqa: PLR2004
            **done,
        }


def _answered(history: Sequence[Mapping[str, Cell]]) -> Iterator[dict[str, Cell]]:
    """The requests that those loans were made for: served sooner from month to month, one in seven a day too late."""
    for n, loan in enumerate(history):
        lent, received = (cast("date", loan[name]) for name in ("lent_on", "received_on"))
        asked = lent - timedelta(days=3 - n // 14)
        patience = -1 if n % 7 == 3 else 2  # noqa: PLR2004
        yield {
            "request_id": loan["request_id"],
            "requester": loan["borrower"],
            "part_no": loan["part_no"],
            "qty": loan["qty"],
            "requested_at": datetime.combine(asked, time(8 + n % 9, 30)),
            "needed_by": received + timedelta(days=patience),
            "status": SATISFIED,
        }


_AGREED: dict[str, int | str] = {"lent_on": "", "received_on": "", "tracking_no": ""}
_LIVE: tuple[tuple[str, str, str, int, int, dict[str, int | str]], ...] = (
    # lender, borrower, part, units, due in days, and what else its row says (dates as days from today)
    (_SHANGHAI, _BEIJING, _SCREEN, 2, 12, {"received_on": "", "tracking_no": ""}),
    (_WUHAN, _HANGZHOU, _CAMERA, 3, 7, {}),
    (_SHENZHEN, _XIAN, _NUMBERS[6], 1, 5, {"received_on": ""}),
    (_BEIJING, _SHANGHAI, _ARM, 1, 3, {"returned_qty": 0}),
    (_HANGZHOU, _SHENZHEN, _NUMBERS[11], 1, 2, {}),
    (_XIAN, _WUHAN, _NUMBERS[12], 2, 0, {"returned_qty": 1}),
    (_SHANGHAI, _SHENZHEN, _NUMBERS[13], 1, -1, {}),
    (_BEIJING, _WUHAN, _ARM, 2, -3, {}),
    (_SHANGHAI, _XIAN, _BATTERY, 1, -5, {"insured_value": 20000}),
    (_WUHAN, _HANGZHOU, _HANDLE, 2, -8, {}),
    (_XIAN, _SHENZHEN, _NUMBERS[10], 1, -41, {}),
    (_HANGZHOU, _BEIJING, _NUMBERS[16], 1, -2, {"extended_to": 6}),
    (_SHENZHEN, _HANGZHOU, _NUMBERS[8], 1, 9, {"recall_on": -1}),
    (_BEIJING, _XIAN, _ARM, 2, 4, {"plan": SWAP}),
    (_WUHAN, _SHANGHAI, _NUMBERS[18], 1, 14, _AGREED),
    (_SHENZHEN, _BEIJING, _SCREEN, 1, 14, {**_AGREED, "request_id": "R-001", "cancelled": "是"}),
)
_DAYS = {"extended_to", "recall_on"}


def _live(as_of: date) -> Iterator[dict[str, Cell]]:
    """Loans at every step of the ladder; the last one was agreed for R-001 and taken back."""
    for n, (lender, borrower, part, qty, due_in, more) in enumerate(_LIVE, start=42):
        due = as_of + timedelta(days=due_in)
        lent = min(due - timedelta(days=14), as_of)
        facts: dict[str, Cell] = {
            name: as_of + timedelta(days=int(value)) if name in _DAYS else value for name, value in more.items()
        }
        yield {
            "loan_id": f"L-{n:03d}",
            "lender": lender,
            "borrower": borrower,
            "part_no": part,
            "qty": qty,
            "lent_on": lent,
            "due_on": due,
            "received_on": min(lent + timedelta(days=1), as_of),
            "tracking_no": f"JD{200000 + 53 * n}",
            **facts,
        }


def _mistaken(as_of: date) -> Iterator[dict[str, Cell]]:
    """What people really type."""
    week_ago = as_of - timedelta(days=7)
    common: dict[str, Cell] = {
        "lender": _SHANGHAI,
        "borrower": _HANGZHOU,
        "part_no": _CAMERA,
        "qty": 1,
        "lent_on": week_ago,
        "received_on": week_ago + timedelta(days=2),
        "tracking_no": "顺丰 SF299001",
    }
    yield {**common, "loan_id": "L-058", "qty": "2个"}
    yield {**common, "loan_id": "L-059", "qty": "两个"}
    yield {**common, "loan_id": "L-060", "borrower": "华北北京"}
    yield {**common, "loan_id": "L-061", "lent_on": "10月23日"}
    yield {**common, "loan_id": "", "lender": _WUHAN, "part_no": _ARM}
    yield {**common, "loan_id": "L-012", "lender": _XIAN}


def _requests(as_of: date) -> Iterator[dict[str, Cell]]:
    """P0 and ordinary requests, open and closed."""

    def asked(days_ago: int, hour: int) -> datetime:
        return datetime.combine(as_of - timedelta(days=days_ago), time(hour, 30))

    def on(days: int) -> date:
        return as_of + timedelta(days=days)

    columns = ("request_id", "requester", "part_no", "qty", "requested_at", "needed_by", "declared_level",
               "customer_type", "waiting_since", "sentiment_risk", "reason", "declined_by", "status")  # fmt: skip
    press = "1 位汽车媒体编辑已等 26 天，称本周曝光\n另有 2 位网约车司机停运"
    for cells in (
        ("R-001", _BEIJING, _SCREEN, 3, asked(2, 8), on(2), "P0", "媒体", on(-26), "高", press, _SHENZHEN, "进行中"),
        ("R-002", _HANGZHOU, _BATTERY, 1, asked(4, 9), on(1), "P1", "普通", on(-6), "", "电池异常需更换", "", ""),
        ("R-003", _WUHAN, _ARM, 2, asked(3, 15), on(9), "P2", "普通", None, "", "", "", ""),
        ("R-004", _XIAN, _CAMERA, 1, asked(1, 10), None, "P0", "普通", None, "", "", "", ""),
        ("R-005", _SHENZHEN, _NUMBERS[7], 1, asked(6, 11), on(12), "", "普通", on(-17), "中", "", "", ""),
        ("R-006", _XIAN, _NUMBERS[13], 2, asked(2, 14), "下周三", "p2", "普通", None, "", "", "", ""),
        ("R-007", _SHANGHAI, _NUMBERS[18], 1, asked(3, 9), on(3), "P2", "", None, "", "", "", ""),
        ("R-008", _HANGZHOU, _ARM, 1, asked(1, 16), on(6), "", "意见领袖", on(-3), "中", "", "", ""),
        ("R-009", _BEIJING, _NUMBERS[5], 0, asked(1, 17), on(6), "", "普通", None, "", "", "", ""),
        ("R-010", _WUHAN, _CAMERA, 1, asked(20, 9), on(-12), "P2", "普通", None, "", "", "", "已满足"),
        ("R-011", _SHENZHEN, _ARM, 1, asked(15, 9), on(-5), "P2", "普通", None, "", "", "", "已取消"),
    ):
        yield dict(zip(columns, cells, strict=True))

"""Three weeks of a small alliance: what stands in its sheet on the first day, and what its people do every night.

Every rung of the ladder, a P0, a typing mistake that is mended, rows sorted, inserted and deleted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rules.policy import Alliance as Name
from rules.policy import Policy, RunPolicy
from rules.values import Cell
from tests.chaos.places import Alliance, Person
from tests.rules.sheets import BY_NAME, Cells, adjustment, loan, member, part, request

START = date(2025, 10, 13)
DAYS = 21
ZONE = ZoneInfo("Asia/Shanghai")
DAILY = Policy(alliance=Name(coordinator_email="desk@example.cn"), run=RunPolicy(cadence_days=1))


def day(number: int) -> date:
    return START + timedelta(days=number)


def on(number: int) -> str:
    """A day of the story as people type it; negative numbers are before it."""
    return day(number).isoformat()


def moment(number: int, hours: float = 9.0) -> datetime:
    """That time of a day of the story."""
    return datetime.combine(day(number), time(), ZONE) + timedelta(hours=hours)


def _stock(center: str, part_no: str, on_hand: int, **more: Cell) -> Cells:
    return {"服务中心": center, "配件编号": part_no, "在库数量": on_hand, "更新日期": on(-2), **more}


ALLIANCE: Alliance = {
    "members": [
        member("华北", 上级邮箱="north.boss@example.cn", 城市="北京", 手机="13900001001"),
        member("华东", 上级邮箱="east.boss@example.cn", 城市="上海"),
        member("华中", 城市="武汉"),
        member("西北", 上级邮箱="west.boss@example.cn", 城市="西安"),
        member("华南", 城市="深圳", 语言="en"),
    ],
    "parts": [
        part("P-1", 替代配件="P-3"),
        part("P-2", 配件名称="前悬挂摆臂", 单价=800),
        part("P-3", 配件名称="=屏 Ryzen"),
    ],
    "inventory": [
        _stock("华东", "P-1", 3, 出借条件="先借后还"),
        _stock("华中", "P-2", 2, 出借条件="配件互换"),
        _stock("西北", "P-3", 1),
        _stock("华南", "P-2", 4, 安全库存=1),
    ],
    "requests": [
        request("R-1", "华北", 提出时间=f"{on(-3)} 08:00", 数量=2),
        request("R-2", "西北", 提出时间=f"{on(-1)} 10:30", 申报级别="P0", 客户类型="媒体", 舆情风险="高", 原因="曝光"),
        request("007", "华中", 提出时间=f"{on(-2)} 09:00", 配件编号="P-2"),
    ],
    "loans": [
        loan("L-1", "华东", "华北", 借出日期=on(-12), 快递单号="SF1", 签收日期=on(-10)),
        loan("L-2", "华中", "西北", 借出日期=on(-8), 快递单号="SF2"),
        loan("L-3", "西北", "华中", 借出日期=on(-23), 签收日期=on(-20)),
        loan("L-4", "华东", "华南", 借出日期=on(-60), 配件编号="P-2"),
        loan("L-5", "华南", "华东", 借出日期=on(-30), 归还日期=on(-18), 运费=80),
        loan("L-6", "西北", "华东", 借出日期=on(-2), 签收日期=on(-1)),
        loan("L-7", "华中", "华北", 借出日期=None, 配件编号="P-2"),
    ],
    "adjustments": [adjustment("华北", 3, on(-40)), adjustment("西北", 1, on(-40))],
}

Edit = tuple[object, ...]
"""What is done, in which table, and the rest: see `_ACTS`."""

NIGHTS: Mapping[int, Sequence[Edit]] = {
    1: [("sort", "loans", "出借方"), ("type", "requests", "R-1", "已婉拒", "华东")],
    2: [("add", "loans", loan("L-8", "华东", "华北", 借出日期=on(1), 求助编号="R-1")), ("insert", "loans", 4)],
    3: [("type", "loans", "L-7", "借用方", "华北部"), ("type", "inventory", "华东", "在库数量", 1)],
    4: [("type", "loans", "L-7", "借用方", "华北"), ("type", "loans", "L-7", "借出日期", on(4)), ("widen", "loans")],
    5: [("type", "loans", "L-2", "延期至", on(15)), ("sort", "requests", "提出时间")],
    6: [("type", "loans", "L-6", "召回日期", on(6)), ("type", "loans", "L-7", "签收日期", on(6))],
    7: [
        ("add", "requests", request("R-3", "华南", 提出时间=f"{on(6)} 11:00")),
        ("type", "requests", "007", "状态", "已满足"),
    ],
    8: [("delete", "loans", "L-5"), ("sort", "loans", "借调编号")],
    9: [("type", "members", "华中", "上级邮箱", "middle.boss@example.cn"), ("type", "loans", "L-6", "归还日期", on(8))],
    10: [("insert", "requests", 2), ("type", "loans", "L-3", "赔偿日期", on(9))],
    11: [
        ("add", "loans", loan("L-9", "华南", "西北", 借出日期=on(10), 到期日期=on(14))),
        ("sort", "inventory", "配件编号"),
    ],
    12: [("type", "loans", "L-1", "归还日期", on(12)), ("type", "requests", "R-2", "状态", "进行中")],
    13: [("add", "adjustments", adjustment("华南", -1, on(12))), ("type", "parts", "P-2", "单价", 950)],
    14: [("add", "loans", loan("L-10", "华中", "华东", 借出日期=on(13))), ("type", "loans", "L-8", "已还数量", 1)],
    16: [("type", "members", "华南", "退出日期", on(16)), ("sort", "members", "服务中心")],
    17: [("type", "requests", "R-2", "状态", "已满足"), ("delete", "requests", "R-3")],
    18: [("type", "inventory", "西北", "更新日期", on(17)), ("type", "loans", "L-9", "到期日期", on(20))],
    20: [("sort", "loans", "借用方"), ("type", "loans", "L-4", "作废", True)],
}


def edit(person: Person, edits: Sequence[Edit]) -> int:
    """Do *edits*: how many there were."""
    for what, table, *rest in edits:
        _ACTS[str(what)](person, BY_NAME[str(table)].title, *rest)
    return len(edits)


def night(life: Any, number: int) -> None:
    """What people do in the night before that day."""
    if edits := NIGHTS.get(number, ()):
        life.edit(lambda person: edit(person, edits))


def _type(person: Person, title: str, key: str, header: str, value: Cell) -> None:
    person.type(title, _row(person, title, key), header, value)


def _add(person: Person, title: str, cells: Cells) -> None:
    row = person.insert(title, 2)
    for header, cell in cells.items():
        if cell is not None:
            person.type(title, row, header, cell)


def _delete(person: Person, title: str, key: str) -> None:
    person.delete(title, _row(person, title, key))


def _row(person: Person, title: str, key: str) -> int:
    """The first row with that key in its first key column."""
    table = next(table for table in BY_NAME.values() if table.title == title)
    headers, *rows = person.rows(title)
    at = headers.index(table[table.key[0]].header)
    return next(number for number, row in enumerate(rows, 2) if at < len(row) and row[at] == key)


_ACTS = {
    "type": _type,
    "add": _add,
    "delete": _delete,
    "sort": lambda person, title, header: person.sort(title, header, descending=False),
    "insert": lambda person, title, row: person.insert(title, row),
    "widen": lambda person, title: person.widen(title),
}

"""The yardstick: what somebody writes in an afternoon, pandas in, openpyxl out, a loop over the rows between.

`python usual_script.py FILE DAY` computes 积分榜, 积分流水, 优先级队列 and 借调状态 like the rules do, on a sheet
without mistakes in it. It checks nothing, mails nothing, and rewrites the four tabs each time.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from typing import Any

import openpyxl
import pandas as pd

LADDER = (("准备归还", -7), ("友好提醒", -3), ("正式催还", 0), ("上报上级", 3), ("按约赔偿", 7))
HEADERS = {
    "积分榜": ("排名", "服务中心", "帮助次数", "受助次数", "调整", "积分", "资格"),
    "积分流水": ("日期", "服务中心", "积分", "余额", "类型", "关联编号", "说明"),
    "优先级队列": (
        "序号", "求助编号", "求助方", "配件编号", "待满足数量", "判定级别", "依据", "积分", "资格",
    ),
    "借调状态": (
        "借调编号", "出借方", "借用方", "配件编号", "未还数量", "应还日期", "天数", "状态", "阶段", "下一步",
        "下一步日期", "应赔金额",
    ),
}  # fmt: skip


def main(path: str, as_of: date) -> None:
    """Read the sheet, compute, write the four tabs and a line in the log."""
    sheets = pd.read_excel(path, sheet_name=None)
    loans, requests, members = sheets["借调记录"], sheets["求助"], sheets["成员"]
    points = count_points(loans, sheets["积分调整"], as_of)
    tabs = {
        "积分榜": standings(members, points, as_of),
        "积分流水": points["lines"],
        "优先级队列": queue(requests, loans, members, points, as_of),
        "借调状态": loan_states(loans, sheets["配件"], as_of),
    }
    write(path, tabs, as_of)


def day(value: Any) -> date | None:
    """A cell's day, None when blank."""
    return None if pd.isna(value) else value.date()


def is_cancelled(loan: Any) -> bool:
    """Whether the loan is 作废."""
    return loan["作废"] == "是"


def count_points(loans: pd.DataFrame, adjustments: pd.DataFrame, as_of: date) -> dict[str, Any]:
    """The ledger's lines with running balances, and each member's counts."""
    helped: Counter[str] = Counter()
    received: Counter[str] = Counter()
    waiting: Counter[str] = Counter()
    adjusted: Counter[str] = Counter()
    lines = []
    for _, loan in loans.iterrows():
        if is_cancelled(loan):
            continue
        lent_on = day(loan["借出日期"])
        if lent_on is None or lent_on > as_of:
            waiting[loan["借用方"]] += 1
            continue
        memo = f"{loan['出借方']} 借给 {loan['借用方']} {loan['配件编号']} × {loan['数量']}"
        lines.append([lent_on, loan["出借方"], 1, "帮助", loan["借调编号"], memo])
        lines.append([lent_on, loan["借用方"], -1, "受助", loan["借调编号"], memo])
        helped[loan["出借方"]] += 1
        received[loan["借用方"]] += 1
    for _, change in adjustments.iterrows():
        when = day(change["日期"])
        if when and when <= as_of:
            memo = f"{change['原因']} ({change['批准人']})"
            lines.append([when, change["服务中心"], change["积分"], "调整", "", memo])
            adjusted[change["服务中心"]] += change["积分"]
    lines.sort(key=lambda line: (line[0], line[4], line[1], line[2], line[5]))
    balance: Counter[str] = Counter()
    for line in lines:
        balance[line[1]] += line[2]
        line.insert(3, balance[line[1]])
    available = Counter(balance)
    available.subtract(waiting)
    return {
        "lines": lines,
        "helped": helped,
        "received": received,
        "adjusted": adjusted,
        "balance": balance,
        "available": available,
    }


def has_left(member: Any, as_of: date) -> bool:
    """Whether the member's 退出日期 has come."""
    left_on = day(member["退出日期"])
    return left_on is not None and left_on <= as_of


def standings(members: pd.DataFrame, points: dict[str, Any], as_of: date) -> list[list[Any]]:
    """积分榜, by balance, then helped, then name; members who left stand last."""
    ranked = []
    for _, member in members.iterrows():
        center, left = member["服务中心"], has_left(member, as_of)
        if not left or points["balance"][center] != 0:
            ranked.append((left, -points["balance"][center], -points["helped"][center], center))
    rows: list[list[Any]] = []
    rank, previous = 0, None
    for place, (left, minus_balance, minus_helped, center) in enumerate(sorted(ranked), start=1):
        rank, previous = (rank if (minus_balance, minus_helped) == previous else place), (minus_balance, minus_helped)
        standing = "可求助" if points["available"][center] >= 0 else "需先帮助他人"
        counts = [points[name][center] for name in ("helped", "received", "adjusted", "balance")]
        rows.append([None if left else rank, center, *counts, standing])
    return rows


def loan_states(loans: pd.DataFrame, parts: pd.DataFrame, as_of: date) -> list[list[Any]]:
    """借调状态: due day, state, rung reached, next rung."""
    prices = {part["配件编号"]: part["单价"] for _, part in parts.iterrows()}
    rows = []
    for _, loan in loans.iterrows():
        if is_cancelled(loan):
            continue
        lent_on, due = day(loan["借出日期"]), due_day(loan)
        back = loan["已还数量"]
        if pd.isna(back):
            back = 0 if pd.isna(loan["归还日期"]) else loan["数量"]
        units = int(loan["数量"] - back)
        days = (as_of - due).days if due else 0
        state = state_of(loan, units, lent_on, days, as_of)
        out = state in ("已逾期", "今日到期", "即将到期", "在借")
        stage, following, following_on = "", "", None
        for name, offset in LADDER if out and due and lent_on else ():
            if due + timedelta(offset) <= lent_on:
                continue
            if days >= offset:
                stage = name
            elif not following:
                following, following_on = name, due + timedelta(offset)
        claim = prices[loan["配件编号"]] * units if stage == "按约赔偿" else None
        identity = [loan[name] for name in ("借调编号", "出借方", "借用方", "配件编号")]
        rows.append([*identity, units, due, days if out else None, state, stage, following, following_on, claim])
    return sorted(rows, key=lambda row: row[0])


def due_day(loan: Any) -> date | None:
    """The day the loan is due, with extension and recall."""
    lent_on = day(loan["借出日期"])
    due = day(loan["延期至"]) or day(loan["到期日期"]) or (lent_on + timedelta(14) if lent_on else None)
    recall = day(loan["召回日期"])
    if recall is None:
        return due
    return min(due, recall + timedelta(1)) if due else recall + timedelta(1)


def state_of(loan: Any, units: int, lent_on: date | None, days: int, as_of: date) -> str:  # noqa: PLR0911
    """The first state that holds."""
    paid = day(loan["赔偿日期"])
    shipped = lent_on is not None and lent_on <= as_of
    if paid and paid <= as_of:
        return "已赔偿"
    if units == 0:
        return "已归还"
    if loan["方案"] == "配件互换" and shipped:
        return "已互换"
    if not shipped:
        return "待发出"
    if days > 0:
        return "已逾期"
    if days == 0:
        return "今日到期"
    return "即将到期" if days >= -7 else "在借"


def queue(
    requests: pd.DataFrame, loans: pd.DataFrame, members: pd.DataFrame, points: dict[str, Any], as_of: date
) -> list[list[Any]]:
    """优先级队列: the open requests in the order they are served."""
    left = {member["服务中心"] for _, member in members.iterrows() if has_left(member, as_of)}
    lent: defaultdict[str, int] = defaultdict(int)
    for _, loan in loans.iterrows():
        if not is_cancelled(loan) and pd.notna(loan["求助编号"]):
            lent[loan["求助编号"]] += loan["数量"]
    waiting = []
    for _, request in requests.iterrows():
        units = request["数量"] - lent[request["求助编号"]]
        if units > 0 and request["求助方"] not in left and request["状态"] not in ("已满足", "已取消"):
            level, basis = judged(request, as_of)
            needed_by = day(request["需要日期"]) or date.max
            waiting.append(((level, needed_by, request["提出时间"], request["求助编号"]), request, units, basis))
    waiting.sort(key=lambda one: one[0])
    asked: Counter[str] = Counter()
    placed = []
    for place, request, units, basis in waiting:
        center = request["求助方"]
        projected = points["available"][center] - asked[center]
        asked[center] += 1
        standing = "无条件支持" if place[0] == "P0" else "可求助" if projected >= 0 else "需先帮助他人"
        group = ("无条件支持", "可求助", "需先帮助他人").index(standing)
        placed.append(((group, -projected if group else 0, *place), request, units, place[0], basis, standing))
    placed.sort(key=lambda one: one[0])
    return [
        [
            rank,
            request["求助编号"],
            request["求助方"],
            request["配件编号"],
            units,
            level,
            basis,
            points["balance"][request["求助方"]],
            standing,
        ]
        for rank, (_, request, units, level, basis, standing) in enumerate(placed, start=1)
    ]


def judged(request: Any, as_of: date) -> tuple[str, str]:
    """A request's level, and why."""
    declared, customer = request["申报级别"], request["客户类型"]
    since, needed_by = day(request["客户等待起始"]), day(request["需要日期"])
    waited = (as_of - since).days if since else 0
    sensitive = customer in ("媒体", "意见领袖", "大V", "网红")
    proof = []
    if request["舆情风险"] == "高":
        proof.append("舆情风险高")
    if sensitive and waited >= 14:
        proof.append(f"{customer}客户已等 {waited} 天")
    if sensitive and declared == "P0":
        proof.append(f"申报 P0 且为{customer}客户")
    urgent = []
    if declared == "P1":
        urgent.append("申报 P1")
    if needed_by and needed_by <= as_of + timedelta(2):
        urgent.append(f"{needed_by} 前需要")
    if waited >= 14:
        urgent.append(f"客户已等 {waited} 天")
    if proof and pd.notna(request["原因"]):
        return "P0", "；".join(proof)
    if declared == "P0":
        lack = "没有写原因" if proof else "没有舆情证据"
        return "P1", "；".join([f"申报 P0 但{lack}", *urgent])
    return ("P1", "；".join(urgent)) if urgent else ("P2", "普通求助")


def write(path: str, tabs: dict[str, list[list[Any]]], as_of: date) -> None:
    """Rewrite the four tabs, add a line to 运行日志, save."""
    book = openpyxl.load_workbook(path)
    for title, rows in tabs.items():
        at = book.sheetnames.index(title)
        del book[title]
        tab = book.create_sheet(title, at)
        tab.append(HEADERS[title])
        for row in rows:
            tab.append(row)
    now = datetime.now().replace(microsecond=0)  # noqa: DTZ005, TID251
    book["运行日志"].append([f"{now:%Y%m%d-%H%M%S}", now, now, as_of, "完成"])
    book.save(path)


if __name__ == "__main__":
    main(sys.argv[1], date.fromisoformat(sys.argv[2]))

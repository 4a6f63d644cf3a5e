"""How the tabs look in every backend: colours of states, widths, and what the worker's tabs say of themselves."""

from __future__ import annotations

from collections.abc import Mapping

from rules.schema import Kind
from rules.words import Words

RED, ORANGE, YELLOW, GREEN = "FFC7CE", "FFD8A8", "FFF2B3", "C6EFCE"
HEADER, LOOKUP_HEADER, WORKER_TAB = "DDEBF7", "EDEDED", "9BC2E6"
CHART = "2E75B6"  # the blue of the tabs, dark enough to stand out from white

COLOURS: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("loan_states", "state"): {
        "已逾期": RED,
        "今日到期": ORANGE,
        "即将到期": YELLOW,
        "已归还": GREEN,
        "已互换": GREEN,
        "已赔偿": GREEN,
    },
    ("issues", "severity"): {"错误": RED, "警告": YELLOW},
    ("queue", "level"): {"P0": RED},
    ("timeline", "state"): {"已超时": RED, "晚完成": YELLOW, "已完成": GREEN},
    ("credit", "grade"): {"A": GREEN, "C": YELLOW, "D": RED},
    ("outbox", "status"): {"待人工": RED, "失败": RED, "已发送": GREEN},
}
"""Colours by table and field: text of the cell -> colour, as RRGGBB."""

WIDTHS: Mapping[Kind, int] = {
    Kind.KEY: 16, Kind.TEXT: 18, Kind.NOTE: 44, Kind.EMAIL: 26, Kind.COUNT: 10, Kind.POINTS: 10, Kind.MONEY: 12,
    Kind.NUMBER: 10, Kind.DATE: 12, Kind.MOMENT: 18, Kind.FLAG: 8, Kind.CHOICE: 12, Kind.LIST: 24,
}  # fmt: skip
"""Widths of columns in characters."""

OVERWRITTEN = Words(
    "本表由系统填写，每次运行都会重写；在这里输入的内容会丢失。",
    "The worker fills this tab and rewrites it at each run; what is typed here is lost.",
)

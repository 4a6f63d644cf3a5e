"""What the tab 概览 shows, wherever a sheet can draw: points by member, and overdue loans by the month they were due.

`init` makes it where it is missing; from then on it is people's, and no run changes it. It shows the last run because
it refers to the worker's tabs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rules.schema import LOAN_STATES, STANDINGS
from rules.words import Words
from sync.backends.places import home

TITLE = "概览"
MONTHS = 12
MEMBERS = 100  # the most that the chart of points can hold
HEADERS = ("应还月份", "逾期借调")
"""Above the months, which stand beside the charts."""

MADE = Words(f"新建工作表“{TITLE}”，含两张图", f"Made the tab {TITLE} with two charts")

LEFT_ALONE = Words(
    f"“{TITLE}”是你们自己的工作表，没有改动；要图表请给它改名，再运行 huzhu init。",
    f"The tab {TITLE} is your own and was left alone; for the charts rename it and run `huzhu init` again.",
)


@dataclass(frozen=True, slots=True)
class Said:
    """What people read of a chart: its title, and what a screen reader says instead of the picture."""

    title: str
    alt: str


POINTS = Said(
    "积分榜 · points",
    f"条形图：每个成员现在的积分，次序同“{STANDINGS.title}”。 · "
    f"Bar chart: the points of each member now, in the order of {STANDINGS.title}.",
)
LATE = Said(
    "逾期未还，按应还月份 · overdue loans by month due",
    f"柱形图：现在逾期的借调笔数，按应还月份，最近 {MONTHS} 个月。 · "
    f"Column chart: how many loans are overdue now, by the month they were due, over the last {MONTHS} months.",
)
LABELS, FIGURES = (STANDINGS.fields.index(field) for field in ("center", "balance"))
"""The columns of 积分榜 that the chart of points shows, from 0."""


def months(states: str, column: str) -> Iterator[tuple[str, str]]:
    """Two formulas for each of the last months, the newest last: its first day, and how many loans are overdue.

    states: the title of 借调状态. column: the letter of the months, which begin in row 2.
    """
    from rules.ladder import OVERDUE  # pandas

    of = home(LOAN_STATES, states).reference
    for row in range(2, MONTHS + 2):
        # EDATE would be shorter; old Excel refuses it a range inside an array formula.
        first = f"DATE(YEAR(TODAY()),MONTH(TODAY())-{MONTHS + 1 - row},1)"
        after = f"DATE(YEAR({column}{row}),MONTH({column}{row})+1,1)"
        due = of("due")
        yield first, f'COUNTIFS({of("state")},"{OVERDUE}",{due},">="&{column}{row},{due},"<"&{after})'

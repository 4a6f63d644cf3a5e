"""How a member gave back what it borrowed, and how much to lend it next. Rules, section 7."""

from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.credit import records
from rules.ladder import loan_states
from rules.policy import CreditPolicy, LoansPolicy, OverduePolicy, Policy
from rules.schema import CREDIT
from tests.rules.sheets import MEMBERS, book, decided, loan, member, request, taken_in
from tests.rules.strategies import TODAY, as_book, messy, tables
from tests.rules.test_laws import laws

AS_OF = "2025-12-01"
BACK = {"归还日期": "2025-11-06"}
"""On the last day of the usual loan."""
LATE = {"归还日期": "2025-11-09"}


def archive(loans=(), as_of=AS_OF, policy=Policy(), **tables):  # noqa: B008
    """Center -> field -> cell of 信用档案."""
    rows = decided(book(loans=loans, **tables), as_of, policy).rows["credit"]
    return {row[0]: dict(zip(CREDIT.fields, row, strict=True)) for row in rows}


def of(*loans, fields, **more):
    """Some figures of the borrower of *loans*."""
    numbered = [loan(f"L-{n}", **cells) for n, cells in enumerate(loans)]
    found = archive(numbered, **more)["华北"]
    return tuple(found[field] for field in fields.split())


@pytest.mark.parametrize(
    ("cells", "counts"),
    [
        # received closed on_time late open overdue_now damaged
        (BACK, (1, 1, 1, 0, 0, 0, 0)),
        (LATE, (1, 1, 0, 1, 0, 0, 0)),
        ({**LATE, "延期至": "2025-11-09"}, (1, 1, 1, 0, 0, 0, 0)),
        ({**BACK, "召回日期": "2025-11-01"}, (1, 1, 0, 1, 0, 0, 0)),
        ({"已还数量": 1}, (1, 1, 1, 0, 0, 0, 0)),  # the day is unknown: nobody is blamed without a date
        ({"赔偿日期": "2025-11-20"}, (1, 1, 0, 0, 0, 0, 0)),
        ({"赔偿日期": "2025-12-02"}, (1, 0, 0, 0, 1, 1, 0)),
        ({"到期日期": "2025-12-01"}, (1, 0, 0, 0, 1, 0, 0)),
        ({"到期日期": "2025-11-30"}, (1, 0, 0, 0, 1, 1, 0)),
        ({"数量": 3, "损坏数量": 2, **BACK}, (1, 1, 1, 0, 0, 0, 1)),
        ({"方案": "配件互换"}, (1, 0, 0, 0, 0, 0, 0)),
        ({"借出日期": None, "损坏数量": 1}, (0, 0, 0, 0, 0, 0, 0)),
        ({"借出日期": "2025-12-02", "已还数量": 1}, (0, 0, 0, 0, 0, 0, 0)),
        ({**LATE, "作废": "是"}, (0, 0, 0, 0, 0, 0, 0)),
    ],
)  # fmt: skip
def test_each_loan_counts_for_what_became_of_it(cells, counts):
    fields = "received closed on_time late open overdue_now damaged"
    assert of(cells, fields=fields) == counts


@pytest.mark.parametrize(
    ("loans", "rate", "score", "grade", "limit"),
    [
        ([], 0.8, 80, "B", 1),
        ([BACK], 0.833, 83, "B", 2),
        ([LATE], 0.667, 67, "C", 1),
        ([BACK] * 5, 0.9, 90, "A", 5),
        ([BACK] * 4 + [LATE], 0.8, 80, "B", 5),
        ([BACK, LATE, LATE], 0.625, 63, "C", 2),  # 62.5 is rounded up, as people do
        ([LATE] * 3, 0.5, 50, "D", 1),
        ([BACK, {}], 0.833, 73, "C", 0),  # one overdue
        ([{**BACK, "损坏数量": 1}], 0.833, 78, "B", 2),
        ([{}] * 9, 0.8, 0, "D", 0),
    ],
)
def test_trust_grows_with_what_came_back_in_time(loans, rate, score, grade, limit):
    assert of(*loans, fields="on_time_rate score grade limit") == (rate, score, grade, limit)


def test_the_most_units_are_a_setting():
    assert of(*[BACK] * 9, fields="limit", policy=Policy(credit=CreditPolicy(max_units=7))) == (7,)


def test_the_mean_of_days_late_leaves_out_what_came_in_time():
    assert of(BACK, LATE, {"归还日期": "2025-11-08"}, fields="mean_days_late") == (2.5,)
    assert of(BACK, fields="mean_days_late") == (0,)
    third = [{"归还日期": f"2025-11-{day:02}"} for day in (7, 7, 7, 8)]
    assert of(*third, fields="mean_days_late") == (1.3,)  # 1.25


WHY = {"原因": "已三次发帖"}


@pytest.mark.parametrize(
    ("cells", "counts"),
    [
        ({**WHY, "舆情风险": "高"}, 1),
        ({**WHY, "舆情风险": "高", "状态": "已满足"}, 1),
        ({**WHY, "舆情风险": "高", "状态": "已取消"}, 1),
        ({"舆情风险": "高"}, 0),
        ({**WHY, "申报级别": "P0"}, 0),
        ({**WHY, "客户类型": "媒体", "客户等待起始": "2025-10-23"}, 1),
        # closed: it had waited 14 days when it was asked for, or it had not, whatever the day is now
        ({**WHY, "客户类型": "媒体", "客户等待起始": "2025-10-06", "状态": "已满足"}, 1),
        ({**WHY, "客户类型": "媒体", "客户等待起始": "2025-10-07", "状态": "已满足"}, 0),
    ],
)
def test_a_p0_is_counted_whether_closed_or_not(cells, counts):
    assert archive(requests=[request("R-1", **cells)])["华北"]["p0_requests"] == counts


def test_members_who_left_are_listed_while_a_loan_names_them():
    gone = [*MEMBERS, member("东北", 退出日期="2025-11-01"), member("东南", 退出日期="2025-11-01")]
    loans = [loan("L-1", "东北"), loan("L-2", "东南", 作废="是")]
    assert list(archive(loans, members=gone)) == sorted([m["服务中心"] for m in MEMBERS] + ["东北"])


@laws(30)
@given(st.one_of(tables(), messy()), st.integers(1, 6))
def test_the_figures_of_a_record_fit_together(rows, most):
    frames = taken_in(as_book(rows)).frames
    states = loan_states(frames["loans"], TODAY, LoansPolicy(), OverduePolicy())
    found = records(frames["members"], states, {}, most)
    for r in found.values():
        assert all(value >= 0 for value in asdict(r).values() if not isinstance(value, str))
        assert r.on_time + r.late <= r.closed <= r.received
        assert r.closed + r.open <= r.received
        assert r.overdue_now <= r.open
        assert (r.mean_days_late >= 1) == (r.late > 0)
        assert 0 < r.on_time_rate < 1
        assert r.score <= 100
        assert r.limit <= most
        assert (r.limit == 0) == (r.overdue_now > 0)
    assert sum(r.received for r in found.values()) == sum(r.helped for r in found.values())

"""Who can lend a part when somebody asks. Interface, `locate`; rules, section 6."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rules.decide import look
from rules.inquiry import Asked, inquire, named
from rules.ledger import has_left
from rules.policy import Alliance, LoansPolicy
from rules.schema import MATCHES
from tests.rules.sheets import POLICY, ZONE, decided, loan, member, part
from tests.rules.strategies import TODAY, as_book, messy, tables
from tests.rules.test_laws import laws
from tests.rules.test_matching import LAST, POLICIES, WITH_SUBSTITUTES, alliance, asks, stock

DAY = date(2025, 11, 6)
CRISIS = {"舆情风险": "高", "原因": "媒体要发文"}
SHEETS = st.one_of(tables(), messy())


def answered(sheet, requester="", qty=1, part_no="P-1", by=None, as_of=DAY, policy=POLICY):
    found = look(sheet, as_of, policy, ZONE)
    return inquire(found.frames, found.placed, found.matched, Asked(part_no, qty, requester, by), as_of, policy)


def told(answer, *names):
    return [tuple(row[MATCHES.fields.index(name)] for name in names) for row in answer.candidates]


# --- laws over whole sheets ------------------------------------------------------------------------------------------


@laws(150)  # one sheet in five has a request that somebody can lend for
@given(SHEETS, POLICIES, st.data())
def test_the_answer_is_what_the_request_would_be_told(sheet, policy, data):
    """Where nothing competes, the lenders and other ways are those of 匹配建议, in order and to the letter."""
    served = [each.request.row for each in look(as_book(sheet), TODAY, policy, ZONE).matched.candidates]
    if not served:
        return
    only = {**sheet, "requests": [sheet["requests"][data.draw(st.sampled_from(served)) - 2]]}  # row 1 is the header
    [request] = look(as_book(only), TODAY, policy, ZONE).placed
    answer = answered(as_book(only), request.requester, request.open_qty, request.part_no, None, TODAY, policy)
    rows = decided(as_book(only), TODAY, policy).rows["matches"]
    assert list(answer.candidates) == [row for row in rows if row[1]]
    others = [row[-1] for row in rows if not row[1]]
    assert all(way in "".join(others) for way in answer.ways)
    assert bool(answer.missing) == bool(others) == bool(answer.ways)


@laws(60)
@given(SHEETS, POLICIES, st.integers(1, 6), st.data())
def test_nothing_is_promised_twice(sheet, policy, qty, data):
    """Nobody gets more than asked, nobody lends to itself or after leaving, and the queue keeps what it was told."""
    found = look(as_book(sheet), TODAY, policy, ZONE)
    members, parts = (found.frames[name] for name in ("members", "parts"))
    assume(len(parts))
    part_no = data.draw(st.sampled_from(parts["part_no"].tolist()))
    asking = {(request.requester, request.part_no) for request in found.placed}
    free = [name for name in members["center"].tolist() if (name, part_no) not in asking]
    requester = data.draw(st.sampled_from(["", *free]))
    answer = answered(as_book(sheet), requester, qty, part_no, None, TODAY, policy)
    gone = {name for name, left in zip(members["center"], has_left(members, TODAY), strict=True) if left}
    assert answer.missing == qty - sum(units for *_, units in answer.plan) >= 0
    proposed = decided(as_book(sheet), TODAY, policy).rows["matches"]
    for lender, supply, available, units in told(answer, "lender", "supply_part", "available", "allocated"):
        assert lender not in {requester, *gone}
        elsewhere = sum(row[4] for row in proposed if (row[1], row[2]) == (lender, supply))
        assert not units or units + elsewhere <= available


# --- whose question it is --------------------------------------------------------------------------------------------


def test_asked_for_nobody_in_particular_all_are_asked_and_ways_are_unknown():
    members = [
        *(member(name, 城市="北京") for name in "北东"),
        member("中", 退出日期="2025-11-01"),
        member("西", 城市="西安"),
    ]
    loans = [loan("L-1", "东", "北", 借出日期="2025-10-01")]
    sheet = alliance([stock(name, 1) for name in "北东中西"], [], members=members, loans=loans)
    answer = answered(sheet, qty=4)
    assert sorted(told(answer, "lender", "km", "hours", "endorser")) == [
        (name, None, None, "") for name in ("东", "北", "西")
    ]
    assert not [why for (why,) in told(answer, "why") if "路程" in why or "求助方" in why]
    assert answer.requester is None
    assert answer.standing is None
    assert (answer.missing, answer.ways) == (1, ["联盟内没有别的来源，请向总部申请", LAST])
    assert len(answered(sheet, "东", qty=4).candidates) == 2


def test_the_requesters_open_request_is_what_is_asked_about():
    """Its proof opens the safety stock, who declined it is not asked, and its day, reason and customer are told."""
    offer = [stock("东", 2, safety_stock=2), stock("中", 2)]
    facts = {"需要日期": "2025-11-08", "客户类型": "媒体", "客户等待起始": "2025-10-11", "已婉拒": "中"}
    sheet = alliance(offer, [asks(**facts, **CRISIS)])
    answer = answered(sheet, "北", qty=2)
    assert told(answer, "lender", "available", "allocated") == [("东", 2, 2)]
    assert (answer.level, answer.needed_by, answer.reason) == ("P0", date(2025, 11, 8), "媒体要发文")
    assert (answer.customer_type, answer.waiting_days) == ("媒体", 26)
    assert answered(sheet, "北", by=DAY).needed_by == DAY
    stranger = answered(sheet, "西", qty=2)
    assert told(stranger, "lender") == [("中",)]
    assert (stranger.level, stranger.needed_by, stranger.reason) == ("P2", None, "")


def test_the_requesters_own_requests_do_not_compete_with_the_question():
    sheet = alliance([stock("东", 2)], [asks("R-1"), asks("R-2")], loans=[loan("L-1", "北", "西"), loan("L-2", "北", "西")])  # fmt: skip
    answer = answered(sheet, "北", qty=2)
    assert answer.plan == [("东", "P-1", 2)]
    assert "建议给" not in told(answer, "why")[0][0]


def test_who_stands_before_keeps_what_is_proposed_and_who_stands_after_is_named():
    before, after = asks("R-1", "西", 需要日期="2025-11-07"), asks("R-2", "中", 需要日期="2025-12-07")
    sheet = alliance([stock("东", 2)], [before, after])
    answer = answered(sheet, "北", qty=2)
    assert (answer.plan, answer.missing) == ([], 2)
    assert "其中 1 个建议给 R-1；其中 1 个建议给 R-2" in told(answer, "why")[0][0]
    crisis = alliance([stock("东", 2)], [before, after, asks("R-3", **CRISIS)])
    answer = answered(crisis, "北", qty=2)
    assert answer.plan == [("东", "P-1", 2)]
    assert "其中 1 个建议给 R-1" in told(answer, "why")[0][0]


@pytest.mark.parametrize(
    ("tabs", "standing"),
    [
        ({}, "可求助"),
        ({"requests": [asks(配件编号="P-2")]}, "需先帮助他人"),
        ({"loans": [loan("L-1", "东", "北")]}, "需先帮助他人"),
        ({"loans": [loan("L-1", "东", "北")], "requests": [asks(**CRISIS)]}, "无条件支持"),
    ],
    ids=["a newcomer may ask once", "and not twice", "after being helped", "a crisis always"],
)
def test_the_standing_is_that_of_one_more_request(tabs, standing):
    assert answered(alliance([stock("东")], tabs.pop("requests", []), **tabs), "北").standing.zh == standing


def test_a_swap_is_proposed_when_asked():
    offer = [stock("东", 1), stock("北", 4, "P-2")]
    answer = answered(alliance(offer, [asks("R-2", "东", 配件编号="P-2", 数量=2)]), "北")
    assert told(answer, "lender", "plan") == [("东", "配件互换")]
    assert "可互换：东 → 北 P-1 × 1，北 → 东 P-2 × 2" in told(answer, "why")[0][0]


def test_what_is_missing_comes_with_other_ways_and_the_last_resort_with_its_warning():
    offer = [stock("东", 1), stock("中", 1, "P-3", safety_stock=1), stock("西", 0, incoming=2)]
    sheet = alliance(offer, [asks("R-2", "西", 数量=5, 需要日期="2025-12-07")], parts=WITH_SUBSTITUTES)
    assert (
        answered(sheet, "北", qty=2, policy=replace(POLICY, alliance=Alliance(locale="en")))
        .ways[-1]
        .startswith("only as the last resort")
    )
    assert answered(sheet, qty=2).ways == [
        "可用替代件 P-3：中 1 个，在安全库存内，可商量",
        "在途：西 2 个，到货日未填",
        "联合向总部申请：【你的中心】、西 共缺 6 个",
        LAST,
    ]
    assert answered(alliance([stock("东", 1)], []), "北").ways == []


def test_what_is_promised_follows_the_policy():
    policy = replace(POLICY, loans=LoansPolicy(default_days=7, recall_days=2))
    answer = answered(alliance([], []), policy=policy)
    assert (answer.days, answer.recall_days) == (7, 2)


# --- what people type ------------------------------------------------------------------------------------------------

KEYS = ("P-1", "p-1", "P-02", "P-3", "7")
NAMES = ("中控大屏", "中控大屏 MCU2.0", "前悬挂下摆臂 左", "前悬挂下摆臂 右", "Radar 雷达")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("P-1", ["P-1"]),
        ("ｐ－１", ["p-1"]),
        (" p-02 ", ["P-02"]),
        ("中控大屏", ["P-1"]),
        ("中控大屏mcu2.0", ["p-1"]),
        ("RADAR", ["7"]),
        ("摆臂", ["P-02", "P-3"]),
        ("P-4", []),
        ("　", []),
        ("", []),
    ],
)
def test_a_key_counts_before_a_name_and_a_name_before_a_piece(text, meant):
    assert named(text, KEYS, NAMES) == meant


def test_only_keys_are_looked_at_where_there_are_no_names():
    assert named("l-01", ["L-01", "L-012"]) == ["L-01"]
    assert named("L-0", ["L-01", "L-012"]) == []


def test_the_part_is_named_as_in_its_table():
    sheet = alliance([], [], parts=[part("P-1", 配件名称="大屏"), part("P-2")])
    assert answered(sheet).name == "大屏"

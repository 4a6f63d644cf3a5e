"""Whom to ask, what the requester hears, and the joint petition: each once, until there is news. Rules, section 6."""

from dataclasses import replace

import pytest

from rules.items import Offer
from rules.outbox import mails_in
from rules.policy import Alliance, Policy, RunPolicy
from rules.values import Book, MailStatus
from tests.rules.sheets import ZONE, adjustment, book, decided, loan, member, part, request, run, settled, with_mails

POLICY = Policy(alliance=Alliance(coordinator_email="desk@example.cn"), run=RunPolicy(cadence_days=1))
DAY = "2025-11-06"
CITIES = {"北": "北京", "东": "上海", "中": "武汉", "西": "西安"}
MEMBERS = tuple(member(name, 城市=city) for name, city in CITIES.items())
ADDRESS = {str(m["服务中心"]): str(m["邮箱"]) for m in MEMBERS}
DESK = "desk@example.cn"


def stock(center, on_hand=1, part_no="P-1", **cells):
    return {"center": center, "part_no": part_no, "on_hand": on_hand, "updated_on": "2025-11-05", **cells}


def asks(request_id="R-1", requester="北", **cells):
    return request(request_id, requester, **cells)


def alliance(inventory, requests, members=MEMBERS, **tabs) -> Book:
    return settled(book(members=members, inventory=inventory, requests=requests, **tabs))


def changed(sheet, **tabs) -> Book:
    """The sheet after people typed other rows."""
    tabs = {"members": MEMBERS, **tabs}
    return Book({**sheet.tabs, **{name: book(**tabs).tabs[name] for name in tabs}})


def letters(plan, kind):
    return [x for x in plan.letters if x.kind == kind]


def items(plan, kind):
    return [item for x in letters(plan, kind) for item in x.items]


def asked(plan) -> list[str]:
    return [item.key.removeprefix("ask:") for item in items(plan, "ask")]


def offered(offers: tuple[Offer, ...]) -> list[tuple[str, int]]:
    return [(offer.lender.center, offer.units) for offer in offers]


# --- the lender is asked ---------------------------------------------------------------------------------------------

CRISIS = {"数量": 3, "客户类型": "媒体", "舆情风险": "高", "原因": "要发文", "客户等待起始": "2025-10-11"}


def the_story(**cells) -> Book:
    """上海 2 先借后还, 武汉 1 配件互换, 西安 2 成本补偿; 3 are wanted."""
    stocks = [stock("东", 2, terms="先借后还"), stock("中", 1, terms="配件互换"), stock("西", 2, terms="成本补偿")]
    return alliance(stocks, [asks(**CRISIS, 需要日期="2025-11-08", **cells)])


def test_each_proposed_lender_is_asked_for_its_units_and_answers_the_requester():
    plan = decided(the_story(), DAY, POLICY)
    assert [(x.to, x.cc, x.reply_to, x.greeting) for x in letters(plan, "ask")] == [
        (ADDRESS["东"], (), ADDRESS["北"], "东经理"),
        (ADDRESS["中"], (), ADDRESS["北"], "中经理"),
    ]
    first, _ = items(plan, "ask")
    assert first.key == "ask:R-1:东:P-1:2"
    assert (first.level, first.basis, first.reason) == ("P0", "舆情风险高；媒体客户已等 26 天", "要发文")
    assert (first.customer_type, first.waiting_days, first.wanted, first.substitute_for) == ("媒体", 26, 3, "")
    assert (first.terms.plan, first.terms.days, first.terms.recall_days, first.terms.unit_value) == (
        "先借后还",
        14,
        1,
        12000,
    )
    assert (first.lender.center, first.requester.center, first.endorser, first.swap) == ("东", "北", None, "")
    assert first.estimated
    assert 1000 < first.km < 1500


def test_an_ask_says_what_the_suggestions_say():
    """Kilometres, hours, plan and endorser are the figures of the row in the sheet."""
    loans = [loan("L-1", "中", "北"), loan("L-2", "中", "东")]
    plan = decided(changed(the_story(), loans=loans), DAY, POLICY)
    rows = {row[1]: row for row in plan.rows["matches"] if row[4]}
    assert {item.lender.center for item in items(plan, "ask")} == rows.keys()
    for item in items(plan, "ask"):
        _, _, part_no, _, units, km, hours, terms, _, _, endorser, _ = rows[item.lender.center]
        assert (item.part_no, item.units, item.km, item.hours, item.terms.plan) == (part_no, units, km, hours, terms)
        assert (item.endorser.center if item.endorser else "") == endorser
    assert items(plan, "ask")[0].endorser.center == "中"


def test_a_lender_learns_what_it_gets_for_a_swap():
    stocks = [stock("东", 2, terms="配件互换"), stock("北", 5, "P-2")]
    plan = decided(alliance(stocks, [asks(), asks("R-2", "东", 配件编号="P-2", 数量=2)]), DAY, POLICY)
    assert {item.request_id: item.swap for item in items(plan, "ask")} == {
        "R-1": "北 有 前悬挂摆臂（P-2）2 个可给贵中心，正是求助 R-2 所需",
        "R-2": "东 有 中控大屏（P-1）1 个可给贵中心，正是求助 R-1 所需",
    }
    alone = decided(alliance(stocks, [asks()]), DAY, POLICY)
    assert [(item.terms.plan, item.swap) for item in items(alone, "ask")] == [("配件互换", "")]


def test_in_a_ring_of_three_the_third_gives():
    parts = [part(f"P-{n}") for n in (1, 2, 3)]
    stocks = [stock("东", 1, "P-1", terms="配件互换"), stock("中", 1, "P-2"), stock("北", 1, "P-3")]
    requests = [asks("R-1"), asks("R-2", "东", 配件编号="P-2"), asks("R-3", "中", 配件编号="P-3")]
    plan = decided(alliance(stocks, requests, parts=parts), DAY, POLICY)
    [swap] = [item.swap for item in items(plan, "ask") if item.lender.center == "东"]
    assert swap == "中 有 中控大屏（P-2）1 个可给贵中心，正是求助 R-2 所需"


def test_a_substitute_says_what_it_stands_for():
    parts = (part("P-1", 替代配件="P-2"), part("P-2", 配件名称="新款大屏", 单价=15000))
    plan = decided(alliance([stock("东", 2, "P-2")], [asks()], parts=parts), DAY, POLICY)
    [ask] = items(plan, "ask")
    assert (ask.part_no, ask.part_name, ask.substitute_for, ask.terms.unit_value) == ("P-2", "新款大屏", "P-1", 15000)


def test_everybody_reads_its_own_language():
    members = [{**m, "语言": "en"} if m["服务中心"] in ("东", "北") else m for m in MEMBERS]
    sheet = alliance([stock("东"), stock("中")], [asks(数量=3, 申报级别="P1")], members)
    plan = decided(sheet, DAY, POLICY)
    assert {x.to: (x.locale, x.items[0].basis) for x in letters(plan, "ask")} == {
        ADDRESS["东"]: ("en", "declared P1"),
        ADDRESS["中"]: ("zh", "申报 P1"),
    }
    [x] = letters(plan, "result")
    assert (x.locale, x.items[0].other_ways[:-1]) == ("en", ("no other source within the alliance: ask headquarters",))
    assert x.items[0].other_ways[-1].startswith("only as the last resort")


def test_asks_to_a_lender_are_one_letter_the_most_pressing_first():
    adjusted = [adjustment("中", 5)]  # its request of level P2 stands before the P1 in the queue
    requests = [asks("R-1", 申报级别="P1"), asks("R-2", "中"), asks("R-3", "西", **{**CRISIS, "数量": 1})]
    plan = decided(alliance([stock("东", 9)], requests, adjustments=adjusted), DAY, POLICY)
    [x] = letters(plan, "ask")
    assert [(item.request_id, item.level) for item in x.items] == [("R-3", "P0"), ("R-1", "P1"), ("R-2", "P2")]
    assert x.reply_to == ", ".join(ADDRESS[name] for name in "西北中")


@pytest.mark.parametrize(
    ("first", "then", "again"),
    [
        ({"数量": 2}, {"数量": 1}, []),
        ({"数量": 2}, {"数量": 3}, ["R-1:东:P-1:3"]),
        ({"数量": 2}, {"数量": 2, "申报级别": "P1"}, []),
        ({"数量": 2}, {"求助编号": "R-9"}, ["R-9:东:P-1:1"]),
    ],
)
def test_only_more_units_are_news_to_a_lender(first, then, again):
    sheet = alliance([stock("东", 5)], [asks(**first)])
    plan, sheet = run(sheet, DAY, POLICY)
    assert asked(plan) == ["R-1:东:P-1:2"]
    plan, sheet = run(changed(sheet, requests=[asks(**then)]), DAY, POLICY)
    assert asked(plan) == again
    assert asked(decided(sheet, "2025-11-07", POLICY)) == []


def test_an_ask_that_waits_is_made_anew_for_fewer_units():
    _, sheet = run(alliance([stock("东", 5)], [asks(数量=3)]), DAY, POLICY, MailStatus.FAILED)
    plan, _ = run(changed(sheet, requests=[asks(数量=2)]), DAY, POLICY)
    assert asked(plan) == ["R-1:东:P-1:2"]


@pytest.mark.parametrize("units", ["", "两个", "²", "-1", "0", "9" * 9999])
def test_a_spoiled_key_in_the_outbox_covers_no_ask(units):
    sheet = alliance([stock("东")], [asks()])
    _, after = run(sheet, DAY, POLICY)
    [mail] = [m for m in mails_in(after.tabs["outbox"], ZONE) if m.items[0].startswith("ask:")]
    assert asked(decided(with_mails(sheet, [mail]), DAY, POLICY)) == []
    spoiled = replace(mail, mail_id="1", items=(f"ask:R-1:东:P-1:{units}",))
    assert asked(decided(with_mails(sheet, [spoiled]), DAY, POLICY)) == ["R-1:东:P-1:1"]


# --- the requester hears ---------------------------------------------------------------------------------------------


def test_the_requester_hears_whom_to_call_and_whom_next():
    [x] = letters(decided(the_story(), DAY, POLICY), "result")
    assert (x.to, x.cc, x.reply_to, x.greeting) == (ADDRESS["北"], (), f"{ADDRESS['东']}, {ADDRESS['中']}", "北经理")
    [result] = x.items
    assert offered(result.offers) == [("东", 2), ("中", 1)]
    assert offered(result.next_ones) == [("西", 2)]
    assert (result.level, result.wanted, result.missing, result.declined, result.other_ways) == ("P0", 3, 0, (), ())
    assert [(offer.plan, offer.risk, offer.stars) for offer in result.offers] == [
        ("先借后还", "低", 5),
        ("配件互换", "中", 4),
    ]


def test_the_requester_hears_what_else_to_do_for_units_nobody_lends():
    inventory = [stock("东", 1), stock("中", 0, 在途数量=4, 预计到货="2025-11-20")]
    plan = decided(alliance(inventory, [asks(数量=3)]), DAY, POLICY)
    [result] = items(plan, "result")
    assert (result.missing, result.other_ways[0]) == (2, "在途：中 4 个，预计 2025-11-20")
    assert [row[-1] for row in plan.rows["matches"] if not row[1]] == ["；".join(("还缺 2 个", *result.other_ways))]


def test_a_lender_that_declined_is_asked_no_more_and_the_next_one_is():
    """The requester types it into 已婉拒, and hears of the new proposal."""
    inventory = [stock("东", 1), stock("中", 1), stock("西", 1)]
    sheet = alliance(inventory, [asks()])
    order, said = [], []
    for day in ("2025-11-06", "2025-11-07", "2025-11-08", "2025-11-09"):
        declined = "、".join(order)
        plan, sheet = run(changed(sheet, requests=[asks(已婉拒=declined)]), day, POLICY)
        order += [item.lender.center for item in items(plan, "ask")]
        [result] = items(plan, "result")
        assert result.declined == tuple(x for x in declined.split("、") if x)
        said.append([offer.lender.center for offer in result.offers])
    assert sorted(order) == sorted("东中西")
    assert said == [[name] for name in order] + [[]]
    assert letters(decided(sheet, "2025-11-10", POLICY), "result") == []


@pytest.mark.parametrize(
    "now",
    [
        {"requests": [asks(申报级别="P1")]},  # the same proposal
        {"inventory": [stock("东"), stock("中"), stock("西", terms="成本补偿")]},  # one more to ask next
        {"requests": [asks(状态="已取消")]},
        {"loans": [loan("L-1", "东", "北", 求助编号="R-1", 借出日期=None)]},  # agreed, not shipped
    ],
)
def test_the_same_proposal_is_told_once(now):
    plan, sheet = run(alliance([stock("东"), stock("中")], [asks()]), DAY, POLICY)
    assert [offered(item.offers) for item in items(plan, "result")] == [[("中", 1)]]
    plan = decided(changed(sheet, **now), DAY, POLICY)
    assert [x.kind for x in plan.letters if x.kind in ("ask", "result")] == []


def test_a_refusal_of_somebody_else_is_news_to_the_requester_alone():
    _, sheet = run(alliance([stock("东")], [asks()]), DAY, POLICY)
    plan = decided(changed(sheet, requests=[asks(已婉拒="西")]), DAY, POLICY)
    assert [item.declined for item in items(plan, "result")] == [("西",)]
    assert asked(plan) == []


def test_a_proposal_that_comes_back_is_no_news():
    there, gone = [stock("东")], [stock("东", 0)]
    _, sheet = run(alliance(there, [asks()]), DAY, POLICY)
    plan, sheet = run(changed(sheet, inventory=gone), DAY, POLICY)
    assert [(item.offers, item.missing) for item in items(plan, "result")] == [((), 1)]
    plan = decided(changed(sheet, inventory=there), DAY, POLICY)
    assert items(plan, "result") + items(plan, "ask") == []


def test_who_must_help_first_hears_nothing_and_nobody_is_asked_for_it():
    sheet = alliance([stock("东", 9)], [asks("R-1"), asks("R-2", "中")], adjustments=[adjustment("中", -1)])
    plan = decided(sheet, DAY, POLICY)
    assert {item.request_id for kind in ("ask", "result") for item in items(plan, kind)} == {"R-1"}


# --- headquarters is asked together ----------------------------------------------------------------------------------


def test_members_who_lack_the_same_part_petition_together():
    requests = [
        asks("R-1", 数量=2, 需要日期="2025-11-20"),
        asks("R-2", "中", **{**CRISIS, "数量": 2}),
        asks("R-3", "西", 配件编号="P-2"),
    ]
    [x] = letters(decided(alliance([stock("东", 1)], requests), DAY, POLICY), "petition")
    both = tuple(sorted((ADDRESS["北"], ADDRESS["中"])))
    assert (x.to, x.cc, x.reply_to, x.greeting, x.locale) == (DESK, both, ", ".join(both), "", "zh")
    [petition] = x.items
    assert (petition.part_no, petition.part_name, petition.units) == ("P-1", "中控大屏", 3)
    assert [(n.requester.center, n.request_id, n.level, n.units, n.waiting_days) for n in petition.needs] == [
        ("中", "R-2", "P0", 1, 26),
        ("北", "R-1", "P2", 2, 0),
    ]


@pytest.mark.parametrize(
    ("requests", "desk"),
    [
        ([asks("R-1"), asks("R-2")], DESK),  # one member, two requests
        ([asks("R-1"), asks("R-2", "中", 配件编号="P-2")], DESK),
        ([asks("R-1"), asks("R-2", "东", 数量=3)], ""),
    ],
)
def test_without_a_second_member_or_a_coordinator_there_is_no_petition(requests, desk):
    policy = replace(POLICY, alliance=Alliance(coordinator_email=desk))
    assert letters(decided(alliance([], requests), DAY, policy), "petition") == []


def test_a_petition_is_news_when_who_lacks_how_many_changes():
    both = [asks("R-1"), asks("R-2", "中")]
    plan, sheet = run(alliance([], both), DAY, POLICY)
    assert len(items(plan, "petition")) == 1
    plan, sheet = run(changed(sheet, requests=both[::-1]), "2025-11-07", POLICY)
    assert items(plan, "petition") == []
    plan, sheet = run(changed(sheet, requests=[asks("R-1", 数量=2), both[1]]), "2025-11-08", POLICY)
    assert [item.units for item in items(plan, "petition")] == [3]


def test_the_coordinator_is_not_copied_on_its_own_petition():
    members = [{**m, "邮箱": DESK} if m["服务中心"] == "北" else m for m in MEMBERS]
    [x] = letters(decided(alliance([], [asks("R-1"), asks("R-2", "中")], members), DAY, POLICY), "petition")
    assert (x.to, x.cc) == (DESK, (ADDRESS["中"],))

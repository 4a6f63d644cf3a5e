"""Who can lend it, and how many units from whom. Rules, section 6."""

import random
import subprocess
import sys
from dataclasses import replace
from itertools import groupby, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import contest, program
from rules.allocation import Demand, Stock, allocate
from rules.policy import Alliance, InventoryPolicy, MatchingPolicy, MatchingWeights, Policy, PolicyError
from rules.schema import MATCHES
from tests.rules.sheets import POLICY, book, decided, loan, member, part, request
from tests.rules.strategies import TODAY, as_book, messy, moved_about, tables
from tests.rules.test_laws import laws

FIELDS = MATCHES.fields


def rows(sheet, as_of="2025-11-06", policy=POLICY):
    return [dict(zip(FIELDS, row, strict=True)) for row in decided(sheet, as_of, policy).rows["matches"]]


def told(sheet, *names, **more):
    return [tuple(row[name] for name in names) for row in rows(sheet, **more)]


def stock(center="华东", on_hand=2, part_no="P-1", **cells):
    return {"center": center, "part_no": part_no, "on_hand": on_hand, "updated_on": "2025-11-05", **cells}


def alliance(inventory, requests, **tabs):
    """The usual four members, all with a place, so that only what a test says differs."""
    tabs.setdefault(
        "members",
        [member(name, 城市=city) for name, city in zip("北东中西", ("北京", "上海", "武汉", "西安"), strict=True)],
    )
    return book(inventory=inventory, requests=requests, **tabs)


def asks(request_id="R-1", requester="北", **cells):
    return request(request_id, requester, **cells)


# --- candidates, scores, risk ----------------------------------------------------------------------------------------


def test_the_source_documents_own_table():
    centers = ("华北-北京", "华东-上海", "华中-武汉", "西北-西安")
    offers = (("西北-西安", 3, "成本补偿"), ("华中-武汉", 1, "配件互换"), ("华东-上海", 2, "先借后还"))
    sheet = book(
        members=[member(name) for name in centers],
        inventory=[stock(center, n, terms=terms) for center, n, terms in offers],
        routes=[
            {"origin": center, "destination": "华北-北京", "km": km}
            for center, km in (("华东-上海", 1200), ("华中-武汉", 800), ("西北-西安", 1500))
        ],
        requests=[request("R-1", "华北-北京", 数量=3, 需要日期="2025-11-08")],
    )
    assert told(sheet, "lender", "available", "km", "plan", "risk", "stars") == [
        ("华东-上海", 2, 1200, "先借后还", "低", 5),
        ("华中-武汉", 1, 800, "配件互换", "中", 4),
        ("西北-西安", 3, 1500, "成本补偿", "中", 3),
    ]
    why = rows(sheet)[0]["why"]
    assert why.startswith("得分 0.5636；出借条件 先借后还；1200 公里，24 小时；可借 2 个，求助缺 3 个；帮过求助方 0 次")


def test_the_reason_is_in_the_alliances_language():
    sheet = alliance([stock("东")], [asks()])
    policy = replace(POLICY, alliance=Alliance(locale="en"))
    assert rows(sheet, policy=policy)[0]["why"].startswith("score ")
    assert "straight line × 1.25, an estimate" in rows(sheet, policy=policy)[0]["why"]
    assert "直线距离 × 1.25 估算" in rows(sheet)[0]["why"]


def test_who_is_no_candidate():
    members = [member("北"), member("东", 退出日期="2025-11-06"), member("中"), member("西")]
    everywhere = [stock(center) for center in "北东中西"]
    assert told(alliance(everywhere, [asks(已婉拒="中")], members=members), "lender") == [("西",)]
    assert told(alliance(everywhere, [asks(已婉拒="中")], members=members), "lender", as_of="2025-11-05") == [
        ("东",), ("西",),
    ]  # fmt: skip
    assert told(alliance([stock("东", 0), stock("中", 2, safety_stock=2)], [asks()]), "lender") == [("",)]


def test_who_must_help_first_is_offered_nothing():
    sheet = alliance([stock("东")], [asks()], loans=[loan("L-1", "东", "北")])
    assert rows(sheet) == []
    crisis = asks(舆情风险="高", 原因="媒体")
    assert told(alliance([stock("东")], [crisis], loans=[loan("L-1", "东", "北")]), "lender") == [("东",)]


def test_a_p0_may_use_safety_stock_and_only_it():
    offer = [stock("东", 2, safety_stock=2)]
    assert told(alliance(offer, [asks(舆情风险="高", 原因="媒体")]), "available") == [(2,)]
    keep = replace(POLICY, matching=MatchingPolicy(p0_keep=1))
    assert told(alliance(offer, [asks(舆情风险="高", 原因="媒体")]), "available", policy=keep) == [(1,)]


@pytest.mark.parametrize(
    ("cells", "risk"),
    [
        ({"terms": ""}, "低"),
        ({"terms": "先借后还"}, "低"),
        ({"terms": "配件互换"}, "中"),
        ({"terms": "成本补偿"}, "中"),
        ({"updated_on": "2025-10-29"}, "高"),
        ({"updated_on": "2025-10-30"}, "低"),
        ({"updated_on": None}, "低"),
    ],
)
def test_risk_by_terms_and_age(cells, risk):
    assert told(alliance([stock("东", **cells)], [asks()]), "risk") == [(risk,)]


def test_too_late_is_a_high_risk():
    routes = [{"origin": "东", "destination": "北", "km": 1, "hours": 24}]
    for day, risk in (("2025-11-07", "低"), ("2025-11-06", "高"), ("2025-11-01", "高"), (None, "低")):
        assert told(alliance([stock("东")], [asks(需要日期=day)], routes=routes), "risk") == [(risk,)]


@pytest.mark.parametrize(
    ("cells", "plan"),
    [({"terms": "配件互换"}, "配件互换"), ({"on_hand": 3}, "先借后还"), ({"on_hand": 2}, "成本补偿")],
)
def test_the_plan_is_the_lenders_terms_else_by_what_it_has(cells, plan):
    assert told(alliance([stock("东", **cells)], [asks()]), "plan") == [(plan,)]


def test_a_swap_is_proposed_to_a_lender_without_terms():
    offer = [stock("东", 1), stock("北", 4, "P-2", safety_stock=1)]
    wants = [asks(), asks("R-2", "东", 配件编号="P-2", 数量=2)]
    found = rows(alliance(offer, wants))
    assert [(row["lender"], row["plan"]) for row in found] == [("东", "配件互换"), ("北", "配件互换")]
    assert "可互换：东 → 北 P-1 × 1，北 → 东 P-2 × 2，积分互抵为 0" in found[0]["why"]


def test_help_received_comes_before_help_given():
    """The one that owes the requester help is asked first, all else being equal."""
    members = [member(name, 城市="北京") for name in "北东中西"]
    loans = [loan("L-1", "北", "中", 借出日期="2025-10-01"), loan("L-2", "西", "北", 借出日期="2025-10-01")]
    sheet = alliance([stock(c, terms="先借后还") for c in "东中西"], [asks()], members=members, loans=loans)
    assert told(sheet, "lender") == [("中",), ("东",), ("西",)]


def test_equal_scores_go_by_distance_and_then_by_name():
    members = [
        member("北", 城市="北京"),
        member("东", 城市="上海"),
        member("中", 城市="武汉"),
        member("西", 城市="武汉"),
    ]
    weights = MatchingWeights(proximity=0)
    policy = replace(POLICY, matching=MatchingPolicy(weights=weights))
    sheet = alliance([stock("西"), stock("东"), stock("中")], [asks()], members=members)
    assert told(sheet, "lender", "stars", policy=policy) == [("中", 5), ("西", 4), ("东", 3)]


def test_only_the_first_four_have_a_star_of_their_own():
    members = [member("北"), *(member(f"甲{n}") for n in range(6))]
    sheet = alliance([stock(f"甲{n}") for n in range(6)], [asks()], members=members)
    assert told(sheet, "stars") == [(5,), (4,), (3,), (2,), (1,), (1,)]


def test_the_endorser_has_dealt_with_both_most():
    loans = [loan(f"L-{n}", *ends, 借出日期="2025-10-01") for n, ends in enumerate(
        [("中", "东"), ("北", "中"), ("西", "北"), ("西", "东"), ("东", "西"), ("北", "西")]
    )]  # fmt: skip
    sheet = alliance([stock("东"), stock("中")], [asks()], loans=loans)
    assert dict(told(sheet, "lender", "endorser")) == {"东": "西", "中": ""}
    gone = [member("北"), member("东"), member("中"), member("西", 退出日期="2025-11-01")]
    sheet = alliance([stock("东")], [asks()], loans=loans, members=gone)
    assert told(sheet, "endorser") == [("中",)]


# --- substitutes and other ways --------------------------------------------------------------------------------------

LAST = "最后手段：二手良品件、展车上的件或免费升级新款，有质量、成本和合规风险，须先征得客户同意并检验合格"
WITH_SUBSTITUTES = (part("P-1", 替代配件="P-2、P-3", 通用="是"), part("P-2"), part("P-3"))


def test_substitutes_are_tried_in_their_order_for_what_is_missing():
    offer = [stock("东", 1), stock("中", 1, "P-3"), stock("西", 1, "P-2")]
    sheet = alliance(offer, [asks(数量=2)], parts=WITH_SUBSTITUTES)
    assert told(sheet, "lender", "supply_part", "allocated") == [("东", "P-1", 1), ("西", "P-2", 1)]
    assert "替代件，代替 P-1" in rows(sheet)[1]["why"]
    assert told(alliance(offer, [asks(数量=1)], parts=WITH_SUBSTITUTES), "supply_part") == [("P-1",)]
    assert told(alliance(offer, [asks(数量=3)], parts=WITH_SUBSTITUTES), "supply_part") == [
        ("P-1",),
        ("P-2",),
        ("P-3",),
    ]


def test_the_first_in_the_queue_gets_the_part_itself():
    sheet = alliance(
        [stock("东", 1), stock("中", 1, "P-2")],
        [asks("R-2", "西", 需要日期="2025-11-20"), asks("R-1", 需要日期="2025-11-10")],
        parts=WITH_SUBSTITUTES,
    )
    assert [row for row in told(sheet, "request_id", "supply_part", "allocated") if row[2]] == [
        ("R-1", "P-1", 1), ("R-2", "P-2", 1),
    ]  # fmt: skip


def test_what_nobody_lends_has_other_ways_in_order():
    offer = [
        stock("北", 2, "P-2"),
        stock("东", 1, safety_stock=1, last_used_on="2025-01-01"),
        stock("中", 0, incoming=3, incoming_eta="2025-11-20"),
        stock("西", 1, "P-3", safety_stock=1),
    ]
    sheet = alliance(offer, [asks(数量=2), asks("R-2", "西", 已婉拒="北")], parts=WITH_SUBSTITUTES)
    found = [row for row in rows(sheet) if not row["lender"] and row["request_id"] == "R-1"]
    assert [(row["supply_part"], row["available"], row["why"]) for row in found] == [
        ("P-2", 2, "还缺 2 个；可用替代件 P-2：自己库存有 北 2 个"),
        ("P-3", 1, "还缺 2 个；可用替代件 P-3：西 1 个，在安全库存内，可商量"),
        ("P-1", None, "还缺 2 个；在途：中 3 个，预计 2025-11-20；通用件呆滞库存：东 1 个，309 天没动用；联合向总部申请：北、西 共缺 3 个；" + LAST),
    ]  # fmt: skip


def test_with_no_other_way_the_row_says_so():
    assert told(alliance([], [asks()]), "lender", "supply_part", "why") == [
        ("", "P-1", "还缺 1 个；联盟内没有别的来源，请向总部申请；" + LAST)
    ]


def test_an_unknown_place_is_warned_of_once():
    members = [member("北", 城市="北京"), member("东", 城市="火星"), member("中", 城市="武汉"), member("西")]
    sheet = alliance([stock("东"), stock("中")], [asks(), asks("R-2", 配件编号="P-1")], members=members)
    found = [(p.key, p.field, p.value) for p in decided(sheet, "2025-11-06").problems if p.code == "no_place"]
    assert found == [("东", "city", "火星")]
    assert told(sheet, "lender", "km", "hours")[1] == ("东", None, None)


@pytest.mark.parametrize("weights", [{"terms": -1}, dict.fromkeys(MatchingWeights.__slots__, 0)])
def test_weights_that_mean_nothing_are_refused(weights):
    with pytest.raises(PolicyError):
        MatchingWeights(**weights)


# --- the allocation against every possible one -----------------------------------------------------------------------


def value(demands, given, split_cost):
    """What an allocation is judged by: units of each request in queue order, steps down the lists, cost."""
    size = len(demands)
    steps = sum(int((g * d.step).sum()) * (size - i) for i, (d, g) in enumerate(zip(demands, given, strict=True)))
    cost = sum(int((g * d.cost).sum()) + split_cost * int((g > 0).sum()) for d, g in zip(demands, given, strict=True))
    return [-int(g.sum()) for g in given], steps, cost


def best_of_all(demands, stock, split_cost):
    """The least value over every allocation there is."""
    places = [(i, j) for i, d in enumerate(demands) for j in range(len(d.stock))]
    given = [np.zeros(len(d.stock), dtype=np.int64) for d in demands]
    best = []

    def walk(at):
        if at == len(places):
            if stock.holds(demands, given):
                best[:] = [min([*best, value(demands, given, split_cost)])]
            return
        i, j = places[at]
        d = demands[i]
        most = min(d.units - int(given[i].sum()), int((stock.crisis if d.crisis else stock.ordinary)[d.stock[j]]))
        for units in range(most + 1):
            given[i][j] = units
            walk(at + 1)
        given[i][j] = 0

    walk(0)
    return best[0]


def small(chance):
    """A few requests over a few inventory rows that are likely to compete."""
    size = chance.randint(1, 4)
    ordinary = [chance.randint(0, 3) for _ in range(size)]
    crisis = (
        [n + chance.choice([0, 0, 1, 2]) for n in ordinary]
        if chance.random() < 0.7
        else [max(0, n - 1) for n in ordinary]
    )
    step_of = [chance.choice([0, 0, 1, 2]) if chance.random() < 0.4 else 0 for _ in range(size)]
    count = chance.randint(1, 4)
    urgent = chance.randint(0, count)
    demands = []
    for i in range(count):
        held = sorted((s for s in range(size) if chance.random() < 0.8), key=lambda s: step_of[s])
        costs = [chance.choice([0, 1000, 3000, 3000, chance.randint(0, 10_000)]) for _ in held]
        demands.append(
            Demand(
                chance.randint(1, 4),
                i < urgent,
                *(np.array(x, dtype=np.int64) for x in (held, [step_of[s] for s in held], costs)),
            )
        )
    return demands, Stock(np.array(ordinary), np.array(crisis)), chance.choice([0, 1000, 5000])


def check(demands, stock, split_cost):
    found = allocate(demands, stock, split_cost)
    assert all(found.proven)
    assert stock.holds(demands, found.given)
    assert all((g >= 0).all() and g.sum() <= d.units for g, d in zip(found.given, demands, strict=True))
    assert value(demands, found.given, split_cost) == best_of_all(demands, stock, split_cost)


@laws(150)
@given(st.randoms(use_true_random=False))
def test_no_allocation_fills_more_or_costs_less(chance):
    demands, stock, split_cost = small(chance)
    if sum(len(d.stock) for d in demands) <= 7:
        check(demands, stock, split_cost)


@pytest.mark.parametrize(
    ("few", "ways"), [(40, 1_000), (0, 1_000), (0, 0)], ids=["one program", "ways", "some candidates left out first"]
)
def test_a_thousand_small_contests(few, ways, monkeypatch):
    """The same whichever way leads there: the whole program, ways to serve each request, candidates in two rounds."""
    monkeypatch.setattr(contest, "_FEW", few)
    monkeypatch.setattr(contest, "_MOST_WAYS", (ways, ways))
    monkeypatch.setattr(contest, "_FIRST", 1)
    chance = random.Random(20251106 + few + ways)
    done = 0
    while done < 350:
        demands, stock, split_cost = small(chance)
        if 1 < sum(len(d.stock) for d in demands) <= 8:
            check(demands, stock, split_cost)
            done += 1


def test_out_of_effort_the_filling_holds_and_the_cost_is_not_called_proven(monkeypatch):
    monkeypatch.setitem(program.OPTIONS, "mip_max_nodes", 0)
    monkeypatch.setitem(program.OPTIONS, "presolve", "off")
    chance = np.random.default_rng(4)
    held, none = np.arange(12), np.zeros(12, dtype=np.int64)
    demands = [Demand(5, crisis=False, stock=held, step=none, cost=chance.integers(0, 10_000, 12)) for _ in range(6)]
    stock = Stock(*(np.full(12, 3),) * 2)
    found = allocate(demands, stock, 5000)
    assert stock.holds(demands, found.given)
    assert [int(g.sum()) for g in found.given] == [5, 5, 5, 5, 5, 5]


def test_a_solver_is_loaded_only_where_requests_compete():
    program = (
        "import sys, numpy as np\n"
        "from rules.allocation import Demand, Stock, allocate\n"
        "a = lambda *x: np.array(x, dtype=np.int64)\n"
        "one = Demand(2, False, a(0, 1), a(0, 0), a(10, 20))\n"
        "allocate([one, one], Stock(a(4, 1), a(4, 1)), 5000)\n"
        "print('highspy' in sys.modules)\n"
        "allocate([one, one], Stock(a(2, 2), a(2, 2)), 5000)\n"
        "print('highspy' in sys.modules)\n"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["False", "True"]


def test_a_large_request_alone_takes_no_time():
    rows_held = np.arange(60)
    demand = Demand(1_000_000, crisis=False, stock=rows_held, step=0 * rows_held, cost=100 * rows_held)
    supply = np.arange(60) * 1000 + 7
    [given_units] = allocate([demand], Stock(supply, supply), 5000).given
    assert given_units.sum() == min(1_000_000, supply.sum())


# --- laws over whole sheets ------------------------------------------------------------------------------------------

SHEETS = st.one_of(tables(), messy())
POLICIES = st.builds(
    Policy,
    alliance=st.sampled_from([Alliance(), Alliance(locale="en")]),
    inventory=st.builds(InventoryPolicy, safety_stock=st.integers(0, 2)),
    matching=st.builds(MatchingPolicy, p0_keep=st.integers(0, 2), split_cost=st.sampled_from([0, 0.5])),
)


@laws(40)
@given(SHEETS, POLICIES)
def test_what_is_proposed_can_be_given(sheet, policy):
    """Nobody gets more than asked, nothing is promised twice, and no lender, requester or key is out of place."""
    plan = decided(as_book(sheet), TODAY, policy)
    found = [dict(zip(FIELDS, row, strict=True)) for row in plan.rows["matches"]]
    queue = {row[1]: row for row in plan.rows["queue"]}
    assert len({(row["request_id"], row["lender"], row["supply_part"]) for row in found}) == len(found)
    taken, given_away = {}, {}
    for row in (row for row in found if row["lender"]):
        request_row = queue[row["request_id"]]
        assert row["lender"] != request_row[2]
        assert request_row[8] != "需先帮助他人"
        assert 0 <= row["allocated"] <= row["available"]
        taken[row["request_id"]] = taken.get(row["request_id"], 0) + row["allocated"]
        pair = row["lender"], row["supply_part"]
        given_away[pair] = given_away.get(pair, 0) + row["allocated"]
        assert all(row[name] is None or row[name] >= 0 for name in ("km", "hours"))
        assert row["risk"] in ("高", "中", "低")
        assert 1 <= row["stars"] <= 5
    assert all(units <= queue[key][4] for key, units in taken.items())
    most = {}
    for row in (row for row in found if row["lender"]):
        pair = row["lender"], row["supply_part"]
        most[pair] = max(most.get(pair, 0), row["available"])
    assert all(units <= most[pair] for pair, units in given_away.items())


@laws(30)
@given(SHEETS, POLICIES, st.randoms(use_true_random=False))
def test_row_order_does_not_matter(sheet, policy, chance):
    plans = [decided(as_book(one), TODAY, policy) for one in (sheet, moved_about(sheet, chance.shuffle))]
    assert plans[0].rows["matches"] == plans[1].rows["matches"]


@laws(20)
@given(tables(), st.sampled_from(["on_hand", "center"]))
def test_a_bad_inventory_row_changes_nothing_but_its_own_problems(sheet, broken):
    bad = {"center": "中心0", "part_no": "P-0", "on_hand": 3, broken: "坏"}
    kept = [row for row in sheet["inventory"] if (row["center"], row["part_no"]) != ("中心0", "P-0")]
    clean = decided(as_book({**sheet, "inventory": kept}), TODAY)
    spoilt = decided(as_book({**sheet, "inventory": [*kept, bad]}), TODAY)
    assert clean.rows["matches"] == spoilt.rows["matches"]
    row = len(kept) + 2
    assert list(clean.problems) == [p for p in spoilt.problems if (p.table, p.row) != ("inventory", row)]


@laws(30)
@given(SHEETS)
def test_stars_go_down_the_list_and_each_request_stands_together(sheet):
    found = [row for row in rows(as_book(sheet), as_of=TODAY) if row["lender"]]
    for one, other in pairwise(found):
        if one["request_id"] == other["request_id"]:
            assert one["stars"] > other["stars"] or one["stars"] == other["stars"] == 1
    order = list(dict.fromkeys(row["request_id"] for row in found))
    assert [key for key, _ in groupby(found, key=lambda row: row["request_id"])] == order

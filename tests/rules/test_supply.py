"""What a lender can give today, and how far it is. Rules, section 6."""

import math
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.cities import CITIES
from rules.distance import Distances, place_of
from rules.intake import intake
from rules.policy import InventoryPolicy, MatchingPolicy
from rules.schema import renamed
from rules.supply import supply
from tests.rules.sheets import ZONE, book, loan, member, taken_in
from tests.rules.strategies import TODAY, as_book, messy, tables
from tests.rules.test_laws import laws

COUNTED = "2025-11-01"


def stock(center="华东", on_hand=5, **cells):
    return {"center": center, "part_no": "P-1", "on_hand": on_hand, "updated_on": COUNTED, **cells}


def given_by(rows, loans=(), policy=InventoryPolicy(), p0_keep=0, as_of=TODAY):  # noqa: B008
    frames = intake(
        book(inventory=rows, loans=loans), renamed({}), ZONE, {("inventory", "safety_stock"): policy.safety_stock}
    ).frames
    return supply(frames["inventory"], frames["loans"], as_of, policy, p0_keep)


@pytest.mark.parametrize(
    ("cells", "left"),
    [
        ({"借出日期": "2025-10-31", "归还日期": "2025-11-01"}, 5),  # all of it before the count, or on its day
        ({"借出日期": "2025-11-01"}, 5),
        ({"借出日期": "2025-11-02"}, 3),
        ({"借出日期": "2025-11-02", "作废": "是"}, 5),
        ({"借出日期": "2025-11-02", "归还日期": "2025-11-05"}, 5),
        ({"借出日期": "2025-11-02", "已还数量": 1}, 4),
        ({"借出日期": "2025-10-20", "归还日期": "2025-11-02"}, 7),
        ({"借出日期": "2025-10-20", "归还日期": "2025-11-09"}, 5),  # not back yet
        ({"借出日期": "2025-10-20", "已还数量": 1}, 5),  # nobody knows whether it was counted
        ({"借出日期": "2025-10-20", "归还日期": "2025-11-02", "已还数量": 1}, 6),
        ({"借出日期": None}, 3),
        ({"借出日期": "2025-11-09"}, 3),
        ({"借出日期": "2025-11-02", "方案": "配件互换"}, 3),
        ({"借出日期": "2025-11-02", "配件编号": "P-2"}, 5),
        ({"借出日期": "2025-11-02", "出借方": "华中"}, 5),
    ],
)
def test_stock_is_rolled_forward_since_its_count(cells, left):
    assert given_by([stock()], [loan("L-1", 数量=2, **cells)]).ordinary.tolist() == [left]


def test_without_the_day_of_the_count_only_promises_are_taken_off():
    loans = [loan("L-1", 借出日期="2025-11-02"), loan("L-2", 借出日期=None)]
    found = given_by([stock(updated_on=None)], loans)
    assert (found.ordinary.tolist(), found.age.tolist(), found.stale.tolist()) == ([4], [-1], [False])


def test_safety_stock_is_kept_from_all_but_a_p0():
    found = given_by([stock(safety_stock=2), stock("华中"), stock("西北", 1)], policy=InventoryPolicy(safety_stock=3))
    assert found.ordinary.tolist() == [3, 2, 0]
    assert found.crisis.tolist() == [5, 5, 1]
    assert given_by([stock(safety_stock=2)], p0_keep=1).crisis.tolist() == [4]


def test_a_blank_safety_stock_is_the_alliances_and_a_zero_is_a_zero():
    rows = [stock(safety_stock=0), stock("华中", safety_stock=None)]
    assert given_by(rows, policy=InventoryPolicy(safety_stock=1)).ordinary.tolist() == [5, 4]


@pytest.mark.parametrize(("updated", "stale"), [("2025-10-30", False), ("2025-10-29", True), ("2025-11-07", False)])
def test_a_count_older_than_the_policy_is_stale(updated, stale):
    assert given_by([stock(updated_on=updated)]).stale.tolist() == [stale]


@pytest.mark.parametrize(("used", "dead"), [("2025-08-08", True), ("2025-08-09", False), (None, False)])
def test_unused_for_long_is_dead(used, dead):
    assert given_by([stock(last_used_on=used)]).dead.tolist() == [dead]


@laws(20)
@given(st.one_of(tables(), messy()), st.integers(0, 3))
def test_supply_is_never_negative_nor_above_what_is_there(rows, keep):
    frames = taken_in(as_book(rows)).frames
    found = supply(frames["inventory"], frames["loans"], TODAY, InventoryPolicy(), keep)
    safety = frames["inventory"]["safety_stock"].to_numpy()
    assert (found.ordinary >= 0).all()
    assert (found.ordinary <= np.maximum(found.on_hand - safety, 0)).all()
    assert (found.crisis <= found.on_hand).all()


# --- distance --------------------------------------------------------------------------------------------------------


def trips(members, routes=(), to=0, **policy):
    frames = taken_in(book(members=members, routes=routes)).frames
    distances = Distances(frames["members"], frames["routes"], MatchingPolicy(**policy))
    others = np.array([i for i in range(len(members)) if i != to])
    found = distances.to(to, others)
    return [
        (None if math.isnan(km) else km, None if math.isnan(h) else h, bool(e))
        for km, h, e in zip(found.km, found.hours, found.estimated, strict=True)
    ]


BEIJING, SHANGHAI = member("甲", 城市="北京市"), member("乙", 城市="上海")


def test_a_route_holds_in_both_directions_and_the_way_there_counts_most():
    one = [{"origin": "甲", "destination": "乙", "km": 1200}]
    assert trips([BEIJING, SHANGHAI], one) == [(1200, 24, False)]
    assert trips([BEIJING, SHANGHAI], one, to=1) == [(1200, 24, False)]
    both = [*one, {"origin": "乙", "destination": "甲", "km": 1300, "hours": 20}]
    assert trips([BEIJING, SHANGHAI], both) == [(1300, 20, False)]
    assert trips([BEIJING, SHANGHAI], both, to=1) == [(1200, 20, False)]


def test_without_a_route_the_way_is_estimated_and_says_so():
    [(km, hours, estimated)] = trips([BEIJING, SHANGHAI])
    assert (km, estimated) == (1336, True)  # 1,068 km straight, as GeoNames has them
    assert hours == round(km / 60 + 4, 1)
    assert trips([BEIJING, SHANGHAI], [{"origin": "甲", "destination": "乙", "hours": 30}]) == [(1336, 30, True)]
    assert trips([BEIJING, SHANGHAI], road_factor=1.0)[0][0] == pytest.approx(1068, abs=2)


def test_coordinates_come_before_the_city_when_both_are_there_and_on_the_globe():
    here = {"lat": 39.91, "lon": 116.40}
    assert trips([BEIJING, member("乙", 城市="上海", **here)]) == [(0, 4, True)]
    assert trips([BEIJING, member("乙", 城市="上海", lat=39.91)])[0][0] == 1336
    assert trips([BEIJING, member("乙", 城市="上海", lat=139.91, lon=116.4)])[0][0] == 1336


def test_a_region_in_a_centers_name_is_no_city():
    assert trips([BEIJING, member("华东-上海")]) == [(None, None, False)]
    assert trips([BEIJING, member("华东-上海")], [{"origin": "甲", "destination": "华东-上海", "km": 9}]) == [
        (9, 4.2, False)
    ]


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("北京", "北京"), ("北京市", "北京"), (" 西安 ", "西安"), ("乌鲁木齐市", "乌鲁木齐"), ("广东省深圳市", "深圳"),
        ("广西壮族自治区南宁市", "南宁"), ("阿克苏地区", "阿克苏"), ("吉林", "吉林"), ("吉林省吉林市", "吉林"), ("香港特别行政区", "香港"),
    ],
)  # fmt: skip
def test_cities_as_people_type_them(typed, name):
    assert place_of(typed) == CITIES[name]


@pytest.mark.parametrize("typed", ["", "火星", "华东-上海", "市", "省"])
def test_what_is_no_city_has_no_place(typed):
    assert place_of(typed) is None


def test_every_city_lies_in_china():
    assert len(CITIES) > 330
    assert all(18 < lat < 54 and 73 < lon < 135 for lat, lon in CITIES.values())
    assert date(2025, 11, 6) == TODAY

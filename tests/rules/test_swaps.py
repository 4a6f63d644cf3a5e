"""Rings of two and three centers. Rules, section 6."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from rules.swaps import Gift, Gifts
from tests.rules.test_laws import laws

PAIRS = st.lists(st.sampled_from(list(permutations("ABCDE", 2))), unique=True)


def gifts(pairs):
    made = Gifts()
    for a, b in pairs:
        made.offer(Gift(a, b, f"R-{b}", f"P-{a}{b}", 1))
    return made


def ways(ring):
    return [(gift.giver, gift.taker) for gift in ring]


@laws(60)
@given(PAIRS)
def test_every_ring_is_listed_once(pairs):
    edges = set(pairs)
    wanted = {
        frozenset(ring)
        for size in (2, 3)
        for centers in permutations("ABCDE", size)
        if (ring := set(zip(centers, (*centers[1:], centers[0]), strict=True))) <= edges
    }
    found = [frozenset(ways(ring)) for ring in gifts(pairs).rings()]
    assert len(found) == len(set(found))
    assert set(found) == wanted


@laws(60)
@given(PAIRS, st.randoms(use_true_random=False))
def test_a_ring_nets_to_zero_and_does_not_depend_on_order(pairs, chance):
    for ring in gifts(pairs).rings():
        assert sorted(gift.giver for gift in ring) == sorted(gift.taker for gift in ring)
    moved = list(pairs)
    chance.shuffle(moved)
    assert [ways(ring) for ring in gifts(moved).rings()] == [ways(ring) for ring in gifts(pairs).rings()]


@laws(60)
@given(PAIRS)
def test_the_ring_with_a_lender_is_a_shortest_one(pairs):
    made = gifts(pairs)
    every = [ways(ring) for ring in made.rings()]
    for pair in permutations("ABCDE", 2):
        holding = [ring for ring in every if pair in ring]
        found = made.ring_with(*pair)
        assert bool(found) == bool(holding)
        if found:
            assert ways(found)[0] == pair
            assert len(found) == min(map(len, holding))


def test_the_first_gift_in_queue_order_counts():
    made = gifts([])
    made.offer(Gift("A", "B", "R-1", "P-1", 1))
    made.offer(Gift("A", "B", "R-2", "P-2", 1))
    made.offer(Gift("B", "A", "R-3", "P-3", 1))
    assert [gift.request_id for gift in made.ring_with("A", "B")] == ["R-1", "R-3"]

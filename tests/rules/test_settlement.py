"""Who pays whom how much: the borrower owes freight and damage. The agreement's 成本分摊."""

from collections import defaultdict
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.ladder import loan_states
from rules.ledger import effective
from rules.policy import LoansPolicy, OverduePolicy
from rules.settlement import rows_of
from tests.rules.sheets import book, decided, loan, part, taken_in
from tests.rules.strategies import TODAY, as_book, messy, tables
from tests.rules.test_laws import laws

AS_OF = "2025-11-06"


def settled(*loans, **tables):
    return decided(book(loans=loans, **tables), AS_OF).rows["settlement"]


def test_the_borrower_pays_freight_and_damage():
    [row] = settled(loan("L-1", 数量=3, 运费="86.5", 损坏数量=2))
    assert row == ("2025-10", "华北", "华东", 1, Decimal("86.5"), 24000, 0, Decimal("24086.5"))


@pytest.mark.parametrize(
    "cells",
    [
        {"运费": 0},
        {"运费": 80, "作废": "是"},
        {"运费": 80, "借出日期": None},
        {"运费": 80, "借出日期": "2025-11-07"},
        {"损坏数量": 1, "赔偿日期": "2025-11-06"},
        {"损坏数量": 1, "配件编号": "P-0"},
    ],
)
def test_what_costs_nothing_or_is_paid_is_not_listed(cells):
    assert settled(loan("L-1", **cells), parts=[part("P-1"), part("P-0", 单价=None)]) == []


def test_damage_is_owed_until_the_day_it_is_paid():
    [row] = settled(loan("L-1", 损坏数量=1, 赔偿日期="2025-11-07"))
    assert row[5] == 12000


def test_freight_stays_when_the_damage_is_paid_and_when_parts_are_swapped():
    loans = [loan("L-1", 运费=60, 损坏数量=1, 赔偿日期="2025-11-01"), loan("L-2", 运费=40, 方案="配件互换")]
    [row] = settled(*loans)
    assert row[3:6] == (2, 100, 0)


@pytest.mark.parametrize(
    ("there", "back", "row"),
    [
        (90, 40, ("华北", "华东", 2, 90, 0, 40, 50)),
        (40, 90, ("华东", "华北", 2, 90, 0, 40, 50)),
        (90, 90, ("华东", "华北", 2, 90, 0, 90, 0)),  # by name; money is due both ways
    ],
)
def test_what_two_owe_each_other_in_a_month_is_set_off(there, back, row):
    loans = [loan("L-1", 运费=there), loan("L-2", "华北", "华东", 借出日期="2025-10-02", 运费=back)]
    assert settled(*loans) == [("2025-10", *row)]


def test_months_are_apart_and_the_latest_comes_first():
    loans = [
        loan("L-1", 运费=1, 借出日期="2025-09-30"), loan("L-2", 运费=2, 借出日期="2025-10-01"),
        loan("L-3", "华中", 运费=3), loan("L-4", "华北", "华中", 运费=9, 借出日期="2024-12-31"),
    ]  # fmt: skip
    assert [(*row[:3], row[7]) for row in settled(*loans)] == [
        ("2025-10", "华北", "华东", 2), ("2025-10", "华北", "华中", 3), ("2025-09", "华北", "华东", 1), ("2024-12", "华中", "华北", 9),
    ]  # fmt: skip


@pytest.mark.parametrize("freight", ["0.1", "33.335", "100000000000000000.01"])
def test_money_is_exact(freight):
    loans = [loan(f"L-{n}", 运费=freight) for n in range(3)]
    assert settled(*loans)[0][7] == 3 * Decimal(freight)


@laws(40)
@given(st.one_of(tables(), messy()))
def test_all_nets_of_a_member_are_what_it_is_owed_less_what_it_owes(rows):
    frames = taken_in(as_book(rows)).frames
    loans = frames["loans"]
    prices = dict(zip(frames["parts"]["part_no"], frames["parts"]["unit_value"], strict=True))
    nets, gross = defaultdict(Decimal), defaultdict(Decimal)
    found = rows_of(loan_states(loans, TODAY, LoansPolicy(), OverduePolicy()), prices)
    for _, payer, payee, count, freight, damage, offset, net in found:
        assert net == freight + damage - offset
        assert net >= 0
        assert count > 0
        nets[payer] -= net
        nets[payee] += net
    for line in loans[np.array(effective(loans, TODAY))].itertuples():
        unpaid = pd.isna(line.compensated_on) or line.compensated_on.date() > TODAY
        cost = (line.freight or 0) + (prices[line.part_no] or 0) * line.damaged_qty * unpaid
        gross[line.borrower] -= cost
        gross[line.lender] += cost
    assert {center: net for center, net in nets.items() if net} == {c: owed for c, owed in gross.items() if owed}
    assert len({row[:3] for row in found}) == len(found)

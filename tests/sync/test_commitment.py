"""The written commitment for one loan: what it promises, and that it can be printed."""

import re
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.commitment import Commitment, commitment
from rules.ladder import loan_states
from rules.policy import LoansPolicy, Policy
from rules.words import Words
from rules.workdays import Workdays
from sync.commitment import rendered
from sync.errors import SetupError
from sync.wording import one_line
from tests.rules.sheets import POLICY, book, loan, part, taken_in
from tests.sync.letters import HOSTILE, Parsed, as_golden, filled, golden

AS_OF = date(2025, 10, 23)


def found(loan_id: str = "L-1", policy: Policy = POLICY, price: object = 12000, **cells: object) -> Commitment | None:
    """The commitment for a loan of two screens with *cells*."""
    sheet = book(parts=[part("P-1", 单价=price)], loans=[loan("L-0"), loan("L-1", **{"数量": 2, **cells})])
    frames = taken_in(sheet).frames
    return commitment(frames, loan_states(frames["loans"], AS_OF, policy.loans, policy.overdue), loan_id, policy)


def worded(locale: str = "zh", **cells: object) -> str:
    return rendered(found(**cells), "互助联盟", locale, AS_OF).text


def test_its_facts_are_those_of_the_sheet():
    facts = found(运费=35, 保价金额=24000, 快递单号="SF123", 已还数量=1)
    assert (facts.loan_id, facts.part_no, facts.part_name, facts.plan) == ("L-1", "P-1", "中控大屏", "先借后还")
    assert (facts.qty, facts.outstanding) == (2, 1)
    assert (facts.unit_value, facts.full_price) == (Decimal(12000), Decimal(24000))
    assert (facts.freight, facts.insured_value, facts.tracking_no) == (Decimal(35), Decimal(24000), "SF123")
    assert (facts.lender.center, facts.borrower.center, facts.lender.manager) == ("华东", "华北", "华东经理")
    assert facts.recall_days == POLICY.loans.recall_days


@pytest.mark.parametrize(("locale", "said"), [("zh", "2025-11-06（节假期）"), ("en", "2025-11-06 (a holiday: Feast)")])
def test_it_says_that_the_due_date_is_a_holiday(locale, said):
    frames = taken_in(book(loans=[loan("L-1")])).frames
    feast = Workdays(off={date(2025, 11, 6): Words("节", "Feast")})
    states = loan_states(frames["loans"], AS_OF, POLICY.loans, POLICY.overdue, feast)
    text = rendered(commitment(frames, states, "L-1", POLICY), "互助联盟", locale, AS_OF).text
    assert said in text
    assert "节" not in worded(locale)


@pytest.mark.parametrize("loan_id", ["L-9", "", "l-1"])
def test_there_is_none_for_a_loan_nobody_knows(loan_id):
    assert found(loan_id) is None


def test_there_is_none_for_a_cancelled_loan():
    assert found(作废="是") is None


@pytest.mark.parametrize(
    ("cells", "lent_on", "due", "term", "says"),
    [
        ({}, date(2025, 10, 23), date(2025, 11, 6), 14, "自 2025-10-23 起 14 天，最迟 2025-11-06 归还"),
        ({"到期日期": "2025-11-20"}, date(2025, 10, 23), date(2025, 11, 20), 28, "起 28 天，最迟 2025-11-20 归还"),
        ({"借出日期": "", "到期日期": "2025-11-20"}, None, date(2025, 11, 20), 14, "期限：最迟 2025-11-20 归还"),
        ({"借出日期": ""}, None, None, 14, "自发出之日起 14 天内归还"),
    ],
)
def test_the_term_is_what_was_agreed_or_counts_from_shipping(cells, lent_on, due, term, says):
    facts = found(**cells)
    assert (facts.lent_on, facts.due, facts.term_days) == (lent_on, due, term)
    assert says in worded(**cells)


SAYS = (
    ({}, "配件始终归 华东 所有", "不再归还"),
    ({}, "每个 ¥12,000.00，2 个共 ¥24,000.00", "单价未填"),
    ({}, "全部损失由 华北 承担", "打包人工"),
    ({}, "接到通知后 24 小时内归还", "当天"),
    ({}, "快递费和保险费由 华北 承担", "运费："),
    ({"policy": Policy(loans=LoansPolicy(recall_days=0))}, "接到通知后当天归还", "小时"),
    ({"price": ""}, "单价未填，签字前请写明", "¥"),
    ({"方案": "成本补偿"}, "包装费和打包人工都由 华北 承担", "不再归还"),
    ({"方案": "配件互换"}, "不是借用。收到的配件归 华北 所有，不再归还", "应还日期"),
    ({"运费": 35, "保价金额": 24000, "快递单号": "SF123"}, "运费：¥35.00", "待发出"),
    ({"已还数量": 1}, "2 个（已还 1 个）", ""),
)


@pytest.mark.parametrize(("cells", "says", "never"), SAYS)
def test_it_promises(cells, says, never):
    text = worded(**cells)
    assert says in text
    assert not never or never not in text


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_it_reads_like_this(locale):
    page = rendered(found(运费=35, 保价金额=24000, 快递单号="SF123"), "互助联盟", locale, AS_OF)
    golden(f"commitment.{locale}.txt", as_golden(page))


def test_the_page_fetches_nothing():
    html = rendered(found(), "互助联盟", "zh", AS_OF).html
    assert not re.search(r"https?:|src=|<link|<script|<style|@import|url\(", html)


@pytest.mark.parametrize("locale", ["zh", "en"])
@pytest.mark.parametrize("plan", ["先借后还", "配件互换", "成本补偿"])
def test_the_page_says_what_the_text_says(plan, locale):
    page = rendered(found(方案=plan, 运费=35), "互助联盟", locale, AS_OF)
    shown = re.sub(r"\W", "", "".join(Parsed(page.html).text))
    said = [re.sub(r"\W|_|^\d+\.", "", line) for line in page.text.splitlines()]
    assert [line for line in said if line not in shown] == []


@given(text=HOSTILE, locale=st.sampled_from(["zh", "en"]))
@settings(deadline=None, max_examples=60)
def test_text_from_the_sheet_stays_text(text, locale):
    text = f"x{text}x"
    hostile, plain = (rendered(filled(found(), each), each, locale, AS_OF) for each in (text, "x"))
    assert Parsed(hostile.html).tags == Parsed(plain.html).tags
    assert one_line(text) in "".join(Parsed(hostile.html).text)
    assert len(hostile.text.splitlines()) == len(plain.text.splitlines())


def test_the_alliances_own_words_go_first_and_a_mistake_in_them_is_named(tmp_path):
    (tmp_path / "letter").mkdir()
    words = tmp_path / "letter" / "commitment.txt.j2"
    words.write_text("{{ item.loan_id }}", encoding="utf-8")
    assert rendered(found(), "联盟", "zh", AS_OF, tmp_path).text == "L-1\n"
    words.write_text("{{ item.nothing }}", encoding="utf-8")
    with pytest.raises(SetupError, match="templates/letter"):
        rendered(found(), "联盟", "zh", AS_OF, tmp_path)

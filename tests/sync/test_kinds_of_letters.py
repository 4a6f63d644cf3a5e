"""What each kind of letter besides the reminders says, and what it must not say."""

import re
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.items import Several
from rules.policy import MAIL_KINDS
from sync.wording import BODY_LIMIT, LISTED, Wording
from tests.sync.letters import (
    ARRIVED,
    ASK,
    BEIJING,
    CALM,
    CLOSED,
    DAY,
    DIGEST,
    DUE,
    EVERY,
    MOVED,
    NEWCOMER,
    PETITION,
    QUIET,
    RECALLED,
    RECEIVED,
    REOPENED,
    RESULT,
    SHANGHAI,
    STATEMENT,
    SWAPPED,
    TIANJIN,
    WEEK_TWO,
    WORDING,
    as_golden,
    filled,
    golden,
    letter,
)

LETTERS = (
    ("ask", (ASK, SWAPPED), DAY),
    ("result", (RESULT,), DAY),
    ("petition", (PETITION,), DAY),
    ("thanks", (RECEIVED, WEEK_TWO), date(2025, 11, 4)),
    ("arrived", (ARRIVED,), date(2025, 11, 4)),
    ("recall", (RECALLED,), date(2025, 10, 30)),
    ("statement", (STATEMENT, QUIET), DUE),
    ("moved", (MOVED, REOPENED), date(2025, 11, 3)),
    ("returned", (CLOSED,), date(2025, 11, 18)),
    ("digest", (DIGEST,), DUE),
)


def said(item, as_of: date = DAY, locale: str = "zh") -> str:
    return WORDING.render(letter(item, locale=locale), as_of).text


@pytest.mark.parametrize("locale", ["zh", "en"])
@pytest.mark.parametrize(("name", "items", "as_of"), LETTERS, ids=[name for name, _, _ in LETTERS])
def test_each_kind_reads_like_this(name, items, as_of, locale):
    greeting = {"petition": "", "digest": "", "result": BEIJING.manager, "arrived": BEIJING.manager}
    greeting |= dict.fromkeys(("moved", "returned", "recall"), BEIJING.manager)
    mail = letter(*items, locale=locale, greeting=greeting.get(name, SHANGHAI.manager))
    reply_to = {"ask": BEIJING.email, "thanks": BEIJING.email, "result": "", "petition": ""}
    rendered = WORDING.render(replace(mail, reply_to=reply_to.get(name, SHANGHAI.email)), as_of)
    golden(f"{name}.{locale}.txt", as_golden(rendered))


def test_every_kind_of_mail_has_an_item_here():
    assert set(EVERY) == set(MAIL_KINDS)


VARIANTS = (
    *(item for _, items, _ in LETTERS for item in items),
    replace(ASK, level="P1", terms=replace(ASK.terms, plan="成本补偿", unit_value=None, recall_days=0)),
    replace(RESULT, level="P2", missing=0, next_ones=(), other_ways=(), declined=()),
    replace(RESULT, level="P1", missing=4, offers=(), next_ones=(), needed_by=None),
    replace(RESULT, missing=4, offers=()),
    replace(WEEK_TWO, due=DAY - timedelta(3), received_on=None),
    replace(ARRIVED, stock=1, stock_on=None),
    replace(RECALLED, due=DAY - timedelta(1), recall_on=None),
    replace(MOVED, recall_on=DAY, told=DUE + timedelta(30)),
    replace(CLOSED, state="已赔偿", lent_on=None),
    replace(CLOSED, state="已互换", closed_on=None),
    replace(CLOSED, state="作废", qty=1),
    replace(STATEMENT, stale=replace(STATEMENT.stale, total=90), dead=replace(STATEMENT.dead, total=90)),
    CALM,
    replace(DIGEST, crises=replace(DIGEST.crises, total=90), overdue=replace(DIGEST.overdue, total=90)),
)


@pytest.mark.parametrize("item", VARIANTS)
def test_an_english_letter_has_no_chinese_sentence(item):
    """Only names in the sheet, in quotation marks, and words to be entered there, in brackets, stay as they are."""
    rendered = Wording("Alliance", "").render(letter(filled(item, "x"), locale="en", greeting="x"), DAY)
    rest = re.sub(r'"[^"]*"|\([^)]*\)', "", f"{rendered.subject}\n{rendered.text}")
    assert re.findall(r"[\u3000-\uffef]+", rest) == []


@pytest.mark.parametrize("item", VARIANTS)
def test_a_chinese_letter_has_no_english_sentence(item):
    rendered = Wording("联盟", "").render(letter(filled(item, "x"), greeting="x"), DAY)
    rest = re.sub(r"\S+@\S+", "", f"{rendered.subject}\n{rendered.text}")
    assert re.findall(r"[a-z]{3,}", rest, flags=re.IGNORECASE) == []


SAYS = (
    ("a crisis is supported unconditionally", ASK, "无条件支持", "婉拒即可"),
    ("who is asked for less may decline", replace(ASK, level="P1"), "不方便也没有关系", "无条件支持"),
    ("a loan is promised back in its term", ASK, "发出后 14 天内归还", "不用归还"),
    ("a swap is not promised back", SWAPPED, "双方都不用归还", "天内归还"),
    ("a swap says what the lender gets", SWAPPED, "换得：前悬挂摆臂 P-003 2 个", ""),
    ("a recall counts in hours", replace(ASK, terms=replace(ASK.terms, recall_days=2)), "48 小时内归还", ""),
    ("a recall may mean the same day", replace(ASK, terms=replace(ASK.terms, recall_days=0)), "当天归还", "0 小时"),
    ("the full price is stated", ASK, "每个 ¥12,000.00，2 个共 ¥24,000.00", "单价未填"),
    ("a price unknown is said", replace(ASK, terms=replace(ASK.terms, unit_value=None)), "单价未填", "¥"),
    ("whoever asks for costs is paid them", replace(ASK, terms=replace(ASK.terms, plan="成本补偿")), "打包人工都由求助方", ""),
    ("a record is shown in figures", ASK, "借过 6 次，已结清 5 次，按时 5 次，现在逾期 0 笔，信用级 A", "新成员"),
    ("a newcomer is said to be new", replace(ASK, record=NEWCOMER), "新成员，还没有借过；建议一次不超过 1 个", "按时"),
    ("an overdue borrower has no limit", replace(ASK, record=replace(ASK.record, limit=0)), "暂不借出，P0 除外", ""),
    ("an estimate is labelled", ASK, "约 1213 公里、24.2 小时（估算）", ""),
    ("a known way is not", replace(ASK, estimated=False), "约 1213 公里、24.2 小时", "估算"),
    ("a substitute says for what", SWAPPED, "中控大屏 MCU3（P-009），可替代所求的 P-001", ""),
    ("an endorser can be asked", ASK, "引荐人：华东-杭州 李强 13600002222", ""),
    ("nobody is invented to endorse", SWAPPED, "路程：未知", "引荐人"),
    ("a crisis has 48 hours", RESULT, "H+4：", "登记："),
    ("what presses less has none", replace(RESULT, level="P1"), "登记：", "H+4"),
    ("nothing found has nothing to agree on", replace(RESULT, offers=(), next_ones=(), missing=4), "没有找到", "H+2"),
    ("what is missing is said", RESULT, "还缺 1 个，可以这样补", "都有了着落"),
    ("nothing missing", replace(RESULT, missing=0, other_ways=()), "都有了着落", "还缺"),
    ("a substitute offered is named", RESULT, "1 个替代件 P-009", "替代件 P-001"),
    ("headquarters learns who waits longest", PETITION, "等得最久的客户已等 26 天", BEIJING.phone),
    ("a customer who does not wait is not counted", replace(PETITION, needs=PETITION.needs[1:]), "已等 9 天", "P0"),
    ("on the shelf", replace(ARRIVED, stock=1, stock_on=None), "请先还给 华东-上海 1 个", "到货再还"),
    ("an extension is said to be one", MOVED, "由 2025-11-06 改为 2025-11-20（已登记延期）", "召回"),
    ("a recall that brings the day forward", replace(MOVED, due=DUE, told=date(2025, 11, 20), recall_on=DAY), "（出借方要收回，召回日期 2025-10-23）", "延期）"),
    ("any other change says no reason", replace(MOVED, extended_to=None), "改为 2025-11-20，", "（已登记延期）"),
    ("a day that has passed already", replace(MOVED, due=DAY - timedelta(2)), "请立即归还：应还日期由", "请按新的日期"),
    ("a loan that is out after all", REOPENED, "请安排归还：按共享表现在的记录，这笔借调还没有还清", "改为"),
    ("who was on time hears it", CLOSED, "没有过期", "逾期"),
    ("who was late is thanked too", replace(CLOSED, closed_on=date(2025, 11, 21)), "全部还清。谢谢您", "没有过期"),
    ("what was paid for was not returned", replace(CLOSED, state="已赔偿"), "已按约赔偿", "还清"),
    ("what is swapped stays", replace(CLOSED, state="已互换"), "不用归还", "还清"),
    ("what is cancelled needs no return", replace(CLOSED, state="作废"), "已作废，不用归还", "还清"),
    ("an entry is explained", MOVED, "打开它，应还日期就记入日历", "去掉"),
    ("an entry that goes is explained", CLOSED, "从日历里去掉", "记入"),
    ("on its day", ARRIVED, "于 2025-11-04 到货", "更正“在库数量”"),
)  # fmt: skip


@pytest.mark.parametrize(("item", "says", "never"), [case[1:] for case in SAYS], ids=[case[0] for case in SAYS])
def test_a_letter_says(item, says, never):
    text = said(item)
    assert says in text
    assert not never or never not in text


@pytest.mark.parametrize(
    ("as_of", "says"),
    [
        (date(2025, 10, 30), "请按当初的承诺在 24 小时内归还：这批配件1天后(2025-10-31)到期"),
        (date(2025, 10, 31), "请按当初的承诺今天归还：这批配件今天(2025-10-31)到期"),
        (date(2025, 11, 1), "请立即归还：这批配件已于 2025-10-31 到期，逾期1天"),
    ],
)
def test_a_recall_says_how_long_there_still_is(as_of, says):
    """Counted from the day it leaves, like every reminder."""
    assert says in said(RECALLED, as_of)


def test_a_center_that_lacks_twice_signs_once():
    text = said(replace(PETITION, needs=(*PETITION.needs, PETITION.needs[0])))
    assert "2 家服务中心" in text
    assert text.count(f"{BEIJING.center} {BEIJING.manager}") == 1
    assert text.count(f"{TIANJIN.center} {TIANJIN.manager}") == 1


MANY = 300
LONG = (
    replace(RESULT, offers=RESULT.offers * MANY),
    replace(RESULT, next_ones=RESULT.next_ones * MANY),
    replace(RESULT, other_ways=RESULT.other_ways * MANY),
    replace(RESULT, declined=RESULT.declined * MANY),
    replace(PETITION, needs=PETITION.needs * MANY),
    replace(STATEMENT, borrowed=STATEMENT.borrowed * MANY),
    replace(STATEMENT, lent=STATEMENT.lent * MANY),
    replace(STATEMENT, requests=STATEMENT.requests * MANY),
    replace(STATEMENT, stale=Several(MANY, STATEMENT.stale.top * LISTED)),
    replace(STATEMENT, dead=Several(MANY, STATEMENT.dead.top)),
    replace(DIGEST, crises=Several(MANY, DIGEST.crises.top * LISTED)),
    replace(DIGEST, overdue=Several(MANY, DIGEST.overdue.top * LISTED)),
    replace(DIGEST, helped=Several(MANY, DIGEST.helped.top)),
)


@pytest.mark.parametrize("item", LONG)
@pytest.mark.parametrize("locale", ["zh", "en"])
@pytest.mark.parametrize("text", ["", "𠀀" * 300])
def test_a_long_list_in_one_item_is_cut_and_counted(item, locale, text):
    item = filled(item, text) if text else item
    rendered = WORDING.render(letter(item, locale=locale), DAY)
    assert len(rendered.text.encode("utf-16-le")) // 2 <= BODY_LIMIT
    assert len(rendered.text.splitlines()) < LISTED * 3
    assert re.search(r"另有 \d+ 项|\d+ more|等 \d+ 家", rendered.text)


@given(
    name=st.text(min_size=1), kind=st.sampled_from(sorted(EVERY)), count=st.sampled_from([1, 2, 25]), units=st.integers(1, 9999)
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_a_subject_fits_a_phone_whatever_the_names(name, kind, count, units):
    item = filled(EVERY[kind], name * 30)
    figures = {"units", "outstanding", "wanted", "missing"} & set(type(item).__slots__)
    item = replace(item, **dict.fromkeys(figures, units))
    subject = WORDING.render(letter(*[item] * count), DUE).subject
    assert 0 < len(subject) <= 40
    assert subject.startswith("【")
    assert (str(count) in subject) or count == 1


@pytest.mark.parametrize(
    "kind", ["ask", "result", "thanks", "arrived", "recall", "moved", "returned", "statement", "digest"]
)
def test_kinds_of_one_build_share_a_layout(kind, tmp_path):
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "items.txt.j2").write_text("{{ say.title(items[0]) }}", encoding="utf-8")
    rendered = Wording("联盟", "", tmp_path).render(letter(EVERY[kind]), DAY)
    assert rendered.text.count("\n") == 1
    assert rendered.text.strip() in said(EVERY[kind])

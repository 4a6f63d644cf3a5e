"""What a letter says, and what text from the sheet can never do to it."""

import email
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rules.items import Notice, Reminder
from rules.ladder import STAGES
from rules.letters import Letter
from rules.values import Mail
from rules.words import Words
from sync.errors import MailError, SetupError
from sync.shipped import shipped
from sync.wording import BODY_LIMIT, FIELD_LIMIT, LISTED, Attachment, Rendered, Wording, cut, money, one_line
from tests.sync.letters import (
    DUE,
    ERROR,
    EVERY,
    HELD,
    HOSTILE,
    SCREEN,
    SHANGHAI,
    WARNING,
    WORDING,
    WUHAN,
    Parsed,
    as_golden,
    filled,
    golden,
    letter,
)

AT = datetime(2025, 11, 6, 1, 7, tzinfo=UTC)
RUNGS = (
    ("prepare", -7, "friendly", -3),
    ("friendly", -3, "formal", 0),
    ("formal", 0, "escalate", 3),
    ("escalate", 3, "compensate", 7),
    ("compensate", 7, "", None),
)
CRISIS = {
    "zh": Notice("d", "p0", "R-001 · 华北-北京 需要", "Model Y 中控大屏（P-001）2 个", "媒体客户，客户已等 26 天", ""),
    "en": Notice(
        "d",
        "p0",
        "R-001 · 华北-北京 needs",
        "2 × Model Y 中控大屏 (P-001)",
        "媒体 customer, customer waiting 26 days",
        "",
    ),
}
LATE = {
    "zh": Notice("e", "late", "L-2025-001 · 华北-北京 应还 华东-上海", "动力电池模组（P-002）1 个", "2025-11-03 到期，已逾期 3 天", ""),
    "en": Notice("e", "late", "L-2025-001 · 华北-北京 owes 华东-上海", "1 × 动力电池模组 (P-002)", "due 2025-11-03, 3 days overdue", ""),
}  # fmt: skip


def rung(stage: str, days: int, next_stage: str, next_offset: int | None, item: Reminder = SCREEN) -> Reminder:
    next_on = None if next_offset is None else item.due + timedelta(next_offset)
    return replace(item, stage=stage, days=days, next_stage=next_stage, next_on=next_on)


def row(of: Letter, rendered: Rendered) -> Mail:
    return Mail(of.mail_id, DUE, of.to, of.cc, rendered.subject, rendered.text, of.keys)


def message(rendered: Rendered, *, reply_to: str = SHANGHAI.email, wording: Wording = WORDING, **fields: object):
    mail = replace(row(letter(SCREEN), rendered), **fields)
    return wording.message(rendered, mail, reply_to=reply_to, at=AT)


@pytest.mark.parametrize("locale", ["zh", "en"])
@pytest.mark.parametrize(("stage", "days", "next_stage", "offset"), RUNGS)
def test_each_rung_has_its_letter(stage, days, next_stage, offset, locale):
    item = rung(stage, days, next_stage, offset)
    golden(
        f"overdue.{stage}.{locale}.txt", as_golden(WORDING.render(letter(item, locale=locale), DUE + timedelta(days)))
    )


AT_FEAST = replace(SCREEN, holiday=Words("国庆节", "National Day"), last_workday=DUE - timedelta(6))


@pytest.mark.parametrize("locale", ["zh", "en"])
@pytest.mark.parametrize(
    ("stage", "days", "said"),
    [
        ("prepare", -7, {"zh": "请最迟在 2025-10-31（节前最后一个工作日）归还，或与出借方", "en": "by 2025-10-31, the last workday before"}),
        ("prepare", -6, {"zh": "请最迟在 2025-10-31（节前最后一个工作日）归还，或与出借方", "en": "by 2025-10-31, the last workday before"}),
        ("friendly", -3, {"zh": "是国庆节假期，请与出借方商定", "en": "(National Day); please agree on a day with the lender\n"}),
        ("formal", 0, {"zh": "是国庆节假期，请与出借方商定", "en": "(National Day); please agree on a day with the lender\n"}),
        ("formal", 2, {"zh": "是国庆节假期\n", "en": "(National Day)\n"}),
        ("compensate", 7, {"zh": "是国庆节假期\n", "en": "(National Day)\n"}),
    ],
)  # fmt: skip
def test_a_due_date_on_a_holiday_is_said_with_what_can_still_be_done(stage, days, said, locale):
    rendered = WORDING.render(letter(replace(AT_FEAST, stage=stage), locale=locale), DUE + timedelta(days))
    assert said[locale] in rendered.text
    assert {"zh": "国庆节", "en": "National Day"}[locale] in rendered.html


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_the_letter_before_a_holiday(locale):
    item = rung("prepare", -7, "friendly", -3, AT_FEAST)
    golden(f"overdue.holiday.{locale}.txt", as_golden(WORDING.render(letter(item, locale=locale), DUE - timedelta(7))))


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_called_the_same_in_the_letter_and_in_the_sheet(stage):
    subject = WORDING.render(letter(replace(SCREEN, stage=stage)), DUE).subject
    assert subject.startswith(f"【{STAGES[stage].zh}】")


def test_a_digest_lists_each_loan_completely_the_most_severe_first():
    items = (
        rung("compensate", 7, "", None),
        rung("escalate", 3, "compensate", 7, replace(SCREEN, loan_id="L-2025-014", due=DUE + timedelta(4), lender=WUHAN, claim=None, part_no="P-002", part_name="动力电池模组")),
        rung("friendly", -3, "formal", 0, replace(SCREEN, loan_id="L-2025-020", due=DUE + timedelta(10), part_no="P-003", part_name="前悬挂摆臂", outstanding=1)),
    )  # fmt: skip
    rendered = WORDING.render(letter(*items), DUE + timedelta(7))
    golden("overdue.digest.zh.txt", as_golden(rendered))


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_the_coordinator_reads_what_to_mend_and_how(locale):
    rendered = WORDING.render(letter(ERROR, WARNING, HELD, locale=locale, greeting=""), DUE)
    golden(f"problems.{locale}.txt", as_golden(rendered))


def message_to_group(*items: Notice, locale: str = "zh") -> Letter:
    return replace(letter(*items, locale=locale), kind="group", to="飞书群", cc=(), reply_to="", greeting="")


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_the_group_reads_who_needs_what_and_who_owes_what(locale):
    rest = Notice("f", "warning", "共享表", "", {"zh": "还有 5 项", "en": "5 more"}[locale], "")
    items = (CRISIS[locale], replace(CRISIS[locale], key="g"), LATE[locale], rest)
    rendered = WORDING.render(message_to_group(*items, locale=locale), DUE)
    golden(f"group.{locale}.txt", as_golden(rendered))
    assert rendered.html == ""


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_a_group_message_says_in_its_title_how_many_of_each(locale):
    items = [CRISIS[locale]] * 2 + [LATE[locale]] * 13
    subject = WORDING.render(message_to_group(*items, locale=locale), DUE).subject
    assert re.findall(r"(?<!P)\d+", subject) == ["2", "13"]


def test_a_long_group_message_says_how_much_more_there_is():
    text = WORDING.render(message_to_group(*[LATE["zh"]] * 200), DUE).text
    assert f"另有 {200 - LISTED} 项" in text


def test_what_stops_the_rules_or_the_mail_stands_before_what_does_not():
    """Whatever the order of the rows: a heading stands once, and a long list of warnings hides no error."""
    text = WORDING.render(letter(WARNING, HELD, WARNING, ERROR), DUE).text
    assert re.findall(r"^== (..)", text, flags=re.MULTILINE) == ["错误", "待人", "警告"]


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_both_bodies_state_the_same_facts(locale):
    """A person whose program shows only one of the two misses nothing."""
    for item in (*EVERY.values(), rung("compensate", 7, "", None), AT_FEAST, HELD):
        rendered = WORDING.render(letter(item, locale=locale), DUE + timedelta(7 if item is not SCREEN else 0))
        words = re.sub(r"\W", "", "".join(Parsed(rendered.html).text))
        facts = [line for line in rendered.text.splitlines() if line.strip() and line != "--"]
        said = (re.sub(r"^ *(\d+[.)] |- )|^\[.*?\]", "", line) for line in facts if not line.startswith("["))
        lost = [line for line in said if re.sub(r"\W", "", line) not in words]
        assert lost == []


@pytest.mark.parametrize("locale", ["zh", "en"])
@pytest.mark.parametrize("stage", [rung[0] for rung in RUNGS])
@pytest.mark.parametrize("days", [-3, -1, 1, 12])
def test_no_letter_says_today_on_another_day(stage, days, locale):
    """A weekly run may speak ahead of time, a late one after it: the letter counts from the day it is written."""
    rendered = WORDING.render(letter(replace(SCREEN, stage=stage), locale=locale), DUE + timedelta(days))
    assert "今天(" not in rendered.text
    assert "due today" not in rendered.text
    assert "（今天）" not in rendered.text
    assert str(DUE) in rendered.text
    assert re.search(rf"\b{abs(days)} ?天|{abs(days)} days?\b", rendered.text, flags=re.ASCII)


def test_a_formal_notice_ahead_of_time_says_in_how_many_days():
    assert "3天后(2025-11-06)到期" in WORDING.render(letter(SCREEN), DUE - timedelta(3)).text


def test_a_letter_rendered_again_counts_from_the_new_day():
    """A mail that failed yesterday must not leave with yesterday's figure."""
    assert "逾期4天" in WORDING.render(letter(rung("escalate", 3, "compensate", 7)), DUE + timedelta(4)).text


def test_a_claim_without_a_price_says_so():
    item = replace(rung("compensate", 7, "", None), claim=None)
    assert "按协议赔偿配件价值（单价未填）" in WORDING.render(letter(item), DUE + timedelta(7)).text


@given(st.decimals(min_value=0, max_value=10**15, places=2))
def test_money_is_exact(amount):
    assert Decimal(money(amount).removeprefix("¥").replace(",", "")) == amount


def test_a_step_whose_day_has_passed_is_named_without_a_date():
    """After a gap in the runs the next rung may lie behind us; a letter announces no day in the past."""
    text = WORDING.render(letter(SCREEN), DUE + timedelta(20)).text
    assert "下一步：仍未归还的，上报借用方上级" in text


def test_a_lender_without_a_phone_is_reached_by_mail():
    assert "请联系：李华 wuhan@example.cn" in WORDING.render(letter(replace(SCREEN, lender=WUHAN)), DUE).text


@given(name=st.text(min_size=1), count=st.sampled_from([1, 2, 100]), stage=st.sampled_from([r[0] for r in RUNGS]))
@settings(max_examples=60, deadline=None)
def test_a_subject_states_stage_due_date_and_count_in_forty_characters(name, count, stage):
    item = replace(SCREEN, part_name=name * 30, stage=stage)
    subject = WORDING.render(letter(*[item] * count), DUE).subject
    assert len(subject) <= 40
    assert subject.startswith("【")
    assert "2025-11-06" in subject
    assert (f"共 {count} 笔" in subject) == (count > 1)


@pytest.mark.parametrize("item", EVERY.values(), ids=EVERY)
@pytest.mark.parametrize("filler", ["长", "𠀀", "x y "])
def test_a_body_fits_a_cell_whatever_stands_in_the_sheet(item, filler):
    """An .xlsx cell holds 32,767 UTF-16 units; 𠀀 takes two."""
    long = filler * 400
    rendered = WORDING.render(letter(*[filled(item, long)] * 300), DUE)
    assert len(rendered.text.encode("utf-16-le")) // 2 <= BODY_LIMIT
    listed = len(re.findall(r"^\d+\. ", rendered.text, flags=re.MULTILINE))
    assert 0 < listed <= LISTED
    assert f"另有 {300 - listed} " in rendered.text
    assert "300" in rendered.subject
    assert f"另有 {300 - listed} " in rendered.html


@given(text=HOSTILE, item=st.sampled_from([*EVERY.values(), AT_FEAST, HELD]), locale=st.sampled_from(["zh", "en"]))
@settings(deadline=None)
def test_text_from_the_sheet_is_escaped_in_html(text, item, locale):
    """Whatever a member types, the letter has the tags of the template and no other."""
    text = f"x{text}x"
    hostile = WORDING.render(letter(filled(item, text), locale=locale, greeting=text), DUE).html
    plain = WORDING.render(letter(filled(item, "x"), locale=locale, greeting="x"), DUE).html
    assert Parsed(hostile).tags == Parsed(plain).tags
    assert one_line(text) in "".join(Parsed(hostile).text)


@given(text=HOSTILE)
@settings(deadline=None, max_examples=50)
def test_a_line_break_in_a_name_cannot_add_a_line_to_a_group_message(text):
    plain, hostile = (
        WORDING.render(message_to_group(replace(LATE["zh"], where=t, value=t, problem=t)), DUE).text
        for t in ("xx", f"x{text}x")
    )
    assert len(hostile.splitlines()) == len(plain.splitlines())


@given(text=HOSTILE, item=st.sampled_from([*EVERY.values(), AT_FEAST]))
@settings(deadline=None)
def test_a_line_break_in_a_name_cannot_add_a_line(text, item):
    """Nobody can make the alliance's letter say a sentence of his own on a line of its own."""
    text = f"x{text}x"
    hostile = WORDING.render(letter(filled(item, text), greeting=text), DUE).text
    plain = WORDING.render(letter(filled(item, "x"), greeting="x"), DUE).text
    assert len(hostile.splitlines()) == len(plain.splitlines())


@given(text=HOSTILE)
@settings(deadline=None, max_examples=50)
def test_a_line_break_in_a_name_cannot_add_a_header(text):
    text = f"x{text}\r\nBcc: thief@example.org\n\n"
    wording = Wording(text, "huzhu@example.cn")
    rendered = wording.render(letter(filled(SCREEN, text), greeting=text), DUE)
    sent = email.message_from_bytes(
        message(replace(rendered, subject=text), wording=wording).as_bytes(), policy=default
    )
    assert sorted(sent.keys()) == sorted(
        [
            "Subject",
            "From",
            "To",
            "Cc",
            "Reply-To",
            "Date",
            "Message-ID",
            "Auto-Submitted",
            "MIME-Version",
            "Content-Type",
        ]
    )
    assert [part.get_content_type() for part in sent.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert [a.addr_spec for a in sent["To"].addresses + sent["Cc"].addresses] == [
        "beijing@example.cn",
        "shanghai@example.cn",
    ]


@given(st.text(max_size=120))
@example("10-25 前1044321-00-C 1044321-00-C ， ， 急需MCU2.0 ×2")  # a space was lost between two encoded words
@settings(deadline=None)
def test_a_subject_arrives_as_it_was_written(text):
    sent = email.message_from_bytes(message(Rendered(text, "x")).as_bytes(), policy=default)
    assert one_line(str(sent["Subject"])) == one_line(one_line(text))


ADDRESSES = [
    "a@example.cn, thief@example.org",
    "a@example.cn\nBcc: thief@example.org",
    "a@example.cn thief@example.org",
    "<a@example.cn>",
    "Somebody <a@example.cn>",
    "a@",
    "@example.cn",
    "北京@example.cn",
    "",
]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("field", ["to", "cc"])
def test_one_address_is_one_recipient(address, field):
    """A cell with anything else than one address sends nothing, to anybody."""
    with pytest.raises(MailError) as caught:
        message(Rendered("s", "t"), **{field: address if field == "to" else (address,)})
    assert caught.value.permanent


def test_a_domain_in_chinese_is_written_in_ascii():
    assert message(Rendered("s", "t"), to="a@例子.中国")["To"].addresses[0].domain == "xn--fsqu00a.xn--fiqs8s"


@pytest.mark.parametrize("mail_id", ["../../etc/passwd", "a b", "a\r\nBcc: x@y.cn", "", "编号"])
def test_a_number_that_cannot_stand_in_a_header_sends_nothing(mail_id):
    with pytest.raises(MailError) as caught:
        message(Rendered("s", "t"), mail_id=mail_id)
    assert caught.value.permanent


def test_a_mail_says_who_sends_it_and_that_a_program_did():
    mail = message(Rendered("主题", "正文", "<p>正文</p>"))
    assert mail["From"].addresses == (Address("互助联盟", addr_spec="huzhu@example.cn"),)
    assert mail["Message-ID"] == "<0123456789abcdef@example.cn>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime == AT
    assert mail["Reply-To"] == SHANGHAI.email
    assert mail.get_body(("plain",)).get_content().splitlines() == ["正文"]
    assert mail.get_body(("html",)).get_content().splitlines() == ["<p>正文</p>"]


def test_the_name_in_mail_from_goes_before_the_alliances():
    assert (
        message(Rendered("s", "t"), wording=Wording("联盟", "配件组 <huzhu@example.cn>"))["From"]
        == "配件组 <huzhu@example.cn>"
    )


def test_the_answer_to_a_digest_goes_to_every_lender():
    mail = message(Rendered("s", "t"), reply_to="shanghai@example.cn, wuhan@example.cn")
    assert [address.addr_spec for address in mail["Reply-To"].addresses] == ["shanghai@example.cn", "wuhan@example.cn"]


def test_a_mail_nobody_in_particular_answers_has_no_reply_to():
    assert message(Rendered("s", "t"), reply_to="")["Reply-To"] is None


def test_a_mail_known_only_by_its_text_leaves_as_text():
    assert message(Rendered("s", "只有正文")).get_content_type() == "text/plain"


FILES = (
    Attachment("L-001.ics", "text/calendar; charset=utf-8; method=PUBLISH", "BEGIN:VCALENDAR\r\n到期\r\n".encode()),
    Attachment("report.html", "text/html; charset=utf-8", b"<p>" + b"x" * 2000 + b"</p>"),
    Attachment("blank.bin", "application/octet-stream", bytes(range(256))),
)


def tree(part: EmailMessage) -> object:
    """The content types of a message, as they are nested."""
    inner = [tree(each) for each in part.iter_parts()] if part.is_multipart() else []
    return (part.get_content_type(), inner) if inner else part.get_content_type()


ALTERNATIVE = ("multipart/alternative", ["text/plain", "text/html"])


@pytest.mark.parametrize(("html", "body"), [("<p>正文</p>", ALTERNATIVE), ("", "text/plain")])
def test_files_go_with_the_letter_as_they_are(html, body):
    sent = email.message_from_bytes(message(Rendered("s", "正文", html, FILES)).as_bytes(), policy=default)
    assert tree(sent) == ("multipart/mixed", [body, "text/calendar", "text/html", "application/octet-stream"])
    parts = list(sent.iter_attachments())
    assert [part.get_filename() for part in parts] == [file.name for file in FILES]
    assert [part.get_payload(decode=True) for part in parts] == [file.content for file in FILES]
    assert dict(parts[0]["Content-Type"].params) == {"charset": "utf-8", "method": "PUBLISH"}
    assert sent.get_body(("plain",)).get_content().split() == ["正文"]


def test_a_letter_without_files_is_no_longer_for_that():
    assert tree(message(Rendered("s", "正文", "<p>正文</p>"))) == ALTERNATIVE


@given(name=HOSTILE, content=st.binary(max_size=200))
@settings(deadline=None, max_examples=50)
def test_a_files_name_and_content_cannot_add_a_header_or_a_part(name, content):
    """Nor can a file that holds the boundary itself end its part."""
    bounds = b"\r\n--=+0123456789abcdef--\r\n--=_0123456789abcdef\r\n"
    file = Attachment(f"x\r\nBcc: thief@example.org\r\n\r\n{name}", "application/octet-stream", bounds + content)
    sent = email.message_from_bytes(message(Rendered("s", "x", "<p>x</p>", (file,))).as_bytes(), policy=default)
    assert tree(sent) == ("multipart/mixed", [ALTERNATIVE, "application/octet-stream"])
    [part] = sent.iter_attachments()
    assert sorted(part.keys()) == ["Content-Disposition", "Content-Transfer-Encoding", "Content-Type", "MIME-Version"]
    assert part.get_payload(decode=True) == bounds + content


def test_the_same_mail_has_the_same_bytes():
    rendered = replace(WORDING.render(letter(SCREEN), DUE), attachments=FILES)
    assert message(rendered).as_bytes() == message(rendered).as_bytes()


def test_a_mail_is_seven_bit_so_that_any_server_takes_it():
    rendered = WORDING.render(letter(SCREEN), DUE)
    content = message(replace(rendered, attachments=FILES)).as_bytes()
    assert content.isascii()
    assert max(map(len, content.splitlines())) <= 998


@pytest.mark.parametrize("sender", ["huzhu", "a@b@c", "互助 <>", "a@x.cn, b@x.cn"])
def test_a_sender_that_is_no_address_is_a_set_up_problem(sender):
    with pytest.raises(SetupError, match=r"mail\.from"):
        Wording("联盟", sender)


def test_without_a_sender_letters_can_be_read_but_not_sent():
    """`plan` shows every mail in full before any mail is set up."""
    wording = Wording("联盟", "")
    rendered = wording.render(letter(SCREEN), DUE)
    with pytest.raises(SetupError, match=r"mail\.from"):
        message(rendered, wording=wording)


def test_the_alliances_own_templates_go_first(tmp_path):
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "overdue.zh.subject.j2").write_text("自己的主题 {{ items[0].loan_id }}", encoding="utf-8")
    rendered = Wording("联盟", "", tmp_path).render(letter(SCREEN), DUE)
    assert rendered.subject == "自己的主题 L-2025-001"
    assert "请今天归还" in rendered.text


@pytest.mark.parametrize("item", EVERY.values(), ids=EVERY)
def test_an_html_letter_looks_right_without_its_head(item):
    """Mail programs drop style sheets: what is left in the head is for dark rooms alone, and nothing is fetched."""
    head, body = WORDING.render(letter(item), DUE).html.split("</head>")
    assert re.findall(r"^@\w+ \([\w-]+: \w+\)", head, flags=re.MULTILINE) == ["@media (prefers-color-scheme: dark)"]
    assert all("style" in dict(attrs) for tag, attrs in Parsed(body).tags if tag in ("h2", "h3", "p", "ol", "th"))
    assert not re.search(r"(src|href|url)\W", head + body)


def test_an_alliance_may_have_a_look_of_its_own(tmp_path):
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "style.css").write_text(".title { color: #123456; }", encoding="utf-8")
    rendered = Wording("联盟", "", tmp_path).render(letter(SCREEN), DUE)
    assert re.search(r'<h2 class="title" style="color:\s?#123456;?">', rendered.html)


def test_a_layout_of_ones_own_escapes_what_the_words_say(tmp_path):
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "overdue.zh.html.j2").write_text("{{ say.title(items[0]) }}", encoding="utf-8")
    rendered = Wording("联盟", "", tmp_path).render(letter(replace(SCREEN, part_name="<b>")), DUE)
    assert rendered.html == "&lt;b&gt; 2 个"


@pytest.mark.parametrize("text", ["{{ nothing }}", "{% if %}", "{{ items[0].nothing }}"])
def test_a_template_with_a_mistake_is_a_set_up_problem(text, tmp_path):
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "overdue.zh.txt.j2").write_text(text, encoding="utf-8")
    with pytest.raises(SetupError, match="template"):
        Wording("联盟", "", tmp_path).render(letter(SCREEN), DUE)


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ money.__globals__ }}",
        "{{ cycler.__init__.__globals__.os.environ }}",
        "{{ items.append(1) }}",
        "{% for n in range(10 ** 9) %}{% endfor %}",
        "{{ 1 // 0 }}",
        "{{ 1 + '1' }}",
    ],
)
def test_a_template_of_ones_own_reaches_nothing_but_the_facts(text, tmp_path):
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "overdue.zh.txt.j2").write_text(text, encoding="utf-8")
    with pytest.raises(SetupError, match="template"):
        Wording("联盟", "", tmp_path).render(letter(SCREEN), DUE)


def test_a_missing_templates_folder_is_a_set_up_problem(tmp_path):
    with pytest.raises(SetupError, match="templates folder"):
        Wording("联盟", "", tmp_path / "nowhere")


@given(st.text(), st.integers(1, FIELD_LIMIT))
def test_cut_text_never_exceeds_its_limit(text, limit):
    assert len(cut(text, limit)) <= limit


def test_half_a_character_does_not_stop_a_letter():
    """JSON may carry one half of a surrogate pair, which no mail can be encoded with."""
    rendered = WORDING.render(letter(filled(SCREEN, "a\ud83db"), greeting="\ud83d"), DUE)
    assert "a?b" in message(rendered).get_body(("plain",)).get_content()


def test_what_an_installation_lacks_is_named():
    with pytest.raises(FileNotFoundError, match=r"nothing\.yaml is missing from this installation"):
        shipped("nothing.yaml")


def test_an_installed_wheel_uses_its_own_copy(tmp_path, monkeypatch):
    (tmp_path / "sync" / "_shipped" / "templates").mkdir(parents=True)
    (tmp_path / "templates").mkdir()
    monkeypatch.setattr("sync.shipped._PACKAGE", tmp_path / "sync")
    assert shipped("templates") == tmp_path / "sync" / "_shipped" / "templates"

"""The message to the group: whole cycles against a bot over real HTTP, and what each of its answers means."""

from __future__ import annotations

import json
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.outbox import kind_of
from rules.values import Mail, MailStatus
from sync import compose, doctor
from sync.errors import MailError, SetupError
from sync.group import MOST_BYTES, Bot, is_webhook
from sync.wording import Rendered
from tests.emulators.feishu_bitable import FeishuBitable
from tests.emulators.served import BAD_GATEWAY, Answer, Call, Emulator, Fault
from tests.sync.house import TODAY, book, config, huzhu, mails, run
from tests.sync.postman import Postman
from tests.sync.test_cycle import disturbed

NOON = datetime(2026, 11, 23, 4, 7, tzinfo=UTC)
WORDS = Rendered("主题", "第一段\n\n第二段")
SECRET = "s3cr3t-of-the-signature"
PART = "1044321-00-C"


@dataclass
class Hall:
    """A group with one bot, and what its members read."""

    feishu: FeishuBitable
    server: Emulator
    hook: str

    @property
    def address(self) -> str:
        return f"{self.server.url}/open-apis/bot/v2/hook/{self.hook}"

    @property
    def cards(self) -> list[dict[str, object]]:
        return [message["card"] for message in self.feishu.bots[self.hook].messages]

    @property
    def titles(self) -> list[str]:
        return [card["header"]["title"]["content"] for card in self.cards]  # type: ignore[index]

    @property
    def text(self) -> str:
        """All that was read, in order."""
        said = (e["text"]["content"] for card in self.cards for e in card["elements"] if e["tag"] == "div")  # type: ignore[attr-defined]
        return "\n\n".join(said)

    def bot(self, **changed: object) -> Bot:
        return replace(Bot(self.address, lambda: NOON, timeout=(2.0, 0.5)), **changed)  # type: ignore[arg-type]


def hall_of(secret: str = "", **settings: object) -> tuple[FeishuBitable, str]:
    feishu = FeishuBitable(lambda: int(NOON.timestamp()) * 1000)
    return feishu, feishu.add_bot(secret, **settings)  # type: ignore[arg-type]


@pytest.fixture
def hall() -> Iterator[Hall]:
    feishu, hook = hall_of()
    with Emulator(feishu) as server:
        yield Hall(feishu, server, hook)


def settings_changed(home: Path, *pairs: tuple[str, str]) -> None:
    file = home / "config.yaml"
    text = file.read_text("utf-8")
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")


@pytest.fixture
def house(home: Path, hall: Hall, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A demo whose settings name the hall's bot."""
    settings_changed(home, ("bot: none ", "bot: feishu "), ('link: "" ', "link: https://sheet.example/a "))
    monkeypatch.setenv("HUZHU_GROUP_WEBHOOK", hall.address)
    return home


def cycle(home: Path, hall: Hall, days: int = 0, **bot: object):
    """A whole cycle, its bot's clock at noon."""
    return run(home, TODAY + timedelta(days), speaker=hall.bot(**{"link": "https://sheet.example/a", **bot}))


def messages(home: Path) -> list[Mail]:
    return [mail for mail in mails(home) if kind_of(mail) == "group"]


def edited(home: Path, sheet: str, key: str, **cells: object) -> None:
    """A person types into the row of *key*, or adds it at the end."""
    people = openpyxl.load_workbook(book(home))
    tab = people[sheet]
    columns = {cell.value: cell.column for cell in tab[1]}
    keys = [tab.cell(row, 1).value for row in range(1, tab.max_row + 1)]
    row = keys.index(key) + 1 if key in keys else max(i for i, k in enumerate(keys, 1) if k) + 1
    for header, cell in {tab.cell(1, 1).value: key, **cells}.items():
        tab.cell(row, columns[header]).value = cell
    people.save(book(home))


def ask(home: Path, ident: str, part: str = PART, **cells: object) -> None:
    """A new P0 request."""
    center = openpyxl.load_workbook(book(home))["成员"].cell(2, 1).value
    crisis = {"申报级别": "P0", "客户类型": "媒体", "舆情风险": "高", "原因": "要发文", "数量": 1}
    edited(home, "求助", ident, 求助方=center, 配件编号=part, 提出时间=date(2026, 11, 22), **crisis, **cells)


# --- a whole cycle ---------------------------------------------------------------------------------------------------


def test_the_first_run_tells_the_open_p0s_and_overdue_loans_once(house: Path, hall: Hall) -> None:
    report = cycle(house, hall)
    [mail] = messages(house)
    signs = Counter(item.split(":")[1] for item in mail.items)
    assert (mail.status, mail.to, mail.attempts) == (MailStatus.SENT, "飞书群", 1)
    assert signs["p0"] > 0
    assert signs["late"] > 0
    assert hall.titles == [f"【互助】新的 P0 求助 {signs['p0']} 件，新逾期 {signs['late']} 笔"]
    assert all(item.split(":")[2] in hall.text for item in mail.items)
    assert report.mails["sent"] == len(list((house / "outbox").glob("*.eml"))) + 1
    cycle(house, hall)
    assert len(hall.cards) == 1


def test_over_a_week_of_runs_no_item_is_told_twice_and_no_run_speaks_twice(house: Path, hall: Hall) -> None:
    for day in range(8):
        before = len(hall.cards)
        cycle(house, hall, day)
        assert len(hall.cards) - before <= 1
    items = Counter(item for mail in messages(house) for item in mail.items)
    assert set(items.values()) == {1}
    assert len(hall.cards) == len(messages(house)) > 1


def test_the_button_opens_the_shared_sheet(house: Path, hall: Hall) -> None:
    cycle(house, hall)
    buttons = [e["actions"][0] for e in hall.cards[0]["elements"] if e["tag"] == "action"]  # type: ignore[attr-defined]
    assert [(b["url"], b["text"]["content"]) for b in buttons] == [("https://sheet.example/a", "打开共享表")]


def test_without_an_address_of_the_sheet_there_is_no_button(hall: Hall) -> None:
    hall.bot().tell(WORDS)
    assert {e["tag"] for e in hall.cards[0]["elements"]} == {"div"}  # type: ignore[attr-defined]


def test_a_blank_link_means_the_online_sheet(house: Path) -> None:
    settings_changed(house, ("link: https://sheet.example/a ", 'link: "" '))
    assert compose.speaker(config(house)).link == ""  # type: ignore[union-attr]
    settings_changed(house, ("kind: workbook ", "kind: google "), ('spreadsheet: "" ', "spreadsheet: 1abc "))
    assert compose.speaker(config(house)).link == "https://docs.google.com/spreadsheets/d/1abc/edit"  # type: ignore[union-attr]
    settings_changed(house, ("kind: google ", "kind: feishu "), ('base: "" ', "base: https://x.feishu.example/base/b "))
    assert compose.speaker(config(house)).link == "https://x.feishu.example/base/b"  # type: ignore[union-attr]


def test_without_a_bot_nothing_is_written_for_a_group(home: Path) -> None:
    run(home)
    assert messages(home) == []


def test_a_group_is_told_even_when_mail_stays_in_the_sheet(house: Path, hall: Hall) -> None:
    settings_changed(house, ("transport: folder ", "transport: none "))
    report = cycle(house, hall)
    assert report.mails["sent"] == len(hall.cards) == 1
    assert {m.status for m in mails(house) if kind_of(m) != "group"} <= {MailStatus.QUEUED, MailStatus.HELD}
    cycle(house, hall)
    assert len(hall.cards) == 1


def test_a_new_p0_is_told_alone(house: Path, hall: Hall) -> None:
    cycle(house, hall)
    ask(house, "R-900")
    cycle(house, hall)
    assert [mail.items for mail in messages(house)][1:] == [("group:p0:R-900",)]
    assert hall.titles[1] == "【互助】新的 P0 求助 1 件，新逾期 0 笔"


# --- what the bot answers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "told"), [(SECRET, MailStatus.SENT), ("other", MailStatus.HELD), ("", MailStatus.HELD)]
)
def test_only_the_right_signature_is_heard(house: Path, typed: str, told: MailStatus) -> None:
    feishu, hook = hall_of(SECRET)
    with Emulator(feishu) as server:
        signing = Hall(feishu, server, hook)
        cycle(house, signing, secret=typed)
        cycle(house, signing, secret=typed)
    [mail] = messages(house)
    assert (mail.status, len(signing.cards)) == (told, told is MailStatus.SENT)
    assert ("签名校验" in mail.error) == (told is MailStatus.HELD)
    assert len(server.calls) == 1  # what cannot help is not tried again


@pytest.mark.parametrize(
    ("settings", "named"), [({"keyword": "配件"}, "自定义关键词"), ({"allowed": False}, "IP 白名单")]
)
def test_a_bot_that_demands_something_else_is_a_persons_to_settle(
    house: Path, settings: dict[str, object], named: str
) -> None:
    feishu, hook = hall_of(**settings)  # type: ignore[arg-type]
    with Emulator(feishu) as server:
        report = cycle(house, Hall(feishu, server, hook))
    [mail] = messages(house)
    assert mail.status is MailStatus.HELD
    assert named in mail.error
    assert "群设置 → 群机器人" in mail.error
    assert report.exit_code == 3


def test_a_keyword_in_the_title_is_heard(house: Path) -> None:
    feishu, hook = hall_of(keyword="互助")
    with Emulator(feishu) as server:
        cycle(house, Hall(feishu, server, hook))
    assert len(feishu.bots[hook].messages) == 1


def test_a_bot_that_was_removed_is_a_persons_to_settle(house: Path, hall: Hall) -> None:
    hall.feishu.bots.clear()
    cycle(house, hall)
    [mail] = messages(house)
    assert mail.status is MailStatus.HELD
    assert "Webhook" in mail.error


def answered(answer: Answer) -> Callable[[Call], Fault]:
    return lambda _call: Fault(answer=answer)


BUSY = Answer(
    200, {"code": 11232, "msg": "frequency limited psm[lark.oapi.app_platform_runtime]appID[1500]", "data": {}}
)


@pytest.mark.parametrize("answer", [BUSY, Answer(429, "too many"), Answer(500, "oops"), BAD_GATEWAY, Answer(503, "")])
def test_what_may_pass_is_tried_again_by_the_next_run(house: Path, hall: Hall, answer: Answer) -> None:
    hall.server.fault = answered(answer)
    report = cycle(house, hall)
    [mail] = messages(house)
    assert (mail.status, report.exit_code, len(hall.server.calls)) == (MailStatus.FAILED, 3, 1)
    hall.server.fault = lambda _call: None
    cycle(house, hall)
    [again] = messages(house)
    assert (again.status, again.mail_id, again.attempts) == (MailStatus.SENT, mail.mail_id, 2)
    assert len(hall.cards) == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault(served=True),
        Fault(served=True, body_bytes=5),
        Fault(served=True, delay=1.0),
        Fault(served=True, answer=Answer(504, "gateway time-out")),
        Fault(served=True, answer=Answer(200, "<html>")),
        Fault(served=True, answer=Answer(200, [])),
    ],
    ids=["cut", "cut in the answer", "late", "gateway", "a page", "no object"],
)
def test_a_message_whose_answer_was_lost_is_held_and_never_repeated(house: Path, hall: Hall, fault: Fault) -> None:
    hall.server.fault = lambda _call: fault
    cycle(house, hall)
    hall.server.fault = lambda _call: None
    ask(house, "R-900")
    cycle(house, hall)
    first, second = messages(house)
    assert first.status is MailStatus.HELD
    assert first.error.startswith("结果未知")
    assert second.items == ("group:p0:R-900",)
    assert len(hall.cards) == 2


def test_news_joins_a_message_that_waits(house: Path, hall: Hall) -> None:
    """So that one message says all of it, and none is told in a run of its own."""
    hall.server.fault = answered(BUSY)
    cycle(house, hall)
    hall.server.fault = lambda _call: None
    ask(house, "R-900")
    cycle(house, hall)
    first, second = messages(house)
    assert (first.status, second.status) == (MailStatus.CANCELLED, MailStatus.SENT)
    assert set(second.items) == {*first.items, "group:p0:R-900"}
    assert len(hall.cards) == 1


def test_a_closed_port_is_no_message(hall: Hall) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(MailError) as caught:
        hall.bot(webhook=f"http://127.0.0.1:{port}/open-apis/bot/v2/hook/x").tell(WORDS)
    assert not caught.value.permanent
    assert not caught.value.unknown


@pytest.mark.parametrize(
    "answer",
    [Answer(302, "", headers={"Location": "/elsewhere"}), Answer(404, "no"), Answer(200, {"code": 77, "msg": "?"})],
)
def test_another_refusal_is_for_good(hall: Hall, answer: Answer) -> None:
    hall.server.fault = answered(answer)
    with pytest.raises(MailError) as caught:
        hall.bot().tell(WORDS)
    assert caught.value.permanent
    assert len(hall.server.calls) == 1  # a redirection is not followed


@pytest.mark.parametrize(
    "answer", [{"StatusCode": 0, "StatusMessage": "success"}, {"code": 0, "msg": "success", "data": {}}]
)
def test_success_is_said_in_two_forms(hall: Hall, answer: dict[str, object]) -> None:
    hall.server.fault = answered(Answer(200, answer))
    hall.bot().tell(WORDS)


# --- one message a run -----------------------------------------------------------------------------------------------


def test_a_cycle_that_starts_over_does_not_speak_again(house: Path, hall: Hall, postman: Postman) -> None:
    """Somebody adds a P0 while the mail leaves: the group hears of it in the next run."""
    worker = disturbed(house, 0)
    original = postman.handle_DATA
    asked: list[str] = []

    async def meanwhile(*args: object) -> str:
        if not asked:
            asked.append("R-900")
            ask(house, "R-900")
        return await original(*args)

    postman.handle_DATA = meanwhile  # type: ignore[method-assign]
    report = replace(worker, speaker=hall.bot()).run(TODAY)
    assert report.calls["read"] > 1
    assert len(hall.cards) == 1
    assert [m.status for m in messages(house)] == [MailStatus.SENT, MailStatus.QUEUED]
    cycle(house, hall)
    assert [m.items for m in messages(house)][1] == ("group:p0:R-900",)
    assert len(hall.cards) == 2


def test_a_run_that_has_only_mailed_may_still_speak_when_it_starts_over(
    house: Path, hall: Hall, postman: Postman
) -> None:
    postman.answer = "451 later"
    cycle(house, hall)
    postman.answer = "250 OK"
    original = postman.handle_DATA

    async def meanwhile(*args: object) -> str:
        if not postman.taken:
            ask(house, "R-900")
        return await original(*args)

    postman.handle_DATA = meanwhile  # type: ignore[method-assign]
    report = replace(disturbed(house, 0), speaker=hall.bot()).run(TODAY)
    assert report.calls["read"] > 1
    assert [m.items for m in messages(house)][1] == ("group:p0:R-900",)
    assert len(hall.cards) == 2


def test_a_cycle_that_started_over_before_it_spoke_still_speaks(house: Path, hall: Hall) -> None:
    worker = disturbed(house, 0)
    naps: list[float] = []

    def napped(seconds: float) -> None:
        naps.append(seconds)
        worker.backend.disturbances = len(naps) == 1  # type: ignore[attr-defined]

    bot = hall.bot(clock=lambda: NOON.replace(minute=0), sleep=napped)
    report = replace(worker, speaker=bot, clock=lambda: NOON.astimezone(worker.zone)).run(TODAY)
    assert report.calls["read"] > 1
    assert len(hall.cards) == 1


# --- the minutes :00 and :30 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "waited"),
    [
        ("04:00:00", 60),
        ("04:30:12", 48),
        ("04:00:59", 1),
        ("04:01:00", 0),
        ("04:29:59", 0),
        ("04:31:00", 0),
        ("04:07:00", 0),
    ],
)
def test_no_message_leaves_in_the_full_and_the_half_hour(hall: Hall, at: str, waited: float) -> None:
    now = [datetime.fromisoformat(f"2026-11-23T{at}+00:00")]
    bot = hall.bot(clock=lambda: now[0], sleep=lambda seconds: now.append(now.pop() + timedelta(seconds=seconds)))
    before = now[0]
    bot.ready()
    assert now[0] - before == timedelta(seconds=waited)
    assert now[0].minute not in (0, 30)


def test_a_run_at_the_full_hour_waits_before_it_claims(house: Path, hall: Hall) -> None:
    """A run that is stopped while it waits leaves nothing unknown."""
    statuses: list[MailStatus] = []
    now = [NOON.replace(minute=0)]

    def slept(seconds: float) -> None:
        statuses.extend(mail.status for mail in messages(house))
        now[0] += timedelta(seconds=seconds)

    cycle(house, hall, clock=lambda: now[0], sleep=slept)
    assert statuses == [MailStatus.QUEUED]
    assert [m.status for m in messages(house)] == [MailStatus.SENT]
    assert len(hall.cards) == 1


# --- what text from the sheet can do ---------------------------------------------------------------------------------


def tags(node: object) -> set[str]:
    if isinstance(node, dict):
        return {node["tag"] for _ in [0] if "tag" in node}.union(*map(tags, node.values()))
    return set().union(*map(tags, node)) if isinstance(node, list) else set()


def test_markup_in_a_name_stays_text(house: Path, hall: Hall) -> None:
    name = "<at id=all></at> **粗** [链接](https://evil.example)"
    edited(house, "配件", PART, 配件名称=name)
    ask(house, "R-900")
    cycle(house, hall)
    assert f"{name}（{PART}）" in hall.text
    assert tags(hall.cards) <= {"div", "plain_text", "action", "button"}


@given(text=st.text() | st.text(alphabet='"\\\n\x00长𠀀😀', min_size=5000), subject=st.text(max_size=200))
def test_a_message_is_never_larger_than_the_bot_takes(text: str, subject: str) -> None:
    plain = (text * (1 + 40_000 // max(len(text), 1))).encode("utf-8", "replace").decode()
    body = Bot("", lambda: NOON, SECRET, "https://sheet.example")._body(Rendered(subject, plain))
    assert len(body) <= MOST_BYTES
    card = json.loads(body)["card"]
    assert card["header"]["title"]["content"] == subject
    assert card["elements"][-1]["tag"] == "action"


def test_a_long_message_is_cut_and_still_arrives(hall: Hall) -> None:
    hall.bot(secret=SECRET).tell(Rendered("长", "很长的一段话。\n\n" * 5000))
    assert len(hall.server.calls[0].body) <= MOST_BYTES
    assert len(hall.server.calls[0].body) > MOST_BYTES * 0.8
    assert hall.text.endswith("…")


def test_a_short_message_arrives_whole(hall: Hall) -> None:
    hall.bot().tell(WORDS)
    assert hall.text == "第一段\n\n第二段"


FINE = Answer(200, {"code": 0, "msg": "success"})

# --- secrets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        Fault(),
        Fault(delay=1.0),
        Fault(answer=Answer(200, {"code": 19001, "msg": "no hook CANARY-HOOK, secret CANARY-SECRET"})),
        Fault(answer=FINE),
    ],
)
def test_no_secret_is_ever_shown(hall: Hall, fault: Fault, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    hall.server.fault = lambda _call: fault
    address = f"{hall.server.url}/open-apis/bot/v2/hook/CANARY-HOOK"
    bot = hall.bot(webhook=address, secret="CANARY-SECRET")
    with pytest.raises(MailError) if fault.answer != FINE else nullcontext() as caught:
        bot.tell(WORDS)
    seen = [repr(bot), *(repr(error) for error in ([caught.value, caught.value.__context__] if caught else []))]
    assert "CANARY" not in "".join(seen) + caplog.text


def test_no_secret_is_in_the_sheet_the_output_or_the_log(house: Path, hall: Hall) -> None:
    hall.server.fault = lambda _call: Fault()
    code, out, err = huzhu(
        "run", "-vv", "--json", "--config", house / "config.yaml", "--as-of", TODAY, HUZHU_GROUP_WEBHOOK=hall.address
    )
    assert code == 3, err
    assert len(hall.server.calls) == 1
    rows = repr(mails(house))
    assert "结果未知" in rows
    assert hall.hook not in out + err + rows


# --- set-up ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "",
        "oc_1234",
        "open.feishu.cn/open-apis/bot/v2/hook/x",
        "http://open.feishu.cn/open-apis/bot/v2/hook/x",
        "https://open.feishu.cn/open-apis/bot/v2/hook/",
        "https://open.feishu.cn/open-apis/bot/hook/x",
        "https://open.feishu.cn@evil.example/open-apis/bot/v2/hook/x",
        "http://127.0.0.1.evil.example/open-apis/bot/v2/hook/x",
    ],
)
def test_what_is_no_webhook_is_a_set_up_problem_that_does_not_show_it(
    house: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUZHU_GROUP_WEBHOOK", address)
    assert not is_webhook(address)
    with pytest.raises(SetupError, match="HUZHU_GROUP_WEBHOOK") as caught:
        compose.speaker(config(house))
    assert not address or address not in caught.value.words.zh + caught.value.words.en


@pytest.mark.parametrize("host", ["open.feishu.cn", "open.larksuite.com"])
def test_a_bots_address_is_one(host: str) -> None:
    assert is_webhook(f"https://{host}/open-apis/bot/v2/hook/b0a1c2d3-1234-4abc-9def-001122334455")


def test_a_link_that_is_no_address_is_a_set_up_problem(house: Path) -> None:
    settings_changed(house, ("link: https://sheet.example/a ", "link: sheet.xlsx "))
    with pytest.raises(SetupError, match=r"group\.link"):
        compose.speaker(config(house))


def test_doctor_looks_at_the_bots_address_and_sends_nothing(
    house: Path, hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found() -> list[tuple[bool, str]]:
        return [(f.ok, f.advice.zh) for f in doctor.examine(config(house)) if "群机器人" in f.step.zh]

    assert found() == [(True, "")]
    monkeypatch.delenv("HUZHU_GROUP_WEBHOOK")
    [(well, advice)] = found()
    assert not well
    assert "HUZHU_GROUP_WEBHOOK" in advice
    assert hall.server.calls == []
    settings_changed(house, ("bot: feishu ", "bot: none "))
    assert found() == []

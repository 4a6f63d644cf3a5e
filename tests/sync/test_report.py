"""The report as a file: what stands in it, what never does, and how it comes to be written."""

import base64
import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import date, datetime, time
from email import message_from_bytes
from email.policy import default
from hashlib import sha256

import pytest
from hypothesis import given, settings

from rules import ladder
from rules.decide import decide
from rules.ledger import MAY_ASK, MUST_HELP_FIRST
from rules.policy import Policy
from rules.problems import SEVERITIES
from rules.queue import UNCONDITIONAL
from rules.schema import RUNS
from sync import charts, compose
from sync.backends import Backend
from sync.charts import BARS
from sync.cli import DEFAULT_REPORT
from sync.report import LISTED, amount, page
from sync.runlog import Tally
from sync.wording import sayings, templates
from sync.worker import planned
from tests.rules.sheets import POLICY, ZONE, book, decided, loan, member, part, request
from tests.rules.strategies import TODAY as STRATEGIES_DAY
from tests.rules.strategies import as_book, messy
from tests.sync.house import ROOT, TODAY, called, config, run
from tests.sync.letters import Parsed

DAY = date(2025, 11, 10)
LOCALES = ("zh", "en")


def in_(locale: str) -> Policy:
    return replace(POLICY, alliance=replace(POLICY.alliance, locale=locale))


def worded(locale: str = "zh", **tables: object) -> str:
    """The report over a sheet of *tables*."""
    return page(decide(book(**tables), DAY, in_(locale), ZONE), DAY, in_(locale))


def seen(html: str) -> str:
    """All text of a page, its style and script left out."""
    return " ".join(Parsed(re.sub(r"<(style|script)>.*?</\1>", "", html, flags=re.DOTALL)).text)


BUSY = {
    "loans": [
        loan("L-1"),
        loan("L-2", "华中", 归还日期="2025-11-09"),
        loan("L-3", 借出日期="2025-10-01", 赔偿日期="2025-11-01"),
    ],
    "requests": [request("R-1", 申报级别="P0", 客户类型="媒体", 原因="要发文"), request("R-2", "西北")],
    "inventory": [{"服务中心": "华东", "配件编号": "P-1", "在库数量": 3, "最近出库": "2025-01-01"}],
}


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("tables", [BUSY, {}, {"members": ()}], ids=["busy", "idle", "empty"])
def test_it_can_be_made_of_any_sheet(tables, locale):
    html = worded(locale, **tables)
    say = sayings(templates("report").get_template(f"page.{locale}.words.j2"))
    assert [head for head in say["HEADS"].values() if head not in seen(html)] == []
    assert "None" not in seen(html)


@given(rows=messy())
@settings(max_examples=10, deadline=None)
def test_no_mistake_in_a_sheet_breaks_it(rows):
    assert page(decided(as_book(rows), STRATEGIES_DAY), STRATEGIES_DAY, POLICY).endswith("</html>")


def test_the_same_plan_gives_the_same_page():
    plan = decided(book(**BUSY), DAY)
    assert page(plan, DAY, POLICY) == page(plan, DAY, POLICY)
    assert worded(**BUSY) == worded(**BUSY)


def test_both_languages_have_the_same_words():
    zh, en = (sayings(templates("report").get_template(f"page.{locale}.words.j2")) for locale in LOCALES)
    own = {"n", "days", "points"}  # what only one of the languages needs to say a number
    assert zh.keys() - own == en.keys() - own
    tables = [name for name, words in zh.items() if isinstance(words, dict)]
    assert tables
    assert [name for name in tables if zh[name].keys() != en[name].keys()] == []


@pytest.mark.parametrize("locale", LOCALES)
def test_whatever_the_rules_name_has_a_word(locale):
    say = sayings(templates("report").get_template(f"page.{locale}.words.j2"))
    stages = [stage.zh for stage in ladder.STAGES.values()]
    for table, names in (
        ("STATES", ladder.OUT),
        ("STAGES", ["", *ladder.STAGES]),
        ("STEPS", ["", *stages]),
        ("STANDINGS", [words.zh for words in (MAY_ASK, MUST_HELP_FIRST, UNCONDITIONAL)]),
        ("SEVERITIES", [words.zh for words in SEVERITIES.values()]),
        ("CHARTS", ["points", "loans", "due", "credit", "dead", *charts.TRENDS]),
    ):
        assert [name for name in names if name not in say[table]] == [], table


# --- contacts --------------------------------------------------------------------------------------------------------

SECRETS = {
    "负责人": "王强 13811112222",
    "邮箱": "canary.mail@secret.example",
    "手机": "13911112222",
    "上级邮箱": "canary.boss@secret.example",
}
TOLD = "请打 13711112222 或写信 canary.reason@secret.example，微信同 13911112222"


@pytest.mark.parametrize("locale", LOCALES)
def test_no_contact_is_shown_wherever_it_was_typed(locale):
    html = worded(
        locale,
        members=[
            member("华北", **SECRETS),
            member("华东 13611112222", 邮箱="canary.bad＠secret", 上级邮箱="问老王 8812"),
            member("华中"),
        ],
        parts=[part("P-1", 配件名称="大屏 13511112222")],
        requests=[request("R-1", 申报级别="P0", 客户类型=TOLD, 原因=TOLD, 需要日期=TOLD)],
        loans=[loan("L-1", "华中", 到期日期=TOLD), loan("13411112222", "华中")],
        inventory=[{"服务中心": "华中", "配件编号": "P-1", "在库数量": TOLD}],
    )
    assert re.findall(r"canary\.\w+|老王", html) == []
    assert set(re.findall(r"1[3-9]\d{9}", html)) == {"13411112222"}  # the number of a loan, which is no contact
    assert "137****2222" in html
    assert "c***@secret.example" in html


# --- markup ----------------------------------------------------------------------------------------------------------


def test_it_allows_its_own_style_and_script_and_nothing_else():
    html = worded(**BUSY)
    policy = dict(
        part.split(" ", 1)
        for part in re.search(r'Policy" content="([^"]*)"', html)[1].replace("&#39;", "'").split("; ")
    )
    assert policy.pop("default-src") == "'none'"
    for tag in ("style", "script"):
        [text] = re.findall(rf"<{tag}>(.*?)</{tag}>", html, flags=re.DOTALL)
        assert policy.pop(f"{tag}-src") == f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'"
    assert set(policy.values()) == {"'none'"}
    attributes = {name: value for _, given in Parsed(html).tags for name, value in given}
    assert [name for name in attributes if name in ("style", "src", "srcset") or name.startswith("on")] == []
    assert {value[0] for _, given in Parsed(html).tags for name, value in given if name == "href"} == {"#"}
    assert set(re.findall(r"\w+://[^\"< ]+", html)) == {"http://www.w3.org/2000/svg"}


HOSTILE = "<script>document.title='x'</script>\"'&<img src=x onerror=y>"


@pytest.mark.parametrize("locale", LOCALES)
def test_text_from_the_sheet_stays_text(locale):
    def sheet(name):
        return {
            "members": [member(name), member("华东")],
            "parts": [part(name, 配件名称=name)],
            "requests": [
                request(name, name, 配件编号=name, 原因=name, 客户类型=name, 数量=name),
                request("R-2", name, 配件编号=name),
            ],
            "loans": [loan(name, "华东", name, 配件编号=name), loan("L-2", name, "华东", 配件编号=name)],
            "inventory": [{"服务中心": name, "配件编号": name, "在库数量": 3, "最近出库": "2025-01-01"}],
        }

    hostile, plain = worded(locale, **sheet(HOSTILE)), worded(locale, **sheet("x"))
    named = [[(tag, [name for name, _ in given]) for tag, given in Parsed(html).tags] for html in (hostile, plain)]
    assert named[0] == named[1]
    assert HOSTILE in seen(hostile)


def test_long_tables_are_cut_and_counted():
    loans = [loan(f"L-{n:04d}", 借出日期="2025-11-01") for n in range(LISTED + 7)]
    html = worded(loans=loans)
    assert len(re.findall(r'<th scope="row">L-\d', html)) == LISTED
    assert "还有 7 行，见共享表「借调状态」" in html


def test_a_chart_of_some_members_says_of_how_many():
    members = [member(f"中心{n:02d}") for n in range(BARS + 3)]
    html = seen(worded(members=members, loans=[loan("L-1", "中心00", "中心01")]))
    assert f"图中是积分最高和最低的 6 个成员，共 {BARS + 3} 个" in html
    assert f"图中是按时率最低的 {BARS} 个成员，共 {BARS + 3} 个" in html
    assert "图中是" not in seen(worded(loans=[loan("L-1")]))


@pytest.mark.parametrize(
    ("value", "unit", "says"),
    [
        (81.5, "%", "81.5%"),
        (100.0, "%", "100%"),
        (56000.0, "元", "¥56,000"),
        (0.1, "0..1", "0.1"),
        (88.0, "小时", "88 小时"),
        (None, "%", "—"),
    ],
)
def test_a_figure_is_said_with_its_unit(value, unit, says):
    assert amount(value, unit) == says


# --- the file --------------------------------------------------------------------------------------------------------


def huzhu(*arguments: object) -> tuple[int, str, str]:
    """One command on the day of the demo: exit code, stdout, stderr."""
    return called(*arguments, "--as-of", TODAY)


def test_the_command_writes_the_page_and_says_where(home, tmp_path):
    file, settings = tmp_path / "page.html", ("--config", home / "config.yaml")
    code, out, err = huzhu("report", *settings, "-o", file)
    assert (code, err) == (0, "")
    assert str(file) in out
    assert "互助报告" in file.read_text(encoding="utf-8")
    _, out, _ = huzhu("report", *settings, "-o", file, "--json", "--lang", "en")
    told = {"file": str(file), "as_of": TODAY.isoformat(), "bytes": file.stat().st_size}
    assert json.loads(out) == told
    assert "Alliance report" in file.read_text(encoding="utf-8")


def test_the_page_goes_to_the_configured_place_else_here(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    huzhu("report", "--config", home / "config.yaml")
    assert (tmp_path / DEFAULT_REPORT).exists()
    with_page(home, "seen.html")
    huzhu("report", "--config", home / "config.yaml")
    assert (home / "seen.html").exists()


@pytest.mark.parametrize(("name", "says"), [("page.pdf", ".html"), ("nowhere/page.html", "没有文件夹")])
def test_what_cannot_be_written_is_said_in_a_sentence(home, tmp_path, name, says):
    code, out, err = huzhu("report", "--config", home / "config.yaml", "-o", tmp_path / name)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert says in err
    assert not (tmp_path / name).exists()


def test_only_who_makes_a_report_loads_what_draws_it():
    look = "import sys, sync.cli, sync.compose, sync.summary, sync.worker; print('pygal' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]


def with_page(home, path):
    file = home / "config.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace('path: ""  ', f"path: {path}  ", 1), encoding="utf-8")


def logged(home) -> int:
    backend: Backend = compose.backend(config(home))
    return len(backend.read((RUNS,)).tabs["runs"].rows)


def test_a_run_writes_the_page_beside_its_settings(home):
    with_page(home, "seen.html")
    assert run(home).complaint is None
    assert "互助报告" in (home / "seen.html").read_text(encoding="utf-8")


def test_a_page_that_cannot_be_written_fails_no_run_and_is_tried_again(home):
    with_page(home, "later/seen.html")
    code, _, err = huzhu("run", "--config", home / "config.yaml", "-q")
    assert (code, err.count("\n")) == (3, 1)
    assert "later" in err
    assert logged(home) == 2
    assert compose.run(config(home), TODAY).complaint  # nothing is left to do but the page
    (home / "later").mkdir()
    assert compose.run(config(home), TODAY).complaint is None
    assert (home / "later" / "seen.html").exists()


def test_no_defect_of_a_page_makes_a_run_fail(home):
    def publish(*_: object) -> None:
        raise ZeroDivisionError

    done = run(home, publish=publish)
    assert done.exit_code == 3
    assert "ZeroDivisionError" in done.complaint.zh
    assert logged(home) == 2


def test_the_digest_carries_the_page_where_the_settings_say_so(home):
    assert digest(home) == []
    with_attachment(home)
    [(name, kind, text)] = digest(home)
    assert (name, kind) == (f"huzhu-report-{TODAY}.html", "text/html")
    assert "互助报告" in text
    assert digest(home) == [(name, kind, text)]  # a retry on the same day sends the same bytes


def with_attachment(home):
    file = home / "config.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("attach: false", "attach: true", 1), encoding="utf-8")


def digest(home) -> list[tuple[str, str, str]]:
    """Name, kind and text of each file that goes with the digest of today."""
    settings = config(home)
    words = compose.wording(settings)
    queue = planned(compose.reader(settings), words, settings.policy, settings.zone, TODAY, Tally()).queue
    [(letter, rendered)] = [(letter, rendered) for letter, rendered in queue.leaving if letter.kind == "digest"]
    mail = next(mail for mail in queue.mails if mail.mail_id == letter.mail_id)
    at = datetime.combine(TODAY, time(9), settings.zone)
    message = words.message(rendered, mail, reply_to=letter.reply_to, at=at)
    assert ("附件" in mail.body) == bool(rendered.attachments)
    files = message_from_bytes(message.as_bytes(), policy=default).iter_attachments()
    return [(file.get_filename(), file.get_content_type(), file.get_content()) for file in files]

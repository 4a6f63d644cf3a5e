"""The command line. Each command imports what it needs when it runs, so that `--help` stays quick.

Exit codes: 0 done · 1 failed, safe to run again · 2 set-up is wrong · 3 mail failed or held · 4 another run is on.
Source: interface, "commands".
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import click

from sync import __version__
from sync.errors import HuzhuError, SetupError

if TYPE_CHECKING:
    from sync.config import Config

DEFAULT_DEMO, DEFAULT_REPORT = "huzhu-demo", "huzhu-report.html"
Locale = Literal["zh", "en"]


@dataclass(slots=True)
class Call:
    """How a command was called. The configuration is read when it is first asked for."""

    config_file: str | None = None
    as_of_given: str | None = None
    json: bool = False
    quiet: bool = False
    lang: Locale | None = None
    _config: Config | None = None

    @property
    def config(self) -> Config:
        """The settings. What is written into the sheet is in their language, whatever `--lang` says."""
        if self._config is None:
            from sync.config import config_path, load  # pydantic

            self._config = load(config_path(self.config_file))
        return self._config

    @property
    def spoken(self) -> Config:
        """The settings with `--lang` for the alliance's language: for what is shown and not written."""
        alliance = replace(self.config.alliance, locale=self.lang or self.config.alliance.locale)
        return replace(self.config, alliance=alliance)

    @property
    def as_of(self) -> date:
        """`--as-of`, else today in the alliance's zone."""
        from sync.compose import today

        if self.as_of_given is None:
            return today(self.config)
        try:
            return date.fromisoformat(self.as_of_given)
        except ValueError:
            raise SetupError(
                f"--as-of {self.as_of_given} 不是日期，写成 2025-10-23",
                f"--as-of {self.as_of_given} is not a date; write it as 2025-10-23",
            ) from None

    @property
    def locale(self) -> str:
        """The language to speak, even when the configuration cannot be read."""
        return self.lang or (self._config.alliance.locale if self._config else "zh")

    def say(self, zh: str, en: str) -> None:
        """One line for a person; nothing with -q or --json."""
        if not self.quiet and not self.json:
            click.echo(en if self.locale == "en" else zh)

    def waiting(self, zh: str, en: str) -> AbstractContextManager[object]:
        """Shows on a terminal that work is going on; nothing when piped."""
        if self.quiet or self.json or not sys.stderr.isatty():
            return nullcontext()
        from rich.console import Console

        return Console(stderr=True).status(en if self.locale == "en" else zh)


def _log(verbose: int) -> None:
    import logging  # only when asked for

    logging.basicConfig(level=logging.INFO if verbose == 1 else logging.DEBUG)


_OPTIONS: Sequence[Callable[[Any], Any]] = (
    click.option(
        "--config", "config_file", metavar="PATH", help="设置文件 · Settings file [$HUZHU_CONFIG, ./config.yaml]."
    ),
    click.option("--as-of", "as_of_given", metavar="YYYY-MM-DD", help="按哪天计算 · Compute for this day [today]."),
    click.option("--json", is_flag=True, help="输出 JSON · One JSON object on stdout."),
    click.option("-q", "--quiet", is_flag=True, help="只说错误 · Say nothing but errors."),
    click.option("-v", "--verbose", count=True, help="更多日志 · Log more on stderr."),
    click.option("--lang", type=click.Choice(["zh", "en"]), help="输出语言 · Language of the output."),
)


Body = Callable[..., int | None]


def command(*, name: str | None = None, help_: str | None = None) -> Callable[[Body], click.Command]:
    """A command of `huzhu` with the options that all of them have. It returns its exit code; None is 0."""

    def wrap(body: Body) -> click.Command:
        @functools.wraps(body)
        def run(
            *,
            config_file: str | None,
            as_of_given: str | None,
            json: bool,
            quiet: bool,
            verbose: int,
            lang: Locale | None,
            **rest: Any,  # whatever the command itself takes
        ) -> NoReturn:
            if verbose:
                _log(verbose)
            call = Call(config_file, as_of_given, json, quiet, lang)
            try:
                code = body(call, **rest)
            except HuzhuError as error:
                click.echo(f"huzhu: {error.words.in_(call.locale)}", err=True)
                code = error.exit_code
            sys.exit(code or 0)

        for option in reversed(_OPTIONS):
            run = option(run)
        return click.command(name=name, help=help_)(run)

    return wrap


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="huzhu")
def cli() -> None:
    """互助联盟共享表的定时助手 · the scheduled worker over a parts-lending alliance's shared sheet."""


@cli.add_command
@command()
@click.argument("folder", required=False, default=DEFAULT_DEMO, metavar="[DIR]")
def demo(call: Call, folder: str) -> int:
    """生成示例并运行一次 · Make a realistic sheet in DIR and run once."""
    from sync.demo import make

    home = Path(folder)
    call.config_file = str(home / "config.yaml")
    with call.waiting("正在准备示例…", "Preparing the demo…"):
        made = make(home, lambda: call.as_of, call.lang)
    if made:
        call.say(f"已生成示例 {home}/（6 个服务中心，20 种配件）", f"Made the demo {home}/ (6 centers, 20 parts)")
    code = _run(call)
    book, letters = home / call.config.backend.workbook.path, home / call.config.mail.folder
    call.say(
        f"打开 {book} 看积分榜、优先级队列、匹配建议、借调状态、数据问题、提醒邮件；邮件在 {letters}/",
        f"Open {book}: standings, queue, who can lend, loan states, problems and mail; letters in {letters}/",
    )
    call.say(
        f"改几个单元格，保存关闭，再运行：huzhu run --config {home / 'config.yaml'}",
        f"Change some cells, save, close, and run again: huzhu run --config {home / 'config.yaml'}",
    )
    return 0 if code == 3 else code  # noqa: PLR2004  # the demo holds an old case on purpose, and says so


@cli.add_command
@command()
def init(call: Call) -> None:
    """补齐缺的表和设置 · Make missing tabs, headers and settings."""
    from rules.schema import renamed
    from sync.compose import backend
    from sync.config import config_path, write_default

    path = config_path(call.config_file)
    if write_default(path):
        call.say(
            f"写好了 {path}，请填写联盟名称和协调人邮箱", f"Wrote {path}; fill in the alliance's name and coordinator"
        )
    with call.waiting("正在建表…", "Making tabs…"):
        tables = tuple(renamed(call.config.schema.rename).values())
        made = backend(call.config).prepare(tables)
    for words in made:
        call.say(*words)
    if not made:
        call.say("表格已经齐全，没有改动", "Nothing was missing; nothing was changed")


@cli.add_command
@command()
def check(call: Call) -> int:
    """检查表格，不写入 · Read and validate; write nothing."""
    from sync import summary

    planned = _planned(call, call.spoken)
    summary.problems(planned, as_json=call.json, quiet=call.quiet, locale=call.locale)
    return 3 if any(problem.severity == "error" for problem in planned.plan.problems) else 0


@cli.add_command
@command()
def plan(call: Call) -> None:
    """预览改动和邮件 · Show every cell and mail; do nothing."""
    from sync import summary

    summary.plan(_planned(call, call.config), as_json=call.json, locale=call.locale)


@cli.add_command
@command(name="run")
def run_(call: Call) -> int:
    """运行一次 · Read, compute, write, send."""
    return _run(call)


@cli.add_command
@command()
def watch(call: Call) -> None:
    """按计划一直运行 · Stay and run on the schedule in the settings."""
    from sync.watch import cautious, slots, told_to_stop, watch

    def look() -> None:
        """A cycle only when there is something to write or to send: a new P0, say, and no log row otherwise."""
        ahead = _planned(call, call.config)
        if ahead.changes or ahead.queue.leaving:
            _run(call)

    settings = call.config
    job = {"cycle": cautious(lambda: _run(call), call.locale), "look": cautious(look, call.locale)}
    scheduler = slots(settings.watch, settings.alliance.timezone, **job)
    stop = told_to_stop()
    call.say("按计划运行中，Ctrl-C 或 SIGTERM 结束", "Running on schedule; Ctrl-C or SIGTERM ends it")
    watch(scheduler, stop)


def _run(call: Call) -> int:
    from sync import compose, summary

    with call.waiting("正在读表、计算、写回…", "Reading, computing, writing…"):
        done = compose.run(call.config, call.as_of)
    if done.unkept:
        click.echo(f"huzhu: {done.unkept.in_(call.locale)}", err=True)
    if not call.quiet or call.json:
        summary.report(done, as_json=call.json, locale=call.locale)
    if done.complaint:
        click.echo(f"huzhu: {done.complaint.in_(call.locale)}", err=True)
    return done.exit_code


def _planned(call: Call, config: Config) -> Any:  # a sync.worker.Planned, imported only when a command needs it
    from sync import compose
    from sync.runlog import Tally
    from sync.worker import planned

    with call.waiting("正在读表、计算…", "Reading, computing…"):
        return planned(compose.reader(config), compose.wording(config), config.policy, config.zone, call.as_of, Tally())


@cli.add_command
@command()
@click.option("--dry-run", is_flag=True, help="只说会恢复什么，不写入 · Only say what would be put back.")
def undo(call: Call, *, dry_run: bool) -> None:
    """撤销上一次运行，各表恢复原样 · Put back what the last run changed."""
    from sync import compose, summary

    with call.waiting("正在恢复…", "Putting back…"):
        done = compose.undo(call.config, dry_run=dry_run)
    if not call.quiet or call.json:
        summary.undone(done, dry_run=dry_run, as_json=call.json, locale=call.locale)


@cli.add_command
@command()
@click.argument("run", required=False, metavar="[RUN]")
def replay(call: Call, run: str | None) -> int:
    """重算以前的一次运行 · Compute a past run again, without the sheet."""
    from sync import compose, summary

    with call.waiting("正在重算…", "Computing…"):
        done = compose.replay(call.config, run)
    if not call.quiet or call.json:
        summary.replayed(done, as_json=call.json, locale=call.locale)
    return 0 if done.identical else 3


@cli.add_command
@command()
@click.argument("part", metavar="PART")
@click.option("--qty", default="1", metavar="N", help="要几个 · Units wanted [1].")
@click.option("--for", "center", metavar="CENTER", help="替哪个成员问 · The member that asks.")
@click.option("--by", metavar="DATE", help="最晚哪天要 · The last useful day.")
def locate(call: Call, part: str, qty: str, center: str | None, by: str | None) -> None:
    """找谁能借，附群发求助 · Who can lend it, and a call for help."""
    from rules.inquiry import inquire
    from sync import inquiry, summary

    found, policy = _sheet(call), call.spoken.policy
    asked = inquiry.asked(found, part, qty, center, by, call.as_of, call.config.zone)
    answer = inquire(found.frames, found.placed, found.matched, asked, call.as_of, policy)
    help_wanted = inquiry.message(answer, call.as_of, policy.alliance.locale)
    if not call.quiet or call.json:
        summary.inquiry(answer, help_wanted, as_json=call.json, locale=policy.alliance.locale)


@cli.add_command
@command()
@click.argument("loan_id", metavar="LOAN_ID")
@click.option("-o", "--output", metavar="FILE", help="写入 .html 或 .txt 文件 · Write an .html or .txt file.")
def letter(call: Call, loan_id: str, output: str | None) -> None:
    """一笔借调的书面承诺 · The written commitment for a loan."""
    from rules.commitment import commitment
    from sync import files, inquiry, summary
    from sync.commitment import rendered

    file, part = _suffix(output, _LETTERS, ".html 或 .txt", ".html or .txt") if output else (None, "text")
    found, policy = _sheet(call), call.spoken.policy
    loan_id, theirs = inquiry.loan(found, loan_id)
    promised = commitment(found.frames, found.states, loan_id, policy)
    if promised is None:
        raise SetupError(f"借调 {loan_id} 没有可承诺的内容", f"there is nothing to commit to in loan {loan_id}")
    made = rendered(promised, policy.alliance.name, call.lang or theirs or policy.alliance.locale, call.as_of)
    if file:
        files.write(file, getattr(made, part))
        call.say(f"写好了 {file}", f"Wrote {file}")
    if call.json or not (file or call.quiet):
        summary.letter(loan_id, made, as_json=call.json)


_LETTERS = {".html": "html", ".htm": "html", ".txt": "text", ".md": "text"}
_PAGES = {".html": "html", ".htm": "html"}


def _suffix(output: str, parts: Mapping[str, str], zh: str, en: str) -> tuple[Path, str]:
    """The file to write, and which part of what was made it gets; zh, en: which suffixes there are."""
    file = Path(output)
    if file.suffix.lower() not in parts:
        raise SetupError(
            f"写不了 {file.name}：文件名用 {zh} 结尾；要 PDF，打开 .html 文件再打印成 PDF",
            f"cannot write {file.name}: end it in {en}; for a PDF, open the .html file and print it as PDF",
        )
    return file, parts[file.suffix.lower()]


@cli.add_command
@command()
@click.option("-o", "--output", metavar="FILE", help=f"写到哪个文件 · The file to write [{DEFAULT_REPORT}].")
def report(call: Call, output: str | None) -> None:
    """联盟报告，一页看全 · One page that shows the alliance."""
    from sync import files, summary
    from sync.report import page  # pygal

    path = call.config.report.path
    file = Path(output) if output else call.config.path(path) if path else Path(DEFAULT_REPORT)
    _suffix(str(file), _PAGES, ".html", ".html")
    text = page(_planned(call, call.spoken).plan, call.as_of, call.spoken.policy)
    files.write(file, text)
    call.say(f"写好了 {file}，用浏览器打开", f"Wrote {file}; open it in a browser")
    if call.json:
        summary.page(file, text, call.as_of)


def _sheet(call: Call) -> Any:  # a rules.decide.Found, imported only when a command needs it
    from sync import compose, inquiry

    with call.waiting("正在读表…", "Reading…"):
        return inquiry.sheet(compose.reader(call.config), call.as_of, call.spoken.policy, call.config.zone)


@cli.group()
def outbox() -> None:
    """查看和处理邮件 · Mail held for a person, and what was sent."""


@outbox.add_command
@command(name="list")
def list_(call: Call) -> None:
    """列出邮件 · List every mail on record."""
    from sync import compose, summary

    summary.mails(compose.mailroom(call.config).mails(), as_json=call.json, locale=call.locale)


@outbox.add_command
@command()
@click.argument("mail_id", metavar="ID")
def show(call: Call, mail_id: str) -> None:
    """显示一封邮件 · Show one mail in full."""
    from sync import compose, summary

    summary.mail(compose.mailroom(call.config).mail(mail_id), as_json=call.json)


def _act(act: str, help_: str) -> None:
    """Add `outbox <act> ID…`."""

    @command(name=act, help_=help_)
    @click.argument("mail_ids", metavar="ID...", nargs=-1, required=True)
    def acting(call: Call, mail_ids: tuple[str, ...]) -> None:
        from sync import compose, summary

        moved = compose.mailroom(call.config).act(act, mail_ids)  # type: ignore[arg-type]  # one of those below
        summary.mails(moved, as_json=call.json, locale=call.locale)

    outbox.add_command(acting)


_act("release", "放行，下次运行时发出 · Let a held mail leave with the next run.")
_act("retry", "重试，次数从零算 · Try again with the next run.")
_act("sent", "收件人收到了，记为已发送 · It did arrive: mark it as sent.")
_act("cancel", "取消，不再发送 · Never send a mail that has not left.")


@cli.add_command
@command()
def doctor(call: Call) -> int:
    """逐步检查设置 · Check the set-up; say what to click or set."""
    from sync import summary
    from sync.doctor import examine

    findings = examine(call.config)
    summary.findings(findings, as_json=call.json, locale=call.locale)
    return 0 if all(finding.ok for finding in findings) else 2


@cli.add_command
@command()
@click.option("--markdown", is_flag=True, help="Markdown 格式 · As the text of docs/tables.md.")
def schema(call: Call, *, markdown: bool) -> None:
    """列出表和列 · Print the tables and columns."""
    from sync import summary

    summary.schema(as_json=call.json, markdown=markdown, locale=call.lang or "zh")


def main() -> None:
    """The console command `huzhu`."""
    cli(prog_name="huzhu")

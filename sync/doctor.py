"""Set-up checked step by step; each step that is not well says what to click or set.

Source: interface, `doctor`.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

from rules.decide import last_as_of
from rules.schema import HOLIDAYS, RUNS, renamed
from rules.words import Words
from sync import compose
from sync.backends import Backend, Finding
from sync.calendar import official_days
from sync.config import Config
from sync.errors import HuzhuError, MailError


def examine(config: Config) -> list[Finding]:
    """What was found, in the order a set-up is made."""
    backend = compose.backend(config)
    return [
        *_installation(),
        *_alliance(config),
        *backend.examine(tuple(renamed(config.schema.rename).values())),
        *_letters(config),
        *_mail(config),
        *_group(config),
        *_calendar(config),
        *_last_run(config, backend),
    ]


def _installation() -> Iterator[Finding]:
    """`rules` and `sync` are common names: another distribution could put its own in their place."""
    homes = {name: importlib.util.find_spec(name) for name in ("rules", "sync")}
    folders = {Path(spec.origin).parent.parent for spec in homes.values() if spec and spec.origin}
    owners = importlib.metadata.packages_distributions()
    strangers = {owner for name in homes for owner in owners.get(name, ()) if owner != "huzhu"}
    yield Finding(
        Words("程序安装完整", "the program is installed whole"),
        ok=len(folders) == 1 and not strangers,
        advice=Words(
            f"rules 或 sync 被别的软件包占用（{', '.join(strangers)}），请把 huzhu 装进单独的虚拟环境",
            f"rules or sync is taken by another package ({', '.join(strangers)}); give huzhu a virtual environment",
        ),
    )


def _alliance(config: Config) -> Iterator[Finding]:
    yield Finding(
        Words("填写了协调人邮箱", "the coordinator's address is set"),
        ok=bool(config.alliance.coordinator_email),
        advice=Words(
            "在 config.yaml 填 alliance.coordinator_email，否则没有人收到数据问题报告",
            "set alliance.coordinator_email in config.yaml; otherwise nobody gets the problem report",
        ),
    )


def _letters(config: Config) -> Iterator[Finding]:
    yield _tried(Words("邮件模板可用", "the mail templates can be used"), lambda: compose.wording(config))


def _mail(config: Config) -> Iterator[Finding]:
    def check() -> None:
        mailer = compose.mailer(config)
        if mailer is not None:
            mailer.check()

    transport = config.mail.transport
    yield _tried(Words(f"邮件可以发出（{transport}）", f"mail can leave ({transport})"), check)


def _group(config: Config) -> Iterator[Finding]:
    """Nothing is sent: a message that only tests would be one the group has to read."""
    if config.group.writes:
        step = Words("群机器人的地址和密钥已填好", "the address and the secret of the group's bot are set")
        yield _tried(step, lambda: compose.speaker(config))


def _calendar(config: Config) -> Iterator[Finding]:
    """Holidays are published a year at a time, so that they end is no fault: nothing stops, and 数据问题 says it."""
    last = official_days(config.calendar.country).last_year
    known = Words(
        f"节假日数据到 {last} 年底；以后的年份只按周末和「{HOLIDAYS.title}」表，公布后请更新程序",
        f"holidays are known to the end of {last}; later years go by weekends and the tab {HOLIDAYS.title}, "
        "so update the program once they are published",
    )
    none = Words(f"休息日只按周末和「{HOLIDAYS.title}」表", f"days off go by weekends and the tab {HOLIDAYS.title}")
    yield Finding(known if last else none, ok=True)


def _last_run(config: Config, backend: Backend) -> Iterator[Finding]:
    """A worker that silently stopped is worse than none: say how long ago the last run was."""
    try:
        runs = renamed(config.schema.rename)[RUNS.name]
        last = last_as_of(backend.read((runs,)).tabs.get(RUNS.name), config.zone, runs)
    except HuzhuError:
        return  # the backend's own findings have said it
    late = last is not None and compose.today(config) - last > timedelta(days=config.run.cadence_days + 1)
    yield Finding(
        Words(f"上次运行：{last or '还没有'}", f"last run: {last or 'none yet'}"),
        ok=not late,
        advice=Words("检查 cron 或 systemd 定时器是否还在运行", "check that cron or the systemd timer still runs"),
    )


def _tried(step: Words, act: Callable[[], object]) -> Finding:
    """A step that is well when *act* raises nothing the operator could mend."""
    try:
        act()
    except HuzhuError as error:
        return Finding(step, ok=False, advice=error.words)
    except MailError as error:
        return Finding(step, ok=False, advice=Words(str(error), str(error)))
    return Finding(step, ok=True)

"""The one place where concrete things are made: backend, mailer, wording, clock. Everything else is handed them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rules.schema import OUTBOX, renamed
from sync.errors import SetupError

if TYPE_CHECKING:
    from rules.decide import Plan
    from rules.words import Words
    from sync.backends import Backend
    from sync.backends.feishu import Feishu
    from sync.backends.google import Google
    from sync.backends.workbook import Workbook
    from sync.config import Config
    from sync.mail import Mailer, Speaker
    from sync.mailroom import Mailroom
    from sync.replay import Replay
    from sync.runlog import Report
    from sync.snapshot import Snapshot
    from sync.undo import Undone
    from sync.wording import Attachment, Enclosure, Wording
    from sync.worker import Clock, Reader, Worker


def clock(config: Config) -> Clock:
    """The time now in the alliance's zone: the product's only clock."""
    zone = config.zone
    return lambda: datetime.now(zone)  # noqa: TID251  # the one clock


def today(config: Config) -> date:
    """The alliance's calendar day."""
    return clock(config)().date()


def backend(config: Config) -> Backend:
    """The configured sheet. Nothing is opened yet."""
    return _BACKENDS[config.backend.kind](config)


def workbook(config: Config) -> Workbook:
    """The local workbook of the configuration."""
    from sync.backends.workbook import Workbook  # only the backend in use is imported

    settings = config.backend.workbook
    return Workbook(config.path(settings.path), wait_seconds=settings.wait_seconds, max_mb=settings.max_mb)


def google(config: Config) -> Google:
    """The Google spreadsheet of the configuration. Nothing is asked yet."""
    from sync.backends.google import Google, spreadsheet_id
    from sync.google import credentials
    from sync.google.client import Client
    from sync.google.spreadsheet import Spreadsheet

    settings = config.backend.google
    ident = spreadsheet_id(settings.spreadsheet)
    if not ident:
        raise SetupError(
            "没有填 backend.google.spreadsheet：把表格的网址贴进 config.yaml",
            "backend.google.spreadsheet is not set: paste the address of the spreadsheet into config.yaml",
        )
    key, file = settings.credentials_env, config.path(settings.credentials_file)
    account = credentials.from_environment(key) if key else credentials.from_file(file)
    email: str = account.service_account_email
    client = Client(
        account,
        base_url=settings.url,
        timeout=(10.0, settings.timeout_seconds),
        deadline_seconds=60 * settings.deadline_minutes,
        service_account=email,
    )
    lease = timedelta(minutes=config.run.lease_minutes)
    return Google(Spreadsheet(client, ident, email, clock(config), lease))


def feishu(config: Config) -> Feishu:
    """The Feishu base of the configuration. Nothing is asked yet."""
    from sync.backends.feishu import Feishu
    from sync.feishu.base import Base
    from sync.feishu.client import Client, secret_from_environment

    settings = config.backend.feishu
    for key, zh, en in (
        ("base", "把多维表格的网址贴进 config.yaml", "paste the address of the base into config.yaml"),
        ("app_id", "把应用的 App ID 填进 config.yaml", "put the App ID of the app into config.yaml"),
    ):
        if not getattr(settings, key):
            raise SetupError(f"没有填 backend.feishu.{key}：{zh}", f"backend.feishu.{key} is not set: {en}")
    client = Client(
        settings.app_id,
        secret_from_environment(settings.app_secret_env),
        base_url=settings.url or f"https://open.{settings.domain}.{_ENDINGS[settings.domain]}",
        timeout=(10.0, settings.timeout_seconds),
        deadline_seconds=60 * settings.deadline_minutes,
        write_gap=settings.write_gap_seconds,
    )
    lease = timedelta(minutes=config.run.lease_minutes)
    a_month = 31 / max(config.run.cadence_days, 1)
    return Feishu(Base(client, settings.base), clock(config), lease, a_month=a_month)


_ENDINGS = {"feishu": "cn", "larksuite": "com"}
_BACKENDS: dict[str, Callable[[Config], Backend]] = {"workbook": workbook, "google": google, "feishu": feishu}


def reader(config: Config) -> Reader:
    """The sheet's reading half: what `check` and `plan` get, so that they cannot write."""
    return backend(config).read


def wording(config: Config) -> Wording:
    """The alliance's letters."""
    from sync.wording import Wording  # jinja2

    folder = config.path(config.mail.templates) if config.mail.templates else None
    return Wording(config.alliance.name, config.mail.sender, folder, _enclosures(config))


def _enclosures(config: Config) -> Mapping[str, Enclosure]:
    """The report with each digest, where the settings say so."""

    def report(plan: Plan, as_of: date) -> Attachment:
        from sync.report import page  # pygal
        from sync.wording import Attachment

        content = page(plan, as_of, config.policy).encode()
        return Attachment(f"huzhu-report-{as_of}.html", "text/html; charset=utf-8", content)

    return {"digest": report} if config.report.attach else {}


def mailer(config: Config) -> Mailer | None:
    """The configured way out for mail; None for `transport: none`."""
    return _MAILERS[config.mail.transport](config)


def _folder(config: Config) -> Mailer:
    from sync.mail import Folder

    return Folder(config.path(config.mail.folder), config.alliance.locale)


def _smtp(config: Config) -> Mailer:
    from sync.mail import Smtp

    smtp = config.mail.smtp
    if not smtp.host:
        raise SetupError("mail.transport 是 smtp，但没有填 mail.smtp.host", "mail.smtp.host is not set")
    return Smtp(
        smtp.host,
        smtp.port,
        smtp.security,
        _from_environment(smtp.username_env, "mail.smtp.username_env"),
        _from_file(config.path(smtp.password_file))
        if smtp.password_file
        else _from_environment(smtp.password_env, "mail.smtp.password_env"),
        smtp.timeout_seconds,
        locale=config.alliance.locale,
    )


_MAILERS: dict[str, Callable[[Config], Mailer | None]] = {"folder": _folder, "smtp": _smtp, "none": lambda _: None}


def _from_environment(name: str, setting: str) -> str:
    """The secret in environment variable *name*; "" when no variable is named."""
    from sync import secret

    held = secret.from_environment(name, setting) if name else ""
    if held is None:
        raise SetupError(f"{setting} 所指的环境变量 {name} 没有设置", f"the environment variable {name} is not set")
    return held


def _from_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:  # without the path: people write the password itself there
        reason = getattr(error, "strerror", None) or "UTF-8?"
        raise SetupError(
            f"读不了 mail.smtp.password_file 所指的文件：{reason}",
            f"cannot read the file that mail.smtp.password_file names: {reason}",
        ) from None


def speaker(config: Config) -> Speaker | None:
    """The configured bot that tells the group; None for `bot: none`."""
    return _SPEAKERS[config.group.bot](config)


def _feishu(config: Config) -> Speaker:
    from sync.group import Bot, is_webhook  # requests

    group = config.group
    webhook = _from_environment(group.webhook_env, "group.webhook_env").strip()
    if not is_webhook(webhook):
        raise SetupError(
            f"环境变量 {group.webhook_env} 里不是飞书群机器人的地址。打开飞书群 → 群设置 → 群机器人 → 点这个机器人 → "
            "复制 Webhook 地址，整段放进去",
            f"{group.webhook_env} does not hold the address of a Feishu bot. Open the group → Settings → Bots → this "
            "bot → copy the whole webhook address into that environment variable",
        )
    link = group.link or _ADDRESSES.get(config.backend.kind, _nowhere)(config)
    if link and not link.startswith(("https://", "http://")):
        raise SetupError(
            f"group.link（{link}）不是网址，应以 https:// 开头", f"group.link ({link}) is not an address: https://…"
        )
    secret = _from_environment(group.secret_env, "group.secret_env").strip()
    return Bot(webhook, clock(config), secret, link, config.alliance.locale)


def _nowhere(_config: Config) -> str:
    return ""


def _google_address(config: Config) -> str:
    from sync.backends.google import spreadsheet_id

    ident = spreadsheet_id(config.backend.google.spreadsheet)
    return f"https://docs.google.com/spreadsheets/d/{ident}/edit" if ident else ""


def _feishu_address(config: Config) -> str:
    written = config.backend.feishu.base
    return written if written.startswith("https://") else ""


_ADDRESSES: dict[str, Callable[[Config], str]] = {"google": _google_address, "feishu": _feishu_address}
"""Where people open the sheet, for backends that have such an address."""

_SPEAKERS: dict[str, Callable[[Config], Speaker | None]] = {"feishu": _feishu, "none": lambda _: None}


def publisher(config: Config) -> Callable[[Plan, date], None]:
    """Writes the report to `report.path`; does nothing when that is blank."""

    def publish(plan: Plan, as_of: date) -> None:
        if config.report.path:
            from sync import files
            from sync.report import page  # pygal

            files.write(config.path(config.report.path), page(plan, as_of, config.policy))

    return publish


def mailroom(config: Config) -> Mailroom:
    """The outbox, for `huzhu outbox`."""
    from sync.mailroom import Mailroom

    outbox = renamed(config.schema.rename)[OUTBOX.name]
    return Mailroom(backend(config), config.zone, config.alliance.locale, outbox)


def worker(config: Config) -> Worker:
    """Everything a cycle needs, made from the configuration."""
    from sync import still
    from sync.worker import Worker  # the rules, and pandas with them

    sheet = backend(config)
    settled = partial(still.remember, config, sheet)
    return Worker(
        sheet,
        mailer(config),
        wording(config),
        config.policy,
        config.zone,
        clock(config),
        settled,
        speaker(config),
        publisher(config),
        _keeper(config),
    )


def _keeper(config: Config) -> Callable[[Snapshot], Words | None]:
    """Keeps evidence of each run; does nothing when `evidence.keep` is 0."""
    from sync import evidence

    limits = config.evidence
    if not limits.keep:
        return lambda _snapshot: None
    return partial(evidence.keep, config.home / evidence.FOLDER, most=limits.keep, max_mb=limits.max_mb)


def undo(config: Config, *, dry_run: bool = False) -> Undone:
    """The last run of this machine undone. dry_run: what that would put back."""
    from sync import evidence
    from sync.undo import undo

    last = evidence.last(config.home / evidence.FOLDER)
    return undo(backend(config), last, clock(config), dry_run=dry_run)


def replay(config: Config, name: str | None) -> Replay:
    """The run called *name* computed again, the last one of this machine without a name."""
    from sync import evidence
    from sync.replay import replay

    folder = config.home / evidence.FOLDER
    kept = evidence.named(folder, name) if name else evidence.last(folder)
    return replay(kept, wording(replace(config, alliance=kept.policy.alliance)))


def run(config: Config, as_of: date) -> Report:
    """One run: a look whether the sheet is still as the last run left it, and a whole cycle when it is not."""
    from sync import still

    return still.run(config, backend(config), as_of, clock(config)) or worker(config).run(as_of)

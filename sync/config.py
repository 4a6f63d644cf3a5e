"""config.yaml -> `Config`. Every key has a default; an unknown key is an error that names the nearest known one.

The rules' part of the file has the shape of rules/policy.py. Secrets never stand in the file: `*_env` names an
environment variable. Source: interface, section "config.yaml".
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_type_hints

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from rules.policy import (
    Alliance,
    CalendarPolicy,
    CreditPolicy,
    GroupPolicy,
    InventoryPolicy,
    LoansPolicy,
    MailPolicy,
    MatchingPolicy,
    OverduePolicy,
    PointsPolicy,
    Policy,
    PriorityPolicy,
    RunPolicy,
)
from rules.schema import renamed
from sync.calendar import official_days
from sync.errors import SetupError
from sync.shipped import shipped

FILE = "config.yaml"
VARIABLE = "HUZHU_CONFIG"


@dataclass(frozen=True, slots=True)
class WorkbookConfig:
    """backend.workbook: the local file, and how long to wait while somebody has it open."""

    path: str = "alliance.xlsx"
    wait_seconds: float = 60.0
    max_mb: int = 512


@dataclass(frozen=True, slots=True)
class GoogleConfig:
    """backend.google: the spreadsheet, and the service account that opens it."""

    spreadsheet: str = ""
    credentials_file: str = "service-account.json"
    credentials_env: str = ""
    timeout_seconds: float = 190.0
    deadline_minutes: float = 15.0
    url: str = "https://sheets.googleapis.com"


@dataclass(frozen=True, slots=True)
class FeishuConfig:
    """backend.feishu: the base, and the app that opens it."""

    domain: Literal["feishu", "larksuite"] = "feishu"
    base: str = ""
    app_id: str = ""
    app_secret_env: str = "FEISHU_APP_SECRET"  # noqa: S105 - the name of a variable
    timeout_seconds: float = 60.0
    deadline_minutes: float = 15.0
    write_gap_seconds: float = 0.5
    url: str = ""


@dataclass(frozen=True, slots=True)
class BackendConfig:
    """backend: where the shared sheet lives."""

    kind: Literal["workbook", "google", "feishu"] = "workbook"
    workbook: WorkbookConfig = WorkbookConfig()
    google: GoogleConfig = GoogleConfig()
    feishu: FeishuConfig = FeishuConfig()


@dataclass(frozen=True, slots=True)
class SchemaConfig:
    """schema.rename: table -> field -> the header that people gave it."""

    rename: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SmtpConfig:
    """mail.smtp: the mail server; user name and password come from the environment or a file."""

    host: str = ""
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username_env: str = ""
    password_env: str = ""
    password_file: str = ""
    timeout_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class MailConfig(MailPolicy):
    """mail: the rules' settings, and the way out."""

    folder: str = "outbox"
    sender: Annotated[str, Field(alias="from")] = "huzhu@localhost"
    templates: str = ""
    smtp: SmtpConfig = SmtpConfig()


@dataclass(frozen=True, slots=True)
class GroupConfig(GroupPolicy):
    """group: the rules' setting, and the bot. Its address and its secret come from the environment."""

    webhook_env: str = "HUZHU_GROUP_WEBHOOK"
    secret_env: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class ReportConfig:
    """report: where a run writes the page about the alliance, nowhere when blank; whether it goes with the digest."""

    path: str = ""
    attach: bool = False


@dataclass(frozen=True, slots=True)
class WatchConfig:
    """watch: when `huzhu watch` runs a cycle, in the alliance's time."""

    weekly: str = "monday 09:07"
    daily: str = "09:07"
    p0_minutes: int = 15


@dataclass(frozen=True, slots=True)
class EvidenceConfig:
    """evidence: how many runs are kept for `undo` and `replay`, and how much room they may take."""

    keep: Annotated[int, Field(ge=0, le=10_000)] = 20
    max_mb: Annotated[float, Field(ge=0)] = 50.0


@dataclass(frozen=True, slots=True)
class Config:
    """Everything the operator can set. home is the folder of the file: relative paths start there."""

    alliance: Alliance = Alliance()
    backend: BackendConfig = BackendConfig()
    schema: SchemaConfig = field(default_factory=SchemaConfig)
    run: RunPolicy = RunPolicy()
    watch: WatchConfig = WatchConfig()
    points: PointsPolicy = PointsPolicy()
    priority: PriorityPolicy = PriorityPolicy()
    loans: LoansPolicy = LoansPolicy()
    overdue: OverduePolicy = OverduePolicy()
    inventory: InventoryPolicy = InventoryPolicy()
    matching: MatchingPolicy = MatchingPolicy()
    credit: CreditPolicy = CreditPolicy()
    mail: MailConfig = field(default_factory=MailConfig)
    group: GroupConfig = GroupConfig()
    calendar: CalendarPolicy = CalendarPolicy()
    report: ReportConfig = ReportConfig()
    evidence: EvidenceConfig = EvidenceConfig()
    home: Path = Path()

    @property
    def policy(self) -> Policy:
        """The part of it that the rules use."""
        names = {f.name for f in dataclasses.fields(Policy)} - {"official", "rename"}
        settings = {name: getattr(self, name) for name in names}
        return Policy(**settings, official=official_days(self.calendar.country), rename=self.schema.rename)

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The alliance's time zone."""
        return zoneinfo.ZoneInfo(self.alliance.timezone)

    def path(self, written: str) -> Path:
        """A path of the file: relative ones start at the file's folder."""
        return (self.home / Path(written).expanduser()).resolve()


def config_path(given: str | None) -> Path:
    """The file to read: *given*, else $HUZHU_CONFIG, else ./config.yaml."""
    return Path(given or os.environ.get(VARIABLE) or FILE)


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The quick one, where PyYAML was built with it."""


def load(path: Path) -> Config:
    """The settings in *path*.

    Raises SetupError, one sentence naming the file and the key, for anything that cannot be used.
    """
    try:
        node = yaml.load(path.read_text(encoding="utf-8-sig"), _LOADER) or {}  # noqa: S506  # safe, either of them
    except FileNotFoundError:
        raise SetupError(
            f"找不到配置文件 {path}。先运行 huzhu init，或用 --config 指定",
            f"There is no configuration file {path}. Run huzhu init first, or give --config",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"读不了配置文件 {path}：{error}", f"Cannot read {path}: {error}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: 2026-02-30 looks like a day
        where = _line(error)
        raise SetupError(f"{path}{where[0]} 不是有效的 YAML", f"{path}{where[1]} is not valid YAML") from None
    if not isinstance(node, dict):
        raise SetupError(f"{path} 应该是一组「键: 值」", f"{path} should hold `key: value` lines")
    return _checked({key: {} if value is None else value for key, value in node.items()}, path)


def write_default(path: Path) -> bool:
    """Whether the shipped settings were written to *path*: False when it exists already."""
    if path.exists():
        return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(shipped(FILE).read_text(encoding="utf-8"), encoding="utf-8")
    except OSError as error:
        raise SetupError(f"写不了 {path}：{error.strerror}", f"cannot write {path}: {error.strerror}") from error
    return True


def _line(error: Exception) -> tuple[str, str]:
    mark = getattr(error, "problem_mark", None)
    return (f" 第 {mark.line + 1} 行", f", line {mark.line + 1},") if mark else ("", "")


def _checked(node: Mapping[str, Any], path: Path) -> Config:
    if unknown := _unknown(node, Config):
        key, near = unknown
        raise SetupError(
            f"{path}: 没有「{key}」这一项" + (f"，是不是 {near}？" if near else ""),
            f"{path}: there is no setting {key}" + (f"; do you mean {near}?" if near else ""),
        )
    try:
        config = _shape().validate_python(dict(node))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        given = "" if isinstance(first["input"], dict) or _secretive(key) else f" {first['input']!r}"
        raise SetupError(
            f"{path}: {key}{given} 不能用：{first['msg']}", f"{path}: {key}{given} cannot be used: {first['msg']}"
        ) from None
    config = dataclasses.replace(config, home=path.resolve().parent)
    _check_names(config, path)
    return config


_SECRETIVE = ("mail.smtp", "group", "backend.google", "backend.feishu")
"""Where people write the secret itself, though it stands in the environment: what they wrote is shown nowhere."""


def _secretive(key: str) -> bool:
    """True for the settings in and around those."""
    return any(f"{key}.".startswith(f"{one}.") or one.startswith(f"{key}.") for one in _SECRETIVE)


@cache
def _shape() -> TypeAdapter[Config]:
    return TypeAdapter(Config)


def _check_names(config: Config, path: Path) -> None:
    """Names that must exist elsewhere: the time zone, the tables and fields of schema.rename."""
    try:
        _ = config.zone
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        name = config.alliance.timezone
        raise SetupError(
            f"{path}: 没有时区 {name}，例如 Asia/Shanghai", f"{path}: no time zone {name}; e.g. Asia/Shanghai"
        ) from None
    try:
        renamed(config.schema.rename)
    except KeyError as error:
        raise SetupError(
            f"{path}: schema.rename 里没有 {error.args[0]} 这个表或列，见 huzhu schema",
            f"{path}: schema.rename: there is no table or column {error.args[0]}, see huzhu schema",
        ) from None


_NO_ALIASES: Mapping[str, str] = MappingProxyType({})
_ALIASES: Mapping[type, Mapping[str, str]] = {MailConfig: {"sender": "from"}}


def _unknown(node: Mapping[str, Any], shape: type, above: str = "") -> tuple[str, str] | None:
    """The first key of *node* that *shape* does not have, and the nearest one that it has ("" when none is near).

    Of a word without a value, which may be a secret that lost its key, no more than where it stands.
    """
    aliases = _ALIASES.get(shape, _NO_ALIASES)
    hints = get_type_hints(shape)
    known = {aliases.get(f.name, f.name): hints[f.name] for f in dataclasses.fields(shape) if f.name != "home"}
    for key, value in node.items():
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hidden = value is None and _secretive(above.rstrip("."))
            return f"{above}{'…' if hidden else key}", f"{above}{near[0]}" if near else ""
        if isinstance(value, dict) and dataclasses.is_dataclass(known[key]):
            deeper = _unknown(value, known[key], f"{above}{key}.")
            if deeper:
                return deeper
    return None

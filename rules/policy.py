"""What the alliance agreed on, as numbers: every rule's settings with their defaults.

The same declaration is the shape of `config.yaml` (sync/config.py reads it into these classes), so a setting is one
line here and one commented line there. Source: rules, "Defaults below are the values in the shipped config.yaml".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, get_args

from rules.words import Words

UNIT = "unit"


class PolicyError(ValueError):
    """A setting has a value that no rule can work with; the text names the setting and what it may be."""


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise PolicyError(f"{name}: {value} is not within {least}..{most}")


@dataclass(frozen=True, slots=True)
class PointsPolicy:
    """Help once, one point; be helped once, one point less (rules, section 2)."""

    help: int = 1
    receive: int = 1
    per: Literal["loan", "unit"] = "loan"
    floor: int = 0

    def __post_init__(self) -> None:
        _within("points.help", self.help, 0, 1000)
        _within("points.receive", self.receive, 0, 1000)


@dataclass(frozen=True, slots=True)
class PriorityPolicy:
    """What proves a public-opinion crisis, and what counts as a long wait (rules, section 3)."""

    sensitive_types: tuple[str, ...] = ("媒体", "意见领袖", "大V", "网红")
    sensitive_wait_days: int = 14
    long_wait_days: int = 14
    soon_days: int = 2


@dataclass(frozen=True, slots=True)
class LoansPolicy:
    """Terms of a loan that its row leaves blank, and after how many days a parcel should show."""

    default_days: int = 14
    recall_days: int = 1
    tracking_days: int = 2
    transit_days: int = 4

    def __post_init__(self) -> None:
        _within("loans.default_days", self.default_days, 1, 3650)
        _within("loans.recall_days", self.recall_days, 0, 365)
        _within("loans.tracking_days", self.tracking_days, 0, 365)
        _within("loans.transit_days", self.transit_days, 0, 365)


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the ladder: *offset* days from the due date; cc names roles: lender, supervisor."""

    stage: str
    offset: int
    cc: tuple[Literal["lender", "supervisor"], ...] = ()


LADDER = (
    Rung("prepare", -7),
    Rung("friendly", -3),
    Rung("formal", 0, ("lender",)),
    Rung("escalate", 3, ("lender", "supervisor")),
    Rung("compensate", 7, ("lender", "supervisor")),
)


@dataclass(frozen=True, slots=True)
class OverduePolicy:
    """The ladder of reminders (rules, section 4)."""

    ladder: tuple[Rung, ...] = LADDER

    def __post_init__(self) -> None:
        offsets = [rung.offset for rung in self.ladder]
        if not offsets or offsets != sorted(set(offsets)):
            raise PolicyError("overdue.ladder: the offsets must rise from rung to rung")
        if len({rung.stage for rung in self.ladder}) != len(offsets):
            raise PolicyError("overdue.ladder: two rungs have one name")
        if unknown := {rung.stage for rung in self.ladder} - {rung.stage for rung in LADDER}:
            raise PolicyError(f"overdue.ladder: no letter is written for stage {min(unknown)}")


@dataclass(frozen=True, slots=True)
class InventoryPolicy:
    """Defaults of the inventory rows, and when a count is old and a part dead."""

    safety_stock: int = 0
    stale_days: int = 7
    dead_days: int = 90

    def __post_init__(self) -> None:
        _within("inventory.safety_stock", self.safety_stock, 0, 1_000_000)
        _within("inventory.stale_days", self.stale_days, 0, 3650)
        _within("inventory.dead_days", self.dead_days, 1, 3650)


@dataclass(frozen=True, slots=True)
class MatchingWeights:
    """How much each figure counts in a lender's score; only their ratios matter."""

    terms: float = 0.30
    proximity: float = 0.25
    coverage: float = 0.15
    slack: float = 0.10
    reciprocity: float = 0.10
    dead_stock: float = 0.10

    def __post_init__(self) -> None:
        figures = [getattr(self, name) for name in self.__slots__]
        for name, value in zip(self.__slots__, figures, strict=True):
            _within(f"matching.weights.{name}", value, 0, 1000)
        if not sum(figures) > 0:
            raise PolicyError("matching.weights: at least one of them must be above 0")


@dataclass(frozen=True, slots=True)
class TermsScores:
    """How welcome each of a lender's terms is, 0..1; a lender that states none is as welcome as the first."""

    borrow_and_return: float = 1.0
    swap: float = 0.7
    compensation: float = 0.4

    def __post_init__(self) -> None:
        for name in self.__slots__:
            _within(f"matching.terms.{name}", getattr(self, name), 0, 1)


@dataclass(frozen=True, slots=True)
class MatchingPolicy:
    """Who is asked to lend, and in which order (rules, section 6)."""

    p0_keep: int = 0
    road_factor: float = 1.25
    kmh: float = 60.0
    handling_hours: float = 4.0
    near_km: float = 1000.0
    plenty: int = 3
    split_cost: float = 0.5
    weights: MatchingWeights = MatchingWeights()
    terms: TermsScores = TermsScores()

    def __post_init__(self) -> None:
        _within("matching.p0_keep", self.p0_keep, 0, 1_000_000)
        _within("matching.road_factor", self.road_factor, 1, 10)
        _within("matching.kmh", self.kmh, 1, 1000)
        _within("matching.handling_hours", self.handling_hours, 0, 1000)
        _within("matching.near_km", self.near_km, 1, 100_000)
        _within("matching.plenty", self.plenty, 1, 1_000_000)
        _within("matching.split_cost", self.split_cost, 0, 100)


@dataclass(frozen=True, slots=True)
class CreditPolicy:
    """How far a member is trusted (rules, section 7)."""

    max_units: int = 5

    def __post_init__(self) -> None:
        _within("credit.max_units", self.max_units, 1, 1_000_000)


@dataclass(frozen=True, slots=True)
class RunPolicy:
    """The rhythm of the worker: days between runs, and the gap after which old letters are held."""

    cadence_days: int = 7
    quiet_gap_days: int = 30
    lease_minutes: int = 15

    def __post_init__(self) -> None:
        _within("run.cadence_days", self.cadence_days, 1, 31)
        _within("run.quiet_gap_days", self.quiet_gap_days, 1, 3650)
        _within("run.lease_minutes", self.lease_minutes, 0, 24 * 60)


MailKind = Literal[
    "overdue",
    "recall",
    "moved",
    "ask",
    "result",
    "petition",
    "arrived",
    "returned",
    "thanks",
    "statement",
    "digest",
    "problems",
]
MAIL_KINDS: tuple[MailKind, ...] = get_args(MailKind)
"""The kinds of mail, the most pressing first: when a run may not send all, these go first."""


@dataclass(frozen=True, slots=True)
class MailPolicy:
    """Which mail is written, and its brakes (rules, section 5)."""

    transport: Literal["folder", "smtp", "none"] = "folder"
    kinds: Mapping[MailKind, bool] = field(default_factory=lambda: dict.fromkeys(MAIL_KINDS, True))
    max_attempts: int = 5
    max_per_run: int = 200
    reread_after_minutes: int = 10
    keep_days: int = 90

    def __post_init__(self) -> None:
        _within("mail.max_attempts", self.max_attempts, 1, 100)
        _within("mail.max_per_run", self.max_per_run, 0, 100_000)
        _within("mail.keep_days", self.keep_days, 0, 10_000)

    @property
    def rows_only(self) -> bool:
        """True when nothing leaves from here: a row that is written is as good as a letter sent."""
        return self.transport == "none"

    def writes(self, kind: MailKind) -> bool:
        """True unless this kind of mail is switched off."""
        return self.kinds.get(kind, True)


@dataclass(frozen=True, slots=True)
class GroupPolicy:
    """Whether the alliance's group is told what is new (rules/group.py)."""

    bot: Literal["none", "feishu"] = "none"

    @property
    def writes(self) -> bool:
        """True when there is a bot that tells the group."""
        return self.bot != "none"


@dataclass(frozen=True, slots=True)
class CalendarPolicy:
    """Whose published holidays count, and whether reminders keep to workdays (rules/workdays.py)."""

    country: Literal["CN", "none"] = "CN"
    workdays_only: bool = False


@dataclass(frozen=True, slots=True)
class OfficialDays:
    """What a state has published: no setting, but what the settings' country stands for.

    off: days off by decree and the holiday each belongs to, weekends within it too. worked: weekend days worked in
    exchange. last_year: the last one it is complete for; None when nothing is published, and so nothing is missing.
    """

    off: Mapping[date, Words] = field(default_factory=dict)
    worked: frozenset[date] = frozenset()
    last_year: int | None = None


@dataclass(frozen=True, slots=True)
class Alliance:
    """Who we are."""

    name: str = "互助联盟"
    timezone: str = "Asia/Shanghai"
    locale: Literal["zh", "en"] = "zh"
    coordinator_email: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """Every number the rules use. rename: table -> field -> the header people gave it."""

    alliance: Alliance = Alliance()
    points: PointsPolicy = PointsPolicy()
    priority: PriorityPolicy = PriorityPolicy()
    loans: LoansPolicy = LoansPolicy()
    overdue: OverduePolicy = OverduePolicy()
    inventory: InventoryPolicy = InventoryPolicy()
    matching: MatchingPolicy = MatchingPolicy()
    credit: CreditPolicy = CreditPolicy()
    run: RunPolicy = RunPolicy()
    mail: MailPolicy = field(default_factory=MailPolicy)
    group: GroupPolicy = GroupPolicy()
    calendar: CalendarPolicy = CalendarPolicy()
    official: OfficialDays = field(default_factory=OfficialDays)
    rename: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

"""Clocks that lie, days that are missed, and a first run on a sheet of five years.

A clock jumps back, or a month ahead and back again, also while the power goes; a run begins a second before midnight;
an hour comes twice or never; nobody runs the worker for a fortnight. Each case is tried on every backend.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from rules.policy import Rung
from rules.values import MailStatus
from sync.mailroom import Mailroom
from tests.chaos import story
from tests.chaos.crash import Moment, killed
from tests.chaos.life import BUSY, DONE, LEFT, Figures, Life, Trial, law, told
from tests.chaos.mornings import Mornings
from tests.chaos.places import Alliance, Online
from tests.rules.sheets import loan

BERLIN = ZoneInfo("Europe/Berlin")
TWICE, NEVER = datetime(2025, 10, 26, tzinfo=UTC), datetime(2026, 3, 29, tzinfo=UTC)
"""Midnight, Greenwich time, of the days on which an hour comes twice in Berlin, or never."""
WRITING = {"workbook": ("step", range(20, 40)), "google": ("called", range(3, 4)), "feishu": ("called", range(52, 57))}
"""Between which steps a run is in the middle of its writes."""


def trials(mornings: Mornings) -> Trial:
    """The cases in turn, every time somewhat otherwise."""

    def trial(seed: int, figures: Figures) -> bool:
        case = CASES[seed % len(CASES)]
        morning = mornings(0, OLD) if case is five_years else mornings()
        with morning.copied(figures) as life, told(case.__name__):
            case(life, random.Random(seed))
            check_rungs(life)
        return True

    return trial


def lived(life: Life, numbers: Sequence[int], hour: float = 9) -> None:
    """A run on each of these days. What people do in a night they do once."""
    for number in numbers:
        code = life.run(story.day(number), story.moment(number, hour))
        law(code in (DONE, LEFT), f"the run of day {number} ended with {code}")
    state = life.state(story.moment(max(numbers) + 60))
    life.check_mail(state)


def nights(life: Life, first: int, last: int) -> None:
    for number in range(first, last + 1):
        story.night(life, number)


def set_back(life: Life, chance: random.Random) -> None:
    """A clock that jumps back: what was told is not told again, and nothing is forgotten when it goes on."""
    day, back = chance.randint(3, 8), chance.randint(1, 3)
    lived(life, range(day))
    nights(life, 1, day)
    lived(life, [day, day - back, day, day + 1, day + 2])


def month_ahead(life: Life, chance: random.Random) -> None:
    """A clock that runs a month ahead, during which the power goes; set right again it locks nobody out."""
    day = chance.randint(2, 6)
    lived(life, range(day))
    what, numbers = WRITING[life.place.name]
    moment = Moment(what, chance.choice(numbers))
    law(killed(life, story.day(day + 31), story.moment(day + 31), moment) < 0, "it was to be killed")
    lived(life, [day, day + 1])
    life.settle(story.moment(day + 1, 12))
    lived(life, [day + 2, day + 31, day + 3])


def midnight(life: Life, chance: random.Random) -> None:
    """A run that begins in the last second of a day and ends in the next; the next day's begins at its first."""
    for number in range(3):
        story.night(life, number)
        ticks = iter(range(10**6))
        begun, step = story.moment(number, 24) - timedelta(seconds=1), timedelta(seconds=chance.uniform(0.1, 3))
        code = life.run(story.day(number), lambda begun=begun, step=step, ticks=ticks: begun + next(ticks) * step)
        law(code in (DONE, LEFT), f"the run at midnight ended with {code}")
        lived(life, [number + 1], hour=0.25)


def hour_twice_or_never(life: Life, chance: random.Random) -> None:
    """The turn of a run that broke off lasts as long as ever, whatever the clock on the wall shows."""
    if not isinstance(life.place, Online):
        return  # a file is locked by the system, and by nobody's clock
    began = chance.choice((TWICE, NEVER)) + timedelta(minutes=chance.randrange(-10, 90))
    what, calls = WRITING[life.place.name]
    day = began.date()

    def berlin(minutes: float) -> datetime:
        return (began + timedelta(minutes=minutes)).astimezone(BERLIN)

    moment = Moment(what, chance.choice(calls))
    law(killed(life, day, berlin(0), moment) < 0, "it was to be killed")
    for minutes, codes in ((1, [BUSY]), (13, [BUSY]), (17, [DONE, LEFT]), (90, [DONE, LEFT])):
        code = life.run(day, berlin(minutes))
        law(code in codes, f"{minutes} minutes after {berlin(0)} a run ended with {code}")
    life.check_mail(life.state(berlin(120)))


def fortnight(life: Life, chance: random.Random) -> None:
    """Nobody runs it for two weeks: only the step that is due now is told, and the rest follows in its time."""
    day = chance.randint(1, 4)
    nights(life, 1, day)
    lived(life, [day])
    nights(life, day + 1, day + 14)
    before = len(life.taken())
    lived(life, [day + 14])
    mails, stages = life.state(story.moment(40)).mails, defaultdict(list)
    for ident in life.taken()[before:]:
        for loan_id, due, stage in _rungs(mails[ident].items):
            stages[loan_id, due].append(stage)
    law(all(len(made) == 1 for made in stages.values()), f"more than one step of a loan: {dict(stages)}")
    lived(life, range(day + 15, day + 19))


FIRST = date(2020, 10, 13)
OLD: Alliance = {
    **story.ALLIANCE,
    "loans": [
        *story.ALLIANCE["loans"],
        *(
            loan(
                f"O-{number:03}",
                *(("华东", "华北"), ("西北", "华中"), ("华中", "华南"))[number % 3],
                借出日期=(FIRST + timedelta(days=10 * number)).isoformat(),
                **({} if number % 7 == 0 else {"归还日期": (FIRST + timedelta(days=10 * number + 11)).isoformat()}),
            )
            for number in range(180)
        ),
    ],
}
"""Five years of loans, every seventh of which never came back, as far as anybody wrote it down."""


def five_years(life: Life, chance: random.Random) -> None:
    """A first run: letters about old cases are held, not sent, until a person lets one go."""
    lived(life, [0])
    mails = life.state(story.moment(1)).mails
    old = {
        ident for ident, mail in mails.items() if any(loan_id.startswith("O-") for loan_id, _, _ in _rungs(mail.items))
    }
    law(old, "no old case was found")
    law(not old & set(life.taken()), "a letter about an old case left")
    law({mails[ident].status for ident in old} == {MailStatus.HELD}, "a letter about an old case is not held")
    life.figures["held"] += len(old)
    chosen = chance.choice(sorted(old))
    Mailroom(life.place.backend(lambda: story.moment(0, 12)), story.ZONE, "zh").act("release", [chosen])
    lived(life, [1])
    law(set(life.taken()) & old == {chosen}, "another one left than was let go")


CASES: Sequence[Callable[[Life, random.Random], None]] = (
    set_back, month_ahead, midnight, hour_twice_or_never, fortnight, five_years,
)  # fmt: skip


def _rungs(keys: Sequence[str]) -> list[tuple[str, str, str]]:
    """(loan, due date, stage) of each reminder among *keys*."""
    parts = (key.removeprefix("overdue:").rsplit(":", 2) for key in keys if key.startswith("overdue:"))
    return [(loan_id, due, stage) for loan_id, stage, due in parts]


def check_rungs(life: Life) -> None:
    """For one due date of a loan the steps left in their order."""
    order = [rung.stage for rung in _ladder(life)]
    mails, left = life.state(story.moment(200)).mails, defaultdict(list)
    for ident in life.taken():
        for loan_id, due, stage in _rungs(mails[ident].items):
            left[loan_id, due].append(order.index(stage))
    law(all(made == sorted(set(made)) for made in left.values()), f"steps out of order: {dict(left)}")


def _ladder(life: Life) -> Sequence[Rung]:
    return life.policy.overdue.ladder

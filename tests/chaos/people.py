"""People who never stop: they sort, insert, delete, type and add between any two steps of a run, and it may be killed.

Nothing of theirs changes, and nothing is misplaced: each result sits with its key and follows from what stood in the
sheet when the worker read it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from rules.changes import canonical
from rules.schema import MEMBER_TABLES, Kind
from sync.backends.memory import Memory
from sync.runlog import Tally
from sync.worker import planned
from tests.chaos import story
from tests.chaos.crash import Moment, killed
from tests.chaos.life import DONE, FAILED, LEFT, WORDS, Broken, Figures, Life, Trial, law
from tests.chaos.mornings import Mornings
from tests.chaos.places import Online, Rows
from tests.rules.sheets import BY_NAME, loan
from tests.sync.cycles import COMPUTED

EDITED = ("借调记录", "借调记录", "求助", "成员", "库存")
CENTERS = ("华北", "华东", "华中", "西北", "华南")
TABLES = {table.title: table for table in MEMBER_TABLES}
ANYTHING = (None, "乱写", 7, story.on(3), "=1+1", "是", "\x0b")
FITTING: dict[Kind, tuple[Any, ...]] = {
    Kind.COUNT: (None, 0, 2, -1, 1.5),
    Kind.MONEY: (None, 12.5, -3),
    Kind.NUMBER: (None, 30.25),
    Kind.DATE: (None, story.on(3), f"{story.on(-5)} 15:30"),
    Kind.MOMENT: (None, f"{story.on(-5)} 15:30"),
    Kind.FLAG: (True, False),
}
"""What a page takes in a field of that kind; any text in all others."""


class People:
    """They edit before every step, and see to it that the step before changed nothing of theirs."""

    def __init__(self, life: Life, chance: random.Random) -> None:
        self.life, self.chance = life, chance
        self.read: dict[str, Rows] = {}
        """What the members' tabs showed when the worker read them last."""
        self.spoilt = False
        """Whether somebody took away what the worker wrote."""

    def __call__(self, reads: Sequence[str]) -> None:
        self.life.check_members()
        edits = self.chance.choice((0, 0, 1, 2) if self.life.place.server else (*[0] * 7, 1))
        if edits:
            self.life.edit(lambda person: sum(self._edit(person) for _ in range(edits)))
        for title in reads:
            self.read[title] = self.life.place.shown(title)

    def _edit(self, person: Any) -> int:
        title = self.chance.choice(EDITED)
        act = self.chance.choice(
            (self._sort, self._insert, self._delete, self._type, self._type, self._add, self._widen)
        )
        act(person, title, len(person.rows(title)))
        return 1

    def _sort(self, person: Any, title: str, _rows: int) -> None:
        header = self.chance.choice([header for header in person.rows(title)[0] if header])
        person.sort(title, header, descending=self.chance.random() < 0.5)

    def _insert(self, person: Any, title: str, rows: int) -> None:
        person.insert(title, self.chance.randint(2, max(rows, 2)))

    def _delete(self, person: Any, title: str, rows: int) -> None:
        if title != "成员" and rows > 4:
            person.delete(title, self.chance.randint(2, rows))

    def _type(self, person: Any, title: str, rows: int) -> None:
        headers = person.rows(title)[0]
        column = self.chance.choice([c for c in TABLES[title].typed if not c.required and c.header in headers])
        words = (*column.choices, None) if column.kind is Kind.CHOICE else ANYTHING[:2] + ANYTHING[3:6]
        value = self.chance.choice(FITTING.get(column.kind, words) if person.strict else ANYTHING[:6])
        if rows > 1:
            person.type(title, self.chance.randint(2, rows), column.header, value)

    def _add(self, person: Any, title: str, _rows: int) -> None:
        if title == "借调记录":
            cells = loan(f"N-{self.chance.randrange(10**6)}", *self.chance.sample(CENTERS, 2), 借出日期=story.on(-12))
            story.edit(person, [("add", "loans", cells)])

    def _widen(self, person: Any, title: str, _rows: int) -> None:
        if self.chance.random() < 0.2:
            person.widen(title)
        elif title in ("借调记录", "求助") and self.chance.random() < 0.1:
            self.spoilt |= person.spoil(title, self.chance)


def trials(mornings: Mornings) -> Trial:
    """A run among people, and another one the next day when they sleep: other edits in each."""

    def trial(seed: int, figures: Figures) -> bool:
        with mornings().copied(figures) as life:
            _trial(life, random.Random(seed))
        return True

    return trial


def _trial(life: Life, chance: random.Random) -> None:
    people, now = People(life, chance), story.moment(0)
    life.place.disturb(people)
    if chance.random() < 0.3 and isinstance(life.place, Online):
        killed(life, story.day(0), now, Moment(chance.choice(("call", "called")), chance.randrange(60)))
        now += timedelta(minutes=20)
    now = _once_through(life, now)
    life.place.disturb(None)
    if not people.spoilt:
        check_results(life, people.read, now)
    now += timedelta(days=1)
    law(life.run(now.date(), now) in (DONE, LEFT), "the next day's run failed")
    life.settle(now)
    law(life.run(now.date(), now + timedelta(hours=1)) in (DONE, LEFT), "the last run failed")
    ahead = planned(
        life.place.backend(lambda: now + timedelta(hours=2)).read, WORDS, life.policy, story.ZONE, now.date(), Tally()
    )
    law(ahead.changes == (), f"still to be written: {[change.table.name for change in ahead.changes]}")
    life.place.check_around()
    life.check_mail(life.state(now + timedelta(hours=2)))


def _once_through(life: Life, now: datetime) -> datetime:
    """When a run came through: one that gave up because people never stopped is run again, as a timer does."""
    for _ in range(6):
        code = life.run(story.day(0), now)
        law(code in (DONE, LEFT, FAILED), f"a run among people ended with {code}")
        if code != FAILED:
            return now
        now += timedelta(minutes=1)
    raise Broken("six runs in a row gave up")


def check_results(life: Life, read: dict[str, Rows], now: datetime) -> None:
    """Every result sits with its key: each tab holds what follows from those cells of the members."""
    plan = planned(Memory(read).read, WORDS, life.policy, story.ZONE, story.day(0), Tally()).plan
    found = life.state(now + timedelta(days=9)).tables
    for name in COMPUTED:
        law(list(found[name]) == canonical(BY_NAME[name], plan.rows[name]), f"{name} does not follow")

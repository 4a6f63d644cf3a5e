"""Cells of a base: what each type of field reads as, and that what we write reads back as we meant it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.schema import Column, Kind
from rules.values import Cell
from rules.words import Words
from sync.feishu.cells import MOST_CHARACTERS, decoded, encoded, zone_of
from tests.emulators.feishu import cells as theirs
from tests.emulators.feishu.cells import KINDS
from tests.emulators.feishu.model import Field
from tests.emulators.feishu.stage import Stage, sample

CHINA = ZoneInfo("Asia/Shanghai")
MORNING = 1_690_992_000_000
"""2023-08-03 00:00 in China, as a sample has it."""


def wall(*parts: int) -> datetime:
    """What a clock on the wall shows, wherever that is."""
    return datetime(*parts)  # noqa: DTZ001


def read(code: int, value: Any, zone: ZoneInfo = CHINA) -> Cell:
    return decoded({"type": code, "field_name": "列"}, value, zone)


def written(kind: Kind, cell: Cell, zone: ZoneInfo = CHINA) -> Any:
    return encoded(Column("f", "列", kind, Words("", "")), cell, zone)


# From a base

SHOWN = {
    "text": (1, [{"type": "text", "text": "甲\n"}, {"type": "text", "text": "乙"}], "甲\n乙"),
    "text with a link": (1, [{"type": "text", "text": "见 "}, {"type": "url", "link": "u", "text": "此处"}], "见 此处"),
    "text with a mention": (1, [{"type": "mention", "text": "@张三", "token": "ou_1", "mentionType": "User"}], "@张三"),
    "text of the older listing": (1, "007", "007"),
    "mail address": (1, [{"type": "url", "link": "mailto:a@b.cn", "text": "a@b.cn"}], "a@b.cn"),
    "number": (2, 0.66, 0.66),
    "zero": (2, 0, 0),
    "number of the older listing": (2, "12.50", 12.5),
    "whole number of the older listing": (2, "3", 3),
    "number that is none": (2, "n/a", "n/a"),
    "option": (3, "P0", "P0"),
    "options": (4, ["甲", "乙"], "甲、乙"),
    "date": (5, MORNING, wall(2023, 8, 3)),
    "date beyond all calendars": (5, 10**18, 10**18),
    "ticked": (7, True, True),
    "not ticked": (7, False, False),
    "person": (11, [{"id": "ou_1", "name": "张三", "en_name": "Zhang"}], "张三"),
    "people": (11, [{"id": "ou_1", "name": "张三"}, {"id": "ou_2", "name": ""}], "张三、ou_2"),
    "telephone": (13, "13800000000", "13800000000"),
    "link": (15, {"link": "https://a.cn", "text": "主页"}, "主页"),
    "link without words": (15, {"link": "https://a.cn", "text": ""}, "https://a.cn"),
    "files": (17, [{"file_token": "t", "name": "a.png"}, {"file_token": "u", "name": "b.png"}], "a.png、b.png"),
    "rows": (18, {"link_record_ids": ["rec1", "rec2"]}, "rec1、rec2"),
    "row from both sides": (21, {"link_record_ids": ["rec1"]}, "rec1"),
    "looked up number": (19, {"type": 2, "value": [3]}, 3),
    "looked up numbers": (19, {"type": 2, "value": [3, 4.5]}, "3、4.5"),
    "looked up date": (19, {"type": 5, "value": [MORNING]}, wall(2023, 8, 3)),
    "looked up people": (19, {"type": 11, "value": [{"id": "1", "name": "张三"}, {"id": "2", "name": "李四"}]}, "张三、李四"),
    "formula of text": (20, {"type": 1, "value": [{"type": "text", "text": "✅ "}, {"type": "text", "text": "正常"}]}, "✅ 正常"),
    "formula of an option": (20, {"type": 3, "value": ["P1"]}, "P1"),
    "formula of a box": (20, {"type": 7, "value": [True]}, True),
    "formula without its list": (20, {"type": 2, "value": 7}, 7),
    "formula without its type": (20, 7, 7),
    "place": (22, {"location": "1,2", "name": "", "address": "人民路 1 号", "full_address": "北京人民路 1 号"}, "北京人民路 1 号"),
    "group": (23, [{"id": "oc_1", "name": "互助群"}], "互助群"),
    "made at": (1001, MORNING + 1500, wall(2023, 8, 3, 0, 0, 1, 500_000)),
    "made by": (1003, [{"id": "ou_1", "name": "张三"}], "张三"),
    "made by, as documented": (1003, {"id": "ou_1", "name": "张三"}, "张三"),
    "number in order": (1005, "ET000000009", "ET000000009"),
    "stage, button and types to come": (3001, {"title": "按钮"}, None),
}  # fmt: skip


@pytest.mark.parametrize(("code", "value", "cell"), SHOWN.values(), ids=SHOWN)
def test_each_type_reads_as_what_it_shows(code: int, value: Any, cell: Cell) -> None:
    found = read(code, value)
    assert found == cell
    assert type(found) is type(cell)


@pytest.mark.parametrize("code", sorted({kind.code for kind in KINDS.values()}))
@pytest.mark.parametrize(
    "empty", [None, [], "", {"link_record_ids": None}, {"link_record_ids": []}, {"type": 1, "value": []}, [{"text": ""}]],
    ids=str,
)  # fmt: skip
def test_every_way_to_be_empty_is_none(code: int, empty: Any) -> None:
    assert read(code, empty) is None


def test_the_samples_read_as_people_saw_them() -> None:
    kinds = {one["field_name"]: one for one in sample("40")["body"]["data"]["items"]}
    first = sample("41")["body"]["data"]["items"][0]["fields"]
    seen = {name: decoded(kinds[name], value, CHINA) for name, value in first.items()}
    assert seen["安全状态"] == "生命危险，急需救援"
    assert seen["特殊情况"] == "有老人"
    assert seen["补充说明"] == "有两位老人"
    assert seen["提交人"] == "访客 14028"
    assert seen["提交时间"] == wall(2025, 12, 18, 19, 31, 28)
    assert seen["编号"] == "9"
    lines = sample("43")["body"]
    assert read(1, lines["自我介绍"]) == "第一行\n第二行\n第三行"
    assert str(read(20, lines["形象照链接"])).startswith("https://example.feishu.cn/")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["text", "type", "value", "link_record_ids", "name", "id", "x"]), inner, max_size=3),
    max_leaves=4,
)  # fmt: skip


@settings(max_examples=60)
@given(code=st.sampled_from([*(kind.code for kind in KINDS.values()), 24, 25, 999, None, "1", []]), value=JSON)
def test_no_answer_breaks_the_reading(code: Any, value: Any) -> None:
    assert isinstance(decoded({"type": code}, value, CHINA), str | bool | int | float | datetime | None)
    assert decoded({}, value, CHINA) is None


def test_a_formula_of_no_type_we_know_is_blank() -> None:
    for kind in (3001, [1], "1", None):
        assert read(20, {"type": kind, "value": ["?"]}) is None


# To a base and back

FIELDS = {
    Kind.COUNT: "Number", Kind.POINTS: "Number", Kind.NUMBER: "Number", Kind.MONEY: "Currency",
    Kind.DATE: "DateTime", Kind.MOMENT: "DateTime", Kind.FLAG: "Checkbox", Kind.CHOICE: "SingleSelect",
}  # fmt: skip
"""Kind -> the field that holds it; text for all others."""

EXACT = 2**53
LETTERS = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t"), max_size=30)
DAYS = st.dates(date(1992, 1, 1), date(2200, 1, 1))
MOMENTS = st.datetimes(wall(1992, 1, 1), wall(2200, 1, 1)).map(lambda m: m.replace(microsecond=0))
NUMBERS = st.integers(-EXACT, EXACT) | st.floats(allow_nan=False, allow_infinity=False)
MEANT: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.COUNT: st.integers(0, EXACT),
    Kind.POINTS: st.integers(-EXACT, EXACT),
    Kind.NUMBER: NUMBERS,
    Kind.MONEY: st.decimals(0, 10**9, places=2),
    Kind.DATE: DAYS,
    Kind.MOMENT: MOMENTS,
    Kind.FLAG: st.booleans(),
}


def as_read(cell: Cell) -> Cell:
    """A day reads as its midnight, blank text as None."""
    if isinstance(cell, date) and not isinstance(cell, datetime):
        return datetime.combine(cell, time())
    return float(cell) if isinstance(cell, Decimal) else None if cell == "" else cell


def through(stage: Stage, field: Field, sent: Any) -> Any:
    """What a search shows of a value that a request wrote."""
    session = stage.person.session
    record = stage.add_record("recOne", {})
    value = theirs.taken(session, field, json.loads(json.dumps(sent)))
    if value is not None:
        record.cells[field.id] = value
    return json.loads(json.dumps(theirs.shown(session, stage.table, field, record)))


@pytest.fixture(scope="module")
def stages() -> dict[Kind, tuple[Stage, Field]]:
    stages = {kind: Stage() for kind in Kind}
    return {kind: (stage, stage.add_field("列", FIELDS.get(kind, "Text"))) for kind, stage in stages.items()}


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.value)
@settings(max_examples=50)
@given(data=st.data())
def test_what_is_written_reads_back(stages: dict[Kind, tuple[Stage, Field]], kind: Kind, data: st.DataObject) -> None:
    stage, field = stages[kind]
    cell = data.draw(st.none() | MEANT.get(kind, LETTERS))
    shown = through(stage, field, written(kind, cell, stage.base.zone))
    found = decoded({"type": KINDS[field.ui].code}, shown, stage.base.zone)
    assert found == as_read(cell)


@given(day=DAYS, zone=st.sampled_from(["Asia/Shanghai", "UTC", "America/New_York", "Asia/Kolkata", "Pacific/Auckland"]))
def test_a_day_is_its_midnight_where_the_base_is(day: date, zone: str) -> None:
    there = zone_of(zone)
    sent = written(Kind.DATE, day, there)
    assert datetime.fromtimestamp(sent / 1000, there).date() == day
    assert isinstance(found := read(5, sent, there), datetime)
    assert found.date() == day


SENT: dict[str, tuple[Kind, Any, Any]] = {
    "text of digits": (Kind.KEY, "007", "007"),
    "number in a text column": (Kind.KEY, 7, "7"),
    "formula stays text": (Kind.TEXT, "=1+1", "=1+1"),
    "no control characters": (Kind.NOTE, "a\x00b\ud800c\n", "a\ufffdb\ufffdc\n"),
    "blank": (Kind.KEY, "", None),
    "nothing": (Kind.DATE, None, None),
    "no number": (Kind.MONEY, float("nan"), None),
    "no decimal": (Kind.MONEY, Decimal("NaN"), None),
    "no day": (Kind.DATE, pd.NaT, None),
    "endless": (Kind.NUMBER, float("inf"), None),
    "money": (Kind.MONEY, Decimal("1200.50"), 1200.5),
    "whole money": (Kind.MONEY, Decimal("1200.00"), 1200),
    "count of another library": (Kind.COUNT, np.int64(3), 3),
    "number of another library": (Kind.NUMBER, np.float64(0.5), 0.5),
    "flag": (Kind.FLAG, np.True_, True),
    "day of a moment": (Kind.DATE, wall(2023, 8, 3, 23, 59), MORNING),
    "day of a moment elsewhere": (Kind.DATE, datetime(2023, 8, 2, 20, tzinfo=UTC), MORNING),
    "moment": (Kind.MOMENT, wall(2023, 8, 3, 0, 0, 1, 500), MORNING + 1000),
    "moment with a zone": (Kind.MOMENT, datetime(2023, 8, 2, 16, tzinfo=UTC), MORNING),
    "moment of another library": (Kind.MOMENT, pd.Timestamp("2023-08-03"), MORNING),
    "text in a column of days": (Kind.DATE, "soon", "soon"),
    "number in a column of days": (Kind.DATE, 45_000, "45000"),
    "text in a column of numbers": (Kind.COUNT, "some", "some"),
    "time of day": (Kind.NUMBER, time(8, 30), "08:30:00"),
    "length of time": (Kind.NUMBER, timedelta(hours=1), "1:00:00"),
}


@pytest.mark.parametrize(("kind", "cell", "sent"), SENT.values(), ids=SENT)
def test_each_kind_is_sent_in_its_form(kind: Kind, cell: Any, sent: Any) -> None:
    found = written(kind, cell)
    assert found == sent
    assert type(found) is type(sent)
    json.dumps(found, allow_nan=False)


def test_a_text_is_cut_to_what_a_cell_holds() -> None:
    assert written(Kind.NOTE, "字" * MOST_CHARACTERS) == "字" * MOST_CHARACTERS
    cut = written(Kind.NOTE, "字" * (MOST_CHARACTERS + 1))
    assert len(cut) == MOST_CHARACTERS == 100_000
    assert cut.endswith("字…")


def refusing(kind: Kind, cell: Cell) -> Callable[[], Any]:
    stage = Stage()
    field = stage.add_field("列", FIELDS[kind])
    return lambda: through(stage, field, written(kind, cell))


@pytest.mark.parametrize("kind", [Kind.DATE, Kind.MOMENT, Kind.COUNT])
def test_a_cell_of_the_wrong_kind_is_refused_and_not_bent(kind: Kind) -> None:
    with pytest.raises(theirs.Refused):
        refusing(kind, "某天")()


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("Asia/Beijing", "Asia/Shanghai"),
        ("Asia/Tokyo", "Asia/Tokyo"),
        ("UTC", "UTC"),
        ("", "Asia/Shanghai"),
        (None, "Asia/Shanghai"),
        ("GMT+8:00", "Asia/Shanghai"),
        ("../etc/passwd", "Asia/Shanghai"),
        ("Asia", "Asia/Shanghai"),
    ],
)
def test_the_zone_of_a_base_is_found(name: str | None, zone: str) -> None:
    assert zone_of(name).key == zone

"""Contacts are masked wherever they occur; nothing else is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.contacts import hidden, mask

MASKED = (
    ("13900001001", "139****1001"),
    ("139 0000 1001", "139 **** 1001"),
    ("139-0000-1001", "139-****-1001"),
    ("１３９００００１００１", "１３９****１００１"),
    ("电话13900001001，急", "电话139****1001，急"),
    ("请打 +86 139 0000 1001 找王强", "请打 +86 1** **** 1001 找王强"),
    ("010-12345678 转 3", "010-****5678 转 3"),
    ("(0571)87654321", "(057*)****4321"),
    ("400-810-0000", "400-***-0000"),
    ("wangqiang@service.example", "w***@service.example"),
    ("写给 wang.q+1@service.example、或 a＠b.cn", "写给 w***@service.example、或 a***@b.cn"),
    ("wang @ service.example", "w***@service.example"),
    ("王@13900001001", "王***@139****1001"),
    ("<wang@service.example>", "<w***@service.example>"),
)


@pytest.mark.parametrize(("text", "shown"), MASKED)
def test_a_contact_in_any_text_is_masked(text: str, shown: str) -> None:
    assert mask()(text) == shown
    assert mask()(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "2025-10-23", "20251023", "2025-10-23 08:30:00", "1761177600000", "1044321-00-C", "1188361-00-B", "L-2025-001",
        "R-001", "¥1,380,000.00", "13800", "SF13900001001", "auto-139abcde", "1 位汽车媒体编辑已等 26 天", "85–90 %",
    ],
)  # fmt: skip
def test_what_is_no_contact_stays(text: str) -> None:
    assert mask()(text) == text


def test_the_members_own_numbers_are_masked_whatever_they_look_like() -> None:
    masked = mask(["8812-3344", "微信 wangqiang88", "110"])
    assert masked("打 8812-3344 或 微信 wangqiang88，别打 110") == "打 ****-**44 或 微***，别打 110"


def test_a_part_number_that_looks_like_a_mobile_is_no_contact() -> None:
    masked = mask(keys=["13717534291"])
    assert masked("13717534291 借自 13900001001") == "13717534291 借自 139****1001"


def test_of_a_cell_for_contacts_one_character_is_shown() -> None:
    assert [hidden(text) for text in ("问老王 5566", "")] == ["问***", ""]


@given(before=st.text(), after=st.text(), number=st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True))
def test_no_text_around_it_uncovers_a_mobile(before: str, after: str, number: str) -> None:
    text = f"{before} {number} {after}"
    assert not re.search(rf"(?<!\d){number}(?!\d)", mask()(text)) or number in before + after

"""The report as a person opens it in a real browser: phone, tablet and desk, by day and by night, and on paper."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page

from sync.report import page
from tests.browser import Browser
from tests.rules.sheets import MEMBERS, POLICY, book, decided, loan, member, part, request
from tests.sync.test_report import DAY, HOSTILE

WIDTHS = (360, 768, 1280)
NAMES = ["华北", "华东", "华中", "西北", HOSTILE]


@pytest.fixture(scope="module")
def html() -> str:
    """A page with something in each of its sections, and a name that would do harm if it could."""
    loans = [
        loan(
            f"L-{n}",
            NAMES[n % 5],
            NAMES[(n + 1 + n // 5 % 3) % 5],
            数量=1 + n % 3,
            借出日期=DAY - timedelta(9 * n),
            **back,
        )
        for n in range(14)
        for back in ({} if n in (1, 3) else {"归还日期": min(DAY, DAY - timedelta(9 * n - 12 - n % 4))},)
    ]
    stock = [{"服务中心": name, "配件编号": "P-1", "在库数量": 2, "最近出库": "2025-01-01"} for name in NAMES]
    requests = [
        request("R-1", HOSTILE, 申报级别="P0", 客户类型="媒体", 原因=HOSTILE),
        *(request(f"R-{n}", NAMES[n % 4], 数量=n, 需要日期=DAY + timedelta(n)) for n in range(2, 12)),
    ]
    sheet = book(
        members=[*MEMBERS, member(HOSTILE)],
        parts=[part("P-1", 配件名称=HOSTILE)],
        requests=requests,
        loans=loans,
        inventory=stock,
    )
    return page(decided(sheet, DAY), DAY, POLICY)


@pytest.fixture
def opened(chromium: Browser, html: str) -> Iterator[Browser]:
    """A fresh document with the page in it: what was there before is gone, its policy too."""
    chromium.page.goto("about:blank")
    chromium.asked.clear()
    chromium.said.clear()
    chromium.show(html)
    yield chromium
    assert [*chromium.asked, *chromium.said] == []  # it fetches nothing, and nothing was blocked or went wrong


def kept(page: Page, name: str) -> None:
    """A picture of what is shown, for people to look at, where the environment says so."""
    if folder := os.environ.get("HUZHU_ARTIFACTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"report-{name}.png", full_page=True)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_fits_every_screen_and_keeps_nobody_out(opened: Browser, *, dark: bool) -> None:
    opened.page.emulate_media(color_scheme="dark" if dark else "light")
    for width in WIDTHS:
        opened.page.set_viewport_size({"width": width, "height": 800})
        assert opened.page.evaluate("document.documentElement.scrollWidth") == width
        kept(opened.page, f"{width}-{'dark' if dark else 'light'}")
    assert opened.faults() == []
    assert opened.barriers() == []


def columns(page: Page, place: int) -> list[str]:
    """The first lines of one column of the standings."""
    cells = page.locator(f"table:has(#points-table) tbody tr > :nth-child({place})").all_inner_texts()
    return [cell.splitlines()[0] for cell in cells]


def test_a_table_sorts_by_click_and_by_key(opened: Browser) -> None:
    page = opened.page
    heads = page.locator("table:has(#points-table) thead th")
    by_name = [HOSTILE, "华北", "华东", "华中", "西北"]
    assert columns(page, 2) != by_name
    heads.nth(1).get_by_role("button").click()
    assert (columns(page, 2), heads.nth(1).get_attribute("aria-sort")) == (by_name, "ascending")
    heads.nth(1).get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert (columns(page, 2), heads.nth(1).get_attribute("aria-sort")) == (by_name[::-1], "descending")
    heads.nth(4).get_by_role("button").focus()
    page.keyboard.press("Space")
    points = [int(cell) for cell in columns(page, 5)]
    assert points == sorted(points, reverse=True)
    assert [head.get_attribute("aria-sort") for head in heads.all()] == [None] * 4 + ["descending"]


def test_a_chart_says_what_it_shows_and_is_a_table_too(opened: Browser) -> None:
    charts = opened.page.get_by_role("img").all()
    assert len(charts) > 8
    for chart in charts:
        title, summary = chart.locator("title, desc").all_text_contents()
        assert title
        assert any(sign.isdigit() for sign in summary)
        details = chart.locator("xpath=ancestor::figure/following-sibling::details[1]//table")
        assert details.count() == 1
    named = opened.page.get_by_role("img", name="积分")
    assert named.count() == 1


def test_no_text_of_a_chart_is_cut_off_or_too_small_on_a_phone(opened: Browser) -> None:
    """At 360 px: whole within its drawing, and at least 11 px high."""
    found = opened.page.evaluate("""() => [...document.querySelectorAll("svg text")].map((text) => {
        const own = text.getBoundingClientRect(), drawing = text.ownerSVGElement.getBoundingClientRect();
        const scale = drawing.width / text.ownerSVGElement.viewBox.baseVal.width;
        return [text.textContent, Math.round(drawing.left - own.left), Math.round(own.right - drawing.right), 13 * scale];
    })""")
    assert len(found) > 40
    assert [one for one in found if one[1] > 2 or one[2] > 2 or one[3] < 11] == []


def test_a_hostile_name_does_nothing_and_is_shown_as_it_is(opened: Browser) -> None:
    assert opened.page.title().startswith("互助联盟")
    assert opened.page.get_by_text(HOSTILE, exact=True).count() > 2
    assert opened.page.evaluate("document.querySelectorAll('script, img').length") == 1


def test_it_needs_no_script_and_prints(opened: Browser, html: str) -> None:
    browser = opened.page.context.browser
    assert browser is not None
    with browser.new_context(java_script_enabled=False) as quiet:
        page = quiet.new_page()
        page.set_content(html)
        assert page.get_by_role("button").count() == 0
        assert "华北" in page.locator("table:has(#points-table)").inner_text()
        page.locator("summary").first.click()
        assert page.locator("details[open] table").first.is_visible()
        page.emulate_media(media="print")
        assert not page.locator("nav").is_visible()
        assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
        kept(page, "print")

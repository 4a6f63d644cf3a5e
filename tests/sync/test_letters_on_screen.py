"""Every kind of letter as a person opens it: on a phone and on a desk, by day and by night."""

import re
from dataclasses import replace

import pytest

from rules.items import Digest
from tests.browser import Browser
from tests.sync.letters import CALM, DUE, ERROR, EVERY, HELD, QUIET, SCREEN, WARNING, WORDING, filled, letter

LETTERS = [(item,) for item in EVERY.values()] + [(ERROR, WARNING, HELD), (SCREEN, SCREEN), (QUIET,), (CALM,)]


def longest(item):
    """*item* with names and numbers that no line can hold. The names of figures are our own."""
    long = filled(item, "1044321-00-C" * 9)
    return replace(long, figures=item.figures) if isinstance(item, Digest) else long


LONG = [tuple(map(longest, items)) for items in LETTERS]


def pages(locale: str, letters=LETTERS) -> list[str]:
    return [WORDING.render(letter(*items, locale=locale), DUE).html for items in letters]


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_every_letter_fits_a_phone_and_fetches_nothing(chromium: Browser, locale: str) -> None:
    for html in (*pages(locale), *pages(locale, LONG)):
        chromium.show(html, width=360)
        assert chromium.faults() == [], html


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_every_letter_can_be_read_by_everybody_by_day_and_by_night(chromium: Browser, locale: str) -> None:
    """All of them on one page, since they have one head; the night changes nothing but colours."""
    first, *others = pages(locale)
    bodies = [re.search("<body[^>]*>(.*)</body>", html, re.DOTALL)[1] for html in others]
    html = first.replace("</body>", "".join(bodies) + "</body>")
    for dark, rules in ((False, ()), (True, ("color-contrast",))):
        page = chromium.show(html, width=700, dark=dark)
        assert chromium.barriers(*rules) == []
        papers = page.eval_on_selector_all(
            "body, .card, .first", "all => all.map(one => getComputedStyle(one).backgroundColor)"
        )
        assert {sum(map(int, re.findall(r"\d+", paper))) < 3 * 80 for paper in papers} == {dark}

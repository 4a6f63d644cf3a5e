"""A page as a person sees it, in a real Chromium: what is wrong with it, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

ARGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
SERIOUS = ("serious", "critical")
AXE = Axe()


@dataclass(frozen=True)
class Browser:
    """One browser with one page. asked: every address it wanted to fetch, none of which it got."""

    page: Page
    asked: list[str]
    said: list[str]

    @classmethod
    @contextmanager
    def started(cls, program: str) -> Iterator[Browser]:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=list(ARGS))
            page = browser.new_page()
            found = cls(page, [], [])
            page.route("**/*", lambda route: (found.asked.append(route.request.url), route.abort())[1])
            page.on("console", lambda message: found.said.append(message.text))
            page.on("pageerror", lambda error: found.said.append(str(error)))
            yield found
            browser.close()

    def show(self, html: str, *, width: int = 360, dark: bool = False) -> Page:
        """The page with *html* in it."""
        self.page.set_viewport_size({"width": width, "height": 800})
        self.page.emulate_media(color_scheme="dark" if dark else "light")
        self.page.set_content(html)
        return self.page

    def faults(self) -> list[str]:
        """What is wrong with what is shown: it scrolls sideways, wanted to fetch something, or complained."""
        wide = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        return [*([f"{wide} px too wide"] if wide > 0 else []), *self.asked, *self.said]

    def barriers(self, *rules: str) -> list[str]:
        """What keeps people out of what is shown, by these rules of axe-core, or by all of them: takes a second."""
        found = AXE.run(self.page, options={"runOnly": list(rules)} if rules else None).response["violations"]
        return [_told(violation) for violation in found if violation["impact"] in SERIOUS]


def _told(violation: dict[str, Any]) -> str:
    where = "; ".join(node["html"] for node in violation["nodes"][:3])
    return f"{violation['id']}: {violation['help']}: {where}"

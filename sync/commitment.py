"""The written commitment for one loan, in words: a page to print and sign, and the same as text.

The words stand in templates/letter, as those of the mails do in templates/mail (sync/wording.py).
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from rules.commitment import Commitment
from rules.schema import LOCALES
from sync.wording import FAULTS, Rendered, one_line, one_lined, sayings, template_fault, templates, tidy


def rendered(commitment: Commitment, alliance: str, locale: str, day: date, folder: Path | None = None) -> Rendered:
    """*commitment* as it is on *day*: its title, the text, and one HTML page that needs nothing else.

    folder: the alliance's own templates, looked at first. Raises SetupError naming the template that cannot be used.
    """
    locale = locale if locale in LOCALES else LOCALES[0]
    room = templates("letter", folder)
    try:
        say = sayings(room.get_template(f"commitment.{locale}.words.j2"))
        facts = {
            "item": one_lined(commitment),
            "alliance": one_line(alliance),
            "day": day,
            "locale": locale,
            "say": say,
        }
        title = one_line(room.get_template(f"commitment.{locale}.subject.j2").render(facts))
        text, html = (room.get_template(f"commitment.{part}.j2").render(facts, title=title) for part in ("txt", "html"))
    except FAULTS as error:
        raise template_fault("letter", error) from error
    return Rendered(title, tidy(text), html)

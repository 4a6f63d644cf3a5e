"""config.yaml as a hurried or an ill-willed person leaves it."""

from __future__ import annotations

import random
import re

_LINE = re.compile(r"(?m)^(\s*)([a-z_0-9]+):[ ]*([^#\n]*?)([ ]*#.*)?$")
_VALUES = (
    "", "null", "true", "-1", "0", "1e309", ".nan", ".inf", "[]", "{}", "[1, 2", "{a: b}", "&a [*a]", "*x", "!!python/object:os.system {}",
    "!!python/object/apply:os.system [true]", "'", '"', "|", "2026-02-30", "99999999999999999999", "a: b: c", "\t", "\x00", "互助",
    "../../../etc/passwd", "https://x/{}", "%s{0.__class__}", "- x",
)  # fmt: skip


def mutated(text: str, seed: int) -> str:
    """The settings *text* with one to three lines changed, doubled, lost or renamed; the same for the same seed."""
    chance = random.Random(seed)
    for _ in range(chance.choice((1, 1, 2, 3))):
        found = chance.choice(list(_LINE.finditer(text)))
        indent, key, value = found[1], found[2], found[3]
        line = chance.choice((
            f"{indent}{key}: {chance.choice(_VALUES)}",
            f"{indent}{key}: {chance.choice(_VALUES)}",
            f"{indent}{key}x: {value}",
            f"{indent} {key}: {value}",
            f"{indent}{key} {value}",
            f"{found[0]}\n{found[0]}",
            "",
        ))  # fmt: skip
        text = text[: found.start()] + line + text[found.end() :]
    return text

"""Workbooks as accidents and ill will leave them: bytes flipped, parts lost, swapped or renamed, markup torn."""

from __future__ import annotations

import io
import random
import re
import zipfile
from collections.abc import Callable

Parts = dict[str, bytes]

_ATTRIBUTE = re.compile(rb'="[^"]*"')
_TAG = re.compile(rb"<[^>]+>")
_TEXT = re.compile(rb">[^<]+<")
_JUNK = (
    b"", b"-1", b"0", b"99999999999999999999", b"NaN", b"1e999", b"../../etc/passwd", b"A0", b"XFE1", b"A1048577",
    b"ZZZZZZZ9", b"&#x0;", b"&#xD800;", b"&lol;", b"http://x/", b"\xff\xfe", b"a\x00b", b"R1C1", b"True", b"worksheet",
    "\u202e".encode(), b"xl/workbook.xml", b"/xl/workbook.xml", b"worksheets/sheet2.xml", b"file:///etc/passwd", b"\\\\x\\y",
    b"A1:XFD1048576", b"_x001B_[2J", b"=cmd|'/C calc'!A0", b"[1]x!A1", b'x" TargetMode="External',
)  # fmt: skip
_DOCTYPE = (
    b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
    b'<!DOCTYPE x [<!ENTITY a "0123456789"><!ENTITY b "' + b"&a;" * 50 + b'"><!ENTITY e "' + b"&b;" * 50 + b'">]>',
)


def parts_of(data: bytes) -> Parts:
    """The parts of the workbook *data*."""
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        return {name: package.read(name) for name in package.namelist()}


def mutated(parts: Parts, seed: int) -> bytes:
    """A workbook made of *parts* with one to four things wrong; the same for the same seed."""
    chance = random.Random(seed)
    left = dict(parts)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        chance.choice(_MISHAPS)(left, chance.choice(list(left)), chance)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in left.items():
            package.writestr(name, content)
    return _damaged(bytearray(out.getvalue()), chance)


def _damaged(data: bytearray, chance: random.Random) -> bytes:
    """Now and then the file itself is hurt: some bytes, or its end."""
    fate = chance.random()
    if fate < 0.15:
        for _ in range(chance.choice((1, 3, 20))):
            data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data[: chance.randrange(len(data))] if fate > 0.95 else data)


def _replaced(pattern: re.Pattern[bytes], new: Callable[[bytes, random.Random], bytes]) -> Callable[..., None]:
    """A mishap that puts something *new* in the place of one match of *pattern*."""

    def mishap(parts: Parts, name: str, chance: random.Random) -> None:
        found = list(pattern.finditer(parts[name]))
        if found:
            at = chance.choice(found)
            parts[name] = parts[name][: at.start()] + new(at[0], chance) + parts[name][at.end() :]

    return mishap


def _repeat(parts: Parts, name: str, chance: random.Random) -> None:
    """One value of the part stands where another stood: two things in one place, and circles."""
    found = list(_ATTRIBUTE.finditer(parts[name]))
    if found:
        at, value = chance.choice(found), chance.choice(found)[0]
        parts[name] = parts[name][: at.start()] + value + parts[name][at.end() :]


def _swell(parts: Parts, name: str, chance: random.Random) -> None:
    """The part unpacks to a great deal more than it is."""
    at = chance.randrange(len(parts[name]) + 1)
    filling = chance.choice((b" ", b"<x>", b"<row/>", b"<c><v>1</v></c>", b"<si><t>x</t></si>", b"<!-- -->"))
    parts[name] = (
        parts[name][:at] + filling * (chance.choice((1, 10, 30)) * 1_000_000 // len(filling)) + parts[name][at:]
    )


def _lose(parts: Parts, name: str, _: random.Random) -> None:
    if len(parts) > 1:
        del parts[name]


def _rename(parts: Parts, name: str, chance: random.Random) -> None:
    content = parts.pop(name)
    parts[chance.choice((f"../{name}", f"/{name}", name.upper(), f"{name}x", f"xl//{name}", f"..\\{name}"))] = content


def _swap(parts: Parts, name: str, chance: random.Random) -> None:
    other = chance.choice(list(parts))
    parts[name], parts[other] = parts[other], parts[name]


def _cut(parts: Parts, name: str, chance: random.Random) -> None:
    parts[name] = parts[name][: chance.randrange(len(parts[name]) + 1)]


def _declare_entities(parts: Parts, name: str, chance: random.Random) -> None:
    head = b'<?xml version="1.0"?>' + chance.choice(_DOCTYPE)
    body = re.sub(rb"^<\?xml[^>]*\?>\s*", b"", parts[name])
    parts[name] = head + body.replace(b"<v>", b"<v>&e;", 1).replace(b"<t>", b"<t>&e;", 1)


def _mislabel(parts: Parts, name: str, chance: random.Random) -> None:
    parts[name] = parts[name].replace(b"UTF-8", chance.choice((b"UTF-16", b"GB2312", b"utf-7", b"latin-1", b"x")))


_MISHAPS: tuple[Callable[..., None], ...] = (
    _replaced(re.compile(rb"(?s)."), lambda _, chance: bytes([chance.randrange(256)])),
    _replaced(_ATTRIBUTE, lambda _, chance: b'="' + chance.choice(_JUNK) + b'"'),
    _replaced(_TEXT, lambda _, chance: b">" + chance.choice(_JUNK) + b"<"),
    _replaced(_TAG, lambda _found, _chance: b""),
    _replaced(_TAG, lambda found, chance: found * chance.choice((2, 50))),
    _repeat,
    _repeat,
    _swell,
    _lose,
    _rename,
    _swap,
    _cut,
    _declare_entities,
    _mislabel,
)

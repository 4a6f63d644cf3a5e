"""What a reader of values cannot see in a tab: cells that hold an error, formulas without a stored result, far cells.

The XML is searched, not parsed: a parse would cost several times the reading itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from xml.parsers import expat

from rules.values import ErrorCell, UncachedCell
from sync.xlsx import cells, markup

Marks = dict[tuple[int, int], ErrorCell | UncachedCell]
_ADDRESS = re.compile(rb"([A-Z]{1,3})(\d{1,7})$")
_HEAD = 1 << 16


def used_area(xml: bytes, limit: int) -> tuple[int, int]:
    """Rows and columns up to the last cell that holds something; only estimated while within *limit* cells."""
    home = re.escape(markup.prefix(xml[:_HEAD]))
    number = _last_row(xml, home)
    if number * cells.LAST_COLUMN <= limit:
        return number, cells.LAST_COLUMN
    told = re.search(rb"<" + home + rb'dimension[^>]*?\sref="[A-Z]+\d+:([A-Z]+)(\d+)"', xml[:_HEAD])
    # A stated area is believed when it agrees with the last row: counting columns reads the whole tab.
    if told and int(told[2]) >= number:
        width = cells.index(told[1].decode()) + 1
        if number * width <= limit:
            return number, width
    return _exact_area(xml, home)


def _last_row(xml: bytes, home: bytes) -> int:
    at = xml.rfind(b"<" + home + b"row")
    found = markup.attribute(markup.tag(xml, at), "r") if at >= 0 else ""
    return int(found) if found.isdigit() else xml.count(b"<" + home + b"row")


def _exact_area(xml: bytes, home: bytes) -> tuple[int, int]:
    filled = re.compile(rb"<" + home + rb'c\s[^>]*?\br="([A-Z]{1,3})(\d{1,7})"[^>]*(?<!/)>')
    rows, names = 0, set()
    for found in filled.finditer(xml):
        names.add(found[1])
        rows = max(rows, int(found[2]))
    return rows, max((cells.index(name.decode()) + 1 for name in names), default=0)


def marks(xml: bytes, ours: Sequence[str] = ()) -> Marks:
    """What stands at (row, column), from 0, where a reader of values would see a blank.

    ours: how the worker's own lookup formulas begin; a tab that has no other formula is not searched for them.
    """
    home = markup.prefix(xml[:_HEAD])
    errors = b't="e"' in xml or b"t='e'" in xml
    all_formulas = xml.count(b"<" + home + b"f>") + xml.count(b"<" + home + b"f ")
    formulas = all_formulas > 0 and all_formulas > sum(xml.count(start.encode()) for start in ours)
    if not errors and not formulas:
        return {}
    if not re.search(rb"<" + re.escape(home) + rb'c\s[^>]*?\br="', xml):
        return _marks_by_place(xml)
    found: Marks = {}
    if errors:
        found |= _errors(xml, home)
    if formulas:
        found |= _uncached(xml, home)
    return found


def _errors(xml: bytes, home: bytes) -> Marks:
    found: Marks = {}
    for at in re.finditer(rb"""\st=["']e["']""", xml):
        start = xml.rfind(b"<", 0, at.start())
        head = markup.tag(xml, start)
        value = re.compile(rb"<" + home + rb"v>([^<]*)<").search(
            xml, at.end(), xml.find(b"</" + home + b"c>", at.end())
        )
        place = _place(markup.attribute(head, "r").encode())
        if place and value:
            found[place] = ErrorCell(value[1].decode())
    return found


def _uncached(xml: bytes, home: bytes) -> Marks:
    h = re.escape(home)
    bare = re.compile(
        rb"(?:</"
        + h
        + rb"f>|<"
        + h
        + rb"f(?:\s[^>]*)?/>)\s*(?:</"
        + h
        + rb"c>|<"
        + h
        + rb"v\s*/>|<"
        + h
        + rb"v></"
        + h
        + rb"v>)"
    )
    found: Marks = {}
    for at in bare.finditer(xml):
        head = markup.tag(xml, xml.rfind(b"<" + home + b"c ", 0, at.start() + 1))
        address = markup.attribute(head, "r")
        # A formula that gave "" is stored as text without characters: a result, and blank.
        answered = markup.attribute(head, "t") == "str" and not at[0].endswith(b"c>")
        place = _place(address.encode())
        if place and not answered:
            found[place] = UncachedCell(address)
    return found


def _place(address: bytes) -> tuple[int, int] | None:
    found = _ADDRESS.match(address)
    return (int(found[2]) - 1, cells.index(found[1].decode())) if found else None


def _marks_by_place(xml: bytes) -> Marks:
    """The same for files whose cells do not say where they stand; slower."""
    found: Marks = {}
    for row, column, kind, texts in _cells_by_place(xml):
        if kind == "e" and texts.get("v"):
            found[row, column] = ErrorCell(texts["v"])
        elif "f" in texts and not texts.get("v") and not (kind == "str" and "v" in texts):
            found[row, column] = UncachedCell(f"{cells.letters(column)}{row + 1}")
    return found


def _cells_by_place(xml: bytes) -> Iterator[tuple[int, int, str, dict[str, str]]]:
    rows: list[tuple[int, int, str, dict[str, str]]] = []
    row = column = -1
    inside = ""

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal row, column, inside
        inside = name.rpartition(":")[2]
        if inside == "row":
            row, column = int(attributes.get("r", row + 2)) - 1, -1
        elif inside == "c":
            column += 1
            rows.append((row, column, attributes.get("t", "n"), {}))
        elif inside in ("f", "v") and rows:
            rows[-1][3].setdefault(inside, "")

    def text(data: str) -> None:
        if inside in ("f", "v") and rows:
            rows[-1][3][inside] = rows[-1][3].get(inside, "") + data

    def end(_name: str) -> None:
        nonlocal inside
        inside = ""

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.CharacterDataHandler = start, text
    parser.EndElementHandler = end
    parser.Parse(xml, True)  # noqa: FBT003 - expat's own signature
    return iter(rows)

"""What a reader of values cannot see in a tab: cells that hold an error, formulas without a stored result, far cells.

The XML is searched, not parsed: a parse would cost several times the reading itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.parsers import expat

from rules.values import ErrorCell, UncachedCell
from sync.backends.places import index, letters
from sync.xlsx import cells, markup

Marks = dict[tuple[int, int], ErrorCell | UncachedCell]
_ADDRESS = re.compile(rb"([A-Z]{1,3})(\d{1,7})$")


@dataclass(frozen=True, slots=True)
class Glance:
    """What one pass over a tab's pieces tells: its first and last part, and whether a closer look is needed."""

    head: bytes
    tail: bytes
    errors: bool
    formulas: bool


def glance(pieces: Iterable[bytes], ours: Sequence[str] = ()) -> Glance:
    """A first look at a tab.

    ours: what only the worker's own lookup formulas hold; a tab without other formulas needs no closer look for them.
    Every search of the whole tab counts against the reading, hence two, of which the second is skipped where the
    piece has no `f` at all. An error value always begins with `#`.
    """
    head = last = before = b""
    closing, lookups = b"</f>", [text.encode() for text in ours]
    errors, formulas = False, 0
    for piece in pieces:
        if not head:
            head = piece
            closing = b"</" + markup.prefix(head) + b"f>"
        errors = errors or b"#" in piece
        if b"f" in piece:
            formulas += _count(closing, last, piece) - sum(_count(text, last, piece) for text in lookups)
        before, last = last, piece
    return Glance(head, before + last, errors, formulas > 0)


def _count(needle: bytes, before: bytes, piece: bytes) -> int:
    """How often *needle* stands in *piece*, or across its beginning."""
    cut = len(needle) - 1
    return piece.count(needle) + (before[-cut:] + piece[:cut]).count(needle)


def used_area(seen: Glance, whole: Callable[[], bytes], limit: int) -> tuple[int, int]:
    """Rows and columns up to the last cell that holds something; only estimated while within *limit* cells.

    whole: gives the tab's XML, asked for only when the glance does not tell.
    """
    home = re.escape(markup.prefix(seen.head))
    number = _last_row(seen.tail, home)
    if number > 0 and number * cells.LAST_COLUMN <= limit:
        return number, cells.LAST_COLUMN
    told = re.search(rb"<" + home + rb'dimension[^>]*?\sref="[A-Z]+\d+:([A-Z]+)(\d+)"', seen.head)
    # A stated area is believed when it agrees with the last row: counting columns reads the whole tab.
    if told and int(told[2]) >= number > 0:
        width = index(told[1].decode()) + 1
        if number * width <= limit:
            return number, width
    xml = whole()
    width = max((index(name.decode()) + 1 for name in set(_COLUMN.findall(xml))), default=0)
    if cells.LAST_ROW * width <= limit:  # wherever its rows end
        return number, width
    return _exact_area(xml, home)


_COLUMN = re.compile(rb"""\br=["']([A-Z]{1,3})[0-9]""")


def _last_row(xml: bytes, home: bytes) -> int:
    """The number of the last row tag in *xml*; 0 when there is none, or it does not say."""
    at = xml.rfind(b"<" + home + b"row")
    found = markup.attribute(markup.tag(xml, at), "r") if at >= 0 else ""
    return int(found) if found.isdigit() else 0


def _exact_area(xml: bytes, home: bytes) -> tuple[int, int]:
    filled = re.compile(rb"<" + home + rb'c\s[^>]*?\br="([A-Z]{1,3})(\d{1,7})"[^>]*(?<!/)>')
    rows, names = xml.count(b"<" + home + b"row"), set()
    for found in filled.finditer(xml):
        names.add(found[1])
        rows = max(rows, int(found[2]))
    return rows, max((index(name.decode()) + 1 for name in names), default=0)


def marks(xml: bytes, seen: Glance) -> Marks:
    """What stands at (row, column), from 0, where a reader of values would see a blank."""
    home = markup.prefix(seen.head)
    if not re.search(rb"<" + re.escape(home) + rb'c\s[^>]*?\br="', xml):
        return _marks_by_place(xml)
    found: Marks = {}
    if seen.errors:
        found |= _errors(xml, home)
    if seen.formulas:
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
    return (int(found[2]) - 1, index(found[1].decode())) if found else None


def _marks_by_place(xml: bytes) -> Marks:
    """The same for files whose cells do not say where they stand; slower."""
    found: Marks = {}
    for row, column, kind, texts in _cells_by_place(xml):
        if kind == "e" and texts.get("v"):
            found[row, column] = ErrorCell(texts["v"])
        elif "f" in texts and not texts.get("v") and not (kind == "str" and "v" in texts):
            found[row, column] = UncachedCell(f"{letters(column)}{row + 1}")
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

"""What a reader of values cannot see in a tab: cells that hold an error, formulas without a stored result, far cells.

The XML is searched; it is parsed only where it is written as few programs do: a parse would cost several times the
reading itself.
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
_ADDRESS = re.compile(rb"([A-Z]{1,3})([1-9][0-9]{0,6})$")


_NEAR = 26, 999_999
"""Columns and rows within which nearly every tab stands: what one search of its pieces can tell."""
_STRANGE = re.compile(rb":c[\s/>]"), re.compile(rb"\x00")
_FAR = re.compile(rb'<c(?! r="[A-Z][0-9]{1,6}"[ />])[\s/>]'), *_STRANGE
_FARTHER = re.compile(rb'<c(?! r="[A-Z]{1,2}[0-9]{1,4}"[ />])[\s/>]'), *_STRANGE
"""What a cell may look like that stands further away. One pattern for all three takes four times as long."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What one pass over a tab's pieces tells: how it begins, and whether a closer look is needed.

    near: every cell says, in the way nearly all programs write it, that it stands within `_NEAR`.
    """

    head: bytes
    errors: bool
    formulas: bool
    near: bool


def glance(pieces: Iterable[bytes], ours: Sequence[str] = ()) -> Glance:
    """A first look at a tab.

    ours: what only the worker's own lookup formulas hold; a tab without other formulas needs no closer look for them.
    Every search of the whole tab counts against the reading, hence three, of which one is skipped where the piece has
    no `f` at all. An error value always begins with `#`.
    """
    head = last = rest = b""
    closing, lookups = b"</f>", [text.encode() for text in ours]
    errors, formulas, near = False, 0, True
    for piece in pieces:
        if not head:
            head = piece
            closing = b"</" + markup.prefix(head) + b"f>"
        errors = errors or b"#" in piece
        if b"f" in piece:
            formulas += _count(closing, last, piece) - sum(_count(text, last, piece) for text in lookups)
        last, tags = piece, rest + piece
        cut = tags.rfind(b"<")  # the last tag may go on in the next piece
        near = near and cut >= 0 and not _holds(_FAR, tags, cut)
        rest = tags[cut:] if near else b""
    return Glance(head, errors, formulas > 0, near and not _holds(_FAR, rest, len(rest)))


def _holds(patterns: Iterable[re.Pattern[bytes]], text: bytes, end: int) -> bool:
    """Whether any of *patterns* is in *text* up to *end*."""
    return any(pattern.search(text, 0, end) for pattern in patterns)


def _count(needle: bytes, before: bytes, piece: bytes) -> int:
    """How often *needle* stands in *piece*, or across its beginning."""
    cut = len(needle) - 1
    return piece.count(needle) + (before[-cut:] + piece[:cut]).count(needle)


def used_area(seen: Glance, whole: Callable[[], bytes], limit: int) -> tuple[int, int]:
    """Columns and rows up to the last cell that holds something; only a bound while within *limit* cells.

    whole: gives the tab's XML, asked for only when the glance does not tell. What this lets pass is allocated whole by
    the reader, and a file can lie in every other way about its size: so each cell's own address counts, and nothing
    else. Raises ValueError for an address that no sheet has.
    """
    if seen.near and _NEAR[0] * _NEAR[1] <= limit:
        return _NEAR
    xml = whole()
    return (26 * 27, 9999) if not _holds(_FARTHER, xml, len(xml)) else _exact_area(xml)


def _exact_area(xml: bytes) -> tuple[int, int]:
    row = column = rows = columns = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal row, column, rows, columns
        local = name.rpartition(":")[2]
        if local == "row":
            row, column = int(attributes.get("r", row + 1)), 0
        elif local == "c":
            row, column = _numbered(attributes["r"]) if "r" in attributes else (row, column + 1)
        elif local in ("v", "is", "f"):
            rows, columns = max(rows, row), max(columns, column)

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    markup.parse(parser, xml)
    if not 0 <= rows <= cells.LAST_ROW or columns > cells.LAST_COLUMN:
        raise ValueError(f"row {rows}, column {columns}")
    return columns, rows


def _numbered(address: str) -> tuple[int, int]:
    """Row and column of *address*, from 1."""
    place = _place(address.encode())
    if place is None:
        raise ValueError(address)
    return place[0] + 1, place[1] + 1


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


_CELL = re.compile(rb"(<(?:\w+:)?(c\b[^<>]*|v)>)([^<]*)")
_IS_ERROR = re.compile(rb"""\st=["']e["']""")
_KNOWN = (b"#DIV/0!", b"#N/A", b"#NAME?", b"#NULL!", b"#NUM!", b"#REF!", b"#VALUE!", b"#DATA!", b"")


def with_known_errors(xml: bytes) -> bytes:
    """*xml* with #N/A for each error value that the reader of values does not know, and takes for damage."""
    in_error = False

    def known(found: re.Match[bytes]) -> bytes:
        nonlocal in_error
        if found[2] != b"v":
            in_error = bool(_IS_ERROR.search(found[2]))
        elif in_error and found[3] not in _KNOWN:
            return found[1] + b"#N/A"
        return found[0]

    return _CELL.sub(known, xml)


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
    markup.parse(parser, xml)
    return iter(rows)

"""XML parts edited as bytes: find a child of the root, put another beside it, leave every other byte alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple
from xml.parsers import expat

_TAG = re.compile(rb"""<(?:[^"'>]|"[^"]*"|'[^']*')*>""")
_ROOT = re.compile(rb"<([A-Za-z_][\w.-]*:)?[A-Za-z_][\w.-]*[\s/>]")
_ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)

WORKBOOK_ORDER = (
    "fileVersion", "fileSharing", "workbookPr", "workbookProtection", "bookViews", "sheets", "functionGroups",
    "externalReferences", "definedNames", "calcPr", "oleSize", "customWorkbookViews", "pivotCaches", "smartTagPr",
    "smartTagTypes", "webPublishing", "fileRecoveryPr", "webPublishObjects", "extLst",
)  # fmt: skip
SHEET_ORDER = (
    "sheetPr", "dimension", "sheetViews", "sheetFormatPr", "cols", "sheetData", "sheetCalcPr", "sheetProtection",
    "protectedRanges", "scenarios", "autoFilter", "sortState", "dataConsolidate", "customSheetViews", "mergeCells",
    "phoneticPr", "conditionalFormatting", "dataValidations", "hyperlinks", "printOptions", "pageMargins", "pageSetup",
    "headerFooter", "rowBreaks", "colBreaks", "customProperties", "cellWatches", "ignoredErrors", "smartTags",
    "drawing", "drawingHF", "legacyDrawing", "legacyDrawingHF", "picture", "oleObjects", "controls",
    "webPublishItems", "tableParts", "extLst",
)  # fmt: skip
STYLES_ORDER = (
    "numFmts", "fonts", "fills", "borders", "cellStyleXfs", "cellXfs", "cellStyles", "dxfs", "tableStyles", "colors",
    "extLst",
)  # fmt: skip


class Child(NamedTuple):
    """One child of the root: name without prefix, and the slice of the part it takes."""

    name: str
    start: int
    end: int


def parse(parser: expat.XMLParserType, xml: bytes) -> None:
    """Lets *parser* see all of *xml*. Raises ExpatError, or ValueError for an encoding that there is not."""
    try:
        parser.Parse(xml, True)  # noqa: FBT003 - expat's own signature
    except LookupError as error:
        raise ValueError(str(error)) from error


def quoted(text: str) -> str:
    """*text* as it may stand between tags or double quotes."""
    return text.translate(_ESCAPES)


def prefix(xml: bytes) -> bytes:
    """The namespace prefix of the root with its colon, such as b"x:"; b"" for most files."""
    found = _ROOT.search(xml)
    return (found.group(1) or b"") if found else b""


def tag(xml: bytes, start: int) -> bytes:
    """The tag that begins at *start*."""
    found = _TAG.match(xml, start)
    return found.group() if found else b""


def children(xml: bytes) -> list[Child]:
    """The children of the root, in order. Raises expat.ExpatError for what is not XML."""
    found: list[Child] = []
    depth, begun = 0, 0
    parser = expat.ParserCreate()

    def start(_name: str, _attributes: dict[str, str]) -> None:
        nonlocal depth, begun
        depth += 1
        if depth == 2:  # noqa: PLR2004 - a child of the root
            begun = parser.CurrentByteIndex

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        if depth == 1:
            head = tag(xml, begun)
            # At the end of an element that closes itself, expat already stands behind it.
            last = begun if head.endswith(b"/>") else parser.CurrentByteIndex
            found.append(Child(name.rpartition(":")[2], begun, last + len(tag(xml, last))))

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parse(parser, xml)
    return found


def insert(xml: bytes, order: Sequence[str], name: str, new: bytes) -> bytes:
    """*xml* with the child *new*, called *name*, where *order* wants it; after others of that name."""
    later = set(order[order.index(name) + 1 :])
    at = next((child.start for child in children(xml) if child.name in later), None)
    if at is None:
        xml, at = opened(xml)
    return xml[:at] + at_home(xml, new) + xml[at:]


def opened(xml: bytes) -> tuple[bytes, int]:
    """*xml* with a root that does not close itself, and where its closing tag begins."""
    closing = xml.rfind(b"</")
    if closing >= 0:
        return xml, closing
    root = _ROOT.search(xml)
    start = root.start() if root else 0
    head = tag(xml, start)
    name = head[1:].split(None, 1)[0].rstrip(b"/>")
    return xml[:start] + head[:-2] + b"></" + name + b">", start + len(head) - 1


def append(xml: bytes, child: Child, new: bytes) -> bytes:
    """*xml* with *new* put last inside *child*, whose `count` goes up when it has one."""
    whole = xml[child.start : child.end]
    whole, closing = opened(whole)
    whole = whole[:closing] + at_home(xml, new) + whole[closing:]
    head = tag(whole, 0)
    counted = re.sub(rb'(\scount=["\'])(\d+)', lambda m: m[1] + str(int(m[2]) + _siblings(new)).encode(), head, count=1)
    return xml[: child.start] + counted + whole[len(head) :] + xml[child.end :]


def with_attribute(head: bytes, name: str, value: str) -> bytes:
    """The tag *head* with the attribute *name* set to *value*."""
    written = f' {name}="{quoted(value)}"'.encode()
    bare = re.sub(rb"\s" + name.encode() + rb"""=(?:"[^"]*"|'[^']*')""", b"", head, count=1)
    cut = -2 if bare.endswith(b"/>") else -1
    return bare[:cut] + written + bare[cut:]


def attribute(head: bytes, name: str) -> str:
    """The attribute *name* of the tag *head* as it stands there; "" when absent."""
    found = re.search(rb"\s" + name.encode() + rb"""\s*=\s*(?:"([^"]*)"|'([^']*)')""", head)
    return (found[1] or found[2] or b"").decode() if found else ""


def _siblings(new: bytes) -> int:
    return len(children(b"<r>" + new + b"</r>"))


def at_home(xml: bytes, new: bytes) -> bytes:
    """*new*, written without prefixes, with the prefix of the part it goes into."""
    home = prefix(xml)
    return re.sub(rb"<(/?)(?=[A-Za-z])(?![\w.-]+:)", rb"<\1" + home, new) if home else new

"""The bookkeeping of a workbook package: which part holds which tab, content types, relationships.

Source: ECMA-376 part 1, sections 12 and 18.2; part 2, section 9.
"""

from __future__ import annotations

import io
import itertools
import posixpath
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote
from xml.etree import ElementTree as ET
from xml.parsers import expat

from sync.xlsx import markup
from sync.xlsx.complaints import complaint
from sync.xlsx.package import Package

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
DRAWN, CHARTED, PLACED = (
    f"http://schemas.openxmlformats.org/drawingml/2006/{name}" for name in ("main", "chart", "spreadsheetDrawing")
)
_STRICT = {  # ISO 29500 strict files use these names instead; what is added must use them too
    MAIN: "http://purl.oclc.org/ooxml/spreadsheetml/main",
    RELATED: "http://purl.oclc.org/ooxml/officeDocument/relationships",
    **{usual: usual.replace("schemas.openxmlformats.org/drawingml/2006", "purl.oclc.org/ooxml/drawingml")
       for usual in (DRAWN, CHARTED, PLACED)},
}  # fmt: skip
_TYPES = "[Content_Types].xml"
_RELS = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"></Relationships>'
_CONTENT = "application/vnd.openxmlformats-officedocument."
CONTENT_TYPES = {
    "worksheet": _CONTENT + "spreadsheetml.worksheet+xml",
    "styles": _CONTENT + "spreadsheetml.styles+xml",
    "comments": _CONTENT + "spreadsheetml.comments+xml",
    "vmlDrawing": _CONTENT + "vmlDrawing",
    "drawing": _CONTENT + "drawing+xml",
    "chart": _CONTENT + "drawingml.chart+xml",
}


@dataclass(frozen=True, slots=True)
class Relation:
    """One arrow from a part to another: its id, the last word of its type, and the part it points at."""

    id: str
    kind: str
    target: str


@dataclass(frozen=True, slots=True)
class Tab:
    """One sheet of the workbook: the title people see and the part that holds it."""

    title: str
    part: str
    number: int  # sheetId
    is_grid: bool  # False for a chart sheet or a macro sheet


def root(package: Package, part: str) -> ET.Element:
    """The parsed content of *part*."""
    try:
        return ET.fromstring(package.read(part))  # noqa: S314 - expat 2.4.1 and later stop entity bombs
    except (ET.ParseError, expat.ExpatError, LookupError, ValueError) as error:
        raise complaint("damaged", name=package.name) from error


def rels_of(part: str) -> str:
    """The part that holds the relations of *part*."""
    folder, name = posixpath.split(part)
    return posixpath.join(folder, "_rels", name + ".rels")


def relations(package: Package, part: str) -> list[Relation]:
    """What *part* points at inside the package."""
    if rels_of(part) not in package:
        return []
    return [
        Relation(
            element.get("Id", ""), element.get("Type", "").rpartition("/")[2], _target(part, element.get("Target", ""))
        )
        for element in root(package, rels_of(part))
        if element.get("TargetMode") != "External"
    ]


def _target(part: str, target: str) -> str:
    path = unquote(target) if target.startswith("/") else posixpath.join(posixpath.dirname(part), unquote(target))
    return posixpath.normpath(path).lstrip("/")


def workbook_part(package: Package) -> str:
    """The part that lists the tabs, usually xl/workbook.xml."""
    part = next((r.target for r in relations(package, "") if r.kind == "officeDocument"), "xl/workbook.xml")
    if part not in package or not part.lower().endswith(".xml"):
        raise complaint("damaged" if part.lower().endswith(".xml") else "not_xlsx", name=package.name)
    return part


def tabs(package: Package) -> list[Tab]:
    """The tabs in the order people see, hidden ones too."""
    part = workbook_part(package)
    related = {relation.id: relation for relation in relations(package, part)}
    found = []
    for element in _sheets(package, part):
        key = next((value for name, value in element.attrib.items() if name.endswith("}id")), "")
        relation = related.get(key)
        if relation is not None and relation.target in package:
            number = int(element.get("sheetId", "0"))
            found.append(Tab(element.get("name", ""), relation.target, number, relation.kind == "worksheet"))
    return found


def _sheets(package: Package, part: str) -> Iterator[ET.Element]:
    return (e for group in root(package, part) if _local(group) == "sheets" for e in group if _local(e) == "sheet")


def _local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def counts_from_1904(package: Package) -> bool:
    """True when the workbook's day 0 is 1904-01-01, as in files born on old Macs."""
    found = [e for e in root(package, workbook_part(package)) if _local(e) == "workbookPr"]
    return any(element.get("date1904") in ("1", "true") for element in found)


def spelled(package: Package, new: bytes) -> bytes:
    """*new* in the names this package uses: those of strict files differ."""
    if _STRICT[MAIN].encode() in package.read(workbook_part(package))[:4000]:
        for usual, strict in _STRICT.items():
            new = new.replace(usual.encode(), strict.encode())
    return new


def add_part(package: Package, pattern: str, kind: str, content: bytes, *, first: str = "1") -> str:
    """A new part named after *pattern*; its name."""
    part = free_part(package, pattern, first=first)
    put_part(package, part, kind, content)
    return part


def free_part(package: Package, pattern: str, *, first: str = "1") -> str:
    """*pattern* with the first number that is free: of a part that is gone, a relation or a type may still be there.

    first: what stands for 1 in the name.
    """
    declared = {element.get("PartName", "").lower() for element in root(package, _TYPES)}
    names = (pattern.format(number) for number in itertools.chain([first], itertools.count(2)))
    return next(
        part
        for part in names
        if not (part in package or rels_of(part) in package or f"/{markup.quoted(part)}".lower() in declared)
    )


def put_part(package: Package, part: str, kind: str, content: bytes) -> None:
    """Make *content* a new part called *part*."""
    package.put(part, spelled(package, content))
    declare(package, part, kind)


def declare(package: Package, part: str, kind: str) -> None:
    """Name the content type of *part*."""
    entry = f'<Override PartName="/{markup.quoted(part)}" ContentType="{CONTENT_TYPES[kind]}"/>'
    _append_to_root(package, _TYPES, entry.encode())


def relate(package: Package, part: str, kind: str, target: str) -> str:
    """Let *part* point at *target*; the new relation's id."""
    rels = rels_of(part)
    if rels not in package:
        package.put(rels, b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n' + _RELS.encode())
    taken = {element.get("Id") for element in root(package, rels)}
    number = 1
    while f"rId{number}" in taken:
        number += 1
    path = markup.quoted(posixpath.relpath(target, posixpath.dirname(part)))
    entry = f'<Relationship Id="rId{number}" Type="{RELATED}/{kind}" Target="{path}"/>'
    _append_to_root(package, rels, spelled(package, entry.encode()))
    return f"rId{number}"


def refer(package: Package, part: str, element: str, kind: str, target: str) -> None:
    """Let the tab in *part* show *target*: a relation, and the *element* that names it."""
    new = f'<{element} xmlns:r="{RELATED}" r:id="{relate(package, part, kind, target)}"/>'.encode()
    package.put(part, markup.insert(package.read(part), markup.SHEET_ORDER, element, spelled(package, new)))


def _append_to_root(package: Package, part: str, entry: bytes) -> None:
    xml, closing = markup.opened(package.read(part))
    package.put(part, xml[:closing] + markup.at_home(xml, entry) + xml[closing:])


def add_tab(package: Package, title: str, xml: bytes) -> Tab:
    """A new tab after the others."""
    book, existing = workbook_part(package), tabs(package)
    part = add_part(package, "xl/worksheets/sheet{}.xml", "worksheet", xml)
    number = max((tab.number for tab in existing), default=0) + 1
    key = relate(package, book, "worksheet", part)
    entry = f'<sheet xmlns:r="{RELATED}" name="{markup.quoted(title)}" sheetId="{number}" r:id="{key}"/>'
    content = package.read(book)
    group = next(child for child in markup.children(content) if child.name == "sheets")
    package.put(book, markup.append(content, group, spelled(package, entry.encode())))
    return Tab(title, part, number, is_grid=True)


def drop_calculation_chain(package: Package) -> None:
    """Leave out the list of formulas in the order they were last computed; programs make it again.

    A list that names a cell without a formula makes Excel offer to repair the file.
    """
    book = workbook_part(package)
    for relation in relations(package, book):
        if relation.kind == "calcChain":
            package.drop(relation.target)
            _remove(package, rels_of(book), "Id", relation.id)
            _remove(package, _TYPES, "PartName", "/" + relation.target)


def _remove(package: Package, part: str, name: str, value: str) -> None:
    xml = package.read(part)
    for child in reversed(markup.children(xml)):
        if markup.attribute(xml[child.start : child.end], name).lower() == value.lower():
            xml = xml[: child.start] + xml[child.end :]
    package.put(part, xml)


def ask_for_calculation(package: Package) -> None:
    """Make programs compute every formula as they open the file, so that lookups show what was just written.

    Excel and WPS obey `fullCalcOnLoad`. LibreOffice does not; what it needs is in `sheet.formula_tail`.
    """
    book = workbook_part(package)
    xml = package.read(book)
    found = next((child for child in markup.children(xml) if child.name == "calcPr"), None)
    if found is None:
        package.put(book, markup.insert(xml, markup.WORKBOOK_ORDER, "calcPr", b'<calcPr fullCalcOnLoad="1"/>'))
    else:
        head = markup.tag(xml, found.start)
        if markup.attribute(head, "fullCalcOnLoad") not in ("1", "true"):
            changed = markup.with_attribute(head, "fullCalcOnLoad", "1")
            package.put(book, xml[: found.start] + changed + xml[found.start + len(head) :])


NEW: dict[str, str] = {
    _TYPES: '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_CONTENT}spreadsheetml.sheet.main+xml"/></Types>',
    "_rels/.rels": _RELS.replace(
        "></", f'><Relationship Id="rId1" Type="{RELATED}/officeDocument" Target="xl/workbook.xml"/></'
    ),
    "xl/workbook.xml": f'<workbook xmlns="{MAIN}"><workbookPr/><bookViews><workbookView/></bookViews><sheets/>'
    "</workbook>",
    "xl/_rels/workbook.xml.rels": _RELS,
}
"""The parts of a workbook without tabs."""


def new() -> bytes:
    """The bytes of a workbook without tabs; to be given some before it is saved."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        for part, content in NEW.items():
            package.writestr(zipfile.ZipInfo(part), content)
    return out.getvalue()

"""How cells look: the few formats the worker writes, found among the workbook's own or added after them.

Existing formats are never changed or renumbered, so every other cell looks as before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from rules.schema import Kind
from sync.backends import looks
from sync.xlsx import markup, opc
from sync.xlsx.package import Package


@dataclass(frozen=True, slots=True)
class Format:
    """One way a cell looks: its number format, and whether it is a header (bold on a fill) or wraps."""

    code: str = "General"
    wrap: bool = False
    bold: bool = False
    fill: str = ""


PLAIN = Format()
HEADER = Format("@", wrap=True, bold=True, fill=f"FF{looks.HEADER}")
LOOKUP_HEADER = Format("@", wrap=True, bold=True, fill=f"FF{looks.LOOKUP_HEADER}")
_DAY = Format("yyyy-mm-dd")
FORMATS: dict[Kind, Format] = {
    Kind.KEY: Format("@"),
    Kind.TEXT: PLAIN,
    Kind.NOTE: Format(wrap=True),
    Kind.EMAIL: PLAIN,
    Kind.COUNT: PLAIN,
    Kind.POINTS: PLAIN,
    Kind.MONEY: Format("#,##0.00"),
    Kind.NUMBER: PLAIN,
    Kind.DATE: _DAY,
    Kind.MOMENT: Format("yyyy-mm-dd hh:mm"),
    Kind.FLAG: PLAIN,
    Kind.CHOICE: PLAIN,
    Kind.LIST: Format("@"),
}

_BUILT_IN = {0: "General", 4: "#,##0.00", 49: "@"}
_FIRST_OWN_FORMAT = 164
_EMPTY = (
    f'<styleSheet xmlns="{opc.MAIN}"><fonts count="1"><font><sz val="11"/><name val="Calibri"/><family val="2"/></font>'
    '</fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/>'
    '</fill></fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


def indexes(package: Package, wanted: Iterable[Format]) -> dict[Format, int]:
    """The number of each format in the workbook's list of cell formats, added when it is not there."""
    part = _styles_part(package)
    known = _known(package, part)
    found: dict[Format, int] = {}
    for style in dict.fromkeys(wanted):
        if style not in known:
            known[style] = _add(package, part, style)
        found[style] = known[style]
    return found


def fills(package: Package, colours: Iterable[str]) -> dict[str, int]:
    """The number of a conditional format for each colour (RRGGBB), added to the workbook's list."""
    part = _styles_part(package)
    found: dict[str, int] = {}
    for colour in dict.fromkeys(colours):
        both = f'<fgColor rgb="FF{colour}"/><bgColor rgb="FF{colour}"/>'
        new = f'<dxf><fill><patternFill patternType="solid">{both}</patternFill></fill></dxf>'
        found[colour] = _existing_fill(package, part, colour)
        if found[colour] < 0:
            found[colour] = _append(package, part, "dxfs", new)
    return found


def _existing_fill(package: Package, part: str, colour: str) -> int:
    for index, dxf in enumerate(_list(opc.root(package, part), "dxfs")):
        colours = [e.get("rgb", "") for e in dxf.iter() if e.tag.endswith("}bgColor")]
        if colours == [f"FF{colour}"] and len(dxf) == 1:
            return index
    return -1


def _styles_part(package: Package) -> str:
    book = opc.workbook_part(package)
    part = next((r.target for r in opc.relations(package, book) if r.kind == "styles" and r.target in package), None)
    if part is None:
        part = opc.add_part(package, "xl/styles{}.xml", "styles", _EMPTY.encode(), first="")
        opc.relate(package, book, "styles", part)
    return part


def _list(root: ET.Element, name: str) -> list[ET.Element]:
    return [e for group in root if group.tag.rpartition("}")[2] == name for e in group]


def _known(package: Package, part: str) -> dict[Format, int]:
    """The formats the workbook has that look exactly like one of ours, the first of each."""
    root = opc.root(package, part)
    codes = {int(e.get("numFmtId", "0")): e.get("formatCode", "") for e in _list(root, "numFmts")}
    fonts, patterns, cells = _list(root, "fonts"), _list(root, "fills"), _list(root, "cellXfs")
    known: dict[Format, int] = {}
    for index, cell in enumerate(cells):
        number, font, fill = (int(cell.get(name, "0")) for name in ("numFmtId", "fontId", "fillId"))
        code = codes.get(number) or _BUILT_IN.get(number, f"built-in {number}")
        style = Format(_bare(code), _wraps(cell), _bold(fonts, font), _colour(patterns, fill))
        if cells and _plain_otherwise(cell, cells[0], fonts):
            known.setdefault(style, index)
    return known


def _bare(code: str) -> str:
    # LibreOffice writes yyyy\-mm\-dd, some programs add a locale; both show the same day.
    return re.sub(r"\\|\[\$-[0-9A-Fa-f]+\]|;@$|\"(?=[-: ]\")|(?<=[-: ])\"", "", code)


def _wraps(cell: ET.Element) -> bool:
    return any(e.get("wrapText") in ("1", "true") for e in cell)


def _bold(fonts: list[ET.Element], index: int) -> bool:
    font = fonts[index] if index < len(fonts) else ()
    return any(e.tag.endswith("}b") and e.get("val", "1") not in ("0", "false") for e in font)


def _colour(patterns: list[ET.Element], index: int) -> str:
    fill = patterns[index] if index < len(patterns) else ET.Element("none")
    solid = any(e.get("patternType") == "solid" for e in fill)
    return next((e.get("rgb", "other") for e in fill.iter() if e.tag.endswith("}fgColor")), "") if solid else ""


def _plain_otherwise(cell: ET.Element, first: ET.Element, fonts: list[ET.Element]) -> bool:
    """True when font (but for bold), border and alignment are those of an ordinary cell."""
    turned = any(e.get("horizontal", "general") != "general" or e.get("textRotation", "0") != "0" for e in cell)
    return (
        not turned
        and cell.get("borderId", "0") == first.get("borderId", "0")
        and _face(fonts, cell) == _face(fonts, first)
    )


def _face(fonts: list[ET.Element], cell: ET.Element) -> list[tuple[str, dict[str, str]]]:
    index = int(cell.get("fontId", "0"))
    font = fonts[index] if index < len(fonts) else ET.Element("none")
    return sorted((e.tag, dict(e.attrib)) for e in font if not e.tag.endswith("}b"))


def _add(package: Package, part: str, style: Format) -> int:
    root = opc.root(package, part)
    first = next(iter(_list(root, "cellXfs")), ET.Element("xf"))
    font, fill = first.get("fontId", "0"), "0"
    number = next((n for n, code in _BUILT_IN.items() if code == style.code), None)
    if number is None:
        number = _number_format(package, part, style.code)
    if style.bold:
        font = str(_append(package, part, "fonts", _bold_font(_list(root, "fonts"), int(font))))
    if style.fill:
        both = f'<fgColor rgb="{style.fill}"/><bgColor indexed="64"/>'
        new = f'<fill><patternFill patternType="solid">{both}</patternFill></fill>'
        fill = str(_append(package, part, "fills", new))
    inside = ' applyAlignment="1"><alignment vertical="center" wrapText="1"/></xf>' if style.wrap else "/>"
    xf = (
        f'<xf numFmtId="{number}" fontId="{font}" fillId="{fill}" borderId="{first.get("borderId", "0")}" xfId="0" '
        f'applyNumberFormat="1" applyFont="1" applyFill="1"{inside}'
    )
    return _append(package, part, "cellXfs", xf)


def _number_format(package: Package, part: str, code: str) -> int:
    taken = {int(e.get("numFmtId", "0")): e.get("formatCode", "") for e in _list(opc.root(package, part), "numFmts")}
    same = next((number for number, known in taken.items() if _bare(known) == code), None)
    if same is not None:
        return same
    number = max([_FIRST_OWN_FORMAT - 1, *taken]) + 1
    _append(package, part, "numFmts", f'<numFmt numFmtId="{number}" formatCode="{markup.quoted(code)}"/>')
    return number


def _bold_font(fonts: list[ET.Element], index: int) -> str:
    """The workbook's ordinary font, bold."""
    font = fonts[index] if index < len(fonts) else ET.Element("none")
    face = ((e.tag.rpartition("}")[2], e.attrib) for e in font)
    facts = (
        "".join([name, *(f' {key}="{markup.quoted(value)}"' for key, value in more.items())]) for name, more in face
    )
    return "".join(["<font><b/>", *(f"<{fact}/>" for fact in facts if fact.split(" ", 1)[0] != "b"), "</font>"])


def _append(package: Package, part: str, group: str, new: str) -> int:
    """Put *new* last in the list called *group*, which is made when absent; its index."""
    xml = package.read(part)
    found = next((child for child in markup.children(xml) if child.name == group), None)
    if found is None:
        whole = f'<{group} count="1">{new}</{group}>'.encode()
        package.put(part, markup.insert(xml, markup.STYLES_ORDER, group, whole))
        return 0
    size = len(_list(opc.root(package, part), group))
    package.put(part, markup.append(xml, found, new.encode()))
    return size

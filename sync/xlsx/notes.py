"""Notes on header cells: the comments part, and the drawing that Excel wants for each note's box.

Source: ECMA-376 part 1, section 18.7; part 4, section 19 (VML).
"""

from __future__ import annotations

from collections.abc import Mapping

from sync.backends.places import letters
from sync.xlsx import cells, opc
from sync.xlsx.package import Package

_DRAWING = (
    '<xml xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office" '
    'xmlns:x="urn:schemas-microsoft-com:office:excel"><o:shapelayout v:ext="edit"><o:idmap v:ext="edit" data="1"/>'
    "</o:shapelayout>"
    '<v:shapetype id="_x0000_t202" coordsize="21600,21600" o:spt="202" path="m,l,21600r21600,l21600,xe">'
    '<v:stroke joinstyle="miter"/><v:path gradientshapeok="t" o:connecttype="rect"/></v:shapetype>{shapes}</xml>'
)
_SHAPE = (
    '<v:shape id="_x0000_s{id}" type="#_x0000_t202" style="position:absolute;margin-left:60pt;margin-top:2pt;'
    'width:180pt;height:60pt;z-index:{order};visibility:hidden" fillcolor="#ffffe1" o:insetmode="auto">'
    '<v:fill color2="#ffffe1"/><v:shadow on="t" color="black" obscured="t"/><v:path o:connecttype="none"/>'
    '<v:textbox style="mso-direction-alt:auto"><div style="text-align:left"></div></v:textbox>'
    '<x:ClientData ObjectType="Note"><x:MoveWithCells/><x:SizeWithCells/>'
    "<x:Anchor>{left}, 15, {row}, 2, {right}, 31, {bottom}, 1</x:Anchor><x:AutoFill>False</x:AutoFill>"
    "<x:Row>{row}</x:Row><x:Column>{column}</x:Column></x:ClientData></v:shape>"
)
_FIRST_SHAPE = 1025


def add(package: Package, part: str, notes: Mapping[tuple[int, int], str]) -> bool:
    """Put *notes*, by (row, column) from 0, on the tab in *part*; False, and nothing done, when it has some already."""
    if not notes or any(r.kind in ("comments", "vmlDrawing") for r in opc.relations(package, part)):
        return False
    comments = opc.add_part(package, "xl/comments{}.xml", "comments", _comments(notes).encode())
    drawing = opc.add_part(package, "xl/drawings/vmlDrawing{}.vml", "vmlDrawing", _shapes(notes).encode())
    opc.relate(package, part, "comments", comments)
    opc.refer(package, part, "legacyDrawing", "vmlDrawing", drawing)
    return True


def _comments(notes: Mapping[tuple[int, int], str]) -> str:
    listed = "".join(
        f'<comment ref="{letters(column)}{row + 1}" authorId="0"><text><r><t xml:space="preserve">'
        f"{cells.escaped(text)}</t></r></text></comment>"
        for (row, column), text in sorted(notes.items())
    )
    return (
        f'<comments xmlns="{opc.MAIN}"><authors><author>huzhu</author></authors>'
        f"<commentList>{listed}</commentList></comments>"
    )


def _shapes(notes: Mapping[tuple[int, int], str]) -> str:
    return _DRAWING.format(
        shapes="".join(
            _SHAPE.format(
                id=_FIRST_SHAPE + order,
                order=order + 1,
                row=row,
                column=column,
                left=column + 1,
                right=column + 4,
                bottom=row + 4,
            )
            for order, (row, column) in enumerate(sorted(notes))
        )
    )

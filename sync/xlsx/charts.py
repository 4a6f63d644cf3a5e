"""A native chart of one series: the part that draws it, and where it stands on a tab.

No figure is stored in it: a program reads the ranges whenever it opens the file, so a chart cannot show an old run.
Source: ECMA-376 part 1, sections 20.5 (spreadsheetDrawing) and 21.2 (charts).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sync.backends.looks import CHART
from sync.backends.overview import Said
from sync.xlsx import markup, opc
from sync.xlsx.package import Package

_PIXEL = 9525  # in the unit of drawings
_NAMES = f'xmlns:xdr="{opc.PLACED}" xmlns:a="{opc.DRAWN}" xmlns:c="{opc.CHARTED}" xmlns:r="{opc.RELATED}"'
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart at the top of a column of a tab. Ranges are written as formulas write them.

    name: the cell that names the figures. code: how figures are shown. As a list, the first label stands on top.
    """

    said: Said
    column: int  # from 0
    pixels: tuple[int, int]
    labels: str
    name: str
    figures: str
    code: str = "0"
    as_list: bool = False
    dated: bool = False


def add(package: Package, part: str, charts: Sequence[Chart]) -> None:
    """Put *charts* on the tab in *part*, which has none."""
    drawing = opc.free_part(package, "xl/drawings/drawing{}.xml")
    anchors = []
    for number, chart in enumerate(charts, 2):
        new = opc.add_part(package, "xl/charts/chart{}.xml", "chart", _chart(chart).encode())
        anchors.append(_anchor(chart, number, opc.relate(package, drawing, "chart", new)))
    opc.put_part(package, drawing, "drawing", f"{_HEAD}<xdr:wsDr {_NAMES}>{''.join(anchors)}</xdr:wsDr>".encode())
    opc.refer(package, part, "drawing", "drawing", drawing)


def ranges_on(package: Package, part: str) -> set[str]:
    """The ranges that the charts on the tab in *part* show."""
    drawings = [r.target for r in opc.relations(package, part) if r.kind == "drawing"]
    related = [relation for drawing in drawings for relation in opc.relations(package, drawing)]
    charts = [r.target for r in related if r.kind == "chart" and r.target in package]
    return {e.text or "" for chart in charts for e in opc.root(package, chart).iter() if e.tag.endswith("}f")}


def _anchor(chart: Chart, number: int, key: str) -> str:
    """Where a chart stands, in a size that does not change with the widths of columns."""
    width, height = (pixels * _PIXEL for pixels in chart.pixels)
    title, alt = markup.quoted(chart.said.title), markup.quoted(chart.said.alt)
    return (
        f"<xdr:oneCellAnchor><xdr:from><xdr:col>{chart.column}</xdr:col><xdr:colOff>0</xdr:colOff><xdr:row>0</xdr:row>"
        f'<xdr:rowOff>0</xdr:rowOff></xdr:from><xdr:ext cx="{width}" cy="{height}"/><xdr:graphicFrame macro="">'
        f'<xdr:nvGraphicFramePr><xdr:cNvPr id="{number}" name="{title}" descr="{alt}"/><xdr:cNvGraphicFramePr/>'
        '</xdr:nvGraphicFramePr><xdr:xfrm><a:off x="0" y="0"/><a:ext cx="0" cy="0"/></xdr:xfrm>'
        f'<a:graphic><a:graphicData uri="{opc.CHARTED}"><c:chart r:id="{key}"/></a:graphicData></a:graphic>'
        "</xdr:graphicFrame><xdr:clientData/></xdr:oneCellAnchor>"
    )


def _chart(chart: Chart) -> str:
    direction, order, sides = ("bar", "maxMin", "lt") if chart.as_list else ("col", "minMax", "bl")
    figures = markup.quoted(chart.figures)
    return (
        f'{_HEAD}<c:chartSpace {_NAMES}><c:roundedCorners val="0"/><c:chart>{_title(chart.said.title)}'
        f'<c:autoTitleDeleted val="0"/><c:plotArea><c:layout/><c:barChart><c:barDir val="{direction}"/>'
        '<c:grouping val="clustered"/><c:varyColors val="0"/><c:ser><c:idx val="0"/><c:order val="0"/>'
        f"<c:tx><c:strRef><c:f>{markup.quoted(chart.name)}</c:f></c:strRef></c:tx>"
        f'<c:spPr>{_filled(CHART)}</c:spPr><c:invertIfNegative val="0"/>{_figures_shown(chart.code)}'
        f"<c:cat>{_labels(chart)}</c:cat><c:val><c:numRef><c:f>{figures}</c:f></c:numRef></c:val></c:ser>"
        '<c:gapWidth val="50"/><c:axId val="1"/><c:axId val="2"/></c:barChart>'
        f"{_label_axis(chart, order, sides[0])}{_figure_axis(sides[1])}</c:plotArea>"
        '<c:plotVisOnly val="0"/><c:dispBlanksAs val="gap"/></c:chart>'
        f"<c:spPr>{_filled('FFFFFF')}<a:ln><a:noFill/></a:ln></c:spPr></c:chartSpace>"
    )


def _title(text: str) -> str:
    letters = f'<a:rPr lang="zh-CN" sz="1200" b="1">{_INK}</a:rPr><a:t>{markup.quoted(text)}</a:t>'
    return (
        f"<c:title><c:tx><c:rich><a:bodyPr/><a:p><a:r>{letters}</a:r></a:p></c:rich></c:tx>"
        '<c:overlay val="0"/></c:title>'
    )


def _labels(chart: Chart) -> str:
    kind = "num" if chart.dated else "str"
    return f"<c:{kind}Ref><c:f>{markup.quoted(chart.labels)}</c:f></c:{kind}Ref>"


def _figures_shown(code: str) -> str:
    """Each figure stands at the end of its bar, so that nobody has to measure against an axis."""
    shown = "".join(
        f'<c:show{what} val="{int(what == "Val")}"/>'
        for what in ("LegendKey", "Val", "CatName", "SerName", "Percent", "BubbleSize")
    )
    return (
        f'<c:dLbls><c:numFmt formatCode="{markup.quoted(code)}" sourceLinked="0"/>{_BARE}{_TEXT}'
        f'<c:dLblPos val="outEnd"/>{shown}</c:dLbls>'
    )


def _label_axis(chart: Chart, order: str, side: str) -> str:
    """The axis of labels: every one is shown, at the edge, where no negative bar runs through it."""
    code = "yyyy-mm" if chart.dated else "General"
    line = "<a:noFill/>" if chart.as_list else _filled("BFBFBF")  # a line would go on below the last of the list
    return (
        f'<c:catAx><c:axId val="1"/><c:scaling><c:orientation val="{order}"/></c:scaling><c:delete val="0"/>'
        f'<c:axPos val="{side}"/><c:numFmt formatCode="{code}" sourceLinked="0"/><c:majorTickMark val="none"/>'
        f'<c:minorTickMark val="none"/><c:tickLblPos val="low"/><c:spPr><a:ln w="9525">{line}</a:ln>'
        f'</c:spPr>{_TEXT}<c:crossAx val="2"/><c:crosses val="autoZero"/><c:auto val="0"/><c:lblAlgn val="ctr"/>'
        '<c:lblOffset val="100"/><c:tickLblSkip val="1"/><c:noMultiLvlLbl val="1"/></c:catAx>'
    )


def _figure_axis(side: str) -> str:
    """The axis of figures, not shown: they stand at the bars."""
    return (
        '<c:valAx><c:axId val="2"/><c:scaling><c:orientation val="minMax"/></c:scaling><c:delete val="1"/>'
        f'<c:axPos val="{side}"/><c:numFmt formatCode="General" sourceLinked="0"/><c:majorTickMark val="none"/>'
        '<c:minorTickMark val="none"/><c:tickLblPos val="nextTo"/><c:crossAx val="1"/><c:crosses val="autoZero"/>'
        '<c:crossBetween val="between"/></c:valAx>'
    )


def _filled(colour: str) -> str:
    return f'<a:solidFill><a:srgbClr val="{colour}"/></a:solidFill>'


_INK = _filled("404040")
_TEXT = (
    f'<c:txPr><a:bodyPr/><a:p><a:pPr><a:defRPr sz="900">{_INK}</a:defRPr></a:pPr><a:endParaRPr lang="zh-CN"/></a:p>'
    "</c:txPr>"
)
_BARE = "<c:spPr><a:noFill/><a:ln><a:noFill/></a:ln></c:spPr>"

"""What may stand in cell formats, rules and conditions: what Google does not know, it would refuse."""

from __future__ import annotations

from typing import Any

from tests.emulators.google.masks import ANY, Mask
from tests.emulators.google.refusals import Unemulated, known

_STYLE: Mask = {"rgbColor": ANY, "themeColor": {}}
_TEXT: Mask = {
    "foregroundColor": ANY, "foregroundColorStyle": _STYLE, "fontFamily": {}, "fontSize": {}, "bold": {}, "italic": {},
    "strikethrough": {}, "underline": {}, "link": ANY,
}  # fmt: skip
FORMAT: Mask = {
    "numberFormat": {"type": {}, "pattern": {}}, "backgroundColor": ANY, "backgroundColorStyle": _STYLE,
    "borders": ANY, "padding": ANY, "horizontalAlignment": {}, "verticalAlignment": {}, "wrapStrategy": {},
    "textDirection": {}, "textFormat": _TEXT, "hyperlinkDisplayType": {}, "textRotation": ANY,
}  # fmt: skip
CONDITIONAL_FORMAT: Mask = {
    "backgroundColor": ANY, "backgroundColorStyle": _STYLE,
    "textFormat": {name: _TEXT[name] for name in _TEXT.keys() - {"fontFamily", "fontSize", "link"}},
}  # fmt: skip
CONDITION: Mask = {"type": {}, "values": {"userEnteredValue": {}, "relativeDate": {}}}
RULE: Mask = {"condition": CONDITION, "inputMessage": {}, "strict": {}, "showCustomUi": {}}
_NUMBER_FORMATS = "TEXT NUMBER PERCENT CURRENCY DATE TIME DATE_TIME SCIENTIFIC"
_CONDITIONS = """
    NUMBER_GREATER NUMBER_GREATER_THAN_EQ NUMBER_LESS NUMBER_LESS_THAN_EQ NUMBER_EQ NUMBER_NOT_EQ NUMBER_BETWEEN
    NUMBER_NOT_BETWEEN TEXT_CONTAINS TEXT_NOT_CONTAINS TEXT_STARTS_WITH TEXT_ENDS_WITH TEXT_EQ TEXT_NOT_EQ TEXT_IS_EMAIL
    TEXT_IS_URL DATE_EQ DATE_NOT_EQ DATE_BEFORE DATE_AFTER DATE_ON_OR_BEFORE DATE_ON_OR_AFTER DATE_BETWEEN
    DATE_NOT_BETWEEN DATE_IS_VALID ONE_OF_RANGE ONE_OF_LIST BLANK NOT_BLANK CUSTOM_FORMULA BOOLEAN FILTER_EXPRESSION
"""
NUMBER_FORMATS, CONDITIONS = set(_NUMBER_FORMATS.split()), set(_CONDITIONS.split())


def shaped(node: Any, shape: Mask, where: str) -> None:
    """Raises Unemulated for a member of *node* that *shape* does not have."""
    if shape is ANY or node is None:
        return
    if isinstance(node, list):
        for item in node:
            shaped(item, shape, where)
        return
    if not shape:
        return
    known(node, set(shape), where)
    for name, value in node.items():
        shaped(value, shape[name], f"{where}.{name}")


def check_format(given: Any, shape: Mask = FORMAT) -> None:
    shaped(given, shape, "CellFormat")
    kind = ((given or {}).get("numberFormat") or {}).get("type")
    if kind is not None and kind not in NUMBER_FORMATS:
        raise Unemulated(f"numberFormat.type {kind}")


def check_rule(given: Any, shape: Mask = RULE) -> None:
    """A rule with a condition."""
    shaped(given, shape, "rule")
    kind = ((given or {}).get("condition") or {}).get("type")
    if given and kind not in CONDITIONS:
        raise Unemulated(f"condition.type {kind}")

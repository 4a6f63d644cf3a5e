"""Requests about what lies over or beside cells: protection, names, filters, merges, conditional formats, charts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.emulators.google.batch import Batch, Kind, colors, explicit, fields
from tests.emulators.google.book import Json, Tab
from tests.emulators.google.masks import Mask, merged
from tests.emulators.google.ranges import GRID_RANGE, Area
from tests.emulators.google.reading import answered
from tests.emulators.google.refusals import PROTECTED, Refused, Unemulated, known
from tests.emulators.google.shapes import CONDITION, CONDITIONAL_FORMAT, check_rule

PROTECTION: Mask = {
    "range": {}, "description": {}, "warningOnly": {}, "editors": {"users": {}, "domainUsersCanEdit": {}},
    "unprotectedRanges": {},
}  # fmt: skip


def _range(given: Json | None) -> Json:
    known(given or {}, GRID_RANGE, "GridRange")
    return Area.of(given or {}).grid_range


def _kept(one: Json) -> Json:
    """A protected range without what is empty or false."""
    return {name: value for name, value in one.items() if value or name == "range"}


def _editors(batch: Batch, given: Json | None) -> Json:
    """Whoever sets a protection up, and the owner, may always edit."""
    known(given or {}, {"users", "groups", "domainUsersCanEdit"}, "editors")
    if (given or {}).get("groups") or (given or {}).get("domainUsersCanEdit"):
        raise Unemulated("editors that are groups or a domain")
    users = [*((given or {}).get("users") or []), batch.book.owner, batch.user]
    return {"users": list(dict.fromkeys(users))}


def add_protected_range(batch: Batch, given: Json) -> Json:
    known(given, {"protectedRange"}, "addProtectedRange")
    asked = given["protectedRange"]
    known(asked, {*PROTECTION, "protectedRangeId", "requestingUserCanEdit"}, "ProtectedRange")
    area = Area.of(asked.get("range") or {})
    tab = batch.book.edit(area.sheet)
    batch.guard_tab(area.sheet)
    id_ = asked.get("protectedRangeId") or batch.new_id()
    holes = explicit(asked.get("unprotectedRanges") or [])
    one = {"protectedRangeId": id_, "range": _range(asked.get("range")), "unprotectedRanges": holes}
    one |= {name: asked[name] for name in ("description", "warningOnly") if asked.get(name)}
    users = (asked.get("editors") or {}).get("users")
    tab.protections = [*tab.protections, _kept(one | {"editors": _editors(batch, asked.get("editors"))})]
    shown = _kept(one) | {"requestingUserCanEdit": True, "editors": {"users": users} if users else {}}
    return {"addProtectedRange": {"protectedRange": answered(shown)}}


def _protection(batch: Batch, id_: int) -> tuple[int, Json]:
    """The tab and the protected range of that id; raises Refused when the user may not change it."""
    for tab in batch.book.tabs:
        for one in tab.protections:
            if one["protectedRangeId"] == id_:
                if not batch.may_change(one):
                    raise Refused(PROTECTED)
                return tab.id, one
    raise Refused(f"No protected range with ID: {id_}")


def update_protected_range(batch: Batch, given: Json) -> Json:
    known(given, {"protectedRange", "fields"}, "updateProtectedRange")
    new = given["protectedRange"]
    known(new, {*PROTECTION, "protectedRangeId", "requestingUserCanEdit"}, "ProtectedRange")
    sheet, old = _protection(batch, new.get("protectedRangeId") or 0)
    mask = fields(given, PROTECTION, "ProtectedRange") or PROTECTION
    one = merged(old, explicit(new), mask)
    one["range"] = _range(one.get("range"))
    if "editors" in mask:
        one["editors"] = _editors(batch, new.get("editors"))
    tab = batch.book.edit(sheet)
    tab.protections = [_kept(one) if kept is old else kept for kept in tab.protections]
    return {}


def delete_protected_range(batch: Batch, given: Json) -> Json:
    known(given, {"protectedRangeId"}, "deleteProtectedRange")
    sheet, old = _protection(batch, given["protectedRangeId"])
    tab = batch.book.edit(sheet)
    tab.protections = [one for one in tab.protections if one is not old]
    return {}


def _named(batch: Batch, id_: str) -> Json:
    for one in batch.book.named:
        if one["namedRangeId"] == id_:
            return one
    raise Refused(f"No named range found with ID: {id_}")


def add_named_range(batch: Batch, given: Json) -> Json:
    known(given, {"namedRange"}, "addNamedRange")
    asked = given["namedRange"]
    known(asked, {"namedRangeId", "name", "range"}, "NamedRange")
    if any(one["name"].casefold() == asked["name"].casefold() for one in batch.book.named):
        raise Refused(f"A named range with the name {asked['name']} already exists.")
    id_ = asked.get("namedRangeId") or str(batch.new_id())
    one = {"namedRangeId": id_, "name": asked["name"], "range": _range(asked.get("range"))}
    batch.book.within(Area.of(one["range"]))
    batch.book.named.append(one)
    return {"addNamedRange": {"namedRange": answered(one)}}


def update_named_range(batch: Batch, given: Json) -> Json:
    known(given, {"namedRange", "fields"}, "updateNamedRange")
    old = _named(batch, given["namedRange"].get("namedRangeId", ""))
    mask = fields(given, {"name": {}, "range": {}}, "NamedRange") or {"name": {}, "range": {}}
    one = merged(old, explicit(given["namedRange"]), mask)
    batch.book.named[batch.book.named.index(old)] = one | {"range": _range(one["range"])}
    return {}


def delete_named_range(batch: Batch, given: Json) -> Json:
    known(given, {"namedRangeId"}, "deleteNamedRange")
    batch.book.named.remove(_named(batch, given["namedRangeId"]))
    return {}


def set_basic_filter(batch: Batch, given: Json) -> Json:
    known(given, {"filter"}, "setBasicFilter")
    known(given["filter"], {"range", "sortSpecs", "criteria", "filterSpecs"}, "BasicFilter")
    area = batch.book.within(Area.of(given["filter"].get("range") or {}))
    batch.guard_tab(area.sheet)
    batch.book.edit(area.sheet).basic_filter = given["filter"] | {"range": area.grid_range}
    return {}


def clear_basic_filter(batch: Batch, given: Json) -> Json:
    known(given, {"sheetId"}, "clearBasicFilter")
    batch.book.edit(given.get("sheetId") or 0).basic_filter = None
    return {}


def _pieces(area: Area, kind: str) -> list[Area]:
    """What a merge of that kind makes of an area."""
    top, bottom, left, right = (bound or 0 for bound in (area.top, area.bottom, area.left, area.right))
    if kind == "MERGE_ROWS":
        return [Area(area.sheet, row, row + 1, left, right) for row in range(top, bottom)]
    if kind == "MERGE_COLUMNS":
        return [Area(area.sheet, top, bottom, column, column + 1) for column in range(left, right)]
    return [area]


def merge_cells(batch: Batch, given: Json) -> Json:
    """Only the first cell of what is merged keeps its value."""
    known(given, {"range", "mergeType"}, "mergeCells")
    area = batch.writable(given["range"])
    tab = batch.book.edit(area.sheet)
    apart = [one for one in tab.merges if not Area.of(one).meets(area)]
    pieces = _pieces(area, given.get("mergeType", "MERGE_ALL"))
    tab.merges = apart + [piece.grid_range for piece in pieces]
    for piece in pieces:
        _hide(tab, piece)
    return {}


def _hide(tab: Tab, area: Area) -> None:
    left, right = area.left or 0, area.right or 0
    for row in range(area.top or 0, min(area.bottom or 0, len(tab.rows))):
        first = left + (row == area.top)
        hidden = {column: cell for column, cell in tab.rows[row].items() if first <= column < right}
        tab.put(row, {column: replace(cell, value=None, formula=None) for column, cell in hidden.items()})


def unmerge_cells(batch: Batch, given: Json) -> Json:
    known(given, {"range"}, "unmergeCells")
    area = batch.writable(given["range"])
    tab = batch.book.edit(area.sheet)
    tab.merges = [one for one in tab.merges if not Area.of(one).meets(area)]
    return {}


def _rule(batch: Batch, given: Json) -> tuple[int, Json]:
    """The tab and the rule as kept."""
    known(given, {"ranges", "booleanRule"}, "ConditionalFormatRule")
    rule = given.get("booleanRule")
    if rule is None:
        raise Unemulated("a conditional format without a booleanRule")
    check_rule(rule, {"condition": CONDITION, "format": CONDITIONAL_FORMAT})
    ranges = [_range(one) for one in given.get("ranges") or []]
    if not ranges or len({one["sheetId"] for one in ranges}) > 1:
        raise Refused("ranges must be on one sheet.")
    batch.guard_tab(ranges[0]["sheetId"])
    return ranges[0]["sheetId"], colors(given) | {"ranges": ranges}


def add_conditional_format_rule(batch: Batch, given: Json) -> Json:
    known(given, {"rule", "index"}, "addConditionalFormatRule")
    sheet, rule = _rule(batch, given["rule"])
    tab, at = batch.book.edit(sheet), given.get("index") or 0
    tab.conditions = [*tab.conditions[:at], rule, *tab.conditions[at:]]
    return {}


def _condition(batch: Batch, sheet: int, at: int) -> list[Json]:
    rules = batch.book.edit(sheet).conditions
    if at >= len(rules):
        raise Refused(f"No conditional format on sheet: {sheet} at index: {at}")
    return rules


def update_conditional_format_rule(batch: Batch, given: Json) -> Json:
    known(given, {"rule", "index", "sheetId"}, "updateConditionalFormatRule")
    sheet, rule = _rule(batch, given["rule"])
    at = given.get("index") or 0
    rules = _condition(batch, sheet, at)
    batch.book.edit(sheet).conditions = [*rules[:at], rule, *rules[at + 1 :]]
    return {"updateConditionalFormatRule": {"newRule": answered(rule), "oldRule": answered(rules[at])}}


def delete_conditional_format_rule(batch: Batch, given: Json) -> Json:
    known(given, {"index", "sheetId"}, "deleteConditionalFormatRule")
    sheet, at = given.get("sheetId") or 0, given.get("index") or 0
    rules = _condition(batch, sheet, at)
    batch.guard_tab(sheet)
    batch.book.edit(sheet).conditions = [*rules[:at], *rules[at + 1 :]]
    return {"deleteConditionalFormatRule": {"rule": answered(rules[at])}}


def add_chart(batch: Batch, given: Json) -> Json:
    known(given, {"chart"}, "addChart")
    known(given["chart"], {"chartId", "spec", "position"}, "EmbeddedChart")
    chart: dict[str, Any] = colors(explicit(given["chart"]))
    anchor = chart.get("position", {}).get("overlayPosition", {}).get("anchorCell")
    if anchor is None:
        raise Unemulated("a chart that is not over cells of a tab")
    batch.guard_tab(anchor["sheetId"])
    tab = batch.book.edit(anchor["sheetId"])
    chart["chartId"] = chart.get("chartId") or batch.new_id()
    tab.charts = [*tab.charts, chart]
    return {"addChart": {"chart": answered(chart)}}


def delete_embedded_object(batch: Batch, given: Json) -> Json:
    known(given, {"objectId"}, "deleteEmbeddedObject")
    for tab in batch.book.tabs:
        if any(one["chartId"] == given["objectId"] for one in tab.charts):
            batch.guard_tab(tab.id)
            own = batch.book.edit(tab.id)
            own.charts = [one for one in own.charts if one["chartId"] != given["objectId"]]
            return {}
    raise Refused(f"No object found with id: {given['objectId']}")


KINDS: dict[str, Kind] = {
    "addProtectedRange": add_protected_range,
    "updateProtectedRange": update_protected_range,
    "deleteProtectedRange": delete_protected_range,
    "addNamedRange": add_named_range,
    "updateNamedRange": update_named_range,
    "deleteNamedRange": delete_named_range,
    "setBasicFilter": set_basic_filter,
    "clearBasicFilter": clear_basic_filter,
    "mergeCells": merge_cells,
    "unmergeCells": unmerge_cells,
    "addConditionalFormatRule": add_conditional_format_rule,
    "updateConditionalFormatRule": update_conditional_format_rule,
    "deleteConditionalFormatRule": delete_conditional_format_rule,
    "addChart": add_chart,
    "deleteEmbeddedObject": delete_embedded_object,
}

"""Developer metadata: made, found, changed, and used to say which cells are meant."""

from __future__ import annotations

from typing import Any

from tests.emulators.google.batch import Batch, Kind, fields, lines
from tests.emulators.google.book import Book, Json
from tests.emulators.google.masks import Mask, merged
from tests.emulators.google.ranges import GRID_RANGE, Area
from tests.emulators.google.reading import answered
from tests.emulators.google.refusals import Refused, Unemulated, known

METADATA: Mask = {"metadataId": {}, "metadataKey": {}, "metadataValue": {}, "location": {}, "visibility": {}}
MAX_CHARACTERS = 30_000
_COMPARED = {"metadataId", "metadataKey", "metadataValue", "visibility"}
_LOOKUP = {*_COMPARED, "locationType", "metadataLocation", "locationMatchingStrategy"}


def _location(batch: Batch, given: Json) -> Json:
    """A location as it is kept, with its type."""
    known(given, {"locationType", "spreadsheet", "sheetId", "dimensionRange"}, "DeveloperMetadataLocation")
    if given.get("dimensionRange"):
        tab, dimension, start, end = lines(batch, given["dimensionRange"], "dimensionRange")
        if end != start + 1:
            raise Refused("The dimension range must span exactly one row or column.")
        if end > tab.lines(dimension):
            raise Refused(f"The {dimension[:-1].lower()} of the metadata is not on the sheet.")
        where = {"sheetId": tab.id, "dimension": dimension, "startIndex": start, "endIndex": end}
        return {"locationType": dimension[:-1], "dimensionRange": where}
    if given.get("sheetId") is not None:
        return {"locationType": "SHEET", "sheetId": batch.book.tab(given["sheetId"]).id}
    if not given.get("spreadsheet"):
        raise Refused("Developer metadata must have a location.")
    return {"locationType": "SPREADSHEET", "spreadsheet": True}


def _check_size(book: Book, location: Json) -> None:
    """30,000 characters for the spreadsheet, and as many for each tab."""

    def place(where: Json) -> Any:
        return where.get("dimensionRange", where).get("sheetId", "")

    near = (one for one in book.metadata.values() if place(one["location"]) == place(location))
    if sum(len(one["metadataKey"]) + len(one.get("metadataValue", "")) for one in near) > MAX_CHARACTERS:
        raise Refused(f"Developer metadata exceeds the limit of {MAX_CHARACTERS} characters.")


def create(batch: Batch, given: Json) -> Json:
    known(given, {"developerMetadata"}, "createDeveloperMetadata")
    asked = given["developerMetadata"]
    known(asked, set(METADATA), "DeveloperMetadata")
    if not asked.get("metadataKey") or asked.get("visibility") not in ("DOCUMENT", "PROJECT"):
        raise Refused("Developer metadata must have a key and a visibility.")
    id_ = asked.get("metadataId") or batch.new_id()
    if id_ in batch.book.metadata:
        raise Refused(f"Developer metadata with ID {id_} already exists.")
    location = _location(batch, asked.get("location") or {})
    one = {"metadataId": id_, "metadataKey": asked["metadataKey"], "metadataValue": asked.get("metadataValue")}
    one |= {"location": location, "visibility": asked["visibility"]}
    batch.book.metadata[id_] = {name: value for name, value in one.items() if value}
    _check_size(batch.book, location)
    return {"createDeveloperMetadata": {"developerMetadata": answered(batch.book.metadata[id_])}}


def found(book: Book, given: Json) -> list[Json]:
    """The metadata that a DataFilter with a lookup matches."""
    known(given, {"developerMetadataLookup"}, "DataFilter")
    lookup = given["developerMetadataLookup"]
    known(lookup, _LOOKUP, "DeveloperMetadataLookup")
    place = lookup.get("metadataLocation")
    if place and lookup.get("locationMatchingStrategy") != "EXACT_LOCATION":
        raise Unemulated("metadata by a location that it intersects")
    wanted = {name: lookup[name] for name in _COMPARED & lookup.keys()}
    if set(wanted) == {"metadataId"}:
        every = [book.metadata[wanted["metadataId"]]] if wanted["metadataId"] in book.metadata else []
    else:
        every = [one for one in book.metadata.values() if all(one.get(n) == v for n, v in wanted.items())]
    if kind := lookup.get("locationType"):
        every = [one for one in every if one["location"]["locationType"] == kind]
    return [one for one in every if not place or place.items() <= answered(one["location"]).items()]


def update(batch: Batch, given: Json) -> Json:
    known(given, {"dataFilters", "developerMetadata", "fields"}, "updateDeveloperMetadata")
    mask = fields(given, METADATA, "DeveloperMetadata") or {name: {} for name in METADATA if name != "metadataId"}
    new = given["developerMetadata"]
    matched = {one["metadataId"]: one for wanted in given["dataFilters"] for one in found(batch.book, wanted)}
    for id_, old in matched.items():
        one = merged(old, new, mask)
        if "location" in mask:
            one["location"] = _location(batch, new.get("location") or {})
        batch.book.metadata[id_] = one
        _check_size(batch.book, one["location"])
    changed = [answered(batch.book.metadata[id_]) for id_ in matched]
    return {"updateDeveloperMetadata": {"developerMetadata": changed} if changed else {}}


def delete(batch: Batch, given: Json) -> Json:
    known(given, {"dataFilter"}, "deleteDeveloperMetadata")
    gone = found(batch.book, given["dataFilter"])
    for one in gone:
        del batch.book.metadata[one["metadataId"]]
    shown = [answered(one) for one in gone]
    return {"deleteDeveloperMetadata": {"deletedDeveloperMetadata": shown} if shown else {}}


def search(book: Book, filters: list[Json]) -> Json:
    """The answer to developerMetadata:search."""
    matched: dict[int, Json] = {}
    for wanted in filters:
        for one in found(book, wanted):
            entry = matched.setdefault(one["metadataId"], {"developerMetadata": answered(one), "dataFilters": []})
            entry["dataFilters"].append(wanted)
    return {"matchedDeveloperMetadata": list(matched.values())} if matched else {}


def areas(book: Book, wanted: Json) -> list[Area]:
    """The areas that a DataFilter names, cut to their grids."""
    if "a1Range" in wanted:
        return [book.area(wanted["a1Range"])]
    if "gridRange" in wanted:
        known(wanted["gridRange"], GRID_RANGE, "GridRange")
        return [book.within(Area.of(wanted["gridRange"]))]
    return [_place(book, one["location"]) for one in found(book, wanted)]


def _place(book: Book, location: Json) -> Area:
    if "spreadsheet" in location:
        raise Unemulated("the cells of metadata of the whole spreadsheet")
    line = location.get("dimensionRange")
    if line is None:
        return book.within(Area(location["sheetId"]))
    bounds = (line["startIndex"], line["endIndex"])
    rows = line["dimension"] == "ROWS"
    return book.within(Area(line["sheetId"], *bounds) if rows else Area(line["sheetId"], None, None, *bounds))


KINDS: dict[str, Kind] = {
    "createDeveloperMetadata": create,
    "updateDeveloperMetadata": update,
    "deleteDeveloperMetadata": delete,
}

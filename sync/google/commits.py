"""Every write to a spreadsheet is a numbered commit: a developer metadata of the spreadsheet, made by the same call.

An id can be used once, and a call happens whole or not at all. So of two writes that follow the same commit one is
refused, a write that is sent again after its answer was lost is refused too, and the metadata tells whose it was.
It also holds the lease of a run that is not finished: until when nobody else may write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

KEY = "huzhu"
FIRST = 1_500_000_000  # ids that Google gives are random; ours count from here
KEPT = 64  # how many stay: nobody may write so far behind, since a sheet read minutes ago is read again

Request = dict[str, Any]
"""One request of a batchUpdate."""


@dataclass(frozen=True, slots=True)
class Commit:
    """holder: the run that made it. mark: tells its writes apart. until: the end of the lease, None when it is done."""

    number: int
    holder: str = ""
    mark: str = ""
    until: datetime | None = None

    @property
    def value(self) -> str:
        """What stands in the metadata."""
        return f"{self.holder} {self.mark} {self.until.isoformat() if self.until else '-'}"

    def requests(self, known: Sequence[int]) -> list[Request]:
        """What makes the commit, first, and drops old ones. known: the numbers that are there."""
        made = {"metadataId": self.number, "metadataKey": KEY, "metadataValue": self.value}
        where = {"location": {"spreadsheet": True}, "visibility": "DOCUMENT"}
        old = [number for number in known if number <= self.number - KEPT]
        return [
            {"createDeveloperMetadata": {"developerMetadata": {**made, **where}}},
            *(
                {"deleteDeveloperMetadata": {"dataFilter": {"developerMetadataLookup": {"metadataId": number}}}}
                for number in old
            ),
        ]


def commits(metadata: Sequence[Mapping[str, Any]]) -> list[Commit]:
    """The commits among a spreadsheet's metadata, oldest first."""
    ours = (_commit(entry) for entry in metadata if entry.get("metadataKey") == KEY)
    return sorted(ours, key=lambda commit: commit.number)


def _commit(entry: Mapping[str, Any]) -> Commit:
    holder, mark, until = [*str(entry.get("metadataValue", "")).split(" "), "", "", ""][:3]
    try:
        ends = datetime.fromisoformat(until)
    except ValueError:
        ends = None
    return Commit(int(entry["metadataId"]), holder, mark, ends if ends and ends.tzinfo else None)

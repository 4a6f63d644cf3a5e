"""The same alliance on each backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from tests.chaos.places.feishu import feishu
from tests.chaos.places.file import File, workbook
from tests.chaos.places.google import google
from tests.chaos.places.place import Alliance, Online, Person, Place, Rows

__all__ = ["PLACES", "Alliance", "File", "Online", "Person", "Place", "Rows"]

PLACES: Mapping[str, Callable[[Alliance], AbstractContextManager[Place]]] = {
    "workbook": workbook,
    "google": google,
    "feishu": feishu,
}
"""By the name of the backend: a context with a new place that holds these rows."""

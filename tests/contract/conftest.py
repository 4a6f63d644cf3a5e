"""Sheets with some rows of each kind, for the laws of whole runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.runs import begun
from tests.contract.test_backends import SHEETS, Sheet, memory


@pytest.fixture(params=SHEETS.values(), ids=SHEETS)
def sheet(request, tmp_path) -> Iterator[Sheet]:
    """One on each backend."""
    with request.param(tmp_path) as made:
        yield begun(made)


@pytest.fixture
def plain(tmp_path) -> Iterator[Sheet]:
    """One in memory, for what no backend has a part in."""
    with memory(tmp_path) as made:
        yield begun(made)

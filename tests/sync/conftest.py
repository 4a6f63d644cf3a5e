"""The demo house and its post office, for every test of the shell."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync import demo
from tests.sync.house import TODAY
from tests.sync.postman import Postman
from tests.sync.postman import postman as postman_at_work


@pytest.fixture(scope="session")
def fresh_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("demo")
    demo.make(home, lambda: TODAY, None)
    return home


@pytest.fixture
def home(fresh_demo: Path, tmp_path: Path) -> Path:
    """A demo that no run has touched yet."""
    return Path(shutil.copytree(fresh_demo, tmp_path / "demo"))


@pytest.fixture
def postman(home: Path) -> Iterator[Postman]:
    """The demo's mail goes to a server of our own."""
    with postman_at_work() as server:
        file = home / "config.yaml"
        text = file.read_text(encoding="utf-8").replace("transport: folder ", "transport: smtp ")
        text = text.replace('host: "" ', "host: 127.0.0.1 ").replace("port: 587 ", f"port: {server.server.address[1]} ")
        file.write_text(text.replace("security: starttls ", "security: none "), encoding="utf-8")
        yield server

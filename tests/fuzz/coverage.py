"""Coverage-guided runs: `python -m tests.fuzz.coverage package|workbook|cells|settings [--seconds 300]`.

atheris, of requirements-fuzz.lock, changes the bytes of an input until they reach other lines of the code. Exits with 0
when time is up, and with the input in artifacts/ at the first traceback, hang, or use of more memory than an attempt may.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["sync", "rules"]):
    from rules.cells import read, shown
    from rules.columns import read_column
    from rules.schema import MEMBER_TABLES, QUEUE, TABLES
    from rules.values import Change
    from sync import demo
    from sync.backends.workbook import Workbook
    from sync.config import load
    from sync.errors import HuzhuError
    from sync.xlsx.package import Package
from tests.fuzz import packages
from tests.rules.sheets import ZONE

Target = Callable[[bytes], None]
SECONDS, MEGABYTES, LONGEST = 20, 1500, 20_000
PARTS = ("xl/workbook.xml", "xl/_rels/workbook.xml.rels", "_rels/.rels", "xl/styles.xml", "xl/worksheets/sheet1.xml")
COLUMNS = [column for table in MEMBER_TABLES for column in table.typed]


def package(_home: Path) -> tuple[Target, Iterable[bytes]]:
    """The zip itself: any bytes at all."""

    def target(data: bytes) -> None:
        with contextlib.suppress(HuzhuError):
            made = Package(data, "alliance.xlsx", 50)
            made.verify(made.parts)
            made.packed()

    return target, [zipped({"a.xml": b"<a/>", "b/c.xml": b"<c>" + b"x" * 500 + b"</c>"}, zipfile.ZIP_DEFLATED)]


def workbook(home: Path) -> tuple[Target, Iterable[bytes]]:
    """Some parts of a workbook, one after the other, and any bytes in them."""
    Workbook(home / "new.xlsx").prepare(TABLES[:2])
    parts = packages.parts_of((home / "new.xlsx").read_bytes())
    file = home / "hurt.xlsx"

    def target(data: bytes) -> None:
        hurt = dict(zip(PARTS, data.split(BETWEEN), strict=False))
        file.write_bytes(zipped({**parts, **hurt}, zipfile.ZIP_STORED))
        with contextlib.suppress(HuzhuError):
            book = Workbook(file, sleep=lambda _: None)
            book.write([Change(QUEUE, [])], book.read([*TABLES[:2], QUEUE]).version)

    whole = [parts[name] for name in PARTS]
    return target, [
        BETWEEN.join((*whole[:-1], sheet))
        for sheet in (whole[-1], *(whole[-1].replace(END, row + END) for row in ROWS))
    ]


BETWEEN, END = b"\n\x00\n", b"</sheetData>"
ROWS = (
    b'<row r="2"><c r="A2" t="e"><f>1/0</f><v>#DIV/0!</v></c><c r="B2" t="e"><v>#SPILL!</v></c><c><f>A2</f></c></row>',
    b'<row r="3"><c r="A3" t="inlineStr"><is><t>x</t></is></c><c r="B3" t="str"><f t="shared" si="0" ref="B3:B9">A3</f><v/></c></row>',
    b'<row><c t="b"><v>1</v></c><c t="d"><v>2026-01-01</v></c><c r="XFD1048576"/></row><mergeCells/>',
)


def zipped(parts: Mapping[str, bytes], how: int) -> bytes:
    """A package of *parts*."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as made:
        for name, content in parts.items():
            made.writestr(name, content)
    return out.getvalue()


def cells(_home: Path) -> tuple[Target, Iterable[bytes]]:
    """Any text, number or both in every column that members type into."""

    def target(data: bytes) -> None:
        given = atheris.FuzzedDataProvider(data)
        column = given.PickValueInList(COLUMNS)
        some = [given.ConsumeFloat(), given.ConsumeInt(8), given.ConsumeUnicode(given.remaining_bytes())]
        for cell in some:
            f"{shown(cell)}{read(cell, column, ZONE).value}".encode()
        read_column(some, column, ZONE)

    texts = (
        "2025-10-23",
        "２个",
        "¥1.2万",
        "2025年10月23日 8:00",
        "是",
        "a@b.cn",
        "#REF!",
        "P0",
        "甲、乙；丙",
        "10/23",
        "1e5",
    )
    return target, [bytes(20) + text.encode() for text in texts]


def settings(home: Path) -> tuple[Target, Iterable[bytes]]:
    """Any bytes as config.yaml."""
    demo.make(home, lambda: date(2026, 11, 23), None)
    text = (home / "config.yaml").read_bytes()
    file = home / "hurt.yaml"

    def target(data: bytes) -> None:
        file.write_bytes(data)
        with contextlib.suppress(HuzhuError):
            _ = load(file).policy

    lines = [line for line in text.splitlines() if line.strip()]
    return target, [text, *(b"\n".join(lines[at : at + 5]) for at in range(0, len(lines), 5))]


def words(seeds: Iterable[bytes]) -> set[str]:
    """What stands in *seeds* as one piece, as libFuzzer wants to be told."""
    found = {
        word for seed in seeds for word in re.findall(rb"<[^<>]{1,40}>|\w+=\"[^\"]*\"|[\w.]+:?|[^\x00-\x7f]+", seed)
    }
    return {"".join(f"\\x{byte:02x}" for byte in word) for word in found if 1 < len(word) <= 60}


TARGETS = {made.__name__: made for made in (package, workbook, cells, settings)}


def main() -> None:
    """Runs one target until its time is up or something breaks; libFuzzer ends the process."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("target", choices=TARGETS)
    options.add_argument("--seconds", type=int, default=300)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home, corpus, found = Path(folder), Path(folder) / "corpus", Path("artifacts")
        corpus.mkdir()
        found.mkdir(exist_ok=True)
        target, seeds = TARGETS[given.target](home)
        for number, seed in enumerate(seeds := [*seeds]):
            (corpus / str(number)).write_bytes(seed)
        (home / "words").write_text("\n".join(f'"{word}"' for word in words(seeds)), encoding="ascii")
        bounds = {"max_total_time": given.seconds, "timeout": SECONDS, "rss_limit_mb": MEGABYTES, "max_len": LONGEST}
        told = [f"-{name}={bound}" for name, bound in {**bounds, "len_control": 0, "dict": home / "words"}.items()]
        atheris.Setup([sys.argv[0], *told, f"-artifact_prefix={found}/{given.target}-", str(corpus)], target)
        atheris.Fuzz()


if __name__ == "__main__":
    main()

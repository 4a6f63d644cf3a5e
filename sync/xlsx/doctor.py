"""What `huzhu doctor` says of a workbook: one finding a step, with what to click or set when a step is not well."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from rules.schema import Owner, Table
from rules.values import Book
from rules.words import Words
from sync.backends import Finding
from sync.backends.checks import of_tabs
from sync.errors import HuzhuError
from sync.xlsx import disk, tabs
from sync.xlsx.opc import Tab
from sync.xlsx.package import Package

_CLOSE = Words("请让打开它的人保存并关闭。", "Ask the person who has it open to save and close it.")
_FOLDER = Words(
    "在文件夹的“属性 → 安全”中给运行 huzhu 的用户“修改”权限。",
    "Under Properties, Security of the folder, give the user that runs huzhu the right to modify.",
)
_FILE = Words(
    "在文件的“属性”中取消“只读”。",
    "Clear Read-only in the file's properties.",
)
_PROTECT = Words(
    "在该表点击“审阅 → 保护工作表”，密码留空。",
    "On that tab choose Review, Protect Sheet, and leave the password blank.",
)


def findings(path: Path, max_mb: float, tables: Sequence[Table], read: Callable[[], Book]) -> list[Finding]:
    """The steps in the order an operator would mend them; later ones are left out when the file cannot be read."""
    try:
        package = Package(disk.contents(path), path.name, max_mb)
        book, held = read(), tabs.held(package, tables)
    except HuzhuError as error:
        return [
            Finding(Words(f"读取工作簿 {path.name}", f"Read the workbook {path.name}"), ok=False, advice=error.words)
        ]
    return [
        Finding(Words(f"读取工作簿 {path.name}", f"Read the workbook {path.name}"), ok=True),
        *_file(path),
        *of_tabs(tables, book),
        *_protection(package, tables, held),
    ]


def _file(path: Path) -> Iterator[Finding]:
    folder, program = path.resolve().parent, disk.opened_by(path.resolve())
    yield Finding(Words("文件夹可写", "The folder can be written to"), disk.is_writable(folder), _FOLDER)
    yield Finding(Words("文件可写", "The file can be written to"), disk.is_writable(path), _FILE)
    yield Finding(
        Words(
            f"没有在别处打开{f'（{program}）' if program else ''}", f"Not open elsewhere{program and f' ({program})'}"
        ),
        not program,
        _CLOSE,
    )


def _protection(package: Package, tables: Sequence[Table], held: Mapping[str, Tab]) -> Iterator[Finding]:
    for table in tables:
        tab = held.get(table.name)
        if tab is not None and table.owner is Owner.WORKER:
            protected = b"sheetProtection" in package.read(tab.part)
            yield Finding(Words(f"工作表“{tab.title}”已保护", f"The tab {tab.title} is protected"), protected, _PROTECT)

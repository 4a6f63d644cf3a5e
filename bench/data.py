"""An alliance made up from its number of loans: the same numbers give the same sheet, on every machine.

Everything starts as columns of codes and days (`Alliance`), and is then put into the form a measurement needs: a
workbook, rows of text as an API returns them, or the typed frames of `rules.intake`. All rows are valid, so that a
script without any checking computes the same.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rules.schema import MEMBER_TABLES, PLANS, TABLES, Kind, Table
from rules.values import Cell

AS_OF = date(2025, 11, 6)
TABLE = {table.name: table for table in TABLES}

Columns = dict[str, npt.NDArray[Any]]

_SPAN = 735  # days from the first loan to a few days after AS_OF: the last loans are agreed, not shipped
_FIRST = np.datetime64(AS_OF, "D") - 730
_BLOCK = 1_000_000  # rows made at a time, so that making the data takes little memory beside the data
_MOST_MEMBERS = 10_000
_NAT = np.datetime64("NaT", "D")

_CITIES = (
    ("华北", "北京", 39.9, 116.4), ("华北", "天津", 39.1, 117.2), ("华北", "石家庄", 38.0, 114.5),
    ("华东", "上海", 31.2, 121.5), ("华东", "南京", 32.1, 118.8), ("华东", "杭州", 30.3, 120.2),
    ("华东", "苏州", 31.3, 120.6), ("华东", "济南", 36.7, 117.0), ("华东", "青岛", 36.1, 120.4),
    ("华南", "广州", 23.1, 113.3), ("华南", "深圳", 22.5, 114.1), ("华南", "厦门", 24.5, 118.1),
    ("华中", "武汉", 30.6, 114.3), ("华中", "长沙", 28.2, 112.9), ("华中", "郑州", 34.7, 113.6),
    ("西南", "成都", 30.6, 104.1), ("西南", "重庆", 29.6, 106.5), ("西南", "昆明", 25.0, 102.7),
    ("西北", "西安", 34.3, 108.9), ("西北", "兰州", 36.1, 103.8), ("东北", "沈阳", 41.8, 123.4),
    ("东北", "大连", 38.9, 121.6), ("东北", "哈尔滨", 45.8, 126.5),
)  # fmt: skip
_SURNAMES, _NAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林", ("伟", "芳", "秀英", "敏", "静", "志强", "丽", "建军", "洋")
_PARTS = ("前保险杠", "高压线束", "驱动电机控制器", "车门玻璃", "热管理阀体", "座椅电机", "中控屏", "空调压缩机")
REASONS = ("", "媒体已到店拍摄，客户要求今天修好", "客户停驶两周，多次投诉", "网红车主直播，当地论坛已发酵")
CUSTOMERS, RISKS = ("普通", "媒体", "意见领袖", ""), ("高", "中", "低", "")
DECLARED = ("P0", "P1", "P2", "")
STATUSES = ("待响应", "进行中", "已满足")
_CARRIERS = ("顺丰", "德邦", "京东")


@dataclass(frozen=True, slots=True)
class Alliance:
    """The sizes of an alliance with *loans* loans, and its members' tabs as columns of codes and days.

    A code names a row of the table referred to, or a place in one of the tuples above; -1 and NaT are blank.
    """

    loans: int

    @property
    def members(self) -> int:
        """About a hundred loans a member."""
        return max(10, min(self.loans // 100, _MOST_MEMBERS))

    @property
    def parts(self) -> int:
        """How many parts the alliance shares."""
        return max(50, min(self.loans // 40, 5_000))

    @property
    def requests(self) -> int:
        """One request for ten loans; a fifth of them are still open."""
        return max(20, self.loans // 10)

    @property
    def adjustments(self) -> int:
        """Few."""
        return self.members // 5

    def centers(self) -> list[str]:
        """The members' names, such as 华北-北京 and 华东-上海2店."""
        return [f"{region}-{city}{shop}" for region, city, _, _, shop in map(self._place, range(self.members))]

    def _place(self, i: int) -> tuple[str, str, float, float, str]:
        shop = i // len(_CITIES)
        return *_CITIES[i % len(_CITIES)], f"{shop + 1}店" if shop else ""

    def part_numbers(self) -> list[str]:
        """Such as 1044321-00-C."""
        return [f"{1044321 + 7 * i}-{i % 10:02d}-{'ABCDE'[i % 5]}" for i in range(self.parts)]

    def blocks(self) -> Iterator[Columns]:
        """The loans, a block at a time, oldest first as people append them."""
        for start in range(0, self.loans, _BLOCK):
            yield self._block(start, min(_BLOCK, self.loans - start))

    def loan_columns(self, *without: str) -> Columns:
        """The loans in one piece, less the columns named."""
        blocks = [{name: column for name, column in block.items() if name not in without} for block in self.blocks()]
        return {name: np.concatenate([block.pop(name) for block in blocks]) for name in list(blocks[0])}

    def _block(self, start: int, count: int) -> Columns:
        rng = np.random.default_rng([self.loans, start])
        at = np.arange(start, start + count)
        began = _FIRST + at * _SPAN // self.loans
        lent = np.where(_some(rng, count, 0.005), _NAT, began)
        due = np.where(_some(rng, count, 0.3), _NAT, lent + rng.integers(5, 30, count))
        qty = rng.integers(1, 4, count)
        lender = rng.integers(0, self.members, count)
        back = lent + rng.integers(2, 35, count)
        back = np.where((back > np.datetime64(AS_OF)) | _some(rng, count, 0.03), _NAT, back)
        is_back = ~np.isnat(back)
        part_back = np.where(_some(rng, count, 0.1), rng.integers(0, qty), -1)
        return {
            "number": at + 1,
            "request": np.where(
                _some(rng, count, 0.6), -1, np.clip(at * self.requests // self.loans, 0, self.requests - 1)
            ),
            "lender": lender,
            "borrower": (lender + rng.integers(1, self.members, count)) % self.members,
            "part": rng.integers(0, self.parts, count),
            "qty": qty,
            "plan": rng.choice([-1, 0, 1, 2], count, p=[0.1, 0.65, 0.15, 0.1]),
            "lent_on": lent,
            "due_on": due,
            "extended_to": np.where(_some(rng, count, 0.05), due + rng.integers(1, 15, count), _NAT),
            "returned_qty": np.where(is_back, -1, part_back),
            "returned_on": back,
            "received_on": np.where(lent <= np.datetime64(AS_OF), lent + 1, _NAT),
            "tracking": np.where(_some(rng, count, 0.2), -1, rng.integers(10**11, 10**12, count)),
            "freight": rng.integers(12, 300, count),
            "compensated_on": np.where(_some(rng, count, 0.005) & ~is_back, lent + 60, _NAT),
            "recall_on": np.where(_some(rng, count, 0.01), lent + rng.integers(1, 10, count), _NAT),
            "cancelled": _some(rng, count, 0.02),
        }

    def request_columns(self) -> Columns:
        """The requests, oldest first."""
        count = self.requests
        rng = np.random.default_rng([count, 7])
        at = np.arange(count)
        asked = _FIRST + at * (_SPAN - 5) // count
        declared = rng.choice(4, count, p=[0.02, 0.28, 0.6, 0.1])
        return {
            "number": at + 1,
            "requester": rng.integers(0, self.members, count),
            "part": rng.integers(0, self.parts, count),
            "qty": rng.integers(1, 12, count),
            "requested_at": asked.astype("datetime64[s]") + rng.integers(8 * 60, 18 * 60, count) * 60,
            "needed_by": np.where(_some(rng, count, 0.3), _NAT, asked + rng.integers(1, 25, count)),
            "declared": declared,
            "customer": rng.choice(4, count, p=[0.8, 0.03, 0.03, 0.14]),
            "waiting_since": np.where(_some(rng, count, 0.5), _NAT, asked - rng.integers(0, 12, count)),
            "risk": rng.choice(4, count, p=[0.01, 0.09, 0.5, 0.4]),
            "reason": np.where(declared == 0, rng.integers(0, 4, count), 0),
            "status": np.where(at < count * 4 // 5, 2, rng.integers(0, 2, count)),
        }

    def member_columns(self) -> Columns:
        """When each member joined and left; the rest of its row follows from its number."""
        rng = np.random.default_rng([self.members, 11])
        left = np.where(_some(rng, self.members, 0.03), _FIRST + rng.integers(300, 720, self.members), _NAT)
        return {"joined_on": np.full(self.members, _FIRST), "left_on": left}

    def adjustment_columns(self) -> Columns:
        """What the alliance agreed to add or take."""
        rng = np.random.default_rng([self.members, 13])
        count = self.adjustments
        return {
            "date": _FIRST + rng.integers(0, 700, count),
            "center": rng.integers(0, self.members, count),
            "points": rng.choice([-2, -1, 1, 2, 3], count),
        }


def _some(rng: np.random.Generator, count: int, share: float) -> npt.NDArray[np.bool_]:
    return rng.random(count) < share


def rows(alliance: Alliance) -> dict[str, list[tuple[Cell, ...]]]:
    """The rows of the members' tabs as people type them, in the order of `Table.fields`; blank is None."""
    centers, parts = alliance.centers(), alliance.part_numbers()
    return {
        "members": _member_rows(alliance, centers),
        "parts": [
            (part, f"{_PARTS[i % len(_PARTS)]} {i}", 120 + i * 37 % 9000, "Model Y", None, "是" if i % 9 == 0 else None)
            for i, part in enumerate(parts)
        ],
        "inventory": _inventory_rows(centers, parts),
        "requests": _request_rows(alliance.request_columns(), centers, parts),
        "loans": _loan_rows(alliance.loan_columns(), centers, parts),
        "adjustments": [
            (when, centers[center], points, "季度表彰", "联盟秘书处")
            for when, center, points in _across(alliance.adjustment_columns(), "date", "center", "points")
        ],
        "routes": [(centers[i], centers[i + 1], 300.0 + i, 9.5) for i in range(min(20, len(centers) - 1))],
    }


def _across(columns: Columns, *names: str) -> Iterator[tuple[Any, ...]]:
    return zip(*(columns[name].tolist() for name in names), strict=True)


def _member_rows(alliance: Alliance, centers: Sequence[str]) -> list[tuple[Cell, ...]]:
    made = []
    for i, (joined, left) in enumerate(_across(alliance.member_columns(), "joined_on", "left_on")):
        _, city, lat, lon, _ = _CITIES[i % len(_CITIES)] + ("",)
        manager = _SURNAMES[i % len(_SURNAMES)] + _NAMES[i % len(_NAMES)]
        address, superior = f"center{i:05d}@huzhu.example", f"boss{i % 30:02d}@huzhu.example"
        made.append((centers[i], manager, address, f"1380000{i:04d}", superior, city, lat, lon, joined, left, "zh"))
    return made


def _inventory_rows(centers: Sequence[str], parts: Sequence[str]) -> list[tuple[Cell, ...]]:
    each = 10
    return [
        (center, parts[(i * 31 + k * 7) % len(parts)], (i + k) % 9, 1, None, None, None, PLANS[k % 3], AS_OF)
        for i, center in enumerate(centers)
        for k in range(each)
    ]


def _request_rows(columns: Columns, centers: Sequence[str], parts: Sequence[str]) -> list[tuple[Cell, ...]]:
    return [
        (
            request_key(number), centers[who], parts[part], qty, asked, needed, DECLARED[declared] or None,
            CUSTOMERS[customer] or None, since, RISKS[risk] or None, REASONS[reason] or None, None,
            STATUSES[status],
        )
        for number, who, part, qty, asked, needed, declared, customer, since, risk, reason, status in _across(
            columns, "number", "requester", "part", "qty", "requested_at", "needed_by", "declared", "customer",
            "waiting_since", "risk", "reason", "status",
        )
    ]  # fmt: skip


def _loan_rows(columns: Columns, centers: Sequence[str], parts: Sequence[str]) -> list[tuple[Cell, ...]]:
    return [
        (
            loan_key(number), request_key(request + 1) if request >= 0 else None, centers[lender], centers[borrower],
            parts[part], qty, PLANS[plan] if plan >= 0 else None, lent, due, extended, units if units >= 0 else None,
            back, received, f"{_CARRIERS[number % 3]} {tracking}" if tracking >= 0 else None, freight, None, None,
            compensated, recall, "是" if cancelled else None,
        )
        for (
            number, request, lender, borrower, part, qty, plan, lent, due, extended, units, back, received, tracking,
            freight, compensated, recall, cancelled,
        ) in _across(
            columns, "number", "request", "lender", "borrower", "part", "qty", "plan", "lent_on", "due_on",
            "extended_to", "returned_qty", "returned_on", "received_on", "tracking", "freight", "compensated_on",
            "recall_on", "cancelled",
        )
    ]  # fmt: skip


def loan_key(number: int) -> str:
    """Such as L-0000042."""
    return f"L-{number:07d}"


def request_key(number: int) -> str:
    """Such as R-000042."""
    return f"R-{number:06d}"


def as_text(table: Table, typed: Sequence[Sequence[Cell]]) -> list[list[str]]:
    """Rows as an API returns them: a header, and every cell as text."""
    moments = {i for i, column in enumerate(table.typed) if column.kind is Kind.MOMENT}
    header = [column.header for column in table.typed]
    return [header, *([_told(cell, i in moments) for i, cell in enumerate(row)] for row in typed)]


def _told(cell: Cell, is_moment: bool) -> str:  # noqa: FBT001
    if cell is None:
        return ""
    return f"{cell:%Y-%m-%d %H:%M}" if is_moment and isinstance(cell, datetime) else str(cell)


def workbook(alliance: Alliance) -> Path:
    """The alliance's workbook as `huzhu init` leaves it: members' tabs full, the worker's tabs holding their headers.

    Made once and kept in the temporary folder; to be copied before anything is written into it.
    """
    return _kept(alliance, "initial", lambda path: _make_workbook(alliance, path))


def filled_workbook(alliance: Alliance, fill: Callable[[Path], None]) -> Path:
    """The workbook after *fill* has run on it: every worker tab as it should be on `AS_OF`."""

    def make(path: Path) -> None:
        shutil.copyfile(workbook(alliance), path)
        fill(path)

    return _kept(alliance, "filled", make)


def _kept(alliance: Alliance, state: str, make: Callable[[Path], None]) -> Path:
    folder = Path(tempfile.gettempdir()) / f"huzhu-bench-{_recipe()}"
    if not folder.exists():
        for outdated in folder.parent.glob("huzhu-bench-*"):
            shutil.rmtree(outdated, ignore_errors=True)
        folder.mkdir()
    path = folder / f"{state}-{alliance.loans}.xlsx"
    if not path.exists():
        unfinished = path.with_name(f"new-{path.name}")
        make(unfinished)
        unfinished.replace(path)
    return path


def _recipe() -> str:
    """What the workbooks are made from: when it changes they are made again."""
    room = Path(__file__).resolve().parent
    sources = [room / "data.py", *sorted(room.parent.glob("rules/*.py")), *sorted(room.parent.glob("sync/xlsx/*.py"))]
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]


def _make_workbook(alliance: Alliance, path: Path) -> None:
    import openpyxl  # only measurements with workbooks need it

    from sync.backends.workbook import Workbook

    book = openpyxl.Workbook()  # not write_only: a part made so does not state its used area, which Excel always does
    book.remove(book.worksheets[0])
    typed: Mapping[str, Sequence[Sequence[Cell]]] = rows(alliance)
    for table in MEMBER_TABLES:
        tab = book.create_sheet(table.title)
        tab.append([column.header for column in table.typed])
        for row in typed.get(table.name, ()):
            tab.append(row)
    book.save(path)
    Workbook(path).prepare(TABLES)

"""Formulas: their references follow the cells they name; the few that are evaluated are evaluated exactly."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from tests.emulators.google.ranges import Area, Shift, letters, number, quoted
from tests.emulators.google.refusals import Unemulated
from tests.emulators.google.typed import ErrorValue, Value, plain

_CELL = r"(\$?)([A-Za-z]{1,3})(\$?)([1-9]\d*)"
_TOKEN = re.compile(
    r"""(?P<text>"(?:[^"]|"")*")"""
    r"""|(?<![\w.])(?P<tab>(?:'(?:[^']|'')+'|[^\W\d]\w*)!)?"""
    r"""(?P<ref>\$?[A-Za-z]{1,3}\$?[1-9]\d*(?::\$?[A-Za-z]{1,3}(?:\$?[1-9]\d*)?)?"""
    r"""|\$?[A-Za-z]{1,3}:\$?[A-Za-z]{1,3}(?:\$?[1-9]\d*)?|\$?[1-9]\d*:\$?[1-9]\d*)(?![\w(.!])"""
)
_END = re.compile(r"(\$?)([A-Za-z]{1,3})?(\$?)([1-9]\d*)?")


@dataclass(frozen=True, slots=True)
class Ref:
    """One reference. fixed: the `$` before column, row, end column, end row. single: one cell, no `:`."""

    area: Area
    fixed: tuple[str, str, str, str]
    single: bool
    named: bool
    """Whether the tab's title stands before it."""

    def text(self, titles: dict[int, str]) -> str:
        area, fixed = self.area, self.fixed
        first = fixed[0] + letters(area.left) if area.left is not None else ""
        first += fixed[1] + str(area.top + 1) if area.top is not None else ""
        last = fixed[2] + letters(area.right - 1) if area.right is not None else ""
        last += fixed[3] + str(area.bottom) if area.bottom is not None else ""
        cells = first if self.single else f"{first}:{last}"
        return f"{quoted(titles[area.sheet])}!{cells}" if self.named else cells


Part = str | Ref


def _ref(text: str, sheet: int, *, named: bool) -> Ref:
    ends = [_END.fullmatch(end) for end in text.split(":")]
    first = ends[0].groups() if ends[0] else ("", None, "", None)
    last = ends[-1].groups() if ends[-1] else first
    left = number(first[1]) if first[1] else None
    right = number(last[1]) + 1 if last[1] else None
    top = int(first[3]) - 1 if first[3] else None
    bottom = int(last[3]) if last[3] else None
    if left is not None and right is not None and left >= right:
        left, right = right - 1, left + 1
    if top is not None and bottom is not None and top >= bottom:
        top, bottom = bottom - 1, top + 1
    fixed = (first[0], first[2], last[0], last[2])
    return Ref(Area(sheet, top, bottom, left, right), fixed, len(ends) == 1, named)


@dataclass(frozen=True)
class Lookup:
    """The spilling lookup: header where the row is the formula's own, else what *source* has beside *keys*' value."""

    header: str
    keys: Area
    source: Area
    found: Area


_LOOKUP = (
    re.compile(r"=\s*ARRAYFORMULA\(\s*IF\(\s*ROW\(", re.IGNORECASE),
    re.compile(r'\)\s*=\s*ROW\(\)\s*,\s*"((?:[^"]|"")*)"\s*,\s*IF\(', re.IGNORECASE),
    re.compile(r'\s*=\s*""\s*,\s*""\s*,\s*XLOOKUP\(', re.IGNORECASE),
    re.compile(r'\s*&\s*""\s*,\s*'),
    re.compile(r'\s*&\s*""\s*,\s*'),
    re.compile(r'\s*,\s*""\s*\)\s*\)\s*\)\s*\)\s*'),
)


@dataclass(frozen=True)
class Formula:
    """Texts and references in turn; all references know their tab by its id."""

    parts: tuple[Part, ...]
    unresolved: str = ""
    """A tab it names that was not there when it was typed. Such a formula stays an error."""

    @classmethod
    def read(cls, text: str, sheet: int, ids: dict[str, int]) -> Formula:
        """The formula typed as *text* on tab *sheet*; *ids*: the tabs by title. An unknown tab's name stays text."""
        parts: list[Part] = []
        done, unresolved = 0, ""
        for match in _TOKEN.finditer(text):
            tab = match["tab"]
            title = tab and (tab[1:-2].replace("''", "'") if tab.startswith("'") else tab[:-1])
            if title and title not in ids:
                unresolved = title
            if match["text"] or title == unresolved != "":
                continue
            parts += [text[done : match.start()], _ref(match["ref"], ids[title] if title else sheet, named=bool(title))]
            done = match.end()
        return cls((*parts, text[done:]), unresolved)

    def text(self, titles: dict[int, str]) -> str:
        return "".join(part if isinstance(part, str) else part.text(titles) for part in self.parts)

    def shifted(self, shift: Shift) -> Formula:
        """The same after rows or columns moved; a reference to nothing left is #REF!."""
        return self._with(lambda ref: (area := shift.area(ref.area)) and replace(ref, area=area))

    def without(self, sheet: int) -> Formula:
        """The same after that tab was deleted."""
        return self._with(lambda ref: None if ref.area.sheet == sheet else ref)

    def copied(self, sheet: int, rows: int, columns: int) -> Formula:
        """The same as pasted so far away: what `$` does not fix moves along."""

        def moved(bound: int | None, by: int, fixed: str) -> int | None:
            return bound if bound is None or fixed else bound + by

        def along(ref: Ref) -> Ref | None:
            area, fixed = ref.area, ref.fixed
            bounds = (
                moved(area.top, rows, fixed[1]), moved(area.bottom, rows, fixed[3]),
                moved(area.left, columns, fixed[0]), moved(area.right, columns, fixed[2]),
            )  # fmt: skip
            gone = any(bound is not None and bound < 0 for bound in bounds)
            return None if gone else replace(ref, area=Area(area.sheet if ref.named else sheet, *bounds))

        return self._with(along)

    def _with(self, change: Callable[[Ref], Ref | None]) -> Formula:
        parts = (part if isinstance(part, str) else change(part) or "#REF!" for part in self.parts)
        return Formula(tuple(parts), self.unresolved)

    @cached_property
    def lookup(self) -> Lookup | None:
        """The spilling lookup that this formula is, or None."""
        texts = [part for part in self.parts if isinstance(part, str)]
        refs = [part.area for part in self.parts if isinstance(part, Ref)]
        if len(texts) != len(_LOOKUP) or len(refs) != len(_LOOKUP) - 1:
            return None
        matches = [pattern.fullmatch(text) for pattern, text in zip(_LOOKUP, texts, strict=True)]
        if not all(matches) or not refs[0] == refs[1] == refs[2]:
            return None
        columns = [area for area in refs if area.left is not None and area.right == area.left + 1]
        header = matches[1][1] if matches[1] else ""
        return Lookup(header.replace('""', '"'), refs[0], refs[3], refs[4]) if len(columns) == len(refs) else None

    @cached_property
    def is_broken(self) -> bool:
        return any(isinstance(part, str) and "#REF!" in part for part in self.parts)


_SHAPE = "the value of a formula of this shape"


class Arithmetic:
    """The value of a formula of numbers, cells, + - * / and SUM. Raises Unemulated for anything else."""

    def __init__(self, formula: Formula, cells: Callable[[Area], list[Value | ErrorValue]]) -> None:
        self._cells = cells
        self._tokens = list(self._split(formula))
        self._at = 0

    @staticmethod
    def _split(formula: Formula) -> Iterator[str | Ref]:
        for index, part in enumerate(formula.parts):
            if isinstance(part, Ref):
                yield part
                continue
            text = part.lstrip()[1:] if index == 0 else part
            while text := text.lstrip():
                match = re.match(r"\d+(?:\.\d+)?|SUM\(|[-+*/()]", text, re.IGNORECASE)
                if not match:
                    raise Unemulated(f"the value of a formula with {text!r}")
                yield match[0].upper()
                text = text[match.end() :]

    def value(self) -> Value | ErrorValue:
        try:
            result = self._sum()
        except ZeroDivisionError:
            return ErrorValue("DIVIDE_BY_ZERO", "Function DIVIDE parameter 2 cannot be zero.")
        if self._at != len(self._tokens):
            raise Unemulated(_SHAPE)
        return plain(result)

    def _next(self, *wanted: str) -> str | Ref | None:
        token = self._tokens[self._at] if self._at < len(self._tokens) else None
        if token is None or (wanted and token not in wanted):
            return None
        self._at += 1
        return token

    def _sum(self) -> float:
        result = self._product()
        while sign := self._next("+", "-"):
            term = self._product()
            result += term if sign == "+" else -term
        return result

    def _product(self) -> float:
        result = self._factor()
        while sign := self._next("*", "/"):
            factor = self._factor()
            result = result * factor if sign == "*" else result / factor
        return result

    def _factor(self) -> float:
        token = self._next()
        if token == "-":
            return -self._factor()
        if isinstance(token, Ref):
            return self._cell(token.area)
        if token and token[0].isdigit():
            return float(token)
        if token not in ("(", "SUM("):
            raise Unemulated(_SHAPE)
        result = self._sum() if token == "(" else self._range()
        if not self._next(")"):
            raise Unemulated(_SHAPE)
        return result

    def _cell(self, area: Area) -> float:
        """A number in one cell; a blank one is 0."""
        values = self._cells(area)
        if [value for value in values if value is not None and type(value) not in (int, float)] or len(values) > 1:
            raise Unemulated(_SHAPE)
        return sum(value for value in values if isinstance(value, int | float))

    def _range(self) -> float:
        """The sum of the numbers in a range; texts in it do not count."""
        ref = self._next()
        values = self._cells(ref.area) if isinstance(ref, Ref) else [ErrorValue("REF")]
        if any(isinstance(value, ErrorValue) for value in values):
            raise Unemulated(_SHAPE)
        return sum(value for value in values if type(value) in (int, float))

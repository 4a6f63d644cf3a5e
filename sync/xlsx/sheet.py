"""One tab as XML: the cells of a worker's tab, and a whole new tab with widths, colours, dropdowns and protection."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from rules.schema import Column, Kind, Owner, Table
from rules.values import Cell
from sync.backends.looks import COLOURS, WIDTHS, WORKER_TAB
from sync.backends.places import Address, home, letters, quoted_title
from sync.xlsx import cells, markup, opc, styles
from sync.xlsx.cells import LAST_ROW
from sync.xlsx.package import Package

LOOKUP_ROWS = 500
"""Rows with lookup formulas below the last row of people's data, so that a new row shows its state at once."""

_NO = {"sort": "0", "autoFilter": "0", "formatCells": "0", "formatColumns": "0", "formatRows": "0"}
_PROTECTED = "".join(['<sheetProtection sheet="1"', *(f' {what}="{no}"' for what, no in _NO.items()), "/>"])
_FROZEN = (
    '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" '
    'state="frozen"/><selection pane="bottomLeft"/></sheetView></sheetViews><sheetFormatPr defaultRowHeight="15"/>'
)

MARGINS = '<pageMargins left="0.7" right="0.7" top="0.75" bottom="0.75" header="0.3" footer="0.3"/>'


def formula(column: Column, here: Address, worker: Address, row: int) -> str:
    """The lookup that shows the worker's value for the row's own key.

    The key is made text, since people type 7 where the worker's key is the text 7.
    """
    assert column.finds is not None
    key = letters(here.columns[here.key])
    match = f'MATCH(${key}{row}&"",{worker.reference(worker.key)},0)'
    # As text first: a blank would show as 0. INDEX stands once in each, which is how they are known again (scan.py).
    found = f'INDEX({worker.reference(column.finds[1])},{match})&""'
    return f'IFERROR({found if column.is_text else f"VALUE({found})"},"")'


def header_formats(table: Table) -> list[styles.Format]:
    """How each header of *table* looks."""
    return [styles.LOOKUP_HEADER if c.finds else styles.HEADER for c in table.columns]


def data(package: Package, table: Table, values: Sequence[Sequence[Cell]]) -> str:
    """The `sheetData` of a worker's tab: the headers, and *values* below."""
    columns = table.typed
    looks = [styles.FORMATS[column.kind] for column in columns]
    numbers = styles.indexes(package, [styles.HEADER, *looks])
    memory = cells.columns_cells(columns, [numbers[look] for look in looks], from_1904=opc.counts_from_1904(package))
    lines = [header_row(table, columns, numbers), *cells.rows(values, memory, 2)]
    return f"<sheetData>{''.join(lines)}</sheetData>"


def member_data(
    package: Package, table: Table, values: Sequence[Sequence[Cell]], others: Mapping[str, Address], *, title: str = ""
) -> str:
    """The `sheetData` of a member's tab the worker makes: headers, *values*, lookups beside them and further down."""
    here = home(table, title)
    looks = [styles.FORMATS[column.kind] for column in table.columns]
    numbers = styles.indexes(package, [styles.HEADER, styles.LOOKUP_HEADER, *looks])
    dated = opc.counts_from_1904(package)
    memory = [cells.Cells(numbers[look], from_1904=dated) for look in looks]
    lookups = [c for c in table.lookups if c.finds and c.finds[0] in others]
    lines = [header_row(table, table.columns, numbers)]
    for number, line in enumerate([*values, *([()] * (LOOKUP_ROWS if lookups else 0))], 2):
        filled = [cells.cell(number, i, memory[i][type(v), v]) for i, v in enumerate(line)]
        filled += [
            cells.cell(number, here.columns[c.field], formula_tail(c, here, others, number, numbers)) for c in lookups
        ]
        lines.append(f'<row r="{number}">{"".join(filled)}</row>')
    return f"<sheetData>{''.join(lines)}</sheetData>"


def formula_tail(
    column: Column, here: Address, others: Mapping[str, Address], row: int, numbers: Mapping[styles.Format, int]
) -> str:
    """What follows the address of a lookup cell."""
    assert column.finds is not None
    text = formula(column, here, others[column.finds[0]], row)
    return computed(row, here.columns[column.field], text, numbers[styles.FORMATS[column.kind]])


def computed(row: int, column: int, text: str, style: int) -> str:
    """What follows the address of a cell that the formula *text* fills.

    An array formula of one cell: LibreOffice computes those whenever it opens a file. Any other formula it shows with
    the number stored beside it, which the worker's new rows have made old and which is not the worker's to change.
    """
    look = f' s="{style}"' if style else ""
    return f'{look}><f t="array" ref="{letters(column)}{row}">{markup.quoted(text)}</f></c>'


def header_row(table: Table, columns: Sequence[Column], numbers: Mapping[styles.Format, int]) -> str:
    """Row 1 of a tab the worker made."""
    looks = dict(zip(table.columns, header_formats(table), strict=True))
    headers = (
        cells.cell(1, i, cells.Cells(numbers[looks[c]], as_text=True)[str, c.header]) for i, c in enumerate(columns)
    )
    return f'<row r="1">{"".join(headers)}</row>'


def replaced(xml: bytes, new: bytes, columns: int) -> bytes:
    """The tab *xml* with the `sheetData` *new*, *columns* wide; all around it stays."""
    p = markup.prefix(xml)
    start = re.search(rb"<" + p + rb"sheetData(?:\s[^>]*)?>", xml)
    if start is None:
        return markup.insert(xml, markup.SHEET_ORDER, "sheetData", new)
    end = start.end() if start[0].endswith(b"/>") else xml.rfind(b"</" + p + b"sheetData")
    end = end if start[0].endswith(b"/>") else xml.index(b">", end) + 1
    covered = area(new.count(b"<row "), columns)
    before = re.sub(
        rb"(<" + p + rb'dimension\s[^>]*?ref=")[^"]*', rb"\g<1>" + covered.encode(), xml[: start.start()], count=1
    )
    if p:
        new = new.replace(b"<sheetData", f'<sheetData xmlns="{_namespace(xml, p)}"'.encode(), 1)
    return before + new + xml[end:]


def _namespace(xml: bytes, p: bytes) -> str:
    found = re.search(rb"xmlns:" + p[:-1] + rb"""=["']([^"']*)""", xml)
    return found[1].decode() if found else opc.MAIN


def area(rows: int, columns: int) -> str:
    """The range from A1 that *rows* and *columns* take."""
    return f"A1:{letters(max(columns, 1) - 1)}{max(rows, 1)}"


def new_tab(package: Package, table: Table, sheet_data: str, dropdowns: Iterable[str]) -> bytes:
    """A whole tab for *table*: frozen header, widths, formats for what is typed, colours, dropdowns, protection."""
    worker = table.owner is Owner.WORKER
    last = letters(len(table.columns) - 1)
    colour = f'<sheetPr><tabColor rgb="FF{WORKER_TAB}"/></sheetPr>' if worker else ""
    return "".join(
        [
            f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<worksheet xmlns="{opc.MAIN}">{colour}',
            f'<dimension ref="{area(sheet_data.count("<row "), len(table.columns))}"/>',
            _FROZEN,
            _cols(package, table),
            sheet_data,
            _PROTECTED if worker else "",
            f'<autoFilter ref="A1:{last}{LAST_ROW}"/>' if worker else "",
            _conditional_formats(package, table),
            in_one(dropdowns),
            f"{MARGINS}</worksheet>",
        ]
    ).encode()


def _cols(package: Package, table: Table) -> str:
    numbers = styles.indexes(package, (styles.FORMATS[c.kind] for c in table.columns))
    return "".join(
        [
            "<cols>",
            *(
                f'<col min="{i}" max="{i}" width="{max(WIDTHS[c.kind], 2 * len(c.header) + 4)}" '
                f'style="{numbers[styles.FORMATS[c.kind]]}" customWidth="1"/>'
                for i, c in enumerate(table.columns, 1)
            ),
            "</cols>",
        ]
    )


def _conditional_formats(package: Package, table: Table) -> str:
    written = []
    for position, column in enumerate(table.columns):
        shades = COLOURS.get(column.finds or (table.name, column.field), {})
        numbers = styles.fills(package, shades.values())
        rules = "".join(
            f'<cfRule type="cellIs" dxfId="{numbers[colour]}" priority="{i}" operator="equal">'
            f'<formula>"{text}"</formula></cfRule>'
            for i, (text, colour) in enumerate(shades.items(), 1)
        )
        if rules:
            at = letters(position)
            written.append(f'<conditionalFormatting sqref="{at}2:{at}{LAST_ROW}">{rules}</conditionalFormatting>')
    return "".join(written)


def in_one(dropdowns: Iterable[str]) -> str:
    """The element that holds *dropdowns*; "" when there are none."""
    listed = list(dropdowns)
    return f'<dataValidations count="{len(listed)}">{"".join(listed)}</dataValidations>' if listed else ""


def validations(here: Address, others: Mapping[str, Address], columns: Iterable[Column]) -> dict[str, str]:
    """A dropdown for each of *columns* with a known set of values, by field. Others may be typed, after a warning."""
    written = {}
    for column in columns:
        listed = _listed(column, others)
        if listed:
            at = letters(here.columns[column.field])
            written[column.field] = (
                '<dataValidation type="list" errorStyle="warning" allowBlank="1" showInputMessage="1" '
                f'showErrorMessage="1" sqref="{at}{here.header_row + 1}:{at}{LAST_ROW}">'
                f"<formula1>{markup.quoted(listed)}</formula1></dataValidation>"
            )
    return written


def _listed(column: Column, others: Mapping[str, Address]) -> str:
    if column.kind is Kind.LIST or column.owner is Owner.WORKER:
        return ""  # several keys in one cell: a dropdown would replace what is there
    if column.kind is Kind.FLAG:
        return '"是,否"'
    if column.choices:
        return f'"{",".join(column.choices)}"'
    other = others.get(column.refers_to)
    if other is None or other.key not in other.columns:
        return ""
    # The list ends with the last key, so that the dropdown does not show a million blanks.
    tab, at, first = quoted_title(other.title), letters(other.columns[other.key]), other.header_row + 1
    keys = f"{tab}!${at}${first}:${at}${LAST_ROW}"
    return f"OFFSET({tab}!${at}${first},0,0,MAX(1,COUNTA({keys})),1)"

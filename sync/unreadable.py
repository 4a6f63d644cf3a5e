"""A sheet that cannot be read at all, in one sentence for the operator."""

from __future__ import annotations

from datetime import tzinfo

from rules import outbox
from rules.intake import SheetError
from rules.schema import Table
from rules.values import Book, Mail
from sync.errors import SetupError


def mails_in(book: Book, table: Table, zone: tzinfo) -> list[Mail]:
    """The mails of the outbox, or of an archive of it. Raises SetupError when its headers are gone."""
    try:
        return outbox.mails_in(book.tabs.get(table.name), zone, table)
    except SheetError as error:
        raise unreadable(error) from error


def unreadable(error: SheetError) -> SetupError:
    """The sentence for a sheet that cannot be read at all."""
    table, column, found = error.table.title, error.column, error.found
    guess = (f"，最接近的是「{found}」", f"; the closest is {found}") if found else ("", "")
    sentences = {
        "missing_table": (
            f"表格里没有「{table}」这张表。运行 huzhu init 会建好缺的表",
            f"the sheet has no tab {table}. `huzhu init` makes what is missing",
        ),
        "missing_column": (
            f"「{table}」表里没有「{column}」这一列{guess[0]}。改好列名，或运行 huzhu init",
            f"the tab {table} has no column {column}{guess[1]}. Mend the header, or run `huzhu init`",
        ),
        "uncached": (
            f"「{table}」表「{column}」列的 {found} 是公式，文件里没有存它的结果。用 Excel 或 WPS 打开保存一次",
            f"{table}, column {column}: {found} is a formula without a stored result. Open and save the file in Excel",
        ),
    }
    return SetupError(*sentences[error.code])

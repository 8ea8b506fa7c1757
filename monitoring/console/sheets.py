"""Rows of text as CSV or XLSX, written one by one, so that any number of them fits in memory."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from tempfile import TemporaryFile
from typing import IO

from xlsxwriter import Workbook

# What makes a spreadsheet take a cell of a CSV file for a formula, in letters of either width.
FORMULA_STARTS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
# A workbook's sheet ends there; the first row has the titles.
MOST_ROWS = 1_048_576 - 1
CHUNK = 64 * 1024
MARK = "\ufeff"  # by which Excel knows UTF-8


def defused(cell: str) -> str:
    """Return the cell as a spreadsheet shows it and never computes it."""
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell


def csv_of(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the file in pieces of about CHUNK characters."""
    buffer = io.StringIO()
    buffer.write(MARK)
    writer = csv.writer(buffer)
    writer.writerow(map(defused, titles))
    for row in rows:
        writer.writerow(map(defused, row))
        if buffer.tell() > CHUNK:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def xlsx_of(
    titles: Sequence[str], rows: Iterable[Sequence[str]], widths: Sequence[int]
) -> IO[bytes]:
    """Return the workbook as an open file that is gone once closed. Every cell is a string."""
    file: IO[bytes] = TemporaryFile()  # noqa: SIM115 - whoever sends it closes it
    try:
        workbook = Workbook(file, {"constant_memory": True})
        sheet = workbook.add_worksheet("People")
        sheet.freeze_panes(1, 1)
        for place, width in enumerate(widths):
            sheet.set_column(place, place, width)
        bold = workbook.add_format({"bold": True})
        for place, title in enumerate(titles):
            sheet.write_string(0, place, title, bold)
        for number, row in enumerate(rows, 1):
            for place, cell in enumerate(row):
                sheet.write_string(number, place, cell)
        workbook.close()
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file

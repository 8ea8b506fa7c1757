from __future__ import annotations

import csv
import io
import re
import tracemalloc
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.console.sheets import CHUNK, FORMULA_STARTS, MARK, csv_of, defused, xlsx_of

SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
cells = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8) | st.sampled_from(
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", '="x"', "a,b", 'a"b']
)
tables = st.lists(st.lists(cells, min_size=2, max_size=2), max_size=4)


def read_csv(pieces: Iterator[str]) -> list[list[str]]:
    text = "".join(pieces)
    assert text.startswith(MARK)
    return list(csv.reader(io.StringIO(text.removeprefix(MARK), newline="")))


def read_xlsx(data: bytes) -> list[list[str]]:
    """Read the only sheet; fails for a cell that is not a string."""
    book = zipfile.ZipFile(io.BytesIO(data))
    found = []
    for row in ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml")).iter(f"{SHEET}row"):
        line = []
        for cell in row.iter(f"{SHEET}c"):
            assert cell.get("t") == "inlineStr"
            assert cell.find(f"{SHEET}f") is None
            written = "".join(part.text or "" for part in cell.iter(f"{SHEET}t"))
            line.append(re.sub("_x([0-9A-F]{4})_", lambda code: chr(int(code[1], 16)), written))
        found.append(line)
    return found


@given(st.text())
def test_no_cell_begins_like_a_formula(text: str) -> None:
    safe = defused(text)
    assert not safe.startswith(FORMULA_STARTS)
    assert safe.endswith(text)


@given(tables)
def test_a_csv_file_has_every_cell_in_its_place(rows: list[list[str]]) -> None:
    expected = [[defused(cell) for cell in row] for row in rows]
    assert read_csv(csv_of(["A", "B"], rows)) == [["A", "B"], *expected]


@settings(max_examples=8)
@given(tables)
def test_a_workbook_has_strings_only(rows: list[list[str]]) -> None:
    with xlsx_of(["A", "B"], rows, [10, 10]) as file:
        found = read_xlsx(file.read())
    assert found == [["A", "B"], *rows]


def test_a_csv_file_comes_in_pieces() -> None:
    pieces = list(csv_of(["A"], ([f"{'x' * 100}{number}"] for number in range(2_000))))
    assert len(pieces) > 2
    assert max(map(len, pieces)) < CHUNK + 200


def memory_for(rows: int) -> int:
    lines = ([f"Person {number}", "x" * 40] for number in range(rows))
    tracemalloc.start()
    with xlsx_of(["A", "B"], lines, [10, 10]) as file:
        assert file.read(2) == b"PK"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_a_workbook_of_many_rows_takes_no_more_memory() -> None:
    memory_for(10)
    assert memory_for(3_000) < memory_for(500) + 200_000

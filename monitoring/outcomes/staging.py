"""Moving many rows into PostgreSQL: COPY into a temporary table, then one statement from there.

A staging table belongs to its connection and is emptied at each commit. Rows carry the number of
their batch, because one transaction may stage several times.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg
from django.db import connection

SEPARATOR = "\x1f"


def stage(
    cursor: Any, table: str, columns: Mapping[str, str], rows: Iterable[Sequence[Any]]
) -> int:
    """COPY rows into the staging table, made if it is not there; return their batch number.

    `columns` gives each column's PostgreSQL type, in the order of the rows' values.
    """
    definition = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    cursor.execute(
        f"CREATE TEMPORARY TABLE IF NOT EXISTS {table} (batch int8, {definition}) "
        "ON COMMIT DELETE ROWS"
    )
    cursor.execute(f"SELECT coalesce(max(batch), 0) + 1 FROM {table}")  # noqa: S608 - our own name
    batch = int(cursor.fetchone()[0])
    copy(cursor, table, {"batch": "int8", **columns}, ((batch, *row) for row in rows))
    return batch


def copy(
    cursor: Any, table: str, columns: Mapping[str, str], rows: Iterable[Sequence[Any]]
) -> None:
    """COPY rows into a table in binary form."""
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
    with cursor.copy(statement) as sink:
        sink.set_types(list(columns.values()))
        for row in rows:
            sink.write_row(row)


def fetch(query: str, parameters: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Return a query's rows, read in binary form.

    Django's own cursors read times as text, in Python, which costs four times as much a row.
    """
    connection.ensure_connection()
    with psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(query, parameters, binary=True).fetchall()


def joined(values: Iterable[Any]) -> str:
    """Return values as the text of an array parameter, for `string_to_array(%s, chr(31))`.

    Much cheaper than a list, each of whose texts is searched for what an array must escape. The
    values themselves may not hold the separator.
    """
    return SEPARATOR.join(map(str, values))

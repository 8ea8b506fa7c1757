"""Writing very many rows of a model in one statement, with no object for each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from django.db import connection, models

# So many go into one statement, which bounds what is in memory.
AT_ONCE = 10_000


def rows_insert(
    model: type[models.Model], rows: Iterable[Mapping[str, Any]], *, then: str = ""
) -> list[tuple[Any, ...]]:
    """Insert rows, each by the names of all columns but `id`, and return what is returned.

    `then` is what follows in the statement: ON CONFLICT, RETURNING. The ORM takes ten times as
    long, since it quotes and passes each value by itself.
    """
    types = {
        str(field.column): str(field.db_type(connection))
        for field in model._meta.concrete_fields
        if not field.primary_key
    }
    left = iter(rows)
    found: list[tuple[Any, ...]] = []
    while some := list(islice(left, AT_ONCE)):
        with connection.cursor() as cursor:
            cursor.execute(statement(model._meta.db_table, types, then), [json_of(some)])
            found += cursor.fetchall() if "RETURNING" in then else []
    return found


def statement(table: str, types: Mapping[str, str], then: str) -> str:
    columns = ", ".join(f'"{column}"' for column in types)
    typed = ", ".join(f'"{column}" {kind}' for column, kind in types.items())
    return (
        f'INSERT INTO "{table}" ({columns}) SELECT {columns}'  # noqa: S608 - names of a model
        f" FROM jsonb_to_recordset(%s::jsonb) AS new ({typed}) {then}"
    )


def json_of(rows: list[Mapping[str, Any]]) -> str:
    # Times and ids are texts that PostgreSQL reads; Django's encoder would round times.
    return json.dumps(rows, default=str)

"""Appending to the outcome log, each attempt once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.transaction import TransactionManagementError

from monitoring.outcomes.staging import fetch, stage

COLUMNS = {
    "attempt_id": "uuid",
    "organization_id": "int8",
    "person_id": "int8",
    "trigger": "text",
    "started_at": "timestamptz",
    "finished_at": "timestamptz",
    "recorded_at": "timestamptz",
    "result": "text",
    "interpretation": "text",
    "rule": "text",
    "rules_version": "int4",
    "signature": "text",
    "retry_after": "int4",
    "error": "jsonb",
    "counts": "jsonb",
}
# JSON is staged as the text it is written as; reading it is the database's work either way.
STAGED = COLUMNS | {"error": "text", "counts": "text"}
_NAMES = ", ".join(COLUMNS)
_VALUES = ", ".join(f"{name}::jsonb" if kind == "jsonb" else name for name, kind in COLUMNS.items())
APPEND = f"""
    INSERT INTO outcomes_outcome ({_NAMES}) SELECT {_VALUES} FROM outcome_staged WHERE batch = %s
    ORDER BY attempt_id
    ON CONFLICT (attempt_id) DO NOTHING RETURNING attempt_id
"""  # noqa: S608 - made of constants; in order, lest two deliveries wait for each other in a circle


def outcomes_append(rows: Iterable[Sequence[Any]]) -> set[UUID]:
    """Append rows; return the ids that were not there before.

    Values come in the order of COLUMNS, JSON as text. Runs in the caller's transaction; without one
    all rows would be lost between two statements, so it raises TransactionManagementError.
    """
    if not connection.in_atomic_block:
        raise TransactionManagementError("Outcomes are appended within a transaction.")
    with connection.cursor() as cursor:
        batch = stage(cursor, "outcome_staged", STAGED, rows)
    return {attempt_id for (attempt_id,) in fetch(APPEND, [batch])}

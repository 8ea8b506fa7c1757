"""The partitions of the outcome log: ranges of time, made ahead and dropped whole.

A UUIDv7 starts with its milliseconds, so a range of ids is a range of time. Ids that carry no time,
or one that had no partition yet, are in the default partition.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.utils import IntegrityError, OperationalError
from psycopg import sql
from psycopg.errors import LockNotAvailable

from monitoring.outcomes.identifiers import EPOCH, first_id_at

TABLE = "outcomes_outcome"
DEFAULT = "outcomes_outcome_other"
BOUNDS = """
    SELECT oid::regclass::text, pg_get_expr(relpartbound, oid) FROM pg_class
    WHERE oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = %s::regclass)
"""
UPPER_BOUND = re.compile(r"TO \('(?P<id>[0-9a-f-]{36})'\)")
AHEAD = 4


@dataclass(frozen=True, slots=True)
class Span:
    """One partition's stretch of time."""

    start: datetime
    end: datetime

    @property
    def table(self) -> str:
        return f"{TABLE}_{self.start:%Y%m%d}"


def spans(start: datetime, end: datetime, days: int) -> list[Span]:
    """Return the spans of `days` that cover start to end, on a grid fixed by the epoch."""
    width = timedelta(days=days)
    first = EPOCH + (start - EPOCH) // width * width
    count = (end - first) // width + 1
    return [Span(first + width * n, first + width * (n + 1)) for n in range(count)]


def partitions_ensure(now: datetime, *, since: datetime | None = None) -> int:
    """Make the partitions from `since` (default: now) to some weeks ahead; return how many."""
    days = settings.OUTCOME_PARTITION_DAYS
    wanted = spans(since or now, now + timedelta(days=days * AHEAD), days)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass",
            [TABLE],
        )
        present = {name for (name,) in cursor.fetchall()}
    missing = [span for span in wanted if span.table not in present]
    for span in missing:
        partition_create(span)
    return len(missing)


def partition_create(span: Span) -> None:
    """Make one partition. Rows that waited for it in the default partition move into it."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_create(span))
    except IntegrityError:
        with transaction.atomic(), connection.cursor() as cursor:
            _create_around_rows(cursor, span)


def _create(span: Span) -> sql.Composed:
    return sql.SQL(
        "CREATE TABLE IF NOT EXISTS {} PARTITION OF {} FOR VALUES FROM ({}) TO ({})"
    ).format(
        sql.Identifier(span.table),
        sql.Identifier(TABLE),
        sql.Literal(str(first_id_at(span.start))),
        sql.Literal(str(first_id_at(span.end))),
    )


def _create_around_rows(cursor: object, span: Span) -> None:
    """Detach the default partition, move its rows of this span, and attach it again.

    Detached it is a plain table without the append-only trigger, so rows can leave it.
    """
    names = {"table": sql.Identifier(TABLE), "other": sql.Identifier(DEFAULT)}
    bounds = {
        "low": sql.Literal(str(first_id_at(span.start))),
        "high": sql.Literal(str(first_id_at(span.end))),
    }
    move = """
        WITH moved AS (
            DELETE FROM {other} WHERE attempt_id >= {low} AND attempt_id < {high} RETURNING *
        )
        INSERT INTO {table} SELECT * FROM moved
    """
    steps = (
        sql.SQL("ALTER TABLE {table} DETACH PARTITION {other}").format(**names),
        _create(span),
        sql.SQL(move).format(**names, **bounds),
        sql.SQL("ALTER TABLE {table} ATTACH PARTITION {other} DEFAULT").format(**names),
    )
    for step in steps:
        cursor.execute(step)  # type: ignore[attr-defined]  # Django's cursor has no type


def partitions_drop(before: datetime) -> list[str]:
    """Drop the partitions that end before the given moment; return their names.

    A partition somebody is reading is left for the next time, lest everybody wait for the reader.
    """
    with connection.cursor() as cursor:
        cursor.execute(BOUNDS, [TABLE])
        bounds = cursor.fetchall()
    ended = sorted(name for name, bound in bounds if ends_before(bound, before))
    return [name for name in ended if partition_drop(name)]


def partition_drop(name: str) -> bool:
    """Drop one partition; tell whether its lock was to be had in time."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '2s'")
            cursor.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        return False
    return True


def ends_before(bound: str, before: datetime) -> bool:
    """Tell from its bounds, as PostgreSQL prints them, whether a partition ends before the moment.

    The default partition has none and never ends.
    """
    upper = UPPER_BOUND.search(bound)
    return upper is not None and UUID(upper["id"]) <= first_id_at(before)

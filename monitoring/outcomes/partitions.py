"""The partitions of the outcome log: ranges of time, made ahead and dropped whole.

A UUIDv7 starts with its milliseconds, so a range of ids is a range of time. Ids that carry no time,
or one that had no partition yet, are in the default partition.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.utils import IntegrityError, OperationalError
from psycopg import sql
from psycopg.errors import LockNotAvailable

from monitoring.outcomes.identifiers import EPOCH, first_id_at, time_of

TABLE = "outcomes_outcome"
DEFAULT = "outcomes_outcome_other"
BOUNDS = """
    SELECT oid::regclass::text, pg_get_expr(relpartbound, oid) FROM pg_class
    WHERE oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = %s::regclass)
"""
SPAN = re.compile(r"FROM \('(?P<start>[0-9a-f-]{36})'\) TO \('(?P<end>[0-9a-f-]{36})'\)")
AHEAD = 4
# How long making or dropping one waits for who reads the log.
PATIENCE = timedelta(seconds=2)


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


def uncovered(span: Span, covered: Iterable[Span]) -> Span | None:
    """Return what of a span comes after the last partition that reaches into it, if anything.

    Partitions made under another width stay as they are.
    """
    reached = [other.end for other in covered if other.start < span.end and other.end > span.start]
    start = max([span.start, *reached])
    return Span(start, span.end) if start < span.end else None


def partitions_ensure(now: datetime, *, since: datetime | None = None) -> int:
    """Make the partitions from `since` (default: now) to some weeks ahead; return how many."""
    days = settings.OUTCOME_PARTITION_DAYS
    covered = [span for span in map(span_of, partition_bounds().values()) if span is not None]
    wanted = spans(since or now, now + timedelta(days=days * AHEAD), days)
    missing = [span for each in wanted if (span := uncovered(each, covered)) is not None]
    return sum(partition_create(span) for span in missing)


def partition_bounds() -> dict[str, str]:
    """Return each partition's bounds, as PostgreSQL prints them, by its name."""
    with connection.cursor() as cursor:
        cursor.execute(BOUNDS, [TABLE])
        return dict(cursor.fetchall())


def log_begins() -> datetime | None:
    """Return the moment before which no partition reaches but the default; None without any."""
    kept = map(span_of, partition_bounds().values())
    return min((span.start for span in kept if span is not None), default=None)


def span_of(bound: str) -> Span | None:
    """Read a partition's span from its bounds; None for the default partition, which has none."""
    found = SPAN.search(bound)
    if found is None:
        return None
    return Span(time_of(UUID(found["start"])), time_of(UUID(found["end"])))


def partition_create(span: Span) -> bool:
    """Make one partition; rows that waited for it in the default partition move into it.

    Tells whether it did: while somebody reads the log for long, it is left for the next time,
    lest everybody else wait behind us for the reader.
    """
    try:
        return briefly(lambda cursor: cursor.execute(_create(span)))
    except IntegrityError:
        return briefly(lambda cursor: _create_around_rows(cursor, span))


def briefly(work: Callable[[Any], object]) -> bool:
    """Do work in a transaction; tell whether each of its locks was to be had soon enough."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            milliseconds = str(PATIENCE // timedelta(milliseconds=1))
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [milliseconds])
            work(cursor)
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        return False
    return True


def _create(span: Span) -> sql.Composed:
    return sql.SQL(
        "CREATE TABLE IF NOT EXISTS {} PARTITION OF {} FOR VALUES FROM ({}) TO ({})"
    ).format(
        sql.Identifier(span.table),
        sql.Identifier(TABLE),
        sql.Literal(str(first_id_at(span.start))),
        sql.Literal(str(first_id_at(span.end))),
    )


def _create_around_rows(cursor: Any, span: Span) -> None:
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
        cursor.execute(step)


def partitions_drop(before: datetime) -> list[str]:
    """Drop the partitions that end before the given moment; return their names.

    One that somebody is reading is left for the next time.
    """
    ended = [name for name, bound in partition_bounds().items() if ends_before(bound, before)]
    return [name for name in sorted(ended) if partition_drop(name)]


def partition_drop(name: str) -> bool:
    """Drop one partition; tell whether nobody was reading it."""
    statement = sql.SQL("DROP TABLE {}").format(sql.Identifier(name))
    return briefly(lambda cursor: cursor.execute(statement))


def ends_before(bound: str, before: datetime) -> bool:
    """Tell from a partition's bounds whether it ends before the moment; the default never does."""
    span = span_of(bound)
    return span is not None and span.end <= before

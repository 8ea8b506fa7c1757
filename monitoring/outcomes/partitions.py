"""The partitions of the outcome log: ranges of time, made ahead and dropped whole.

A UUIDv7 starts with its milliseconds, so a range of ids is a range of time. Ids that carry no time,
or one that had no partition yet, are in the default partition.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.utils import IntegrityError
from psycopg import sql

from monitoring.outcomes.identifiers import EPOCH, first_id_at

TABLE = "outcomes_outcome"
DEFAULT = "outcomes_outcome_other"
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
    """Drop the partitions that end before the given moment; return their names."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass",
            [TABLE],
        )
        ended = sorted(name for (name,) in cursor.fetchall() if ends_before(name, before))
        for name in ended:
            cursor.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
    return ended


def ends_before(table: str, before: datetime) -> bool:
    """Tell from its name whether a partition ends before the moment; the default never does."""
    if table == DEFAULT:
        return False
    start = datetime.strptime(table.removeprefix(f"{TABLE}_"), "%Y%m%d").replace(tzinfo=UTC)
    return start + timedelta(days=settings.OUTCOME_PARTITION_DAYS) <= before

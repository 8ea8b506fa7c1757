"""How many people were in which group, noted every half hour: what the trend is drawn from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from monitoring.outcomes.staging import copy

EVERY = timedelta(minutes=30)
# For so long each sample is kept; from then on one in three hours, which is enough for days.
DENSE = timedelta(days=8)
SPARSE = timedelta(hours=3)
# The longest trend that is drawn, and a day for zones.
KEPT = timedelta(days=32)

COLUMNS = {"organization_id": "int8", "at": "timestamptz", '"group"': "text", "people": "int4"}
# A sample: organization, time, group and people.
Sample = tuple[int, datetime, str, int]

IS_TAKEN = "SELECT EXISTS (SELECT FROM health_statussample WHERE at = %s)"
# Who was never connected is counted apart, as everywhere.
TAKE = """
    INSERT INTO health_statussample (organization_id, at, "group", people)
    SELECT organization_id, %s, CASE
            WHEN status = 'degraded' AND cause = 'never_connected' THEN cause ELSE status
        END, sum(people)
    FROM health_healthtally GROUP BY 1, 3 HAVING sum(people) > 0
    ON CONFLICT (organization_id, at, "group") DO NOTHING
"""
# Of three hours the first sample stays, whenever it was taken. What was thinned when the sample
# before this one was taken need not be looked at again; if that is long ago, more is due.
THIN = """
    WITH before AS (
        SELECT max(at) AS at FROM health_statussample WHERE at < %(now)s
    ), due AS (
        SELECT sample.id, sample.organization_id, sample.at,
            date_bin(%(sparse)s, sample.at, 'epoch') AS stretch
        FROM health_statussample AS sample, before
        WHERE sample.at < %(now)s - %(dense)s
            AND sample.at >= date_bin(%(sparse)s, before.at - %(dense)s, 'epoch')
    )
    DELETE FROM health_statussample AS sample USING due
    WHERE sample.id = due.id AND EXISTS (
        SELECT FROM health_statussample AS first
        WHERE first.organization_id = due.organization_id
            AND first.at >= due.stretch AND first.at < due.at
    )
"""
FORGET = "DELETE FROM health_statussample WHERE at < %s"
# A stretch begins at its edge and ends at the next; the number of the first is 1.
AVERAGE = """
    WITH seen AS (
        SELECT width_bucket(at, %(edges)s::timestamptz[]) AS stretch, at, "group", people
        FROM health_statussample
        WHERE organization_id = %(organization)s AND at >= %(first)s AND at < %(end)s
    ), times AS (
        SELECT stretch, count(DISTINCT at) AS samples FROM seen GROUP BY 1
    )
    SELECT stretch, "group", sum(people)::float8 / samples
    FROM seen JOIN times USING (stretch) GROUP BY 1, 2, samples
"""


def sample_time(moment: datetime) -> datetime:
    """Return when the half hour of a moment begins; its one sample bears that time. Pure."""
    seconds = int(EVERY.total_seconds())
    return datetime.fromtimestamp(moment.timestamp() // seconds * seconds, UTC)


def is_kept(at: datetime, now: datetime) -> bool:
    """Tell whether a sample of that time is still there, where each half hour was noted. Pure."""
    if at >= now - DENSE:
        return True
    return at >= now - KEPT and int(at.timestamp()) % int(SPARSE.total_seconds()) == 0


@transaction.atomic
def samples_take(now: datetime) -> bool:
    """Note how people stand in all organizations, once in a half hour; tell whether it did.

    From the tally, so the cost does not grow with people. Old samples are thinned with it.
    """
    at = sample_time(now)
    with connection.cursor() as cursor:
        cursor.execute(IS_TAKEN, [at])
        if cursor.fetchone()[0]:
            return False
        cursor.execute(TAKE, [at])
        taken = cursor.rowcount > 0
        values: dict[str, Any] = {"now": at, "dense": DENSE, "sparse": SPARSE}
        cursor.execute(THIN, values)
        cursor.execute(FORGET, [now - KEPT])
    return taken


def samples_add(samples: Iterable[Sample]) -> None:
    """Add samples of a past that is brought along. Runs in the caller's transaction."""
    with connection.cursor() as cursor:
        copy(cursor, "health_statussample", COLUMNS, samples)


def people_by_group(
    organization_id: int, edges: Sequence[datetime], end: datetime
) -> dict[tuple[datetime, str], float]:
    """Return how people stood on average in each stretch of time, by the edge it begins at.

    `edges` ascend; the last stretch ends at `end`. Stretches without a sample are left out, and of
    the others groups without people. One statement, whose cost follows the samples.
    """
    values: dict[str, Any] = {
        "organization": organization_id,
        "edges": list(edges),
        "first": edges[0],
        "end": end,
    }
    with connection.cursor() as cursor:
        cursor.execute(AVERAGE, values)
        return {(edges[number - 1], group): people for number, group, people in cursor.fetchall()}

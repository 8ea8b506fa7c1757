"""How many outcomes of which class came in each hour: counted as they are taken in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from monitoring.intake.models import OutcomeClass
from monitoring.outcomes.staging import copy

HOUR = 3_600
COLUMNS = {
    "organization_id": "int8",
    "hour": "timestamptz",
    "outcome_class": "text",
    "outcomes": "int4",
}
# Organization, hours since 1970, and class.
Key = tuple[int, int, str]

# What has been folded together, and what came since. A bucket begins at its edge and ends at the
# next; numbers begin at 1, and 0 is before all of them.
BUCKETS = """
    SELECT width_bucket(hour, %(edges)s::timestamptz[]) AS bucket, outcome_class,
        sum(outcomes)::int8
    FROM (
        SELECT hour, outcome_class, outcomes FROM intake_classhour
        WHERE organization_id = %(organization)s AND hour >= %(first)s AND hour < %(end)s
        UNION ALL
        SELECT hour, outcome_class, outcomes FROM intake_classhourchange
        WHERE organization_id = %(organization)s AND hour >= %(first)s AND hour < %(end)s
    ) AS counted
    GROUP BY 1, 2
"""


def class_of(result: str, interpretation: str | None) -> str:
    """Return what an outcome is counted as. Pure."""
    if result != "failure":
        return result
    return interpretation or OutcomeClass.UNKNOWN.value


def key_of(organization_id: int, finished_at: datetime, result: str, read_as: str | None) -> Key:
    """Return what an outcome is counted under: the hour it ended in. Pure."""
    return organization_id, int(finished_at.timestamp() // HOUR), class_of(result, read_as)


def counts_append(keys: Iterable[Key]) -> None:
    """Append what these outcomes change. Runs in the transaction that appends them to the log."""
    rows = [
        (organization_id, datetime.fromtimestamp(hour * HOUR, UTC), outcome_class, outcomes)
        for (organization_id, hour, outcome_class), outcomes in Counter(keys).items()
    ]
    if rows:
        with connection.cursor() as cursor:
            copy(cursor, "intake_classhourchange", COLUMNS, rows)


def outcomes_by_class(
    organization_id: int, edges: Sequence[datetime], end: datetime
) -> dict[tuple[datetime, str], int]:
    """Return how many outcomes of a class each stretch of time had, by the edge it begins at.

    `edges` ascend, on full hours of UTC; the last stretch ends at `end`. One statement, whose cost
    follows the hours.
    """
    values: dict[str, Any] = {
        "organization": organization_id,
        "edges": list(edges),
        "first": edges[0],
        "end": end,
    }
    with connection.cursor() as cursor:
        cursor.execute(BUCKETS, values)
        return {(edges[bucket - 1], name): number for bucket, name, number in cursor.fetchall()}

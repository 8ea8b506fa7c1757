"""Beginning to run people's syncs."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import connection, transaction

from monitoring.health.store import health_look_again, lock

# The first run is spread over one interval by the person's id, so that load is flat from the start.
BEGIN = """
    UPDATE health_health SET
        runs_here = true,
        awaiting_since = %(now)s,
        expected_at = %(now)s + make_interval(secs => mod(person_id * 7919, interval)),
        next_due = %(now)s + make_interval(secs => mod(person_id * 7919, interval))
    WHERE person_id = ANY(%(people)s) AND NOT runs_here
    RETURNING person_id
"""


@transaction.atomic
def health_begin(person_ids: Collection[int], *, now: datetime) -> int:
    """Schedule people whose two connections are in place; return how many are new to it."""
    lock(person_ids)
    with connection.cursor() as cursor:
        cursor.execute(BEGIN, {"now": now, "people": list(person_ids)})
        begun = [person for (person,) in cursor.fetchall()]
    return health_look_again(begun, now=now)

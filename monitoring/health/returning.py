"""Coming back from holds, one after the other: many at once would be a burst for the providers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

# The first of two numbers, the second being the organization's, among the advisory locks.
LOCK = 743_012_605
# Nobody is taken for one who still comes back that was let go longer ago.
WINDOW = timedelta(days=1)

# In the order of their ids, so that no two wait for each other in a circle.
TAKE_TURNS = """
    SELECT count(pg_advisory_xact_lock(%(lock)s, id))
    FROM (SELECT unnest(%(organizations)s::int[]) AS id ORDER BY 1) AS organization
"""
# Whose turn is still to come: nothing was heard of them since their hold was let go, and it is not
# the provider who keeps them waiting. Nobody waits longer than so many people take.
NEXT_TURN = """
    SELECT hold.organization_id, least(
        extract(epoch FROM max(health.expected_at) - %(now)s) + %(apart)s,
        (count(DISTINCT hold.person_id) + 1) * %(apart)s
    )::float8
    FROM health_hold AS hold JOIN health_health AS health
        ON health.person_id = hold.person_id AND health.awaiting_since = hold.released_at
    WHERE hold.organization_id = ANY(%(organizations)s) AND hold.released_at > %(since)s
        AND health.hold_id IS NULL AND health.expected_at >= %(now)s
        AND health.expected_at IS DISTINCT FROM health.not_before
        AND coalesce(health.last_attempt_at < health.awaiting_since, TRUE)
    GROUP BY 1
"""


def next_turns(
    organization_ids: Collection[int], now: datetime, per_second: float
) -> dict[int, float]:
    """Return in how many seconds the next turn is of organizations whose people still come back.

    Until the transaction ends nobody else adds to them. Take it after the locks of Health rows.
    """
    organizations = sorted(organization_ids)
    values: dict[str, Any] = {
        "organizations": organizations,
        "since": now - WINDOW,
        "now": now,
        "apart": 1 / per_second,
    }
    with connection.cursor() as cursor:
        cursor.execute(TAKE_TURNS, {"lock": LOCK, "organizations": organizations})
        cursor.execute(NEXT_TURN, values)
        return dict(cursor.fetchall())


def return_waits(
    people: Mapping[int, int], first: Mapping[int, float], per_second: float
) -> dict[int, timedelta]:
    """Return how long each person waits, given by id with their organization. Pure.

    Those of an organization are evenly spaced from its `first` turn on, in seconds, which is now
    where nobody is on their way; organizations do not wait for each other.
    """
    places: Counter[int] = Counter()
    waits = {}
    for person, organization in sorted(people.items()):
        seconds = first.get(organization, 0.0) + places[organization] / per_second
        waits[person] = timedelta(seconds=seconds)
        places[organization] += 1
    return waits

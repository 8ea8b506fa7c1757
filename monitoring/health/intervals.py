"""A base interval of a person's own. Permission and audit are its callers'."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db import connection, transaction

from monitoring.health.change import take_interval
from monitoring.health.models import Health
from monitoring.health.store import advance, lock, policies_of

# In seconds: from a quarter of an hour, the first retries' own length, to a day.
LEAST = 900
MOST = 86_400

SET = """
    UPDATE health_health AS health SET own_interval = wanted.seconds
    FROM unnest(%(people)s::bigint[], %(intervals)s::int[]) AS wanted (person_id, seconds)
    WHERE health.person_id = wanted.person_id
"""


def own_interval_set(
    *, people: Collection[int], seconds: int | None, now: datetime
) -> dict[int, int | None]:
    """Give people, by id, a base interval of their own; None gives the organization's back.

    Health follows, and a transition records it. Returns what each had before. Raises ValueError for
    an interval out of bounds.
    """
    return own_intervals_set(wanted=dict.fromkeys(people, seconds), now=now)


@transaction.atomic
def own_intervals_set(*, wanted: Mapping[int, int | None], now: datetime) -> dict[int, int | None]:
    """Do the same for people of whom each gets a base interval of their own, given by id."""
    for seconds in set(wanted.values()):
        if seconds is not None and not LEAST <= seconds <= MOST:
            raise ValueError(f"an interval is {LEAST} to {MOST} seconds, not {seconds}")
    locked = lock(wanted.keys())
    chosen = {
        person: row._replace(own_interval=wanted[person])
        for person, row in locked.items()
        if row.own_interval != wanted[person]
    }
    with connection.cursor() as cursor:
        intervals = [row.own_interval for row in chosen.values()]
        cursor.execute(SET, {"people": list(chosen), "intervals": intervals})
    policies = policies_of({row.organization_id for row in chosen.values()})
    former = {
        person: locked[person].own_interval or policies[row.organization_id].base_interval
        for person, row in chosen.items()
    }
    advance(
        chosen,
        lambda person, facts, policy: take_interval(facts, former[person], policy, now),
    )
    return {person: row.own_interval for person, row in locked.items()}


def own_intervals_of(organization_id: int) -> dict[int, int]:
    """Return the base intervals, by person id, of an organization's people who have one."""
    own = Health.objects.filter(organization=organization_id, own_interval__isnull=False)
    rows = own.values_list("person_id", "own_interval")
    return {person: interval for person, interval in rows if interval is not None}

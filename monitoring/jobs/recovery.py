"""Syncing those hit by incidents once they are over: paced, oldest gap first, each tried once."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Q

from monitoring.health.store import lock
from monitoring.incidents.course import incident_end_recovery
from monitoring.incidents.models import Hit, Incident
from monitoring.incidents.recovery import Pace, Waiting, places_free, rate_of, start_times
from monitoring.jobs.queue import jobs_recover

# Somebody asked for who was not heard of for so long is asked for again.
ASK_AGAIN = timedelta(minutes=30)
# People whom another engine runs come by themselves, and are waited for so long.
WAIT_FOR_OTHERS = timedelta(days=1)

# While an incident is open, who has failed since somebody asked is not tried again.
WAITING = """
    SELECT hit.person_id, hit.gap_since, health.not_before
    FROM incidents_hit AS hit
    JOIN incidents_incident AS incident ON incident.id = hit.incident_id
    JOIN health_health AS health USING (person_id)
    WHERE hit.incident_id = ANY(%(incidents)s)
        AND hit.recovered_at IS NULL AND hit.ended_at IS NULL
        AND (hit.asked_at IS NULL OR hit.asked_at <= %(again)s)
        AND (incident.closed_at IS NOT NULL OR hit.last_failed_at < incident.recover_asked_at)
        AND health.runs_here AND health.hold_id IS NULL
        AND (health.not_before IS NULL OR health.not_before <= %(now)s)
    ORDER BY hit.gap_since, hit.person_id
    LIMIT %(limit)s
"""


def incidents_recover(*, now: datetime, seconds: float, pace: Pace) -> int:
    """Ask for syncs of people hit by incidents that are over, as many as may start in `seconds`.

    Also of those hit by an open one, once each, where somebody asked for that. The pace is one for
    all incidents of a provider. Returns how many were asked for. An incident whose people have all
    been tried is recovered.
    """
    to_recover = Incident.objects.of_failures().to_recover().exclude(organization=None)
    by_provider: dict[str, list[Incident]] = {}
    for incident in to_recover:
        by_provider.setdefault(incident.provider, []).append(incident)
    return sum(
        provider_recover(incidents=incidents, now=now, seconds=seconds, pace=pace)
        for incidents in by_provider.values()
    )


@transaction.atomic
def provider_recover(
    *, incidents: list[Incident], now: datetime, seconds: float, pace: Pace
) -> int:
    """Ask for the next of the people hit by one provider's incidents; return for how many."""
    hits = Hit.objects.filter(incident__in=incidents)
    under_way = hits.waiting().filter(asked_at__gt=now - ASK_AGAIN).count()
    # Another tick may have asked for the same seconds a moment ago.
    asked = hits.filter(asked_at__gt=now - timedelta(seconds=seconds)).count()
    hit = sum(incident.people_hit for incident in incidents)
    rate = rate_of(hit, pace)
    places = places_free(under_way=max(under_way, asked), per_second=rate, seconds=seconds)
    waiting = waiting_for([incident.pk for incident in incidents], now, limit=places)
    starts = start_times(waiting, places, hit, now, pace)
    people = [person for person, _ in starts]
    # Jobs, then health, then hits: the order of whoever closes a job.
    jobs_recover(starts=starts, now=now)
    lock(people)
    hits.waiting().filter(person__in=people).update(asked_at=now)
    for incident in incidents:
        incident_end_if_all_tried(incident, now)
    return len(starts)


def waiting_for(incident_ids: Collection[int], now: datetime, *, limit: int) -> list[Waiting]:
    """Return who waits, may be tried and was not asked for lately, oldest gap first."""
    values: dict[str, Any] = {
        "incidents": list(incident_ids),
        "now": now,
        "again": now - ASK_AGAIN,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(WAITING, values)
        return [Waiting(*row) for row in cursor.fetchall()]


def incident_end_if_all_tried(incident: Incident, now: datetime) -> None:
    """End a recovery when nobody waits who can still be heard of.

    Who is switched off is not waited for; whom another engine runs, for a day.
    """
    left = Hit.objects.filter(incident=incident).waiting().filter(person__health__hold=None)
    if incident.closed_at is None:
        not_tried = Q(asked_at=None, last_failed_at__lt=incident.recover_asked_at)
        under_way = Q(asked_at__gt=now - ASK_AGAIN)
        if not left.filter(not_tried | under_way, person__health__runs_here=True).exists():
            Incident.objects.filter(pk=incident.pk).update(recover_asked_at=None)
        return
    if incident.closed_at <= now - WAIT_FOR_OTHERS:
        left = left.filter(person__health__runs_here=True)
    if not left.exists():
        incident_end_recovery(incident=incident, now=now)

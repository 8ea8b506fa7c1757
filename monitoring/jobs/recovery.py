"""Syncing those hit by an incident once it is over: paced, oldest gap first, each tried once."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from monitoring.incidents.course import ASK_AGAIN, incident_end_recovery, waiting_of
from monitoring.incidents.models import Hit, Incident
from monitoring.incidents.recovery import Pace, places_free, start_times
from monitoring.jobs.queue import jobs_recover


def incidents_recover(*, now: datetime, seconds: float, pace: Pace) -> int:
    """Ask for syncs of people hit by incidents that are over, as many as may start in `seconds`.

    Also of those hit by an open one, once each, where somebody asked for that. Returns how many
    were asked for. An incident whose people have all been tried is recovered.
    """
    return sum(
        incident_recover_some(incident=incident, now=now, seconds=seconds, pace=pace)
        for incident in Incident.objects.of_failures().to_recover().exclude(organization=None)
    )


@transaction.atomic
def incident_recover_some(*, incident: Incident, now: datetime, seconds: float, pace: Pace) -> int:
    """Ask for the next of one incident's people; return for how many."""
    hits = Hit.objects.filter(incident=incident)
    under_way = hits.waiting().filter(asked_at__gt=now - ASK_AGAIN).count()
    places = places_free(incident.people_hit, under_way, seconds, pace)
    waiting, _, _ = waiting_of(incident, now, limit=places, unasked=True)
    if not waiting and not under_way and places:
        incident_end_if_all_tried(incident, now)
    starts = start_times(waiting, places, incident.people_hit, now, pace)
    # Jobs before hits: who closes a job goes on to its person's hits.
    jobs_recover(starts=starts, now=now)
    hits.filter(person__in=[person for person, _ in starts]).update(asked_at=now)
    return len(starts)


def incident_end_if_all_tried(incident: Incident, now: datetime) -> None:
    """End the recovery unless somebody waits whom the provider asked us not to try yet."""
    if incident.closed_at is None:
        Incident.objects.filter(pk=incident.pk).update(recover_asked_at=None)
        return
    left = Hit.objects.filter(incident=incident).waiting()
    if not left.filter(person__health__runs_here=True, person__health__hold=None).exists():
        incident_end_recovery(incident=incident, now=now)

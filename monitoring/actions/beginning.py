"""Syncing somebody whose access was just restored."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from accounts.models import Connection, ConnectionState, Person, Provider
from monitoring.actions.pacing import start_offsets
from monitoring.actions.people import sync_refusal
from monitoring.health.begin import health_begin
from monitoring.health.models import Health
from monitoring.jobs.doorbell import ring
from monitoring.jobs.models import Lane
from monitoring.jobs.queue import job_request, jobs_bulk, seconds_to_last_start
from monitoring.jobs.stream import stream_enter


def sync_begin(*, person: Person, lane: Lane, now: datetime) -> bool:
    """Sync a person at once, and from now on if they never ran; tell whether a sync was asked for.

    Nothing happens while a side is missing or refused, for who is held, and for whom another
    engine syncs. A run already going on began without the new access, so another follows it. Runs
    in the caller's transaction, in the order of locks: jobs, then health.
    """
    health = Health.objects.get(person=person)
    usable = Connection.objects.filter(person=person).exclude(state=ConnectionState.REFUSED)
    connected = set(usable.values_list("provider", flat=True))
    never_ran = health.last_attempt_at is None
    begins = never_ran and not health.runs_here and connected == set(Provider.values)
    refusal = sync_refusal(
        held=health.hold_id is not None,
        connected=connected,
        runs_here=health.runs_here or begins,
        ran_before=not never_ran,
    )
    if not refusal:
        if lane == Lane.ADMIN:
            job_request(person=person, now=now, again=True)
        else:
            bulk_begin(person, now)
        ring(lane)
    if begins:
        health_begin([person.pk], now=now)
    return not refusal


def bulk_begin(person: Person, now: datetime) -> None:
    """Queue a sync in the stream of the person's organization, behind the last one."""
    stream_enter(person.organization_id)
    last = seconds_to_last_start(organization_id=person.organization_id, lane=Lane.BULK)
    (offset,) = start_offsets(1, last, settings.ACTION_PEOPLE_PER_SECOND)
    jobs_bulk(starts=[(person.pk, offset)], now=now, again=True)

"""The course of incidents that are not over: their counts, their canaries, their end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from monitoring.incidents.detection import Course, Window
from monitoring.incidents.models import EventKind, Incident, IncidentEvent
from monitoring.incidents.recovery import Pace, Waiting, canaries_to_appoint

# Somebody asked for who was not heard of for so long is asked for again.
ASK_AGAIN = timedelta(minutes=30)

COUNTS = """
    SELECT incident_id, count(*), count(recovered_at),
        count(*) FILTER (WHERE recovered_at IS NULL AND ended_at IS NULL),
        count(*) FILTER (WHERE recovered_at IS NULL AND ended_at IS NULL
            AND (health.hold_id IS NOT NULL OR NOT health.runs_here)),
        max(first_failed_at)
    FROM incidents_hit AS hit JOIN health_health AS health USING (person_id)
    WHERE incident_id = ANY(%s) GROUP BY 1
"""
# Only whom this service runs and nobody has switched off can be tried. Some more than are wanted,
# so that the choice is made in one place, by `monitoring.incidents.recovery`.
WAITING = """
    SELECT hit.person_id, hit.gap_since, health.not_before, hit.canary,
        coalesce(hit.asked_at > %(again)s, false)
    FROM incidents_hit AS hit JOIN health_health AS health USING (person_id)
    WHERE hit.incident_id = %(incident)s AND hit.recovered_at IS NULL AND hit.ended_at IS NULL
        AND health.runs_here AND health.hold_id IS NULL
        AND (hit.canary OR health.not_before IS NULL OR health.not_before <= %(now)s)
        AND (NOT %(unasked)s OR hit.asked_at IS NULL OR hit.asked_at <= %(again)s)
        AND (%(untried_since)s::timestamptz IS NULL OR hit.last_failed_at < %(untried_since)s)
    ORDER BY hit.canary DESC, hit.gap_since, hit.person_id
    LIMIT %(limit)s
"""
APPOINT = """
    UPDATE incidents_hit SET canary = true WHERE incident_id = %s AND person_id = ANY(%s)
"""
TRY_NOW = """
    UPDATE health_health SET next_due = %(now)s, expected_at = %(now)s
    FROM (
        SELECT person_id FROM health_health WHERE person_id = ANY(%(people)s)
        ORDER BY person_id FOR UPDATE
    ) AS locked
    WHERE health_health.person_id = locked.person_id AND hold_id IS NULL
        AND (next_due IS NULL OR next_due > %(now)s)
"""
# Recovery reaches them sooner; if it does not, they run at their interval.
OFF_THE_SCHEDULE = """
    UPDATE health_health AS health
    SET next_due = %(now)s + make_interval(secs => health.interval),
        expected_at = %(now)s + make_interval(secs => health.interval)
    FROM (
        SELECT health.person_id FROM health_health AS health
        JOIN incidents_hit AS hit USING (person_id)
        WHERE hit.incident_id = %(incident)s AND hit.recovered_at IS NULL AND hit.ended_at IS NULL
        ORDER BY health.person_id FOR UPDATE OF health
    ) AS locked
    WHERE health.person_id = locked.person_id AND health.runs_here AND health.hold_id IS NULL
"""


def courses_of(
    incidents: Sequence[Incident], windows: dict[int, Window]
) -> dict[int, tuple[Course, int]]:
    """Return how incidents stand, and how many wait who can be tried, by the incident's id.

    `windows` are those of the organizations. One statement.
    """
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, [[incident.pk for incident in incidents]])
        counts = {row[0]: row[1:] for row in cursor.fetchall()}
    courses = {}
    for incident in incidents:
        hit, good, waiting, off, _ = counts.get(incident.pk, (0, 0, 0, 0, None))
        window = windows.get(incident.organization_id or 0, Window(0))
        course = Course(incident.provider, hit, good, off, window)
        courses[incident.pk] = (course, waiting - off)
    return courses


def incident_note_counts(incident: Incident, course: Course, waiting: int, now: datetime) -> None:
    """Keep the counts the console shows, and say so when an incident has doubled."""
    if (incident.people_hit, incident.people_waiting) == (course.hit, waiting):
        return
    grew = has_doubled(incident.people_hit, course.hit)
    Incident.objects.filter(pk=incident.pk).update(people_hit=course.hit, people_waiting=waiting)
    if grew and incident.closed_at is None:
        event_write(incident, EventKind.GREW, now, course.hit)


def has_doubled(before: int, after: int) -> bool:
    """Tell whether a power of two lies between, so that growth is told a few times at most."""
    return before > 0 and after.bit_length() > before.bit_length()


@transaction.atomic
def incident_close(*, incident: Incident, course: Course, now: datetime) -> bool:
    """Close an incident that its outcomes say is over; tell whether it was still open.

    Who waits for a good run is taken off the schedule: recovery syncs them, oldest gap first.
    """
    still_open = Incident.objects.filter(pk=incident.pk, closed_at=None)
    if not still_open.update(closed_at=now, recover_asked_at=None):
        return False
    with connection.cursor() as cursor:
        cursor.execute(OFF_THE_SCHEDULE, {"incident": incident.pk, "now": now})
    event_write(incident, EventKind.CLOSED, now, course.hit - course.good)
    return True


@transaction.atomic
def canaries_appoint(*, incident: Incident, now: datetime, pace: Pace) -> list[int]:
    """Let a few of those hit try often while the incident is open; return who is new to it."""
    waiting, canaries, _ = waiting_of(incident, now, limit=3 * pace.canaries)
    appointed = canaries_to_appoint(waiting, canaries, pace, now)
    if appointed:
        with connection.cursor() as cursor:
            # Health before hits, as whoever records outcomes does.
            cursor.execute(TRY_NOW, {"now": now, "people": appointed})
            cursor.execute(APPOINT, [incident.pk, appointed])
    return appointed


def waiting_of(
    incident: Incident, now: datetime, *, limit: int, unasked: bool = False
) -> tuple[list[Waiting], set[int], set[int]]:
    """Return people hit who wait and can be tried, oldest gap first but canaries before others.

    Beside them the ids of the canaries among them, and of those asked for lately. `unasked` leaves
    the latter out, and while the incident is open also who has failed since somebody asked.
    """
    values: dict[str, Any] = {
        "incident": incident.pk,
        "now": now,
        "again": now - ASK_AGAIN,
        "limit": limit,
        "unasked": unasked,
        "untried_since": incident.recover_asked_at if unasked else None,
    }
    with connection.cursor() as cursor:
        cursor.execute(WAITING, values)
        rows = cursor.fetchall()
    waiting = [Waiting(person, gap_since, allowed) for person, gap_since, allowed, _, _ in rows]
    canaries = {row[0] for row in rows if row[3]}
    return waiting, canaries, {row[0] for row in rows if row[4]}


@transaction.atomic
def incident_end_recovery(*, incident: Incident, now: datetime) -> bool:
    """Note that everybody hit who could be tried has been; tell whether that is new."""
    if not Incident.objects.recovering().filter(pk=incident.pk).update(recovered_at=now):
        return False
    event_write(incident, EventKind.RECOVERED, now, None)
    return True


def event_write(
    incident: Incident, kind: EventKind, now: datetime, people: int | None, **fields: Any
) -> None:
    """Append a line to the incident's timeline."""
    IncidentEvent.objects.create(incident=incident, at=now, kind=kind, people=people, **fields)

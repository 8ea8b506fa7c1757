"""The course of incidents that are not over: their counts, their canaries, their end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from monitoring.incidents.detection import Course, Thresholds, Window
from monitoring.incidents.models import EventKind, Incident, IncidentEvent
from monitoring.incidents.recovery import Pace, Waiting, canaries_to_appoint

# What became of those hit before it came back proves nothing of the present. People whom another
# engine runs can be tried, though not by us; only who is switched off can't.
COUNTS = """
    SELECT hit.incident_id, count(*),
        count(*) FILTER (WHERE hit.recovered_at IS NOT NULL
            AND (incident.came_back_at IS NULL OR hit.recovered_at >= incident.came_back_at)),
        count(*) FILTER (WHERE hit.recovered_at IS NULL AND ended_at IS NULL),
        count(*) FILTER (WHERE health.hold_id IS NOT NULL
            OR hit.recovered_at < incident.came_back_at)
    FROM incidents_hit AS hit
    JOIN incidents_incident AS incident ON incident.id = hit.incident_id
    JOIN health_health AS health USING (person_id)
    WHERE hit.incident_id = ANY(%s) GROUP BY 1
"""
# Only whom this service runs and nobody has switched off can be asked for. Some more than are
# wanted, so that the choice is made in one place, by `monitoring.incidents.recovery`.
WAITING = """
    SELECT hit.person_id, hit.gap_since, health.not_before, hit.canary
    FROM incidents_hit AS hit JOIN health_health AS health USING (person_id)
    WHERE hit.incident_id = %(incident)s AND hit.recovered_at IS NULL AND hit.ended_at IS NULL
        AND health.runs_here AND health.hold_id IS NULL
        AND (hit.canary OR health.not_before IS NULL OR health.not_before <= %(now)s)
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
# Recovery reaches them sooner; if it does not, they run at their interval, spread over half of it,
# and never before the provider allows.
OFF_THE_SCHEDULE = """
    UPDATE health_health AS health SET next_due = later.at, expected_at = later.at
    FROM (
        SELECT health.person_id, greatest(
            health.not_before,
            %(now)s + make_interval(
                secs => health.interval + mod(health.person_id * 7919, health.interval / 2 + 1)
            )
        ) AS at
        FROM health_health AS health JOIN incidents_hit AS hit USING (person_id)
        WHERE hit.incident_id = %(incident)s AND hit.recovered_at IS NULL AND hit.ended_at IS NULL
            AND health.runs_here AND health.hold_id IS NULL
        ORDER BY health.person_id FOR UPDATE OF health
    ) AS later
    WHERE health.person_id = later.person_id
"""


def courses_of(
    incidents: Sequence[Incident], windows: dict[int, Window]
) -> dict[int, tuple[Course, int]]:
    """Return how incidents stand, and how many wait for a good run, by the incident's id.

    `windows` are those of the organizations. One statement.
    """
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, [[incident.pk for incident in incidents]])
        counts = {row[0]: row[1:] for row in cursor.fetchall()}
    courses = {}
    for incident in incidents:
        hit, good, waiting, off = counts.get(incident.pk, (0, 0, 0, 0))
        window = windows.get(incident.organization_id or 0, Window(0))
        courses[incident.pk] = Course(incident.provider, hit, good, off, window), waiting
    return courses


def incident_note_counts(
    incident: Incident, course: Course, waiting: int, now: datetime, thresholds: Thresholds
) -> None:
    """Keep the counts the console shows, and say so when an incident has grown much."""
    share = incident.share
    if incident.closed_at is None:
        share = course.window.share_of(course.provider, share, thresholds.few_tried)
    counts = {"people_hit": course.hit, "people_waiting": waiting, "share": share}
    if counts == {name: getattr(incident, name) for name in counts}:
        return
    grew = has_outgrown(incident.people_hit, course.hit)
    Incident.objects.filter(pk=incident.pk).update(**counts)
    if grew and incident.closed_at is None:
        event_write(incident, EventKind.GREW, now, course.hit)


def has_outgrown(before: int, after: int) -> bool:
    """Tell whether a power of two was passed, so that growth is told a few times at most."""
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
    waiting, canaries = waiting_of(incident, now, limit=3 * pace.canaries)
    appointed = canaries_to_appoint(waiting, canaries, pace, now)
    if appointed:
        with connection.cursor() as cursor:
            # Health before hits, as whoever records outcomes does.
            cursor.execute(TRY_NOW, {"now": now, "people": appointed})
            cursor.execute(APPOINT, [incident.pk, appointed])
    return appointed


def waiting_of(incident: Incident, now: datetime, *, limit: int) -> tuple[list[Waiting], set[int]]:
    """Return people hit who wait and can be tried, canaries first and then by the oldest gap.

    Beside them the ids of the canaries among them.
    """
    with connection.cursor() as cursor:
        cursor.execute(WAITING, {"incident": incident.pk, "now": now, "limit": limit})
        rows = cursor.fetchall()
    waiting = [Waiting(person, gap_since, allowed) for person, gap_since, allowed, _ in rows]
    return waiting, {row[0] for row in rows if row[3]}


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

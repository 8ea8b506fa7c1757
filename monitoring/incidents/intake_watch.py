"""Watching our own intake, and freezing the verdicts of the clock while it is too low."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from monitoring.health.models import Policy
from monitoring.incidents.course import event_write
from monitoring.incidents.detection import Thresholds
from monitoring.incidents.intake import Intake, has_dropped, is_back
from monitoring.incidents.models import EventKind, Incident, Kind, Source
from monitoring.incidents.pulses import minute_of

BASE_INTERVAL = Policy._meta.get_field("base_interval").default
SIGNATURE = "service - intake"

# A freeze that goes on for longer hides more than it spares: then the clock's verdicts come.
LONGEST_FREEZE = timedelta(days=1)

# Late are who was found to be, and whose deadline has passed without a verdict yet.
# Organizations in which nobody is late, and no incident open, are left out.
INTAKE = """
    WITH people AS (
        SELECT organization_id, sum(people) AS people,
            coalesce(sum(people) FILTER (WHERE cause IN ('overdue', 'silent')), 0) AS late
        FROM health_healthtally
        WHERE status = 'healthy' OR cause IN ('overdue', 'silent') GROUP BY 1
    ), own AS (
        SELECT organization_id, count(*) AS people, sum(%(window)s::float8 / own_interval) AS runs
        FROM health_health
        WHERE own_interval IS NOT NULL AND (status = 'healthy' OR cause IN ('overdue', 'silent'))
        GROUP BY 1
    ), heard AS (
        SELECT organization_id, sum(people) AS heard FROM incidents_pulse
        WHERE minute >= %(since)s GROUP BY 1
    ), unjudged AS (
        SELECT organization_id, count(*) AS unjudged FROM health_health
        WHERE check_at <= %(now)s AND status = 'healthy' GROUP BY 1
    )
    SELECT * FROM (
        SELECT people.organization_id, people.people::int8,
            (people.people - coalesce(own.people, 0)) * %(window)s::float8
                / coalesce(policy.base_interval, %(base)s) + coalesce(own.runs, 0),
            greatest(coalesce(heard.heard, 0), 0)::int8,
            (people.late + coalesce(unjudged.unjudged, 0))::int8 AS late
        FROM people
        LEFT JOIN health_policy AS policy USING (organization_id)
        LEFT JOIN own USING (organization_id)
        LEFT JOIN heard USING (organization_id)
        LEFT JOIN unjudged USING (organization_id)
    ) AS intake
    WHERE late > 0 OR organization_id = ANY(%(frozen)s)
"""


@dataclass(frozen=True, slots=True)
class Frozen:
    """Whose health gets no verdict by the clock at present: everybody's, or some organizations'."""

    everybody: bool = False
    organizations: frozenset[int] = frozenset()


def intake_watch(*, now: datetime, thresholds: Thresholds) -> Frozen:
    """Open and close incidents of the intake; return whose verdicts are to be left alone.

    An organization whose people are late has an incident of its own. One of everybody is opened
    only for what is late in several others together.
    """
    is_open = Incident.objects.filter(kind=Kind.INTAKE).open()
    incidents = {incident.organization_id: incident for incident in is_open}
    own = intakes(incidents.keys(), now, thresholds)
    for organization, intake in own.items():
        incident_of_intake_follow(incidents, organization, intake, now, thresholds)
    rest = [intake for each, intake in own.items() if each not in incidents and intake.late]
    if len(rest) > 1 or None in incidents:
        incident_of_intake_follow(incidents, None, together(rest), now, thresholds)
    fresh = {each for each, one in incidents.items() if now - one.opened_at < LONGEST_FREEZE}
    return Frozen(None in fresh, frozenset(each for each in fresh if each is not None))


def incident_of_intake_follow(
    incidents: dict[int | None, Incident],
    organization_id: int | None,
    intake: Intake,
    now: datetime,
    thresholds: Thresholds,
) -> None:
    """Open or close the incident of one organization, or of everybody, and keep `incidents` so."""
    incident = incidents.get(organization_id)
    if incident is not None and is_back(intake, thresholds):
        incident_of_intake_close(incident=incident, now=now)
        del incidents[organization_id]
    elif incident is None and has_dropped(intake, thresholds):
        opened = incident_of_intake_open(organization_id=organization_id, intake=intake, now=now)
        incidents[organization_id] = opened


def together(intakes: Collection[Intake]) -> Intake:
    """Return the intake of several organizations as one. Pure."""
    return Intake(
        people=sum(each.people for each in intakes),
        expected=sum(each.expected for each in intakes),
        heard=sum(each.heard for each in intakes),
        late=sum(each.late for each in intakes),
    )


def intakes(
    with_incident: Collection[int | None], now: datetime, thresholds: Thresholds
) -> dict[int | None, Intake]:
    """Return the intake of the organizations in which somebody is late, or an incident open."""
    values: dict[str, Any] = {
        "now": now,
        "since": minute_of(now - timedelta(seconds=thresholds.window)),
        "window": thresholds.window,
        "base": BASE_INTERVAL,
        "frozen": [organization for organization in with_incident if organization is not None],
    }
    with connection.cursor() as cursor:
        cursor.execute(INTAKE, values)
        found: dict[int | None, Intake] = {row[0]: Intake(*row[1:]) for row in cursor.fetchall()}
    gone = {each: Intake(0, 0.0, 0, 0) for each in with_incident if each is not None}
    return gone | found


@transaction.atomic
def incident_of_intake_open(
    *, organization_id: int | None, intake: Intake, now: datetime
) -> Incident:
    """Open an incident of the intake; without an organization it is everybody's."""
    incident = Incident.objects.create(
        organization_id=organization_id,
        kind=Kind.INTAKE,
        provider=Source.SERVICE,
        signature=SIGNATURE,
        began_at=now,
        opened_at=now,
        people_running=intake.people,
        people_hit=intake.late,
    )
    event_write(incident, EventKind.OPENED, now, intake.late)
    return incident


@transaction.atomic
def incident_of_intake_close(*, incident: Incident, now: datetime) -> None:
    """Close an incident of the intake; nobody has to be recovered, for runs come by themselves."""
    Incident.objects.filter(pk=incident.pk).update(closed_at=now, recovered_at=now)
    event_write(incident, EventKind.CLOSED, now, None)

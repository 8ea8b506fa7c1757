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

# Who is late is counted from the tally; while verdicts are frozen that stands still, and those
# whose deadline has passed are counted beside it.
INTAKE = """
    WITH people AS (
        SELECT organization_id, sum(people) AS people,
            coalesce(sum(people) FILTER (WHERE cause IN ('overdue', 'silent')), 0) AS late
        FROM health_healthtally
        WHERE status = 'healthy' OR cause IN ('overdue', 'silent') GROUP BY 1
    ), heard AS (
        SELECT organization_id, sum(people) AS heard FROM incidents_pulse
        WHERE minute >= %(since)s GROUP BY 1
    ), unjudged AS (
        SELECT organization_id, count(*) AS unjudged FROM health_health
        WHERE check_at <= %(now)s AND status = 'healthy'
            AND (%(all)s OR organization_id = ANY(%(frozen)s)) GROUP BY 1
    ), intake AS (
        SELECT people.organization_id, people.people::int8 AS people,
            people.people * %(window)s::float8 / coalesce(policy.base_interval, %(base)s)
                AS expected,
            greatest(coalesce(heard.heard, 0), 0)::int8 AS heard,
            (people.late + coalesce(unjudged.unjudged, 0))::int8 AS late
        FROM people
        LEFT JOIN health_policy AS policy USING (organization_id)
        LEFT JOIN heard USING (organization_id)
        LEFT JOIN unjudged USING (organization_id)
    )
    SELECT NULL, coalesce(sum(people), 0)::int8, coalesce(sum(expected), 0)::float8,
        coalesce(sum(heard), 0)::int8, coalesce(sum(late), 0)::int8 FROM intake
    UNION ALL
    SELECT * FROM intake
    WHERE late >= %(least)s OR organization_id = ANY(%(frozen)s)
"""


@dataclass(frozen=True, slots=True)
class Frozen:
    """Whose health gets no verdict by the clock at present: everybody's, or some organizations'."""

    everybody: bool = False
    organizations: frozenset[int] = frozenset()


def intake_watch(*, now: datetime, thresholds: Thresholds) -> Frozen:
    """Open and close incidents of the intake; return whose verdicts are to be left alone."""
    is_open = Incident.objects.filter(kind=Kind.INTAKE).open()
    incidents = {incident.organization_id: incident for incident in is_open}
    for organization, intake in intakes(incidents.keys(), now, thresholds).items():
        incident = incidents.get(organization)
        if incident is not None and is_back(intake, thresholds):
            incident_of_intake_close(incident=incident, now=now)
            del incidents[organization]
        elif incident is None and has_dropped(intake, thresholds) and None not in incidents:
            opened = incident_of_intake_open(organization_id=organization, intake=intake, now=now)
            incidents[organization] = opened
    own = frozenset(organization for organization in incidents if organization is not None)
    return Frozen(None in incidents, own)


def intakes(
    frozen: Collection[int | None], now: datetime, thresholds: Thresholds
) -> dict[int | None, Intake]:
    """Return the intake of all together (None, first) and of organizations worth a look."""
    values: dict[str, Any] = {
        "now": now,
        "since": minute_of(now - timedelta(seconds=thresholds.window)),
        "window": thresholds.window,
        "base": BASE_INTERVAL,
        "least": thresholds.small_people,
        "all": None in frozen,
        "frozen": [organization for organization in frozen if organization is not None],
    }
    with connection.cursor() as cursor:
        cursor.execute(INTAKE, values)
        return {row[0]: Intake(*row[1:]) for row in cursor.fetchall()}


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

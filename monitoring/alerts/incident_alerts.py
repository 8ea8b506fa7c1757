"""Incidents that are open, or were when they were last looked at: what is worth an alert."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count

from monitoring.alerts.findings import Finding
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.models import Alert
from monitoring.alerts.muting import IS_SILENCED_IN, silenced_of_incidents
from monitoring.alerts.stalled import with_team_routes
from monitoring.incidents.models import Incident

INCIDENT_KINDS = (AlertKind.INCIDENT,)
TEAMS = f"""
    SELECT hit.incident_id, person.team, count(*)
    FROM incidents_hit AS hit
    JOIN incidents_incident AS incident ON incident.id = hit.incident_id
    JOIN accounts_person AS person ON person.id = hit.person_id
    JOIN health_health AS health ON health.person_id = hit.person_id
    WHERE hit.incident_id = ANY(%(incidents)s) AND NOT {IS_SILENCED_IN}
    GROUP BY 1, 2
"""  # noqa: S608 - made of constants


def incidents_found(now: datetime) -> list[Finding]:
    """Return the incidents of failures that are open, and the end of those that were."""
    incidents = list(worth_telling())
    if not incidents:
        return []
    silenced = silenced_of_incidents([incident.pk for incident in incidents], now)
    teams = teams_of(incidents, now)
    return [
        finding_of(incident, silenced.get(incident.pk, 0), teams[incident.pk])
        for incident in incidents
    ]


def worth_telling() -> Any:
    """Return those that are open or have an open alert, each by an index of its own."""
    told = Alert.objects.open().filter(kind=AlertKind.INCIDENT, incident__isnull=False)
    found = Incident.objects.open().values("pk").union(told.values("incident"))
    failures = Incident.objects.of_failures().filter(pk__in=found)
    return failures.annotate(organizations=Count("parts")).order_by("pk")


def finding_of(incident: Any, silenced: int, teams: dict[str, int]) -> Finding:
    return Finding(
        AlertKind.INCIDENT,
        incident.organization_id,
        str(incident.pk),
        Severity.CRITICAL,
        people=incident.people_hit,
        silenced=min(silenced, incident.people_hit),
        weight=incident.share,
        began_at=incident.began_at,
        ended_at=incident.closed_at,
        teams=teams,
        is_part=incident.part_of_id is not None,
        incident_id=incident.pk,
        facts={
            "provider": incident.provider,
            "rule": incident.rule or "",
            "organizations": incident.organizations,
            "running": incident.people_running,
        },
    )


def teams_of(incidents: Collection[Any], now: datetime) -> defaultdict[int, dict[str, int]]:
    """Return whom each hit by team, without the silenced, where a route asks for it."""
    by_team = with_team_routes({each.organization_id for each in incidents} - {None})
    asked = [each.pk for each in incidents if each.organization_id in by_team]
    teams: defaultdict[int, dict[str, int]] = defaultdict(dict)
    if asked:
        with connection.cursor() as cursor:
            cursor.execute(TEAMS, {"incidents": asked, "now": now})
            for incident, team, people in cursor.fetchall():
                teams[incident][team] = people
    return teams

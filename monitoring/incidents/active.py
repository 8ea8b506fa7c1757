"""The incidents that matter to outcomes being recorded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from monitoring.health.shields import Shield, Shields
from monitoring.incidents.detection import Thresholds

LONGEST = Thresholds().longest
# What an incident explains ends with it, and after the longest time an incident may explain.
ACTIVE = """
    SELECT id, organization_id, provider, began_at,
        least(closed_at, coalesce(came_back_at, began_at) + make_interval(secs => %(longest)s)),
        recovered_at IS NULL,
        CASE WHEN closed_at IS NULL THEN ARRAY(
            SELECT person_id FROM incidents_hit
            WHERE incident_id = incident.id AND canary
                AND recovered_at IS NULL AND ended_at IS NULL
        ) ELSE '{}' END
    FROM incidents_incident AS incident
    WHERE organization_id = ANY(%(organizations)s) AND kind = 'failures'
        AND (recovered_at IS NULL OR closed_at > %(since)s)
"""


@dataclass(frozen=True, slots=True)
class ActiveIncident:
    """An incident of failures that is not over, or was not at some moment asked about."""

    id: int
    organization_id: int
    not_over: bool
    shield: Shield


def incidents_active(organization_ids: Collection[int], since: datetime) -> list[ActiveIncident]:
    """Return the organizations' incidents that are not over or closed after `since`."""
    with connection.cursor() as cursor:
        values: dict[str, Any] = {
            "organizations": list(organization_ids),
            "since": since,
            "longest": LONGEST,
        }
        cursor.execute(ACTIVE, values)
        return [
            ActiveIncident(
                id_, organization, not_over, Shield(provider, began, closed, frozenset(canaries))
            )
            for id_, organization, provider, began, closed, not_over, canaries in cursor.fetchall()
        ]


def shields_of(incidents: Iterable[ActiveIncident]) -> Shields:
    """Return the shields that incidents are, by organization."""
    shields: defaultdict[int, list[Shield]] = defaultdict(list)
    for incident in incidents:
        shields[incident.organization_id].append(incident.shield)
    return shields


def shields_since(organization_ids: Collection[int], since: datetime) -> Shields:
    """Return the shields of organizations that reach beyond a moment."""
    return shields_of(incidents_active(organization_ids, since))

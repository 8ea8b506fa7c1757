"""Who of those whom an alert of coverage is about is silenced, and whether enough others are left.

Nothing remembers who was syncing at the time from which a fall is measured. Whoever is missing now
and fell changed status since, but so did some who had been missing before. So the silenced and the
others are counted both, and where that leaves a doubt, the others fell (`coverage.left_of`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from monitoring.alerts.muting import IN_FORCE, IS_SILENCED

# The same people whom `coverage.STANDS` counts as missing. Only where a silence is in force, and by
# the index of who is worst off: healthy people are not read.
MISSING = f"""
    SELECT health.organization_id, count(*) FILTER (WHERE {IS_SILENCED}),
        count(*) FILTER (WHERE NOT {IS_SILENCED})
    FROM unnest(%(organizations)s::bigint[], %(sinces)s::timestamptz[])
        AS asked (organization_id, since)
    CROSS JOIN LATERAL (
        SELECT EXISTS (
            SELECT FROM incidents_incident AS incident
            WHERE incident.kind = 'intake' AND incident.closed_at IS NULL
                AND (incident.organization_id IS NULL
                    OR incident.organization_id = asked.organization_id)
        ) AS is
    ) AS unheard
    JOIN health_health AS health ON health.organization_id = asked.organization_id
    JOIN accounts_person AS person ON person.id = health.person_id
    WHERE asked.organization_id IN (
            SELECT silence.organization_id FROM alerts_silence AS silence WHERE {IN_FORCE}
        )
        AND health.organization_id = ANY(%(organizations)s)
        AND health.severity BETWEEN 1 AND 3 AND health.status IN ('degraded', 'disabled')
        AND health.cause NOT IN ('never_connected', 'awaiting_first_success')
        AND health.status_since >= asked.since
        AND NOT (unheard.is AND health.status = 'degraded' AND health.cause = 'overdue')
        AND NOT EXISTS (
            SELECT FROM incidents_hit AS hit
            JOIN incidents_incident AS incident ON incident.id = hit.incident_id
            WHERE hit.person_id = health.person_id
                AND incident.organization_id = health.organization_id
                AND incident.recovered_at IS NULL AND incident.kind = 'failures'
                AND hit.recovered_at IS NULL AND hit.ended_at IS NULL
        )
    GROUP BY 1
"""  # noqa: S608 - made of constants


class Missing(NamedTuple):
    """How many who are missing and changed status since are silenced, and how many are not."""

    silenced: int = 0
    others: int = 0


def missing_since(sinces: Mapping[int, datetime], now: datetime) -> dict[int, Missing]:
    """Return who has gone missing since, by organization, of those with a silence in force.

    One statement; none where nothing is asked.
    """
    if not sinces:
        return {}
    values: dict[str, Any] = {
        "organizations": list(sinces),
        "sinces": list(sinces.values()),
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(MISSING, values)
        return {organization: Missing(*counts) for organization, *counts in cursor.fetchall()}

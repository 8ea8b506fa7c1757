"""How large a part of an organization's people is syncing, where it fell within a day.

Only what nothing else tells: stalled people have alerts by cause, people hit by an incident have
that. An alert begins with the fall and keeps in mind from where; it ends when most of it is made
up for, or when a week has made it the usual.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.models import Alert, AlertPolicy
from monitoring.alerts.sources import Finding

CAUSE = "coverage"
DAY = timedelta(days=1)
# So long a fall may last; after that it is how things are.
LONGEST = timedelta(days=7)
# Fewer people are no fall; of a small organization fewer are.
LEAST_PEOPLE, LEAST_OF_FEW, FEW = 5, 3, 20
# An alert that has begun goes on down to this part of its fall.
KEPT = 0.5
# Of those who synced, so many gone is critical.
HALF = 0.5
DROP = AlertPolicy._meta.get_field("coverage_drop").default

# A fall by that much takes as many people who are not syncing, so most organizations end here.
# Who is late because nothing is heard of anybody is not known to have stopped.
STANDS = """
    WITH tally AS (
        SELECT organization_id, sum(people)::int8 AS people,
            coalesce(sum(people) FILTER (WHERE status = 'healthy'), 0)::int8 AS healthy,
            coalesce(sum(people) FILTER (WHERE status = 'stalled'), 0)::int8 AS stalled,
            coalesce(sum(people) FILTER (WHERE status = 'degraded'), 0)::int8 AS delayed,
            coalesce(sum(people) FILTER (WHERE status = 'disabled'), 0)::int8 AS off,
            coalesce(sum(people) FILTER (WHERE status = 'degraded' AND cause = 'overdue'), 0)::int8
                AS late
        FROM health_healthtally
        WHERE NOT (status = 'degraded' AND cause = 'never_connected') GROUP BY 1
    )
    SELECT tally.organization_id, tally.people, tally.healthy, tally.stalled, tally.delayed,
        tally.off, coalesce(hit.waiting, 0)::int8 + CASE WHEN unheard.is THEN tally.late ELSE 0 END,
        coalesce(policy.coverage_drop, %(drop)s)
    FROM tally
    LEFT JOIN alerts_alertpolicy AS policy USING (organization_id)
    LEFT JOIN (
        SELECT organization_id, sum(people_waiting) AS waiting FROM incidents_incident
        WHERE recovered_at IS NULL AND kind = 'failures' GROUP BY 1
    ) AS hit USING (organization_id)
    CROSS JOIN LATERAL (
        SELECT EXISTS (
            SELECT FROM incidents_incident AS incident
            WHERE incident.kind = 'intake' AND incident.closed_at IS NULL
                AND (incident.organization_id IS NULL
                    OR incident.organization_id = tally.organization_id)
        ) AS is
    ) AS unheard
    WHERE tally.people > 0 AND (tally.organization_id = ANY(%(told)s)
        OR tally.people - tally.healthy - tally.stalled
            >= coalesce(policy.coverage_drop, %(drop)s) * tally.people)
    ORDER BY 1
"""
SAMPLES = """
    SELECT organization_id, at,
        coalesce(sum(people) FILTER (WHERE "group" <> 'never_connected'), 0)::int8,
        coalesce(sum(people) FILTER (WHERE "group" = 'healthy'), 0)::int8,
        coalesce(sum(people) FILTER (WHERE "group" = 'stalled'), 0)::int8
    FROM health_statussample
    WHERE organization_id = ANY(%(organizations)s) AND at >= %(since)s AND at <= %(now)s
    GROUP BY 1, 2 ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Stand:
    """How many people there are but who never connected, how many of them sync, and of how many
    others something else tells."""

    people: int
    syncing: int
    explained: int = 0

    @property
    def well(self) -> int:
        return min(self.people, self.syncing + self.explained)

    @property
    def share(self) -> float:
        return self.well / self.people if self.people else 0.0


@dataclass(frozen=True, slots=True)
class Fall:
    """A fall from a stand: a share of the people, and how many that are at least."""

    share: float
    people: int


def best_of(stands: Sequence[Stand]) -> Stand | None:
    """Return the second best stand: the best may have been a moment's. Pure."""
    best = sorted(stands, key=lambda stand: (stand.share, stand.people), reverse=True)[:2]
    return best[-1] if best else None


def fall_of(before: Stand, after: Stand) -> Fall:
    """Return how far it fell. Pure.

    Who joined and is not syncing yet lowers the share, and who left may as well, but nobody
    stopped: no more fell than are missing.
    """
    fewer = max(0, before.well - after.well)
    share = before.share - after.share
    if not after.people or share <= 0:
        return Fall(0.0, 0)
    people = min(fewer, round(share * after.people))
    return Fall(min(share, people / after.people), people)


def is_fall(fall: Fall, after: Stand, threshold: float) -> bool:
    """Tell whether a fall is worth an alert. Pure."""
    least = LEAST_OF_FEW if after.people < FEW else LEAST_PEOPLE
    return fall.people >= least and fall.share >= threshold > 0


def goes_on(fall: Fall, threshold: float, began_at: datetime, now: datetime) -> bool:
    """Tell whether an alert goes on whose fall from its beginning is by now this. Pure."""
    return fall.share > threshold * KEPT and now - began_at < LONGEST


def severity_of(fall: Fall, before: Stand) -> Severity:
    """Return how grave it is: critical where half of those who synced do not. Pure."""
    is_half = before.share > 0 and fall.share >= before.share * HALF
    return Severity.CRITICAL if is_half else Severity.WARNING


@dataclass(frozen=True, slots=True)
class Row:
    """An organization that may have fallen, as it stands now."""

    organization: int
    stand: Stand
    syncing: int
    delayed: int
    off: int
    threshold: float


def coverage_findings(now: datetime) -> Iterator[Finding]:
    """The source of alerts about it.

    It sums the tally, and reads the samples of a day only of organizations in which enough people
    are not syncing.
    """
    told = {
        alert.organization_id: alert
        for alert in Alert.objects.open().filter(
            kind=AlertKind.COVERAGE, organization__isnull=False
        )
    }
    rows = rows_of(told)
    fresh = [row.organization for row in rows if row.organization not in told]
    best = bests_of(fresh, now)
    for row in rows:
        alert = told.get(row.organization)
        before = best.get(row.organization) if alert is None else remembered(alert)
        if before is None:
            continue
        fall = fall_of(before, row.stand)
        if alert is None:
            is_on = is_fall(fall, row.stand, row.threshold)
        else:
            is_on = goes_on(fall, row.threshold, alert.began_at, now)
        if is_on:
            yield finding_of(row, before, fall)


def finding_of(row: Row, before: Stand, fall: Fall) -> Finding:
    facts = {
        "before": round(before.share, 4),
        "before_people": before.people,
        "before_well": before.well,
        "share": round(row.syncing / row.stand.people, 4),
        "syncing": row.syncing,
        "connected": row.stand.people,
        "delayed": row.delayed,
        "off": row.off,
        "drop": round(fall.share, 4),
    }
    return Finding(
        kind=AlertKind.COVERAGE,
        organization_id=row.organization,
        cause=CAUSE,
        severity=severity_of(fall, before),
        people=fall.people,
        weight=fall.share,
        facts=facts,
    )


def remembered(alert: Alert) -> Stand:
    """Return from where an alert's fall began."""
    return Stand(alert.facts["before_people"], alert.facts["before_well"])


def rows_of(told: Mapping[int, Alert]) -> list[Row]:
    values: dict[str, Any] = {"told": list(told), "drop": DROP}
    with connection.cursor() as cursor:
        cursor.execute(STANDS, values)
        return [
            Row(organization, Stand(people, healthy, stalled + hit), healthy, delayed, off, drop)
            for organization, people, healthy, stalled, delayed, off, hit, drop in cursor.fetchall()
        ]


def bests_of(organizations: Sequence[int], now: datetime) -> dict[int, Stand | None]:
    """Return from where each of the organizations could have fallen within a day."""
    if not organizations:
        return {}
    values: dict[str, Any] = {"organizations": organizations, "since": now - DAY, "now": now}
    with connection.cursor() as cursor:
        cursor.execute(SAMPLES, values)
        rows = cursor.fetchall()
    return {one: best_of(list(stands_of(rows, one))) for one in organizations}


def stands_of(rows: Iterable[Sequence[Any]], organization: int) -> Iterator[Stand]:
    for of, _, people, healthy, stalled in rows:
        if of == organization and people:
            yield Stand(people, healthy, stalled)

"""How large a part of an organization's people is syncing, where it fell within a day.

Only what nothing else tells: stalled people have alerts by cause, people hit by an incident have
that. An alert begins with the fall and keeps in mind from where; it ends when most of it is made
up for, or when a week has made it the usual.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection

from monitoring.alerts.coverage_silenced import Missing, missing_since
from monitoring.alerts.findings import SILENCED, is_too_little
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
# What is this close is for Python to tell apart.
ROUNDING = 1e-6
DROP = AlertPolicy._meta.get_field("coverage_drop").default

# A fall takes as many people who are not syncing and of whom nothing else tells, so most
# organizations end here. Who is late because nothing is heard of anybody is not known to have
# stopped. Who waits for the end of an incident and is stalled, or late, counts once.
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
    ), candidate AS (
        SELECT tally.*, limits.threshold, limits.few, tally.organization_id = ANY(%(told)s) AS told
        FROM tally
        LEFT JOIN alerts_alertpolicy AS policy USING (organization_id)
        CROSS JOIN LATERAL (
            SELECT coalesce(policy.coverage_drop, %(drop)s) AS threshold,
                greatest(
                    CASE WHEN tally.people < %(small)s THEN %(least_of_few)s ELSE %(least)s END,
                    coalesce(policy.coverage_drop, %(drop)s) * tally.people
                ) AS few
        ) AS limits
        WHERE tally.people > 0 AND (tally.organization_id = ANY(%(told)s)
            OR tally.people - tally.healthy - tally.stalled >= limits.few)
    )
    SELECT candidate.organization_id, people, healthy, delayed, off, threshold,
        healthy + stalled + hit.waiting + CASE WHEN unheard.is THEN late ELSE 0 END
    FROM candidate
    CROSS JOIN LATERAL (
        SELECT EXISTS (
            SELECT FROM incidents_incident AS incident
            WHERE incident.kind = 'intake' AND incident.closed_at IS NULL
                AND (incident.organization_id IS NULL
                    OR incident.organization_id = candidate.organization_id)
        ) AS is
    ) AS unheard
    CROSS JOIN LATERAL (
        SELECT count(DISTINCT health.person_id) AS waiting FROM incidents_incident AS incident
        JOIN incidents_hit AS hit ON hit.incident_id = incident.id
        JOIN health_health AS health ON health.person_id = hit.person_id
        WHERE incident.organization_id = candidate.organization_id
            AND incident.recovered_at IS NULL AND incident.kind = 'failures'
            AND hit.recovered_at IS NULL AND hit.ended_at IS NULL
            AND health.status IN ('degraded', 'disabled') AND health.cause <> 'never_connected'
            AND NOT (unheard.is AND health.status = 'degraded' AND health.cause = 'overdue')
    ) AS hit
    WHERE told OR people - healthy - stalled - hit.waiting
        - CASE WHEN unheard.is THEN late ELSE 0 END >= few
    ORDER BY 1
"""
# The second best of a day's samples, or the only one: the best may have been a moment's. Asked for
# where so many were well once, and told where so large a part was.
BEST = """
    SELECT organization_id, people, well FROM (
        SELECT asked.organization_id, asked.share, stand.people, stand.well,
            row_number() OVER best AS place, count(*) OVER (
                PARTITION BY asked.organization_id
            ) AS samples
        FROM unnest(%(organizations)s::int8[], %(wells)s::int8[], %(shares)s::float8[])
            AS asked (organization_id, well, share)
        CROSS JOIN LATERAL (
            SELECT sum(people)::int8 AS people,
                coalesce(sum(people) FILTER (WHERE "group" IN ('healthy', 'stalled')), 0)::int8
                    AS well
            FROM health_statussample
            WHERE organization_id = asked.organization_id AND "group" <> 'never_connected'
                AND at >= %(since)s AND at <= %(now)s
            GROUP BY at HAVING sum(people) > 0
        ) AS stand
        WHERE EXISTS (
            SELECT FROM health_statussample
            WHERE organization_id = asked.organization_id AND "group" IN ('healthy', 'stalled')
                AND at >= %(since)s AND at <= %(now)s
            GROUP BY at HAVING sum(people) >= asked.well
        )
        WINDOW best AS (
            PARTITION BY asked.organization_id
            ORDER BY stand.well::float8 / stand.people DESC, stand.people DESC
        )
    ) AS ranked
    WHERE place = least(2, samples) AND well::float8 / people >= share
"""


@dataclass(frozen=True, slots=True)
class Stand:
    """How many people there are but who never connected, and how many of them are well: they sync,
    or something else tells of them."""

    people: int
    well: int

    @property
    def share(self) -> float:
        return self.well / self.people if self.people else 0.0


@dataclass(frozen=True, slots=True)
class Fall:
    """A fall from a stand: a share of the people, and how many that are at least."""

    share: float
    people: int


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
    return fall.people >= least_of(after) and fall.share >= threshold > 0


def least_of(stand: Stand) -> int:
    """Return how many people at least make a fall to a stand. Pure."""
    return LEAST_OF_FEW if stand.people < FEW else LEAST_PEOPLE


def goes_on(fall: Fall, threshold: float, began_at: datetime, now: datetime) -> bool:
    """Tell whether an alert goes on whose fall from its beginning is by now this. Pure."""
    return fall.share > threshold * KEPT and now - began_at < LONGEST


def severity_of(fall: Fall, before: Stand) -> Severity:
    """Return how grave it is: critical where half of those who synced do not. Pure."""
    is_half = before.share > 0 and fall.share >= before.share * HALF
    return Severity.CRITICAL if is_half else Severity.WARNING


def left_of(whole: Fall, after: Stand, missing: Missing) -> Fall:
    """Return what is left of a fall without the silenced, of whom so many went missing since. Pure.

    Some of them may have been missing before and did but change status. So no fewer are left than
    others went missing, unless fewer fell.
    """
    people = max(whole.people - missing.silenced, min(whole.people, missing.others))
    return (
        whole if people == whole.people else Fall(min(whole.share, people / after.people), people)
    )


def silenced_of(
    whole: Fall, left: Fall, after: Stand, threshold: float, *, was_silenced: bool
) -> int:
    """Return how many of those who fell count as silenced, where so much is left. Pure.

    All of them, where what is left without the silenced would be no alert.
    """
    if left == whole:
        return 0
    is_kept_back = is_too_little(
        whole_begins=is_fall(whole, after, threshold),
        begins=is_fall(left, after, threshold),
        goes_on=left.share > threshold * KEPT,
        was_too_little=was_silenced,
    )
    return whole.people if is_kept_back else whole.people - left.people


@dataclass(frozen=True, slots=True)
class Row:
    """An organization that may have fallen, as it stands now."""

    organization: int
    stand: Stand
    syncing: int
    delayed: int
    off: int
    threshold: float


class Fallen(NamedTuple):
    """A row that fell: from where, how far, and the alert that tells of it, if there is one."""

    row: Row
    before: Stand
    fall: Fall
    alert: Alert | None


def coverage_findings(now: datetime) -> Iterator[Finding]:
    """The source of alerts about it.

    It sums the tally, and reads the samples of a day only of organizations in which enough people
    are not syncing. What they make of it the database decides, so it is organizations that fell
    which cost more here. Whoever is missing in them is looked at only where a silence is in force.
    """
    fallen = list(fallen_ones(now))
    sinces = {
        each.row.organization: (each.alert.began_at if each.alert else now) - DAY for each in fallen
    }
    missing = missing_since(sinces, now)
    return (finding_of(each, missing.get(each.row.organization, Missing())) for each in fallen)


def fallen_ones(now: datetime) -> Iterator[Fallen]:
    """Yield the organizations that fell, or are not yet back from where they fell."""
    told = {
        alert.organization_id: alert
        for alert in Alert.objects.open().filter(
            kind=AlertKind.COVERAGE, organization__isnull=False
        )
    }
    rows = rows_of(told)
    best = bests_of([row for row in rows if row.organization not in told], now)
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
            yield Fallen(row, before, fall, alert)


def finding_of(fallen: Fallen, missing: Missing) -> Finding:
    row, before, fall, alert = fallen
    left = left_of(fall, row.stand, missing)
    silenced = fall.people - left.people
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
    was_silenced = alert is not None and alert.is_silenced
    return Finding(
        kind=AlertKind.COVERAGE,
        organization_id=row.organization,
        cause=CAUSE,
        severity=severity_of(left, before),
        people=fall.people,
        silenced=silenced_of(fall, left, row.stand, row.threshold, was_silenced=was_silenced),
        weight=left.share,
        facts=facts | ({SILENCED: silenced} if silenced else {}),
    )


def remembered(alert: Alert) -> Stand:
    """Return from where an alert's fall began."""
    return Stand(alert.facts["before_people"], alert.facts["before_well"])


def rows_of(told: Mapping[int, Alert]) -> list[Row]:
    values: dict[str, Any] = {
        "told": list(told),
        "drop": DROP,
        "small": FEW,
        "least_of_few": LEAST_OF_FEW,
        "least": LEAST_PEOPLE,
    }
    with connection.cursor() as cursor:
        cursor.execute(STANDS, values)
        return [
            Row(organization, Stand(people, min(people, well)), healthy, delayed, off, drop)
            for organization, people, healthy, delayed, off, drop, well in cursor.fetchall()
        ]


def bests_of(rows: Sequence[Row], now: datetime) -> dict[int, Stand]:
    """Return from where organizations fell within a day; who can't have fallen is left out."""
    if not rows:
        return {}
    values: dict[str, Any] = {
        "organizations": [row.organization for row in rows],
        "wells": [row.stand.well + least_of(row.stand) for row in rows],
        "shares": [row.stand.share + row.threshold - ROUNDING for row in rows],
        "since": now - DAY,
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(BEST, values)
        return {organization: Stand(*stand) for organization, *stand in cursor.fetchall()}

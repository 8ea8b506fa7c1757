"""Errors that no rule knows, where they are a share of an organization's runs worth an alert.

Runs are counted by the hour, so what is looked at is this hour so far and the one before: at the
hour's edge nothing jumps. An alert begins above a share and ends well below it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from monitoring.alerts.findings import SILENCED, is_too_little
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.models import Alert, AlertPolicy
from monitoring.alerts.muting import IN_FORCE, IS_SILENCED
from monitoring.alerts.sources import Finding

HOUR = timedelta(hours=1)
CAUSE = "unrecognised"
# Fewer than these are single cases; the inbox has them all the same.
LEAST_RUNS, LEAST_PEOPLE = 5, 3
# An alert that has begun goes on down to this part of the share.
KEPT = 0.5
SHARE = AlertPolicy._meta.get_field("unknown_share").default

# Organizations without such an error, and without an alert of it, are not looked at any further.
# What an incident of these two hours is about is told with it.
FOUND = """
    WITH counted AS (
        SELECT organization_id, outcome_class, outcomes FROM intake_classhour
        WHERE hour >= %(since)s
        UNION ALL
        SELECT organization_id, outcome_class, outcomes FROM intake_classhourchange
        WHERE hour >= %(since)s
    ), runs AS (
        SELECT organization_id, sum(outcomes)::int8 AS runs,
            coalesce(sum(outcomes) FILTER (WHERE outcome_class = 'unknown'), 0)::int8 AS unknown
        FROM counted GROUP BY 1
    )
    SELECT runs.organization_id, runs.runs, runs.unknown, people.people, errors.errors,
        errors.first_seen, top.id, top.signature, top.people,
        coalesce(policy.unknown_share, %(share)s),
        runs.organization_id = ANY(%(told)s), EXISTS (
            SELECT FROM incidents_incident AS incident
            WHERE incident.organization_id = runs.organization_id
                AND incident.kind = 'failures'
                AND (incident.interpretation = 'unknown'
                    OR incident.provider = split_part(top.signature, ' ', 1))
                AND (incident.closed_at IS NULL OR incident.closed_at > %(since)s)
        )
    FROM runs
    LEFT JOIN alerts_alertpolicy AS policy USING (organization_id)
    CROSS JOIN LATERAL (
        SELECT count(*) AS people FROM health_health AS health
        WHERE health.organization_id = runs.organization_id
            AND last_signature IS NOT NULL AND last_attempt_at >= %(since)s
            AND last_interpretation = 'unknown'
    ) AS people
    CROSS JOIN LATERAL (
        SELECT count(*) AS errors, min(first_seen) AS first_seen FROM errors_unrecognisederror
        WHERE organization_id = runs.organization_id AND resolved_at IS NULL
            AND last_seen >= %(since)s
    ) AS errors
    LEFT JOIN LATERAL (
        SELECT id, signature, people FROM errors_unrecognisederror
        WHERE organization_id = runs.organization_id AND resolved_at IS NULL
            AND last_seen >= %(since)s
        ORDER BY people DESC, last_seen DESC, id DESC LIMIT 1
    ) AS top ON true
    WHERE runs.unknown > 0 ORDER BY 1
"""
# Of the same people, where a silence is in force.
SILENCED_OF = f"""
    SELECT health.organization_id, count(*)
    FROM health_health AS health JOIN accounts_person AS person ON person.id = health.person_id
    WHERE health.organization_id = ANY(%(organizations)s)
        AND health.organization_id IN (
            SELECT silence.organization_id FROM alerts_silence AS silence WHERE {IN_FORCE}
        )
        AND last_signature IS NOT NULL AND last_attempt_at >= %(since)s
        AND last_interpretation = 'unknown' AND {IS_SILENCED}
    GROUP BY 1
"""  # noqa: S608 - made of constants


@dataclass(frozen=True, slots=True)
class Unknowns:
    """What the runs of two hours came to: all of them, those with errors that no rule knows, and
    the people whose last run was one of those."""

    runs: int
    unknown: int
    people: int

    @property
    def share(self) -> float:
        return self.unknown / self.runs if self.runs else 0.0

    def without(self, silenced: int) -> Unknowns:
        """Return what is left without so many of the people, who had as many runs as the others."""
        if not self.people:
            return self
        people = max(0, self.people - silenced)
        return Unknowns(self.runs, round(self.unknown * people / self.people), people)


def is_worth_telling(found: Unknowns, threshold: float, *, is_told: bool, explained: bool) -> bool:
    """Tell whether an alert begins, or goes on where there is one (`is_told`). Pure.

    `explained` is what an incident tells already: then none begins.
    """
    if is_told:
        return found.people > 0 and found.share > threshold * KEPT
    enough = found.unknown >= LEAST_RUNS and found.people >= LEAST_PEOPLE
    return enough and found.share > threshold and not explained


def silenced_of(found: Unknowns, silenced: int, threshold: float, *, was_silenced: bool) -> int:
    """Return how many of the people count as silenced, of so many of them who are. Pure.

    All of them, where what is left without the silenced would be no alert.
    """
    if not silenced:
        return 0
    left = found.without(silenced)
    is_kept_back = is_too_little(
        whole_begins=is_worth_telling(found, threshold, is_told=False, explained=False),
        begins=is_worth_telling(left, threshold, is_told=False, explained=False),
        goes_on=is_worth_telling(left, threshold, is_told=True, explained=False),
        was_too_little=was_silenced,
    )
    return found.people if is_kept_back else silenced


def unrecognised_findings(now: datetime) -> Iterator[Finding]:
    """The source of alerts about them; its cost follows the organizations that have some."""
    since = datetime.fromtimestamp(now.timestamp() // 3_600 * 3_600, UTC) - HOUR
    told = told_ones()
    rows = [row for row in rows_of(since, told) if is_on(row)]
    silenced = silenced_among([row[0] for row in rows], since, now)
    for organization, runs, unknown, people, errors, first_seen, error, text, had_it, *rest in rows:
        alert, muted = told.get(organization), silenced.get(organization, 0)
        found = Unknowns(runs, unknown, people)
        was_silenced = alert is not None and alert.is_silenced
        yield Finding(
            kind=AlertKind.UNRECOGNISED,
            organization_id=organization,
            cause=CAUSE,
            severity=Severity.NOTICE,
            people=people,
            silenced=silenced_of(found, muted, rest[0], was_silenced=was_silenced),
            weight=found.share,
            began_at=max(since, first_seen or since),
            facts={
                "share": round(found.share, 4),
                "runs": runs,
                "unknown": unknown,
                "errors": errors,
                "error": error,
                "text": text or "",
                "had_it": had_it or 0,
            }
            | ({SILENCED: muted} if muted else {}),
        )


def is_on(row: Sequence[Any]) -> bool:
    """Tell whether what is found of an organization begins an alert, or goes on with one."""
    _, runs, unknown, people, *_, threshold, is_told, explained = row
    found = Unknowns(runs, unknown, people)
    return is_worth_telling(found, threshold, is_told=is_told, explained=explained)


def told_ones() -> dict[int, Alert]:
    """Return the alerts there are of this, by organization."""
    alerts = Alert.objects.open().filter(kind=AlertKind.UNRECOGNISED, organization__isnull=False)
    return {alert.organization_id or 0: alert for alert in alerts}


def silenced_among(
    organization_ids: Collection[int], since: datetime, now: datetime
) -> dict[int, int]:
    """Return how many of the people with such errors are silenced now; 0 is left out."""
    if not organization_ids:
        return {}
    values: dict[str, Any] = {
        "organizations": list(organization_ids),
        "since": since,
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(SILENCED_OF, values)
        return dict(cursor.fetchall())


def rows_of(since: datetime, told: Collection[int]) -> list[Any]:
    values: dict[str, Any] = {"since": since, "told": list(told), "share": SHARE}
    with connection.cursor() as cursor:
        cursor.execute(FOUND, values)
        return cursor.fetchall()

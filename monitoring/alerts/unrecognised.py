"""Errors that no rule knows, where they are a share of an organization's runs worth an alert.

Runs are counted by the hour, so what is looked at is this hour so far and the one before: at the
hour's edge nothing jumps. An alert begins above a share and ends well below it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.models import Alert, AlertPolicy
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


def is_worth_telling(found: Unknowns, threshold: float, *, is_told: bool, explained: bool) -> bool:
    """Tell whether an alert begins, or goes on where there is one (`is_told`). Pure.

    `explained` is what an incident tells already: then none begins.
    """
    if is_told:
        return found.people > 0 and found.share > threshold * KEPT
    enough = found.unknown >= LEAST_RUNS and found.people >= LEAST_PEOPLE
    return enough and found.share > threshold and not explained


def unrecognised_findings(now: datetime) -> Iterator[Finding]:
    """The source of alerts about them; its cost follows the organizations that have some."""
    since = datetime.fromtimestamp(now.timestamp() // 3_600 * 3_600, UTC) - HOUR
    for row in rows_of(since, told_ones()):
        organization, runs, unknown, people, errors, first_seen, error, text, had_it, *rest = row
        threshold, is_told, explained = rest
        found = Unknowns(runs, unknown, people)
        if not is_worth_telling(found, threshold, is_told=is_told, explained=explained):
            continue
        yield Finding(
            kind=AlertKind.UNRECOGNISED,
            organization_id=organization,
            cause=CAUSE,
            severity=Severity.NOTICE,
            people=people,
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
            },
        )


def told_ones() -> list[int]:
    """Return the organizations that have such an alert."""
    return list(
        Alert.objects.open()
        .filter(kind=AlertKind.UNRECOGNISED, organization__isnull=False)
        .values_list("organization_id", flat=True)
    )


def rows_of(since: datetime, told: Collection[int]) -> list[Any]:
    values: dict[str, Any] = {"since": since, "told": list(told), "share": SHARE}
    with connection.cursor() as cursor:
        cursor.execute(FOUND, values)
        return cursor.fetchall()

"""Whom an incident hits, and who is through: noted with the outcomes that say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from monitoring.health.fold import JudgedOutcome, Runs
from monitoring.health.store import Folded
from monitoring.incidents.active import ActiveIncident

HIT = """
    INSERT INTO incidents_hit (
        incident_id, organization_id, person_id, first_failed_at, last_failed_at, gap_since, canary,
        fold_anew
    )
    SELECT *, false, false FROM unnest(
        %s::bigint[], %s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[],
        %s::timestamptz[]
    ) ORDER BY 1, 3
    ON CONFLICT (incident_id, person_id) DO UPDATE SET
        last_failed_at = greatest(incidents_hit.last_failed_at, excluded.last_failed_at),
        recovered_at = CASE WHEN incidents_hit.recovered_at > excluded.last_failed_at
            THEN incidents_hit.recovered_at END,
        ended_at = NULL, asked_at = NULL
"""
# Only a run that ended after the person had failed can prove that it is over for them.
THROUGH = """
    UPDATE incidents_hit AS hit
    SET recovered_at = CASE WHEN run.good THEN run.at END,
        ended_at = CASE WHEN NOT run.good THEN run.at END,
        canary = hit.canary AND NOT run.good
    FROM unnest(%s::bigint[], %s::timestamptz[], %s::boolean[]) AS run (person_id, at, good)
    WHERE hit.incident_id = ANY(%s) AND hit.person_id = run.person_id
        AND hit.recovered_at IS NULL AND hit.last_failed_at < run.at
        AND (run.good OR (hit.ended_at IS NULL AND hit.asked_at < run.at))
"""


def hits_record(
    judged: Mapping[int, Sequence[JudgedOutcome]],
    folded: Mapping[int, Folded],
    active: Sequence[ActiveIncident],
) -> None:
    """Note whom the incidents that are not over hit by these outcomes, and who is through.

    `judged` are outcomes by person id, `folded` what became of each person. A run that the provider
    let in brings a person through; after the end, one that recovery asked for and that it did not
    leaves them to their own trouble. Runs in the caller's transaction.
    """
    going_on = [incident for incident in active if incident.not_over]
    if not going_on:
        return
    hits: list[tuple[Any, ...]] = []
    ends: list[tuple[int, datetime, bool]] = []
    for person, outcomes in sorted(judged.items()):
        organization_id, runs, _ = folded[person]
        own = [each for each in going_on if each.organization_id == organization_id]
        for incident in own:
            hits += hit_rows(incident, person, runs, outcomes)
        if own:
            last = max(outcomes, key=lambda each: each.order)
            ends.append((person, last.finished_at, last.signature is None))
    with connection.cursor() as cursor:
        if hits:
            cursor.execute(HIT, [list(column) for column in zip(*hits, strict=True)])
        if ends:
            columns = [list(column) for column in zip(*ends, strict=True)]
            cursor.execute(THROUGH, [*columns, [incident.id for incident in going_on]])


def hit_rows(
    incident: ActiveIncident, person: int, runs: Runs, outcomes: Sequence[JudgedOutcome]
) -> list[tuple[Any, ...]]:
    """Return the row of a person whom the incident hits by these outcomes; empty for others.

    Whose trouble was confirmed before the incident began is not hit: theirs is another.
    """
    if runs.confirmed_at is not None and runs.confirmed_at < incident.shield.since:
        return []
    times = [each.finished_at for each in outcomes if incident.shield.covers(each)]
    if not times:
        return []
    gap_since = runs.last_success_at or runs.awaiting_since or min(times)
    return [(incident.id, incident.organization_id, person, min(times), max(times), gap_since)]

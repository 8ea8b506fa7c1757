"""Keeping the counts that incidents are found by short, and turning old ones into the baseline."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from monitoring.incidents.pulses import HORIZON, minute_of
from monitoring.incidents.windows import USUAL_DAYS

# Below this many rows a sum is as fast as a look-up.
ENOUGH_TO_COMPACT = 5_000
MANY_ROWS = 8

# Failures that an incident explains say nothing of what is usual; it may have been found later.
AGE = """
    WITH old AS (
        DELETE FROM incidents_pulse WHERE minute < %(before)s
        RETURNING organization_id, minute, signature, attempts
    ), kept AS (
        SELECT organization_id, date_trunc('hour', minute, 'UTC') AS hour, signature,
            sum(attempts) AS attempts
        FROM old
        WHERE attempts > 0 AND signature NOT LIKE '~%%' AND NOT EXISTS (
            SELECT FROM incidents_incident AS incident
            WHERE incident.organization_id = old.organization_id AND incident.kind = 'failures'
                AND old.minute >= date_trunc('minute', incident.began_at)
                AND (incident.closed_at IS NULL OR old.minute <= incident.closed_at)
                AND split_part(old.signature, ' ', 1) = incident.provider
        )
        GROUP BY 1, 2, 3
    )
    INSERT INTO incidents_usualhour AS usual (organization_id, hour, signature, attempts)
    SELECT * FROM kept
    UNION ALL
    SELECT NULL, hour, signature, sum(attempts) FROM kept GROUP BY 2, 3
    ON CONFLICT (organization_id, hour, signature)
    DO UPDATE SET attempts = usual.attempts + excluded.attempts
"""
COMPACT = """
    WITH long AS (
        SELECT organization_id, minute, signature FROM incidents_pulse
        GROUP BY 1, 2, 3 HAVING count(*) >= %s
    ), taken AS (
        DELETE FROM incidents_pulse
        WHERE id IN (
            SELECT id FROM incidents_pulse JOIN long USING (organization_id, minute, signature)
            FOR UPDATE OF incidents_pulse SKIP LOCKED
        )
        RETURNING organization_id, minute, signature, people, attempts
    )
    INSERT INTO incidents_pulse (organization_id, minute, signature, people, attempts)
    SELECT organization_id, minute, signature, sum(people), sum(attempts) FROM taken
    GROUP BY 1, 2, 3 HAVING sum(people) <> 0 OR sum(attempts) <> 0
"""
FORGET = "DELETE FROM incidents_usualhour WHERE hour < %s"
IS_LONG = "SELECT count(*) FROM (SELECT FROM incidents_pulse LIMIT %s) AS pulses"


@transaction.atomic
def pulses_age(*, now: datetime) -> None:
    """Turn counts that no window reaches any more into the baseline, and forget the oldest."""
    with connection.cursor() as cursor:
        cursor.execute(AGE, {"before": minute_of(now - HORIZON)})
        cursor.execute(FORGET, [now - USUAL_DAYS])


@transaction.atomic
def pulses_compact(*, now: datetime) -> bool:
    """Fold rows together where there are many, once in five minutes; tell whether it did.

    Readers see the rows before or after, never between; rows written meanwhile stay as they are.
    """
    if now.minute % 5:
        return False
    with connection.cursor() as cursor:
        cursor.execute(IS_LONG, [ENOUGH_TO_COMPACT])
        if cursor.fetchone()[0] < ENOUGH_TO_COMPACT:
            return False
        cursor.execute(COMPACT, [MANY_ROWS])
        return True

"""What somebody misses whose syncing does not get through."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection

from monitoring.intake.volume import Copied, Missing, missing_estimate

# A day more than the weeks looked at, so that all of them are known who ran all the time.
# Of who is well nothing is read.
COPIED = """
    SELECT health.last_result, told.known_from, told.got_in_at, told.finished_at, told.meetings
    FROM health_health AS health
    LEFT JOIN LATERAL (
        SELECT * FROM (
            SELECT finished_at,
                coalesce((counts #>> '{google,created}')::bigint, 0)
                    + coalesce((counts #>> '{salesforce,created}')::bigint, 0) AS meetings,
                min(finished_at) OVER whole AS known_from,
                max(finished_at) FILTER (WHERE result IN ('success', 'partial')) OVER whole
                    AS got_in_at
            FROM outcomes_outcome
            WHERE person_id = health.person_id AND organization_id = health.organization_id
                AND finished_at > health.last_success_at - interval '29 days'
                AND finished_at <= %(now)s
            WINDOW whole AS ()
        ) AS ran
        WHERE meetings > 0 OR finished_at = got_in_at
    ) AS told ON true
    WHERE health.person_id = %(person)s AND health.organization_id = %(organization)s
        AND health.status <> 'healthy' AND health.last_success_at IS NOT NULL
    ORDER BY told.finished_at
"""


def missing_of(organization_id: int, person_id: int, now: datetime) -> Missing | None:
    """Return what is missing of a person; None for who is well, or never had a good run.

    One statement, over the runs since four weeks before the last good one. Who is let in but not
    with everything misses single meetings, which nobody can count.
    """
    values: dict[str, Any] = {"organization": organization_id, "person": person_id, "now": now}
    with connection.cursor() as cursor:
        cursor.execute(COPIED, values)
        rows = cursor.fetchall()
    if not rows:
        return None
    last_result, known_from, got_in_at, *_ = rows[0]
    copied = [Copied(at, meetings) for *_, at, meetings in rows if meetings]
    last = copied[-1].at if copied else None
    if got_in_at is None or last_result == "partial":
        return Missing(last, None)
    estimate = missing_estimate(copied, known_from=known_from, gap_since=got_in_at, now=now)
    return Missing(last, estimate)

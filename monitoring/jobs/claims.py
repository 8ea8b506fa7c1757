"""Claiming queued jobs, and keeping them.

Leases are by the database's clock, the only one that all hosts share: a worker whose own clock is
wrong neither loses its jobs nor keeps those of others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from monitoring.jobs.models import Lane
from monitoring.jobs.stream import GRACE

# A bulk sync that is late waits until it has been given another start.
CLAIM = f"""
    WITH picked AS (
        SELECT id FROM jobs_job
        WHERE state = 0 AND lane <= %(lane)s AND (
            start_at IS NULL OR start_at <= now() AND (
                lane <> {int(Lane.BULK)} OR start_at >= now() - make_interval(secs => {GRACE})
            )
        ) AND (lane <> {int(Lane.BULK)} OR %(bulk)s)
        ORDER BY lane, id
        LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    )
    UPDATE jobs_job AS job
    SET state = 1, token = %(token)s, started_at = now(),
        lease_until = now() + make_interval(secs => %(lease)s)
    FROM picked
    WHERE job.id = picked.id
    RETURNING job.id, job.attempt_id, job.organization_id, job.person_id, job.trigger,
        EXISTS (
            SELECT FROM health_health AS health
            WHERE health.person_id = job.person_id AND health.hold_id IS NOT NULL
        ), job.lane
"""  # noqa: S608 - made of constants
# Of jobs made together the first id starts first, so the first that may not start yet is the next.
NEXT_START = """
    SELECT extract(epoch FROM start_at - now())::float8 FROM jobs_job
    WHERE state = 0 AND lane <= %s AND start_at > now() ORDER BY lane, id LIMIT 1
"""
RENEW = """
    WITH locked AS (
        SELECT job.id FROM jobs_job AS job
        JOIN unnest(%(people)s::bigint[], %(attempts)s::uuid[]) AS mine (person_id, attempt_id)
            USING (person_id, attempt_id)
        WHERE job.token = %(token)s AND job.state = 1
        ORDER BY job.person_id
        FOR UPDATE OF job
    )
    UPDATE jobs_job AS job SET lease_until = now() + make_interval(secs => %(lease)s)
    FROM locked WHERE job.id = locked.id
    RETURNING job.attempt_id
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that is ours until its lease ends. `held`: the person must not sync now."""

    attempt_id: UUID
    organization_id: int
    person_id: int
    trigger: str
    held: bool
    lane: int


def jobs_claim(
    *, lane: Lane, limit: int, token: UUID, lease: float, bulk: bool = True
) -> list[Claim]:
    """Claim up to `limit` queued jobs of the lanes up to `lane`, lowest lane and oldest first.

    `lease` is in seconds; without `bulk`, what admins asked for in bulk is left. No two callers
    ever get the same job.
    """
    with connection.cursor() as cursor:
        values: dict[str, Any] = {
            "lane": lane,
            "limit": limit,
            "token": token,
            "lease": lease,
            "bulk": bulk,
        }
        cursor.execute(CLAIM, values)
        rows = sorted(cursor.fetchall(), key=lambda row: (row[-1], row[0]))
        return [Claim(*row[1:]) for row in rows]


def seconds_to_next_start(lane: Lane) -> float | None:
    """Return in how many seconds a queued job of the lanes up to `lane` may be claimed.

    None where no job waits for its time.
    """
    with connection.cursor() as cursor:
        cursor.execute(NEXT_START, [lane])
        row = cursor.fetchone()
        return None if row is None else row[0]


def jobs_renew(*, token: UUID, attempts: Mapping[UUID, int], lease: float) -> set[UUID]:
    """Lengthen the leases of jobs at work, person by attempt, to `lease` seconds from now.

    Returns the attempts renewed; the others have been taken by the reaper meanwhile.
    """
    values: dict[str, Any] = {
        "attempts": list(attempts),
        "people": list(attempts.values()),
        "token": token,
        "lease": lease,
    }
    with connection.cursor() as cursor:
        cursor.execute(RENEW, values)
        return {attempt_id for (attempt_id,) in cursor.fetchall()}

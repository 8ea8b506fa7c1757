"""Claiming queued jobs, and keeping them.

Leases are by the database's clock, the only one that all hosts share: a worker whose own clock is
wrong neither loses its jobs nor keeps those of others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from monitoring.jobs.models import Lane

CLAIM = """
    WITH picked AS (
        SELECT id FROM jobs_job
        WHERE state = 0 AND lane <= %(lane)s
        ORDER BY lane, id
        LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    )
    UPDATE jobs_job AS job
    SET state = 1, token = %(token)s, started_at = now(),
        lease_until = now() + make_interval(secs => %(lease)s)
    FROM picked
    WHERE job.id = picked.id
    RETURNING job.lane, job.id, job.attempt_id, job.organization_id, job.person_id, job.trigger,
        EXISTS (
            SELECT FROM health_health AS health
            WHERE health.person_id = job.person_id AND health.hold_id IS NOT NULL
        )
"""
RENEW = """
    UPDATE jobs_job SET lease_until = now() + make_interval(secs => %(lease)s)
    WHERE attempt_id = ANY(%(attempts)s) AND token = %(token)s AND state = 1
    RETURNING attempt_id
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that is ours until its lease ends. `held`: the person must not sync now."""

    attempt_id: UUID
    organization_id: int
    person_id: int
    trigger: str
    held: bool


def jobs_claim(*, lane: Lane, limit: int, token: UUID, lease: float) -> list[Claim]:
    """Claim up to `limit` queued jobs of the lanes up to `lane`, lowest lane and oldest first.

    `lease` is in seconds. No two callers ever get the same job.
    """
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, {"lane": lane, "limit": limit, "token": token, "lease": lease})
        return [Claim(*row[2:]) for row in sorted(cursor.fetchall(), key=lambda row: row[:2])]


def jobs_renew(*, token: UUID, attempts: Iterable[UUID], lease: float) -> set[UUID]:
    """Lengthen the leases of jobs at work to `lease` seconds from now.

    Returns those renewed; the others have been taken by the reaper meanwhile.
    """
    with connection.cursor() as cursor:
        cursor.execute(RENEW, {"attempts": list(attempts), "token": token, "lease": lease})
        return {attempt_id for (attempt_id,) in cursor.fetchall()}

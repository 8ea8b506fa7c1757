"""The reaper: jobs whose lease ran out are recorded as lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from django.db import connection, transaction

from monitoring.intake.record import ReportedOutcome
from monitoring.jobs.closing import jobs_close
from monitoring.jobs.models import Lane
from monitoring.jobs.queue import jobs_request
from monitoring.outcomes.models import Result, Trigger

# Taking a job is writing our own token into it: from then on its worker's close finds no row.
TAKE = """
    WITH expired AS (
        SELECT id, state FROM jobs_job
        WHERE lease_until < now()
        ORDER BY lease_until
        LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    )
    UPDATE jobs_job AS job SET state = 1, token = %(token)s
    FROM expired
    WHERE job.id = expired.id
    RETURNING job.attempt_id, job.organization_id, job.person_id, job.trigger, job.lane,
        coalesce(job.started_at, job.created_at), expired.state = 0
"""


@dataclass(frozen=True, slots=True)
class Expired:
    """A job nobody works at any more, or nobody ever took (`unstarted`)."""

    attempt_id: UUID
    organization_id: int
    person_id: int
    trigger: str
    lane: int
    begun_at: datetime
    unstarted: bool


@dataclass(frozen=True, slots=True)
class Reaped:
    """How many jobs were lost at work, lost in the queue, and queued again for an admin."""

    running: int = 0
    unstarted: int = 0
    again: int = 0

    def __add__(self, other: Reaped) -> Reaped:
        return Reaped(
            self.running + other.running,
            self.unstarted + other.unstarted,
            self.again + other.again,
        )


def may_reap(
    *, now: datetime, server_started_at: datetime, reconnected_at: datetime | None, lease: float
) -> bool:
    """Tell whether leases can be trusted: the database was there for one whole lease.

    Workers that could not reach it hold true outcomes, and get that long to deliver them.
    """
    since = max(server_started_at, reconnected_at or server_started_at)
    return (now - since).total_seconds() > lease


def lost_outcome(job: Expired, now: datetime) -> ReportedOutcome:
    return ReportedOutcome(
        attempt_id=job.attempt_id,
        organization_id=job.organization_id,
        person_id=job.person_id,
        trigger=job.trigger,
        started_at=job.begun_at,
        finished_at=max(now, job.begun_at),
        result=Result.LOST,
        error=None,
        counts=None,
    )


def wants_again(job: Expired) -> bool:
    """An admin's lost job is tried again at once, but once: it may be what kills its workers."""
    return job.lane == Lane.ADMIN and job.trigger != Trigger.RETRY


def jobs_reap(*, now: datetime, limit: int = 1_000) -> Reaped:
    """Record up to `limit` expired jobs as lost and queue again what admins asked for."""
    token = uuid4()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(TAKE, {"limit": limit, "token": token})
            expired = [Expired(*row) for row in cursor.fetchall()]
        closed = jobs_close(
            token=token, outcomes=[lost_outcome(job, now) for job in expired], now=now
        )
        again = [job.person_id for job in expired if wants_again(job)]
        if again:
            jobs_request(people=again, now=now, trigger=Trigger.RETRY)
    unstarted = sum(job.unstarted for job in expired)
    return Reaped(len(closed) - unstarted, unstarted, len(again))

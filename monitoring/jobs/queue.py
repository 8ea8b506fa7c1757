"""Putting work into the queue: what admins ask for, and what is due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from accounts.models import Person
from monitoring.health.models import Policy
from monitoring.incidents.recovery import Pace
from monitoring.jobs.models import Job, Lane
from monitoring.jobs.stream import GRACE
from monitoring.outcomes.models import Trigger

DEFAULT_INTERVAL = Policy._meta.get_field("base_interval").default

REQUEST = """
    INSERT INTO jobs_job AS job (
        attempt_id, organization_id, person_id, trigger, lane, state, due_at, created_at,
        lease_until
    )
    SELECT uuid7_at(%(now)s), health.organization_id, health.person_id, %(trigger)s, %(lane)s, 0,
        %(now)s, %(now)s,
        now() + make_interval(
            secs => coalesce(health.own_interval, policy.base_interval, %(wait)s)
        )
    FROM health_health AS health
    LEFT JOIN health_policy AS policy USING (organization_id)
    WHERE health.person_id = ANY(%(people)s)
    ORDER BY health.person_id
    ON CONFLICT (person_id) DO UPDATE
    SET lane = excluded.lane, start_at = NULL, again = job.again OR job.state = 1 AND %(again)s,
        trigger = CASE WHEN job.state = 0 THEN excluded.trigger ELSE job.trigger END
    RETURNING job.id
"""

# Who has a queued job keeps it in the better of the two lanes; where that waits for no start still
# to come, it starts in its turn of the stream. Who is being synced is only looked at: their worker
# must not have to wait until all this is committed.
BULK = f"""
    WITH running AS (
        SELECT person_id, attempt_id FROM jobs_job
        WHERE person_id = ANY(%(people)s) AND state = 1
    ), queued AS (
        INSERT INTO jobs_job AS job (
            attempt_id, organization_id, person_id, trigger, lane, state, due_at, created_at,
            lease_until, start_at
        )
        SELECT uuid7_at(%(now)s), health.organization_id, health.person_id, %(trigger)s, %(lane)s,
            0, %(now)s, %(now)s, now() + make_interval(
                secs => coalesce(health.own_interval, policy.base_interval, %(wait)s)
                    + start.seconds
            ),
            now() + make_interval(secs => start.seconds)
        FROM unnest(%(people)s::bigint[], %(waits)s::float8[]) AS start (person_id, seconds)
        JOIN health_health AS health USING (person_id)
        LEFT JOIN health_policy AS policy USING (organization_id)
        WHERE NOT EXISTS (SELECT FROM running WHERE running.person_id = start.person_id)
        ORDER BY health.person_id
        ON CONFLICT (person_id) DO UPDATE
        SET lane = least(job.lane, excluded.lane),
            start_at = CASE WHEN job.lane <= excluded.lane
                    OR job.start_at >= now() - make_interval(secs => {GRACE})
                THEN job.start_at ELSE excluded.start_at END,
            trigger = CASE WHEN job.state = 0 THEN excluded.trigger ELSE job.trigger END
        RETURNING job.person_id, job.attempt_id
    )
    SELECT person_id, attempt_id FROM running UNION ALL SELECT person_id, attempt_id FROM queued
"""  # noqa: S608 - made of constants
# Whoever asks before this is committed finds the queued ones locked, so these are all there are.
AGAIN = """
    UPDATE jobs_job SET again = true WHERE id IN (
        SELECT id FROM jobs_job WHERE person_id = ANY(%(people)s) AND state = 1
        ORDER BY person_id FOR UPDATE
    )
"""
LAST_START = """
    SELECT extract(epoch FROM max(start_at) - now())::float8 FROM jobs_job
    WHERE state = 0 AND lane = %(lane)s AND organization_id = %(organization)s
"""

RECOVER = """
    INSERT INTO jobs_job (
        attempt_id, organization_id, person_id, trigger, lane, state, due_at, created_at,
        lease_until, start_at
    )
    SELECT uuid7_at(%(now)s), health.organization_id, health.person_id, %(trigger)s, %(lane)s, 0,
        %(now)s, %(now)s,
        now() + make_interval(
            secs => coalesce(health.own_interval, policy.base_interval, %(wait)s)
        ),
        now() + make_interval(secs => start.seconds)
    FROM unnest(%(people)s::bigint[], %(waits)s::float8[]) AS start (person_id, seconds)
    JOIN health_health AS health USING (person_id)
    LEFT JOIN health_policy AS policy USING (organization_id)
    WHERE NOT EXISTS (SELECT FROM jobs_job AS open WHERE open.person_id = health.person_id)
    ORDER BY start.seconds
    ON CONFLICT (person_id) DO NOTHING
"""

# Who adds jobs of many people keeps to an order of their own: those asked for by person, those due
# by how long they wait. So what is due, or to recover, is added by one at a time, and while nobody
# adds many that were asked for; those may add beside each other. Always taken before health rows.
LOCK = 7_203_552
ALONE = f"SELECT pg_advisory_xact_lock({LOCK})"
BESIDE = f"SELECT pg_advisory_xact_lock_shared({LOCK})"

# The planner, going by how many may be due, would read all people's rows; few ever are, and their
# indexes lead to them.
BY_INDEX = """
    SET LOCAL enable_seqscan = off;
    SET LOCAL enable_hashjoin = off;
    SET LOCAL enable_mergejoin = off
"""

# Up to so many due people of one organization start evenly over a tick, as far apart as in a
# recovery where they fit, so that its providers see a steady stream; more than that are spread by
# their number anyway.
PACED = 250
APART = 1 / Pace().people_per_second

# Oldest first, so that ids, and with them the order of work, follow the longest gap. Who has an
# open job is moved but gets no second; asking beforehand also keeps this statement from waiting
# for a worker that is closing that job and itself waits for the person's row.
DISPATCH = """
    WITH due AS (
        SELECT person_id, next_due FROM health_health
        WHERE runs_here AND hold_id IS NULL AND next_due <= %(now)s
            AND (not_before IS NULL OR not_before <= %(now)s)
        ORDER BY next_due
        LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    ), moved AS (
        UPDATE health_health AS health
        SET next_due = %(now)s + make_interval(secs => health.interval)
        FROM due
        WHERE health.person_id = due.person_id
        RETURNING health.person_id, health.organization_id, health.failures, health.own_interval,
            due.next_due AS due_at
    ), ranked AS (
        SELECT *,
            row_number() OVER (PARTITION BY organization_id ORDER BY due_at) - 1 AS place,
            count(*) OVER (PARTITION BY organization_id) AS together
        FROM moved
    ), made AS (
        INSERT INTO jobs_job (
            attempt_id, organization_id, person_id, trigger, lane, state, due_at, created_at,
            lease_until, start_at
        )
        SELECT uuid7_at(%(now)s), organization_id, person_id,
            CASE WHEN failures > 0 THEN 'retry' ELSE 'schedule' END,
            CASE WHEN failures > 0 THEN %(retry)s ELSE %(schedule)s END,
            0, due_at, %(now)s,
            now() + make_interval(
                secs => coalesce(moved.own_interval, policy.base_interval, %(wait)s)
            ),
            CASE WHEN place > 0 AND together <= %(paced)s THEN now()
                + make_interval(secs => place * least(%(apart)s::float8, %(span)s / together)) END
        FROM ranked AS moved
        LEFT JOIN health_policy AS policy USING (organization_id)
        WHERE NOT EXISTS (SELECT FROM jobs_job AS open WHERE open.person_id = moved.person_id)
        ORDER BY due_at
        ON CONFLICT (person_id) DO NOTHING
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM moved), (SELECT count(*) FROM made)
"""


def job_request(*, person: Person, now: datetime, again: bool = False) -> Job:
    """Queue a sync of the person in the admin's lane, ahead of all periodic work; return its job.

    A queued job is moved forward; a running one is returned as it is, for it is the sync asked for.
    With `again` it is not, because it began too early: another then follows it. Runs in the
    caller's transaction, who rings the doorbell after it (`monitoring.jobs.doorbell`).
    """
    (job_id,) = jobs_request(people=[person.pk], now=now, again=again)
    return Job.objects.get(pk=job_id)


def jobs_request(
    *, people: list[int], now: datetime, trigger: Trigger = Trigger.ADMIN, again: bool = False
) -> list[int]:
    """Do for many people, given by id, what `job_request` does for one; return the jobs' ids."""
    with connection.cursor() as cursor:
        cursor.execute(
            REQUEST,
            {
                "now": now,
                "people": people,
                "trigger": trigger,
                "lane": Lane.ADMIN,
                "wait": DEFAULT_INTERVAL,
                "again": again,
            },
        )
        return [job_id for (job_id,) in cursor.fetchall()]


def jobs_bulk(
    *, starts: Sequence[tuple[int, float]], now: datetime, again: bool = False
) -> dict[int, UUID]:
    """Queue a sync of people, given by id, each to start in so many seconds.

    Returns the attempts by person; who has an open job is synced by that, and with `again`, where
    it runs already, by one more that follows it. Runs in the caller's transaction.
    """
    values = {
        "now": now,
        "people": [person for person, _ in starts],
        "waits": [seconds for _, seconds in starts],
        "trigger": Trigger.ADMIN,
        "lane": Lane.BULK,
        "wait": DEFAULT_INTERVAL,
    }
    with connection.cursor() as cursor:
        if len(starts) > 1:
            cursor.execute(BESIDE)
        if again:
            # Before, so that none ends meanwhile unfollowed, and after for those begun meanwhile.
            cursor.execute(AGAIN, values)
        cursor.execute(BULK, values)
        found = dict(cursor.fetchall())
        if again:
            cursor.execute(AGAIN, values)
        return found


def seconds_to_last_start(*, organization_id: int, lane: Lane) -> float | None:
    """Return in how many seconds the last queued job of an organization in a lane starts.

    None where none waits for its start; below zero where it could have started.
    """
    with connection.cursor() as cursor:
        cursor.execute(LAST_START, {"lane": lane, "organization": organization_id})
        (seconds,) = cursor.fetchone()
        return seconds


def jobs_recover(*, starts: Sequence[tuple[int, datetime]], now: datetime) -> int:
    """Queue a sync of people, given by id, each to start at a moment; return how many are new.

    Who has an open job keeps it. Runs in the caller's transaction.
    """
    values = {
        "now": now,
        "people": [person for person, _ in starts],
        "waits": [(at - now).total_seconds() for _, at in starts],
        "trigger": Trigger.RECOVERY,
        "lane": Lane.RECOVERY,
        "wait": DEFAULT_INTERVAL,
    }
    with connection.cursor() as cursor:
        cursor.execute(ALONE)
        cursor.execute(RECOVER, values)
        return cursor.rowcount


def jobs_dispatch(*, now: datetime, limit: int) -> tuple[int, int]:
    """Queue a job for up to `limit` people who are due and move their next time by their interval.

    Who is held or runs elsewhere is left alone. People of one organization start one after the
    other, two seconds apart where that fits into a tick. Returns how many were moved and how
    many jobs made; they differ by those who had an open job.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"{BY_INDEX}; {ALONE}")
        cursor.execute(DISPATCH, dispatch_values(now, limit))
        moved, made = cursor.fetchone()
        return moved, made


def dispatch_values(now: datetime, limit: int) -> dict[str, Any]:
    """Return the parameters of DISPATCH."""
    return {
        "now": now,
        "limit": limit,
        "retry": Lane.RETRY,
        "schedule": Lane.SCHEDULE,
        "wait": DEFAULT_INTERVAL,
        "paced": PACED,
        "apart": APART,
        "span": settings.TICK_SECONDS * 0.8,
    }

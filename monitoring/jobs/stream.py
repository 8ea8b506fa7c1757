"""The stream of syncs that admins asked for, for many people of an organization.

One starts after the other, ACTION_PEOPLE_PER_SECOND of them, however many were asked for and by how
many. What could not start in its time, because no worker or no database was there, is not claimed
all at once: it starts anew, at the same pace.
"""

from __future__ import annotations

from django.conf import settings
from django.db import connection, transaction

from monitoring.jobs.models import Lane

# The first of two numbers, the second being the organization's, among the advisory locks.
LOCK = 743_012_604
ENTER = "SELECT pg_advisory_xact_lock(%s, %s)"
# Seconds. So late may a job be claimed; later than that, it has to be given another start first.
GRACE = 10
OVERDUE = f"""
    state = 0 AND lane = {int(Lane.BULK)} AND start_at < now() - make_interval(secs => {GRACE})
"""
STALLED = f"SELECT DISTINCT organization_id FROM jobs_job WHERE {OVERDUE} ORDER BY 1"  # noqa: S608
# No start is moved to the front, none is before now, and none is closer than `apart` to another.
START_ANEW = f"""
    WITH queued AS (
        SELECT id, row_number() OVER stream AS place,
            extract(epoch FROM greatest(start_at - now(), interval '0'))::float8 AS seconds
        FROM jobs_job
        WHERE state = 0 AND lane = {int(Lane.BULK)} AND organization_id = %(organization)s
            AND start_at IS NOT NULL AND EXISTS (
                SELECT FROM jobs_job WHERE {OVERDUE} AND organization_id = %(organization)s
            )
        WINDOW stream AS (ORDER BY start_at, id)
    ), moved AS (
        SELECT id, place * %(apart)s::float8
            + max(seconds - place * %(apart)s::float8) OVER (ORDER BY place) AS seconds
        FROM queued
    )
    UPDATE jobs_job AS job SET start_at = now() + make_interval(secs => moved.seconds)
    FROM moved WHERE job.id = moved.id AND job.state = 0
"""  # noqa: S608 - made of constants


def stream_enter(organization_id: int) -> None:
    """Have an organization's stream to oneself until the transaction ends, and mend it.

    Whoever adds to it has to. Taken before any lock of a job.
    """
    values = {"organization": organization_id, "apart": 1 / settings.ACTION_PEOPLE_PER_SECOND}
    with connection.cursor() as cursor:
        cursor.execute(ENTER, [LOCK, organization_id])
        cursor.execute(START_ANEW, values)


def streams_mend() -> int:
    """Give those another start who could not be synced in their time; return of how many streams.

    For the tick: nobody else may ever come by.
    """
    with connection.cursor() as cursor:
        cursor.execute(STALLED)
        stalled = [organization_id for (organization_id,) in cursor.fetchall()]
    for organization_id in stalled:
        with transaction.atomic():
            stream_enter(organization_id)
    return len(stalled)

"""Putting work into the queue."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from accounts.models import Person
from monitoring.jobs.models import Job, Lane

REQUEST = """
    INSERT INTO jobs_job (attempt_id, organization_id, person_id, trigger, lane, state, due_at, created_at)
    VALUES (uuid7_at(%(now)s), %(organization)s, %(person)s, 'admin', %(lane)s, 0, %(now)s, %(now)s)
    ON CONFLICT (person_id) DO UPDATE
    SET lane = excluded.lane,
        trigger = CASE WHEN jobs_job.state = 0 THEN excluded.trigger ELSE jobs_job.trigger END
    RETURNING id
"""


def job_request(*, person: Person, now: datetime) -> Job:
    """Queue a sync of the person in the admin's lane, ahead of all periodic work; return its job.

    A queued job is moved forward; a running one is returned as it is, for it is the sync asked for.
    Runs in the caller's transaction, who rings the doorbell after commit (`monitoring.jobs.doorbell`).
    """
    with connection.cursor() as cursor:
        cursor.execute(
            REQUEST,
            {
                "now": now,
                "organization": person.organization_id,
                "person": person.pk,
                "lane": Lane.ADMIN,
            },
        )
        (job_id,) = cursor.fetchone()
    return Job.objects.get(pk=job_id)

"""Closing jobs: the row goes and its outcome comes, together or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from monitoring.intake.record import ReportedOutcome, outcomes_record
from monitoring.jobs.doorbell import ring
from monitoring.jobs.models import Lane
from monitoring.jobs.queue import jobs_request

# Many jobs are locked in the order of their people, by all who may have to wait for one.
CLOSE = """
    WITH locked AS (
        SELECT job.id FROM jobs_job AS job
        JOIN unnest(%(people)s::bigint[], %(attempts)s::uuid[]) AS mine (person_id, attempt_id)
            USING (person_id, attempt_id)
        WHERE job.token = %(token)s AND job.state = 1
        ORDER BY job.person_id
        FOR UPDATE OF job
    )
    DELETE FROM jobs_job AS job USING locked WHERE job.id = locked.id
    RETURNING job.attempt_id, job.person_id, job.again
"""


def jobs_close(*, token: UUID, outcomes: Sequence[ReportedOutcome], now: datetime) -> set[UUID]:
    """Close the jobs that are still ours and record exactly their outcomes; return which.

    A late or repeated call, or one with another worker's token, finds no row and records nothing.
    What was asked for again while it ran is queued again.
    """
    with transaction.atomic():
        rows = _remove(token, {outcome.attempt_id: outcome.person_id for outcome in outcomes})
        closed = {attempt for attempt, _, _ in rows}
        mine = [outcome for outcome in outcomes if outcome.attempt_id in closed]
        if mine:
            outcomes_record(mine, now=now)
        again = [person for _, person, is_wanted in rows if is_wanted]
        if again:
            jobs_request(people=again, now=now)
            ring(Lane.ADMIN)
    return closed


def jobs_withdraw(*, token: UUID, attempts: Mapping[UUID, int]) -> set[UUID]:
    """Take back claimed jobs that were not begun, person by attempt, without an outcome.

    Returns the attempts taken back.
    """
    return {attempt for attempt, _, _ in _remove(token, attempts)}


def _remove(token: UUID, attempts: Mapping[UUID, int]) -> list[tuple[UUID, int, bool]]:
    people = list(attempts.values())
    with connection.cursor() as cursor:
        cursor.execute(CLOSE, {"attempts": list(attempts), "people": people, "token": token})
        return cursor.fetchall()

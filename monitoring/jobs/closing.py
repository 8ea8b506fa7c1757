"""Closing jobs: the row goes and its outcome comes, together or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from monitoring.intake.ingest import ReportedOutcome, outcomes_record

CLOSE = """
    DELETE FROM jobs_job
    WHERE attempt_id = ANY(%s) AND token = %s AND state = 1
    RETURNING attempt_id
"""


def jobs_close(*, token: UUID, outcomes: Sequence[ReportedOutcome], now: datetime) -> set[UUID]:
    """Close the jobs that are still ours and record exactly their outcomes; return which.

    A late or repeated call, or one with another worker's token, finds no row and records nothing.
    """
    with transaction.atomic():
        closed = _remove(token, [outcome.attempt_id for outcome in outcomes])
        mine = [outcome for outcome in outcomes if outcome.attempt_id in closed]
        if mine:
            outcomes_record(mine, now=now)
    return closed


def jobs_withdraw(*, token: UUID, attempts: Iterable[UUID]) -> set[UUID]:
    """Take back claimed jobs that were not begun, without an outcome; return which."""
    return _remove(token, list(attempts))


def _remove(token: UUID, attempts: list[UUID]) -> set[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(CLOSE, [attempts, token])
        return {attempt_id for (attempt_id,) in cursor.fetchall()}

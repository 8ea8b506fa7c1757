"""Forgetting browsers' sessions that are over: visitors without a login leave one each."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from monitoring.jobs.doorbell import ring_task

WORK = "monitoring.console.sessions.sessions_forget"
# A session that is over opens nothing, so all of an hour are forgotten together.
OVER_FOR = timedelta(hours=1)
AT_ONCE = 10_000
FORGET = """
    DELETE FROM django_session
    WHERE session_key IN (
        SELECT session_key FROM django_session
        WHERE expire_date < %s ORDER BY expire_date LIMIT %s
    )
"""


def sessions_wait() -> bool:
    """Tell whether sessions are to be forgotten, by one look into an index."""
    return Session.objects.filter(expire_date__lt=timezone.now() - OVER_FOR).exists()


def sessions_ring() -> None:
    ring_task(WORK)


def sessions_forget() -> None:
    """Forget the sessions that are over, those of the longest first. A queue task."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET, [timezone.now(), AT_ONCE])

"""Signs of life, by the database's clock."""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models.functions import Now

from monitoring.jobs.models import Lane, WorkerBeat

WORKER_BEAT = """
    INSERT INTO jobs_workerbeat (worker, host, lane, at, in_flight)
    VALUES (%(worker)s, %(host)s, %(lane)s, now(), %(in_flight)s)
    ON CONFLICT (worker) DO UPDATE
    SET lane = excluded.lane, at = excluded.at, in_flight = excluded.in_flight
"""
TICK_BEAT = """
    INSERT INTO jobs_tickbeat AS beat (id, at, failed_steps, failing_since)
    VALUES (1, now(), %(steps)s, CASE WHEN %(steps)s <> '' THEN now() END)
    ON CONFLICT (id) DO UPDATE
    SET at = excluded.at, failed_steps = excluded.failed_steps, failing_since = CASE
        WHEN excluded.failed_steps <> '' THEN coalesce(beat.failing_since, excluded.failing_since)
    END
"""
FORGET = "DELETE FROM jobs_workerbeat WHERE at < now() - interval '1 day'"


def host_name() -> str:
    return socket.gethostname()[:100]


def worker_beat(*, lane: Lane, in_flight: int) -> None:
    """Write that this process is alive and how many passes it has in flight."""
    host = host_name()
    values: dict[str, Any] = {
        "worker": f"{host}:{os.getpid()}",
        "host": host,
        "lane": lane,
        "in_flight": in_flight,
    }
    with connection.cursor() as cursor:
        cursor.execute(WORKER_BEAT, values)


def is_worker_seen(*, within: timedelta) -> bool:
    """Tell whether a worker of the main cluster has been at work within that time."""
    return WorkerBeat.objects.filter(lane=Lane.SCHEDULE, at__gt=Now() - within).exists()


def tick_beat(*, failed_steps: str) -> None:
    """Write that the tick has worked."""
    with connection.cursor() as cursor:
        cursor.execute(TICK_BEAT, {"steps": failed_steps[:200]})


def worker_beats_forget() -> None:
    """Drop the beats of processes that are long gone."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET)

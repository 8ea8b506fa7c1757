"""How the queue stands: for `/readyz`, `/metrics` and the probe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection

from monitoring.jobs.models import Lane

# A count is exact up to here; what is beyond is "at least".
COUNTED = 100_000

# The first queued job of each lane is its oldest, so a look-up a lane finds the oldest of all.
QUEUE = """
    SELECT
        (SELECT extract(epoch FROM now() - at)::float8 FROM jobs_tickbeat),
        (SELECT failed_steps FROM jobs_tickbeat),
        (SELECT count(*) FROM (SELECT FROM jobs_job WHERE state = 0 LIMIT %(counted)s) AS queued),
        (SELECT count(*) FROM (SELECT FROM jobs_job WHERE state = 1 LIMIT %(counted)s) AS running),
        (
            SELECT extract(epoch FROM now() - min(oldest.created_at))::float8
            FROM unnest(%(lanes)s::smallint[]) AS lanes (lane), LATERAL (
                SELECT created_at FROM jobs_job
                WHERE state = 0 AND jobs_job.lane = lanes.lane ORDER BY id LIMIT 1
            ) AS oldest
        )
"""
WORKERS = """
    SELECT worker, host, lane, in_flight, extract(epoch FROM now() - at)::float8
    FROM jobs_workerbeat ORDER BY at DESC, worker LIMIT 500
"""


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """One worker process: the highest lane it serves, passes in flight, seconds since its beat.

    Workers beat while they work; an idle one grows old, and that alone means nothing.
    """

    worker: str
    host: str
    lane: int
    in_flight: int
    age: float


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """The queue at one moment. Ages are in seconds, None where there is nothing to be old."""

    tick_age: float | None
    failed_steps: str
    queued: int
    running: int
    oldest_queued_age: float | None
    workers: tuple[WorkerFacts, ...]


def queue_facts(up_to: Lane = Lane.SCHEDULE) -> QueueFacts:
    """Return how the queue stands, in two short queries; ages of the lanes up to the given one.

    `queued` and `running` count up to 100,000. Raises OperationalError without a database.
    """
    lanes = [lane.value for lane in Lane if lane <= up_to]
    with connection.cursor() as cursor:
        cursor.execute(QUEUE, {"counted": COUNTED, "lanes": lanes})
        tick_age, failed_steps, queued, running, oldest_queued_age = cursor.fetchone()
        cursor.execute(WORKERS)
        workers = tuple(WorkerFacts(*row) for row in cursor.fetchall())
    return QueueFacts(tick_age, failed_steps or "", queued, running, oldest_queued_age, workers)


def queue_problems(facts: QueueFacts, *, tick_seconds: float) -> list[str]:
    """Return what keeps the queue from being ready, in plain words; empty when all is well."""
    problems = []
    if facts.tick_age is None:
        problems.append("the tick has never run")
    elif facts.tick_age > 3 * tick_seconds:
        problems.append(f"the tick last ran {facts.tick_age:.0f} s ago")
    if facts.failed_steps:
        problems.append(f"steps of the last tick failed: {facts.failed_steps}")
    if nobody_works(facts, tick_seconds):
        problems.append(f"jobs wait for {facts.oldest_queued_age:.0f} s and no worker is at work")
    return problems


def nobody_works(facts: QueueFacts, tick_seconds: float) -> bool:
    waited = facts.oldest_queued_age is not None and facts.oldest_queued_age > 2 * tick_seconds
    return waited and not any(worker.age < 2 * tick_seconds for worker in facts.workers)


def queue_object(facts: QueueFacts) -> dict[str, Any]:
    """Return the facts for a JSON answer, without the names of hosts."""
    return {
        "tick_age": facts.tick_age,
        "queued": facts.queued,
        "running": facts.running,
        "oldest_queued_age": facts.oldest_queued_age,
        "in_flight": sum(worker.in_flight for worker in facts.workers if worker.age < 60),
    }

"""Doorbells: messages that say only "there may be work".

Losing, repeating or delaying one costs time, and nothing else.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial

from django.conf import settings
from django.db import transaction
from django_q.brokers import get_broker
from django_q.tasks import async_task

from monitoring.jobs.models import Lane

logger = logging.getLogger(__name__)

DRAIN = "monitoring.jobs.drain.drain"
STATUS_POLL = "monitoring.incidents.polling.statuses_poll"
FAST = "fast"
MAIN = str(settings.Q_CLUSTER["name"])
# One doorbell for so many queued jobs; a drain works off far more if need be.
JOBS_A_DOORBELL = 200


def doorbells_needed(queued: int, slots: int) -> int:
    """Return how many drains a queue deserves: none for none, never more than can run."""
    return min(-(-queued // JOBS_A_DOORBELL), slots)


def ring(lane: Lane, count: int = 1) -> None:
    """Wake up to `count` drains for jobs of the lane, once the current transaction is committed.

    An admin's job wakes the fast cluster as well. Never raises: a doorbell that can't be rung is
    logged, and the next tick rings again.
    """
    if count > 0:
        transaction.on_commit(partial(_ring_all, lane, count))


def _ring_all(lane: Lane, count: int) -> None:
    if lane == Lane.ADMIN:
        _ring(FAST, Lane.ADMIN, 1)
    _ring(MAIN, Lane.SCHEDULE, count)


def _ring(cluster: str, lane: Lane, count: int) -> None:
    try:
        # What still waits unheard is not rung again, so a busy service does not pile up messages.
        for _ in range(count - get_broker(cluster).queue_size()):
            async_task(DRAIN, int(lane), settings.DRAIN_BUDGET, cluster=cluster)
    except Exception:  # any broker, any error: the job is safe in its table
        logger.exception("the doorbell of %s could not be rung; the next tick will", cluster)


def ring_status_poll() -> None:
    """Have the vendors' status pages asked. Never raises: the next tick rings again."""
    try:
        # Bells that nobody has heard yet are enough.
        if get_broker(MAIN).queue_size() == 0:
            async_task(STATUS_POLL, cluster=MAIN)
    except Exception:  # any broker, any error: what is due stays due
        logger.exception("the status pages could not be asked for; the next tick asks again")


def ring_task(
    task: str, *, timeout: int | None = None, cluster: str = MAIN, unheard: int | None = None
) -> None:
    """Wake a worker for a queue task, once the current transaction is committed.

    `task` is the dotted name of a function without arguments that works off a table of its own;
    how often it is rung for in one transaction is no matter. Its capability also registers a bell
    (`monitoring.jobs.bells`). `timeout` in seconds is for one that may take longer than a drain.
    The fast cluster is for what takes a second or two. Where as many bells as `unheard` wait there
    already, it is not rung. Never raises: the next tick rings again.
    """
    bell = TaskBell(task, timeout, cluster, unheard)
    if all(waiting != bell for _, waiting, *_ in transaction.get_connection().run_on_commit):
        transaction.on_commit(bell)


@dataclass(slots=True)
class TaskBell:
    task: str
    timeout: int | None
    cluster: str = MAIN
    unheard: int | None = None
    is_rung: bool = False

    def __call__(self) -> None:
        self.is_rung = True
        options = {} if self.timeout is None else {"timeout": self.timeout}
        try:
            if self.unheard is None or get_broker(self.cluster).queue_size() < self.unheard:
                async_task(self.task, cluster=self.cluster, **options)
        except Exception:  # any broker, any error: the work is safe in its table
            logger.exception("%s could not be rung for; the next tick will", self.task)

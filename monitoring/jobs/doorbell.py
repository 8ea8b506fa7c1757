"""Doorbells: messages that say only "there may be work".

Losing, repeating or delaying one costs time, and nothing else.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import OrmQ
from django_q.signing import BadSignature, SignedPackage
from django_q.tasks import async_task

from monitoring.jobs.models import Lane

logger = logging.getLogger(__name__)

DRAIN = "monitoring.jobs.drain.drain"
STATUS_POLL = "monitoring.incidents.polling.statuses_poll"
FAST = "fast"
MAIN = str(settings.Q_CLUSTER["name"])
# A queue is read no further: whatever else is rung for would wait for long in one like that.
LONGEST_QUEUE = 200
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
        for _ in range(count - unheard_bells(DRAIN, cluster)):
            async_task(DRAIN, int(lane), settings.DRAIN_BUDGET, cluster=cluster)
    except Exception:  # any broker, any error: the job is safe in its table
        logger.exception("the doorbell of %s could not be rung; the next tick will", cluster)


def ring_status_poll() -> None:
    """Have the vendors' status pages asked. Never raises: the next tick rings again."""
    try:
        if not unheard_bells(STATUS_POLL, MAIN):
            async_task(STATUS_POLL, cluster=MAIN)
    except Exception:  # any broker, any error: what is due stays due
        logger.exception("the status pages could not be asked for; the next tick asks again")


def ring_task(
    task: str, *, timeout: int | None = None, cluster: str = MAIN, unheard: int = 1
) -> None:
    """Wake a worker for a queue task, once the current transaction is committed.

    `task` is the dotted name of a function without arguments that works off a table of its own;
    how often it is rung for in one transaction is no matter. Its capability also registers a bell
    (`monitoring.jobs.bells`). `timeout` in seconds is for one that may take longer than a drain.
    The fast cluster is for what takes a second or two. Where as many bells of the task as `unheard`
    wait there already, none is added. Never raises: the next tick rings again.
    """
    bell = TaskBell(task, timeout, cluster, unheard)
    if all(waiting != bell for _, waiting, *_ in transaction.get_connection().run_on_commit):
        transaction.on_commit(bell)


@dataclass(slots=True)
class TaskBell:
    task: str
    timeout: int | None
    cluster: str = MAIN
    unheard: int = 1
    is_rung: bool = False

    def __call__(self) -> None:
        self.is_rung = True
        options = {} if self.timeout is None else {"timeout": self.timeout}
        try:
            if unheard_bells(self.task, self.cluster) < self.unheard:
                async_task(self.task, cluster=self.cluster, **options)
        except Exception:  # any broker, any error: the work is safe in its table
            logger.exception("%s could not be rung for; the next tick will", self.task)


def unheard_bells(task: str, cluster: str) -> int:
    """Return how many bells of a task wait in a cluster's queue that nobody has heard yet.

    Bells of other tasks wake nobody for this one, so they do not count; but in a queue that is
    longer than any service makes it, all do.
    """
    messages = queued_messages(cluster)
    if len(messages) == LONGEST_QUEUE:
        return LONGEST_QUEUE
    return sum(task_of(message) == task for message in messages)


def queued_messages(cluster: str) -> list[Any]:
    broker = get_broker(cluster)
    if settings.REDIS_URL:
        messages: list[Any] = broker.connection.lrange(broker.list_key, 0, LONGEST_QUEUE - 1)
        return messages
    waiting = OrmQ.objects.filter(key=broker.list_key, lock__lte=timezone.now())
    return list(waiting.values_list("payload", flat=True)[:LONGEST_QUEUE])


def task_of(message: Any) -> str:
    try:
        return str(SignedPackage.loads(message)["func"])
    except BadSignature:
        # Written under another SECRET_KEY; workers throw it away.
        return ""

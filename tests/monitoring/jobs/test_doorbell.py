from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from django_q.models import OrmQ
from django_q.signing import SignedPackage
from django_q.tasks import async_task
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from monitoring.jobs import doorbell
from monitoring.jobs.doorbell import ring, ring_task
from monitoring.jobs.models import Lane

TASK = "somewhere.working.work"


def tasks() -> list[str]:
    return [bell.task["func"] for bell in OrmQ.objects.order_by("id")]


@pytest.mark.django_db
def test_a_task_is_rung_for_once_a_transaction_and_after_its_commit(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(3):
            ring_task(TASK)
        ring_task("elsewhere.work", timeout=900)
        assert tasks() == []
    assert tasks() == [TASK, "elsewhere.work"]
    assert OrmQ.objects.last().task["timeout"] == 900


@pytest.mark.django_db(transaction=True)
def test_a_bell_in_a_part_that_is_rolled_back_silences_no_other() -> None:
    with transaction.atomic():
        with transaction.atomic():
            ring_task(TASK)
            transaction.set_rollback(True)
        ring_task(TASK)
    assert tasks() == [TASK]


@pytest.mark.django_db(transaction=True)
def test_a_task_that_cannot_be_rung_for_is_logged_and_not_raised(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr(doorbell, "async_task", unreachable)
    ring_task(TASK)
    assert "could not be rung for" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_where_enough_bells_wait_unheard_none_is_added() -> None:
    for _ in range(3):
        ring_task(TASK, cluster=doorbell.FAST, unheard=2)
        ring_task("elsewhere.work", cluster=doorbell.FAST)
    assert tasks() == [TASK, "elsewhere.work", TASK]


@pytest.mark.django_db(transaction=True)
def test_one_bell_is_enough_for_many_transactions_until_it_is_heard() -> None:
    for _ in range(3):
        ring_task(TASK)
    assert tasks() == [TASK]
    OrmQ.objects.update(lock=timezone.now() + timedelta(minutes=1))
    ring_task(TASK)
    assert tasks() == [TASK, TASK]


@pytest.mark.django_db(transaction=True)
def test_bells_of_other_tasks_keep_no_drain_from_being_rung_for() -> None:
    for number in range(40):
        async_task(f"somewhere.work{number}", cluster=doorbell.MAIN)
    ring(Lane.SCHEDULE, 16)
    ring(Lane.SCHEDULE, 16)
    doorbell.ring_status_poll()
    doorbell.ring_status_poll()
    counts = Counter(tasks())
    assert (counts[doorbell.DRAIN], counts[doorbell.STATUS_POLL]) == (16, 1)


@pytest.mark.django_db(transaction=True)
def test_a_queue_that_nobody_works_off_does_not_grow_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doorbell, "LONGEST_QUEUE", 3)
    for _ in range(3):
        async_task("elsewhere.work", cluster=doorbell.MAIN)
    ring_task(TASK)
    ring(Lane.SCHEDULE, 2)
    assert len(tasks()) == 3


@pytest.mark.django_db(transaction=True)
def test_a_bell_that_cannot_be_read_counts_for_nothing() -> None:
    ring_task(TASK)
    OrmQ.objects.update(payload="written:under:another-key")
    ring_task(TASK)
    assert OrmQ.objects.count() == 2


def test_redis_is_asked_for_what_waits(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.REDIS_URL = "redis://broker"
    waiting = [SignedPackage.dumps({"func": func}).encode() for func in (TASK, "elsewhere.work")]

    class Broker:
        list_key = "django_q:synccenter:q"

        @property
        def connection(self) -> Broker:
            return self

        def lrange(self, key: str, first: int, last: int) -> list[bytes]:
            assert key == self.list_key
            return waiting[first : last + 1]

    monkeypatch.setattr(doorbell, "get_broker", lambda cluster: Broker())
    assert doorbell.unheard_bells(TASK, doorbell.MAIN) == 1
    monkeypatch.setattr(doorbell, "LONGEST_QUEUE", 2)
    assert doorbell.unheard_bells(TASK, doorbell.MAIN) == 2

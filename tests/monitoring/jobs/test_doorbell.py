from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from django_q.models import OrmQ
from pytest_django import DjangoCaptureOnCommitCallbacks

from monitoring.jobs import doorbell
from monitoring.jobs.doorbell import ring_task

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
        ring_task("elsewhere.work", unheard=1)
    assert sorted(tasks()) == sorted([TASK, TASK, "elsewhere.work"])

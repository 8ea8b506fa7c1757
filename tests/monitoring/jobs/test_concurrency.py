"""Many jobs at once from several sides: nobody waits for anybody in a circle."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from threading import Thread
from time import sleep
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction

from accounts.models import Person
from monitoring.jobs.claims import jobs_renew
from monitoring.jobs.closing import jobs_withdraw
from monitoring.jobs.models import Job, JobState
from monitoring.jobs.queue import jobs_bulk, jobs_dispatch, jobs_recover, jobs_request
from tests.factories import NOW, make_organization
from tests.monitoring.health.test_concurrency import begin
from tests.monitoring.jobs.makers import make_due_person, make_job

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = uuid4()
WAITING = """
    SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE NOT granted AND datname = current_database()
"""


def wait_for_waiting(number: int) -> None:
    """Return when so many connections wait for a lock."""
    for _ in range(1_000):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(WAITING)
            if cursor.fetchone()[0] >= number:
                return
        sleep(0.01)
    raise AssertionError(f"{number} do not wait")


@contextmanager
def in_turn(*works: Callable[[], Any]) -> Iterator[None]:
    """Have all wait for a row that the block locks, the next when the one before waits.

    What the block did is rolled back. None of them may fail.
    """
    raised: list[Exception] = []
    threads: list[Thread] = []
    with transaction.atomic():
        yield
        for number, work in enumerate(works, start=1):
            threads.append(begin(work, raised))
            wait_for_waiting(number)
        transaction.set_rollback(True)
    for thread in threads:
        thread.join(30)
    assert raised == []


@pytest.fixture
def people() -> list[Person]:
    """Three who are due, the last the longest."""
    organization = make_organization()
    return [make_due_person(organization, late=timedelta(minutes=late)) for late in range(3)]


def bulk(people: list[Person]) -> None:
    with transaction.atomic():
        jobs_bulk(starts=[(person.pk, 0.0) for person in people], now=NOW)


def recover(people: list[Person]) -> None:
    with transaction.atomic():
        starts = [(person.pk, NOW + timedelta(seconds=n)) for n, person in enumerate(people)]
        jobs_recover(starts=starts, now=NOW)


def dispatch() -> None:
    jobs_dispatch(now=NOW, limit=10)


def test_many_asked_for_while_many_are_due(people: list[Person]) -> None:
    with in_turn(lambda: bulk(people), dispatch):
        make_job(people[1])
    assert Job.objects.count() == 3


@pytest.fixture
def jobs(people: list[Person]) -> Mapping[UUID, int]:
    """Jobs at work, made in another order than that of their people."""
    options = {"state": JobState.RUNNING, "token": TOKEN}
    made = [make_job(person, **options) for person in reversed(people)]
    return {job.attempt_id: job.person_id for job in made}


def lock(person: Person) -> None:
    Job.objects.select_for_update().get(person=person)


def test_many_asked_for_are_not_kept_waiting_by_who_is_at_work(
    people: list[Person], jobs: Mapping[UUID, int]
) -> None:
    with in_turn():
        lock(people[1])
        raised: list[Exception] = []
        asking = begin(lambda: bulk(people), raised)
        asking.join(30)
        assert (asking.is_alive(), raised) == (False, [])


def test_leases_are_renewed_while_jobs_are_asked_for_and_withdrawn(
    people: list[Person], jobs: Mapping[UUID, int]
) -> None:
    def ask() -> None:
        jobs_request(people=[person.pk for person in people], now=NOW)

    def renew() -> None:
        assert len(jobs_renew(token=TOKEN, attempts=jobs, lease=90)) == 3

    def withdraw() -> None:
        assert len(jobs_withdraw(token=TOKEN, attempts=jobs)) == 3

    with in_turn(ask, renew, withdraw):
        lock(people[1])
    assert Job.objects.count() == 0


def test_many_are_due_while_many_are_asked_for(people: list[Person]) -> None:
    with in_turn(dispatch, lambda: bulk(people)):
        make_job(people[1])
    assert Job.objects.count() == 3


def test_many_asked_for_while_many_recover(people: list[Person]) -> None:
    with in_turn(lambda: recover(people[::-1]), lambda: bulk(people)):
        make_job(people[1])
    assert Job.objects.count() == 3

from __future__ import annotations

from datetime import timedelta
from threading import Thread

import pytest
from django.db import connection, connections, transaction

from accounts.models import Person
from monitoring.health.models import Health, Hold, Policy, Status
from monitoring.jobs.models import Job, JobState, Lane
from monitoring.jobs.queue import (
    BY_INDEX,
    DISPATCH,
    dispatch_values,
    job_request,
    jobs_dispatch,
    jobs_request,
)
from monitoring.outcomes.partitions import first_id_at
from tests.factories import NOW, make_organization, make_person
from tests.monitoring.jobs.makers import database_now, make_due_person, make_job

pytestmark = pytest.mark.django_db


def hold(person: Person) -> None:
    held = Hold.objects.create(
        organization_id=person.organization_id,
        person=person,
        author_kind="person",
        author_name=person.name,
        reason="on leave",
        started_at=NOW,
    )
    Health.objects.filter(person=person).update(hold=held, status=Status.DISABLED, cause="held")


def test_exactly_the_due_get_a_job_and_their_next_time() -> None:
    due = make_due_person(late=timedelta(minutes=5), interval=3_600)
    just_due = make_due_person(interval=7_200)
    make_due_person(late=-timedelta(seconds=1))
    make_due_person(runs_here=False)
    make_due_person(next_due=None)
    hold(make_due_person())

    assert jobs_dispatch(now=NOW, limit=100) == (2, 2)

    jobs = {job.person_id: job for job in Job.objects.all()}
    assert jobs.keys() == {due.pk, just_due.pk}
    assert jobs[due.pk].due_at == NOW - timedelta(minutes=5)
    assert jobs[due.pk].organization_id == due.organization_id
    assert jobs[due.pk].state == JobState.QUEUED
    next_due = dict(Health.objects.filter(person__in=jobs).values_list("person_id", "next_due"))
    assert next_due[due.pk] == NOW + timedelta(hours=1)
    assert next_due[just_due.pk] == NOW + timedelta(hours=2)


def test_a_second_dispatch_finds_nobody() -> None:
    make_due_person()
    jobs_dispatch(now=NOW, limit=100)

    assert jobs_dispatch(now=NOW, limit=100) == (0, 0)
    assert Job.objects.count() == 1


def test_who_waited_longest_comes_first_and_the_limit_is_kept() -> None:
    late = [make_due_person(late=timedelta(minutes=minutes)) for minutes in (1, 3, 2)]

    assert jobs_dispatch(now=NOW, limit=2) == (2, 2)
    assert list(Job.objects.order_by("id").values_list("person_id", flat=True)) == [
        late[1].pk,
        late[2].pk,
    ]


def test_the_attempt_carries_the_time_it_was_queued() -> None:
    make_due_person()
    jobs_dispatch(now=NOW, limit=1)

    attempt_id = Job.objects.get().attempt_id
    assert attempt_id.version == 7
    assert first_id_at(NOW) <= attempt_id < first_id_at(NOW + timedelta(milliseconds=1))


def test_who_failed_last_goes_into_the_lane_of_retries() -> None:
    make_due_person()
    make_due_person(failures=2)
    jobs_dispatch(now=NOW, limit=2)

    assert set(Job.objects.values_list("trigger", "lane")) == {
        ("schedule", Lane.SCHEDULE),
        ("retry", Lane.RETRY),
    }


def test_who_has_an_open_job_is_moved_but_gets_no_second() -> None:
    person = make_due_person()
    open_job = make_job(person)

    assert jobs_dispatch(now=NOW, limit=10) == (1, 0)
    assert Job.objects.get() == open_job
    assert Health.objects.get(person=person).next_due == NOW + timedelta(hours=2)


@pytest.mark.django_db(transaction=True)
def test_a_dispatch_does_not_wait_for_a_worker_that_is_closing_the_job() -> None:
    """The worker next waits for the person's row, which the dispatch has: that were a deadlock."""
    job = make_job(make_due_person())
    dispatched: list[tuple[int, int]] = []

    def dispatch() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '5s'")
        dispatched.append(jobs_dispatch(now=NOW, limit=10))
        connections.close_all()

    with transaction.atomic():
        Job.objects.filter(pk=job.pk).delete()
        thread = Thread(target=dispatch)
        thread.start()
        thread.join()
    assert dispatched == [(1, 0)]


def test_a_dispatch_reads_no_table_from_end_to_end() -> None:
    values = dispatch_values(NOW, 1_000_000)
    with connection.cursor() as cursor:
        cursor.execute(BY_INDEX)
        cursor.execute(f"EXPLAIN {DISPATCH}", values)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index Scan" in plan
    assert "Seq Scan" not in plan


def test_a_job_may_wait_for_one_base_interval_of_its_organization() -> None:
    organization = make_organization()
    Policy.objects.create(organization=organization, base_interval=600)
    person, other = make_due_person(organization), make_due_person()
    jobs_dispatch(now=NOW, limit=10)

    waits = {job.person_id: job.lease_until - database_now() for job in Job.objects.all()}
    assert waits == {person.pk: timedelta(minutes=10), other.pk: timedelta(hours=2)}


def test_a_job_may_wait_for_a_base_interval_of_the_persons_own() -> None:
    due, asked = make_due_person(), make_person()
    Health.objects.filter(pk__in=[due.pk, asked.pk]).update(own_interval=900)
    jobs_dispatch(now=NOW, limit=10)
    job_request(person=asked, now=NOW)

    waits = {job.person_id: job.lease_until - database_now() for job in Job.objects.all()}
    assert waits == {due.pk: timedelta(minutes=15), asked.pk: timedelta(minutes=15)}


def test_an_admins_request_is_queued_ahead_of_all_else() -> None:
    make_job()
    job = job_request(person=make_person(), now=NOW)

    assert (job.lane, job.trigger, job.state) == (Lane.ADMIN, "admin", JobState.QUEUED)
    assert Job.objects.order_by("lane", "id").first() == job


def test_an_admins_request_moves_the_queued_job_forward() -> None:
    person = make_person()
    queued = make_job(person)

    assert job_request(person=person, now=NOW) == queued
    queued.refresh_from_db()
    assert (queued.lane, queued.trigger) == (Lane.ADMIN, "admin")


def test_an_admins_request_finds_the_sync_already_running() -> None:
    person = make_person()
    running = make_job(person, state=JobState.RUNNING)

    assert job_request(person=person, now=NOW) == running
    running.refresh_from_db()
    assert (running.state, running.trigger) == (JobState.RUNNING, "schedule")


def test_thousands_are_requested_in_one_statement(django_assert_num_queries) -> None:
    organization = make_organization()
    people = [make_person(organization).pk for _ in range(5)]

    with django_assert_num_queries(1):
        assert len(jobs_request(people=people, now=NOW)) == 5


def test_people_of_one_organization_start_apart_where_that_fits_into_a_tick() -> None:
    acme, globex = make_organization(), make_organization()
    for late in range(5):
        make_due_person(acme, late=timedelta(minutes=late))
    make_due_person(globex)
    jobs_dispatch(now=NOW, limit=10)
    now = database_now()
    starts = Job.objects.filter(organization=acme).order_by("due_at").values_list("start_at")
    waits = [(at - now).total_seconds() if at else 0 for (at,) in starts]
    assert waits == [0, 2, 4, 6, 8]
    assert Job.objects.get(organization=globex).start_at is None


def test_many_people_of_one_organization_start_evenly_over_a_tick() -> None:
    acme = make_organization()
    for _ in range(60):
        make_due_person(acme)
    jobs_dispatch(now=NOW, limit=100)
    latest = Job.objects.exclude(start_at=None).latest("start_at").start_at
    assert (latest - database_now()).total_seconds() == pytest.approx(24 * 59 / 60, abs=0.01)


def test_a_sync_asked_for_now_does_not_wait_for_its_turn() -> None:
    acme = make_organization()
    make_due_person(acme, late=timedelta(minutes=1))
    person = make_due_person(acme)
    jobs_dispatch(now=NOW, limit=10)
    assert Job.objects.get(person=person).start_at is not None
    assert job_request(person=person, now=NOW).start_at is None

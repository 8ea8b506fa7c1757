from __future__ import annotations

from datetime import timedelta

import pytest

from monitoring.health.models import Health, Policy
from monitoring.jobs.models import Job, JobState, Lane
from monitoring.jobs.queue import jobs_bulk, seconds_to_last_start
from tests.factories import NOW, make_organization, make_person
from tests.monitoring.jobs.makers import database_now, make_job

pytestmark = pytest.mark.django_db


def test_each_gets_a_job_that_starts_at_its_time_and_may_wait_as_long_as_any() -> None:
    organization = make_organization()
    Policy.objects.create(organization=organization, base_interval=600)
    people = [make_person(organization) for _ in range(3)]
    starts = [(person.pk, 10.0 * place) for place, person in enumerate(reversed(people))]
    attempts = jobs_bulk(starts=[*starts, (people[-1].pk + 1_000, 0.0)], now=NOW)
    jobs = list(Job.objects.order_by("pk"))
    assert [job.person for job in jobs] == people
    assert {job.person_id: job.attempt_id for job in jobs} == attempts
    now = database_now()
    assert [job.start_at - now for job in jobs] == [timedelta(seconds=s) for s in (20, 10, 0)]
    assert [job.lease_until - now for job in jobs] == [
        timedelta(seconds=s) for s in (620, 610, 600)
    ]
    assert {(job.lane, job.trigger, job.state) for job in jobs} == {
        (Lane.BULK, "admin", JobState.QUEUED)
    }


def test_a_job_may_wait_for_a_base_interval_of_the_persons_own() -> None:
    person = make_person()
    Health.objects.filter(person=person).update(own_interval=900)
    jobs_bulk(starts=[(person.pk, 5.0)], now=NOW)
    assert Job.objects.get().lease_until - database_now() == timedelta(seconds=905)


def test_an_open_job_keeps_its_attempt_and_its_start() -> None:
    start = database_now() + timedelta(seconds=5)
    job = make_job(start_at=start)
    attempts = jobs_bulk(starts=[(job.person_id, 60.0)], now=NOW)
    assert attempts == {job.person_id: job.attempt_id}
    job.refresh_from_db()
    assert (job.start_at, job.lane, job.trigger) == (start, Lane.BULK, "admin")


def test_the_last_start_is_that_of_the_organizations_lane() -> None:
    person = make_person()
    organization = person.organization_id
    assert seconds_to_last_start(organization_id=organization, lane=Lane.BULK) is None
    jobs_bulk(starts=[(person.pk, 30.0), (make_person().pk, 90.0)], now=NOW)
    make_job(make_person(person.organization), start_at=database_now() + timedelta(seconds=60))
    assert seconds_to_last_start(organization_id=organization, lane=Lane.BULK) == 30
    Job.objects.filter(person=person).update(state=JobState.RUNNING)
    assert seconds_to_last_start(organization_id=organization, lane=Lane.BULK) is None

from __future__ import annotations

from datetime import timedelta
from threading import Thread
from uuid import UUID, uuid4

import pytest
from django.db import connection, connections, transaction

from monitoring.jobs.claims import Claim, jobs_claim, jobs_renew, seconds_to_next_start
from monitoring.jobs.models import Job, JobState, Lane
from tests.factories import make_organization, make_person
from tests.monitoring.jobs.makers import database_now, make_due_person, make_job
from tests.monitoring.jobs.test_dispatch import hold


def claim(limit: int = 10, lane: Lane = Lane.SCHEDULE, token: UUID | None = None) -> list[Claim]:
    return jobs_claim(lane=lane, limit=limit, token=token or uuid4(), lease=90)


@pytest.mark.django_db
def test_lower_lanes_come_first_then_older_jobs() -> None:
    periodic, again = make_job(), make_job()
    retry = make_job(lane=Lane.RETRY)
    asked = make_job(lane=Lane.ADMIN)

    wanted = [asked, retry, periodic, again]
    assert [c.attempt_id for c in claim()] == [job.attempt_id for job in wanted]


@pytest.mark.django_db
def test_a_drain_of_the_admins_lane_leaves_periodic_work() -> None:
    make_job()
    asked = make_job(lane=Lane.ADMIN)

    assert [c.attempt_id for c in claim(lane=Lane.ADMIN)] == [asked.attempt_id]


@pytest.mark.django_db
def test_a_claimed_job_bears_token_and_lease_and_is_not_claimed_again() -> None:
    job = make_job()
    token = uuid4()
    assert len(claim(token=token)) == 1
    assert claim() == []

    job.refresh_from_db()
    assert (job.state, job.token) == (JobState.RUNNING, token)
    assert job.started_at == database_now()
    assert job.lease_until == database_now() + timedelta(seconds=90)


@pytest.mark.django_db
def test_no_more_than_the_limit_is_claimed() -> None:
    for _ in range(3):
        make_job()
    assert len(claim(limit=2)) == 2
    assert Job.objects.filter(state=JobState.QUEUED).count() == 1


@pytest.mark.django_db
def test_a_claim_tells_who_was_held_meanwhile() -> None:
    held, free = make_due_person(), make_due_person()
    for person in (held, free):
        make_job(person)
    hold(held)

    assert {c.person_id: c.held for c in claim()} == {held.pk: True, free.pk: False}


@pytest.mark.django_db
def test_only_the_holder_of_the_token_renews() -> None:
    token = uuid4()
    make_job()
    (mine,) = claim(token=token)

    theirs = {uuid4(): mine.person_id}
    renewed = jobs_renew(
        token=token, attempts=theirs | {mine.attempt_id: mine.person_id}, lease=500
    )
    assert renewed == {mine.attempt_id}
    stranger = jobs_renew(token=uuid4(), attempts={mine.attempt_id: mine.person_id}, lease=900)
    assert stranger == set()
    assert Job.objects.get().lease_until == database_now() + timedelta(seconds=500)


@pytest.mark.django_db(transaction=True)
def test_two_claimers_at_once_never_get_the_same_job() -> None:
    organization = make_organization()
    for _ in range(60):
        make_job(make_person(organization))
    claims: list[list[Claim]] = [[], []]

    def take(mine: list[Claim]) -> None:
        while got := claim(limit=3):
            mine += got
        connections.close_all()

    threads = [Thread(target=take, args=[mine]) for mine in claims]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    first, second = ({c.attempt_id for c in mine} for mine in claims)
    assert not first & second
    assert len(first | second) == 60


@pytest.mark.django_db(transaction=True)
def test_rows_another_claimer_has_just_locked_are_passed_over_without_waiting() -> None:
    locked, free = make_job(), make_job()
    got: list[UUID] = []

    def take() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = '5s'")
        got.extend(c.attempt_id for c in claim())
        connections.close_all()

    with transaction.atomic():
        Job.objects.select_for_update().get(pk=locked.pk)
        thread = Thread(target=take)
        thread.start()
        thread.join()
    assert got == [free.attempt_id]


@pytest.mark.django_db
def test_a_job_is_not_claimed_before_its_time() -> None:
    soon, later = make_job(), make_job()
    Job.objects.filter(pk=soon.pk).update(start_at=database_now())
    Job.objects.filter(pk=later.pk).update(start_at=database_now() + timedelta(seconds=5))
    claimed = jobs_claim(lane=Lane.SCHEDULE, limit=10, token=uuid4(), lease=60)
    assert [claim.person_id for claim in claimed] == [soon.person_id]
    assert seconds_to_next_start(Lane.SCHEDULE) == pytest.approx(5)
    assert seconds_to_next_start(Lane.ADMIN) is None

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from accounts.models import Person
from monitoring.intake.record import ReportedOutcome
from monitoring.jobs.claims import Claim, jobs_claim
from monitoring.jobs.closing import jobs_close, jobs_withdraw
from monitoring.jobs.models import Job, Lane
from monitoring.jobs.queue import BULK, job_request, jobs_bulk, jobs_request
from monitoring.jobs.reports import deadline_passed, outcome_of
from monitoring.outcomes.models import Outcome
from syncing.reports import PassReport
from tests.factories import NOW
from tests.monitoring.errors.test_concurrency import at_once
from tests.monitoring.jobs.makers import SUCCESS, make_due_person, make_job

pytestmark = pytest.mark.django_db


def claimed(token: UUID, number: int = 1) -> list[Claim]:
    for _ in range(number):
        make_job(make_due_person())
    return jobs_claim(lane=Lane.SCHEDULE, limit=number, token=token, lease=90)


def outcome(claim: Claim, report: PassReport = SUCCESS) -> ReportedOutcome:
    return outcome_of(claim, report, started_at=NOW, finished_at=NOW + timedelta(seconds=2))


def test_closing_takes_the_job_and_leaves_its_outcome() -> None:
    token = uuid4()
    (mine,) = claimed(token)

    assert jobs_close(token=token, outcomes=[outcome(mine)], now=NOW) == {mine.attempt_id}
    assert not Job.objects.exists()
    recorded = Outcome.objects.get()
    assert (recorded.attempt_id, recorded.result) == (mine.attempt_id, "success")
    assert recorded.finished_at == NOW + timedelta(seconds=2)


def test_closing_twice_records_once() -> None:
    token = uuid4()
    (mine,) = claimed(token)
    jobs_close(token=token, outcomes=[outcome(mine)], now=NOW)

    late = outcome(mine, deadline_passed(45))
    assert jobs_close(token=token, outcomes=[late], now=NOW) == set()
    assert Outcome.objects.get().result == "success"


def test_a_stranger_closes_nothing() -> None:
    (theirs,) = claimed(uuid4())

    assert jobs_close(token=uuid4(), outcomes=[outcome(theirs)], now=NOW) == set()
    assert Job.objects.exists()
    assert not Outcome.objects.exists()


def test_of_a_batch_only_what_is_still_ours_is_recorded() -> None:
    token = uuid4()
    mine, taken = claimed(token, 2)
    Job.objects.filter(attempt_id=taken.attempt_id).update(token=uuid4())

    both = [outcome(mine), outcome(taken)]
    assert jobs_close(token=token, outcomes=both, now=NOW) == {mine.attempt_id}
    assert Outcome.objects.get().attempt_id == mine.attempt_id
    assert Job.objects.get().attempt_id == taken.attempt_id


def test_what_was_asked_for_again_while_it_ran_runs_once_more() -> None:
    token = uuid4()
    mine, other = claimed(token, 2)
    person = Person.objects.get(pk=mine.person_id)
    for again in (True, True, False):
        running = job_request(person=person, now=NOW, again=again)
        assert (running.attempt_id, running.again) == (mine.attempt_id, True)

    jobs_close(token=token, outcomes=[outcome(mine), outcome(other)], now=NOW)
    next_one = Job.objects.get()
    assert (next_one.person, next_one.state, next_one.lane) == (person, 0, Lane.ADMIN)
    assert not next_one.again, "and no more than once"
    assert next_one.attempt_id != mine.attempt_id
    assert Outcome.objects.count() == 2


def test_a_job_that_is_queued_is_no_reason_for_another() -> None:
    job = make_job(make_due_person())
    assert not job_request(person=job.person, now=NOW, again=True).again
    jobs_bulk(starts=[(job.person_id, 0.0)], now=NOW, again=True)
    assert not Job.objects.get().again


def test_many_may_be_asked_for_again() -> None:
    token = uuid4()
    (mine,) = claimed(token)
    jobs_bulk(starts=[(mine.person_id, 0.0)], now=NOW, again=True)
    jobs_close(token=token, outcomes=[outcome(mine)], now=NOW)
    assert Job.objects.get().person_id == mine.person_id


def test_a_run_that_ends_while_many_are_asked_for_is_followed() -> None:
    token = uuid4()
    (mine,) = claimed(token)

    def closing(execute: Any, sql: str, *given: Any) -> Any:
        result = execute(sql, *given)
        if sql == BULK:
            jobs_close(token=token, outcomes=[outcome(mine)], now=NOW)
        return result

    with connection.execute_wrapper(closing):
        jobs_bulk(starts=[(mine.person_id, 0.0)], now=NOW, again=True)
    assert Job.objects.get().attempt_id != mine.attempt_id


@pytest.mark.django_db(transaction=True)
def test_asked_for_at_the_moment_of_closing_it_runs_once_more() -> None:
    """Whichever comes first: once, and never not at all."""
    for _ in range(5):
        token = uuid4()
        (mine,) = claimed(token)
        person = Person.objects.get(pk=mine.person_id)
        works = [
            partial(jobs_close, token=token, outcomes=[outcome(mine)], now=NOW),
            partial(jobs_request, people=[person.pk], now=NOW, again=True),
        ]
        assert at_once(*works) == []
        follower = Job.objects.get(person=person)
        assert (follower.state, follower.again) == (0, False)
        assert follower.attempt_id != mine.attempt_id
        Job.objects.all().delete()


def test_the_outcome_of_an_earlier_attempt_does_not_close_the_next() -> None:
    token = uuid4()
    (mine,) = claimed(token)
    earlier = replace(outcome(mine), attempt_id=uuid4())

    assert jobs_close(token=token, outcomes=[earlier], now=NOW) == set()
    assert Job.objects.get().attempt_id == mine.attempt_id


def test_a_withdrawn_job_leaves_no_outcome() -> None:
    token = uuid4()
    (mine,) = claimed(token)

    attempts = {mine.attempt_id: mine.person_id}
    assert jobs_withdraw(token=uuid4(), attempts=attempts) == set()
    assert jobs_withdraw(token=token, attempts=attempts) == {mine.attempt_id}
    assert not Job.objects.exists()
    assert not Outcome.objects.exists()

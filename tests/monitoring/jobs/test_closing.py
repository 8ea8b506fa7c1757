from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from monitoring.intake.record import ReportedOutcome
from monitoring.jobs.claims import Claim, jobs_claim
from monitoring.jobs.closing import jobs_close, jobs_withdraw
from monitoring.jobs.models import Job, Lane
from monitoring.jobs.reports import deadline_passed, outcome_of
from monitoring.outcomes.models import Outcome
from syncing.reports import PassReport
from tests.factories import NOW
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

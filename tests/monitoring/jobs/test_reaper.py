from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.jobs.claims import jobs_claim
from monitoring.jobs.closing import jobs_close
from monitoring.jobs.models import Job, JobState, Lane
from monitoring.jobs.reaper import Expired, Reaped, jobs_reap, lost_outcome, may_reap
from monitoring.jobs.reports import outcome_of
from monitoring.outcomes.models import Outcome
from tests.factories import NOW
from tests.monitoring.jobs.makers import SUCCESS, database_now, make_due_person, make_job

moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone is added by the strategy


def make_expired(**overrides: Any) -> Job:
    values = {
        "state": JobState.RUNNING,
        "token": uuid4(),
        "started_at": NOW,
        "lease_until": database_now() - timedelta(seconds=1),
    }
    return make_job(make_due_person(), **values | overrides)


@pytest.mark.django_db
def test_a_job_whose_lease_ran_out_is_lost() -> None:
    job = make_expired()
    later = NOW + timedelta(minutes=3)

    assert jobs_reap(now=later) == Reaped(running=1)
    assert not Job.objects.exists()
    outcome = Outcome.objects.get()
    assert (outcome.attempt_id, outcome.result) == (job.attempt_id, "lost")
    assert (outcome.started_at, outcome.finished_at) == (NOW, later)
    assert outcome.error is None


@pytest.mark.django_db
def test_a_job_nobody_took_is_lost_when_it_has_waited_too_long() -> None:
    make_expired(state=JobState.QUEUED, token=None, started_at=None)

    assert jobs_reap(now=NOW) == Reaped(unstarted=1)
    assert Outcome.objects.get().result == "lost"


@pytest.mark.django_db
def test_jobs_within_their_lease_are_left_alone() -> None:
    make_expired(lease_until=database_now() + timedelta(seconds=5))
    make_job()

    assert jobs_reap(now=NOW) == Reaped()
    assert Job.objects.count() == 2


@pytest.mark.django_db
def test_the_worker_that_comes_back_late_changes_nothing() -> None:
    token = uuid4()
    make_job(make_due_person())
    (mine,) = jobs_claim(lane=Lane.SCHEDULE, limit=1, token=token, lease=-1)
    jobs_reap(now=NOW)

    late = outcome_of(mine, SUCCESS, started_at=NOW, finished_at=NOW)
    assert jobs_close(token=token, outcomes=[late], now=NOW) == set()
    assert Outcome.objects.get().result == "lost"


@pytest.mark.django_db
def test_what_an_admin_asked_for_is_queued_again_at_once() -> None:
    job = make_expired(lane=Lane.ADMIN, trigger="admin")

    assert jobs_reap(now=NOW) == Reaped(running=1, again=1)
    again = Job.objects.get()
    assert (again.person_id, again.lane, again.state) == (job.person_id, Lane.ADMIN, 0)
    assert again.attempt_id != job.attempt_id


@pytest.mark.django_db
def test_a_job_that_kills_its_workers_is_not_repeated_for_ever() -> None:
    make_expired(lane=Lane.ADMIN, trigger="admin")
    jobs_reap(now=NOW)
    Job.objects.update(state=JobState.RUNNING, lease_until=database_now() - timedelta(seconds=1))

    assert jobs_reap(now=NOW) == Reaped(running=1)
    assert not Job.objects.exists()
    assert Outcome.objects.count() == 2


@pytest.mark.django_db
def test_the_limit_is_kept() -> None:
    for _ in range(3):
        make_expired()
    assert jobs_reap(now=NOW, limit=2) == Reaped(running=2)
    assert Job.objects.count() == 1


@given(now=moments, away=st.timedeltas(timedelta(0), timedelta(hours=1)), lease=st.floats(1, 3600))
def test_leases_count_only_after_the_database_was_there_for_a_whole_lease(
    now: datetime, away: timedelta, lease: float
) -> None:
    long_ago = now - timedelta(days=1)
    trusted = away.total_seconds() > lease

    assert (
        may_reap(now=now, server_started_at=now - away, reconnected_at=None, lease=lease) is trusted
    )
    assert (
        may_reap(now=now, server_started_at=long_ago, reconnected_at=now - away, lease=lease)
        is trusted
    )


@given(begun=moments, now=moments)
def test_a_lost_outcome_never_ends_before_it_began(begun: datetime, now: datetime) -> None:
    job = Expired(uuid4(), 1, 1, "schedule", Lane.SCHEDULE, begun, unstarted=False)
    outcome = lost_outcome(job, now)
    assert outcome.started_at == begun
    assert outcome.finished_at == max(begun, now)

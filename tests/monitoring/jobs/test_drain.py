from __future__ import annotations

import time
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from monitoring.jobs import drain as drain_module
from monitoring.jobs.crew import stuck_threads
from monitoring.jobs.drain import Drain
from monitoring.jobs.models import Job, JobState, Lane, WorkerBeat
from monitoring.jobs.policy import JobPolicy
from monitoring.jobs.reaper import jobs_reap
from monitoring.jobs.runner import Runner, make_runner
from monitoring.outcomes.models import Outcome
from syncing.reports import PassReport
from tests.monitoring.jobs.makers import (
    SUCCESS,
    ScriptedRunner,
    database_now,
    deadlock,
    make_due_person,
    make_job,
)
from tests.monitoring.jobs.test_dispatch import hold

pytestmark = pytest.mark.django_db

POLICY = JobPolicy(deadline=5, lease=30, budget=5, threads=8)


def make_drain(runner: Runner, lane: Lane = Lane.SCHEDULE, **overrides: Any) -> Drain:
    values = {"budget": 5, "policy": POLICY, "must_stop": lambda: False}
    return Drain(lane=lane, runner=runner, **values | overrides)


def make_jobs(number: int) -> list[Job]:
    return [make_job(make_due_person()) for _ in range(number)]


def results() -> dict[int, str]:
    return dict(Outcome.objects.values_list("person_id", "result"))


def test_all_queued_jobs_are_run_and_closed_even_more_than_there_are_threads() -> None:
    jobs = make_jobs(20)
    make_drain(ScriptedRunner()).work()

    assert results() == {job.person_id: "success" for job in jobs}
    assert not Job.objects.exists()


def test_a_drain_without_work_ends_at_once() -> None:
    begun = time.monotonic()
    make_drain(ScriptedRunner()).work()
    assert time.monotonic() - begun < 1


def test_jobs_run_beside_each_other() -> None:
    make_jobs(8)
    together = Event()
    runner = ScriptedRunner()

    def meet(person_id: int, deadline: float) -> PassReport:
        if len(runner.ran) == 8:
            together.set()
        assert together.wait(5)
        return SUCCESS

    runner._run = meet
    make_drain(runner).work()
    assert set(results().values()) == {"success"}


def test_who_waits_for_what_admins_asked_for_is_told_and_for_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[bool] = []
    monkeypatch.setattr(
        drain_module, "bells_ring", lambda *, runs_ended: told.append(Outcome.objects.exists())
    )
    make_jobs(1)
    make_drain(ScriptedRunner()).work()
    assert told == []
    make_job(make_due_person(), lane=Lane.BULK, trigger="admin")
    make_drain(ScriptedRunner()).work()
    assert told == [True]


def test_a_drain_of_the_admins_lane_leaves_the_rest() -> None:
    (periodic,) = make_jobs(1)
    asked = make_job(make_due_person(), lane=Lane.ADMIN)
    make_drain(ScriptedRunner(), lane=Lane.ADMIN).work()

    assert results() == {asked.person_id: "success"}
    assert Job.objects.get() == periodic


def test_a_job_queued_while_the_drain_works_is_taken_too() -> None:
    first, late = make_due_person(), make_due_person()
    make_job(first)
    drain = make_drain(ScriptedRunner())
    original, added = drain.gather, []

    def gather() -> None:
        if not added:
            added.append(make_job(late, lane=Lane.ADMIN))
        original()

    drain.gather = gather  # type: ignore[method-assign]  # a spy
    drain.runner._run = lambda person_id, deadline: time.sleep(0.5) or SUCCESS
    drain.work()
    assert results() == {first.pk: "success", late.pk: "success"}


def test_a_pass_past_its_deadline_fails_and_its_thread_is_left_behind() -> None:
    (job,) = make_jobs(1)
    released = Event()
    runner = ScriptedRunner(lambda person_id, deadline: released.wait(30) and SUCCESS)
    policy = JobPolicy(deadline=0.3, lease=30, budget=5, threads=8)
    make_drain(runner, policy=policy).work()

    assert stuck_threads() == 1
    released.set()
    outcome = Outcome.objects.get()
    assert (outcome.person_id, outcome.result) == (job.person_id, "failure")
    assert outcome.error["provider"] == "network"
    assert outcome.error["channel"] == "exception-text"
    assert "deadline of 0.3 s passed" in outcome.error["body"]
    until = time.monotonic() + 5
    while stuck_threads() and time.monotonic() < until:
        time.sleep(0.01)
    assert stuck_threads() == 0
    assert Outcome.objects.count() == 1


def test_with_too_many_stuck_threads_a_drain_claims_no_more() -> None:
    make_jobs(12)
    released = Event()
    runner = ScriptedRunner(lambda person_id, deadline: released.wait(30) and SUCCESS)
    policy = JobPolicy(deadline=0.3, lease=30, budget=5, threads=4)
    make_drain(runner, policy=policy).work()
    released.set()

    assert set(results().values()) == {"failure"}
    assert 4 <= Outcome.objects.count() < 12
    assert Job.objects.filter(state=JobState.QUEUED).count() == 12 - Outcome.objects.count()


@pytest.mark.parametrize("error", [KeyError("token-abc"), SystemExit(3), KeyboardInterrupt()])
def test_a_pass_that_breaks_is_a_failure_of_ours_without_the_exceptions_words(
    error: BaseException,
) -> None:
    make_jobs(1)

    def breaks(person_id: int, deadline: float) -> PassReport:
        raise error

    make_drain(ScriptedRunner(breaks)).work()
    outcome = Outcome.objects.get()
    assert outcome.result == "failure"
    assert f"synccenter.InternalError: {type(error).__name__}" in outcome.error["body"]
    assert "token-abc" not in outcome.error["body"]


def test_a_load_that_breaks_fails_its_jobs_and_no_others() -> None:
    make_jobs(2)
    runner = ScriptedRunner()

    def breaks(person_ids: Any) -> Any:
        raise ValueError

    runner.load = breaks  # type: ignore[method-assign]  # a broken one
    make_drain(runner).work()
    assert set(results().values()) == {"failure"}
    assert not Job.objects.exists()


def test_the_job_of_somebody_deleted_meanwhile_is_withdrawn() -> None:
    _, here = make_jobs(2)
    make_drain(ScriptedRunner(known={here.person_id})).work()

    assert results() == {here.person_id: "success"}
    assert not Job.objects.exists()


def test_the_engine_is_what_drains_run() -> None:
    make_jobs(1)
    make_drain(make_runner()).work()

    assert Outcome.objects.get().error["body"].startswith("synccenter.NotConnected")


def test_a_pass_is_told_to_stop_a_little_before_it_is_given_up() -> None:
    make_jobs(1)
    told: list[float] = []

    def passes(person_id: int, deadline: float) -> PassReport:
        told.append(deadline - time.monotonic())
        return SUCCESS

    make_drain(ScriptedRunner(passes)).work()
    assert 3 < told[0] <= POLICY.deadline - POLICY.head_start


def test_who_was_held_since_is_neither_synced_nor_given_an_outcome() -> None:
    held = make_due_person()
    make_job(held)
    (free,) = make_jobs(1)
    hold(held)
    runner = ScriptedRunner()
    make_drain(runner).work()

    assert runner.ran == [free.person_id]
    assert results() == {free.person_id: "success"}
    assert not Job.objects.exists()


def test_told_to_stop_a_drain_finishes_what_it_has_and_claims_nothing_new() -> None:
    make_jobs(3)
    stop = Event()

    def passes(person_id: int, deadline: float) -> PassReport:
        stop.set()
        return SUCCESS

    policy = JobPolicy(deadline=5, lease=30, budget=5, threads=1)
    make_drain(ScriptedRunner(passes), policy=policy, must_stop=stop.is_set).work()
    assert Outcome.objects.count() == 1
    assert Job.objects.filter(state=JobState.QUEUED).count() == 2


def test_after_its_budget_a_drain_claims_nothing_new() -> None:
    make_jobs(3)
    slow = ScriptedRunner(lambda person_id, deadline: time.sleep(0.2) or SUCCESS)
    policy = JobPolicy(deadline=5, lease=30, budget=5, threads=1)
    make_drain(slow, policy=policy, budget=0.1).work()
    assert Outcome.objects.count() == 1


class FlakyDatabase:
    """Fails the first calls as a database that is away does."""

    def __init__(self, real: Any, failures: int, error: Exception | None = None) -> None:
        self.real, self.failures, self.calls = real, failures, 0
        self.error = error or OperationalError("server closed the connection unexpectedly")

    def __call__(self, **options: Any) -> Any:
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error
        return self.real(**options)


@pytest.fixture
def kept_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the test's transaction when the code drops a connection it takes for broken."""
    monkeypatch.setattr("monitoring.jobs.outage.connection.close", lambda: None)


def claim_of(**jobs: int) -> list[Lane]:
    """Return the lanes of what a drain claims first, given jobs by lane."""
    for lane, number in jobs.items():
        for _ in range(number):
            make_job(lane=Lane[lane])
    drain = make_drain(ScriptedRunner())
    return sorted(Lane(claim.lane) for claim in drain.take(POLICY.threads))


@pytest.mark.parametrize(
    ("jobs", "bulk", "others"),
    [
        ({"BULK": 12, "RECOVERY": 12}, 4, 4),
        ({"BULK": 12, "SCHEDULE": 1}, 7, 1),
        ({"BULK": 12}, 8, 0),
        ({"BULK": 1, "RETRY": 12}, 1, 7),
        ({"ADMIN": 6, "BULK": 12}, 2, 6),
    ],
)
def test_bulk_syncs_take_half_of_the_threads_while_others_wait(
    jobs: dict[str, int], bulk: int, others: int
) -> None:
    lanes = claim_of(**jobs)
    assert (lanes.count(Lane.BULK), len(lanes) - lanes.count(Lane.BULK)) == (bulk, others)


def test_what_is_in_flight_counts_for_the_half_of_bulk_syncs() -> None:
    for lane in [Lane.BULK] * 9 + [Lane.RECOVERY] * 9:
        make_job(lane=lane)
    drain = make_drain(ScriptedRunner())
    drain.claimed = drain.take(4)
    assert [claim.lane for claim in drain.take(2)] == [Lane.RECOVERY] * 2


def test_a_queue_without_bulk_syncs_is_looked_at_once(
    django_assert_num_queries: Any,
) -> None:
    make_jobs(3)
    drain = make_drain(ScriptedRunner())
    with django_assert_num_queries(1):
        assert len(drain.take(8)) == 3
    make_jobs(4)
    with django_assert_num_queries(1):
        assert len(drain.take(4)) == 4


def test_who_has_to_give_way_keeps_its_connection_and_tries_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make_jobs(3)
    close = FlakyDatabase(drain_module.jobs_close, 1, deadlock())
    monkeypatch.setattr(drain_module, "jobs_close", close)
    make_drain(ScriptedRunner()).work()
    assert Outcome.objects.count() == 3
    assert "gave way" in caplog.text
    assert "the database is away" not in caplog.text


@pytest.mark.usefixtures("kept_connection")
def test_outcomes_wait_in_memory_while_the_database_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_jobs(3)
    close = FlakyDatabase(drain_module.jobs_close, 3)
    monkeypatch.setattr(drain_module, "jobs_close", close)
    make_drain(ScriptedRunner()).work()

    assert close.calls > 3
    assert set(results().values()) == {"success"}
    assert len(results()) == 3


@pytest.mark.usefixtures("kept_connection")
def test_outcomes_that_can_never_be_delivered_are_given_up_after_a_lease(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make_jobs(1)
    monkeypatch.setattr(drain_module, "jobs_close", FlakyDatabase(None, 1_000))
    policy = JobPolicy(deadline=0.2, lease=0.4, budget=0.1, threads=1)
    make_drain(ScriptedRunner(), policy=policy).work()

    assert "1 outcomes not written" in caplog.text
    assert Job.objects.get().state == JobState.RUNNING


def test_an_outcome_that_cannot_be_written_does_not_take_the_others_with_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    poison, good = make_jobs(2)
    real = drain_module.jobs_close

    def picky(**options: Any) -> Any:
        if any(o.person_id == poison.person_id for o in options["outcomes"]):
            raise ValueError("cannot be stored")
        return real(**options)

    monkeypatch.setattr(drain_module, "jobs_close", picky)
    make_drain(ScriptedRunner()).work()
    assert results() == {good.person_id: "success"}
    assert Job.objects.get().person_id == poison.person_id
    assert str(poison.attempt_id) in caplog.text


def test_leases_are_renewed_while_passes_are_in_flight() -> None:
    (job,) = make_jobs(1)
    policy = JobPolicy(deadline=5, lease=6, budget=5, threads=1)
    drain = make_drain(ScriptedRunner(), policy=policy)
    drain.claim()
    Job.objects.update(lease_until=job.lease_until - timedelta(hours=5))
    drain.next_renewal = 0
    drain.renew()

    renewed = Job.objects.get().lease_until
    assert renewed > job.lease_until - timedelta(hours=4)


class LoadFailsOnce(ScriptedRunner):
    """The database is away while the first work is loaded."""

    away = True

    def load(self, person_ids: Any) -> Any:
        if self.away:
            self.away = False
            raise OperationalError("server closed the connection unexpectedly")
        return super().load(person_ids)


def drain_after_an_outage(runner: Runner) -> Drain:
    """Return a drain that has claimed, could not load, and has its database back."""
    drain = make_drain(runner)
    drain.claim()
    assert len(drain.claimed) == 1
    drain.database._next_try = 0
    return drain


def reap_everything() -> None:
    Job.objects.update(lease_until=timezone.now() - timedelta(hours=1))
    jobs_reap(now=timezone.now())


@pytest.mark.usefixtures("kept_connection")
def test_what_the_reaper_took_is_let_go_at_the_next_renewal() -> None:
    make_jobs(1)
    runner = LoadFailsOnce()
    drain = drain_after_an_outage(runner)
    reap_everything()
    drain.next_renewal = 0
    drain.renew()
    drain.begin()

    assert not drain.is_busy()
    assert runner.ran == []
    assert set(results().values()) == {"lost"}


@pytest.mark.usefixtures("kept_connection")
def test_a_claim_whose_lease_may_have_ended_is_not_begun_unless_it_is_still_ours() -> None:
    make_jobs(1)
    runner = LoadFailsOnce()
    drain = drain_after_an_outage(runner)
    reap_everything()
    drain.leased_at -= POLICY.lease - POLICY.deadline
    drain.begin()

    assert not drain.is_busy()
    assert runner.ran == []


@pytest.mark.usefixtures("kept_connection")
def test_an_old_claim_that_is_still_ours_is_renewed_before_it_begins() -> None:
    (job,) = make_jobs(1)
    runner = LoadFailsOnce()
    drain = drain_after_an_outage(runner)
    ended = timezone.now() - timedelta(hours=1)
    Job.objects.update(lease_until=ended)
    drain.leased_at -= POLICY.lease
    drain.begin()

    assert Job.objects.get().lease_until > ended
    drain.work()
    assert results() == {job.person_id: "success"}


@pytest.mark.usefixtures("kept_connection")
def test_without_the_database_no_old_claim_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    make_jobs(1)
    runner = LoadFailsOnce()
    drain = drain_after_an_outage(runner)
    monkeypatch.setattr(drain_module, "jobs_renew", FlakyDatabase(None, 1))
    drain.leased_at -= POLICY.lease
    drain.begin()

    assert len(drain.claimed) == 1
    assert not drain.in_flight


def test_a_pass_whose_job_was_taken_away_is_left_behind() -> None:
    make_jobs(1)
    released = Event()
    drain = make_drain(ScriptedRunner(lambda person_id, deadline: released.wait(30) and SUCCESS))
    drain.claim()
    reap_everything()
    drain.next_renewal = 0
    drain.renew()
    released.set()

    assert not drain.is_busy()
    drain.crew.dismiss()
    assert set(results().values()) == {"lost"}


def test_a_drain_leaves_its_sign_of_life() -> None:
    make_drain(ScriptedRunner(), lane=Lane.ADMIN).work()
    beat = WorkerBeat.objects.get()
    assert (beat.lane, beat.in_flight) == (Lane.ADMIN, 0)


def test_a_drain_stays_for_a_job_that_may_not_start_yet() -> None:
    first, second = make_jobs(2)
    # The database's clock stands still within a test's transaction: here it never may start.
    Job.objects.filter(pk=second.pk).update(start_at=database_now() + timedelta(seconds=1))
    begun = time.monotonic()
    make_drain(ScriptedRunner(), budget=1.5).work()
    assert time.monotonic() - begun >= 1
    assert results() == {first.person_id: "success"}


def test_a_drain_stays_for_no_job_longer_than_its_budget() -> None:
    (job,) = make_jobs(1)
    Job.objects.filter(pk=job.pk).update(start_at=database_now() + timedelta(hours=1))
    begun = time.monotonic()
    make_drain(ScriptedRunner(), budget=0.5).work()
    assert time.monotonic() - begun < 2

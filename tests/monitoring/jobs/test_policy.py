from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from monitoring.jobs.outage import wait_after
from monitoring.jobs.policy import JobPolicy, job_policy

durations = st.floats(0.1, 1_000)


@given(deadline=durations, lease=durations, budget=durations, threads=st.integers(1, 1_000))
def test_a_policy_in_which_a_pass_outlives_its_lease_is_refused(
    deadline: float, lease: float, budget: float, threads: int
) -> None:
    if deadline >= lease:
        with pytest.raises(ImproperlyConfigured, match="JOB_DEADLINE"):
            JobPolicy(deadline, lease, budget, threads)
        return
    policy = JobPolicy(deadline, lease, budget, threads)
    assert policy.utmost > budget + deadline
    assert 0 < policy.head_start < deadline
    assert 1 <= policy.stuck_limit <= threads


def test_a_drain_without_threads_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="DRAIN_THREADS"):
        JobPolicy(1, 2, 3, 0)


def test_the_settings_as_they_come_make_a_policy_the_queue_outlives(settings: Settings) -> None:
    policy = job_policy()
    assert policy.utmost < settings.Q_CLUSTER["timeout"] < settings.Q_CLUSTER["retry"]
    assert policy.beat * 2 < settings.PROBE_BEAT_SECONDS


@given(st.integers(0, 10_000))
def test_waits_grow_and_stay_within_their_limit(failures: int) -> None:
    assert 0 <= wait_after(failures) <= wait_after(failures + 1) <= 5
    assert bool(wait_after(failures)) == bool(failures)

"""Runs that an incident explains, and how long everybody waits."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitoring.health.fold import (
    JITTER,
    JudgedOutcome,
    PolicyFacts,
    Runs,
    fold,
    interval_after,
    judge,
    wait_after,
)
from tests.factories import NOW
from tests.monitoring.health.makers import POLICY, failure, outcome, outcomes_in_order, runs_after

DAY = 24 * 60
POLICIES = st.builds(
    PolicyFacts,
    base_interval=st.integers(60, 20_000),
    maximum_interval=st.integers(20_000, 200_000),
    failures_to_double=st.integers(1, 6),
)


def held(
    minutes: float, interpretation: str = "transient", *, canary: bool = False
) -> JudgedOutcome:
    return failure(minutes, interpretation, penalty_held=True, canary=canary)


def waited(runs: Runs) -> float:
    """Return the seconds from the last run to the next due one."""
    assert runs.expected_at is not None
    assert runs.last_attempt_at is not None
    return (runs.expected_at - runs.last_attempt_at).total_seconds()


def status_at(runs: Runs, minutes: float) -> tuple[str, str]:
    standing = judge(runs, False, POLICY, NOW + timedelta(minutes=minutes))
    return standing.status, standing.cause


def test_a_held_run_is_told_as_an_incident_and_tried_again_at_the_interval() -> None:
    runs = runs_after([outcome(0), held(60, "needs_user")])
    assert status_at(runs, 60) == ("degraded", "incident")
    assert 7_200 <= waited(runs) <= 7_200 * (1 + JITTER)


def test_a_canary_tries_again_soon_but_never_before_the_provider_allows() -> None:
    runs = runs_after([outcome(0), held(60, canary=True)])
    assert 300 <= waited(runs) <= 300 * (1 + JITTER)
    asked_away = replace(held(60, canary=True), retry_after=4_000)
    assert 4_000 <= waited(runs_after([outcome(0), asked_away])) <= 4_000 * (1 + JITTER)


def test_refusals_in_an_incident_prove_nothing_however_many() -> None:
    runs = runs_after([outcome(0), *(held(60 + 10 * n, "needs_user") for n in range(200))])
    assert (runs.suspect_at, runs.confirmed_at, runs.failures) == (None, None, 0)
    assert status_at(runs, 60 + 2_000) == ("degraded", "incident")


def test_a_suspicion_from_before_is_kept_and_confirmed_only_after() -> None:
    before = [outcome(0), failure(60, "needs_user", "revoked")]
    during = [held(70, "needs_user"), held(200, "needs_admin")]
    runs = runs_after([*before, *during])
    assert (runs.suspect_rule, runs.confirmed_at) == ("revoked", None)
    after = fold(runs, failure(300, "needs_user", "revoked"), POLICY)
    assert status_at(after, 300) == ("stalled", "revoked")


def test_the_failing_clock_stands_still_in_an_incident() -> None:
    before = [failure(m) for m in (0, 60, 120, 180, 240)]
    during = [held(240 + 60 * n) for n in range(1, 60)]
    last = 240 + 60 * 59
    assert status_at(runs_after([*before, *during, failure(last + 60)]), last + 60)[0] == "degraded"
    much_later = last + DAY
    assert status_at(runs_after([*before, *during, failure(much_later)]), much_later) == (
        "stalled",
        "some-rule",
    )


def test_one_good_run_ends_all_of_it() -> None:
    slowed = [failure(m) for m in range(0, 60, 10)]
    runs = runs_after([*slowed, held(100), held(200), outcome(300)])
    assert status_at(runs, 300) == ("healthy", "")
    assert (runs.interval, runs.in_incident, runs.last_signature) == (7_200, False, None)


@given(outcomes_in_order(held=True))
def test_a_held_run_never_raises_an_interval_nor_counts_nor_confirms(
    outcomes: list[JudgedOutcome],
) -> None:
    runs = runs_after([])
    for each in outcomes:
        after = fold(runs, each, POLICY)
        if each.penalty_held:
            assert after.interval == runs.interval
            assert after.failures in {runs.failures, 0}
            assert suspicion_of(after) == suspicion_of(runs)
            assert after.in_incident
        runs = after


def suspicion_of(runs: Runs) -> tuple[object, ...]:
    return runs.suspect_interpretation, runs.suspect_rule, runs.suspect_at, runs.confirmed_at


@given(outcomes_in_order(held=True))
def test_time_between_held_runs_is_not_failure_time(outcomes: list[JudgedOutcome]) -> None:
    runs = runs_after([])
    for each in outcomes:
        after = fold(runs, each, POLICY)
        if each.penalty_held and after.failing_since and runs.failing_since:
            assert failing_for(after) == failing_for(runs)
        runs = after


def failing_for(runs: Runs) -> timedelta:
    assert runs.failing_since is not None
    assert runs.last_attempt_at is not None
    return runs.last_attempt_at - runs.failing_since


@given(outcomes_in_order(held=True))
def test_who_only_failed_in_incidents_never_needs_attention(
    outcomes: list[JudgedOutcome],
) -> None:
    explained = [
        each if each.result == "success" else replace(each, penalty_held=True) for each in outcomes
    ]
    runs = runs_after([outcome(-60 * DAY)])
    for each in explained:
        runs = fold(runs, each, POLICY)
        standing = judge(runs, False, POLICY, each.finished_at)
        assert standing.status in {"healthy", "degraded"}
        assert runs.interval == POLICY.base_interval


@given(outcomes_in_order(held=True))
def test_the_first_good_run_restores_everything(outcomes: list[JudgedOutcome]) -> None:
    at = outcomes[-1].finished_at if outcomes else NOW
    good = outcome((at - NOW).total_seconds() / 60 + 1)
    runs = fold(runs_after(outcomes), good, POLICY)
    untroubled = fold(runs_after([]), good, POLICY)
    assert replace(runs, recent="") == replace(untroubled, recent="")
    assert judge(runs, False, POLICY, good.finished_at).status == "healthy"


@given(outcomes_in_order(held=True), POLICIES)
def test_every_wait_is_bounded_jittered_and_no_shorter_than_the_provider_asks(
    outcomes: list[JudgedOutcome], policy: PolicyFacts
) -> None:
    runs = Runs(awaiting_since=NOW, interval=policy.base_interval, expected_at=NOW)
    for each in outcomes:
        runs = fold(runs, each, policy)
        longest = policy.maximum_interval * (1 + JITTER) + 1
        assert min(policy.first_retry, policy.base_interval) <= waited(runs) <= longest
        assert policy.base_interval <= runs.interval <= policy.maximum_interval
        if each.result != "success" and runs.confirmed_at is None:
            asked = min(each.retry_after or 0, policy.maximum_interval)
            assert waited(runs) >= asked
        assert runs.not_before == allowed(each, policy)


def allowed(each: JudgedOutcome, policy: PolicyFacts) -> datetime | None:
    if each.result == "success" or not each.retry_after:
        return None
    return each.finished_at + timedelta(seconds=min(each.retry_after, policy.maximum_interval))


@given(st.integers(0, 10**6), POLICIES)
def test_an_interval_grows_with_failures_up_to_the_longest(
    failures: int, policy: PolicyFacts
) -> None:
    shorter = interval_after(failures, False, policy)
    longer = interval_after(failures + 1, False, policy)
    assert policy.base_interval <= shorter <= longer <= policy.maximum_interval
    assert longer in {shorter, 2 * shorter, policy.maximum_interval}
    assert interval_after(failures, True, policy) == policy.maximum_interval


@given(st.integers(1, 100), POLICIES)
def test_from_the_third_failure_on_the_wait_is_the_interval(
    failures: int, policy: PolicyFacts
) -> None:
    interval = interval_after(failures, False, policy)
    wait = wait_after(failures, interval, False, policy)
    expected = {1: policy.first_retry, 2: policy.second_retry}
    assert wait == expected.get(failures, interval)


@given(st.integers(0, 0xFFFF))
def test_jitter_stretches_a_wait_by_a_twentieth_at_most(low: int) -> None:
    each = outcome(0)
    jittered = replace(each, attempt_id=type(each.attempt_id)(int=(0x7 << 76) | low))
    assert 7_200 <= waited(runs_after([jittered])) <= 7_200 * (1 + JITTER)


def test_jitter_spreads_people_out() -> None:
    waits = {
        waited(runs_after([replace(outcome(0), attempt_id=type(outcome(0).attempt_id)(int=n))]))
        for n in range(0, 0x10000, 0x400)
    }
    assert len(waits) > 50

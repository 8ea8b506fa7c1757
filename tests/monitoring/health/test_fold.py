from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.health.fold import (
    JITTER,
    PolicyFacts,
    Runs,
    Standing,
    fold,
    grace_of,
    judge,
    unwell_since,
)
from tests.factories import NOW
from tests.monitoring.health.makers import (
    POLICY,
    failure,
    outcome,
    outcomes_in_order,
    runs_after,
)

HOUR = 60
DAY = 24 * HOUR


def waited(runs: Runs) -> float:
    """Return the seconds from the last run to the next due one."""
    assert runs.expected_at is not None
    assert runs.last_attempt_at is not None
    return (runs.expected_at - runs.last_attempt_at).total_seconds()


def standing_at(runs: Runs, minutes: float) -> Standing:
    return judge(runs, False, POLICY, NOW + timedelta(minutes=minutes))


def test_a_person_without_connections_was_never_connected() -> None:
    assert judge(Runs(), False, POLICY, NOW) == Standing("degraded", "never_connected")


def test_a_new_person_awaits_the_first_success_and_is_silent_in_the_end() -> None:
    runs = Runs(awaiting_since=NOW, expected_at=NOW)
    assert standing_at(runs, 0).cause == "awaiting_first_success"
    assert standing_at(runs, 31).cause == "overdue"
    assert standing_at(runs, 2 * 2 * HOUR + 31) == Standing("stalled", "silent")


def test_one_good_run_makes_a_person_healthy() -> None:
    runs = runs_after([failure(0), failure(5), outcome(25)])
    assert standing_at(runs, 25).status == "healthy"
    assert (runs.failures, runs.interval, runs.evidence) == (0, POLICY.base_interval, ())


def test_after_failures_the_retries_come_in_5_minutes_then_20_then_at_the_interval() -> None:
    waits = [waited(runs_after([failure(m) for m in range(n)])) for n in range(1, 5)]
    for wait, expected in zip(waits, [300, 1_200, 14_400, 14_400], strict=True):
        assert expected <= wait <= expected * (1 + JITTER)


def test_every_third_failure_doubles_the_interval_up_to_a_day() -> None:
    intervals = [runs_after([failure(m) for m in range(n)]).interval for n in range(1, 16)]
    hours = [interval // 3_600 for interval in intervals]
    assert hours == [2, 2, 4, 4, 4, 8, 8, 8, 16, 16, 16, 24, 24, 24, 24]


def test_one_refusal_alone_asks_nobody_to_act() -> None:
    runs = runs_after([outcome(0), failure(60, "needs_user", "google-grant-revoked")])
    assert standing_at(runs, 60) == Standing(
        "degraded", "google-grant-revoked", standing_at(runs, 60).check_at
    )
    assert 300 <= waited(runs) <= 300 * (1 + JITTER)


def test_a_second_later_refusal_of_the_class_asks_a_person_to_act() -> None:
    runs = runs_after(
        [
            outcome(0),
            failure(60, "needs_user", "google-grant-revoked"),
            failure(65, "needs_user", "google-grant-revoked"),
        ]
    )
    assert standing_at(runs, 65) == Standing("stalled", "google-grant-revoked")
    assert runs.interval == POLICY.maximum_interval


def test_a_refusal_repeated_within_minutes_is_not_a_second_confirmation() -> None:
    runs = runs_after(
        [failure(0, "needs_user"), failure(1, "needs_user"), failure(3, "needs_user")]
    )
    assert standing_at(runs, 3).status == "degraded"


def test_a_refusal_of_another_class_begins_the_suspicion_anew() -> None:
    runs = runs_after([failure(0, "needs_user"), failure(10, "needs_admin")])
    assert standing_at(runs, 10).status == "degraded"


def test_a_time_out_between_two_refusals_changes_nothing_but_a_success_does() -> None:
    refusal = {"interpretation": "needs_user", "rule": "revoked"}
    with_time_out = [failure(0, **refusal), failure(5), failure(25, **refusal)]
    with_success = [failure(0, **refusal), outcome(5), failure(25, **refusal)]
    assert standing_at(runs_after(with_time_out), 25).status == "stalled"
    assert standing_at(runs_after(with_success), 25).status == "degraded"


def test_a_confirmed_trouble_is_still_tried_once_a_day() -> None:
    runs = runs_after([failure(0, "needs_admin"), failure(5, "needs_admin")])
    assert DAY * 60 <= waited(runs) <= DAY * 60 * (1 + JITTER)


def test_failing_for_a_day_and_six_attempts_needs_attention_and_less_does_not() -> None:
    six_in_a_day = [failure(m) for m in (0, 60, 120, 180, 240, DAY)]
    six_in_hours = [failure(m) for m in (0, 60, 120, 180, 240, DAY - 1)]
    five_in_a_day = [failure(m) for m in (0, 60, 120, 180, DAY)]
    assert standing_at(runs_after(six_in_a_day), DAY).status == "stalled"
    assert standing_at(runs_after(six_in_hours), DAY).status == "degraded"
    assert standing_at(runs_after(five_in_a_day), DAY).status == "degraded"


def test_time_in_which_nothing_ran_is_not_failure_time() -> None:
    runs = runs_after([outcome(-150 * DAY), failure(0)])
    assert standing_at(runs, 0).status == "degraded"


def test_a_partial_run_stops_the_failing_clock_but_is_no_good_run() -> None:
    runs = runs_after(
        [
            outcome(0),
            failure(60),
            outcome(65, "partial", interpretation="record", rule="salesforce-required-field"),
        ]
    )
    assert standing_at(runs, 65).cause == "salesforce-required-field"
    assert (runs.failures, runs.last_success_at) == (0, NOW)


def test_a_trigger_that_breaks_every_write_is_confirmed_from_partial_runs() -> None:
    broken = {"interpretation": "needs_admin", "rule": "salesforce-trigger"}
    runs = runs_after(
        [outcome(0), outcome(60, "partial", **broken), outcome(66, "partial", **broken)]
    )
    assert standing_at(runs, 66) == Standing("stalled", "salesforce-trigger")


def test_an_unrecognised_error_is_treated_as_transient_and_named() -> None:
    runs = runs_after(
        [outcome(0), failure(60, "unknown", rule=None), failure(70, "unknown", rule=None)]
    )
    assert (standing_at(runs, 70).status, standing_at(runs, 70).cause) == (
        "degraded",
        "unrecognised",
    )


def test_a_lost_run_counts_as_a_transient_failure() -> None:
    runs = runs_after([outcome(0), outcome(60, "lost")])
    assert (standing_at(runs, 60).cause, runs.failures, runs.recent) == ("lost", 1, "sl")


def test_retry_after_is_a_lower_bound_up_to_a_day() -> None:
    assert waited(runs_after([failure(0, retry_after=7_000)])) >= 7_000
    assert waited(runs_after([failure(0, retry_after=10)])) >= 300
    assert waited(runs_after([failure(0, retry_after=10**9)])) <= 86_400 * (1 + JITTER)


def test_a_wait_the_provider_asked_for_is_neither_overdue_nor_silence() -> None:
    runs = runs_after([outcome(0), failure(60, retry_after=20 * 3_600)])
    assert standing_at(runs, 60 + 20 * HOUR).cause == "some-rule"


@pytest.mark.parametrize(
    ("minutes", "status", "cause"),
    [
        (149, "healthy", ""),
        (157, "degraded", "overdue"),
        (269, "degraded", "overdue"),
        (277, "stalled", "silent"),
    ],
)
def test_silence_is_found_by_the_clock_alone(minutes: float, status: str, cause: str) -> None:
    standing = standing_at(runs_after([outcome(0)]), minutes)
    assert (standing.status, standing.cause) == (status, cause)


def test_a_held_person_is_off_whatever_the_runs_say() -> None:
    for runs in (runs_after([outcome(0)]), runs_after([failure(0, "needs_user")]), Runs()):
        assert judge(runs, True, POLICY, NOW) == Standing("disabled", "held")


def test_grace_is_a_quarter_of_the_interval_and_at_least_a_quarter_of_an_hour() -> None:
    assert [grace_of(interval, POLICY) for interval in (600, 7_200)] == [900, 1_800]


@given(outcomes_in_order())
def test_no_outcome_ever_disables_anybody(outcomes: list) -> None:
    runs = runs_after([])
    for each in outcomes:
        runs = fold(runs, each, POLICY)
        for later in (timedelta(0), timedelta(days=1), timedelta(days=400)):
            assert judge(runs, False, POLICY, each.finished_at + later).status != "disabled"


@given(outcomes_in_order())
def test_there_is_always_a_next_run_within_a_day_and_never_sooner_than_five_minutes(
    outcomes: list,
) -> None:
    for end in range(1, len(outcomes) + 1):
        runs = runs_after(outcomes[:end])
        assert 300 <= waited(runs) <= 86_400 * (1 + JITTER)
        assert POLICY.base_interval <= runs.interval <= POLICY.maximum_interval


@given(outcomes_in_order())
def test_intervals_never_shrink_between_two_runs_that_get_through(outcomes: list) -> None:
    runs = runs_after([])
    for each in outcomes:
        after = fold(runs, each, POLICY)
        if each.result in {"failure", "lost"} and runs.confirmed_at == after.confirmed_at:
            assert after.interval >= runs.interval
        if each.result == "success":
            assert after.interval == POLICY.base_interval
        runs = after


@given(outcomes_in_order())
def test_who_asks_for_a_human_was_refused_twice_or_failed_a_day_or_fell_silent(
    outcomes: list,
) -> None:
    runs = runs_after([])
    streak: list = []
    for each in outcomes:
        runs = fold(runs, each, POLICY)
        asks = each.interpretation in {"needs_user", "needs_admin"}
        got_through = each.result == "success" or (each.result == "partial" and not asks)
        streak = [] if got_through else [*streak, each]
        if judge(runs, False, POLICY, each.finished_at).status == "stalled":
            asking = [o for o in streak if o.interpretation == runs.suspect_interpretation]
            failed = [o for o in streak if o.result in {"failure", "lost"}]
            assert len(asking) >= 2 or len(failed) >= POLICY.failing_attempts


@given(outcomes_in_order(), st.integers(0, 60 * 24 * 3_600))
def test_nothing_changes_by_itself_before_the_moment_the_standing_names(
    outcomes: list, seconds: int
) -> None:
    runs = runs_after(outcomes)
    start = outcomes[-1].finished_at if outcomes else NOW
    now = start + timedelta(seconds=seconds)
    standing = judge(runs, False, POLICY, now)
    if standing.check_at is None:
        for days in (1, 30, 400):
            later = judge(runs, False, POLICY, now + timedelta(days=days))
            assert (later.status, later.cause) == (standing.status, standing.cause)
        return
    assert standing.check_at > now
    just_before = judge(runs, False, POLICY, standing.check_at - timedelta(microseconds=1))
    at_that_time = judge(runs, False, POLICY, standing.check_at)
    assert just_before == standing
    assert (at_that_time.status, at_that_time.cause) != (standing.status, standing.cause)


@given(outcomes_in_order())
def test_exactly_the_healthy_miss_nothing(outcomes: list) -> None:
    runs = runs_after(outcomes)
    now = outcomes[-1].finished_at if outcomes else NOW
    standing = judge(runs, False, POLICY, now)
    assert (unwell_since(runs, standing) is None) == (standing.status == "healthy")


@given(outcomes_in_order(), st.integers(60, 30_000), st.integers(1, 6))
def test_any_policy_gives_waits_within_its_own_bounds(
    outcomes: list, base: int, doubling: int
) -> None:
    policy = PolicyFacts(base_interval=base, maximum_interval=4 * base, failures_to_double=doubling)
    for each in (runs := runs_after(outcomes, policy)).evidence:
        assert each in {o.attempt_id for o in outcomes}
    assert runs.interval in {7_200} | {base * factor for factor in (1, 2, 4)}

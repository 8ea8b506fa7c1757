"""What another base interval does to a person's health."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitoring.health.change import HealthFacts, expected_anew, look_again, take_in, take_interval
from monitoring.health.fold import (
    JITTER,
    JudgedOutcome,
    PolicyFacts,
    Runs,
    fold,
    judge,
    with_own_base,
)
from monitoring.health.intervals import LEAST, MOST
from tests.factories import NOW
from tests.monitoring.health.makers import POLICY, failure, outcome, outcomes_in_order, runs_after

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
bases = st.integers(LEAST, MOST)


def standing(runs: Runs, policy: PolicyFacts = POLICY, at: datetime = NOW) -> HealthFacts:
    return HealthFacts(runs, judge(runs, False, policy, at), at)


def moved(
    runs: Runs, base: int, now: datetime = NOW, former: PolicyFacts = POLICY
) -> tuple[Runs, list]:
    """Return the runs after the base became `base`, and the changes."""
    policy = with_own_base(POLICY, base)
    facts, changes = take_interval(standing(runs, former), former.base_interval, policy, now)
    return facts.runs, changes


def test_who_is_well_follows_at_once_counted_from_the_last_run() -> None:
    runs, changes = moved(runs_after([outcome(0)]), 4 * 3_600, NOW + HOUR)
    assert NOW + 4 * HOUR <= runs.expected_at <= NOW + 4.2 * HOUR
    assert [(c.from_interval, c.to_interval) for c in changes] == [(7_200, 14_400)]


def test_a_time_that_would_have_passed_is_spread_over_the_new_interval() -> None:
    now = NOW + HOUR
    due = [
        moved(runs_after([outcome(0, attempt_id=replace_low(n))]), 900, now)[0].expected_at
        for n in (0, 0x4000, 0x8000, 0xFFFF)
    ]
    assert due == sorted(due)
    assert len(set(due)) == 4
    assert all(now <= each <= now + 15 * MINUTE for each in due)


def replace_low(low: int):
    drawn = outcome(0).attempt_id
    return type(drawn)(int=(drawn.int & ~0xFFFF) | low)


def test_who_is_slowed_stays_slowed_until_a_good_run() -> None:
    slowed = runs_after([outcome(0), *(failure(60 * n) for n in range(1, 7))])
    assert slowed.interval == 28_800
    runs, changes = moved(slowed, 3_600, NOW + 6 * HOUR)
    assert (runs.interval, runs.expected_at, changes) == (28_800, slowed.expected_at, [])
    assert fold(runs, outcome(1_000), with_own_base(POLICY, 3_600)).interval == 3_600


def test_who_is_slowed_never_runs_more_often_than_the_new_base() -> None:
    slowed = runs_after([outcome(0), *(failure(60 * n) for n in range(1, 4))])
    assert slowed.interval == 14_400
    assert moved(slowed, 43_200, NOW + 3 * HOUR)[0].interval == 43_200


def test_confirmed_trouble_keeps_its_day_though_a_day_was_the_base() -> None:
    former = with_own_base(POLICY, MOST)
    refused = runs_after([failure(0, "needs_user"), failure(10, "needs_user")], former)
    assert moved(refused, 7_200, NOW + HOUR, former)[0].interval == MOST


def test_a_longest_interval_below_the_base_is_raised_to_it() -> None:
    short = PolicyFacts(maximum_interval=3_600)
    assert with_own_base(short, 7_200).maximum_interval == 7_200
    assert with_own_base(short, 900).maximum_interval == 3_600


def test_a_first_run_comes_no_later_and_keeps_its_place_in_the_spread() -> None:
    first = Runs(awaiting_since=NOW, expected_at=NOW + 100 * MINUTE)
    assert moved(first, 4 * 3_600)[0].expected_at == NOW + 100 * MINUTE
    assert moved(first, 900)[0].expected_at == NOW + 10 * MINUTE


def test_who_was_never_connected_waits_for_no_run() -> None:
    assert moved(Runs(), 900)[0].expected_at is None


@given(outcomes_in_order(held=True), bases, st.integers(-60, 3_000))
def test_the_interval_is_never_below_the_new_base_nor_above_the_longest(
    outcomes: list[JudgedOutcome], base: int, minutes: int
) -> None:
    runs, _ = moved(runs_after(outcomes), base, NOW + minutes * MINUTE)
    assert base <= runs.interval <= with_own_base(POLICY, base).maximum_interval


@given(outcomes_in_order(held=True), bases, st.integers(-60, 3_000))
def test_only_interval_and_next_run_change(
    outcomes: list[JudgedOutcome], base: int, minutes: int
) -> None:
    before = runs_after(outcomes)
    after, changes = moved(before, base, NOW + minutes * MINUTE)
    assert replace(after, interval=before.interval, expected_at=before.expected_at) == before
    assert bool(changes) >= (after.interval != before.interval)


@given(outcomes_in_order(held=True), bases, st.integers(-3_000, 3_000))
def test_the_next_run_is_as_soon_as_allowed_and_within_the_interval(
    outcomes: list[JudgedOutcome], base: int, minutes: int
) -> None:
    runs = runs_after(outcomes)
    now = max(NOW + minutes * MINUTE, runs.last_attempt_at or NOW)
    interval = moved(runs, base, now)[0].interval
    expected = expected_anew(runs, interval, now)
    if runs.expected_at <= now:
        assert expected == runs.expected_at
        return
    assert expected >= now
    assert runs.not_before is None or expected >= min(runs.not_before, runs.expected_at)
    assert expected <= max(now + timedelta(seconds=interval * (1 + JITTER) + 1), runs.expected_at)
    if runs.last_result not in {None, "success"}:
        assert expected <= runs.expected_at


@given(outcomes_in_order(max_size=24), bases)
def test_who_never_had_another_base_is_folded_as_who_has_been_given_it(
    outcomes: list[JudgedOutcome], base: int
) -> None:
    """One good run by the new base leaves nothing of the one before."""
    policy = with_own_base(POLICY, base)
    given, _ = moved(runs_after(outcomes), base)
    good = outcome(100)
    always = runs_after([*outcomes, good], policy)
    assert fold(given, good, policy) == always


@given(outcomes_in_order(), bases, st.data())
def test_how_outcomes_are_cut_into_batches_makes_no_difference_after_a_change(
    outcomes: list[JudgedOutcome], base: int, data: st.DataObject
) -> None:
    policy = with_own_base(POLICY, base)
    cut = data.draw(st.integers(0, len(outcomes)))
    now = outcomes[cut - 1].finished_at if cut else NOW - timedelta(days=40)
    begun = standing(runs_after(outcomes[:cut]), at=now)
    begun, _ = take_interval(begun, POLICY.base_interval, policy, now)
    rest = outcomes[cut:]
    end = rest[-1].finished_at if rest else now
    whole, _ = take_in(begun, rest, policy)
    facts = begun
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        facts, _ = take_in(facts, rest[:size][::-1], policy)
        rest = rest[size:]
    assert look_again(facts, policy, end)[0] == look_again(whole, policy, end)[0]


@given(outcomes_in_order(held=True), bases)
def test_setting_it_twice_is_setting_it_once(outcomes: list[JudgedOutcome], base: int) -> None:
    policy = with_own_base(POLICY, base)
    once, _ = take_interval(standing(runs_after(outcomes)), POLICY.base_interval, policy, NOW)
    twice, changes = take_interval(once, base, policy, NOW)
    assert twice.runs.interval == once.runs.interval
    assert changes == []

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitoring.health.change import (
    Change,
    HealthFacts,
    look_again,
    take_hold,
    take_in,
    take_in_again,
    take_in_late,
)
from monitoring.health.fold import JudgedOutcome, Runs, judge
from tests.factories import NOW
from tests.monitoring.health.makers import POLICY, failure, outcome, outcomes_in_order

BEGAN = NOW - timedelta(days=50)


def new_person() -> HealthFacts:
    runs = Runs(awaiting_since=BEGAN, expected_at=BEGAN)
    return HealthFacts(runs, judge(runs, False, POLICY, BEGAN), BEGAN)


def after(*outcomes: JudgedOutcome) -> HealthFacts:
    return take_in(new_person(), outcomes, POLICY)[0]


def told(changes: list[Change]) -> list[tuple]:
    return [(c.at, c.before.status, c.after.status, c.to_interval) for c in changes]


def test_a_change_names_its_evidence_rule_and_interval() -> None:
    failures = [failure(60), failure(70), failure(90)]
    _, changes = take_in(after(outcome(0)), failures, POLICY)
    assert [(c.before.status, c.after.status) for c in changes] == [
        ("healthy", "degraded"),
        ("degraded", "degraded"),
    ]
    assert [(c.from_interval, c.to_interval) for c in changes] == [(7_200, 7_200), (7_200, 14_400)]
    assert changes[1].evidence == tuple(o.attempt_id for o in failures)
    assert changes[1].rules_version == 1


def test_a_good_run_on_a_healthy_person_changes_nothing_worth_recording() -> None:
    assert take_in(after(outcome(0)), [outcome(120)], POLICY)[1] == []


def test_status_since_is_the_moment_of_the_run_that_changed_it() -> None:
    facts = after(outcome(0), failure(60), failure(70))
    assert facts.status_since == NOW + timedelta(minutes=60)


@given(outcomes_in_order(), st.data())
def test_how_outcomes_are_cut_into_batches_makes_no_difference(
    outcomes: list, data: st.DataObject
) -> None:
    end = outcomes[-1].finished_at if outcomes else NOW
    whole, whole_changes = take_in(new_person(), outcomes, POLICY)
    facts, changes = new_person(), []
    while outcomes:
        size = data.draw(st.integers(1, len(outcomes)))
        batch, outcomes = outcomes[:size], outcomes[size:]
        facts, more = take_in(facts, batch[::-1], POLICY)
        changes += more
    assert look_again(facts, POLICY, end)[0] == look_again(whole, POLICY, end)[0]
    assert told(changes) == told(whole_changes)


@given(outcomes_in_order(max_size=24), st.randoms(use_true_random=False))
def test_outcomes_that_arrive_in_any_order_end_in_the_same_health(
    outcomes: list, random: object
) -> None:
    end = outcomes[-1].finished_at if outcomes else NOW
    in_order = take_in(new_person(), outcomes, POLICY)[0]
    shuffled = list(outcomes)
    random.shuffle(shuffled)
    facts, arrived = new_person(), []
    for each in shuffled:
        arrived.append(each)
        if facts.runs.is_late(each):
            facts, _ = take_in_late(facts, arrived, POLICY)
        else:
            facts, _ = take_in(facts, [each], POLICY)
    facts, _ = look_again(facts, POLICY, end)
    in_order, _ = look_again(in_order, POLICY, end)
    assert (facts.runs, facts.standing) == (in_order.runs, in_order.standing)


@given(outcomes_in_order())
def test_history_since_the_last_good_run_folds_to_the_same_runs_as_all_of_it(
    outcomes: list,
) -> None:
    good = [n for n, each in enumerate(outcomes) if each.result == "success"]
    if not good:
        return
    since = min(good[-1], max(0, len(outcomes) - 24))
    facts = take_in(new_person(), outcomes, POLICY)[0]
    again = take_in_late(new_person(), outcomes[since:], POLICY)[0]
    assert again.runs == facts.runs


def test_a_hold_turns_syncing_off_and_its_end_makes_the_person_due_at_once() -> None:
    held, changes = take_hold(after(outcome(0)), 7, POLICY, NOW)
    assert (held.standing.status, held.hold_id, len(changes)) == ("disabled", 7, 1)
    month_later = NOW + timedelta(days=30)
    free, changes = take_hold(held, None, POLICY, month_later)
    assert (free.standing.status, free.runs.expected_at) == ("healthy", month_later)
    assert [(c.before.status, c.after.status) for c in changes] == [("disabled", "healthy")]


def test_lifting_a_hold_does_not_hide_what_was_wrong_before() -> None:
    refused = after(outcome(0), failure(60, "needs_user"), failure(66, "needs_user"))
    held, _ = take_hold(refused, 7, POLICY, NOW + timedelta(days=1))
    free, _ = take_hold(held, None, POLICY, NOW + timedelta(days=2))
    assert free.standing.status == "stalled"


def test_a_hold_on_somebody_never_connected_leaves_them_never_connected() -> None:
    facts = HealthFacts(Runs(), judge(Runs(), False, POLICY, NOW), NOW)
    held, _ = take_hold(facts, 7, POLICY, NOW)
    free, _ = take_hold(held, None, POLICY, NOW)
    assert (held.standing.status, free.standing.cause) == ("disabled", "never_connected")


def test_an_outcome_that_comes_after_its_silence_was_judged_is_recorded_after_it() -> None:
    facts, silent = look_again(after(outcome(0)), POLICY, NOW + timedelta(hours=9))
    facts, changes = take_in(facts, [outcome(9 * 60 - 1)], POLICY)
    assert [change.after.status for change in (*silent, *changes)] == ["stalled", "healthy"]
    assert changes[0].at == silent[0].at == facts.status_since


def test_time_alone_makes_a_person_overdue_and_then_silent() -> None:
    facts = after(outcome(0))
    seen = []
    for _ in range(2):
        facts, changes = look_again(facts, POLICY, facts.standing.check_at)
        seen += [(change.after.status, change.after.cause) for change in changes]
    assert seen == [("degraded", "overdue"), ("stalled", "silent")]
    assert facts.standing.check_at is None


@given(outcomes_in_order())
def test_the_same_verdicts_given_again_change_nothing(outcomes: list[JudgedOutcome]) -> None:
    facts = after(*outcomes)
    if outcomes:
        again, changes = take_in_again(facts, outcomes, POLICY, NOW)
        assert (again.standing.status, again.status_since, changes) == (
            facts.standing.status,
            facts.status_since,
            [],
        )


@given(outcomes_in_order())
def test_what_other_verdicts_change_changes_when_they_are_given(
    outcomes: list[JudgedOutcome],
) -> None:
    facts = after(*outcomes)
    others = [
        replace(each, interpretation="needs_user", rule="other") if each.interpretation else each
        for each in outcomes
    ]
    if not others:
        return
    again, changes = take_in_again(facts, others, POLICY, NOW)
    late, _ = take_in_late(facts, others, POLICY)
    assert (again.runs, again.standing) == (late.runs, late.standing)
    for change in changes:
        assert change.at == max(NOW, facts.status_since)
        assert change.after == again.standing
    moved = again.standing.status != facts.standing.status
    assert again.status_since == (changes[0].at if moved else facts.status_since)

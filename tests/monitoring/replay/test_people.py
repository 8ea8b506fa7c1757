from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitoring.health.change import Change, HealthFacts, look_again, take_in
from monitoring.health.fold import JudgedOutcome, Runs, judge
from monitoring.replay.people import People
from tests.factories import NOW
from tests.monitoring.health.makers import POLICY, outcome, outcomes_in_order

PERSON = 7
BEGAN = NOW - timedelta(days=50)


def begun() -> People:
    people = People(POLICY)
    people.add(PERSON, Runs(awaiting_since=BEGAN, expected_at=BEGAN), BEGAN)
    return people


@st.composite
def mostly_good(draw: st.DrawFn) -> list[JudgedOutcome]:
    """Draw runs of somebody who is well most of the time."""
    drawn = draw(outcomes_in_order(max_size=60))
    good = draw(st.lists(st.integers(0, 3), min_size=len(drawn), max_size=len(drawn)))
    return [
        outcome(0, attempt_id=each.attempt_id, finished_at=each.finished_at) if place else each
        for each, place in zip(drawn, good, strict=True)
    ]


def one_by_one(outcomes: list[JudgedOutcome]) -> tuple[HealthFacts, list[Change]]:
    """Fold each outcome as it comes, and look again whenever it is time to, as the tick does."""
    runs = Runs(awaiting_since=BEGAN, expected_at=BEGAN)
    facts, changes = HealthFacts(runs, judge(runs, False, POLICY, BEGAN), BEGAN), []
    for each in outcomes:
        while (check_at := facts.standing.check_at) and check_at <= each.finished_at:
            facts, more = look_again(facts, POLICY, check_at)
            changes += more
        facts, more = take_in(facts, [each], POLICY)
        changes += more
    return facts, changes


@given(mostly_good(), st.data())
def test_good_runs_folded_late_come_to_what_each_folded_at_once_comes_to(
    outcomes: list[JudgedOutcome], data: st.DataObject
) -> None:
    people = begun()
    for each in outcomes:
        while (deadline := people.next_deadline) and deadline <= each.finished_at:
            people.look_again(deadline)
        assert people.take(PERSON, each, ())
        if data.draw(st.integers(0, 9)) == 0:
            people.runs(PERSON)
    facts, changes = one_by_one(outcomes)
    known = people.known[PERSON]
    assert known.facts == facts
    assert known.changes == changes
    assert +people.statuses == {facts.standing.status: 1}
    assert +people.intervals == {facts.runs.interval: 1}
    assert bool(people.failing) == (facts.runs.last_result not in {None, "success"})


def test_a_run_that_comes_late_among_good_ones_is_still_late() -> None:
    people = begun()
    late = outcome(60, "failure", interpretation="transient")
    for minutes in (0, 120, 240):
        assert people.take(PERSON, outcome(minutes), ())
    assert not people.take(PERSON, late, ())
    assert people.runs(PERSON).recent == "sfss"
    assert people.runs(PERSON).last_attempt_at == NOW + timedelta(minutes=240)


def test_a_person_adopted_is_as_they_were_and_released_leaves_nothing() -> None:
    people, others = begun(), People(POLICY)
    for minutes in (0, 120):
        people.take(PERSON, outcome(minutes), ())
    others.adopt(PERSON, people.known[PERSON])
    assert others.known[PERSON].facts == people.known[PERSON].facts
    others.take(PERSON, outcome(240, "failure"), ())
    assert people.runs(PERSON).recent == "ss"
    others.release(PERSON)
    assert (len(others), +others.statuses, others.failing, +others.causes) == (0, {}, set(), {})
    assert others.look_again(NOW + timedelta(days=9)) == []


def test_who_has_a_base_interval_of_their_own_is_folded_by_it() -> None:
    people = People(POLICY, {PERSON: 28_800})
    for person in (PERSON, PERSON + 1):
        people.take(person, outcome(0), ())
        people.take(person, outcome(60), ())
    assert [people.runs(each).interval for each in (PERSON, PERSON + 1)] == [28_800, 7_200]
    others = People(POLICY, people.own_intervals)
    others.adopt(PERSON, people.known[PERSON])
    for each in (people, others):
        each.look_again(NOW + timedelta(hours=8))
        assert each.status(PERSON) == "healthy"
    assert people.status(PERSON + 1) == "stalled"

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.health.fold import LOST, JudgedOutcome
from monitoring.health.shields import Shield, hold_penalty, no_shields, provider_of
from tests.factories import NOW
from tests.monitoring.health.makers import failure, outcome

SIGNATURES = (None, "salesforce 503 busy", "salesforce 500 login", "google 403 quota", LOST)
OUTCOMES = st.builds(
    outcome,
    st.integers(-90, 90),
    st.sampled_from(("success", "partial", "failure", "lost")),
    signature=st.sampled_from(SIGNATURES),
)


@st.composite
def shields(draw: st.DrawFn) -> Shield:
    since = draw(st.integers(-60, 60))
    lasts = draw(st.none() | st.integers(0, 60))
    return Shield(
        draw(st.sampled_from(("salesforce", "google", "service"))),
        NOW + timedelta(minutes=since),
        None if lasts is None else NOW + timedelta(minutes=since + lasts),
        draw(st.frozensets(st.integers(1, 3))),
    )


def down(**overrides: object) -> Shield:
    return replace(Shield("salesforce", NOW), **overrides)


def test_a_failure_against_the_provider_in_its_time_is_held() -> None:
    held = hold_penalty(failure(5, signature="salesforce 503 busy"), 1, [down()])
    assert (held.penalty_held, held.canary) == (True, False)


@pytest.mark.parametrize(
    "free",
    [
        outcome(5, signature="salesforce 503 busy"),
        failure(5, signature="google 403 quota"),
        failure(5, signature="salesforcelike 503"),
        failure(5, signature=None),
        failure(-1, signature="salesforce 503 busy"),
        failure(60, signature="salesforce 503 busy"),
    ],
)
def test_what_it_does_not_explain_comes_back_as_it_was(free: JudgedOutcome) -> None:
    assert hold_penalty(free, 1, [down(until=NOW + timedelta(hours=1))]) is free


def test_a_lost_run_is_held_by_an_incident_of_the_service_alone() -> None:
    lost = outcome(5, "lost", signature=LOST)
    assert hold_penalty(lost, 1, [down(provider=provider_of(LOST))]).penalty_held
    assert not hold_penalty(lost, 1, [down()]).penalty_held


def test_canaries_are_such_while_the_shield_covers_their_runs() -> None:
    failed = failure(5, signature="salesforce 503 busy")
    shield = down(canaries=frozenset({1}), until=NOW + timedelta(hours=1))
    assert hold_penalty(failed, 1, [shield]).canary
    assert not hold_penalty(failed, 2, [shield]).canary
    late = failure(61, signature="salesforce 503 busy")
    assert not hold_penalty(late, 1, [shield]).canary


@pytest.mark.parametrize(
    ("signature", "provider"),
    [(None, ""), ("", ""), ("google", "google"), ("salesforce 503 - busy", "salesforce")],
)
def test_a_signature_begins_with_its_provider(signature: str | None, provider: str) -> None:
    assert provider_of(signature) == provider


def test_no_shields_explain_nothing() -> None:
    assert no_shields([1, 2], NOW) == {}


@given(OUTCOMES, st.integers(1, 3), st.lists(shields(), max_size=4))
def test_only_the_two_marks_ever_change(
    judged: JudgedOutcome, person_id: int, explained: list[Shield]
) -> None:
    held = hold_penalty(judged, person_id, explained)
    assert replace(held, penalty_held=False, canary=False) == judged
    assert held.penalty_held == any(shield.covers(judged) for shield in explained)
    assert held.penalty_held or not held.canary


@given(OUTCOMES, st.integers(1, 3), st.lists(shields(), max_size=4), shields())
def test_one_more_incident_never_takes_a_mark_away(
    judged: JudgedOutcome, person_id: int, explained: list[Shield], more: Shield
) -> None:
    if hold_penalty(judged, person_id, explained).penalty_held:
        assert hold_penalty(judged, person_id, [*explained, more]).penalty_held


@given(OUTCOMES, st.lists(shields(), max_size=4))
def test_a_good_run_is_never_held(judged: JudgedOutcome, explained: list[Shield]) -> None:
    good = replace(judged, result="success")
    assert hold_penalty(good, 1, explained) is good


@given(OUTCOMES, shields(), st.integers(1, 60))
def test_a_longer_incident_explains_no_less(
    judged: JudgedOutcome, shield: Shield, minutes: int
) -> None:
    earlier = replace(shield, since=shield.since - timedelta(minutes=minutes))
    if shield.covers(judged):
        assert earlier.covers(judged)
        assert replace(shield, until=None).covers(judged)

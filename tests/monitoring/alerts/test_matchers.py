from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts.matchers import (
    BRIEF,
    LARGE,
    LONGEST,
    PROVIDERS,
    Matcher,
    needs_second_thought,
    problem_of,
    time_problem,
)
from tests.factories import NOW

HOUR = timedelta(hours=1)
SPANS = st.timedeltas(timedelta(days=-200), timedelta(days=200))


@pytest.mark.parametrize(
    ("matcher", "words"),
    [
        (Matcher(), "Everybody"),
        (Matcher(team="Sales"), "Team Sales"),
        (Matcher(provider="salesforce"), "Trouble with Salesforce"),
        (Matcher("Sales", "", "network"), "Trouble with the network in team Sales"),
        (Matcher(cause="sf-session"), "“Session policy”"),
        (
            Matcher("Sales", "sf-session", "salesforce"),
            "“Session policy” with Salesforce in team Sales",
        ),
    ],
)
def test_whom_it_mutes_is_said_in_words(matcher: Matcher, words: str) -> None:
    assert matcher.said("Session policy") == words


def test_a_cause_without_a_title_is_said_as_it_is() -> None:
    assert Matcher(cause="never_connected").said() == "“never connected”"


@given(st.sampled_from(["", "Sales"]), st.sampled_from(["", *PROVIDERS]), st.booleans())
def test_either_something_is_matched_or_everybody_is_meant(
    team: str, provider: str, everybody: bool
) -> None:
    matcher = Matcher(team=team, provider=provider)
    assert (problem_of(matcher, everybody) is None) == (matcher.is_everybody == everybody)


@given(SPANS, SPANS)
def test_a_time_without_a_problem_ends_in_the_future_after_a_bounded_while(
    starts: timedelta, ends: timedelta
) -> None:
    if time_problem(NOW + starts, NOW + ends, NOW) is None:
        assert NOW + ends > NOW
        assert timedelta() < ends - max(starts, timedelta()) <= LONGEST


MATCHERS = st.builds(
    Matcher,
    team=st.sampled_from(["", "Sales"]),
    cause=st.sampled_from(["", "silent"]),
    provider=st.sampled_from(["", *PROVIDERS]),
)
SHARES = st.floats(0, 1)
LASTING = st.timedeltas(timedelta(), LONGEST)


@given(MATCHERS, SHARES, SHARES, LASTING)
def test_a_second_thought_is_asked_for_a_large_part_alone(
    matcher: Matcher, share: float, reached: float, lasts: timedelta
) -> None:
    asked = needs_second_thought(matcher, share, max(share, reached), lasts)
    if share >= LARGE:
        assert asked
    if max(share, reached) < LARGE:
        assert not asked


@given(MATCHERS, SHARES, SHARES, LASTING, LASTING)
def test_what_mutes_more_or_for_longer_is_never_asked_less(
    matcher: Matcher, share: float, reached: float, lasts: timedelta, longer: timedelta
) -> None:
    asked = needs_second_thought(matcher, share, reached, lasts)
    for graver in (
        needs_second_thought(matcher, min(1, share + 0.1), reached, lasts),
        needs_second_thought(matcher, share, min(1, reached + 0.1), lasts),
        needs_second_thought(matcher, share, reached, lasts + longer),
    ):
        assert graver or not asked


@given(st.sampled_from(["", "Sales"]), st.sampled_from(["", *PROVIDERS]), SHARES, LASTING)
def test_a_cause_that_few_have_is_asked_about_where_it_lasts_longer_than_a_day(
    team: str, provider: str, reached: float, lasts: timedelta
) -> None:
    asked = needs_second_thought(Matcher(team, "silent", provider), 0.01, reached, lasts)
    assert asked == (reached >= LARGE and lasts > BRIEF)


@given(SHARES, LASTING)
def test_a_team_widens_by_nobody_and_a_provider_at_once(reached: float, lasts: timedelta) -> None:
    assert not needs_second_thought(Matcher("Sales"), 0.01, reached, lasts)
    salesforce = Matcher(provider="salesforce")
    assert needs_second_thought(salesforce, 0.01, reached, lasts) == (reached >= LARGE)

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts.matchers import (
    LONGEST,
    PROVIDERS,
    Matcher,
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

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitoring.health.fold import PolicyFacts, Runs, fold
from monitoring.health.shields import Shield, hold_penalty
from monitoring.health.store import Folded
from monitoring.incidents.pulses import HORIZON, latest_pulse, person_pulses, pulse_name
from tests.factories import NOW
from tests.monitoring.health.makers import outcomes_in_order

POLICY = PolicyFacts()
LATER = NOW + timedelta(days=1)


@given(outcomes_in_order(max_size=12), st.booleans())
def test_a_person_counts_once_under_the_latest_run(outcomes: list, shielded: bool) -> None:
    shields = [Shield("rule", NOW - timedelta(days=90))] if shielded else []
    counts: Counter = Counter()
    runs = Runs(awaiting_since=NOW - timedelta(days=50))
    for outcome in outcomes:
        # Taken in as it ended, so that each run is within reach of a window at first.
        after = fold(runs, hold_penalty(outcome, 1, shields), POLICY)
        now = outcome.finished_at
        before = latest_pulse(7, runs, now)
        if before is None:
            counts.clear()
        for key, moved in person_pulses(Folded(7, runs, after), now):
            counts[key] += moved
        assert [key for key, number in counts.items() if number] == [latest_pulse(7, after, now)]
        assert sum(counts.values()) == 1
        runs = after


@given(outcomes_in_order(max_size=12))
def test_what_no_window_reaches_changes_nothing(outcomes: list) -> None:
    runs = Runs()
    for outcome in outcomes:
        after = fold(runs, outcome, POLICY)
        late = outcome.finished_at + HORIZON + timedelta(seconds=1)
        assert list(person_pulses(Folded(7, runs, after), late)) == []
        runs = after


def test_a_run_an_incident_explains_is_counted_apart() -> None:
    assert pulse_name("google 503 -", False) == "google 503 -"
    assert pulse_name("google 503 -", True) == "~google 503 -"
    assert pulse_name(None, True) == ""

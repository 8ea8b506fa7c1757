from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitoring.incidents.detection import Thresholds, find_incident
from monitoring.replay.pulse import Pulse
from tests.factories import NOW

SIGNATURES = ("", "", "", "google 503 x", "salesforce 400 y", "salesforce 503 z")
# Seconds since the run before, whose it is, how it ended, and whether somebody looks after it.
RUNS = st.lists(
    st.tuples(
        st.integers(0, 90), st.integers(1, 40), st.sampled_from(SIGNATURES), st.booleans()
    ),
    max_size=150,
)  # fmt: skip


@given(RUNS)
def test_where_an_incident_is_ruled_out_none_would_be_found(
    runs: list[tuple[int, int, str, bool]],
) -> None:
    thresholds = Thresholds()
    pulse, now = Pulse(thresholds), NOW
    for seconds, person, signature, looks in runs:
        now += timedelta(seconds=seconds)
        pulse.take(person, now, signature)
        if looks:
            pulse.slide(now, ())
            if pulse.rules_out(now):
                assert find_incident(pulse.windows(now), pulse.usual, thresholds) is None


def test_it_is_ruled_out_while_few_of_many_fail_and_not_once_many_do() -> None:
    pulse = Pulse(Thresholds())
    for person in range(40):
        pulse.take(person, NOW + timedelta(seconds=person), "")
    now = NOW + timedelta(minutes=1)
    assert pulse.rules_out(now)
    for person in range(15):
        pulse.take(person, now, "salesforce 503 z")
    assert not pulse.rules_out(now)


def test_of_few_who_tried_nothing_is_ruled_out() -> None:
    pulse = Pulse(Thresholds())
    for person in range(10):
        pulse.take(person, NOW, "")
    assert not pulse.rules_out(NOW)

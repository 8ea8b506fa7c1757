from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts.kinds import Severity
from monitoring.alerts.plan_facts import Phase, Told
from monitoring.alerts.told import Line, recorded
from tests.factories import NOW


def line(phase: str = "opened", minutes: float = 0, **overrides: Any) -> Line:
    fields = {
        "alert": 1, "recipient": 2, "phase": phase, "number": 0, "people": 5, "weight": 5.0,
        "at": NOW + timedelta(minutes=minutes), "muted": "", "state": "sent",
    }  # fmt: skip
    return Line(**fields | overrides)


def test_the_last_numbers_and_how_often_are_known() -> None:
    record = recorded(
        [
            line(),
            line("grown", 60, number=1, people=20, weight=20.0),
            line("reminder", 120, number=1, people=18, weight=18.0),
        ]
    )
    told = Told(
        NOW + timedelta(minutes=120),
        18,
        18.0,
        NOW,
        reminders=1,
        growths=1,
        severity=Severity.CRITICAL,
    )
    assert record.told == {(1, 2): told}
    assert not record.unsent
    assert not record.waiting


def test_the_gravest_that_was_told_is_known_as_far_as_it_was_noted() -> None:
    lines = [line(severity=2), line("grown", 60, number=1, severity=3)]
    assert recorded(lines[:1]).told[1, 2].severity is Severity.WARNING
    assert recorded(lines).told[1, 2].severity is Severity.CRITICAL
    assert recorded([line()]).told[1, 2].severity is Severity.CRITICAL


def test_what_was_forgotten_was_told() -> None:
    assert (1, 2) in recorded([line(state=None)]).told


@pytest.mark.parametrize("state", ["sent", "failed", "queued", "sending"])
def test_what_is_on_its_way_or_was_given_up_counts_as_told(state: str) -> None:
    assert (1, 2) in recorded([line(state=state)]).told


def test_what_was_withdrawn_or_muted_was_never_told() -> None:
    record = recorded([line(state="withdrawn"), line(recipient=3, muted="flapping", state=None)])
    assert record.told == {}
    assert record.muted == {(1, 3): ("flapping", 5)}


def test_of_what_nothing_has_left_the_outbox_is_known() -> None:
    record = recorded(
        [
            line(state="queued"),
            line(alert=7),
            line("reminder", 5, alert=7, number=1, state="sending"),
        ]
    )
    assert record.unsent == {(1, 2)}
    assert record.waiting == {1, 7}


def test_where_all_was_given_up_is_known() -> None:
    record = recorded(
        [
            line(state="failed"),
            line(alert=7, state="failed"),
            line("reminder", 5, alert=7, number=1),
            line(alert=8, state="failed"),
            line("reminder", 5, alert=8, number=1, state="queued"),
        ]
    )
    assert record.failed == {(1, 2)}
    assert record.unsent == {(8, 2)}


STATES = st.sampled_from(["sent", "failed", "queued", "sending", "withdrawn", None])
LINES = st.lists(
    st.builds(line, st.sampled_from(list(Phase)), alert=st.integers(1, 3), state=STATES)
)


@given(LINES)
def test_only_what_is_told_can_be_unsent_or_over(lines: list[Line]) -> None:
    record = recorded(lines)
    assert record.unsent | record.failed <= record.told.keys()
    assert not record.unsent & record.failed
    assert {alert for alert, _ in record.unsent} <= record.waiting
    told = {(each.alert, each.recipient) for each in lines if each.state != "withdrawn"}
    assert record.told.keys() == told

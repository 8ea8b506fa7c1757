from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts.hours import Hours, is_awake
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.outlook import Outlook, Why, awake_from, outlook
from monitoring.alerts.plan_facts import Episode, Target, Waits

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WAITS = Waits()
BERLIN = ZoneInfo("Europe/Berlin")


def episode(**overrides: object) -> Episode:
    fields = {"key": 1, "organization_id": 1, "kind": AlertKind.STALLED, "cause": "x", "people": 5}
    return Episode(**fields | {"began_at": NOW - 5 * MINUTE} | overrides)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "route", "expected"),
    [
        ({}, {}, Outlook(Why.WAITING, NOW + 10 * MINUTE)),
        ({"began_at": NOW - 30 * MINUTE}, {}, Outlook(Why.WAITING, NOW)),
        ({"kind": AlertKind.RULE_CHANGE}, {}, Outlook(Why.WAITING, NOW)),
        ({}, {"after": 3_600}, Outlook(Why.WAITING, NOW + 70 * MINUTE)),
        ({"is_acknowledged": True}, {"after": 3_600}, Outlook(Why.ACKNOWLEDGED)),
        ({"is_acknowledged": True}, {}, Outlook(Why.WAITING, NOW + 10 * MINUTE)),
        ({"people": 0, "silenced": 3}, {}, Outlook(Why.SILENCED)),
        ({"flaps": 3}, {}, Outlook(Why.FLAPPING, NOW + 55 * MINUTE)),
        ({"ended_at": NOW}, {}, Outlook(Why.OVER)),
        ({}, {"kinds": frozenset({AlertKind.INCIDENT})}, None),
        ({}, {"least": Severity.CRITICAL}, None),
    ],
)
def test_why_somebody_is_not_told_and_when_they_will_be(
    facts: dict[str, object], route: dict[str, object], expected: Outlook | None
) -> None:
    target = Target(recipient=1, **route)  # type: ignore[arg-type]
    assert outlook(episode(**facts), target, NOW, WAITS) == expected


def test_a_delay_counts_from_when_somebody_was_told() -> None:
    late = Target(recipient=1, after=3_600)
    told_at = NOW - 20 * MINUTE
    known = episode(began_at=NOW - 300 * MINUTE)
    expected = Outlook(Why.WAITING, NOW + 40 * MINUTE)
    assert outlook(known, late, NOW, WAITS, told_at) == expected


def test_quiet_hours_put_it_off_unless_it_is_urgent() -> None:
    hours = Hours(BERLIN, time(12), time(7, 30))
    target = Target(recipient=1, hours=hours)
    tomorrow = datetime(2026, 11, 21, 7, 30, tzinfo=BERLIN)
    assert outlook(episode(), target, NOW, WAITS) == Outlook(Why.QUIET, tomorrow)
    urgent = outlook(episode(severity=Severity.CRITICAL), target, NOW, WAITS)
    assert urgent == Outlook(Why.WAITING, NOW + 10 * MINUTE)


def test_days_off_put_it_off_and_who_works_on_none_is_never_told() -> None:
    # The 20th is a Friday.
    mondays = Hours(BERLIN, days=frozenset({1}))
    monday = datetime(2026, 11, 23, tzinfo=BERLIN)
    target = Target(recipient=1, hours=mondays)
    assert outlook(episode(), target, NOW, WAITS) == Outlook(Why.QUIET, monday)
    never = Target(recipient=1, hours=Hours(days=frozenset()))
    assert outlook(episode(), never, NOW, WAITS) == Outlook(Why.QUIET, None)


CLOCKS = st.none() | st.times()
HOURS = st.builds(
    Hours,
    zone=st.sampled_from([UTC, BERLIN, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")]),
    quiet_from=CLOCKS,
    quiet_until=CLOCKS,
    days=st.frozensets(st.integers(1, 7)),
)


@given(HOURS, st.integers(0, 366 * 24 * 60))
def test_the_first_waking_time_is_one_and_none_comes_before_it(hours: Hours, minutes: int) -> None:
    moment = NOW + minutes * MINUTE
    found = awake_from(hours, moment)
    if found is None:
        assert not hours.days or not any(
            is_awake(hours, moment + timedelta(minutes=15 * step)) for step in range(4 * 24 * 7)
        )
        return
    assert found >= moment
    assert is_awake(hours, found)
    steps = int((found - moment) / timedelta(minutes=15))
    assert not any(is_awake(hours, moment + timedelta(minutes=15 * step)) for step in range(steps))

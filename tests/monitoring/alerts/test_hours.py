from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts.hours import EVERY_DAY, Hours, is_awake, next_awake
from monitoring.alerts.kinds import Severity
from monitoring.alerts.plan import is_reachable
from tests.monitoring.alerts.lives import episode

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = Hours(BERLIN, time(22), time(7))
WEEKDAYS = frozenset(range(1, 6))

zones = st.sampled_from(
    [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")]
)
clocks = st.none() | st.times().map(lambda each: each.replace(second=0, microsecond=0))
hours = st.builds(Hours, zones, clocks, clocks, st.frozensets(st.integers(1, 7)), st.booleans())
moments = st.integers(0, 365 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


def in_berlin(day: int, hour: int, minute: int = 0, month: int = 6) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=BERLIN).astimezone(UTC)


@pytest.mark.parametrize(
    ("hour", "minute", "awake"),
    [(21, 59, True), (22, 0, False), (0, 0, False), (6, 59, False), (7, 0, True)],
)
def test_quiet_hours_reach_over_midnight_on_the_recipients_clock(
    hour: int, minute: int, awake: bool
) -> None:
    assert is_awake(NIGHT, in_berlin(10, hour, minute)) is awake


def test_quiet_hours_may_lie_within_a_day() -> None:
    noon = Hours(BERLIN, time(12), time(13))
    assert [is_awake(noon, in_berlin(10, hour)) for hour in (11, 12, 13)] == [True, False, True]


def test_no_hours_or_equal_ones_are_never_quiet() -> None:
    for quiet in (Hours(), Hours(BERLIN, time(7)), Hours(BERLIN, time(7), time(7))):
        assert all(is_awake(quiet, in_berlin(10, hour)) for hour in range(24))


def test_working_days_are_those_of_the_recipients_calendar() -> None:
    working = Hours(BERLIN, days=WEEKDAYS)
    # Friday 12 June, late in the evening, is Saturday in Berlin half an hour before it is in UTC.
    assert is_awake(working, in_berlin(12, 23, 59))
    assert not is_awake(working, in_berlin(13, 0, 30))
    assert in_berlin(13, 0, 30).isoweekday() == 5
    assert is_awake(working, in_berlin(15, 0))


def test_the_night_is_as_long_as_the_clock_says_when_it_changes() -> None:
    # 29 March 2026: two becomes three; 25 October: three becomes two.
    spring = next_awake(NIGHT, in_berlin(28, 22, month=3))
    autumn = next_awake(NIGHT, in_berlin(24, 22, month=10))
    assert spring == in_berlin(29, 7, month=3)
    assert autumn == in_berlin(25, 7, month=10)
    assert spring - in_berlin(28, 22, month=3) == timedelta(hours=8)
    assert autumn - in_berlin(24, 22, month=10) == timedelta(hours=10)


def test_an_hour_that_the_clock_leaves_out_is_over_when_it_has() -> None:
    until = Hours(BERLIN, time(22), time(2, 30))
    assert next_awake(until, in_berlin(28, 23, month=3)) == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_an_hour_that_comes_twice_is_quiet_twice() -> None:
    until = Hours(BERLIN, time(2, 15), time(2, 45))
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert not is_awake(until, first)
    assert is_awake(until, first + timedelta(minutes=30))
    assert not is_awake(until, first + timedelta(hours=1))


def test_what_is_urgent_wakes_those_who_want_it() -> None:
    night = in_berlin(10, 3)
    critical = episode(severity=Severity.CRITICAL)
    assert is_reachable(NIGHT, critical, night)
    assert not is_reachable(replace(NIGHT, urgent_always=False), critical, night)
    assert not is_reachable(NIGHT, episode(severity=Severity.WARNING), night)


def test_who_works_on_no_day_is_never_awake() -> None:
    assert next_awake(Hours(days=frozenset()), in_berlin(10, 3)) is None


@given(moments)
def test_everybody_is_awake_who_has_set_nothing(now: datetime) -> None:
    assert is_awake(Hours(), now)


@given(hours, moments)
def test_the_next_time_awake_is_one_and_there_is_none_before(
    set_hours: Hours, now: datetime
) -> None:
    found = next_awake(set_hours, now)
    if found is None:
        assert set_hours.days < EVERY_DAY or set_hours.quiet_from is not None
        return
    assert found > now.replace(second=0, microsecond=0)
    assert is_awake(set_hours, found)
    step = timedelta(minutes=1)
    if found - step > now:
        assert not is_awake(set_hours, found - step)


@given(zones, moments, st.times(), st.times())
def test_quiet_and_its_opposite_share_the_day(
    zone: ZoneInfo, now: datetime, one: time, other: time
) -> None:
    if one != other:
        both = Hours(zone, one, other), Hours(zone, other, one)
        assert sorted(is_awake(each, now) for each in both) == [False, True]

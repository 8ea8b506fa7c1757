from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts.digest_times import (
    Cadence,
    digest_after,
    last_digest,
    next_digest,
    period_of,
)

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
# A day that a country left out, and clocks that are changed by half an hour.
APIA, LORD_HOWE = ZoneInfo("Pacific/Apia"), ZoneInfo("Australia/Lord_Howe")
moments = st.floats(1.3e9, 1.9e9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
cadences = st.builds(
    Cadence,
    is_weekly=st.booleans(),
    hour=st.integers(0, 23),
    zone=st.timezones() | st.sampled_from([BERLIN, NEW_YORK, APIA, LORD_HOWE]),
)


def skipped(cadence: Cadence, moment: datetime) -> bool:
    """Tell whether the hour of a digest was not on the clock that day."""
    return moment.astimezone(cadence.zone).hour != cadence.hour


@given(cadences, moments)
def test_the_next_digest_is_at_its_hour_of_a_day_that_fits(cadence: Cadence, now: datetime) -> None:
    due = next_digest(cadence, now)
    local = due.astimezone(cadence.zone)
    assert now < due <= now + timedelta(days=8 if cadence.is_weekly else 2, hours=2)
    assert due.tzinfo is UTC
    assert local.hour == cadence.hour or skipped(cadence, due)
    if cadence.is_weekly and not skipped(cadence, due):
        assert local.isoweekday() == 1


@given(cadences, moments)
def test_none_is_missed_and_none_is_told_twice(cadence: Cadence, now: datetime) -> None:
    due = next_digest(cadence, now)
    assert last_digest(cadence, due) == due
    assert last_digest(cadence, now) <= now < due
    assert next_digest(cadence, last_digest(cadence, now)) == due


@given(cadences, moments)
def test_periods_follow_each_other_without_a_gap(cadence: Cadence, now: datetime) -> None:
    period = period_of(cadence, now)
    assert period.before < period.first < period.end <= now
    earlier = period_of(cadence, period.first)
    assert (earlier.first, earlier.end) == (period.before, period.first)
    assert earlier.day < period.day


@given(moments, st.integers(0, 23), st.timezones())
def test_never_is_never(now: datetime, hour: int, zone: tzinfo) -> None:
    assert digest_after("never", hour, zone, now) is None
    daily = digest_after("daily", hour, zone, now)
    assert daily == next_digest(Cadence(is_weekly=False, hour=hour, zone=zone), now)


@pytest.mark.parametrize(
    ("zone", "hour", "day", "expected", "hours"),
    [
        # Clocks go forward at 2: that day is an hour short, and 2:30 does not exist.
        (BERLIN, 8, date(2026, 3, 29), "2026-03-29T06:00", 23),
        (BERLIN, 2, date(2026, 3, 29), "2026-03-29T01:00", 24),
        # Clocks go back at 3: of the two times 2:00 the first counts.
        (BERLIN, 8, date(2026, 10, 25), "2026-10-25T07:00", 25),
        (BERLIN, 2, date(2026, 10, 25), "2026-10-25T00:00", 24),
        (NEW_YORK, 1, date(2026, 11, 1), "2026-11-01T05:00", 24),
        (LORD_HOWE, 8, date(2026, 10, 4), "2026-10-03T21:00", 23.5),
    ],
)
def test_days_on_which_clocks_change_have_one_digest(
    zone: ZoneInfo, hour: int, day: date, expected: str, hours: float
) -> None:
    cadence = Cadence(is_weekly=False, hour=hour, zone=zone)
    midnight = datetime.combine(day, time(), zone).astimezone(UTC)
    due = next_digest(cadence, midnight - timedelta(seconds=1))
    assert due == datetime.fromisoformat(expected).replace(tzinfo=UTC)
    period = period_of(cadence, due)
    assert period.end - period.first == timedelta(hours=hours)
    assert period.day == day


def test_a_weekly_one_comes_on_mondays() -> None:
    friday = datetime(2026, 11, 20, 12, tzinfo=UTC)
    cadence = Cadence(is_weekly=True, hour=8, zone=BERLIN)
    assert next_digest(cadence, friday) == datetime(2026, 11, 23, 7, tzinfo=UTC)
    assert period_of(cadence, friday).end == datetime(2026, 11, 16, 7, tzinfo=UTC)

from __future__ import annotations

from dataclasses import replace
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
from monitoring.alerts.hours import Hours, is_awake, is_quiet

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
# A day that a country left out, and clocks that are changed by half an hour.
APIA, LORD_HOWE = ZoneInfo("Pacific/Apia"), ZoneInfo("Australia/Lord_Howe")
moments = st.floats(1.3e9, 1.9e9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
zones = st.timezones() | st.sampled_from([BERLIN, NEW_YORK, APIA, LORD_HOWE])
always = st.builds(Hours, zones)
clocks = st.times().map(lambda each: each.replace(second=0, microsecond=0))
some_days = st.frozensets(st.integers(1, 7), min_size=1)
# Quiet at times that every clock has on every day, and on some days.
hours = st.builds(Hours, zones, clocks, clocks, some_days, st.booleans())
cadences = st.builds(Cadence, is_weekly=st.booleans(), hour=st.integers(0, 23), hours=hours)
whole_weeks = st.builds(Cadence, is_weekly=st.booleans(), hour=st.integers(0, 23), hours=always)


def skipped(cadence: Cadence, moment: datetime) -> bool:
    """Tell whether the hour of a digest, or the end of quiet hours, was not on the clock that day.

    Where a day or an hour was left out, or clocks went forward, it comes later.
    """
    local = moment.astimezone(cadence.zone)
    return local.time() not in {time(cadence.hour), cadence.hours.quiet_until}


@given(whole_weeks, moments)
def test_the_next_digest_is_at_its_hour_of_a_day_that_fits(cadence: Cadence, now: datetime) -> None:
    due = next_digest(cadence, now)
    local = due.astimezone(cadence.zone)
    assert now < due <= now + timedelta(days=8 if cadence.is_weekly else 2, hours=2)
    assert due.tzinfo is UTC
    assert local.hour == cadence.hour or skipped(cadence, due)
    if cadence.is_weekly and not skipped(cadence, due):
        assert local.isoweekday() == 1


@given(cadences, moments)
def test_none_comes_in_quiet_hours_or_on_a_day_off(cadence: Cadence, now: datetime) -> None:
    due = next_digest(cadence, now)
    assert now < due <= now + timedelta(days=15)
    assert is_awake(cadence.hours, due) or skipped(cadence, due)


@given(cadences, moments)
def test_a_daily_one_comes_on_each_working_day(cadence: Cadence, now: datetime) -> None:
    daily = replace(cadence, is_weekly=False)
    dues = [next_digest(daily, now)]
    while len(dues) < 8:
        dues.append(next_digest(daily, dues[-1]))
    if any(skipped(daily, due) for due in dues):
        return
    found = [due.astimezone(daily.zone).date() for due in dues]
    day, expected = found[0], []
    while len(expected) < 8:
        if day.isoweekday() in daily.days:
            expected.append(day)
        day += timedelta(days=1)
    assert found == expected


@given(cadences, moments)
def test_one_comes_a_week_from_the_hour_of_its_first_working_day_on(
    cadence: Cadence, now: datetime
) -> None:
    weekly = replace(cadence, is_weekly=True)
    due = next_digest(weekly, now)
    following = next_digest(weekly, due)
    if skipped(weekly, due) or skipped(weekly, following):
        return
    local = due.astimezone(weekly.zone)
    assert following.astimezone(weekly.zone).date() - local.date() == timedelta(days=7)
    if local.time() == time(weekly.hour) != weekly.hours.quiet_until:
        assert local.isoweekday() == min(weekly.days)
    elif is_quiet(weekly.hours, time(weekly.hour)):
        assert local.time() == weekly.hours.quiet_until


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
    assert earlier.end < period.end


@given(moments, st.integers(0, 23), st.timezones())
def test_never_is_never(now: datetime, hour: int, zone: tzinfo) -> None:
    assert digest_after("never", hour, Hours(zone), now) is None
    daily = digest_after("daily", hour, Hours(zone), now)
    assert daily == next_digest(Cadence(is_weekly=False, hour=hour, hours=Hours(zone)), now)


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
    cadence = Cadence(is_weekly=False, hour=hour, hours=Hours(zone))
    midnight = datetime.combine(day, time(), zone).astimezone(UTC)
    due = next_digest(cadence, midnight - timedelta(seconds=1))
    assert due == datetime.fromisoformat(expected).replace(tzinfo=UTC)
    period = period_of(cadence, due)
    assert period.end - period.first == timedelta(hours=hours)
    assert period.end.astimezone(zone).date() == day


def test_a_weekly_one_comes_on_mondays() -> None:
    friday = datetime(2026, 11, 20, 12, tzinfo=UTC)
    cadence = Cadence(is_weekly=True, hour=8, hours=Hours(BERLIN))
    assert next_digest(cadence, friday) == datetime(2026, 11, 23, 7, tzinfo=UTC)
    assert period_of(cadence, friday).end == datetime(2026, 11, 16, 7, tzinfo=UTC)


OFFICE = frozenset(range(1, 6))


@pytest.mark.parametrize(
    ("weekly", "hour", "hours", "expected"),
    [
        # 2026-11-20 is a Friday.
        (False, 8, Hours(UTC, days=OFFICE), ["23T08:00", "24T08:00"]),
        # It comes when quiet hours end, on a day that is none off.
        (False, 12, Hours(UTC, time(11), time(14), OFFICE), ["20T14:00", "23T14:00"]),
        (False, 23, Hours(UTC, time(22), time(7), OFFICE), ["23T07:00", "24T07:00"]),
        (False, 5, Hours(UTC, time(22), time(7, 30)), ["21T07:30", "22T07:30"]),
        (True, 8, Hours(UTC, days=OFFICE), ["23T08:00", "30T08:00"]),
        (True, 8, Hours(UTC, days=OFFICE - {1}), ["24T08:00"]),
        (True, 23, Hours(UTC, time(22), time(7), OFFICE), ["24T07:00"]),
        (True, 8, Hours(UTC, days=frozenset({6, 7})), ["21T08:00", "28T08:00"]),
    ],
)
def test_days_off_and_quiet_hours_move_it(
    weekly: bool, hour: int, hours: Hours, expected: list[str]
) -> None:
    cadence = Cadence(is_weekly=weekly, hour=hour, hours=hours)
    now, found = datetime(2026, 11, 20, 12, tzinfo=UTC), []
    for _ in expected:
        now = next_digest(cadence, now)
        found.append(f"{now:%dT%H:%M}")
    assert found == expected


def test_after_a_weekend_it_tells_of_the_weekend_too() -> None:
    cadence = Cadence(is_weekly=False, hour=8, hours=Hours(BERLIN, days=OFFICE))
    monday = datetime(2026, 11, 23, 8, tzinfo=BERLIN)
    period = period_of(cadence, monday)
    assert (period.end - period.first, period.first - period.before) == (
        timedelta(days=3),
        timedelta(days=1),
    )
    assert period_of(cadence, monday + timedelta(days=1)).first == monday


def test_clocks_that_change_in_quiet_hours_move_nothing_else() -> None:
    # Clocks go forward on Sunday, 2026-03-29, at 2: those quiet hours are one shorter.
    cadence = Cadence(is_weekly=False, hour=23, hours=Hours(BERLIN, time(22), time(7)))
    found = [next_digest(cadence, datetime(2026, 3, day, 12, tzinfo=UTC)) for day in (27, 28, 29)]
    assert [f"{each:%dT%H:%M}" for each in found] == ["28T06:00", "29T05:00", "30T05:00"]

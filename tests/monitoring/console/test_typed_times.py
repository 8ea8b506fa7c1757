from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.console.typed_times import next_morning, typed_moment, typed_of

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"])
MINUTES = st.integers(0, 15 * 366 * 24 * 60)
MOMENTS = MINUTES.map(lambda minutes: at(2020, 1, 1) + timedelta(minutes=minutes))


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def test_a_time_is_of_the_readers_zone_unless_it_names_one() -> None:
    assert typed_moment("2026-07-01T09:00", BERLIN) == at(2026, 7, 1, 7)
    assert typed_moment("2026-12-01", BERLIN) == at(2026, 11, 30, 23)
    assert typed_moment("2026-07-01T09:00Z", BERLIN) == at(2026, 7, 1, 9)


def test_an_hour_that_is_there_twice_is_taken_whole() -> None:
    """Of a window from and until 02:30 the night the clocks are put back nothing is lost."""
    assert typed_moment("2026-10-25T02:30", BERLIN) == at(2026, 10, 25, 0, 30)
    assert typed_moment("2026-10-25T02:30", BERLIN, latest=True) == at(2026, 10, 25, 1, 30)


def test_an_hour_that_is_missing_lies_on_neither_side_too_narrowly() -> None:
    assert typed_moment("2026-03-29T02:30", BERLIN) == at(2026, 3, 29, 0, 30)
    assert typed_moment("2026-03-29T02:30", BERLIN, latest=True) == at(2026, 3, 29, 1, 30)


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-13-01T00:00", "0001-01-01T00:00", "9" * 40])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        typed_moment(text, ZoneInfo("Asia/Kathmandu"))


@given(MOMENTS, ZONES)
def test_what_a_field_holds_is_read_back_to_the_minute(moment: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    text = typed_of(moment, zone)
    assert typed_moment(text, zone) <= moment <= typed_moment(text, zone, latest=True)


@given(MOMENTS, ZONES)
def test_the_next_morning_is_at_eight_by_the_clocks_there(moment: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    morning = next_morning(moment, zone, 8).astimezone(zone)
    assert (morning.hour, morning.minute) == (8, 0)
    assert morning.date() == moment.astimezone(zone).date() + timedelta(days=1)

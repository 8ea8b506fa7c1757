from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from monitoring.console.ranges import DAY, HOUR, RANGES, Range, range_of, stretches_of
from tests.factories import NOW

BERLIN, KATHMANDU = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kathmandu")
STEPS = [HOUR / 2, HOUR, 3 * HOUR, 6 * HOUR, DAY]
# The longest that clocks were ever set forward or back: a day, at the date line.
CHANGE = timedelta(hours=26)


@given(
    st.integers(946_684_800, 4_102_444_800),
    st.sampled_from(RANGES),
    st.sampled_from(STEPS),
    st.timezones(),
)
def test_bars_follow_each_other_and_reach_from_the_span_to_now(
    seconds: int, chosen: Range, step: timedelta, zone: ZoneInfo
) -> None:
    now = datetime.fromtimestamp(seconds, UTC)
    found = stretches_of(now, chosen.span, step, zone)
    assert list(found.edges) == sorted(set(found.edges))
    assert found.edges[-1] <= now < found.end
    assert chosen.span // step - 8 <= len(found.edges) <= chosen.span // step
    assert abs(now - chosen.span + step - found.edges[0]) <= step + CHANGE
    # What is counted by the hour falls into one bar each.
    if step <= HOUR:
        assert all(edge.timestamp() % step.total_seconds() == 0 for edge in found.edges)


@given(st.integers(946_684_800, 4_102_444_800), st.sampled_from([BERLIN, KATHMANDU]))
def test_days_are_the_viewers(seconds: int, zone: ZoneInfo) -> None:
    found = stretches_of(datetime.fromtimestamp(seconds, UTC), 30 * DAY, DAY, zone)
    locals_ = [edge.astimezone(zone) for edge in (*found.edges, found.end)]
    assert {(edge.hour, edge.minute) for edge in locals_} == {(0, 0)}
    assert len({edge.date() for edge in locals_}) == 31


def test_a_day_is_an_hour_longer_when_the_clocks_are_set_back() -> None:
    now = datetime(2026, 10, 26, 12, tzinfo=UTC)
    edges = stretches_of(now, 7 * DAY, DAY, BERLIN).edges
    lengths = {after - before for before, after in pairwise(edges)}
    assert lengths == {DAY, DAY + HOUR}


def test_half_hours_end_with_the_one_that_goes_on() -> None:
    found = stretches_of(NOW + timedelta(minutes=10), DAY, HOUR / 2, BERLIN)
    assert len(found.edges) == 48
    assert (found.edges[-1], found.end) == (NOW, NOW + HOUR / 2)


def test_a_range_that_there_is_not_is_the_shortest() -> None:
    assert [range_of(key).key for key in ("7d", "30d", "1y", "", None)] == [
        "7d",
        "30d",
        "24h",
        "24h",
        "24h",
    ]

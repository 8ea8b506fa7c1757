from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.console.axes import (
    MOST_NUMBERS,
    TimeAxis,
    apart,
    number,
    number_marks,
)
from monitoring.console.moments import DAY, HOUR
from tests.factories import NOW

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = st.sampled_from(
    [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu")]
)
TIMES = st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds of a strategy have no zone
SECONDS = st.one_of(st.integers(0, 3 * HOUR), st.integers(0, 60 * DAY))


def axis(hours: float, end: datetime = NOW, zone: ZoneInfo = BERLIN) -> TimeAxis:
    return TimeAxis(end - timedelta(hours=hours), end, zone)


def texts(shown: TimeAxis, most: int = 5) -> list[str]:
    return [text for _, text in shown.marks(most)]


@given(TIMES, SECONDS, ZONES, st.integers(2, 12))
def test_marks_are_round_local_times_on_the_axis(
    start: datetime, seconds: int, zone: ZoneInfo, most: int
) -> None:
    shown = TimeAxis(start, start + timedelta(seconds=seconds), zone)
    marks = shown.marks(most)
    assert len(marks) <= most
    for moment, text in marks:
        assert shown.start <= moment <= shown.end
        local = moment.astimezone(zone)
        assert local.second == local.microsecond == 0
        assert text.startswith((f"{local:%H:%M}", f"{local.day} {local:%b}"))
    assert all(before < after for (before, _), (after, _) in pairwise(marks))


@given(TIMES, st.integers(10 * 60, 60 * DAY), ZONES)
def test_an_axis_longer_than_minutes_is_never_bare(
    start: datetime, seconds: int, zone: ZoneInfo
) -> None:
    assert TimeAxis(start, start + timedelta(seconds=seconds), zone).marks(5)


def test_the_hour_that_clocks_are_set_back_by_has_marks_both_times() -> None:
    start = datetime(2025, 11, 2, 6, 0, tzinfo=UTC)
    shown = TimeAxis(start, start + timedelta(minutes=10), ZoneInfo("America/New_York"))
    assert [time.astimezone(UTC).minute for time, _ in shown.marks(3)] == [0, 5, 10]


def test_a_clock_has_its_day_below_it_once() -> None:
    assert texts(axis(24)) == ["18:00<br>19 Nov", "00:00<br>20 Nov", "06:00", "12:00"]
    assert texts(axis(7 * 24)) == ["15 Nov", "17 Nov", "19 Nov"]
    assert texts(axis(0.25)) == ["12:45<br>20 Nov", "12:50", "12:55", "13:00"]


def test_an_hour_is_as_long_on_the_day_the_clocks_change() -> None:
    day = axis(24, datetime(2026, 10, 25, 23, tzinfo=UTC))
    assert texts(day, 12)[:3] == ["02:00<br>25 Oct", "04:00", "06:00"]
    places = [day.place(moment) for moment, _ in day.marks(12)]
    assert places[1] - places[0] == 3 * HOUR
    assert places[2] - places[1] == 2 * HOUR


def test_times_that_come_twice_are_told_apart() -> None:
    twice = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    night = axis(24, twice + timedelta(hours=12))
    assert night.said(twice) == "25 Oct 02:30 CEST"
    assert night.said(twice + timedelta(hours=1)) == "25 Oct 02:30 CET"
    assert axis(24).said(NOW) == "20 Nov 13:00"


@given(st.floats(0, 10**9), st.booleans())
def test_numbers_have_few_round_marks_from_nought_to_the_top(top: float, is_whole: bool) -> None:
    marks = number_marks(top, is_whole)
    assert marks[0] == 0
    assert len(marks) <= MOST_NUMBERS + 1
    assert all(mark <= top * (1 + 1e-9) + 1e-9 for mark in marks)
    steps = {round(after - before, 6) for before, after in pairwise(marks)}
    assert len(steps) <= 1
    if is_whole:
        assert all(float(mark).is_integer() for mark in marks)


@pytest.mark.parametrize(
    ("top", "marks"),
    [
        (1.2, [0, 1]),
        (7, [0, 2, 4, 6]),
        (412, [0, 100, 200, 300, 400]),
        (1_500_000, [0, 500_000, 1_000_000, 1_500_000]),
    ],
)
def test_marks_of_whole_numbers(top: float, marks: list[float]) -> None:
    assert number_marks(top, is_whole=True) == marks


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0"), (1_234, "1,234"), (99.25, "99.2"), (99.96, "100"), (1_234_567.89, "1,234,567.9")],
)
def test_numbers_carry_separators(value: float, said: str) -> None:
    assert number(value) == said


@given(st.lists(st.floats(0, 100), max_size=10))
def test_labels_keep_apart_and_in_order(wanted: list[float]) -> None:
    placed = apart(wanted, 10, 0, 100)
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    gaps = [placed[after] - placed[before] for before, after in pairwise(order)]
    assert all(gap >= 10 - 1e-6 for gap in gaps)
    assert all(-1e-6 <= place <= 100 + 1e-6 for place in placed)


def test_labels_far_enough_from_each_other_stay_where_they_are() -> None:
    assert apart([50, 10, 90], 16, 8, 184) == [50, 10, 90]

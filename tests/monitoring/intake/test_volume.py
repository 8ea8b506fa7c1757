from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitoring.intake.volume import WEEK, WEEKS, Copied, missing_estimate
from tests.factories import NOW

HOUR = timedelta(hours=1)
LONG_AGO = NOW - 5 * WEEK
copied_runs = st.lists(
    st.builds(
        Copied,
        st.timedeltas(timedelta(0), 5 * WEEK).map(lambda back: NOW - back),
        st.integers(0, 50),
    )
)
gaps = st.timedeltas(timedelta(0), timedelta(days=60))


def estimate(copied: list[Copied], gap: timedelta, known_from: datetime = LONG_AGO) -> int | None:
    return missing_estimate(copied, known_from=known_from, gap_since=NOW, now=NOW + gap)


def usual_week(*hours: int, meetings: int = 1) -> list[Copied]:
    """So many meetings at these hours after the same weekday, in each of the weeks before."""
    return [
        Copied(NOW - back * WEEK + hour * HOUR, meetings)
        for back in range(1, WEEKS + 1)
        for hour in hours
    ]


def test_a_gap_misses_what_comes_up_at_the_same_time_of_the_week() -> None:
    week = usual_week(2, 5, 100)
    assert [estimate(week, hours * HOUR) for hours in (1, 3, 6, 101)] == [0, 1, 2, 3]


def test_a_gap_of_weeks_misses_whole_weeks_and_the_rest() -> None:
    assert estimate(usual_week(2, 5, 100), 2 * WEEK + 3 * HOUR) == 7


def test_one_great_import_and_one_holiday_make_no_difference() -> None:
    week = usual_week(2, meetings=6)
    imported = [*week, Copied(NOW - 3 * WEEK + HOUR, 900)]
    holiday = [each for each in week if each.at != NOW - 2 * WEEK + 2 * HOUR]
    assert estimate(imported, 4 * HOUR) == estimate(holiday, 4 * HOUR) == 6


def test_what_was_copied_in_spite_of_it_is_not_missing() -> None:
    week = usual_week(2, meetings=6)
    assert estimate([*week, Copied(NOW + HOUR, 4)], 4 * HOUR) == 2


@given(copied_runs, gaps, st.timedeltas(timedelta(0), WEEK - timedelta(microseconds=1)))
def test_of_who_is_known_for_less_than_a_week_nothing_is_said(
    copied: list[Copied], gap: timedelta, known: timedelta
) -> None:
    assert estimate(copied, gap, NOW - known) is None


@given(copied_runs, gaps, gaps)
def test_a_longer_gap_never_misses_less(
    copied: list[Copied], gap: timedelta, longer: timedelta
) -> None:
    assert 0 <= estimate(copied, gap) <= estimate(copied, gap + longer)


@given(copied_runs, st.integers(1, 8))
def test_so_many_whole_weeks_miss_about_so_many_usual_weeks(
    copied: list[Copied], weeks: int
) -> None:
    one = estimate(copied, WEEK)
    assert abs(estimate(copied, weeks * WEEK) - weeks * one) <= weeks


@given(copied_runs, gaps, st.integers(0, 10_000))
def test_what_the_first_run_known_copied_counts_for_nothing(
    copied: list[Copied], gap: timedelta, meetings: int
) -> None:
    first = min((each.at for each in copied), default=LONG_AGO) - HOUR
    imported = [Copied(first, meetings), *copied]
    assert estimate(imported, gap, first) == estimate(copied, gap, first)


@given(gaps)
def test_who_usually_has_no_meetings_misses_none(gap: timedelta) -> None:
    assert estimate([], gap) == 0

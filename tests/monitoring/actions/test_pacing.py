from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from monitoring.actions.pacing import start_offsets

RATES = st.floats(0.1, 100)
LAST = st.none() | st.floats(-600, 600)


@given(st.integers(0, 200), LAST, RATES)
def test_people_start_evenly_and_none_before_now(
    count: int, last: float | None, rate: float
) -> None:
    offsets = start_offsets(count, last, rate)
    assert len(offsets) == count
    assert all(offset >= 0 for offset in offsets)
    assert all(abs(later - sooner - 1 / rate) < 1e-6 for sooner, later in pairwise(offsets))


@given(st.integers(1, 200), st.floats(0, 600), RATES)
def test_the_stream_goes_on_where_the_last_one_queued_starts(
    count: int, last: float, rate: float
) -> None:
    assert abs(start_offsets(count, last, rate)[0] - last - 1 / rate) < 1e-6


@given(LAST, RATES, st.lists(st.tuples(st.integers(1, 50), st.floats(0, 20)), max_size=10))
def test_however_often_somebody_comes_by_two_start_no_closer_than_the_pace(
    last: float | None, rate: float, visits: list[tuple[int, float]]
) -> None:
    clock, starts = 0.0, [] if last is None else [last]
    for count, wait in visits:
        clock += wait
        queued = starts[-1] - clock if starts else None
        starts += [clock + offset for offset in start_offsets(count, queued, rate)]
    assert all(later - sooner >= 1 / rate - 1e-6 for sooner, later in pairwise(starts))

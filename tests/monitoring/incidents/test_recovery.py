from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from monitoring.incidents.recovery import (
    Pace,
    Waiting,
    canaries_to_appoint,
    oldest_gap_first,
    places_free,
    rate_of,
    start_times,
)
from tests.factories import NOW

MINUTES = st.integers(-600, 600)
RATES = st.floats(0.1, 100)


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


@st.composite
def people_waiting(draw: st.DrawFn) -> list[Waiting]:
    ids = draw(st.lists(st.integers(1, 1_000), unique=True, max_size=30))
    return [
        Waiting(person_id, at(draw(st.integers(-600, 0))), draw(st.none() | MINUTES.map(at)))
        for person_id in ids
    ]


PACES = st.builds(
    Pace,
    canaries=st.integers(0, 10),
    people_per_second=st.floats(0.1, 5),
    within=st.integers(60, 7_200),
)


def test_the_oldest_gap_goes_first_and_ties_by_number() -> None:
    waiting = [Waiting(3, at(-5)), Waiting(2, at(-9)), Waiting(1, at(-5))]
    assert [one.person_id for one in oldest_gap_first(waiting)] == [2, 1, 3]


@given(people_waiting(), PACES, st.data())
def test_there_are_never_more_canaries_than_the_pace_allows(
    waiting: list[Waiting], pace: Pace, data: st.DataObject
) -> None:
    ids = [one.person_id for one in waiting]
    canaries = set(data.draw(st.lists(st.sampled_from(ids), max_size=12))) if ids else set()
    appointed = canaries_to_appoint(waiting, canaries, pace, NOW)
    assert len(set(appointed)) == len(appointed)
    assert canaries.isdisjoint(appointed)
    assert not appointed or len(canaries) + len(appointed) <= pace.canaries
    willing = [one for one in waiting if one.may_be_tried(NOW) and one.person_id not in canaries]
    missing = max(pace.canaries - len(canaries), 0)
    assert len(appointed) == min(missing, len(willing))


@given(people_waiting(), PACES, st.integers(0, 40))
def test_nobody_is_tried_sooner_than_the_provider_allows(
    waiting: list[Waiting], pace: Pace, places: int
) -> None:
    allowed = {one.person_id: one.allowed_at for one in waiting}
    for person_id in canaries_to_appoint(waiting, (), pace, NOW):
        assert (allowed[person_id] or NOW) <= NOW
    for person_id, start in start_times(waiting, places, len(waiting), NOW, pace):
        assert (allowed[person_id] or NOW) <= NOW <= start


@given(people_waiting(), PACES, st.integers(0, 40), st.integers(0, 10_000))
def test_starts_are_evenly_spaced_at_the_rate_and_oldest_first(
    waiting: list[Waiting], pace: Pace, places: int, hit: int
) -> None:
    starts = start_times(waiting, places, hit, NOW, pace)
    ready = [one.person_id for one in oldest_gap_first(waiting) if one.may_be_tried(NOW)]
    assert [person_id for person_id, _ in starts] == ready[:places]
    for (_, earlier), (_, later) in pairwise(starts):
        apart = (later - earlier).total_seconds()
        assert abs(apart - 1 / rate_of(hit, pace)) < 1e-5


@given(st.integers(0, 10**5), RATES, st.floats(0, 600))
def test_no_more_are_asked_for_than_the_rate_allows(
    under_way: int, rate: float, seconds: float
) -> None:
    places = places_free(under_way=under_way, per_second=rate, seconds=seconds)
    assert 0 <= places <= rate * seconds + 1
    assert places == 0 or places + under_way - 1 < rate * seconds
    assert places + under_way >= min(rate * seconds, 1)


@given(st.integers(0, 10**4), RATES)
def test_who_has_not_been_heard_of_takes_a_place(under_way: int, rate: float) -> None:
    before = places_free(under_way=under_way, per_second=rate, seconds=30)
    after = places_free(under_way=under_way + 1, per_second=rate, seconds=30)
    assert before - 1 <= after <= before


@given(st.integers(0, 10**6), PACES)
def test_everybody_could_be_through_in_time_and_few_are_never_rushed(hit: int, pace: Pace) -> None:
    rate = rate_of(hit, pace)
    assert rate * pace.within >= hit * (1 - 1e-9)
    assert rate >= pace.people_per_second
    if hit <= pace.people_per_second * pace.within:
        assert rate == pace.people_per_second


@given(people_waiting(), PACES)
def test_all_are_recovered_each_once_however_long_it_takes(
    waiting: list[Waiting], pace: Pace
) -> None:
    left = {one.person_id: one for one in waiting}
    asked: list[int] = []
    now = NOW
    for _ in range(10_000):
        if not left:
            break
        rate = rate_of(len(waiting), pace)
        places = places_free(under_way=0, per_second=rate, seconds=30)
        for person_id, _start in start_times(left.values(), places, len(waiting), now, pace):
            asked.append(person_id)
            del left[person_id]
        now += timedelta(minutes=10)
    assert sorted(asked) == sorted(one.person_id for one in waiting)

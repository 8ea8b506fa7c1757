from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitoring.health.fold import Standing
from monitoring.replay.differences import Differences
from tests.factories import NOW

HEALTHY = Standing("healthy", "")
DELAYED, OTHERWISE_DELAYED = Standing("degraded", "a-rule"), Standing("degraded", "other-rule")
STALLED, OTHERWISE_STALLED = Standing("stalled", "a-rule"), Standing("stalled", "other-rule")
STANDINGS = (HEALTHY, DELAYED, OTHERWISE_DELAYED, STALLED, OTHERWISE_STALLED)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def after(*notes: tuple[float, Standing, Standing], end: float = 600) -> Differences:
    """Return what is noted of person 1 at so many minutes each, and finished at `end`."""
    differences = Differences()
    for minutes, stands, otherwise in notes:
        differences.note(1, NOW + minutes * MINUTE, stands, otherwise)
    differences.finish(NOW + end * MINUTE)
    return differences


def test_a_time_of_another_status_is_a_span() -> None:
    differences = after((0, DELAYED, STALLED), (90, HEALTHY, HEALTHY))
    (moved,) = differences.most_affected
    assert (moved.person, moved.seconds) == (1, 5_400)
    (span,) = moved.spans
    assert (span.since, span.until) == (NOW, NOW + 90 * MINUTE)
    assert (span.from_status, span.from_cause) == ("degraded", "a-rule")
    assert (span.to_status, span.to_cause) == ("stalled", "a-rule")


def test_another_cause_of_who_needs_a_human_counts_and_of_who_waits_does_not() -> None:
    assert after((0, STALLED, OTHERWISE_STALLED)).people == 1
    waits = after((0, DELAYED, OTHERWISE_DELAYED))
    assert (waits.people, waits.reworded, waits.worst_hour) == (0, 1, None)


def test_who_moves_is_not_counted_again_among_those_with_another_reason() -> None:
    differences = after((0, DELAYED, OTHERWISE_DELAYED), (5, DELAYED, STALLED))
    assert (differences.people, differences.reworded) == (1, 0)


def test_what_differs_for_no_time_does_not_differ() -> None:
    differences = after((5, DELAYED, STALLED), (5, HEALTHY, HEALTHY))
    assert (differences.people, differences.worst_hour) == (0, None)


def test_a_difference_that_lasts_has_no_end_and_counts_up_to_the_last_moment() -> None:
    (moved,) = after((540, HEALTHY, STALLED)).most_affected
    assert (moved.seconds, moved.spans[0].until) == (3_600, None)


def test_a_person_counts_once_an_hour_however_often_they_differ_in_it() -> None:
    differences = Differences()
    for minutes in (0, 20, 40):
        differences.note(1, NOW + minutes * MINUTE, HEALTHY, STALLED)
        differences.note(1, NOW + (minutes + 10) * MINUTE, HEALTHY, HEALTHY)
    differences.note(2, NOW + 70 * MINUTE, HEALTHY, STALLED)
    differences.note(3, NOW + 71 * MINUTE, HEALTHY, STALLED)
    differences.finish(NOW + 80 * MINUTE)
    worst = differences.worst_hour
    assert worst is not None
    assert (worst.start, worst.people) == (NOW + HOUR, 2)


def test_the_most_affected_are_two_hundred_at_most_the_longest_first() -> None:
    differences = Differences()
    for person in range(1, 251):
        differences.note(person, NOW + person * MINUTE, HEALTHY, STALLED)
    differences.finish(NOW + 300 * MINUTE)
    affected = differences.most_affected
    assert differences.people == 250
    assert [moved.person for moved in affected] == list(range(1, 201))


@given(
    st.lists(
        st.tuples(
            st.integers(1, 3), st.integers(0, 90), st.sampled_from(STANDINGS),
            st.sampled_from(STANDINGS),
        ),
        max_size=60,
    )
)  # fmt: skip
def test_hours_people_and_seconds_agree_with_looking_at_every_minute(
    notes: list[tuple[int, int, Standing, Standing]],
) -> None:
    differences, at = Differences(), NOW
    standing: dict[int, tuple[Standing, Standing]] = {}
    seconds: dict[int, int] = {}
    hours: dict[datetime, set[int]] = {}
    for person, minutes, stands, otherwise in notes:
        for _ in range(minutes):
            for each, (one, other) in standing.items():
                if one.status != other.status or (one.status == "stalled" and one != other):
                    seconds[each] = seconds.get(each, 0) + 60
                    hours.setdefault(at.replace(minute=0), set()).add(each)
            at += MINUTE
        differences.note(person, at, stands, otherwise)
        standing[person] = stands, otherwise
    differences.finish(at)
    assert {each.person: each.seconds for each in differences.most_affected} == seconds
    worst = differences.worst_hour
    assert (worst.people if worst else 0) == max(map(len, hours.values()), default=0)

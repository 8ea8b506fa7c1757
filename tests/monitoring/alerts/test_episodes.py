from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts.episodes import episodes_after
from monitoring.alerts.plan import Episode
from tests.factories import NOW

CAUSES = ("revoked", "trigger", "silent")
COUNTS = st.lists(st.dictionaries(st.sampled_from(CAUSES), st.integers(0, 9)), max_size=12)


def followed(counts: list[Mapping[str, int]]) -> list[list[Episode]]:
    """Return the episodes after each minute's counts."""
    steps: list[list[Episode]] = []
    going_on: list[Episode] = []
    for minute, stalled in enumerate(counts):
        after = episodes_after(going_on, stalled, 7, NOW + timedelta(minutes=minute))
        steps.append(after)
        going_on = [episode for episode in after if episode.ended_at is None]
    return steps


def test_an_episode_goes_on_from_the_first_person_until_nobody_is_stalled() -> None:
    steps = followed([{"revoked": 1}, {"revoked": 3}, {"revoked": 2}, {}])
    assert [[each.people for each in step] for step in steps] == [[1], [3], [3], [3]]
    assert len({each.key for step in steps for each in step}) == 1
    assert [each.ended_at for step in steps for each in step] == [
        None,
        None,
        None,
        NOW + timedelta(minutes=3),
    ]


def test_who_is_stalled_again_begins_a_new_episode() -> None:
    steps = followed([{"revoked": 1}, {}, {"revoked": 1}])
    assert steps[0][0].key != steps[2][0].key


def test_organizations_do_not_share_keys() -> None:
    (one,), (other,) = (episodes_after([], {"revoked": 1}, number, NOW) for number in (1, 2))
    assert one.key != other.key


@given(COUNTS)
def test_exactly_the_causes_with_people_go_on_each_once(counts: list[Mapping[str, int]]) -> None:
    for stalled, step in zip(counts, followed(counts), strict=True):
        going_on = [each.cause for each in step if each.ended_at is None]
        assert sorted(going_on) == sorted(cause for cause, people in stalled.items() if people)


@given(COUNTS)
def test_an_episode_never_shrinks_nor_ends_before_it_began(
    counts: list[Mapping[str, int]],
) -> None:
    largest: dict[str, int] = {}
    for step in followed(counts):
        for each in step:
            assert each.people >= largest.get(each.key, 1)
            assert each.ended_at is None or each.ended_at >= each.began_at
            largest[each.key] = each.people


@given(COUNTS)
def test_each_end_is_told_once(counts: list[Mapping[str, int]]) -> None:
    ended = [each.key for step in followed(counts) for each in step if each.ended_at is not None]
    assert len(ended) == len(set(ended))


@given(COUNTS)
def test_keys_are_those_of_one_episode_for_all_time(counts: list[Mapping[str, int]]) -> None:
    began = {}
    for step in followed(counts):
        for each in step:
            assert began.setdefault(each.key, (each.cause, each.began_at)) == (
                each.cause,
                each.began_at,
            )


@given(COUNTS)
def test_asking_twice_changes_nothing(counts: list[Mapping[str, int]]) -> None:
    for stalled, step in zip(counts, followed(counts), strict=True):
        going_on = [each for each in step if each.ended_at is None]
        assert episodes_after(going_on, stalled, 7, NOW + timedelta(days=1)) == going_on


def test_a_clock_set_back_ends_an_episode_no_sooner_than_it_began() -> None:
    going_on = episodes_after([], {"revoked": 1}, 7, NOW)
    (ended,) = episodes_after(going_on, {}, 7, NOW - timedelta(hours=1))
    assert ended.ended_at == ended.began_at

"""What holds of growth and reminders, whoever joins and whoever has acknowledged."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts.kinds import AlertKind
from monitoring.alerts.plan_facts import Episode, Phase, Target, Waits
from monitoring.replay.notices import Notices, Sent
from monitoring.replay.numbers import Numbers
from tests.monitoring.replay.test_notices import ACME, at, incident, minute_of, stalled

WAITS = Waits()
STEP = 10
DAY = 24 * 60
# The people that join at each step, most of the time none.
JOINING = st.lists(st.sampled_from((0, 0, 0, 0, 1, 2, 3, 9, 30)), min_size=1, max_size=100)
ONE_BY_ONE = st.lists(st.sampled_from((0, 0, 0, 1)), min_size=20, max_size=80)
SHARES = st.lists(st.sampled_from((0.0, 0.0, 0.0, 0.05, 0.1, 0.2)), min_size=100, max_size=100)
# Minutes of the day at which one more person stalls, day after day.
ONE_A_DAY = st.lists(st.integers(0, DAY - 1), min_size=2, max_size=9)


class Acknowledged(Notices):
    """Messages of alerts that somebody acknowledges at one moment."""

    def __init__(self, moment: datetime) -> None:
        super().__init__(ACME, [Target("admin")], Numbers())
        self._moment = moment

    def acknowledged_at(self, episode: Episode, now: datetime) -> datetime | None:
        return self._moment if self._moment <= now else None


def grown(sent: Sequence[Sent]) -> list[tuple[Sent, Sent]]:
    """Return each message of growth, after the one that was told before it."""
    return [(before, each) for before, each in pairwise(sent) if each.message.phase is Phase.GROWN]


def played(joining: Sequence[int]) -> Notices:
    notices = Notices(ACME, [Target("admin")], Numbers())
    for step, people in enumerate(accumulate(joining, initial=1)):
        notices.hear([stalled(people)], at(STEP * step))
    return notices


@given(JOINING | ONE_BY_ONE)
def test_growth_is_told_once_an_hour_at_most_and_few_times(joining: list[int]) -> None:
    told = grown(played(joining).sent)
    for before, each in told:
        assert each.at - before.at >= timedelta(seconds=WAITS.grown)
        assert each.message.people >= 2 * before.message.people
    # 1, 2, 4, 8: then it takes three times as many.
    assert sum(before.message.people < 10 for before, _ in told) <= 4


@given(JOINING | ONE_BY_ONE)
def test_twice_the_few_people_who_were_told_of_are_told_within_the_hour(
    joining: list[int],
) -> None:
    sent, counts = played(joining).sent, list(accumulate(joining, initial=1))
    times = [each.at for each in sent]
    for step, people in enumerate(counts):
        place = bisect_right(times, at(STEP * step)) - 1
        if place < 0:
            continue
        told = sent[place].message.people
        if told < 10 and at(STEP * step) - times[place] >= timedelta(seconds=WAITS.grown):
            assert people < 2 * told


@given(JOINING, SHARES)
def test_an_incident_grows_in_people_and_in_share(joining: list[int], more: list[float]) -> None:
    notices = Notices(ACME, [Target("admin")], Numbers())
    counts, shares = accumulate(joining, initial=3), accumulate(more, initial=0.3)
    for step, (people, share) in enumerate(zip(counts, shares, strict=False)):
        found = replace(incident("1"), people=people, weight=min(share, 1.0))
        notices.hear([found], at(STEP * step))
    for before, each in grown(notices.sent):
        assert each.at - before.at >= timedelta(seconds=WAITS.grown)
        assert each.message.people >= max(3 * before.message.people, before.message.people + 10)
        assert each.episode.weight >= 1.49 * before.episode.weight
    # No share can be half as large again more than a few times.
    assert len(grown(notices.sent)) <= 2


@given(JOINING)
def test_of_one_share_an_incident_is_told_once_however_many_come_along(
    joining: list[int],
) -> None:
    notices = Notices(ACME, [Target("admin")], Numbers())
    for step, people in enumerate(accumulate(joining, initial=20)):
        notices.hear([replace(incident("1"), people=people, weight=1.0)], at(STEP * step))
    assert not grown(notices.sent)


@given(ONE_A_DAY, st.integers(16, 3 * DAY))
def test_of_one_more_person_a_day_each_is_in_some_number_within_25_hours(
    minutes: list[int], acknowledged: int
) -> None:
    stalls = [0, *(DAY * (day + 1) + minute for day, minute in enumerate(minutes))]
    notices = Acknowledged(at(acknowledged))
    for minute in range(0, stalls[-1] + 2 * DAY, STEP):
        notices.hear([stalled(bisect_right(stalls, minute))], at(minute))
    for number, stalled_at in enumerate(stalls, start=1):
        heard = [minute_of(each.at) for each in notices.sent if each.message.people >= number]
        assert min(heard) - stalled_at <= 25 * 60


@given(st.integers(21, 2 * DAY), st.integers(1, 40))
def test_what_is_acknowledged_and_as_it_was_is_silent_for_a_week_and_then_told_daily(
    acknowledged: int, people: int
) -> None:
    notices = Acknowledged(at(acknowledged))
    for minute in range(0, 12 * DAY, STEP):
        notices.hear([stalled(people)], at(minute))
    times = [minute_of(each.at) for each in notices.sent]
    assert not [time for time in times if acknowledged < time < acknowledged + 7 * DAY]
    later = [time for time in times if time >= acknowledged + 7 * DAY]
    assert later[0] <= acknowledged + 7 * DAY + STEP
    assert all(after - before == DAY for before, after in pairwise(later))
    assert {each.message.phase for each in notices.sent[1:]} == {Phase.REMINDER}


def test_a_kind_of_everybody_grows_as_ever() -> None:
    notices = Notices(ACME, [Target("admin")], Numbers())
    notices.kinds = frozenset(AlertKind)
    for minute, people in ((0, 5), (15, 5), (80, 14), (150, 15)):
        found = replace(stalled(people), kind=AlertKind.COVERAGE)
        notices.hear([found], at(minute))
    assert [minute_of(each.at) for each in notices.sent] == [15, 150]

"""What holds of messages whatever fails and heals, tick by tick."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts.findings import Finding
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.plan_facts import Message, Phase, Target
from monitoring.replay.notices import Notices
from monitoring.replay.numbers import Numbers
from tests.factories import NOW

ACME = 1
BOTH = (Target("admin"), Target("boss", after=3_600))
# Minutes that something fails, and then does not: few ticks are enough to cross each wait.
SPANS = st.lists(st.integers(1, 75), min_size=2, max_size=10).filter(
    lambda spans: len(spans) % 2 == 0
)
LONG_ENOUGH = 120


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def notices(*targets: Target) -> Notices:
    return Notices(ACME, targets or BOTH, Numbers())


def stalled(people: int, cause: str = "revoked") -> Finding:
    return Finding(AlertKind.STALLED, ACME, cause, Severity.WARNING, people, weight=people)


def incident(cause: str, provider: str = "salesforce") -> Finding:
    return Finding(
        AlertKind.INCIDENT,
        ACME,
        cause,
        Severity.CRITICAL,
        40,
        weight=0.5,
        facts={"provider": provider},
    )


def failing_in(spans: Sequence[int]) -> list[tuple[int, int]]:
    """Return from when to when it fails, by how long it fails and does not in turns."""
    turns = [0, *accumulate(spans)]
    return list(zip(turns[0::2], turns[1::2], strict=False))


def is_down(times: Iterable[tuple[int, int]], minute: float) -> bool:
    return any(since <= minute < until for since, until in times)


def minute_of(moment: datetime) -> float:
    return (moment - NOW) / timedelta(minutes=1)


def ends_told(played: Notices) -> Counter[tuple[object, object]]:
    over = (each.message for each in played.sent if each.message.phase is Phase.OVER)
    return Counter((each.episode, each.recipient) for each in over)


def beginnings_told(played: Notices) -> set[tuple[object, object]]:
    opened = (each.message for each in played.sent if each.message.phase is Phase.OPENED)
    return {(each.episode, each.recipient) for each in opened}


def last_to(played: Notices, recipient: str) -> list[Message]:
    theirs = [each for each in played.sent if each.message.recipient == recipient]
    return [each.message for each in theirs if each.at == theirs[-1].at]


def played_place(spans: Sequence[int]) -> Notices:
    played, times = notices(), failing_in(spans)
    for minute in range(sum(spans) + LONG_ENOUGH):
        played.hear([stalled(5)] if is_down(times, minute) else [], at(minute))
    return played


@given(SPANS)
def test_nothing_is_said_to_be_over_that_fails_again_or_did_within_the_half_hour(
    spans: list[int],
) -> None:
    times = failing_in(spans)
    for each in played_place(spans).sent:
        if each.message.phase is Phase.OVER:
            minute = minute_of(each.at)
            assert not any(is_down(times, minute - ago) for ago in range(30))


@given(SPANS)
def test_who_was_told_of_beginnings_is_told_each_end_once_and_last_of_all(
    spans: list[int],
) -> None:
    played = played_place(spans)
    told = beginnings_told(played)
    assert ends_told(played) == dict.fromkeys(told, 1)
    for recipient in {recipient for _, recipient in told}:
        assert {each.phase for each in last_to(played, str(recipient))} == {Phase.OVER}


def test_what_comes_back_ten_minutes_later_is_over_with_what_came_back() -> None:
    played, times = notices(BOTH[0]), [(0, 60), (70, 200)]
    for minute in range(300):
        played.hear([stalled(5)] if is_down(times, minute) else [], at(minute))
    said = [(minute_of(each.at), each.message.phase) for each in played.sent]
    assert said == [(15, "opened"), (85, "opened"), (230, "over"), (230, "over")]


def test_what_comes_back_for_a_moment_puts_the_end_off() -> None:
    played, times = notices(BOTH[0]), [(0, 60), (70, 75)]
    for minute in range(200):
        played.hear([stalled(5)] if is_down(times, minute) else [], at(minute))
    said = [(minute_of(each.at), each.message.phase) for each in played.sent]
    assert said == [(15, "opened"), (105, "over")]


def test_what_comes_back_silenced_puts_no_end_off() -> None:
    played = notices(BOTH[0])
    for minute in range(200):
        found = [stalled(5)] if minute < 60 else []
        found += [replace(stalled(2), silenced=2)] if 70 <= minute < 190 else []
        played.hear(found, at(minute))
    said = [(minute_of(each.at), each.message.phase) for each in played.sent]
    assert said == [(15, "opened"), (90, "over")]


@given(st.lists(st.tuples(st.integers(0, 150), st.integers(1, 150)), min_size=1, max_size=4))
def test_no_incident_is_over_while_a_later_one_of_its_provider_goes_on(
    lives: list[tuple[int, int]],
) -> None:
    times = {str(number): (since, since + lasts) for number, (since, lasts) in enumerate(lives)}
    played = notices()
    for minute in range(300 + LONG_ENOUGH):
        found = [incident(cause) for cause, time in times.items() if is_down([time], minute)]
        played.hear([*found, *([incident("other", "google")] if minute < 400 else [])], at(minute))
    told = {place for place in beginnings_told(played) if "other" not in str(place[0])}
    assert ends_told(played) == dict.fromkeys(told, 1)
    for each in played.sent:
        if each.message.phase is Phase.OVER:
            began = times[each.episode.cause][0]
            later = [time for time in times.values() if time[0] > began]
            assert not any(is_down(later, minute_of(each.at) - ago) for ago in range(30))


@given(SPANS)
def test_when_something_may_be_due_is_known_before(spans: list[int]) -> None:
    """Played only when something changes or may come due, the same is said at the same time."""
    times, played = failing_in(spans), notices()
    turns = sorted({minute for time in times for minute in time})
    now, until = at(0), at(sum(spans) + LONG_ENOUGH)
    while now < until:
        played.hear([stalled(5)] if is_down(times, minute_of(now)) else [], now)
        due = [at(turn) for turn in turns if at(turn) > now] + [until]
        now = min(filter(None, [played.next_message(now), *due]))
    every = [(each.at, each.message) for each in played_place(spans).sent]
    assert [(each.at, each.message) for each in played.sent] == every

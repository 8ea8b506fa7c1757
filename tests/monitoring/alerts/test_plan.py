from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts.plan import Episode, Message, Phase, Waits, messages_due
from tests.factories import NOW

WAITS = Waits()
RECIPIENTS = {1: ("support", "admin"), 2: ("boss",)}
Told = set[tuple[str, str, Phase]]


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def episode(began: float = 0, ended: float | None = None, **overrides: object) -> Episode:
    told = Episode("e1", 1, "incident", "down", 40, at(began), None if ended is None else at(ended))
    return replace(told, **overrides)


def due(episodes: list[Episode], told: Told, minutes: float) -> list[Message]:
    return messages_due(episodes, RECIPIENTS, told, at(minutes), WAITS)


@st.composite
def lives(draw: st.DrawFn) -> list[Episode]:
    """Draw episodes as they will have been in the end; some never do end."""
    drawn = []
    for number in range(draw(st.integers(0, 5))):
        began = draw(st.integers(0, 120))
        lasted = draw(st.none() | st.integers(0, 120))
        drawn.append(
            episode(
                began,
                None if lasted is None else began + lasted,
                key=f"e{number}",
                organization_id=draw(st.sampled_from((1, 2, 3))),
            )
        )
    return drawn


def seen(lived: list[Episode], now: datetime) -> list[Episode]:
    """Return the episodes as they are known at a moment."""
    return [
        replace(one, ended_at=one.ended_at if one.ended_at and one.ended_at <= now else None)
        for one in lived
        if one.began_at <= now
    ]


def sent(lived: list[Episode], steps: list[int]) -> list[tuple[datetime, Message]]:
    """Return what is sent when it is asked for at some moments, so many minutes apart."""
    told: Told = set()
    messages, minute = [], 0
    for step in steps:
        minute += step
        for message in due(seen(lived, at(minute)), told, minute):
            told.add(message.key)
            messages.append((at(minute), message))
    return messages


STEPS = st.lists(st.integers(0, 40), max_size=20)


def test_each_recipient_is_told_of_the_beginning_and_of_the_end() -> None:
    told: Told = set()
    assert due([episode()], told, 14) == []
    opened = due([episode()], told, 15)
    assert opened == [
        Message("e1", recipient, Phase.OPENED, 40) for recipient in ("admin", "support")
    ]
    told |= {message.key for message in opened}
    ended = [episode(0, 60)]
    assert due(ended, told, 89) == []
    assert [message.phase for message in due(ended, told, 90)] == [Phase.OVER, Phase.OVER]


def test_what_healed_in_time_is_never_told() -> None:
    for minutes in (14, 15, 44, 500):
        assert due([episode(0, 14)], set(), minutes) == []


def test_an_end_that_was_none_is_not_told() -> None:
    told: Told = {("e1", "admin", Phase.OPENED), ("e1", "support", Phase.OPENED)}
    assert due([episode(0, 60)], told, 80) == []
    assert due([episode(0)], told, 95) == []


def test_who_was_not_told_of_the_beginning_is_not_told_of_the_end() -> None:
    told: Told = {("e1", "admin", Phase.OPENED)}
    assert [message.recipient for message in due([episode(0, 60)], told, 90)] == ["admin"]


def test_an_organization_without_recipients_is_told_nothing() -> None:
    assert due([episode(organization_id=3)], set(), 60) == []


@given(lives(), STEPS)
def test_each_message_goes_at_most_once(lived: list[Episode], steps: list[int]) -> None:
    keys = [message.key for _, message in sent(lived, steps)]
    assert len(keys) == len(set(keys))


@given(lives(), STEPS)
def test_none_goes_sooner_than_its_episode_has_lasted_or_been_over(
    lived: list[Episode], steps: list[int]
) -> None:
    by_key = {one.key: one for one in lived}
    for moment, message in sent(lived, steps):
        one = by_key[message.episode]
        if message.phase is Phase.OPENED:
            assert moment - one.began_at >= timedelta(seconds=WAITS.opened)
            assert one.ended_at is None or one.ended_at > moment
        else:
            assert one.ended_at is not None
            assert moment - one.ended_at >= timedelta(seconds=WAITS.over)


@given(lives(), STEPS)
def test_an_end_is_told_to_whom_the_beginning_was_and_after_it(
    lived: list[Episode], steps: list[int]
) -> None:
    opened: dict[tuple[str, str], datetime] = {}
    for moment, message in sent(lived, steps):
        place = message.episode, message.recipient
        if message.phase is Phase.OPENED:
            opened[place] = moment
        else:
            assert opened[place] < moment


@given(lives(), STEPS)
def test_only_an_organizations_own_recipients_are_told(
    lived: list[Episode], steps: list[int]
) -> None:
    by_key = {one.key: one for one in lived}
    for _, message in sent(lived, steps):
        own = RECIPIENTS.get(by_key[message.episode].organization_id, ())
        assert message.recipient in own


@given(lives(), STEPS, st.integers(0, 300))
def test_asking_again_at_once_gives_nothing(
    lived: list[Episode], steps: list[int], minute: int
) -> None:
    told: Told = {message.key for _, message in sent(lived, steps)}
    first = due(seen(lived, at(minute)), told, minute)
    told |= {message.key for message in first}
    assert due(seen(lived, at(minute)), told, minute) == []


@given(lives())
def test_who_asks_often_enough_tells_all_that_lasted(lived: list[Episode]) -> None:
    messages = {message.key for _, message in sent(lived, [1] * 400)}
    expected = set()
    for one in lived:
        for recipient in RECIPIENTS.get(one.organization_id, ()):
            if one.ended_at is None or one.ended_at - one.began_at > timedelta(minutes=15):
                expected.add((one.key, recipient, Phase.OPENED))
                if one.ended_at is not None:
                    expected.add((one.key, recipient, Phase.OVER))
    assert messages == expected

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitoring.alerts.findings import Finding
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.plan_facts import Episode, Message, Phase
from monitoring.replay.notices import Sent
from monitoring.replay.told import alerts_apart
from tests.factories import NOW

HOUR = timedelta(hours=1)


def told(
    began: float, ended: float | None = None, cause: str = "a-rule", kind: str = "stalled"
) -> list[Sent]:
    """The messages about an episode that began and ended so many hours after NOW."""
    start, end = NOW + began * HOUR, None if ended is None else NOW + ended * HOUR
    key = f"{kind} {cause} {start}"
    opened = Message(key, "admin", Phase.OPENED, 3)
    episode = Episode(key, 1, kind, cause, 3, start)
    finding = Finding(AlertKind(kind), 1, cause, Severity.WARNING, 3)
    sent = [Sent(start + HOUR / 4, opened, episode, finding)]
    if end is not None:
        over = Message(key, "admin", Phase.OVER, 3)
        sent.append(Sent(end + HOUR / 2, over, replace(episode, ended_at=end), finding))
    return sent


def test_the_same_episodes_leave_nothing() -> None:
    both = [*told(0, 2), *told(5), *told(0, 1, cause="other-rule")]
    assert alerts_apart(both, both) == ([], [])


def test_an_episode_that_began_earlier_on_one_side_is_the_same() -> None:
    assert alerts_apart(told(1, 4), told(0, 3)) == ([], [])


def test_an_episode_of_another_cause_or_time_is_another() -> None:
    for other in (told(0, 2, cause="other-rule"), told(3, 4)):
        dropped, added = alerts_apart(told(0, 2), other)
        assert [alert.phase for alert in dropped] == ["opened", "over"]
        assert [alert.phase for alert in added] == ["opened", "over"]


def test_an_end_that_only_one_side_comes_to_is_an_alert_of_that_side() -> None:
    dropped, added = alerts_apart(told(0, 2), told(0))
    assert [(alert.phase, alert.began) for alert in dropped] == [("over", NOW)]
    assert added == []


def test_several_short_episodes_are_not_all_the_same_long_one() -> None:
    dropped, added = alerts_apart([*told(0, 1), *told(2, 3)], told(0, 3))
    assert [alert.began for alert in dropped] == [NOW + 2 * HOUR] * 2
    assert added == []


def test_incidents_are_the_same_on_either_side_and_left_out() -> None:
    assert alerts_apart(told(0, kind="incident"), []) == ([], [])


EPISODES = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 9) | st.none(), st.sampled_from("abc")),
    max_size=12,
    unique_by=lambda each: (each[0], each[2]),
)


@given(EPISODES, EPISODES)
def test_what_is_on_both_sides_is_taken_from_both(
    one: list[tuple[int, int | None, str]], other: list[tuple[int, int | None, str]]
) -> None:
    first, second = (
        [
            sent
            for began, lasts, cause in each
            for sent in told(began, None if lasts is None else began + lasts, cause)
        ]
        for each in (one, other)
    )
    dropped, added = alerts_apart(first, second)
    assert len(first) - len(dropped) == len(second) - len(added) >= 0

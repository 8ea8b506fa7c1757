from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from monitoring.alerts.item import Item
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.plan_facts import Phase
from monitoring.replay.rehearsal_difference import APART, compared, difference_of, likeness_of
from monitoring.replay.rehearsal_result import Aspect, Difference, Mark, Part, Rehearsed
from tests.factories import NOW

TICK, MINUTE, HOUR = timedelta(seconds=30), timedelta(minutes=1), timedelta(hours=1)
INCIDENT = {
    "kind": AlertKind.INCIDENT,
    "title": "It is busy",
    "facts": {"provider": "salesforce", "rule": "busy"},
}


def part(cause: str = "silent", *people: int, **overrides: Any) -> Part:
    fields: dict[str, Any] = {
        "alert_id": 1,
        "kind": AlertKind.STALLED,
        "phase": Phase.OPENED,
        "severity": Severity.WARNING,
        "cause": cause,
        "title": f"It is {cause}",
        "meaning": "Nothing was heard.",
        "next_step": "Look at it.",
        "people": len(people) or 1,
        "began_at": NOW - HOUR,
        "organization_slug": "acme",
    }
    return Part(Item(**fields | overrides), people, "Everybody")


def message(at: timedelta = timedelta(), *parts: Part, **overrides: Any) -> Rehearsed:
    fields: dict[str, Any] = {
        "at": NOW + at,
        "recipient": 1,
        "name": "Ada",
        "address": "ada@acme.example",
        "channel": "mail",
        "subject": "1 person stopped syncing",
        "parts": parts or (part(),),
    }
    return Rehearsed(**fields | overrides)


def marks(in_force: list[Rehearsed], tried: list[Rehearsed]) -> list[Mark | None]:
    """The marks of the tried messages in their order, then those of what is gone."""
    marked, gone = compared(in_force, tried, TICK)
    return [each.mark for each in [*marked, *gone]]


def aspects(before: Rehearsed, after: Rehearsed) -> tuple[Aspect, ...]:
    (marked,), gone = compared([before], [after], TICK)
    assert gone == []
    return marked.without.aspects if marked.without else ()


def test_what_is_told_on_one_side_only_is_new_or_gone() -> None:
    assert marks([], [message()]) == [Mark.NEW]
    assert marks([message()], []) == [Mark.GONE]


@pytest.mark.parametrize(
    "other",
    [
        message(recipient=2),
        message(timedelta(), part("revoked")),
        message(timedelta(), part(phase=Phase.OVER)),
        message(timedelta(), part(kind=AlertKind.REAUTHORIZE)),
        message(timedelta(), part(organization_slug="")),
        message(APART + TICK),
    ],
    ids=["recipient", "cause", "phase", "kind", "organization", "time"],
)
def test_what_is_told_to_others_of_other_things_or_at_another_time_is_another_message(
    other: Rehearsed,
) -> None:
    assert marks([message()], [other]) == [Mark.NEW, Mark.GONE]


def test_a_tick_later_or_another_route_is_no_difference() -> None:
    by_another = message(TICK, replace(part(), route="Late"))
    assert marks([message()], [by_another]) == [Mark.SAME]


def test_of_what_is_told_twice_the_nearest_in_time_belong_together() -> None:
    in_force = [message(), message(5 * HOUR)]
    assert marks(in_force, [message(5 * HOUR)]) == [Mark.SAME, Mark.GONE]
    assert marks(in_force, [message(4 * HOUR)]) == [Mark.CHANGED, Mark.GONE]
    (changed,), (gone,) = compared(in_force, [message(2 * HOUR)], TICK)
    assert changed.without is not None
    assert (changed.without.at, gone.at) == (NOW, NOW + 5 * HOUR)


def test_of_two_as_near_the_one_about_the_same_alerts_belongs_to_it() -> None:
    both = part(), part("revoked")
    for in_force in (
        [message(), message(2 * HOUR, *both)],
        [message(0 * HOUR, *both), message(2 * HOUR)],
    ):
        (changed,), (gone,) = compared(in_force, [message(HOUR)], TICK)
        assert changed.without is not None
        assert changed.without.aspects == (Aspect.TIME,)
        assert len(gone.parts) == 2


@pytest.mark.parametrize(
    ("after", "found"),
    [
        (message(MINUTE), {Aspect.TIME}),
        (message(timedelta(), part("silent", 1, 2)), {Aspect.PEOPLE}),
        (message(timedelta(), part(people=3)), {Aspect.PEOPLE}),
        (message(timedelta(), part(title="It is quiet")), {Aspect.WORDS}),
        (message(timedelta(), part(is_escalated=True)), {Aspect.WORDS}),
        (message(timedelta(), part(severity=Severity.CRITICAL)), {Aspect.WORDS}),
        (message(timedelta(), part(facts={"share": 0.5})), {Aspect.WORDS}),
        (message(timedelta(), part(), part("revoked")), {Aspect.ALERTS}),
        (
            message(HOUR, part("silent", 4, title="It is quiet")),
            {Aspect.TIME, Aspect.PEOPLE, Aspect.WORDS},
        ),
    ],
    ids=lambda value: "" if isinstance(value, Rehearsed) else "-".join(sorted(value)),
)
def test_a_changed_message_says_in_what(after: Rehearsed, found: set[Aspect]) -> None:
    assert set(aspects(message(), after)) == found


def test_incidents_are_the_same_whatever_their_number() -> None:
    one, other = part("1", **INCIDENT), part("7", alert_id=9, **INCIDENT)
    assert marks([message(timedelta(), one)], [message(timedelta(), other)]) == [Mark.SAME]
    elsewhere = part("1", **INCIDENT | {"facts": {"provider": "google"}})
    apart = marks([message(timedelta(), one)], [message(timedelta(), elsewhere)])
    assert apart == [Mark.NEW, Mark.GONE]


def test_a_bundle_that_lacks_an_alert_is_changed_and_not_gone() -> None:
    both = message(timedelta(), part(), part("revoked"))
    assert aspects(both, message()) == (Aspect.ALERTS,)
    # What told the rest at another time stays apart from it.
    assert marks([both, message(HOUR)], [message(), message(HOUR)]) == [Mark.CHANGED, Mark.SAME]


CAUSES, PHASES = st.sampled_from(["silent", "revoked", "trigger"]), st.sampled_from(list(Phase))


@st.composite
def plays(draw: st.DrawFn) -> list[Rehearsed]:
    """Draw the messages of a play: few recipients, causes and moments, so that many are alike."""
    parts = st.builds(
        part, CAUSES, st.integers(1, 3), phase=PHASES, title=st.sampled_from(["One", "Other"])
    )
    messages = st.builds(
        lambda minutes, parts, recipient: message(minutes * MINUTE, *parts, recipient=recipient),
        st.sampled_from([0, 1, 30, 60, 720, 721, 3_000]),
        st.lists(parts, min_size=1, max_size=3),
        st.integers(1, 2),
    )
    return draw(st.lists(messages, max_size=12))


def found(in_force: list[Rehearsed], tried: list[Rehearsed]) -> Counter[Any]:
    """What is found of messages, as far as they can be told apart."""
    marked, gone = compared(in_force, tried, TICK)
    return Counter(
        (likeness_of(each), each.mark, each.without and (each.without.at, each.without.aspects))
        for each in [*marked, *gone]
    )


@given(plays(), st.randoms(use_true_random=False))
def test_a_play_does_not_differ_from_itself(play: list[Rehearsed], random: Random) -> None:
    again = random.sample(play, len(play))
    marked, gone = compared(play, again, TICK)
    assert difference_of(marked, gone) == Difference(new=0, gone=0, changed=0, same=len(play))


@given(plays(), plays())
def test_every_message_is_counted_once(in_force: list[Rehearsed], tried: list[Rehearsed]) -> None:
    marked, gone = compared(in_force, tried, TICK)
    difference = difference_of(marked, gone)
    assert [replace(each, mark=None, without=None) for each in marked] == tried
    assert difference.same + difference.changed + difference.new == len(tried)
    assert difference.same + difference.changed + difference.gone == len(in_force)
    assert (difference.tried, difference.without) == (len(tried), len(in_force))


@given(plays(), plays(), st.randoms(use_true_random=False))
def test_the_order_of_messages_makes_no_difference(
    in_force: list[Rehearsed], tried: list[Rehearsed], random: Random
) -> None:
    mixed = random.sample(in_force, len(in_force)), random.sample(tried, len(tried))
    assert found(*mixed) == found(in_force, tried)


@given(plays(), plays())
def test_the_other_way_round_what_was_new_is_gone(
    in_force: list[Rehearsed], tried: list[Rehearsed]
) -> None:
    there = difference_of(*compared(in_force, tried, TICK))
    back = difference_of(*compared(tried, in_force, TICK))
    assert back == Difference(
        new=there.gone, gone=there.new, changed=there.changed, same=there.same
    )


@given(plays(), plays())
def test_nothing_is_new_that_somebody_lacks(
    in_force: list[Rehearsed], tried: list[Rehearsed]
) -> None:
    """A new message and one that is gone never belong together."""
    marked, gone = compared(in_force, tried, TICK)
    for one in [each for each in marked if each.mark == Mark.NEW]:
        for other in gone:
            shared = {*likeness_of(one).topics} & {*likeness_of(other).topics}
            is_near = abs(one.at - other.at) <= APART
            assert not (one.recipient == other.recipient and shared and is_near)


@given(plays(), plays(), plays())
@example([message()], [], [message(timedelta(), part(people=0))])
def test_what_both_plays_have_is_as_before(
    shared: list[Rehearsed], gone: list[Rehearsed], new: list[Rehearsed]
) -> None:
    difference = difference_of(*compared(gone + shared, new + shared, TICK))
    assert difference.same >= len(shared)

from __future__ import annotations

from datetime import timedelta

import pytest

from monitoring.console.rehearsal_marks import (
    BOTH,
    CHANGE,
    ROUTES,
    Tried,
    chosen_of,
    difference_sentence,
    differs,
    shows_of,
    tried_of,
)
from monitoring.replay.rehearsal_result import Aspect, Difference, Mark, Rehearsed, Without
from tests.factories import NOW


def difference(new: int = 0, gone: int = 0, changed: int = 0, same: int = 0) -> Difference:
    return Difference(new=new, gone=gone, changed=changed, same=same)


@pytest.mark.parametrize(
    ("counts", "tried", "days", "said"),
    [
        (
            (2, 10, 0, 12),
            CHANGE,
            2,
            "With the change 14 messages, without it 22: 2 new, 10 gone, 12 as before",
        ),
        (
            (0, 0, 1, 0),
            ROUTES,
            1,
            "With the other routes 1 message, without them 1: 1 changed",
        ),
        ((0, 3, 0, 0), BOTH, 1, "With the changes no message, without them 3: 3 gone"),
        ((1_200, 0, 0, 0), CHANGE, 1, "With the change 1,200 messages, without it none: 1,200 new"),
        ((0, 0, 0, 9), CHANGE, 2, "The change changes no message of these days"),
        ((0, 0, 0, 0), ROUTES, 1, "The other routes change no message of this day"),
        ((0, 0, 0, 9), BOTH, 7, "The changes change no message of these days"),
    ],
)
def test_the_sentence_says_what_is_changed(
    counts: tuple[int, int, int, int], tried: Tried, days: int, said: str
) -> None:
    assert difference_sentence(difference(*counts), tried, days) == said


def test_what_is_tried_has_a_name() -> None:
    assert tried_of(change=True, routes=False) == CHANGE
    assert tried_of(change=False, routes=True) == ROUTES
    assert tried_of(change=True, routes=True) == BOTH


def test_the_list_can_be_narrowed_to_parts_that_make_up_the_whole() -> None:
    everything, *parts = shows_of(difference(2, 10, 1, 12), Mark.GONE)
    assert (everything.value, everything.count, everything.is_chosen) == ("", 25, False)
    assert [(each.value, each.words, each.count) for each in parts] == [
        ("new", "New", 2),
        ("gone", "Gone", 10),
        ("changed", "Changed", 1),
        ("same", "As before", 12),
    ]
    assert [each.value for each in parts if each.is_chosen] == ["gone"]


@pytest.mark.parametrize(
    ("asked", "chosen"), [("new", Mark.NEW), ("", None), ("nonsense", None), ("NEW", None)]
)
def test_what_makes_no_sense_narrows_to_nothing(asked: str, chosen: Mark | None) -> None:
    assert chosen_of(asked) == chosen


@pytest.mark.parametrize(
    ("minutes", "aspects", "said"),
    [
        (-130, (Aspect.TIME,), "2 h 10 min later"),
        (1, (Aspect.TIME, Aspect.PEOPLE), "1 min earlier, about other people"),
        (0, (Aspect.ALERTS,), "about other alerts"),
        (0, (Aspect.PEOPLE, Aspect.WORDS), "about other people, in other words"),
    ],
)
def test_a_changed_message_says_in_what(
    minutes: int, aspects: tuple[Aspect, ...], said: str
) -> None:
    before = Without(NOW + timedelta(minutes=minutes), "It stopped", aspects)
    message = Rehearsed(NOW, 1, "Ada", "ada@acme.example", "mail", "It stopped", (), Mark.CHANGED)
    assert differs(message) == ""
    changed = Rehearsed(
        NOW, 1, "Ada", "ada@acme.example", "mail", "It stopped", (), Mark.CHANGED, before
    )
    assert differs(changed) == said

from __future__ import annotations

import pytest

from monitoring.alerts.delivery import KEPT_HERE
from monitoring.alerts.models import MessageState
from monitoring.console.message_words import look_of, sentence, tries
from monitoring.console.silences import named
from monitoring.console.summaries import muted


@pytest.mark.parametrize("state", MessageState)
def test_every_state_has_a_look_of_its_own(state: MessageState) -> None:
    looks = [look_of(each, 0, "") for each in MessageState]
    assert looks.count(look_of(state, 0, "")) == 1


def test_what_waits_after_a_try_and_what_is_kept_here_say_so() -> None:
    assert look_of("queued", 1, "450 Full").word == "Tried again later"
    assert look_of("sent", 1, KEPT_HERE).word == "Kept here"
    assert look_of("sent", 2, "").word == "Sent"


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"failed": 2, "waiting": 3}, "2 messages could not be delivered"),
        ({"waiting": 1}, "Nothing failed, 1 message waits to be sent"),
        ({"waiting": 1_200}, "Nothing failed, 1,200 messages wait to be sent"),
        ({}, "Nothing failed, every message went out"),
        ({"kept": True}, "Nothing failed, mails are kept here"),
        ({"known": False, "kept": True}, "No message yet"),
    ],
)
def test_what_needs_somebody_is_said_first(facts: dict[str, int], words: str) -> None:
    quiet = {"failed": 0, "waiting": 0, "known": True, "kept": False}
    assert sentence(**quiet | facts) == words


def test_tries_are_counted_in_words() -> None:
    assert [tries(number) for number in (0, 1, 2)] == ["none yet", "1 try", "2 tries"]


@pytest.mark.parametrize(
    ("people", "share", "words"),
    [
        (212, 0.49, "212 people (49\xa0%)"),
        (1, 0.004, "1 person (under 1\xa0%)"),
        (0, 0.0, "0 people"),
        (5, 1.0, "5 people (100\xa0%)"),
    ],
)
def test_a_silence_says_how_many_it_mutes(people: int, share: float, words: str) -> None:
    assert muted(people, share) == words


def test_it_names_the_first_and_counts_the_others() -> None:
    assert named(["Ada", "Ben"], 2) == "Ada, Ben"
    assert named(["Ada", "Ben"], 1_212) == "Ada, Ben and 1,210 more"

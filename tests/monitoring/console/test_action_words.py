"""The words of actions."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.actions.models import Action, ActionState, Kind, PersonState
from monitoring.actions.policy import ActionPolicyFacts
from monitoring.console import action_words as words
from tests.factories import NOW

UTC = NOW.tzinfo
assert UTC is not None
COUNTS = st.dictionaries(st.sampled_from(PersonState), st.integers(0, 10_000))


@pytest.mark.parametrize(
    ("kind", "people", "title"),
    [
        (Kind.SYNC, 1_234, "Sync 1,234 people now"),
        (Kind.HOLD, 1, "Hold 1 person"),
        (Kind.UNDO, 2, "Undo for 2 people"),
    ],
)
def test_a_title_and_button_carry_the_number(kind: Kind, people: int, title: str) -> None:
    assert words.title(kind, people) == title
    assert words.button(kind, people) == title


def test_a_preview_asks() -> None:
    assert words.heading("hold", "preview", 3) == "Hold 3 people?"
    assert words.heading("hold", "running", 3) == "Hold 3 people"
    assert words.heading("hold", "preview", 0) == "Hold: nobody is left to do it to"


@settings(max_examples=50)
@given(COUNTS)
def test_the_counts_said_are_those_there_are(counts: dict[PersonState, int]) -> None:
    said = words.counts_sentence(Kind.SYNC, counts)
    told = sum(int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", said))
    assert told == sum(counts.values()) - counts.get(PersonState.LEFT_OUT, 0)


@settings(max_examples=50)
@given(COUNTS)
def test_progress_is_whole_only_when_all_have_their_result(counts: dict[PersonState, int]) -> None:
    people = sum(counts.values()) - counts.get(PersonState.LEFT_OUT, 0)
    percent = words.percent_finished(counts, people)
    assert 0 <= percent <= 100
    assert (percent == 100) == (words.finished(counts) == people)


@pytest.mark.parametrize(
    ("kind", "seconds", "sentence"),
    [
        (Kind.SYNC, 10, "It takes about a minute."),
        (Kind.SYNC, 308, "About 240 a minute are begun, so it takes about 6 min."),
        (Kind.HOLD, 20, "It takes a moment."),
        (Kind.REAUTHORIZE, 600, "It takes about 10 min."),
    ],
)
def test_how_long_it_takes(kind: Kind, seconds: float, sentence: str) -> None:
    assert words.takes(kind, seconds, 4) == sentence


@pytest.mark.parametrize(
    ("people", "others", "is_needed", "sentence"),
    [
        (31, True, True, "31 people of 100 are more than 25 % of the organization, so another"),
        (26, True, False, "but fewer than 30 need nobody else's approval."),
        (31, False, False, "but nobody else here could approve it"),
        (31, True, False, "but this is nothing that needs somebody else's approval."),
        (10, True, False, "Nobody else needs to approve it."),
    ],
)
def test_approval_is_explained(people: int, others: bool, is_needed: bool, sentence: str) -> None:
    action = Action(people=people, people_known=100)
    policy = ActionPolicyFacts(approval_least=30)
    said = words.approval_sentence(action, policy, others=others, is_needed=is_needed)
    assert sentence in said


def test_what_was_begun_in_pieces_is_explained() -> None:
    action = Action(people=10, people_known=100, author_name="Casey")
    explain = partial(words.approval_sentence, action, ActionPolicyFacts(), before=20)
    together = "ith 20 for whom Casey began the same within a day, 30 people of 100 are more than"
    assert f"It needs a second person: w{together}" in explain(others=True, is_needed=True)
    assert explain(others=False, is_needed=False).startswith(f"W{together}")


def test_a_silence_says_what_it_mutes_and_what_not() -> None:
    silence = words.KINDS[Kind.SILENCE]
    assert words.title(Kind.SILENCE, 3) == "Silence alerts about 3 people"
    said = " ".join(silence.does)
    assert "sent alerts" in said
    assert "asks for are sent all the same" in said


def test_an_action_with_failures_says_so() -> None:
    assert words.state_look("done", 3).word == "Done, 3 failed"
    assert words.state_look("done", 0).word == "Done"
    assert words.state_look("running", 0, is_stopping=True).word == "Stopping"
    assert {words.state_look(state, 0).word for state in ActionState} > {"Stopped", "Running"}


def test_what_was_chosen_is_said_in_words() -> None:
    until = (NOW + timedelta(days=1)).isoformat()
    note = {"text": "Call her", "owner_name": "Casey", "due_on": "2026-12-01"}
    cases = [
        (Kind.HOLD, {"until": None}, [("Until", "somebody releases them")]),
        (Kind.SILENCE, {"until": until}, [("Until", "Sat 12:00 (UTC)")]),
        (Kind.INTERVAL, {"interval": 14_400}, [("Interval", "every 4 h")]),
        (Kind.INTERVAL, {"interval": None}, [("Interval", "the organization's")]),
        (
            Kind.NOTE,
            note,
            [("Note", "Call her"), ("Owner", "Casey"), ("Due", "1 December 2026")],
        ),
        (Kind.REAUTHORIZE, {"method": "link"}, [("How", "only links by mail")]),
        (Kind.SYNC, {}, []),
    ]
    for kind, parameters, lines in cases:
        assert words.parameter_lines(kind, parameters, NOW, UTC) == lines


def test_every_kind_and_result_has_words() -> None:
    for kind in Kind:
        assert words.kind_title(kind)
        assert "{" not in words.title_for(kind, "Ada")
        for state in PersonState:
            assert words.result_look(kind, state).word

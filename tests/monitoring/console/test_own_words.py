from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.actions.own import NO_REASON
from monitoring.console import own_words
from monitoring.console.wording import Situation
from monitoring.health.causes import CAUSES, Explanation
from monitoring.intake.volume import Missing
from tests.factories import NOW

HOUR = timedelta(hours=1)
RULES = {"revoked": Explanation("Google access was revoked", "It holds no longer.", "Ask them.")}
STALLED = Situation(
    status="stalled",
    cause="revoked",
    status_since=NOW - 2 * HOUR,
    last_success_at=NOW - 3 * HOUR,
)
PAUSED = replace(
    STALLED, status="disabled", cause="held", held_by="Ada", held_until=NOW + 72 * HOUR
)


def answer(situation: Situation, *, own_pause: bool = False) -> str:
    return own_words.answer(situation, own_pause=own_pause, now=NOW, zone=UTC)


@pytest.mark.parametrize(
    ("situation", "words"),
    [
        (replace(STALLED, status="healthy", cause=""), "Yes, your calendar is syncing."),
        (STALLED, "No, your calendar has not been syncing since 09:00."),
        (
            replace(STALLED, last_success_at=None),
            "No, your calendar has not been syncing since 10:00.",
        ),
        (replace(STALLED, status="degraded"), "Your calendar is delayed since 10:00."),
        (
            replace(STALLED, status="degraded", cause="never_connected"),
            "Not yet: your calendar is not connected.",
        ),
        (PAUSED, "Off: Ada switched syncing off until Mon 12:00."),
        (replace(PAUSED, held_until=None), "Off: Ada switched syncing off."),
    ],
)
def test_the_question_is_answered(situation: Situation, words: str) -> None:
    assert answer(situation) == words


def test_a_persons_own_pause_is_theirs() -> None:
    assert answer(PAUSED, own_pause=True) == "You paused syncing until Mon 12:00."


def test_what_is_missing_is_said_with_an_estimate() -> None:
    said = own_words.missing(STALLED, Missing(NOW, 6), NOW, UTC)
    assert said == (
        "What changed since 09:00 has not been copied yet. That may be about 6 meetings, going by "
        "your usual weeks. The next good run copies all of it; nothing is lost."
    )
    for unknown in (None, Missing(None, None), Missing(NOW, 0)):
        assert "meeting" not in own_words.missing(STALLED, unknown, NOW, UTC)
    assert own_words.missing(replace(STALLED, status="healthy"), None, NOW, UTC) == ""
    assert own_words.missing(replace(STALLED, last_success_at=None), None, NOW, UTC) == ""


def step(situation: Situation, interpretation: str = "", **given: bool) -> str:
    fields = {"own_pause": False, "may_consent": False, "under_way": False} | given
    return own_words.next_step(situation, interpretation, **fields)


def test_who_has_to_act_is_said() -> None:
    assert step(STALLED, "needs_user", may_consent=True) == own_words.GIVE_ACCESS_AGAIN
    new = replace(STALLED, status="degraded", cause="never_connected")
    assert step(new, may_consent=True) == own_words.GIVE_ACCESS
    assert step(new) == step(STALLED, "needs_admin") == own_words.ADMIN
    assert step(STALLED, "transient") == own_words.NOTHING
    assert step(STALLED, "needs_user", under_way=True) == own_words.UNDER_WAY
    assert step(PAUSED, may_consent=True) == "Ask Ada if it should end sooner."
    assert step(PAUSED, own_pause=True) == ""


def why(situation: Situation, *, own_pause: bool = False) -> tuple[str, str]:
    return own_words.why(situation, RULES, own_pause=own_pause, now=NOW, zone=UTC)


def test_a_hold_tells_by_whom_and_why() -> None:
    held = replace(PAUSED, held_because="On leave")
    assert why(held) == ("by Ada, until Mon 12:00", "Reason given: On leave")
    assert why(held, own_pause=True) == ("", "Reason given: On leave")
    assert why(replace(held, held_because=NO_REASON), own_pause=True) == ("", "")


@given(
    st.sampled_from(["healthy", "degraded", "stalled", "disabled"]),
    st.sampled_from([*CAUSES, "revoked", "a-rule-that-is-gone"]),
    st.booleans(),
)
def test_every_standing_has_words(status: str, cause: str, own_pause: bool) -> None:
    situation = replace(STALLED, status=status, cause=cause, held_because="On leave")
    assert answer(situation, own_pause=own_pause).endswith(".")
    assert any(why(situation, own_pause=own_pause)) == (status != "healthy")
    assert step(situation, own_pause=own_pause)[-1:] in {"", "."}


@pytest.mark.parametrize("action", own_words.SHOWN)
def test_every_deed_shown_has_words(action: str) -> None:
    for own, who in ((False, "Grace"), (True, "You")):
        sentence = own_words.deed_sentence("Grace", action, own=own)
        assert sentence.startswith(f"{who} ")
        assert "the person" not in sentence

"""What the codes of results mean."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.actions.models import Kind, PersonState
from monitoring.console import action_codes as codes
from monitoring.health.causes import Explanation

RULES = {"google-access-revoked": Explanation("Google access was revoked", "", "")}


@settings(max_examples=50)
@given(
    st.sampled_from(Kind),
    st.sampled_from(PersonState),
    st.sampled_from(["", "held", "broken", "partial", "google-access-revoked", "no_such_code"]),
)
def test_no_code_is_shown_as_it_is_stored(kind: Kind, state: PersonState, code: str) -> None:
    said = codes.code_words(kind, state, code, "", RULES)
    assert "_" not in said
    assert "google-access" not in said


def test_a_failed_sync_is_explained_by_its_rule() -> None:
    said = codes.code_words(Kind.SYNC, PersonState.FAILED, "google-access-revoked", "", RULES)
    assert said == "Google access was revoked"
    gone = codes.code_words(Kind.SYNC, PersonState.FAILED, "gone-rule", "", RULES)
    assert gone == "An error whose rule is gone"


def test_a_detail_says_what_a_code_cannot() -> None:
    failed = PersonState.FAILED
    said = codes.code_words(Kind.REAUTHORIZE, failed, "no_such_code", "Ask the operator.", {})
    assert said == "Ask the operator"


def test_a_refused_access_is_called_by_its_title() -> None:
    failed = PersonState.FAILED
    said = codes.code_words(Kind.REAUTHORIZE, failed, "scope_not_delegated", "", {})
    assert "_" not in said
    assert len(said.split()) > 3


def test_a_code_may_mean_something_else_where_it_went_well() -> None:
    done, left_out = PersonState.DONE, PersonState.LEFT_OUT
    assert codes.code_words(Kind.RELEASE, done, "held_by_other", "", {}).startswith("Still held")
    assert codes.code_words(Kind.RELEASE, left_out, "held_by_other", "", {}).startswith("Only the")

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.actions.models import Kind
from monitoring.console.helping import KINDS, Help, help_address, help_for, help_words
from monitoring.errors.rules import Interpretation
from monitoring.health.causes import CAUSES

NO_RUN = {Help.NOTHING, Help.READ, Help.REAUTHORIZE, Help.MEND_ELSEWHERE}
RULE_CAUSES = st.from_regex(r"[a-z]+(-[a-z]+){1,3}", fullmatch=True)


@pytest.mark.parametrize(
    ("cause", "interpretation", "helps"),
    [
        ("silent", None, Help.SYNC),
        ("lost", None, Help.SYNC),
        ("unrecognised", None, Help.READ),
        ("incident", None, Help.NOTHING),
        ("held", None, Help.NOTHING),
        ("google-access-revoked", Interpretation.NEEDS_USER, Help.REAUTHORIZE),
        ("salesforce-user-inactive", Interpretation.NEEDS_ADMIN, Help.MEND),
        ("google-calendar-not-writable", Interpretation.RECORD, Help.MEND),
        ("google-bad-parameter", Interpretation.CLIENT_BUG, Help.NOTHING),
        ("google-rate-limit", Interpretation.TRANSIENT, Help.SYNC),
        ("google-odd", Interpretation.UNKNOWN, Help.SYNC),
        ("a-rule-that-is-gone", None, Help.SYNC),
    ],
)
def test_what_helps_for_a_cause(
    cause: str, interpretation: Interpretation | None, helps: Help
) -> None:
    assert help_for(cause, interpretation) == helps


@given(
    st.one_of(RULE_CAUSES, st.sampled_from(list(CAUSES))),
    st.sampled_from([*Interpretation, None]),
    st.integers(1, 10**6),
    st.booleans(),
)
def test_whatever_helps_has_words_and_leads_to_those_people(
    cause: str, interpretation: Interpretation | None, people: int, any_here: bool
) -> None:
    helps = help_for(cause, interpretation, any_here=any_here)
    assert any_here or helps in NO_RUN
    words, address = help_words(helps, people), help_address(helps, "acme", cause)
    assert bool(words) == bool(address) == (helps not in {Help.NOTHING, Help.MEND_ELSEWHERE})
    query = parse_qs(urlsplit(address).query, keep_blank_values=True)
    if helps in KINDS:
        assert urlsplit(address).path == "/o/acme/actions/new/"
        assert (query["kind"], query["scope"]) == ([KINDS[helps]], ["filter"])
        query = parse_qs(query["filter"][0], keep_blank_values=True)
        assert query == {"status": ["stalled"], "cause": [cause]}
        assert f"{people:,} p" in words


def test_the_button_says_what_it_does_to_how_many() -> None:
    assert help_words(Help.SYNC, 1_234) == "Sync 1,234 people…"
    assert help_words(Help.REAUTHORIZE, 1) == "Re-authorize 1 person…"
    assert help_words(Help.MEND, 1) == "Then sync 1 person…"
    assert help_words(Help.MEND, 2) == "Then sync 2 people…"


def test_only_what_can_be_begun_for_many_is_an_action() -> None:
    assert set(KINDS.values()) == {Kind.SYNC, Kind.REAUTHORIZE}

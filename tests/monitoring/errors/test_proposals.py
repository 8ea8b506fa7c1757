from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.errors.facts import RawError, extract_facts
from monitoring.errors.proposals import (
    MAX_DEFINITION,
    MAX_REASON,
    RuleChangeRefusedError,
    checked,
    checked_reason,
)
from monitoring.errors.rules import FIELDS, rule_from
from monitoring.errors.ruleset import RuleSet
from tests.monitoring.errors.makers import definition, panic

TEXT = st.text(max_size=12)
VALUE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(0, 700),
    TEXT,
    st.lists(st.one_of(TEXT, st.integers(0, 700)), max_size=3),
    st.lists(
        st.dictionaries(st.sampled_from(sorted(FIELDS)), st.lists(TEXT, max_size=2)), max_size=2
    ),
)


def test_what_is_stored_has_the_rules_id() -> None:
    assert checked("aisle-blocked", definition()) == definition(id="aisle-blocked")
    assert checked("aisle-blocked", None) is None


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"title": " "}, "Title is missing."),
        ({"class": "odd"}, "Unknown class 'odd', one of transient, needs_user"),
        ({"colour": "red"}, "Unknown field colour."),
        ({"statuses": [99]}, "Unknown status 99, like 403 or '5xx'."),
        ({"codes": []}, "A rule needs at least one condition."),
        ({"patterns": ["(a+)+"]}, "None of a group"),
        ({"says": ["<style> "]}, "A phrase needs a word of three letters: '<style> '."),
        ({"id": "another-rule"}, "The id of a rule never changes"),
        ({"title": "a\x00b"}, "The rule holds a NUL character."),
        ({"title": "a\ud800b"}, "The rule holds half a character."),
        ({"meaning": "x" * MAX_DEFINITION}, "characters; 20,000 are allowed."),
    ],
)
def test_what_is_wrong_with_a_rule_is_said_in_a_sentence(
    given: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(RuleChangeRefusedError) as refusal:
        checked("aisle-blocked", definition(**given))
    assert sentence.lower() in str(refusal.value).lower()
    assert str(refusal.value).endswith(".")


@pytest.mark.parametrize("rule", ["", "Aisle-Blocked", "silent", "a b", "a-" * 60 + "a", "a--b"])
def test_an_id_is_two_words_or_more(rule: str) -> None:
    with pytest.raises(RuleChangeRefusedError, match="The id must be two or more words"):
        checked(rule, None)


@given(st.dictionaries(st.one_of(st.sampled_from(sorted(FIELDS - {"id"})), TEXT), VALUE))
def test_anything_is_refused_in_a_sentence_or_can_be_stored_and_used(
    given: dict[str, Any],
) -> None:
    stored, refusal = None, ""
    try:
        stored = checked("aisle-blocked", definition() | given)
    except RuleChangeRefusedError as error:
        refusal = str(error)
    if stored is None:
        assert refusal.endswith(".")
    else:
        rules = RuleSet((rule_from(json.loads(json.dumps(stored))),), version=1)
        rules.match(extract_facts(RawError(**panic())))


def test_a_reason_is_kept_as_it_can_be_stored() -> None:
    assert checked_reason("  because\x00 of \ud800 ") == "because of ?"


@pytest.mark.parametrize("reason", ["", "  ", "\x00", "x" * (MAX_REASON + 1)])
def test_a_reason_is_needed_and_bounded(reason: str) -> None:
    with pytest.raises(RuleChangeRefusedError):
        checked_reason(reason)

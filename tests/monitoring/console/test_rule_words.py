from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.console.rule_words import (
    CHANNELS,
    CLASS_HINTS,
    CLASSES,
    CONDITIONS,
    PROVIDERS,
    WHO,
    class_words,
    condition_sets,
    listed,
    providers_words,
    who_words,
)
from monitoring.errors import rules
from monitoring.errors.interpretation import built_in_definitions


def test_every_word_of_the_rules_file_has_words_on_screen() -> None:
    assert set(CLASSES) == set(CLASS_HINTS) == set(rules.Interpretation)
    assert set(WHO) == set(rules.Who)
    assert set(PROVIDERS) == rules.PROVIDERS
    assert set(CHANNELS) == rules.CHANNELS
    assert set(CONDITIONS) == rules.CONDITIONS


def test_conditions_are_said_in_words() -> None:
    rule = {
        "channels": ["html", "soap-fault"],
        "statuses": [403, "5xx"],
        "codes": ["A", "B", "C"],
        "subcodes": ["D"],
        "says": ["quota * exceeded"],
        "patterns": ["a+b"],
        "operations": ["events."],
        "whole": True,
        "also": [{"codes": ["E"]}],
    }
    assert condition_sets(rule) == [
        [
            "comes as a web page or a SOAP fault",
            "has HTTP status 403 or 500 to 599",
            "has the code A, B or C",
            "has the second code D",
            "says “quota … exceeded”",
            "matches the pattern a+b",
            "comes from an operation that begins with events.",
            "was read to its end",
        ],
        ["has the code E"],
    ]


@pytest.mark.parametrize("rule", built_in_definitions().values(), ids=str)
def test_every_built_in_rule_can_be_read_out(rule: dict[str, object]) -> None:
    sets = condition_sets(rule)
    assert sets
    assert all(part and part[0].islower() for parts in sets for part in parts)


def test_providers_are_named_in_one_order_and_none_means_any() -> None:
    assert providers_words(["salesforce", "google"]) == "Google and Salesforce"
    assert providers_words(["network"]) == "The network"
    assert providers_words([]) == "Any"


@given(st.text())
def test_a_name_that_is_none_is_shown_as_it_is(name: str) -> None:
    assert class_words(name) in {name, *CLASSES.values()}
    assert who_words(name) in {name, *WHO.values()}


@given(st.lists(st.text("abc", min_size=1), min_size=1))
def test_a_list_names_each_of_its_words_once(words: list[str]) -> None:
    said = listed(words)
    assert said.replace(" or ", ", ").split(", ") == words

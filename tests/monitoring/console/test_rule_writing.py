from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.console.rule_difference import difference_sentence, differences
from monitoring.console.rule_writing import (
    NO_CONDITION,
    definition_of,
    fields_of,
    filled,
    problems_of,
    sets_from,
    sets_text,
    written,
)
from monitoring.errors.interpretation import built_in_definitions, read_rules
from monitoring.errors.rules import CHANNELS, PROVIDERS, Interpretation, RulesError, Who, rule_from
from tests.monitoring.errors.makers import definition

WORD = st.text("abcxyz_.-0123456789ÄÖ", min_size=1, max_size=20)
LINE = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\x00"), min_size=1, max_size=40
).filter(lambda line: line.strip())
PHRASE = LINE.map(str.strip)
LISTS: dict[str, Any] = {
    "channels": st.lists(st.sampled_from(sorted(CHANNELS)), unique=True),
    "statuses": st.lists(st.integers(100, 599) | st.sampled_from(["4xx", "5xx"])),
    "codes": st.lists(WORD),
    "subcodes": st.lists(WORD),
    "says": st.lists(PHRASE),
    "patterns": st.lists(LINE),
    "operations": st.lists(WORD),
    "whole": st.booleans(),
}
ANY_SET = st.fixed_dictionaries({}, optional=LISTS)
SETS = st.lists(ANY_SET, max_size=3)
DEFINITIONS = st.fixed_dictionaries(
    {
        "class": st.sampled_from(list(map(str, Interpretation))),
        "who": st.sampled_from(list(map(str, Who))),
        "title": PHRASE,
        "meaning": PHRASE,
        "next_step": PHRASE,
    },
    optional=LISTS
    | {"providers": st.lists(st.sampled_from(sorted(PROVIDERS)), unique=True), "also": SETS},
)


def without_empty(rule: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in rule.items() if value}


@given(DEFINITIONS)
def test_a_rule_comes_out_of_the_form_as_it_went_in(rule: dict[str, Any]) -> None:
    assert definition_of(fields_of(rule)) == without_empty(rule)


@given(DEFINITIONS)
def test_what_a_browser_makes_of_line_ends_changes_nothing(rule: dict[str, Any]) -> None:
    fields = fields_of(rule)
    for name in ("says", "patterns", "also"):
        fields[name] = fields[name].replace("\n", "\r\n")
    assert definition_of(fields) == without_empty(rule)


@pytest.mark.parametrize("rule", built_in_definitions().values(), ids=str)
def test_every_built_in_rule_comes_out_of_the_form_as_it_went_in(rule: Any) -> None:
    again = definition_of(fields_of(rule))
    assert again | {"id": rule["id"]} == dict(rule)
    assert problems_of(again) == {}


@given(SETS)
def test_further_sets_are_kept_as_they_are(sets: list[dict[str, Any]]) -> None:
    assert sets_from(sets_text(sets)) == sets


@given(DEFINITIONS)
def test_a_rule_as_it_is_written_is_read_the_same(rule: dict[str, Any]) -> None:
    rule = without_empty(rule)
    if problems_of(rule):
        return
    head = "\n".join(
        f"{name} = '-'" if name not in {"class", "who"} else f"{name} = '{rule[name]}'"
        for name in ("class", "who", "title", "meaning", "next_step")
    )
    tables = written(rule).replace("[[also]]", "[[rule.also]]")
    (read,) = read_rules(f"version = 1\n[[rule]]\nid = 'a-rule'\n{head}\n{tables}").rules
    assert read.conditions == rule_from(filled(rule)).conditions
    assert read.providers == frozenset(rule.get("providers", []))


@given(DEFINITIONS)
def test_a_rule_without_problems_can_be_used(rule: dict[str, Any]) -> None:
    rule = without_empty(rule)
    if not problems_of(rule):
        assert rule_from(filled(rule)).interpretation == rule["class"]
    else:
        with pytest.raises(RulesError):
            rule_from(filled(rule))


@given(SETS.map(sets_text) | st.text(max_size=60))
def test_any_text_for_further_sets_is_read_or_refused(text: str) -> None:
    try:
        sets = sets_from(text)
    except RulesError as error:
        assert str(error)  # noqa: PT017 - either may happen
    else:
        assert all(isinstance(each, dict) for each in sets)


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"codes": [], "says": ["ab"]}, "says", "word of three letters"),
        ({"patterns": ["("]}, "patterns", "Bad pattern"),
        ({"patterns": ["a*b*"]}, "patterns", "reference back"),
        ({"statuses": ["teapot"]}, "statuses", "Unknown status"),
        ({"statuses": [999]}, "statuses", "Unknown status"),
        ({"channels": ["pigeon"]}, "channels", "Unknown channels"),
        ({"providers": ["pigeon"]}, "providers", "Unknown providers"),
        ({"also": [{"codes": []}]}, "also", "at least one condition"),
        ({"also": [{"color": ["red"]}]}, "also", "Unknown field color"),
        ({"also": [{"patterns": ["("]}]}, "also", "Bad pattern"),
        ({"codes": []}, "", NO_CONDITION),
        ({"codes": [], "whole": True}, "", NO_CONDITION),
        ({"class": "nonsense"}, "", "Unknown class"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    changes: dict[str, Any], field: str, words: str
) -> None:
    problems = problems_of(without_empty(definition(**changes)))
    assert list(problems) == [field]
    assert words in problems[field]


@given(DEFINITIONS)
def test_a_rule_does_not_differ_from_itself(rule: dict[str, Any]) -> None:
    shuffled = {
        name: value[::-1] if isinstance(value, list) else value for name, value in rule.items()
    }
    assert differences(rule, rule) == []
    assert differences(rule, shuffled) == []


@given(DEFINITIONS, DEFINITIONS)
def test_what_is_gone_one_way_is_new_the_other_way(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    there, back = differences(one, other), differences(other, one)
    assert [(each.label, each.gone, each.new) for each in there] == [
        (each.label, each.new, each.gone) for each in back
    ]
    assert all(each.gone or each.new for each in there)
    assert all(not set(each.gone) & set(each.new) for each in there)


@given(DEFINITIONS)
def test_a_new_rule_has_nothing_that_is_gone(rule: dict[str, Any]) -> None:
    found = differences(None, rule)
    assert all(each.gone == () for each in found)
    assert {"Title", "Meaning", "Class"} <= {each.label for each in found}


def test_differences_are_said_in_plain_words() -> None:
    before = definition(says=["one", "two"], statuses=[400], providers=["google"])
    after = definition(
        **{"class": "transient", "who": "nobody"},
        says=["two", "three"],
        statuses=["5xx"],
        providers=["salesforce"],
        whole=True,
        also=[{"whole": True, "codes": ["A"]}],
    )
    found = {each.label: (each.gone, each.new) for each in differences(before, after)}
    assert found == {
        "Class": (("One event only",), ("Passes by itself",)),
        "Who acts": (("The person",), ("Nobody",)),
        "Provider": (("Google",), ("Salesforce",)),
        "HTTP status": (("400",), ("5xx",)),
        "Phrase": (("one",), ("three",)),
        "Read to its end": ((), ("yes",)),
        "Further conditions": ((), ('codes = ["A"]\nwhole = true',)),
    }


def test_a_change_as_a_whole_is_said_in_a_sentence() -> None:
    rule, clearer = definition(), definition(title="Clearer", codes=["OTHER"])
    assert difference_sentence(None, rule, has_one_below=False) == "A new rule."
    assert difference_sentence(rule, clearer, has_one_below=True) == "Changes title, code."
    same = "Says the same as the rule that holds now."
    assert difference_sentence(rule, rule, has_one_below=True) == same
    assert "holds again" in difference_sentence(rule, None, has_one_below=True)
    assert "unrecognised" in difference_sentence(rule, None, has_one_below=False)

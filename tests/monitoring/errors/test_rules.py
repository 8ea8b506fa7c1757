from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from monitoring.errors.facts import RawError, extract_facts
from monitoring.errors.interpretation import BUILT_IN, RulesError, built_in_rules, read_rules
from monitoring.errors.rules import Condition, Interpretation, Rule, Who, rules_from
from monitoring.errors.ruleset import RuleSet

GOOD = {
    "id": "a-rule",
    "class": "transient",
    "title": "A title",
    "meaning": "A meaning.",
    "next_step": "A step.",
    "who": "nobody",
    "codes": ["A_CODE"],
}
WHO_ACTS = {
    Interpretation.TRANSIENT: {Who.NOBODY},
    Interpretation.UNKNOWN: {Who.NOBODY},
    Interpretation.NEEDS_USER: {Who.PERSON},
    Interpretation.NEEDS_ADMIN: {Who.ADMIN, Who.OPERATOR},
    Interpretation.RECORD: {Who.PERSON, Who.NOBODY},
    Interpretation.CLIENT_BUG: {Who.OPERATOR},
}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"class": "fatal"}, "unknown class 'fatal'"),
        ({"who": "someone"}, "unknown who 'someone'"),
        ({"id": "Not A Slug"}, "the id must be"),
        ({"id": None}, "the id must be"),
        ({"title": ""}, "title is missing"),
        ({"next_step": None}, "next_step is missing"),
        ({"codes": "A_CODE"}, "codes must be a list"),
        ({"codes": [7]}, "codes must be a list"),
        ({"codes": []}, "at least one condition"),
        ({"providers": ["zoom"]}, "unknown providers 'zoom'"),
        ({"channels": ["carrier-pigeon"]}, "unknown channels"),
        ({"statuses": [999]}, "unknown status 999"),
        ({"statuses": ["9xx"]}, "unknown status '9xx'"),
        ({"statuses": 500}, "statuses must be a list"),
        ({"says": ["a b"]}, "a word of three letters"),
        ({"patterns": ["("]}, "bad pattern"),
        ({"patterns": ["(a+)+b"]}, "may hold one"),
        ({"patterns": ["a*b*"]}, "may hold one"),
        ({"patterns": [r"(a)\1"]}, "no reference back"),
        ({"patterns": ["a" * 501]}, "longer than 500"),
        ({"whole": "yes"}, "whole must be true or false"),
        ({"severity": 3}, "unknown field severity"),
        ({"also": [{}]}, "at least one condition"),
        ({"also": {"codes": ["X"]}}, "also must be a list"),
        ({"also": [{"title": "x"}]}, "unknown field title"),
    ],
)
def test_a_bad_rule_is_refused_with_its_name_and_reason(
    changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(RulesError, match=re.escape(complaint)) as refused:
        rules_from([GOOD | changes])

    assert "rule " in str(refused.value)


def test_an_id_is_used_once() -> None:
    with pytest.raises(RulesError, match="'a-rule': the id is used twice"):
        rules_from([GOOD, GOOD])
    with pytest.raises(RulesError, match="the id is used twice"):
        RuleSet((*rules_from([GOOD]), *rules_from([GOOD])), version=1)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("version = ", "not TOML"),
        ("", "need a version"),
        ("version = 0\n[[rule]]", "need a version"),
        ("version = true\n[[rule]]", "need a version"),
        ("version = 1", "need [[rule]] tables"),
        ("version = 1\nrule = 3", "need [[rule]] tables"),
        ("version = 1\ncolour = 'red'\n[[rule]]", "unknown field colour"),
    ],
)
def test_a_broken_rules_file_says_what_is_wrong(text: str, complaint: str) -> None:
    with pytest.raises(RulesError, match=re.escape(complaint)):
        read_rules(text)


def test_the_built_in_rules_are_those_of_the_file() -> None:
    assert read_rules(BUILT_IN.read_text(encoding="utf-8")).rules == built_in_rules().rules


@pytest.mark.parametrize("rule", built_in_rules().rules, ids=lambda rule: rule.id)
def test_every_built_in_rule_can_be_reached(rule: Rule) -> None:
    found = [built_in_rules().match(extract_facts(raw)) for raw in errors_like(rule)]

    assert rule in found
    assert {match.interpretation for match in found if match} == {rule.interpretation}
    assert None not in found


def errors_like(rule: Rule) -> Iterator[RawError]:
    """Yield one error for each code, phrase or status that a rule is about."""
    provider = min(rule.providers, default="network")
    for wanted in rule.conditions:
        channel = min(wanted.channels, default="http-json")
        operation = min(wanted.operations, default="")
        for body in () if wanted.patterns else bodies_like(wanted, provider):
            for status in wanted.statuses or {None}:
                yield RawError(provider, channel, status, {}, body, operation)


def bodies_like(wanted: Condition, provider: str) -> Iterator[str]:
    phrases = [phrase.replace(" * ", " some ") for phrase in wanted.says] or [""]
    for code in sorted(wanted.codes):
        for phrase in phrases:
            if provider == "salesforce":
                yield json.dumps([{"errorCode": code, "message": phrase}])
            else:
                yield json.dumps({"error": code, "error_description": phrase})
    if not wanted.codes:
        yield from phrases


@pytest.mark.parametrize("rule", built_in_rules().rules, ids=lambda rule: rule.id)
def test_the_sentences_of_a_rule_can_be_read_by_an_admin(rule: Rule) -> None:
    sentences = (rule.title, rule.meaning, rule.next_step)

    assert len(rule.title) <= 60
    assert not rule.title.endswith(".")
    assert rule.meaning.endswith(".")
    assert rule.next_step.endswith(".")
    assert not any(re.search(r"[A-Z]{2,}_|[a-z]_[a-z]|\b[45]\d\d\b", text) for text in sentences)
    assert rule.who in WHO_ACTS[rule.interpretation]


@pytest.mark.parametrize(
    "pattern",
    [
        pattern
        for rule in built_in_rules().rules
        for condition in rule.conditions
        for pattern in condition.patterns
    ],
)
def test_a_built_in_pattern_stays_quick_on_hostile_text(pattern: str) -> None:
    hostile = ("caused by: a" + "." * 50) * 40 + "/events/" * 200

    assert re.compile(pattern).search(hostile[:2_000]) is None or "/events/" in pattern

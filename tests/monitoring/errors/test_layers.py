from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.errors.facts import RawError, extract_facts
from monitoring.errors.interpretation import RuleSet, built_in_rules
from monitoring.errors.layers import LiveChange, in_force, readable, stacked
from monitoring.errors.rules import Rule, RulesError, rule_from
from tests.monitoring.errors.makers import PANIC, definition

SLUGS = ("a-one", "a-two", "a-three", "a-four")
STEPS = st.lists(st.tuples(st.sampled_from(SLUGS), st.booleans()), max_size=25)


def history(steps: list[tuple[str, bool]]) -> list[LiveChange]:
    """Return changes in the order in which they went live; False takes the rule away."""
    return [
        LiveChange(number, rule, definition(id=rule, title=str(number)) if kept else None)
        for number, (rule, kept) in enumerate(steps, start=1)
    ]


def rule(slug: str, **overrides: object) -> Rule:
    return rule_from(definition(id=slug, **overrides))


def name_of(rules: RuleSet) -> str | None:
    """Return which rule of the set knows the panic."""
    raw = RawError("salesforce", "http-json", 400, {}, f'[{{"errorCode":"{PANIC}"}}]')
    found = rules.match(extract_facts(raw))
    return found and found.title


@given(STEPS, st.randoms(use_true_random=False))
def test_what_is_in_force_is_what_replaying_the_history_leaves(
    steps: list[tuple[str, bool]], random: Random
) -> None:
    changes = history(steps)
    left: list[LiveChange] = []
    for change in changes:
        left = [other for other in left if other.rule != change.rule]
        if change.definition is not None:
            left.insert(0, change)
    random.shuffle(changes)
    assert in_force(changes) == left


@given(STEPS, STEPS)
def test_no_rule_is_tried_twice_and_own_rules_are_tried_first(
    own: list[tuple[str, bool]], operators: list[tuple[str, bool]]
) -> None:
    above, _ = readable(in_force(history(own)))
    below, _ = readable(in_force(history(operators)))
    built_in = RuleSet((rule("a-one"), rule("b-one")), version=1)
    rules = stacked(stacked(built_in, below, 5), above, 6).rules
    assert list(rules[: len(above)]) == above
    assert len({each.id for each in rules}) == len(rules)
    assert {each.id for each in rules} == {each.id for each in (*above, *below, *built_in.rules)}


def test_a_rule_replaces_the_one_below_and_taken_away_lets_it_be_seen_again() -> None:
    base = RuleSet((rule("aisle", title="built in"),), version=1)
    operators = stacked(base, [rule("aisle", title="operator")], 2)
    own = stacked(operators, [rule("aisle", title="own")], 3)
    assert [name_of(rules) for rules in (base, operators, own)] == ["built in", "operator", "own"]
    assert name_of(stacked(operators, [], 4)) == "operator"
    assert stacked(operators, [], 4).version == 4


def test_the_newest_change_is_tried_first() -> None:
    changes = history([("a-one", True), ("a-two", True), ("a-one", True)])
    rules, _ = readable(in_force(changes))
    assert name_of(RuleSet(tuple(rules), version=1)) == "3"


def test_a_level_that_says_nothing_shares_the_set_below() -> None:
    assert stacked(built_in_rules(), [], built_in_rules().version) is built_in_rules()


@pytest.mark.parametrize(
    "broken",
    [
        {"class": "nonsense"},
        {"codes": [], "says": ["<style> "]},
        {"title": ""},
        {"patterns": ["(?:.|..)" * 30 + "~"]},
    ],
)
def test_a_rule_that_can_not_be_read_any_more_is_left_out(broken: dict[str, object]) -> None:
    changes = [
        LiveChange(2, "aisle-two", definition(id="aisle-two")),
        LiveChange(1, "aisle-one", definition(id="aisle-one", **broken)),
    ]
    rules, refused = readable(changes)
    assert [each.id for each in rules] == ["aisle-two"]
    assert refused == changes[1:]
    with pytest.raises(RulesError, match="aisle-one"):
        rule_from(changes[1].definition or {})

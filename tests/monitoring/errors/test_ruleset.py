from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.errors.facts import extract_facts
from monitoring.errors.interpretation import built_in_rules
from monitoring.errors.rules import Rule, RulesError, rule_from
from monitoring.errors.ruleset import RuleSet
from tests.monitoring.errors.makers import definition
from tests.monitoring.errors.samples import raw_of, samples

FACTS = [extract_facts(raw_of(sample)) for sample in samples()]
BUILT_IN_IDS = [rule.id for rule in built_in_rules().rules]
CODES = sorted({code for facts in FACTS for level in facts.causes for code in level})
WORDS = sorted(
    {word for facts in FACTS for word in facts.text.split() if len(word) > 5 and word.isalpha()}
)
CONDITIONS = st.one_of(
    st.fixed_dictionaries({"codes": st.lists(st.sampled_from(CODES), min_size=1, max_size=3)}),
    st.fixed_dictionaries({"says": st.lists(st.sampled_from(WORDS), min_size=1, max_size=2)}),
    st.fixed_dictionaries({"statuses": st.just(["5xx"])}),
    st.fixed_dictionaries({"channels": st.just(["html"])}),
)


@st.composite
def levels(draw: st.DrawFn) -> list[Rule]:
    """Return rules of one level: new ones, and ones that replace others below."""
    ids = draw(
        st.lists(st.sampled_from([*BUILT_IN_IDS, "a-new", "a-newer"]), max_size=3, unique=True)
    )
    rules: list[dict[str, Any]] = [
        {name: value for name, value in definition(id=id_).items() if name != "codes"}
        | draw(CONDITIONS)
        | draw(st.sampled_from([{}, {"providers": ["google"]}, {"providers": ["salesforce"]}]))
        for id_ in ids
    ]
    return [rule_from(rule) for rule in rules]


def found_by(rules: RuleSet) -> list[Rule | None]:
    return [rules.match(facts) for facts in FACTS]


@settings(max_examples=40)
@given(levels(), levels())
def test_a_set_laid_upon_another_judges_as_one_made_of_all_its_rules(
    operators: list[Rule], own: list[Rule]
) -> None:
    stacked = built_in_rules().with_rules_above(operators, version=2)
    stacked = stacked.with_rules_above(own, version=3)
    whole = RuleSet(stacked.rules, version=3)
    assert stacked == whole
    assert found_by(stacked) == found_by(whole)


def test_what_is_not_touched_is_shared() -> None:
    base = built_in_rules()
    above = base.with_rules_above(
        [rule_from(definition(id="a-new", providers=["google"]))], version=2
    )
    assert above._indexes["google"].words is base._indexes["google"].words
    assert above._indexes["salesforce"].codes is base._indexes["salesforce"].codes


def test_the_set_below_is_left_as_it_was() -> None:
    base = built_in_rules()
    before = found_by(base)
    catch_all = rule_from(definition(id=BUILT_IN_IDS[0], codes=[]) | {"statuses": ["4xx", "5xx"]})
    assert found_by(base.with_rules_above([catch_all], version=2)) != before
    assert found_by(base) == before


def test_an_id_twice_in_one_level_is_refused() -> None:
    rule = rule_from(definition(id="a-new"))
    with pytest.raises(RulesError, match="used twice"):
        built_in_rules().with_rules_above([rule, rule], version=2)

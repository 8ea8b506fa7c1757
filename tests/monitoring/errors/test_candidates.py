from __future__ import annotations

from typing import Any

import pytest

from monitoring.errors.candidates import candidate_sets_of
from monitoring.errors.facts import RawError
from monitoring.errors.interpretation import built_in_rules, interpret
from monitoring.errors.models import RuleChange
from monitoring.errors.rulebook import rule_sets_of
from monitoring.errors.ruleset import RuleSet
from tests.monitoring.errors.makers import (
    definition,
    make_access,
    make_live,
    make_staff,
    panic,
    propose,
)

pytestmark = pytest.mark.django_db


def verdict(rules: RuleSet, **overrides: Any) -> tuple[str, str | None]:
    found = interpret(RawError(**panic(**overrides)), rules)
    return found.interpretation, found.rule_id


def candidate(change: RuleChange, *organization_ids: int) -> dict[int, RuleSet]:
    return candidate_sets_of(change, organization_ids)


def test_the_candidate_lies_upon_the_rules_in_force() -> None:
    access = make_access()
    change = propose(access)
    own = access.organization.pk
    rules = candidate(change, own)[own]
    assert verdict(rules) == ("record", "aisle-blocked")
    assert verdict(rule_sets_of([own])[own]) == ("unknown", None)
    assert len(rules.rules) == len(built_in_rules().rules) + 1


def test_it_takes_the_place_of_the_live_rule_of_its_id() -> None:
    access = make_access()
    make_live(access)
    change = propose(access, definition=definition(**{"class": "transient", "who": "nobody"}))
    own = access.organization.pk
    assert verdict(candidate(change, own)[own]) == ("transient", "aisle-blocked")


def test_taking_a_rule_away_lets_the_one_below_be_seen() -> None:
    staff, access = make_staff(), make_access()
    make_live(staff, organization=None)
    make_live(access, definition=definition(title="Ours"))
    change = propose(access, definition=None)
    own = access.organization.pk
    assert verdict(candidate(change, own)[own]) == ("record", "aisle-blocked")
    titles = [rule.title for rule in candidate(change, own)[own].rules if rule.id == change.rule]
    assert titles == ["The aisle is blocked"]


def test_the_operators_candidate_lies_below_an_organizations_own_rules() -> None:
    staff, access, other = make_staff(), make_access(), make_access()
    make_live(access, rule="our-aisle", definition=definition(**{"class": "client_bug"}))
    change = propose(staff, organization=None)
    sets = candidate(change, access.organization.pk, other.organization.pk)
    assert verdict(sets[access.organization.pk]) == ("client_bug", "our-aisle")
    assert verdict(sets[other.organization.pk]) == ("record", "aisle-blocked")


def test_a_candidate_leaves_other_organizations_and_this_process_as_they_are() -> None:
    access, other = make_access(), make_access()
    change = propose(access)
    ids = [access.organization.pk, other.organization.pk]
    assert verdict(candidate(change, *ids)[ids[1]]) == ("unknown", None)
    assert verdict(rule_sets_of(ids)[ids[0]]) == ("unknown", None)

"""The rules' words, for whoever explains a cause."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from monitoring.errors.interpretation import built_in_rules
from monitoring.errors.rulebook import rule_sets_of
from monitoring.errors.ruleset import RuleSet
from monitoring.health.causes import Explanation, words_of


def explanations(organization_id: int) -> Mapping[str, Explanation]:
    """Return title, meaning and next step of each rule in force there, by the rule's id."""
    return words_of(rule_set_in(organization_id))


def rule_set_in(organization_id: int | None) -> RuleSet:
    """Return the rules in force there; with no organization, those that came with the service."""
    return rule_sets_in([organization_id])[organization_id]


def rule_sets_in(organization_ids: Collection[int | None]) -> dict[int | None, RuleSet]:
    """Return the same of each of several, in a statement or two."""
    numbers = [each for each in organization_ids if each is not None]
    found: dict[int | None, RuleSet] = {None: built_in_rules()}
    return found | rule_sets_of(numbers)

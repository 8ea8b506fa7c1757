"""The rules' words, for whoever explains a cause."""

from __future__ import annotations

from collections.abc import Mapping

from monitoring.console.wording import Explanation
from monitoring.errors.rulebook import rule_sets_of
from monitoring.errors.ruleset import RuleSet


def explanations(organization_id: int) -> Mapping[str, Explanation]:
    """Return title, meaning and next step of each rule in force there, by the rule's id."""
    return words_of(rule_sets_of([organization_id])[organization_id])


def words_of(rules: RuleSet) -> Mapping[str, Explanation]:
    return {rule.id: Explanation(rule.title, rule.meaning, rule.next_step) for rule in rules.rules}

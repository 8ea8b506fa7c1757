"""The rules' words, for whoever explains a cause."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from monitoring.console.wording import Explanation
from monitoring.errors.interpretation import built_in_rules


@cache
def explanations() -> Mapping[str, Explanation]:
    """Return title, meaning and next step of each rule in force, by the rule's id."""
    return {
        rule.id: Explanation(rule.title, rule.meaning, rule.next_step)
        for rule in built_in_rules().rules
    }

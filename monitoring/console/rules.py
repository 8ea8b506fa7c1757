"""The rules' words, for whoever explains a cause."""

from __future__ import annotations

from collections.abc import Mapping

from monitoring.errors.rulebook import rule_sets_of
from monitoring.health.causes import Explanation, words_of


def explanations(organization_id: int) -> Mapping[str, Explanation]:
    """Return title, meaning and next step of each rule in force there, by the rule's id."""
    return words_of(rule_sets_of([organization_id])[organization_id])

"""Which changes of rules are in force, and in which order their rules are tried. Pure.

The built-in rules lie lowest, the operator's above them, an organization's own on top. A rule with
the id of one below replaces it; taken away again, it lets the one below be seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitoring.errors.rules import Rule, RulesError, rule_from
from monitoring.errors.ruleset import RuleSet


@dataclass(frozen=True, slots=True)
class LiveChange:
    """A change of one rule that went live as the `number`-th of all.

    `definition` has the keys of the rules file; None took the rule away.
    """

    number: int
    rule: str
    definition: Mapping[str, Any] | None


def in_force(changes: Iterable[LiveChange]) -> list[LiveChange]:
    """Return the changes of one level whose rules are in force, the newest first."""
    newest: dict[str, LiveChange] = {}
    for change in sorted(changes, key=lambda change: -change.number):
        newest.setdefault(change.rule, change)
    return [change for change in newest.values() if change.definition is not None]


def readable(changes: Iterable[LiveChange]) -> tuple[list[Rule], list[LiveChange]]:
    """Read the rules of changes; what can't be read any more is returned apart.

    A later version of the product may refuse what an earlier one let go live. Judging goes on
    without such a rule, for no outcome may be lost to it.
    """
    rules: list[Rule] = []
    refused: list[LiveChange] = []
    for change in changes:
        try:
            rules.append(rule_from(change.definition or {}))
        except RulesError:
            refused.append(change)
    return rules, refused


def stacked(below: RuleSet, rules: Sequence[Rule], version: int) -> RuleSet:
    """Return the set with a level's rules above it; the same set where nothing would change."""
    if not rules and below.version == version:
        return below
    return below.with_rules_above(rules, version=version)

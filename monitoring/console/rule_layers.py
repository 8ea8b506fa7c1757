"""What each level says of a rule: the built-in rules lowest, the operator's above, then one's own.

The highest level that says something holds, as in `monitoring.errors.layers`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from accounts.access import Access
from accounts.models import Organization
from monitoring.errors.interpretation import built_in_definitions
from monitoring.errors.layers import LiveChange, readable
from monitoring.errors.models import RuleChange

OWN, OPERATOR, BUILT_IN = "organization", "operator", "built_in"
LEVELS = (OWN, OPERATOR)


@dataclass(frozen=True, slots=True)
class Layers:
    """What the levels say of one rule; None where one says nothing. A change is its newest.

    `unreadable` are the newest changes, by level, whose rule can't be read any more: it says
    nothing, but it can be taken away.
    """

    built_in: Mapping[str, Any] | None = None
    operator: RuleChange | None = None
    own: RuleChange | None = None
    unreadable: Mapping[str, RuleChange] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        """The level whose word holds."""
        if self.own:
            return OWN
        return OPERATOR if self.operator else BUILT_IN

    @property
    def change(self) -> RuleChange | None:
        """The change that made the rule what it is; None for one that is built in."""
        return self.own or self.operator

    @property
    def definition(self) -> Mapping[str, Any] | None:
        """The rule in force; None where there is none."""
        return self.seen_from(OWN)

    def seen_from(self, level: str) -> Mapping[str, Any] | None:
        """Return the rule that holds at a level: its own word, else that of the one below."""
        if level == OWN and self.own:
            return self.own.after
        return self.below(OWN) if level == OWN else said(self.operator) or self.built_in

    def below(self, level: str) -> Mapping[str, Any] | None:
        """Return the rule that would hold if that level said nothing."""
        return self.seen_from(OPERATOR) if level == OWN else self.built_in

    def at(self, level: str) -> RuleChange | None:
        """Return what a level says, readable or not: what can be taken away there."""
        readable_one = self.own if level == OWN else self.operator
        return readable_one or self.unreadable.get(level)


def said(change: RuleChange | None) -> Mapping[str, Any] | None:
    return None if change is None else change.after


def layers_of(access: Access, rule: str) -> Layers:
    """Return the levels of one rule, in one statement."""
    return laid(newest(access).filter(rule=rule)).get(rule, untouched(rule))


def all_layers(access: Access) -> dict[str, Layers]:
    """Return the levels of every rule that was changed, in one statement."""
    return laid(newest(access))


def newest(access: Access) -> Any:
    """Return the newest live change of each rule at each level."""
    live = RuleChange.objects.concerning(access.organization).live()
    return live.order_by("organization_id", "rule", "-number").distinct("organization_id", "rule")


def laid(changes: Iterable[RuleChange]) -> dict[str, Layers]:
    found: defaultdict[str, list[RuleChange]] = defaultdict(list)
    for change in changes:
        if change.after is not None:
            found[change.rule].append(change)
    return {rule: layers_from(rule, each) for rule, each in found.items()}


def layers_from(rule: str, changes: Iterable[RuleChange]) -> Layers:
    """Return the levels of a rule from the newest change of each, none of which took it away."""
    good = {True: dict[str, RuleChange](), False: dict[str, RuleChange]()}
    for change in changes:
        good[is_readable(change)][level_of(change)] = change
    holding, broken = good[True], good[False]
    built_in = built_in_definitions().get(rule)
    return Layers(built_in, holding.get(OPERATOR), holding.get(OWN), broken)


def is_readable(change: RuleChange) -> bool:
    """Tell if a rule can still be read; a later version may refuse what an earlier one took."""
    rules, _ = readable([LiveChange(change.number or 0, change.rule, change.after)])
    return bool(rules)


def untouched(rule: str) -> Layers:
    return Layers(built_in_definitions().get(rule))


def level_of(change: RuleChange) -> str:
    return OPERATOR if change.organization_id is None else OWN


def organization_at(level: str, access: Access) -> Organization | None:
    """Return whose rules a level of the access's is: None stands for the operator's."""
    return None if level == OPERATOR else access.organization


def level_words(level: str, access: Access) -> str:
    return "All organizations" if level == OPERATOR else access.organization.name


def is_hidden(change: RuleChange, access: Access) -> bool:
    """Tell if who made a change and why stays with the operator: for customers of its changes."""
    return change.organization_id is None and not access.user.is_staff


def author_words(change: RuleChange, access: Access) -> str:
    """Return who made a change, as the access may know it."""
    return "the operator" if is_hidden(change, access) else change.author_name


def approver_words(change: RuleChange, access: Access) -> str:
    """Return who approved a change, "" where nobody did or the access may not know."""
    return "" if is_hidden(change, access) else change.approved_by_name


def reason_words(change: RuleChange, access: Access) -> str:
    """Return why a change was made, "" where the access may not know."""
    return "" if is_hidden(change, access) else change.reason

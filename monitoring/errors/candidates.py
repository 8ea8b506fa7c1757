"""The rules as they would be in force for organizations if a change went live."""

from __future__ import annotations

from collections.abc import Collection

from monitoring.errors.interpretation import built_in_rules
from monitoring.errors.layers import LiveChange, stacked
from monitoring.errors.models import RuleChange
from monitoring.errors.rulebook import (
    Key,
    Newest,
    changes_of,
    key_of,
    newest_changes,
    rules_in_force,
)
from monitoring.errors.ruleset import RuleSet
from monitoring.errors.versions import version_of


def candidate_sets_of(change: RuleChange, organization_ids: Collection[int]) -> dict[int, RuleSet]:
    """Return, by organization, its rules with a change that is not live upon those in force.

    Its version is the one after theirs. Organizations without rules of their own share one set.
    Nothing of it is kept by this process.
    """
    newest = newest_changes(organization_ids)
    operators = newest.get(None, Newest())
    keys = {id_: key_of(id_, newest, operators) for id_ in organization_ids}
    number = max((each.number for each in newest.values()), default=0) + 1
    shared: Key = (None, operators, operators)
    changes = changes_of({*keys.values(), shared})
    candidate = LiveChange(number, change.rule, change.after)
    changes.setdefault(change.organization_id, []).append(candidate)
    built_in = built_in_rules()
    version = version_of(built_in.version, number)
    below = stacked(built_in, rules_in_force(changes[None]), version)
    return {
        id_: stacked(below, rules_in_force(changes[id_]), version) if id_ in changes else below
        for id_ in organization_ids
    }

"""The rules in force for each organization, compiled once and kept by this process."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Q

from monitoring.errors.interpretation import Interpreter, built_in_rules
from monitoring.errors.layers import LiveChange, in_force, readable, stacked
from monitoring.errors.models import RuleChange
from monitoring.errors.rules import Rule
from monitoring.errors.ruleset import RuleSet
from monitoring.errors.versions import version_of

logger = logging.getLogger(__name__)

# Sets a process keeps: one for all who have no rules of their own, and one for each who has.
KEPT_SETS = 1_000
# Interpreters a thread keeps, and how many verdicts each of them remembers.
KEPT_INTERPRETERS = 16
REMEMBERED = 2_048


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest live change of a level, 0 and 0 where there is none.

    The id is there because a number may be given again if going live was rolled back.
    """

    number: int = 0
    change: int = 0


# The level (None is the operator's) and its newest change, then that of the operator.
Key = tuple[int | None, Newest, Newest]

_sets: OrderedDict[Key, RuleSet] = OrderedDict()
_lock = threading.Lock()
_of_thread = threading.local()


def rule_sets_of(organization_ids: Collection[int]) -> dict[int, RuleSet]:
    """Return the rules in force by organization, as they are committed now.

    One statement tells the versions; a second one is needed where a set is not in memory yet.
    Organizations without rules of their own share one and the same set.
    """
    if not organization_ids:
        return {}
    newest = newest_changes(organization_ids)
    operators = newest.get(None, Newest())
    keys = {id_: key_of(id_, newest, operators) for id_ in organization_ids}
    sets = sets_kept(keys.values())
    missing = set(keys.values()) - sets.keys()
    if missing:
        sets |= sets_made(missing, operators)
    return {id_: sets[key] for id_, key in keys.items()}


def level_version(organization_id: int | None) -> int:
    """Return the version of the rules that a change at this level is laid upon.

    For an organization that of its rule set; with None that of the operator's rules.
    """
    ids = [] if organization_id is None else [organization_id]
    newest = newest_changes(ids).values()
    number = max((each.number for each in newest), default=0)
    return version_of(built_in_rules().version, number)


def interpreter_of(rules: RuleSet) -> Interpreter:
    """Return this thread's interpreter of a rule set; its memory of verdicts is for one thread.

    A thread keeps those it used last, one for each set and so one for all who share a set.
    """
    kept: OrderedDict[int, Interpreter] | None = getattr(_of_thread, "interpreters", None)
    if kept is None:
        kept = _of_thread.interpreters = OrderedDict()
    # The interpreter holds on to its set, so no other set can come to have the same identity.
    found = kept.get(id(rules))
    if found is None:
        found = kept[id(rules)] = Interpreter(rules, size=REMEMBERED)
        if len(kept) > KEPT_INTERPRETERS:
            kept.popitem(last=False)
    else:
        kept.move_to_end(id(rules))
    return found


def newest_changes(organization_ids: Collection[int]) -> dict[int | None, Newest]:
    """Return the newest live change of each of the organizations and, under None, the operator."""
    rows = (
        RuleChange.objects.live()
        .filter(Q(organization=None) | Q(organization_id__in=organization_ids))
        .order_by("organization_id", "-number")
        .distinct("organization_id")
        .values_list("organization_id", "number", "id")
    )
    return {organization: Newest(number or 0, change) for organization, number, change in rows}


def key_of(organization_id: int, newest: Mapping[int | None, Newest], operators: Newest) -> Key:
    own = newest.get(organization_id)
    return (None, operators, operators) if own is None else (organization_id, own, operators)


def sets_kept(keys: Iterable[Key]) -> dict[Key, RuleSet]:
    """Return the sets that are in memory, and remember that they were of use."""
    found: dict[Key, RuleSet] = {}
    with _lock:
        for key in keys:
            if key in _sets:
                _sets.move_to_end(key)
                found[key] = _sets[key]
    return found


def sets_made(keys: Collection[Key], operators: Newest) -> dict[Key, RuleSet]:
    """Compile the sets and keep them; of two threads that do so at once the first one's stays."""
    shared: Key = (None, operators, operators)
    rules = rules_of({*keys, shared})
    built_in = built_in_rules()
    version = version_of(built_in.version, operators.number)
    made = sets_kept([shared]) or {shared: stacked(built_in, rules[None], version)}
    for key in keys:
        level, own, _ = key
        if level is not None:
            version = version_of(built_in.version, max(own.number, operators.number))
            made[key] = stacked(made[shared], rules[level], version)
    with _lock:
        kept = {key: _sets.setdefault(key, rule_set) for key, rule_set in made.items()}
        while len(_sets) > KEPT_SETS:
            _sets.popitem(last=False)
    return kept


def rules_of(keys: Iterable[Key]) -> dict[int | None, list[Rule]]:
    """Return the rules of each level the keys speak of, in the order in which they are tried."""
    return {level: rules_in_force(found) for level, found in changes_of(keys).items()}


def changes_of(keys: Iterable[Key]) -> dict[int | None, list[LiveChange]]:
    """Return the live changes of each level the keys speak of.

    Nothing newer than the key is taken, for it may have gone live since.
    """
    upto = {level: own.number for level, own, _ in keys}
    changes: dict[int | None, list[LiveChange]] = {level: [] for level in upto}
    rows = (
        RuleChange.objects.live()
        .filter(Q(organization=None) | Q(organization_id__in=[level for level in upto if level]))
        .values_list("organization_id", "number", "rule", "after")
    )
    for level, number, rule, definition in rows:
        if (number or 0) <= upto[level]:
            changes[level].append(LiveChange(number or 0, rule, definition))
    return changes


def rules_in_force(changes: Iterable[LiveChange]) -> list[Rule]:
    """Return the rules of one level's changes; those that can't be read are told and left out."""
    rules, refused = readable(in_force(changes))
    for each in refused:
        logger.warning("Rule %s of change %s can't be read", each.rule, each.number)
    return rules

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import transaction
from pytest_django import DjangoAssertNumQueries

from monitoring.errors import rulebook
from monitoring.errors.facts import RawError
from monitoring.errors.interpretation import Interpreter, RuleSet, built_in_rules
from monitoring.errors.models import RuleChange
from monitoring.errors.rulebook import interpreter_of, level_version, rule_sets_of
from monitoring.errors.versions import version_of
from tests.factories import NOW, make_organization
from tests.monitoring.errors.makers import (
    definition,
    make_access,
    make_live,
    make_staff,
    panic,
    propose,
)

pytestmark = pytest.mark.django_db
BUILT_IN = built_in_rules().version


@pytest.fixture(autouse=True)
def nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rulebook, "_sets", OrderedDict())


def rules_for(organization: Any) -> RuleSet:
    return rule_sets_of([organization.pk])[organization.pk]


def title_of(organization: Any) -> str:
    """Return what is said of the panic there."""
    return interpreter_of(rules_for(organization)).interpret(RawError(**panic())).title


def test_without_changes_the_built_in_rules_hold_for_everybody() -> None:
    one, other = make_organization(), make_organization()
    assert rule_sets_of([one.pk, other.pk]) == {
        one.pk: built_in_rules(),
        other.pk: built_in_rules(),
    }
    assert rules_for(one) is built_in_rules()
    assert rule_sets_of([]) == {}


def test_an_organizations_rule_holds_there_and_nowhere_else() -> None:
    access, other = make_access(), make_organization()
    change = make_live(access)
    assert title_of(access.organization) == "The aisle is blocked"
    assert rules_for(access.organization).version == version_of(BUILT_IN, 1) == change.version
    assert rules_for(other) is built_in_rules()


def test_the_operators_rule_holds_for_all_below_their_own() -> None:
    access, other = make_access(), make_organization()
    make_live(access, definition=definition(title="Own"))
    make_live(make_staff(), organization=None, definition=definition(title="Operator"))
    assert title_of(access.organization) == "Own"
    assert title_of(other) == "Operator"
    assert rules_for(access.organization).version == version_of(BUILT_IN, 2)
    assert rules_for(other).version == version_of(BUILT_IN, 2)


def test_a_rule_taken_away_lets_the_one_below_be_seen_under_a_new_version() -> None:
    access = make_access()
    make_live(make_staff(), organization=None, definition=definition(title="Operator"))
    make_live(access, definition=definition(title="Own"))
    make_live(access, definition=None)
    assert title_of(access.organization) == "Operator"
    assert rules_for(access.organization).version == version_of(BUILT_IN, 3)


def test_a_draft_changes_nothing() -> None:
    access = make_access()
    propose(access)
    assert rules_for(access.organization) is built_in_rules()


def test_organizations_without_rules_of_their_own_share_one_set() -> None:
    make_live(make_staff(), organization=None)
    organizations = [make_organization() for _ in range(30)]
    sets = rule_sets_of([organization.pk for organization in organizations])
    assert len({id(rules) for rules in sets.values()}) == 1


def test_sets_in_memory_cost_one_statement_for_any_number(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    accesses = [make_access() for _ in range(3)]
    ids = [access.organization.pk for access in accesses]
    for access in accesses:
        make_live(access)
    rulebook._sets.clear()
    with django_assert_num_queries(2):
        first = rule_sets_of(ids)
    with django_assert_num_queries(1):
        again = rule_sets_of(ids)
    assert all(first[id_] is again[id_] for id_ in ids)
    assert len({rules.version for rules in first.values()}) == 3


def test_what_was_rolled_back_is_not_taken_for_what_came_after() -> None:
    access = make_access()
    with transaction.atomic():
        make_live(access, definition=definition(title="Rolled back"))
        assert title_of(access.organization) == "Rolled back"
        transaction.set_rollback(True)
    assert rules_for(access.organization) is built_in_rules()
    change = make_live(access, definition=definition(title="Stays"))
    assert change.number == 1
    assert title_of(access.organization) == "Stays"


def test_only_so_many_sets_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rulebook, "KEPT_SETS", 2)
    accesses = [make_access() for _ in range(4)]
    for number, access in enumerate(accesses):
        make_live(access, definition=definition(title=f"Number {number}"))
    sets = rule_sets_of([access.organization.pk for access in accesses])
    assert len(sets) == 4
    assert len(rulebook._sets) == 2
    assert title_of(accesses[0].organization) == "Number 0"


def test_a_stored_rule_that_can_not_be_read_any_more_stops_no_judging(
    caplog: pytest.LogCaptureFixture,
) -> None:
    access = make_access()
    make_live(access)
    stored = {"rule": "old-rule", "after": {"id": "old-rule", "class": "gone"}, "reason": "x"}
    by = {"author": access.user, "author_name": "x", "created_at": NOW}
    live = {"state": "live", "live_at": NOW, "number": 2, "version": version_of(BUILT_IN, 2)}
    RuleChange.objects.create(organization=access.organization, **stored, **by, **live)
    assert title_of(access.organization) == "The aisle is blocked"
    assert "old-rule" in caplog.text


def test_the_version_of_a_level_moves_with_what_lies_below_it() -> None:
    access, other = make_access(), make_organization()
    assert level_version(None) == level_version(other.pk) == BUILT_IN
    make_live(access)
    assert level_version(access.organization.pk) == version_of(BUILT_IN, 1)
    assert level_version(None) == level_version(other.pk) == BUILT_IN
    make_live(make_staff(), organization=None)
    assert level_version(None) == level_version(access.organization.pk) == version_of(BUILT_IN, 2)


def test_each_thread_has_an_interpreter_of_its_own_for_each_set() -> None:
    rules, others = built_in_rules(), RuleSet((), version=7)
    here = interpreter_of(rules)
    assert interpreter_of(rules) is here
    assert interpreter_of(others) is not here
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(interpreter_of, rules).result() is not here


def test_a_thread_keeps_only_the_interpreters_it_used_last() -> None:
    here = interpreter_of(built_in_rules())
    kept: list[Interpreter] = [
        interpreter_of(RuleSet((), version=number + 1))
        for number in range(rulebook.KEPT_INTERPRETERS)
    ]
    assert interpreter_of(kept[-1].rules) is kept[-1]
    assert interpreter_of(built_in_rules()) is not here

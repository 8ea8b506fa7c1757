"""What is kept of changes of rules, and who sees it."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from monitoring.errors.changes import rule_change_withdraw
from monitoring.errors.models import RuleChange
from monitoring.outcomes.models import AppendOnlyError
from tests.factories import NOW
from tests.monitoring.errors.makers import make_access, make_live, make_staff, passed, propose

pytestmark = pytest.mark.django_db


def settled() -> list[RuleChange]:
    access = make_access()
    withdrawn = propose(access, rule="another-rule")
    return [make_live(access), rule_change_withdraw(access=access, change=withdrawn, now=NOW)]


def test_the_database_keeps_what_is_settled() -> None:
    for change in settled():
        for statement in (
            "UPDATE errors_rulechange SET reason = 'none' WHERE id = %s",
            "UPDATE errors_rulechange SET state = 'draft' WHERE id = %s",
            "DELETE FROM errors_rulechange WHERE id = %s",
        ):
            with pytest.raises(DatabaseError, match="kept as it is"):
                execute(statement, change)


def test_the_model_keeps_what_is_settled() -> None:
    for change in settled():
        with pytest.raises(AppendOnlyError):
            change.save()
        with pytest.raises(AppendOnlyError):
            change.delete()
        with pytest.raises(AppendOnlyError):
            RuleChange.objects.filter(pk=change.pk).update(reason="none")
    with pytest.raises(AppendOnlyError):
        RuleChange.objects.all().delete()


@pytest.mark.parametrize("field", ["rule", "reason", "author_name"])
def test_what_was_proposed_is_what_goes_live(field: str) -> None:
    change = propose(make_access())
    with pytest.raises(DatabaseError, match="which is draft, is kept as it is"):
        execute(f"UPDATE errors_rulechange SET {field} = 'x' WHERE id = %s", change)
    with pytest.raises(DatabaseError, match="kept as it is"):
        execute("UPDATE errors_rulechange SET after = '{}' WHERE id = %s", change)


def execute(statement: str, change: RuleChange) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, [change.pk])


def test_figures_must_fit() -> None:
    change = propose(make_access())
    with pytest.raises(IntegrityError, match="rule_change_figures_fit"), transaction.atomic():
        passed(change, people=3, people_moved=4)


def test_an_admin_sees_their_own_changes_and_the_operators_live_ones() -> None:
    access, staff = make_access(), make_staff()
    own, theirs = propose(access), propose(make_access())
    hidden = propose(staff, organization=None, rule="draft-rule")
    shown = make_live(staff, organization=None)
    assert set(RuleChange.objects.visible_to(access)) == {own, shown}
    assert set(RuleChange.objects.concerning(access.organization)) == {own, hidden, shown}
    assert set(RuleChange.objects.concerning(None)) == {hidden, shown}
    assert set(RuleChange.objects.live()) == {shown}
    assert set(RuleChange.objects.of_rule("aisle-blocked")) == {own, theirs, shown}

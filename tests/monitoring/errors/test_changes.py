from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from pytest_django import Settings

from accounts.models import Role
from monitoring.audit.models import AuditEntry
from monitoring.errors.changes import (
    RuleChangeRefusedError,
    rule_change_approve,
    rule_change_go_live,
    rule_change_withdraw,
)
from monitoring.errors.interpretation import built_in_rules
from monitoring.errors.models import RuleChange
from monitoring.errors.rulebook import level_version
from monitoring.errors.versions import version_text
from tests.factories import NOW, make_organization
from tests.monitoring.errors.makers import (
    definition,
    make_access,
    make_live,
    make_staff,
    passed,
    propose,
)

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("id").values_list("action", flat=True))


def waiting(access: Any, **overrides: Any) -> RuleChange:
    """Return a change that moves 11 of 100 people and so waits for a second look."""
    change = passed(propose(access, **overrides), people_moved=11)
    return rule_change_go_live(access=access, change=change, now=LATER)


def test_a_proposal_is_a_draft_with_what_was_and_what_is_to_be() -> None:
    access = make_access()
    make_live(access, definition=definition(title="First"))
    change = propose(access, definition=definition(title="Second"), reason=" Clearer. ")
    assert (change.state, change.reason, change.author) == ("draft", "Clearer.", access.user)
    assert change.before == definition(id="aisle-blocked", title="First")
    assert change.after == definition(id="aisle-blocked", title="Second")
    entry = AuditEntry.objects.get(action="rule.propose", detail__change=change.pk)
    assert entry.organization == access.organization
    assert entry.detail["level"] == "organization"


def test_what_went_live_has_a_version_and_the_next_a_greater_one() -> None:
    access = make_access()
    first = make_live(access)
    second = make_live(make_access())
    assert (first.number, second.number) == (1, 2)
    assert version_text(second.version or 0) == f"{built_in_rules().version}.2"
    assert first.live_at == NOW + timedelta(minutes=2)
    assert actions() == ["rule.propose", "rule.go_live"] * 2


def test_numbers_follow_the_order_of_going_live_not_of_proposing() -> None:
    access = make_access()
    early = propose(access)
    late = make_live(access, rule="another-aisle", definition=definition(title="Other"))
    early = rule_change_go_live(access=access, change=passed(early), now=LATER)
    assert (late.number, early.number) == (1, 2)
    assert list(RuleChange.objects.live().newest_first()) == [early, late]


def test_only_who_may_change_the_level_may_change_its_rules() -> None:
    access, other = make_access(), make_organization()
    change = passed(propose(access))
    for stranger in (
        make_access(access.organization, role=Role.VIEWER),
        make_access(other),
        make_staff(other),
    ):
        for work in (rule_change_go_live, rule_change_approve, rule_change_withdraw):
            with pytest.raises(PermissionDenied):
                work(access=stranger, change=change, now=NOW)
    with pytest.raises(PermissionDenied):
        propose(access, organization=other)
    with pytest.raises(PermissionDenied):
        propose(make_access(role=Role.VIEWER))
    assert RuleChange.objects.get().state == "draft"


def test_only_staff_change_the_operators_rules_and_it_is_audited_where_they_were() -> None:
    access, staff = make_access(), make_staff()
    with pytest.raises(PermissionDenied):
        propose(access, organization=None)
    change = make_live(staff, organization=None)
    for work in (rule_change_go_live, rule_change_withdraw):
        with pytest.raises(PermissionDenied):
            work(access=access, change=change, now=NOW)
    entry = AuditEntry.objects.get(action="rule.go_live")
    assert (entry.organization, entry.detail["level"]) == (staff.organization, "operator")
    assert entry.detail["version"] == change.version


def test_a_new_draft_takes_the_place_of_the_authors_older_one() -> None:
    access = make_access()
    older = propose(access)
    newer = propose(access, definition=definition(title="Better"))
    assert RuleChange.objects.get(pk=older.pk).state == "withdrawn"
    assert list(RuleChange.objects.open()) == [newer]
    assert actions() == ["rule.propose", "rule.withdraw", "rule.propose"]


def test_somebody_elses_open_draft_must_be_settled_first() -> None:
    access = make_access()
    theirs = propose(make_access(access.organization, email="ada@acme.example"))
    with pytest.raises(RuleChangeRefusedError, match=r"ada@acme.example has proposed .* first\."):
        propose(access)
    rule_change_withdraw(access=access, change=theirs, now=NOW)
    assert propose(access).state == "draft"


def test_levels_and_rules_have_drafts_of_their_own() -> None:
    access, staff = make_access(), make_staff()
    propose(access)
    propose(staff, organization=None)
    propose(staff)
    propose(access, rule="another-rule")
    assert RuleChange.objects.open().count() == 4


def test_the_database_has_one_open_draft_a_rule_and_level() -> None:
    change = propose(make_staff(), organization=None)
    change.pk = None
    with pytest.raises(IntegrityError, match="rule_change_open_once"):
        RuleChange.objects.bulk_create([change])


def test_nothing_to_change_is_refused() -> None:
    access = make_access()
    with pytest.raises(RuleChangeRefusedError, match="no such rule here to be taken away"):
        propose(access, definition=None)
    make_live(access)
    with pytest.raises(RuleChangeRefusedError, match="says exactly this already"):
        propose(access)
    make_live(access, definition=None)
    with pytest.raises(RuleChangeRefusedError, match="no such rule here"):
        propose(access, definition=None)


@pytest.mark.parametrize(
    "wrong", [{"definition": {"class": "transient"}}, {"reason": " "}, {"rule": "silent"}]
)
def test_what_can_not_be_proposed_leaves_nothing(wrong: dict[str, Any]) -> None:
    with pytest.raises(RuleChangeRefusedError):
        propose(make_access(), **wrong)
    assert not RuleChange.objects.exists()
    assert actions() == []


def test_a_draft_goes_live_only_tested() -> None:
    access = make_access()
    change = propose(access)
    with pytest.raises(RuleChangeRefusedError, match="Test the change on past outcomes"):
        rule_change_go_live(access=access, change=change, now=LATER)
    passed(change, now=NOW - timedelta(seconds=1))
    with pytest.raises(RuleChangeRefusedError, match="Test the change on past outcomes"):
        rule_change_go_live(access=access, change=change, now=LATER)
    passed(change)
    assert rule_change_go_live(access=access, change=change, now=LATER).state == "live"


@pytest.mark.parametrize("meanwhile", ["own", "operator"])
def test_a_test_is_out_of_date_once_other_rules_changed(meanwhile: str) -> None:
    access, staff = make_access(), make_staff()
    change = passed(propose(access))
    if meanwhile == "own":
        make_live(access, rule="another-rule", definition=definition(title="Other"))
    else:
        make_live(staff, organization=None)
    with pytest.raises(RuleChangeRefusedError, match="Test it again"):
        rule_change_go_live(access=access, change=change, now=LATER)
    passed(change)
    assert rule_change_go_live(access=access, change=change, now=LATER).state == "live"


def test_a_change_during_the_test_makes_it_out_of_date_too() -> None:
    access = make_access()
    change, against = propose(access), level_version(access.organization.pk)
    make_live(access, rule="another-rule", definition=definition(title="Other"))
    passed(change, against=against)
    with pytest.raises(RuleChangeRefusedError, match="Test it again"):
        rule_change_go_live(access=access, change=change, now=LATER)


def test_another_organizations_change_leaves_a_test_as_good_as_it_was() -> None:
    access, staff = make_access(), make_staff()
    ours, operators = passed(propose(access)), passed(propose(staff, organization=None))
    make_live(make_access())
    assert rule_change_go_live(access=access, change=ours, now=LATER).state == "live"
    assert rule_change_go_live(access=staff, change=operators, now=LATER).state == "live"


@pytest.mark.parametrize(
    ("people", "moved", "state"),
    [
        (100, 10, "live"),
        (100, 11, "waiting"),
        (0, 0, "waiting"),
        (5, 1, "waiting"),
        (10, 0, "live"),
    ],
)
def test_more_than_a_tenth_of_the_people_takes_a_second_look(
    people: int, moved: int, state: str
) -> None:
    access = make_access()
    change = passed(propose(access), people=people, people_moved=moved)
    assert rule_change_go_live(access=access, change=change, now=LATER).state == state


def test_a_test_holds_for_a_day() -> None:
    access, day = make_access(), timedelta(hours=24)
    change = passed(propose(access), now=NOW)
    with pytest.raises(RuleChangeRefusedError, match=r"more than 24 hours ago\. Test it again"):
        rule_change_go_live(access=access, change=change, now=NOW + day + timedelta(seconds=1))
    assert rule_change_go_live(access=access, change=change, now=NOW + day).state == "live"


def test_what_waits_for_a_second_look_must_be_tested_lately_too() -> None:
    access, late = make_access(), NOW + timedelta(hours=25)
    change, other = waiting(access), make_access(access.organization)
    with pytest.raises(RuleChangeRefusedError, match="more than 24 hours ago"):
        rule_change_approve(access=other, change=change, now=late)
    passed(change, people_moved=11, now=late)
    assert rule_change_approve(access=other, change=change, now=late).state == "live"


def test_the_share_is_a_setting(settings: Settings) -> None:
    settings.SECOND_LOOK_SHARE = 0.5
    assert waiting(make_access()).state == "live"


def test_somebody_else_approves_what_waits() -> None:
    access = make_access()
    change = waiting(access)
    assert (change.state, change.version) == ("waiting", None)
    for _ in range(2):
        with pytest.raises(RuleChangeRefusedError, match="somebody else must approve"):
            rule_change_approve(access=access, change=change, now=LATER)
    with pytest.raises(RuleChangeRefusedError, match="waits for a second look"):
        rule_change_go_live(access=access, change=change, now=LATER)
    colleague = make_access(access.organization)
    change = rule_change_approve(access=colleague, change=change, now=LATER)
    assert (change.state, change.number, change.approved_by) == ("live", 1, colleague.user)
    assert change.approved_by_name == colleague.user.email
    assert actions() == ["rule.propose", "rule.second_look", "rule.approve"]


def test_only_what_waits_can_be_approved_and_not_on_an_old_test() -> None:
    access = make_access()
    colleague = make_access(access.organization)
    draft = passed(propose(access))
    with pytest.raises(RuleChangeRefusedError, match="has not been asked to go live"):
        rule_change_approve(access=colleague, change=draft, now=LATER)
    change = waiting(access)
    make_live(access, rule="another-rule", definition=definition(title="Other"))
    with pytest.raises(RuleChangeRefusedError, match="Test it again"):
        rule_change_approve(access=colleague, change=change, now=LATER)
    passed(change, people_moved=12)
    assert rule_change_approve(access=colleague, change=change, now=LATER).state == "live"


def test_what_is_settled_goes_no_further() -> None:
    access = make_access()
    live, withdrawn = make_live(access), propose(access, rule="another-rule")
    rule_change_withdraw(access=access, change=withdrawn, now=NOW)
    for change, sentence in ((live, "is live already"), (withdrawn, "was withdrawn")):
        for work in (rule_change_go_live, rule_change_approve, rule_change_withdraw):
            with pytest.raises(RuleChangeRefusedError, match=sentence):
                work(access=access, change=change, now=LATER)
        with pytest.raises(RuleChangeRefusedError, match=sentence):
            passed(change)

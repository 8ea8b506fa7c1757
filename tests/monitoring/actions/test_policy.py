from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from accounts.access import Access
from accounts.models import Organization, Role
from monitoring.actions.deeds import ActionRefusedError
from monitoring.actions.models import ActionPolicy
from monitoring.actions.policy import ActionPolicyFacts, action_policy_of, action_policy_set
from monitoring.audit.models import AuditEntry
from tests.factories import NOW
from tests.monitoring.actions.makers import make_access

WANTED: dict[str, Any] = {
    "approval_share": 0.5,
    "approval_least": 100,
    "link_days": 3,
    "reminders": 0,
    "reminder_days": 4,
}


@pytest.fixture
def owner(acme: Organization) -> Access:
    return make_access(acme, Role.OWNER)


def test_without_a_policy_of_ones_own_the_built_in_numbers_hold(acme: Organization) -> None:
    facts = action_policy_of(acme)
    assert facts == ActionPolicyFacts()
    stored = ActionPolicy.objects.create(organization=acme)
    assert action_policy_of(acme) == facts
    assert stored.reminders == facts.reminders


def test_an_owner_sets_it_and_the_log_tells_before_and_after(owner: Access) -> None:
    for _ in range(2):
        assert action_policy_set(access=owner, now=NOW, **WANTED) == ActionPolicyFacts(**WANTED)
    assert action_policy_of(owner.organization) == ActionPolicyFacts(**WANTED)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.author) == ("action.policy", owner.user)
    assert entry.detail["before"]["approval_share"] == 0.25
    assert entry.detail["after"] == WANTED


@pytest.mark.parametrize("role", [Role.ADMIN, Role.VIEWER])
def test_nobody_else_may_set_it(acme: Organization, role: Role) -> None:
    with pytest.raises(PermissionDenied):
        action_policy_set(access=make_access(acme, role), now=NOW, **WANTED)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("approval_share", 1.1),
        ("approval_share", float("nan")),
        ("approval_least", 0),
        ("link_days", 31),
        ("reminders", 11),
        ("reminder_days", 0),
    ],
)
def test_a_number_out_of_bounds_is_refused_with_a_sentence(
    owner: Access, name: str, number: float
) -> None:
    with pytest.raises(ActionRefusedError) as refused:
        action_policy_set(access=owner, now=NOW, **WANTED | {name: number})
    assert refused.value.field == name
    assert not ActionPolicy.objects.exists()

"""How an organization wants actions done: reading it and setting it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

from django.core.exceptions import PermissionDenied

from accounts.access import Access
from accounts.models import Organization, Role
from monitoring.actions.deeds import ActionRefusedError
from monitoring.actions.models import ActionPolicy
from monitoring.audit.policies import Bounds, first_beyond, policy_store


@dataclass(frozen=True, slots=True)
class ActionPolicyFacts:
    """The numbers in force for an organization; see `monitoring.actions.models.ActionPolicy`."""

    approval_share: float = 0.25
    approval_least: int = 20
    link_days: int = 7
    reminders: int = 2
    reminder_days: int = 2


BOUNDS = {
    "approval_share": Bounds(0, 1, "The share must be between 0 and 1."),
    "approval_least": Bounds(1, 1_000_000, "The number of people must be 1 or more."),
    "link_days": Bounds(1, 30, "A link may open for 1 to 30 days."),
    "reminders": Bounds(0, 10, "There may be 0 to 10 reminders."),
    "reminder_days": Bounds(1, 30, "Reminders may be 1 to 30 days apart."),
}
NAMES = [field.name for field in fields(ActionPolicyFacts)]


def action_policy_of(organization: Organization) -> ActionPolicyFacts:
    """Return the policy in force; the built-in numbers where none was set."""
    stored = ActionPolicy.objects.filter(organization=organization).values(*NAMES).first()
    return ActionPolicyFacts(**stored) if stored else ActionPolicyFacts()


def action_policy_set(
    *,
    access: Access,
    approval_share: float,
    approval_least: int,
    link_days: int,
    reminders: int,
    reminder_days: int,
    now: datetime,
) -> ActionPolicyFacts:
    """Set the policy. Raises PermissionDenied for who is no owner, and ActionRefusedError."""
    if access.role != Role.OWNER:
        raise PermissionDenied("Only an owner may change how actions are approved.")
    wanted = ActionPolicyFacts(approval_share, approval_least, link_days, reminders, reminder_days)
    if beyond := first_beyond(BOUNDS, wanted):
        raise ActionRefusedError(*beyond)
    policy_store(
        access=access,
        model=ActionPolicy,
        policy_of=action_policy_of,
        wanted=wanted,
        action="action.policy",
        now=now,
    )
    return wanted

"""How long an organization wants things to last before it is told: reading it and setting it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

from accounts.access import Access
from accounts.models import Organization
from monitoring.alerts.models import AlertPolicy
from monitoring.alerts.refusals import AlertRefusedError
from monitoring.audit.policies import Bounds, first_beyond, policy_store


@dataclass(frozen=True, slots=True)
class AlertPolicyFacts:
    """The numbers in force for an organization; see `monitoring.alerts.models.AlertPolicy`."""

    opened: int = 900
    over: int = 1_800
    reminder: int = 86_400
    asks_people: bool = False
    unknown_share: float = 0.05
    coverage_drop: float = 0.1


BOUNDS = {
    "opened": Bounds(0, 86_400, "Wait for a day at most before something is told."),
    "over": Bounds(0, 86_400, "Wait for a day at most before an end is told."),
    "reminder": Bounds(3_600, 30 * 86_400, "Remind once an hour at most, and within 30 days."),
    "unknown_share": Bounds(0.01, 1, "The share must be between 1 and 100 %."),
    "coverage_drop": Bounds(0.01, 1, "The drop must be between 1 and 100 %."),
}
NAMES = [field.name for field in fields(AlertPolicyFacts)]


def alert_policy_of(organization: Organization) -> AlertPolicyFacts:
    """Return the policy in force; the built-in numbers where none was set."""
    stored = AlertPolicy.objects.filter(organization=organization).values(*NAMES).first()
    return AlertPolicyFacts(**stored) if stored else AlertPolicyFacts()


def alert_policy_save(*, access: Access, wanted: AlertPolicyFacts, now: datetime) -> None:
    """Set the policy. Raises PermissionDenied for who may only look, and AlertRefusedError."""
    access.require_change()
    if beyond := first_beyond(BOUNDS, wanted):
        raise AlertRefusedError(*beyond)
    policy_store(
        access=access,
        model=AlertPolicy,
        policy_of=alert_policy_of,
        wanted=wanted,
        action="alerts.policy",
        now=now,
    )

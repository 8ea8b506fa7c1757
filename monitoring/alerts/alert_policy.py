"""How long an organization wants things to last before it is told: reading it and setting it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime

from django.db import transaction

from accounts.access import Access
from accounts.models import Organization
from monitoring.alerts.models import AlertPolicy
from monitoring.alerts.refusals import AlertRefusedError
from monitoring.audit.log import audit_entry_write


@dataclass(frozen=True, slots=True)
class AlertPolicyFacts:
    """The numbers in force for an organization; see `monitoring.alerts.models.AlertPolicy`."""

    opened: int = 900
    over: int = 1_800
    reminder: int = 86_400
    asks_people: bool = False
    unknown_share: float = 0.05
    coverage_drop: float = 0.1


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between what a number may be, and what is said to who wants another."""

    least: float
    most: float
    sentence: str


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


@transaction.atomic
def alert_policy_save(*, access: Access, wanted: AlertPolicyFacts, now: datetime) -> None:
    """Set the policy. Raises PermissionDenied for who may only look, and AlertRefusedError."""
    access.require_change()
    for name, bounds in BOUNDS.items():
        if not bounds.least <= getattr(wanted, name) <= bounds.most:
            raise AlertRefusedError(bounds.sentence, name)
    organization = Organization.objects.select_for_update(no_key=True).get(
        pk=access.organization.pk
    )
    before = alert_policy_of(organization)
    if wanted == before:
        return
    AlertPolicy.objects.update_or_create(organization=organization, defaults=asdict(wanted))
    audit_entry_write(
        organization=organization,
        action="alerts.policy",
        now=now,
        author=access.user,
        detail={"before": asdict(before), "after": asdict(wanted)},
    )

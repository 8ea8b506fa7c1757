"""Planned maintenance of a provider, offered as a time in which its alerts are muted."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Exists, OuterRef

from accounts.access import Access
from monitoring.alerts.models import Silence
from monitoring.audit.log import audit_entry_write
from monitoring.incidents.models import PlannedMaintenance, PlannedMaintenanceQuerySet


def maintenances_offered(access: Access, now: datetime) -> PlannedMaintenanceQuerySet:
    """Return what is planned and nobody has placed a silence for yet, or said that none is needed.

    One that was ended or called off counts: it is offered once.
    """
    placed = Silence.objects.filter(
        organization=OuterRef("organization"), announcement=OuterRef("key")
    )
    planned: PlannedMaintenanceQuerySet = PlannedMaintenance.objects.visible_to(access)
    return planned.ahead(now).filter(~Exists(placed), dismissed_at=None)


@transaction.atomic
def maintenance_dismiss(*, access: Access, maintenance: PlannedMaintenance, now: datetime) -> bool:
    """Have a planned maintenance offered no more; return False where it was not any more."""
    access.require_change()
    if maintenance.organization_id != access.organization.pk:
        raise PermissionDenied("This maintenance is of another organization.")
    offered = PlannedMaintenance.objects.filter(pk=maintenance.pk, dismissed_at=None)
    if not offered.update(dismissed_at=now):
        return False
    audit_entry_write(
        organization=access.organization,
        action="maintenance.dismiss",
        now=now,
        author=access.user,
        detail={"maintenance": maintenance.key},
    )
    return True

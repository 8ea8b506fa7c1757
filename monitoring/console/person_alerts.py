"""The alerts that a person was part of, for their timeline."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Coalesce, Now

from accounts.access import Access
from monitoring.alerts.models import Alert
from monitoring.health.models import Status, Transition

TOLD_OF_ALERTS = ("id", "kind", "cause", "severity", "people", "most_people", "ended_at")


def alerts(access: Access, person_id: int) -> QuerySet[Any]:
    """Return the alerts during which the person came to need a human for the cause they are of."""
    during = Transition.objects.filter(
        organization=OuterRef("organization"),
        person=person_id,
        to_status=Status.STALLED,
        to_cause=OuterRef("cause"),
        at__gte=OuterRef("began_at"),
        at__lte=Coalesce(OuterRef("ended_at"), Now()),
    )
    found = Alert.objects.visible_to(access).about_health()
    return found.filter(Exists(during))

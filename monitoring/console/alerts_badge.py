"""How many open alerts wait for somebody: the number that the navigation of every page shows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Count, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.access import Access
from monitoring.alerts.models import Alert


def with_alerts(organizations: QuerySet[Any], access: Access, now: datetime) -> QuerySet[Any]:
    """Add the number to each of the organizations a page lists, to be had with them."""
    waiting = Alert.objects.visible_to(access).unacknowledged(now).order_by()
    counted = waiting.values("organization").annotate(number=Count("pk"))
    return organizations.annotate(alerts_waiting=Coalesce(Subquery(counted.values("number")), 0))

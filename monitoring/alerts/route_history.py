"""When the built-in routes were in force, by the audit log: routes go, what they told stays."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from monitoring.audit.models import AuditEntry

RESTORED = "route.restore"


@dataclass(frozen=True, slots=True)
class RouteChange:
    """Routes were changed at a time, or the built-in ones restored."""

    at: datetime
    action: str


def were_built_in(changes: Sequence[RouteChange], at: datetime) -> bool:
    """Tell whether the built-in routes were in force at a time, by all changes in order. Pure."""
    before = bisect_right(changes, at, key=lambda change: change.at)
    return before == 0 or changes[before - 1].action == RESTORED


def route_changes(organizations: Collection[int | None]) -> dict[int | None, list[RouteChange]]:
    """Return the changes of routes of each organization, None for the service's, in order."""
    found: defaultdict[int | None, list[RouteChange]] = defaultdict(list)
    if not organizations:
        return found
    whose = Q(organization__in=set(organizations) - {None})
    if None in organizations:
        whose |= Q(organization=None)
    entries = AuditEntry.objects.filter(whose).of_routes().order_by("at", "id")
    for organization, at, action in entries.values_list("organization", "at", "action"):
        found[organization].append(RouteChange(at, action))
    return found

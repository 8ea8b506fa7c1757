"""Who needs somebody, but is silenced: a digest counts them apart, as no alert tells of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from datetime import datetime

from django.db import connection

from monitoring.alerts.muting import IS_SILENCED, organizations_with_silences

IN_NEED = f"""
    SELECT health.organization_id, health.cause, count(*)
    FROM health_health AS health JOIN accounts_person AS person ON person.id = health.person_id
    WHERE health.organization_id = ANY(%(organizations)s)
        AND health.severity = 0 AND health.status = 'stalled' AND {IS_SILENCED}
    GROUP BY 1, 2
"""  # noqa: S608 - made of constants


def silenced_in_need(
    now: datetime, organizations: Collection[int] | None = None
) -> dict[int, Counter[str]]:
    """Return how many who need somebody are silenced now, by organization and cause.

    Of all organizations, or of some. People are looked at only where a silence is in force.
    """
    asked = organizations_with_silences(now)
    if organizations is not None:
        asked &= set(organizations)
    found: defaultdict[int, Counter[str]] = defaultdict(Counter)
    if not asked:
        return found
    with connection.cursor() as cursor:
        cursor.execute(IN_NEED, {"organizations": list(asked), "now": now})
        for organization, cause, people in cursor.fetchall():
            found[organization][cause] = people
    return found

"""What came back after it was over: whether an alert like it that began later goes on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from monitoring.alerts.models import Alert

# Alike are those that flap together (`monitoring.alerts.following`): incidents by their provider.
# One that is wholly silenced, or absorbed, is not told of: it holds up no end, which always is.
RETURNS = """
    SELECT earlier.id, bool_or(later.ended_at IS NULL), max(later.ended_at)
    FROM alerts_alert AS earlier
    JOIN alerts_alert AS later ON (later.organization_id = earlier.organization_id
            OR later.organization_id IS NULL AND earlier.organization_id IS NULL)
        AND later.kind = earlier.kind
        AND (later.cause = earlier.cause
            OR later.kind = 'incident'
                AND later.facts ->> 'provider' = earlier.facts ->> 'provider')
        AND (later.began_at, later.id) > (earlier.began_at, earlier.id)
        AND (later.silenced < later.people OR later.people = 0)
    WHERE earlier.id = ANY(%s)
    GROUP BY earlier.id
"""


@dataclass(frozen=True, slots=True)
class Return:
    """Whether one like an alert that began later goes on, and when the last of those ended.

    Of those that may be told of: of what is wholly silenced or absorbed nobody hears.
    """

    is_back: bool = False
    until: datetime | None = None


NO_RETURN = Return()


def returns_of(alerts: Iterable[Alert]) -> dict[int, Return]:
    """Return what came back of those alerts that are over, by id, in one statement.

    Of one that is not there nothing did.
    """
    over = [alert.pk for alert in alerts if alert.ended_at is not None]
    if not over:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(RETURNS, [over])
        return {pk: Return(is_back, until) for pk, is_back, until in cursor.fetchall()}

"""Acknowledging alerts: somebody is at it, so nobody is reminded and nothing escalates.

That counts for a week; then anybody may acknowledge it anew.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from monitoring.alerts.models import Alert
from monitoring.audit.log import audit_entry_write, by_link


@transaction.atomic
def alert_acknowledge(*, alert: Alert, name: str, now: datetime, user: Any = None) -> bool:
    """Write down that somebody is at an alert; return False for one that is over or in hand.

    One that was acknowledged so long ago that it does not count any more is not in hand.

    The caller checks that they may: by their access, or by the signed link of a recipient. Whoever
    followed that is not known, so the audit log has the recipient's `name`, and no user.
    """
    waiting = Alert.objects.open().unanswered(now).filter(pk=alert.pk)
    if not waiting.update(acknowledged_at=now, acknowledged_by_name=name[:254]):
        return False
    written(alert, "alert.acknowledge", name, now, user)
    return True


@transaction.atomic
def alert_unacknowledge(*, alert: Alert, name: str, now: datetime, user: Any = None) -> bool:
    """Take an acknowledgement back; return False where there is none that counts."""
    in_hand = Alert.objects.open().in_hand(now).filter(pk=alert.pk)
    if not in_hand.update(acknowledged_at=None, acknowledged_by_name=""):
        return False
    written(alert, "alert.unacknowledge", name, now, user)
    return True


def written(alert: Alert, action: str, name: str, now: datetime, user: Any) -> None:
    audit_entry_write(
        organization=alert.organization,
        action=action,
        now=now,
        author=user,
        author_name=name,
        detail={"alert": alert.pk} | by_link(user),
    )

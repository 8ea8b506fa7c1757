"""How long an acknowledgement counts: so long an alert is in hand, then it waits for somebody anew.

One rule: of an alert, and of a statement in SQL; `AlertQuerySet.in_hand` is that of a question.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from monitoring.alerts.plan_facts import Waits

WAITS = Waits()
# Is true of an alert that is not in hand; `lapsed` is what `lapsed_by` returns.
UNANSWERED = "(acknowledged_at IS NULL OR acknowledged_at <= %(lapsed)s)"


class Acknowledged(Protocol):
    """An alert, or an episode of a plan: whatever somebody may have said that they are at."""

    @property
    def acknowledged_at(self) -> datetime | None: ...


def is_in_hand(alert: Acknowledged, now: datetime, waits: Waits = WAITS) -> bool:
    """Tell whether somebody acknowledged it, and not so long ago that it counts no more."""
    until = in_hand_until(alert, waits)
    return until is not None and now < until


def in_hand_until(alert: Acknowledged, waits: Waits = WAITS) -> datetime | None:
    """Return until when its acknowledgement counts; None where there is none."""
    if alert.acknowledged_at is None:
        return None
    return alert.acknowledged_at + timedelta(seconds=waits.acknowledged)


def lapsed_by(now: datetime) -> datetime:
    """Return when the latest of the acknowledgements was made that count no more."""
    return now - timedelta(seconds=WAITS.acknowledged)

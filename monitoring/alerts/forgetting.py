"""Forgetting alerts that ended long ago, and messages that are long done with."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from monitoring.alerts.models import Alert, Message

# Rows a tick: what has piled up for a while goes bit by bit.
AT_ONCE = 1_000


def alerts_forget_step(now: datetime) -> None:
    """Forget some of what is too old, as a step of the tick."""
    before = now - timedelta(days=settings.MESSAGE_RETENTION_DAYS)
    alerts_forget(before)
    messages_forget(before)


@transaction.atomic
def alerts_forget(before: datetime, *, limit: int = AT_ONCE) -> int:
    """Forget alerts that ended before a moment, with whom was told of them; return how many."""
    old = Alert.objects.filter(ended_at__lt=before).order_by("ended_at")
    ids = list(old.values_list("pk", flat=True)[:limit])
    if ids:
        Alert.objects.filter(pk__in=ids).delete()
    return len(ids)


@transaction.atomic
def messages_forget(before: datetime, *, limit: int = AT_ONCE) -> int:
    """Forget messages that were queued before a moment and do not wait; return how many.

    That somebody was told of an alert is known after its message is forgotten, too.
    """
    # Their ids grow with time, so what comes first is the oldest, and no more of it is looked at.
    done = Message.objects.done().order_by("pk").values("pk", "created_at")
    first = done.first()
    if first is None or first["created_at"] >= before:
        return 0
    old = [each["pk"] for each in done[:limit] if each["created_at"] < before]
    Message.objects.filter(pk__in=old).delete()
    return len(old)

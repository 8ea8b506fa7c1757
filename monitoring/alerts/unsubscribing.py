"""Unsubscribing from alerts, by the link in a mail or on the page of preferences, and back again.

A signed link is authority enough: it is asked of nobody else. But whoever followed it is not known,
so the audit log has the recipient's name, and a `user` only where one was signed in.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Coalesce

from monitoring.alerts.models import Digest, Recipient
from monitoring.audit.log import audit_entry_write, by_link


@transaction.atomic
def recipient_unsubscribe(*, recipient: Recipient, now: datetime, user: Any = None) -> bool:
    """Send a recipient no more alerts and digests; return False where they had unsubscribed."""
    subscribed = Recipient.objects.reachable().filter(pk=recipient.pk)
    if not subscribed.update(unsubscribed_at=now):
        return False
    written(recipient, "recipient.unsubscribe", now, user)
    return True


@transaction.atomic
def recipient_resubscribe(*, recipient: Recipient, now: datetime, user: Any = None) -> bool:
    """Send them alerts again; return False where they were not unsubscribed, or are removed.

    Whoever can ask for it, by the link in a mail or signed in, has confirmed the address by that.
    """
    gone = Recipient.objects.current().filter(pk=recipient.pk, unsubscribed_at__isnull=False)
    confirmed = Coalesce("confirmed_at", Value(now))
    if not gone.update(unsubscribed_at=None, confirmed_at=confirmed):
        return False
    written(recipient, "recipient.resubscribe", now, user)
    return True


@transaction.atomic
def recipient_digest_stop(*, recipient: Recipient, now: datetime) -> bool:
    """Send a recipient no more digests, but alerts as before; return False for who had none."""
    wanted = Recipient.objects.current().filter(pk=recipient.pk).exclude(digest=Digest.NEVER)
    if not wanted.update(digest=Digest.NEVER, digest_at=None):
        return False
    written(recipient, "recipient.digest_stop", now)
    return True


def written(recipient: Recipient, action: str, now: datetime, user: Any = None) -> None:
    audit_entry_write(
        organization=recipient.organization,
        action=action,
        now=now,
        author=user,
        author_name="" if user else recipient.name or recipient.address,
        detail={"recipient": recipient.pk} | by_link(user),
    )

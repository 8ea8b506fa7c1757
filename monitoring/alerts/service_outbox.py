"""Sending messages of the service again, those of no organization: for support staff."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts.access import ServiceAccess
from monitoring.alerts.models import Channel, Message
from monitoring.alerts.outbox import sender_ring
from monitoring.alerts.sending_again import Again, as_if_new, sent_again
from monitoring.audit.log import audit_entry_write


@transaction.atomic
def service_message_retry(*, access: ServiceAccess, message: Message, now: datetime) -> Again:
    """Have a message of the service sent that was given up, or withdraw it where it is wrong.

    Raises PermissionDenied for who is no support staff any more, and MessageRefusedError for a
    message that was not given up.
    """
    access.require_change()
    given_up = Message.objects.failed().filter(pk=message.pk, organization=None)
    again = sent_again(given_up, message, now)
    audit_entry_write(
        organization=None,
        action="message.retry",
        now=now,
        author=access.user,
        detail={"message": message.pk, **again.detail},
    )
    return again


@transaction.atomic
def service_messages_retry(*, access: ServiceAccess, now: datetime) -> int:
    """Have all messages of the service sent that were given up; return how many."""
    access.require_change()
    number = Message.objects.failed().filter(organization=None).update(**as_if_new(now))
    if number:
        audit_entry_write(
            organization=None,
            action="message.retry_all",
            now=now,
            author=access.user,
            detail={"messages": number},
        )
        for channel in Channel.values:
            sender_ring(channel)
    return number

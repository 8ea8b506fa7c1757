"""Sending webhooks and chat messages anew: for a receiver that lost what it was told.

What is sent anew is a message of its own, and the first stays as it is. A webhook's receiver gets
it under the first one's id, so it knows what it has had already.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from uuid import uuid4

from django.core.exceptions import PermissionDenied
from django.db import transaction

from accounts.access import Access, ServiceAccess
from monitoring.alerts.models import Channel, Message, MessageQuerySet, MessageState, Recipient
from monitoring.alerts.outbox import MessageRefusedError, sender_domain, sender_ring
from monitoring.alerts.recipient_changes import tell
from monitoring.alerts.webhook_sender import webhook_id
from monitoring.audit.log import audit_entry_write

KIND = "replay"
# Written at once; and in all, of one recipient.
BATCH = 200
MOST_AGAIN = 10_000
# Sent anew one by one, so many may wait for one recipient.
MOST_WAITING = 50
WAITING = "Messages sent anew still wait for this destination. Wait until they are sent."
DONE = (MessageState.SENT, MessageState.FAILED)


@transaction.atomic
def message_replay(*, access: Access | ServiceAccess, message: Message, now: datetime) -> Message:
    """Send a webhook or a chat message anew that was sent or given up; return the new one.

    Raises PermissionDenied for who may only look or whose it is not, and MessageRefusedError.
    """
    access.require_change()
    if message.organization_id != access.organization_id:
        raise PermissionDenied("This message belongs to another organization.")
    if message.channel == Channel.MAIL:
        raise MessageRefusedError("Only what goes to a chat or a webhook can be sent anew.")
    found = Message.objects.filter(pk=message.pk, state__in=DONE).select_related("target")
    original = found.first()
    if original is None:
        raise MessageRefusedError("This message is still to be sent, or was withdrawn.")
    if original.target is None or original.target.removed_at is not None:
        raise MessageRefusedError("The destination of this message was removed.")
    waiting_check(original.target, MOST_WAITING)
    (again,) = Message.objects.bulk_create([copied(original, now)])
    audit_entry_write(
        organization=access.organization,
        action="message.replay",
        now=now,
        author=access.user,
        detail={"message": original.pk, "again": again.pk},
    )
    sender_ring(again.channel)
    return again


@transaction.atomic
def messages_replay(
    *, access: Access | ServiceAccess, recipient: Recipient, since: datetime, now: datetime
) -> int:
    """Send a webhook all anew that it was to be sent since a moment; return how many messages.

    In their order, each under its first id. Raises PermissionDenied, and MessageRefusedError where
    it is none, or they are too many, or others still wait to be sent anew.
    """
    access.require_change()
    if recipient.organization_id != access.organization_id:
        raise PermissionDenied("This recipient belongs to another organization.")
    if recipient.channel != Channel.WEBHOOK or recipient.removed_at is not None:
        raise MessageRefusedError("Only a webhook that is still here can be sent all anew.")
    waiting_check(recipient, 1)
    found = said_since(recipient, since)
    if found.count() > MOST_AGAIN:
        raise MessageRefusedError(f"These are more than {MOST_AGAIN:,}. Choose a later time.")
    number = 0
    for batch in batched(found):
        number += len(Message.objects.bulk_create([copied(each, now) for each in batch]))
    if number:
        detail = {"messages": number, "since": since.isoformat()}
        tell(access, "recipient.replay", now, recipient, **detail)
        sender_ring(recipient.channel)
    return number


def waiting_check(recipient: Recipient, most: int) -> None:
    """Refuse to have more sent anew while so many wait; who asks at the same time waits here."""
    Recipient.objects.select_for_update(no_key=True).get(pk=recipient.pk)
    waiting: MessageQuerySet = Message.objects.filter(target=recipient, channel=recipient.channel)
    if waiting.waiting().filter(kind=KIND).count() >= most:
        raise MessageRefusedError(WAITING)


def said_since(recipient: Recipient, since: datetime) -> MessageQuerySet:
    """Return what a recipient was to be sent since a moment, no message twice."""
    done: MessageQuerySet = Message.objects.filter(target=recipient, state__in=DONE)
    return done.filter(created_at__gte=since).exclude(kind=KIND).order_by("id")


def batched(found: MessageQuerySet) -> Iterator[list[Message]]:
    rows = found.iterator(chunk_size=BATCH)
    while batch := list(islice(rows, BATCH)):
        yield batch


def copied(original: Message, now: datetime) -> Message:
    return Message(
        organization_id=original.organization_id,
        kind=KIND,
        key=f"replay/{original.pk}/{uuid4()}",
        channel=original.channel,
        target_id=original.target_id,
        recipient=original.recipient,
        recipient_name=original.recipient_name,
        subject=original.subject,
        content=original.content,
        message_id=f"<{uuid4().hex}@{sender_domain()}>",
        event_id=webhook_id(original),
        created_at=now,
        next_try_at=now,
    )

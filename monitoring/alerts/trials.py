"""Test messages: whether alerts arrive where they should."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db import transaction

from accounts.access import Access, ServiceAccess
from monitoring.alerts.destinations import destination_test
from monitoring.alerts.items import reader_of
from monitoring.alerts.letters import trial_mail
from monitoring.alerts.models import Channel, Message, Recipient
from monitoring.alerts.outbox import Draft, messages_queue
from monitoring.alerts.refusals import AlertRefusedError
from monitoring.audit.log import audit_entry_write


@transaction.atomic
def recipient_test(
    *, access: Access | ServiceAccess, recipient: Recipient, now: datetime
) -> Message:
    """Queue a test message to a recipient at once, whatever their hours; one a minute.

    Who may only look may test themself. Raises PermissionDenied, and AlertRefusedError for who has
    unsubscribed, has not confirmed or is removed, and for a second one within the minute.
    """
    if recipient.organization_id != access.organization_id:
        raise PermissionDenied("This recipient belongs to another organization.")
    if recipient.user_id != access.user.pk:
        access.require_change()
    if recipient.removed_at is not None:
        raise AlertRefusedError("This recipient was removed.")
    if recipient.channel != Channel.MAIL:
        return destination_test(access=access, recipient=recipient, now=now)
    if recipient.unsubscribed_at is not None:
        raise AlertRefusedError("They have unsubscribed, so nothing is sent to them.")
    if not recipient.is_confirmed:
        raise AlertRefusedError("Nobody there has confirmed yet, so nothing is sent to them.")
    queued = messages_queue(drafts=[trial_draft(recipient, now)], now=now)
    if not queued:
        raise AlertRefusedError("A test was sent within this minute. Wait for the next one.")
    audit_entry_write(
        organization=access.organization,
        action="recipient.test",
        now=now,
        author=access.user,
        detail={"recipient": recipient.pk, "message": queued[0].pk},
    )
    return queued[0]


def trial_draft(recipient: Recipient, now: datetime) -> Draft:
    key = f"alert_test/{recipient.pk}/{now:%Y%m%d%H%M}"
    reader = reader_of(recipient)
    if recipient.user_id is None:
        # The name of an address is what somebody else typed.
        reader = replace(reader, name="")
    return Draft(
        organization=recipient.organization,
        person=None,
        kind="alert_test",
        key=key,
        recipient=reader.address,
        recipient_name=reader.name,
        mail=trial_mail(reader),
    )

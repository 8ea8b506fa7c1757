"""One message to one recipient, whatever their channel, of all they are to be told at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from monitoring.alerts.chat import chat_draft
from monitoring.alerts.item import Item, Reader
from monitoring.alerts.items import reader_of
from monitoring.alerts.letters import alert_chat, alert_mail
from monitoring.alerts.models import Channel, Recipient
from monitoring.alerts.outbox import Draft
from monitoring.alerts.webhooks import alert_event

KIND = "alert"


def draft_of(
    recipient: Recipient,
    items: Sequence[Item],
    key: str,
    now: datetime,
    *,
    reader: Reader | None = None,
) -> Draft:
    """Return the message that tells a recipient of alerts that are due.

    Who drafts many looks their readers up at once (`monitoring.alerts.items.readers_of`). Raises
    CredentialUnreadableError for a chat whose address can't be read.
    """
    reader = reader or reader_of(recipient)
    match recipient.channel:
        case Channel.CHAT:
            text = alert_chat(items, reader, written_at=now)
            return chat_draft(recipient, text, key, recipient.organization, items=items)
        case Channel.WEBHOOK:
            return alert_event(recipient, items, key, now=now)
    return Draft(
        organization=recipient.organization,
        person=None,
        kind=KIND,
        key=key,
        recipient=reader.address,
        recipient_name=reader.name,
        mail=alert_mail(items, reader, written_at=now),
    )

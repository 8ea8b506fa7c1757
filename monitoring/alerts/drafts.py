"""The messages to one recipient, whatever their channel, of all they are to be told at once.

That is one, but to a paging service, which is told of each alert by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monitoring.alerts.chat import chat_draft, portions
from monitoring.alerts.item import Item, Reader
from monitoring.alerts.items import reader_of
from monitoring.alerts.letters import alert_chat, alert_mail
from monitoring.alerts.models import Channel, Recipient
from monitoring.alerts.outbox import Draft
from monitoring.alerts.webhooks import alert_event

KIND = "alert"


@dataclass(frozen=True, slots=True)
class Part:
    """A message, and the alerts it tells of."""

    draft: Draft
    items: Sequence[Item]


def drafts_of(
    recipient: Recipient, items: Sequence[Item], key: str, now: datetime, *, reader: Reader
) -> list[Part]:
    """Return the messages that tell a recipient of alerts that are due. Raises as `draft_of`."""
    is_chat = recipient.channel == Channel.CHAT
    parts = portions(recipient, items) if is_chat else [items]
    return [
        Part(
            draft_of(recipient, some, f"{key}/{place}" if place else key, now, reader=reader), some
        )
        for place, some in enumerate(parts)
    ]


def draft_of(
    recipient: Recipient,
    items: Sequence[Item],
    key: str,
    now: datetime,
    *,
    reader: Reader | None = None,
) -> Draft:
    """Return the one message that tells a recipient of alerts.

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

"""The messages to one recipient, whatever their channel, of all they are to be told at once.

That is one, but to a paging service, which is told of each alert by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils.html import escape

from monitoring.alerts.chat import chat_draft, paging, portions
from monitoring.alerts.item import NO_REST, Item, Reader, Rest
from monitoring.alerts.items import reader_of
from monitoring.alerts.letters import ALERTS_TOLD, alert_chat, alert_mail
from monitoring.alerts.mails import Mail, text_mail
from monitoring.alerts.models import Channel, Recipient
from monitoring.alerts.outbox import Draft, unwritten
from monitoring.alerts.webhooks import ALERTS_LISTED, alert_event, body_of, slug_of, type_of

KIND = "alert"


@dataclass(frozen=True, slots=True)
class Part:
    """A message, and the alerts it tells of."""

    draft: Draft
    items: Sequence[Item]


def alerts_said(recipient: Recipient) -> int | None:
    """Return how many alerts a message to a recipient says more of than that they are there.

    None for a paging service, which is told of each.
    """
    match recipient.channel:
        case Channel.WEBHOOK:
            return ALERTS_LISTED
        case Channel.CHAT if paging(recipient)[0]:
            return None
    return ALERTS_TOLD


def drafts_of(
    recipient: Recipient,
    items: Sequence[Item],
    key: str,
    now: datetime,
    *,
    reader: Reader,
    rest: Rest = NO_REST,
) -> list[Part]:
    """Return the messages that tell a recipient of alerts that are due.

    `rest` counts those beyond what is said (`alerts_said`), which need no items.
    """
    is_chat = recipient.channel == Channel.CHAT
    parts = portions(recipient, items) if is_chat else [items]
    return [
        Part(draft_of(recipient, some, each_key, now, reader=reader, rest=rest), some)
        for place, some in enumerate(parts)
        for each_key in [f"{key}/{place}" if place else key]
    ]


def draft_of(
    recipient: Recipient,
    items: Sequence[Item],
    key: str,
    now: datetime,
    *,
    reader: Reader | None = None,
    rest: Rest = NO_REST,
) -> Draft:
    """Return the one message that tells a recipient of alerts.

    Who drafts many looks their readers up at once (`monitoring.alerts.items.readers_of`).
    """
    reader = reader or reader_of(recipient)
    match recipient.channel:
        case Channel.CHAT:
            text = alert_chat(items, reader, rest, written_at=now)
            return chat_draft(recipient, text, key, recipient.organization, items=items)
        case Channel.WEBHOOK:
            return alert_event(recipient, items, key, rest, now=now)
    return Draft(
        organization=recipient.organization,
        person=None,
        kind=KIND,
        key=key,
        recipient=reader.address,
        recipient_name=reader.name,
        mail=alert_mail(items, reader, rest, written_at=now),
    )


def draft_given_up(
    recipient: Recipient,
    items: Sequence[Item],
    key: str,
    now: datetime,
    error: Exception,
    *,
    reader: Reader,
    rest: Rest = NO_REST,
) -> Draft:
    """Return what stands in the outbox, given up, for a message that could not be written.

    Sent again by hand it says where the alerts are to be seen.
    """
    number = len(items) + rest.number
    title = "1 alert" if number == 1 else f"{number:,} alerts"
    text = f"What is told of this could not be written. See {reader.alerts_link}\n"
    draft = Draft(
        organization=recipient.organization,
        person=None,
        kind=KIND,
        key=key,
        recipient=reader.address,
        recipient_name=reader.name,
        mail=Mail(title, text, f"<p>{escape(text)}</p>"),
        failure=unwritten(error),
    )
    if recipient.channel == Channel.MAIL:
        return draft
    if recipient.channel == Channel.WEBHOOK:
        alerts = [{"id": item.alert_id, "phase": str(item.phase)} for item in items]
        data = {
            "organization": slug_of(recipient.organization),
            "alerts": alerts,
            "more": rest.number,
        }
        text = body_of(type_of({item.phase for item in items} | rest.phases), data, now)
    mail = text_mail(title, text)
    return replace(draft, channel=recipient.channel, target=recipient, mail=mail)

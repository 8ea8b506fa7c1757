"""One message to one recipient, whatever their channel, of all they are to be told at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from monitoring.alerts.item import Item, Reader
from monitoring.alerts.items import reader_of
from monitoring.alerts.letters import alert_mail
from monitoring.alerts.models import Recipient
from monitoring.alerts.outbox import Draft

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

    Who drafts many looks their readers up at once (`monitoring.alerts.items.readers_of`).
    """
    reader = reader or reader_of(recipient)
    return Draft(
        organization=recipient.organization,
        person=None,
        kind=KIND,
        key=key,
        recipient=reader.address,
        recipient_name=reader.name,
        mail=alert_mail(items, reader),
    )

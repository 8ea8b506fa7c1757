"""What makes the mails of one episode to one recipient a thread in their mail program.

Most go by `References` and `In-Reply-To`: later mails name the first one. Outlook goes by headers
of its own (MS-OXOMSG): by `Thread-Index`, or, of mail from elsewhere, by one `Thread-Topic`.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from monitoring.alerts.item import Item, Reader
from monitoring.alerts.models import Channel, MessageState, Notification
from monitoring.alerts.outbox import sender_domain
from monitoring.alerts.plan_facts import Message, Phase

# The time that Windows counts from, and its unit.
EPOCH, UNIT = datetime(1601, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
UNITS_A_MICROSECOND = 10


def thread_headers(items: Sequence[Item], reader: Reader) -> dict[str, str]:
    """Return the headers of a mail that tells of items, the worst first; it is in its thread.

    The first of the worst answers none, also where it tells of others again. Pure, but for the
    domain of our address.
    """
    worst, domain = items[0], sender_domain()
    episode = f"alert-{worst.alert_id}.{reader.recipient_id}@{domain}"
    headers = {
        "Thread-Topic": f"Alert {worst.alert_id} of {domain}",
        "Thread-Index": thread_index(episode, worst.began_at),
    }
    if worst.first_mail:
        # A mail that began several of them is named once.
        answered = dict.fromkeys(item.first_mail for item in items if item.first_mail)
        headers |= {"In-Reply-To": worst.first_mail, "References": " ".join(answered)}
    return headers


def thread_index(episode: str, began_at: datetime) -> str:
    """Return 22 bytes in base64: a mark, the upper 40 bits of a time, and an id. Pure."""
    filetime = (began_at - EPOCH) // UNIT * UNITS_A_MICROSECOND
    block = b"\x01" + (filetime >> 24).to_bytes(5, "big") + uuid5(NAMESPACE_URL, episode).bytes
    return b64encode(block).decode()


def first_mails(messages: Sequence[Message]) -> dict[tuple[int, int], str]:
    """Return the Message-ID of the first mail of each alert to each recipient, as far as it went.

    Of messages that begin nothing, in one statement.
    """
    later = [each for each in messages if each.phase != Phase.OPENED]
    if not later:
        return {}
    told = Notification.objects.filter(
        alert__in={int(each.episode) for each in later},
        recipient__in={int(each.recipient) for each in later},
        message__channel=Channel.MAIL,
        message__state__in=[MessageState.QUEUED, MessageState.SENDING, MessageState.SENT],
    )
    first = told.order_by("alert", "recipient", "message").distinct("alert", "recipient")
    return {
        (alert, recipient): message_id
        for alert, recipient, message_id in first.values_list(
            "alert", "recipient", "message__message_id"
        )
    }

"""Messages about the service itself, sent by the tick when no worker does.

What is broken may be what sends: then the news of it would wait in the queue it is about. A few
messages at a time go out in a thread of its own with a connection of its own, so that a slow server
holds up no tick. Claims and results are those of any sender (`monitoring.alerts.claims`), so a
worker that comes back finds nothing twice.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Now

from monitoring.alerts.chat_sender import ChatSender
from monitoring.alerts.claims import message_begin, messages_hand_back
from monitoring.alerts.drafts import KIND
from monitoring.alerts.models import Channel, Message, MessageState
from monitoring.alerts.outbox import WORK_OF, longest_send
from monitoring.alerts.sending import Deliverer, Sender, answer_of, checked, settle
from monitoring.alerts.webhook_sender import WebhookSender
from monitoring.jobs.beats import is_worker_seen
from monitoring.jobs.doorbell import MAIN, unheard_bells
from monitoring.jobs.outage import DATABASE_ERRORS

logger = logging.getLogger(__name__)

# Ticks that workers have to begin; each tick rings for them.
PATIENCE = 4
# So many messages of a channel at once: the tick is no worker.
AT_ONCE = 3
CLAIM = """
    WITH picked AS (
        SELECT id FROM alerts_message
        WHERE state IN ('queued', 'sending') AND kind = %(kind)s AND organization_id IS NULL
            AND channel = %(channel)s AND next_try_at <= %(before)s
            AND (state = 'queued' OR lease_until <= now())
        ORDER BY next_try_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    )
    UPDATE alerts_message AS message
    SET state = 'sending', token = %(token)s,
        lease_until = now() + make_interval(secs => %(lease)s)
    FROM picked WHERE message.id = picked.id
    RETURNING message.id
"""
DELIVERERS: Mapping[str, type[Deliverer]] = {
    Channel.MAIL: Sender,
    Channel.CHAT: ChatSender,
    Channel.WEBHOOK: WebhookSender,
}

_sending = threading.Lock()


def standby_step(now: datetime) -> None:
    """Have what workers leave lying sent beside the tick. Never waits for it."""
    channels = deserted_channels(now)
    if not channels or not _sending.acquire(blocking=False):
        return
    try:
        thread = threading.Thread(
            target=standby_send, args=[channels, waited_since(now)], name="standby", daemon=True
        )
        thread.start()
    except RuntimeError:  # no thread to be had: the next tick tries again
        _sending.release()
        raise


def waited_since(now: datetime) -> datetime:
    """Return since when a message must have been due for workers not to be waited for."""
    return now - timedelta(seconds=PATIENCE * settings.TICK_SECONDS)


def deserted_channels(now: datetime) -> list[str]:
    """Return the channels in which a message about the service is due that no worker is at."""
    due = messages_of_service().filter(next_try_at__lte=waited_since(now))
    channels = list(due.order_by().values_list("channel", flat=True).distinct())
    return [channel for channel in channels if is_deserted(channel)]


def messages_of_service() -> QuerySet[Message]:
    """Return those that nobody has in hand: they wait, or who had them died."""
    waiting = Message.objects.waiting().filter(kind=KIND, organization=None)
    return waiting.exclude(state=MessageState.SENDING, lease_until__gt=Now())


def is_deserted(channel: str) -> bool:
    """Tell whether no worker sends in a channel: none is there, or none hears its bell."""
    in_hand = Message.objects.filter(
        channel=channel, state=MessageState.SENDING, lease_until__gt=Now()
    )
    patience = timedelta(seconds=PATIENCE * settings.TICK_SECONDS)
    if not is_worker_seen(within=patience):
        return True
    return not in_hand.exists() and unheard_bells(WORK_OF[Channel(channel)], MAIN) > 0


def standby_send(channels: Sequence[str], before: datetime) -> None:
    """Send a few messages of each channel that were due by then. For a thread of its own."""
    try:
        for channel in channels:
            send_some(channel, before)
    except DATABASE_ERRORS as error:
        logger.warning("messages about the service wait, the database is away: %s", error)
    finally:
        connection.close()
        _sending.release()


def send_some(channel: str, before: datetime) -> None:
    token = uuid4()
    batch = checked(standby_claim(channel=channel, token=token, before=before), token)
    if batch:
        logger.warning("no worker sends: the tick sends %d messages about the service", len(batch))
    with closing(DELIVERERS[channel]()) as deliverer:
        for message in batch:
            if deliverer.is_away:
                break
            if message_begin(message=message, token=token):
                settle(message, token, answer_of(deliverer, message))
    messages_hand_back(token=token)


def standby_claim(*, channel: str, token: UUID, before: datetime) -> list[Message]:
    """Claim a few messages about the service, also what senders that died had in hand."""
    values: dict[str, Any] = {
        "kind": KIND,
        "channel": str(channel),
        "before": before,
        "limit": AT_ONCE,
        "token": token,
        "lease": longest_send(channel),
    }
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, values)
        ids = [pk for (pk,) in cursor.fetchall()]
    claimed = Message.objects.filter(pk__in=ids).select_related("target")
    return list(claimed.order_by("next_try_at", "id"))

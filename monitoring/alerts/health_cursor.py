"""Telling webhooks each change of health, none of them lost, some of them twice if need be.

Changes are written by many transactions at once, which end in any order, so a change can become
visible after others with higher numbers. Each webhook has a cursor in the order of transactions,
and reads no further than all transactions are over: whatever comes later is behind its cursor.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from monitoring.alerts.models import Message, Recipient
from monitoring.alerts.outbox import messages_queue
from monitoring.alerts.webhooks import health_event, moment

logger = logging.getLogger(__name__)

# Changes in one webhook, and webhooks to one recipient a tick.
BATCH = 500
MOST_BATCHES = 20
# Where so many wait to be sent, the cursor waits too.
MOST_WAITING = 100
OVER = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
CHANGES = """
    WITH change AS (
        SELECT * FROM health_transition
        WHERE organization_id = %(organization)s AND transaction < %(over)s
            AND (transaction, id) > (%(transaction)s, %(transition)s)
        ORDER BY transaction, id
        LIMIT %(limit)s
    )
    SELECT change.transaction, change.id, change.at, change.person_id, person.email,
        change.from_status, change.from_cause, change.from_interval,
        change.to_status, change.to_cause, change.to_interval,
        change.rules_version, change.evidence
    FROM change LEFT JOIN accounts_person AS person ON person.id = change.person_id
    ORDER BY change.transaction, change.id
"""


def cursor_begin() -> int:
    """Return the number below which all transactions are over: where a new cursor begins."""
    with connection.cursor() as cursor:
        cursor.execute(OVER)
        (number,) = cursor.fetchone()
    return int(number)


def webhook_events(now: datetime) -> None:
    """Queue what changed for each webhook that hears of it; a step of the tick."""
    hearing = Recipient.objects.reachable().filter(hears_health=True)
    for recipient_id in list(hearing.values_list("pk", flat=True)):
        for _ in range(MOST_BATCHES):
            if not changes_tell(recipient_id, now):
                break


@transaction.atomic
def changes_tell(recipient_id: int, now: datetime) -> bool:
    """Queue the next changes for one webhook; return whether there may be more of them."""
    hearing = Recipient.objects.reachable().filter(hears_health=True, pk=recipient_id)
    locked = hearing.select_for_update(skip_locked=True, no_key=True).first()
    if locked is None or is_behind(locked):
        return False
    # First, so that what is read next holds all of these transactions.
    over = cursor_begin()
    cursor_mend(locked, over)
    rows = changes_after(locked, over)
    if rows:
        last = rows[-1]
        key = f"health/{locked.pk}/{last[0]}/{last[1]}"
        messages_queue(drafts=[health_event(locked, [*map(told, rows)], key, now)], now=now)
    is_more = len(rows) == BATCH
    locked.events_transaction, locked.events_transition = rows[-1][:2] if is_more else (over, 0)
    locked.save(update_fields=["events_transaction", "events_transition"])
    return is_more


def is_behind(recipient: Recipient) -> bool:
    """Tell whether a webhook has so much to take that no more should be queued for it."""
    waiting = Message.objects.waiting().filter(target=recipient, kind="health_changed")
    return waiting[: MOST_WAITING + 1].count() > MOST_WAITING


def cursor_mend(recipient: Recipient, over: int) -> None:
    """Begin anew where the database was restored into a server that has counted less far."""
    if (recipient.events_transaction or 0) > over:
        logger.warning("webhook %s hears of changes of health from now on", recipient.pk)
        recipient.events_transaction, recipient.events_transition = over, 0


def changes_after(recipient: Recipient, over: int) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            CHANGES,
            {
                "organization": recipient.organization_id,
                "transaction": recipient.events_transaction or 0,
                "transition": recipient.events_transition or 0,
                "over": over,
                "limit": BATCH,
            },
        )
        return list(cursor.fetchall())


def told(row: tuple[Any, ...]) -> dict[str, Any]:
    """Return one change as a webhook tells it."""
    _, number, at, person, email, *states, rules_version, evidence = row
    names = ("status", "cause", "interval")
    return {
        "id": number,
        "at": moment(at),
        "person": {"id": person, "email": email},
        "from": dict(zip(names, states[:3], strict=True)),
        "to": dict(zip(names, states[3:], strict=True)),
        "rules_version": rules_version,
        "evidence": [str(each) for each in evidence],
    }

"""Claiming mails and writing down what came of them, each by a fenced statement.

As with jobs, who sends bears a token and a lease by the database's clock. A sender that dies leaves
its mails claimed; when the lease ends another takes them. Whether the last one went out nobody can
know then: it goes again, under the same Message-ID.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from monitoring.alerts.delivery import Answer, Verdict, longest_mail, wait_after
from monitoring.alerts.last_checks import Decision
from monitoring.alerts.mails import one_line, shortened
from monitoring.alerts.models import Message, MessageState

LONGEST_ANSWER = 500
SHORTEST_WAIT = timedelta(minutes=1)
# At a time, so that syncing keeps its workers.
MOST_SENDERS = 2
# Any fixed number will do; it is that of claiming mails among the advisory locks.
LOCK = 7_430_126_004
CLAIM = """
    WITH picked AS (
        SELECT id FROM alerts_message
        WHERE state IN ('queued', 'sending')
            AND (state = 'queued' AND next_try_at <= %(now)s
                OR state = 'sending' AND lease_until <= now())
        ORDER BY next_try_at, id
        LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    )
    UPDATE alerts_message AS message
    SET state = 'sending', token = %(token)s,
        lease_until = now() + make_interval(secs => %(lease)s)
    FROM picked
    WHERE message.id = picked.id
    RETURNING message.id
"""
BEGIN = """
    UPDATE alerts_message
    SET attempts = attempts + 1, lease_until = now() + make_interval(secs => %(lease)s)
    WHERE id = %(id)s AND token = %(token)s AND state = 'sending'
"""


def lease() -> float:
    """Return the seconds after which a mail is no longer in the hands of who claimed it."""
    return longest_mail(settings.EMAIL_TIMEOUT)


def messages_wait(now: datetime) -> bool:
    """Tell whether a mail is to be sent that nobody is at."""
    due = Message.objects.filter(state=MessageState.QUEUED, next_try_at__lte=now)
    left = Message.objects.filter(state=MessageState.SENDING, lease_until__lte=Now())
    return due.exists() or left.exists()


def most_senders() -> int:
    """Return how many may wait for a mail server at once: never all workers of a host."""
    return min(MOST_SENDERS, max(1, settings.WORKERS - 1))


def has_room(token: UUID) -> bool:
    at_work = Message.objects.filter(state=MessageState.SENDING, lease_until__gt=Now())
    others = at_work.exclude(token=token).values("token").distinct()
    return others.count() < most_senders()


@transaction.atomic
def messages_claim(*, token: UUID, limit: int, now: datetime) -> list[Message]:
    """Claim up to `limit` mails that are due; no two callers ever get the same one.

    Nobody gets any while enough others are at work.
    """
    with connection.cursor() as cursor:
        # Who comes at the same time waits here, or each would find room.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    if not has_room(token):
        return []
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, {"token": token, "limit": limit, "now": now, "lease": lease()})
        ids = [pk for (pk,) in cursor.fetchall()]
    return list(Message.objects.filter(pk__in=ids).order_by("next_try_at", "id"))


def message_begin(*, message: Message, token: UUID) -> bool:
    """Count a try and renew the lease for it; return False where the mail is no longer ours."""
    with connection.cursor() as cursor:
        cursor.execute(BEGIN, {"id": message.pk, "token": token, "lease": lease()})
        return cursor.rowcount == 1


def message_settle(
    *, message: Message, token: UUID, answer: Answer, dice: float, now: datetime
) -> bool:
    """Write down what the server made of a mail; return False where it is no longer ours.

    `message` is as it was claimed: the try it is about is not counted in it yet.
    """
    wait = wait_after(message.attempts + 1, dice)
    said = shortened(one_line(answer.said), LONGEST_ANSWER)
    fields: dict[str, Any] = {"token": None, "lease_until": None, "answer": said}
    if answer.verdict == Verdict.TAKEN:
        fields |= {"state": MessageState.SENT, "sent_at": now}
    elif answer.verdict == Verdict.NEVER or wait is None:
        fields |= {"state": MessageState.FAILED, "ended_at": now}
    else:
        fields |= {"state": MessageState.QUEUED, "next_try_at": now + wait}
    mine = ours(token)
    if answer.verdict == Verdict.TAKEN:
        # Withdrawn while the server took it: it went out, so that is what is told.
        mine |= Message.objects.filter(token=token, state=MessageState.WITHDRAWN)
    return bool(mine.filter(pk=message.pk).update(**fields))


def message_keep_back(*, message: Message, token: UUID, decision: Decision, now: datetime) -> None:
    """Withdraw a mail that was claimed and is not to be sent, or have it wait for its time."""
    fields: dict[str, Any] = {"token": None, "lease_until": None}
    if isinstance(decision, datetime):
        # A time that is past would have it claimed again at once, for ever.
        fields |= {"state": MessageState.QUEUED, "next_try_at": max(decision, now + SHORTEST_WAIT)}
    else:
        fields |= {"state": MessageState.WITHDRAWN, "ended_at": now}
    ours(token).filter(pk=message.pk).update(**fields)


def messages_hand_back(*, token: UUID) -> int:
    """Let others send what was claimed and not begun; return how many mails."""
    waiting = {"state": MessageState.QUEUED, "token": None, "lease_until": None}
    return ours(token).update(**waiting)


def ours(token: UUID) -> QuerySet[Message]:
    return Message.objects.filter(token=token, state=MessageState.SENDING)

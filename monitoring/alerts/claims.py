"""Claiming messages and writing down what came of them, each by a fenced statement.

As with jobs, who sends bears a token and a lease by the database's clock. A sender that dies leaves
its mails claimed; when the lease ends another takes them. Whether the last one went out nobody can
know then: it goes again, under the same Message-ID.

Each channel is claimed by itself, so that what waits for a chat or a webhook holds up no mail.
Mails go in the order of their time. Chats and webhooks take turns: one message of each
organization, the first of each of its targets before the second of any; so who has many waiting
keeps no other waiting.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Q, QuerySet, Subquery, Value
from django.db.models.functions import Greatest, Now

from monitoring.alerts.delivery import Answer, Verdict, may_join, wait_after
from monitoring.alerts.last_checks import Withdrawal
from monitoring.alerts.mails import one_line, shortened
from monitoring.alerts.models import Channel, Message, MessageState
from monitoring.alerts.outbox import longest_send, messages_lock, withdrawal

LONGEST_ANSWER = 500
SHORTEST_WAIT = timedelta(minutes=1)
# Any fixed number will do; it is that of claiming mails among the advisory locks.
LOCK = 7_430_126_004
# Without the channel, so that who knows the id is not tempted by the indexes of what is due.
READY = """
    state IN ('queued', 'sending') AND next_try_at <= %(now)s
    AND (state = 'queued' OR lease_until <= now())
"""
DUE = f"channel = %(channel)s AND {READY}"
CLAIM = """
    WITH RECURSIVE {}
    UPDATE alerts_message AS message
    SET state = 'sending', token = %(token)s,
        lease_until = now() + make_interval(secs => %(lease)s)
    FROM picked
    WHERE message.id = picked.id
    RETURNING message.id, picked.turn
"""
IN_ORDER = CLAIM.format(f"""
    picked AS (
        SELECT id, 1 AS turn FROM alerts_message
        WHERE {DUE} ORDER BY next_try_at, id LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    )
""")  # noqa: S608 - made of constants
FIRST = f"""
    SELECT id, organization_id, next_try_at FROM alerts_message
    WHERE {DUE} AND {{}} ORDER BY next_try_at, id LIMIT %(limit)s
"""  # noqa: S608 - made of constants
# From one target to the next by the index, however many messages wait for each.
IN_TURNS = CLAIM.format(f"""
    target (id) AS (
        SELECT min(target_id) FROM alerts_message
        WHERE state IN ('queued', 'sending') AND channel = %(channel)s
        UNION ALL
        SELECT (
            SELECT min(target_id) FROM alerts_message
            WHERE state IN ('queued', 'sending') AND channel = %(channel)s
                AND target_id > target.id
        ) FROM target WHERE id IS NOT NULL
    ),
    nth AS (
        SELECT message.*, row_number() OVER (
            PARTITION BY target.id ORDER BY message.next_try_at, message.id
        ) AS of_target
        FROM target CROSS JOIN LATERAL ({FIRST.format("target_id = target.id")}) AS message
        WHERE target.id <> ALL(%(absent)s)
        UNION ALL
        SELECT orphan.*, 1 FROM ({FIRST.format("target_id IS NULL")}) AS orphan
    ),
    chosen AS (
        SELECT id, row_number() OVER (
            PARTITION BY organization_id ORDER BY of_target, next_try_at, id
        ) AS turn
        FROM nth ORDER BY turn, next_try_at, id LIMIT %(limit)s
    ),
    picked AS (
        SELECT message.id, chosen.turn FROM alerts_message AS message JOIN chosen USING (id)
        WHERE {READY}
        FOR UPDATE OF message SKIP LOCKED
    )
""")  # noqa: S608 - made of constants
BEGIN = """
    UPDATE alerts_message
    SET attempts = attempts + 1, lease_until = now() + make_interval(secs => %(lease)s)
    WHERE id = %(id)s AND token = %(token)s AND state = 'sending'
"""


def messages_wait(now: datetime, channel: str = Channel.MAIL) -> bool:
    """Tell whether a message of a channel is to be sent that nobody is at."""
    waiting = Message.objects.filter(channel=channel)
    due = waiting.filter(state=MessageState.QUEUED, next_try_at__lte=now)
    left = waiting.filter(state=MessageState.SENDING, lease_until__lte=Now(), next_try_at__lte=now)
    return due.exists() or left.exists()


def has_room(token: UUID, channel: str) -> bool:
    at_work = Message.objects.filter(state=MessageState.SENDING, lease_until__gt=Now())
    others = at_work.exclude(token=token).values("channel")
    senders = others.annotate(senders=Count("token", distinct=True)).order_by()
    return may_join(channel, dict(senders.values_list("channel", "senders")), settings.WORKERS)


@transaction.atomic
def messages_claim(
    *,
    token: UUID,
    limit: int,
    now: datetime,
    channel: str = Channel.MAIL,
    absent: Collection[int] = (),
) -> list[Message]:
    """Claim up to `limit` messages of a channel that are due; no two callers get the same one.

    None to the targets named by `absent`. Nobody gets any while enough others are at work. They
    are in the order in which they are to be sent.
    """
    with connection.cursor() as cursor:
        # Who comes at the same time waits here, or each would find room.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    if not has_room(token, channel):
        return []
    claim: dict[str, Any] = {
        "token": token,
        "limit": limit,
        "now": now,
        "lease": longest_send(channel),
        "channel": str(channel),
        "absent": list(absent),
    }
    with connection.cursor() as cursor:
        cursor.execute(IN_ORDER if channel == Channel.MAIL else IN_TURNS, claim)
        turns = dict(cursor.fetchall())
    claimed = Message.objects.filter(pk__in=turns).select_related("target")
    return sorted(claimed, key=lambda each: (turns[each.pk], each.next_try_at, each.pk))


def messages_hold(*, messages: Sequence[Message], token: UUID) -> list[Message]:
    """Lock those of claimed messages that are still ours until the transaction ends; return them.

    Nobody takes them up or withdraws them meanwhile.
    """
    mine = messages_lock(ours(token).filter(pk__in=[each.pk for each in messages]))
    return [message for message in messages if message.pk in mine]


def message_begin(*, message: Message, token: UUID) -> bool:
    """Count a try and renew the lease for it; return False where the mail is no longer ours."""
    with connection.cursor() as cursor:
        lease = longest_send(message.channel)
        cursor.execute(BEGIN, {"id": message.pk, "token": token, "lease": lease})
        return cursor.rowcount == 1


def message_settle(
    *, message: Message, token: UUID, answer: Answer, dice: float, now: datetime
) -> bool:
    """Write down what the server made of a message; return False where it is no longer ours.

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
        wait = max(wait, timedelta(seconds=answer.wait))
        fields |= {"state": MessageState.QUEUED, "next_try_at": now + wait}
    mine = ours(token)
    if answer.verdict == Verdict.TAKEN:
        # Withdrawn while the server took it: it went out, so that is what is told.
        mine |= Message.objects.filter(token=token, state=MessageState.WITHDRAWN)
    return bool(mine.filter(pk=message.pk).update(**fields))


def message_keep_back(
    *, message: Message, token: UUID, decision: datetime | Withdrawal, now: datetime
) -> None:
    """Withdraw a mail that was claimed and is not to be sent, or have it wait for its time.

    Of one that is withdrawn its reason is kept, instead of what a server said before.
    """
    fields: dict[str, Any] = {"token": None, "lease_until": None}
    if isinstance(decision, datetime):
        # A time that is past would have it claimed again at once, for ever.
        fields |= {"state": MessageState.QUEUED, "next_try_at": max(decision, now + SHORTEST_WAIT)}
    else:
        fields |= withdrawal(decision.reason, now)
    ours(token).filter(pk=message.pk).update(**fields)


def target_put_off(*, message: Message, token: UUID, at_least: datetime) -> int:
    """Have what else goes to the target of this message wait as long as it; return how many.

    And until `at_least`. A target that does not answer would else be asked in vain for each of
    them, and one that is slow would keep those of others waiting.
    """
    to_it = Message.objects.filter(channel=message.channel, target=message.target_id)
    waiting = to_it.filter(
        Q(state=MessageState.QUEUED) | Q(state=MessageState.SENDING, token=token)
    )
    until = Subquery(Message.objects.filter(pk=message.pk).values("next_try_at"))
    later = Greatest(until, Value(at_least))
    return waiting.filter(next_try_at__lt=later).update(next_try_at=later)


def messages_hand_back(*, token: UUID) -> int:
    """Let others send what was claimed and not begun; return how many mails."""
    waiting = {"state": MessageState.QUEUED, "token": None, "lease_until": None}
    return ours(token).update(**waiting)


def ours(token: UUID) -> QuerySet[Message]:
    return Message.objects.filter(token=token, state=MessageState.SENDING)

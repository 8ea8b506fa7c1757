"""Digests: what a day or a week came to, as one mail to each recipient who wants it.

The tick only looks whether one is due, and rings (`monitoring.jobs.bells`). A worker reads the
facts once for all recipients of an organization who share a period, draws the chart, queues the
mails and moves each recipient's next time on, in one transaction; under one key for a recipient and
day, so that twice is once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from monitoring.alerts.digest_facts import organization_facts
from monitoring.alerts.digest_letters import organization_mail, service_mail
from monitoring.alerts.digest_service import service_facts
from monitoring.alerts.digest_times import WEEKLY, Cadence, Period, next_digest, period_of
from monitoring.alerts.item import Reader
from monitoring.alerts.items import readers_of
from monitoring.alerts.mails import Mail
from monitoring.alerts.models import Channel, Digest, Recipient
from monitoring.alerts.mutes import silence_lines
from monitoring.alerts.outbox import Draft, messages_queue
from monitoring.alerts.plan import Waits
from monitoring.alerts.recipients import may_be_told
from monitoring.jobs import lifeline
from monitoring.jobs.doorbell import ring_task
from monitoring.jobs.outage import DATABASE_ERRORS

logger = logging.getLogger(__name__)

WORK = "monitoring.alerts.digests.digests_work"
# Recipients at a time: their mails are queued by one transaction.
BATCH = 100
# So much later a digest is tried again that could not be written.
PUT_OFF = timedelta(hours=1)
# Any fixed number will do; it is that of writing digests among the advisory locks.
LOCK = 7_430_126_009
MOVE = """
    UPDATE alerts_recipient AS recipient
    SET digest_at = moved.digest_at,
        told_at = CASE WHEN moved.is_told THEN %(now)s ELSE recipient.told_at END
    FROM unnest(%(ids)s::bigint[], %(at)s::timestamptz[], %(told)s::bool[])
        AS moved (id, digest_at, is_told)
    WHERE recipient.id = moved.id
"""
# A recipient, when the next digest is due, and whether one is queued now.
Move = tuple[int, datetime, bool]


def digests_ring() -> None:
    ring_task(WORK, timeout=int(settings.DRAIN_BUDGET) + 120)


def digests_wait(now: datetime) -> bool:
    return due_at(now).exists()


def due_at(now: datetime) -> QuerySet[Recipient]:
    """Return the recipients whose time has come, but who were sent something this very minute."""
    due = Recipient.objects.current().filter(digest_at__lte=now).exclude(digest=Digest.NEVER)
    paced = now - timedelta(seconds=Waits().pace)
    return due.filter(Q(told_at=None) | Q(told_at__lte=paced)).order_by("digest_at", "pk")


def digests_work() -> None:
    """Write what is due until there is nothing, or others should have a turn. A queue task."""
    until = monotonic() + settings.DRAIN_BUDGET
    with alone() as mine:
        if not mine:
            return
        while not lifeline.is_cut():
            now = timezone.now()
            recipients = list(due_at(now).select_related("user", "organization")[:BATCH])
            if not recipients:
                return
            digests_write(recipients=recipients, now=now)
            if monotonic() >= until:
                break
    digests_ring()


@contextmanager
def alone() -> Iterator[bool]:
    """Tell whether nobody else writes digests; nobody else does meanwhile.

    Two would do no harm, but all their work twice.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        (mine,) = cursor.fetchone()
    try:
        yield mine
    finally:
        if mine:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def digests_write(*, recipients: Sequence[Recipient], now: datetime) -> int:
    """Queue the digests of recipients whose time has come, and move that on; return how many.

    Who may not be written to (any more) gets none, nor does anybody of an organization without
    people.
    """
    wanted = Recipient.objects.filter(
        may_be_told(), channel=Channel.MAIL, pk__in=[each.pk for each in recipients]
    )
    reachable = set(wanted.values_list("pk", flat=True))
    readers, writer = readers_of(recipients), Writer()
    drafts: list[Draft] = []
    moves: list[Move] = []
    for recipient in recipients:
        reader = readers[recipient.pk]
        cadence = Cadence(recipient.digest == WEEKLY, recipient.digest_hour, reader.zone)
        following = next_digest(cadence, now)
        mail = None
        if recipient.pk in reachable:
            try:
                mail = writer.mail(recipient, reader, period_of(cadence, now), now)
            except DATABASE_ERRORS:
                raise
            except Exception:  # whatever it is: the others get theirs, and this is tried again
                logger.exception("the digest of recipient %s could not be written", recipient.pk)
                following = now + PUT_OFF
        if mail is not None:
            drafts.append(draft_of(recipient, reader, mail, period_of(cadence, now)))
        moves.append((recipient.pk, following, mail is not None))
    digests_queue(drafts=drafts, moves=moves, now=now)
    return len(drafts)


@transaction.atomic
def digests_queue(*, drafts: Sequence[Draft], moves: Sequence[Move], now: datetime) -> None:
    """Queue mails and move the recipients' next time on: both, or neither."""
    messages_queue(drafts=drafts, now=now)
    ids, at, told = ([*column] for column in zip(*moves, strict=True))
    values: dict[str, Any] = {"ids": ids, "at": at, "told": told, "now": now}
    with connection.cursor() as cursor:
        cursor.execute(MOVE, values)


def draft_of(recipient: Recipient, reader: Reader, mail: Mail, period: Period) -> Draft:
    return Draft(
        organization=recipient.organization,
        person=None,
        kind="digest",
        key=f"digest/{recipient.pk}/{period.day.isoformat()}",
        recipient=reader.address,
        recipient_name=reader.name,
        mail=mail,
    )


class Writer:
    """Writes mails, and reads the facts of an organization and period once for all who share it."""

    def __init__(self) -> None:
        self._known: dict[tuple[int | None, Period], Any] = {}

    def mail(
        self, recipient: Recipient, reader: Reader, period: Period, now: datetime
    ) -> Mail | None:
        """Return the digest of a recipient, None where there is nobody to tell of."""
        key = recipient.organization_id, period
        if key not in self._known:
            self._known[key] = facts_for(recipient, period, now)
        facts, silences = self._known[key]
        if recipient.organization_id is None:
            return service_mail(facts, reader)
        return organization_mail(facts, reader, silences) if facts.known else None


def facts_for(recipient: Recipient, period: Period, now: datetime) -> tuple[Any, list[str]]:
    if recipient.organization is None:
        return service_facts(period), []
    lines = silence_lines(recipient.organization.pk, now, period.zone)
    return organization_facts(recipient.organization, period), lines

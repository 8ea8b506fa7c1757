"""Digests: what a day or a week came to, as one mail to each recipient who wants it.

The tick only looks whether one is due, and rings (`monitoring.jobs.bells`). A worker reads the
facts once for all recipients of an organization who share a period, draws the chart, queues the
mails and moves each recipient's next time on, in one transaction; under one key for a recipient and
end of what it tells of, so that twice is once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from monitoring.alerts.digest_chart import chart_png
from monitoring.alerts.digest_facts import organization_facts
from monitoring.alerts.digest_letters import organization_mail, service_mail
from monitoring.alerts.digest_service import service_facts
from monitoring.alerts.digest_times import WEEKLY, Cadence, Period, next_digest, period_since
from monitoring.alerts.hours import is_awake, next_awake
from monitoring.alerts.item import Reader
from monitoring.alerts.items import readers_of
from monitoring.alerts.mails import Mail
from monitoring.alerts.models import Channel, Digest, Recipient
from monitoring.alerts.mutes import silence_lines
from monitoring.alerts.outbox import Draft, messages_queue
from monitoring.alerts.plan_facts import Waits
from monitoring.alerts.recipients import hours_in, may_be_told
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
# What somebody chose anew while theirs was written stays as they chose it.
MOVE = """
    UPDATE alerts_recipient AS recipient
    SET digest_at = CASE
            WHEN (recipient.digest, recipient.digest_hour, recipient.digest_at)
                = (moved.digest, moved.hour, moved.was_at) THEN moved.digest_at
            ELSE recipient.digest_at END,
        digest_from = coalesce(moved.told_until, recipient.digest_from),
        told_at = CASE WHEN moved.is_told THEN %(now)s ELSE recipient.told_at END
    FROM unnest(
            %(ids)s::bigint[], %(digests)s::text[], %(hours)s::int[], %(was_at)s::timestamptz[],
            %(at)s::timestamptz[], %(told)s::bool[], %(told_until)s::timestamptz[]
        ) AS moved (id, digest, hour, was_at, digest_at, is_told, told_until)
    WHERE recipient.id = moved.id
"""


@dataclass(frozen=True, slots=True)
class Move:
    """A recipient as read, when their next digest is due, and whether one is queued now.

    That begins at `told_until`; where it is as it was, None.
    """

    recipient: Recipient
    at: datetime
    is_told: bool
    told_until: datetime | None = None


def digests_ring() -> None:
    ring_task(WORK, timeout=int(settings.DRAIN_BUDGET) + 120)


def digests_wait(now: datetime) -> bool:
    return due_at(now).exists()


def due_at(now: datetime) -> QuerySet[Recipient]:
    """Return the recipients whose time has come, but whose address was sent something just now.

    Nobody gets two messages within a minute, in however many organizations they are.
    """
    due = Recipient.objects.current().filter(digest_at__lte=now).exclude(digest=Digest.NEVER)
    paced = now - timedelta(seconds=Waits().pace)
    same = Recipient.objects.filter(address=OuterRef("address"), channel=OuterRef("channel"))
    return due.exclude(Exists(same.filter(told_at__gt=paced))).order_by("digest_at", "pk")


def batch_at(now: datetime) -> list[Recipient]:
    """Return those whose turn it is: of the recipients of one address, the first."""
    batch = due_at(now).select_related("user", "organization")[:BATCH]
    first: dict[str, Recipient] = {}
    for recipient in batch:
        first.setdefault(recipient.address, recipient)
    return list(first.values())


def digests_work() -> None:
    """Write what is due until there is nothing, or others should have a turn. A queue task."""
    until = monotonic() + settings.DRAIN_BUDGET

    def may_go_on() -> bool:
        return monotonic() < until and not lifeline.is_cut()

    with alone() as mine:
        if not mine:
            return
        while may_go_on():
            now = timezone.now()
            recipients = batch_at(now)
            if not recipients:
                return
            digests_write(recipients=recipients, now=now, may_go_on=may_go_on)
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


def always() -> bool:
    return True


def digests_write(
    *, recipients: Sequence[Recipient], now: datetime, may_go_on: Callable[[], bool] = always
) -> int:
    """Queue the digests of recipients whose time has come, and move that on; return how many.

    Who may not be written to (any more) gets none, nor does anybody of an organization without
    people. The first is written, and the others as long as one may go on: what is left stays due.
    """
    ids = [each.pk for each in recipients]
    wanted = Recipient.objects.filter(may_be_told(), channel=Channel.MAIL, pk__in=ids)
    reachable = set(wanted.values_list("pk", flat=True))
    readers, writer = readers_of(recipients), Writer()
    drafts: list[Draft] = []
    moves: list[Move] = []
    for recipient in recipients:
        if moves and not may_go_on():
            break
        reader = readers[recipient.pk]
        draft, move = written(recipient, reader, recipient.pk in reachable, writer, now)
        moves.append(move)
        if draft is not None:
            drafts.append(draft)
    digests_queue(drafts=drafts, moves=moves, now=now)
    return len(drafts)


def written(
    recipient: Recipient, reader: Reader, is_reachable: bool, writer: Writer, now: datetime
) -> tuple[Draft | None, Move]:
    """Return the digest of one recipient, None where they get none, and when the next is due.

    One that is late waits until they are awake, and tells from where it would have. Where they
    were told not long ago, after they changed their days or hours, it is the next one that tells.
    """
    hours = replace(hours_in(recipient, "UTC"), zone=reader.zone)
    cadence = Cadence(recipient.digest == WEEKLY, recipient.digest_hour, hours)
    following, period = next_digest(cadence, now), period_since(cadence, recipient.digest_from, now)
    if period is None:
        return None, Move(recipient, following, is_told=False)
    if not is_awake(hours, now):
        awake = next_awake(hours, now) or following
        return None, Move(recipient, min(awake, following), False, period.first)
    try:
        mail = writer.mail(recipient, reader, period, now) if is_reachable else None
    except DATABASE_ERRORS:
        raise
    except Exception:  # whatever it is: the others get theirs, and this is tried again
        logger.exception("the digest of recipient %s could not be written", recipient.pk)
        return None, Move(recipient, now + PUT_OFF, False, period.first)
    if mail is None:
        return None, Move(recipient, following, is_told=False)
    draft = draft_of(recipient, reader, mail, period)
    return draft, Move(recipient, following, True, period.end)


@transaction.atomic
def digests_queue(*, drafts: Sequence[Draft], moves: Sequence[Move], now: datetime) -> None:
    """Queue mails and move the recipients' next time on: both, or neither.

    Whoever changed meanwhile when they want theirs keeps that.
    """
    messages_queue(drafts=drafts, now=now)
    recipients = [move.recipient for move in moves]
    values: dict[str, Any] = {
        "ids": [each.pk for each in recipients],
        "digests": [each.digest for each in recipients],
        "hours": [each.digest_hour for each in recipients],
        "was_at": [each.digest_at for each in recipients],
        "at": [move.at for move in moves],
        "told": [move.is_told for move in moves],
        "told_until": [move.told_until for move in moves],
        "now": now,
    }
    # In one order, as everybody who changes several of them does.
    rows = Recipient.objects.filter(pk__in=values["ids"]).order_by("pk")
    list(rows.select_for_update(no_key=True).values_list("pk"))
    with connection.cursor() as cursor:
        cursor.execute(MOVE, values)


def draft_of(recipient: Recipient, reader: Reader, mail: Mail, period: Period) -> Draft:
    return Draft(
        organization=recipient.organization,
        person=None,
        kind="digest",
        key=f"digest/{recipient.pk}/{period.end:%Y-%m-%dT%H:%M}",
        recipient=reader.address,
        recipient_name=reader.name,
        mail=mail,
    )


@dataclass(frozen=True, slots=True)
class Told:
    """What all who share an organization and a period are told."""

    facts: Any
    silences: Sequence[str]
    chart: bytes


class Writer:
    """Writes mails; reads and draws what those who share an organization and period are told once.

    A period is told in a zone, so whoever reads it in another has a chart of their own.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int | None, Period], Told | None] = {}

    def mail(
        self, recipient: Recipient, reader: Reader, period: Period, now: datetime
    ) -> Mail | None:
        """Return the digest of a recipient, None where there is nobody to tell of."""
        key = recipient.organization_id, period
        if key not in self._known:
            self._known[key] = told_to(recipient, period, now)
        told = self._known[key]
        if told is None:
            return None
        if recipient.organization_id is None:
            return service_mail(told.facts, reader, told.chart)
        return organization_mail(told.facts, reader, told.silences, told.chart)


def told_to(recipient: Recipient, period: Period, now: datetime) -> Told | None:
    """Return what a recipient and those beside them are told, None where there is nobody."""
    if recipient.organization is None:
        facts = service_facts(period, now)
        return Told(facts, [], chart_png(facts.bars, period.zone))
    own = organization_facts(recipient.organization, period, now)
    if not own.known:
        return None
    lines = silence_lines(recipient.organization.pk, now, period.zone)
    return Told(own, lines, chart_png(own.bars, period.zone))

"""Watching for one cause across organizations, and for the end of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Sum

from monitoring.health.shields import provider_of
from monitoring.incidents.across import LEAST_ORGANIZATIONS, Part, parts_hit
from monitoring.incidents.course import event_write
from monitoring.incidents.detection import Finding, Thresholds, usual_share
from monitoring.incidents.models import EventKind, Incident
from monitoring.incidents.opening import incident_open
from monitoring.incidents.pulses import minute_of
from monitoring.incidents.windows import NEWS, USUAL_DAYS

SHARED = """
    SELECT signature FROM (
        SELECT signature, organization_id, sum(people) AS people FROM incidents_pulse
        WHERE minute >= %(since)s AND signature <> '' AND signature NOT LIKE '~%%'
        GROUP BY 1, 2 HAVING sum(people) > 0
    ) AS failing
    WHERE EXISTS (
        SELECT FROM incidents_pulse AS news WHERE news.signature = failing.signature
            AND news.minute >= %(news)s AND news.people > 0
    )
    GROUP BY 1 HAVING count(*) >= %(organizations)s AND sum(people) >= %(people)s
"""
PARTS = """
    SELECT organization_id, coalesce(sum(people) FILTER (WHERE signature = %(signature)s), 0),
        sum(people)
    FROM incidents_pulse WHERE minute >= %(since)s AND signature NOT LIKE '~%%'
    GROUP BY 1 HAVING sum(people) FILTER (WHERE signature = %(signature)s) > 0
"""
TRIED = "SELECT coalesce(sum(people), 0) FROM incidents_pulse WHERE minute >= %s"
USUAL = """
    SELECT coalesce(sum(attempts) FILTER (WHERE signature = %s), 0), coalesce(sum(attempts), 0)
    FROM incidents_usualhour WHERE organization_id IS NULL AND hour >= %s
"""


def incidents_find_across(*, now: datetime, thresholds: Thresholds) -> list[Incident]:
    """Open incidents for errors that organizations share; return what was opened.

    Each organization that is hit gets one of its own, part of the whole.
    """
    since = minute_of(now - timedelta(seconds=thresholds.window))
    opened: list[Incident] = []
    for signature in signatures_shared(since, now, thresholds):
        parts, tried = parts_of(signature, since)
        usual = usual_share(*usual_of_all(signature, now), thresholds)
        hit = parts_hit(parts, tried, usual, thresholds)
        if hit:
            opened += parts_open(signature, hit, now, thresholds)
    return opened


def signatures_shared(since: datetime, now: datetime, thresholds: Thresholds) -> list[str]:
    """Return the errors with which people of several organizations fail, some of them lately."""
    values: dict[str, Any] = {
        "since": since,
        "news": minute_of(now - NEWS),
        "organizations": LEAST_ORGANIZATIONS,
        "people": thresholds.people,
    }
    with connection.cursor() as cursor:
        cursor.execute(SHARED, values)
        return [signature for (signature,) in cursor.fetchall()]


def parts_of(signature: str, since: datetime) -> tuple[list[Part], int]:
    """Return the organizations in which somebody fails so, and how many tried in all of them."""
    with connection.cursor() as cursor:
        cursor.execute(PARTS, {"signature": signature, "since": since})
        parts = [Part(*row) for row in cursor.fetchall()]
        cursor.execute(TRIED, [since])
        return parts, cursor.fetchone()[0]


def usual_of_all(signature: str, now: datetime) -> tuple[int, int]:
    """Return how many runs of all organizations failed so in the last days, and how many ran."""
    with connection.cursor() as cursor:
        cursor.execute(USUAL, [signature, now - USUAL_DAYS])
        failed, attempts = cursor.fetchone()
        return failed, attempts


def parts_open(
    signature: str, hit: list[Part], now: datetime, thresholds: Thresholds
) -> list[Incident]:
    """Open the incident across organizations, if there is none, and those of its organizations."""
    provider = provider_of(signature)
    whole = Incident.objects.of_failures().open().filter(organization=None, provider=provider)
    parent = whole.first() or incident_across_open(signature=signature, hit=hit, now=now)
    organizations = [part.organization_id for part in hit]
    own = Incident.objects.of_failures().open().filter(provider=provider)
    own.filter(organization__in=organizations, part_of=None).update(part_of=parent)
    known = set(own.values_list("organization_id", flat=True))
    opened = []
    for part in hit:
        if part.organization_id not in known:
            finding = Finding(provider, signature, part.failing, part.tried, thresholds.window)
            incident = incident_open(
                organization_id=part.organization_id,
                finding=finding,
                now=now,
                thresholds=thresholds,
                part_of=parent,
            )
            opened += [incident] if incident else []
    return opened


@transaction.atomic
def incident_across_open(*, signature: str, hit: list[Part], now: datetime) -> Incident:
    """Open the incident that those of the organizations are part of."""
    people = sum(part.failing for part in hit)
    incident = Incident.objects.create(
        organization=None,
        provider=provider_of(signature),
        signature=signature,
        began_at=now,
        opened_at=now,
        people_running=sum(part.tried for part in hit),
        people_hit=people,
        people_waiting=people,
    )
    event_write(incident, EventKind.OPENED, now, people)
    return incident


def incidents_follow_across(*, now: datetime) -> None:
    """Count those hit in all organizations, and close what is over in each of them."""
    for whole in Incident.objects.of_failures().filter(organization=None).not_over():
        parts = whole.parts.aggregate(hit=Sum("people_hit"), waiting=Sum("people_waiting"))
        values = {"people_hit": parts["hit"] or 0, "people_waiting": parts["waiting"] or 0}
        changed = Incident.objects.filter(pk=whole.pk)
        changed.update(**values)
        if whole.closed_at is None and not whole.parts.filter(closed_at=None).exists():
            changed.update(closed_at=now)
            event_write(whole, EventKind.CLOSED, now, values["people_waiting"])
        elif whole.closed_at is not None and not whole.parts.filter(recovered_at=None).exists():
            changed.update(recovered_at=now)
            event_write(whole, EventKind.RECOVERED, now, None)

"""The incident of the demo's past outage, made of the outcomes that were recorded of it.

It is closed and recovered, so that nothing that runs looks at it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection

from accounts.models import Organization
from monitoring.incidents.detection import Thresholds
from monitoring.incidents.models import EventKind, Hit, Incident, IncidentEvent, Source
from synccenter.demo.cast import LOGINS
from synccenter.demo.past import OUTAGE_LASTED, OUTAGE_STARTED

THRESHOLDS = Thresholds()
# What is due is found by the next tick.
TICK = timedelta(seconds=20)
MINUTE = timedelta(minutes=1)
PAGE = "https://status.salesforce.com"
SAID = "maintenance: Maintenance: Emergency maintenance of the instance"
NOTE = "Salesforce is in emergency maintenance. Nobody here has to do anything; we wait for it."

# Whom it hit, with the good run before and the first one after.
HIT = """
    SELECT person_id, failed.first, failed.last,
        coalesce((
            SELECT max(finished_at) FROM outcomes_outcome AS run
            WHERE run.person_id = failed.person_id AND result = 'success'
                AND finished_at < failed.first
        ), failed.first),
        (
            SELECT min(finished_at) FROM outcomes_outcome AS run
            WHERE run.person_id = failed.person_id AND result = 'success'
                AND finished_at > failed.last
        )
    FROM (
        SELECT person_id, min(finished_at) AS first, max(finished_at) AS last
        FROM outcomes_outcome
        WHERE organization_id = %(organization)s AND result = 'failure'
            AND error ->> 'provider' = 'salesforce'
            AND started_at BETWEEN %(since)s AND %(until)s
        GROUP BY 1
    ) AS failed
    ORDER BY failed.first
"""
VERDICT = """
    SELECT signature, rule, interpretation, rules_version FROM outcomes_outcome
    WHERE organization_id = %(organization)s AND result = 'failure'
        AND error ->> 'provider' = 'salesforce' AND started_at BETWEEN %(since)s AND %(until)s
    LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Suffered:
    """One person of the outage; `again` is the first good run after it."""

    person_id: int
    first: datetime
    last: datetime
    gap_since: datetime
    again: datetime


def outage_record(*, organizations: Sequence[Organization], now: datetime) -> list[Incident]:
    """Make the outage's incident in each organization it hit, and the one they are part of."""
    parts = [part for each in organizations if (part := part_make(each, now))]
    if len(parts) > 1:
        whole = whole_make(parts)
        Incident.objects.filter(pk__in=[part.pk for part in parts]).update(part_of=whole)
    return parts


def part_make(organization: Organization, now: datetime) -> Incident | None:
    """Make the incident of one organization; None where too few were hit to call it one."""
    values: dict[str, Any] = {
        "organization": organization.pk,
        "since": now - OUTAGE_STARTED,
        "until": now - OUTAGE_STARTED + OUTAGE_LASTED,
    }
    with connection.cursor() as cursor:
        cursor.execute(HIT, values)
        hit = [Suffered(*row) for row in cursor.fetchall() if row[-1] is not None]
        cursor.execute(VERDICT, values)
        verdict = cursor.fetchone()
    if len(hit) < THRESHOLDS.small_people:
        return None
    incident = incident_make(organization, hit, verdict)
    hits_make(incident, hit)
    events_make(incident, hit)
    return incident


def incident_make(
    organization: Organization, hit: Sequence[Suffered], verdict: tuple[Any, ...]
) -> Incident:
    signature, rule, interpretation, rules_version = verdict
    again = sorted(each.again for each in hit)
    few = len(hit) < THRESHOLDS.few_tried
    enough = THRESHOLDS.small_people if few else THRESHOLDS.people
    running = organization.persons.filter(connections__isnull=False).distinct().count()
    return Incident.objects.create(
        organization=organization,
        provider=Source.SALESFORCE,
        signature=signature,
        rule=rule,
        interpretation=interpretation,
        rules_version=rules_version,
        began_at=hit[0].first,
        opened_at=hit[enough - 1].first + TICK,
        closed_at=again[THRESHOLDS.good_people - 1] + TICK,
        recovered_at=again[-1] + TICK,
        status_asked_at=again[THRESHOLDS.good_people - 1],
        people_running=running,
        people_hit=len(hit),
    )


def hits_make(incident: Incident, hit: Sequence[Suffered]) -> None:
    Hit.objects.bulk_create(
        Hit(
            incident=incident,
            organization=incident.organization,
            person_id=each.person_id,
            first_failed_at=each.first,
            last_failed_at=each.last,
            gap_since=each.gap_since,
            recovered_at=each.again,
        )
        for each in hit
    )


def events_make(incident: Incident, hit: Sequence[Suffered]) -> None:
    """Write the timeline as it would have been written then."""
    opened, closed = incident.opened_at, incident.closed_at
    assert closed is not None
    found = sum(each.first <= opened for each in hit)
    waiting = sum(each.again > closed for each in hit)
    lines: list[tuple[datetime, EventKind, dict[str, Any]]] = [
        (opened, EventKind.OPENED, {"people": found}),
        (opened + 3 * MINUTE, EventKind.STATUS, {"text": SAID, "address": PAGE}),
        *grown(hit, found),
        *by_hand(incident),
        (closed, EventKind.CLOSED, {"people": waiting}),
        (incident.recovered_at or closed, EventKind.RECOVERED, {}),
    ]
    IncidentEvent.objects.bulk_create(
        IncidentEvent(incident=incident, at=at, kind=kind, **fields)
        for at, kind, fields in sorted(lines, key=lambda line: line[0])
    )


def grown(hit: Sequence[Suffered], found: int) -> list[tuple[datetime, EventKind, dict[str, Any]]]:
    """Return the lines that tell of each doubling after so many were found."""
    return [
        (each.first + TICK, EventKind.GREW, {"people": number})
        for number, each in enumerate(hit, start=1)
        if number > found and number.bit_length() > (number - 1).bit_length()
    ]


def by_hand(incident: Incident) -> list[tuple[datetime, EventKind, dict[str, Any]]]:
    """Return what the admin of the first organization did about it."""
    admin = get_user_model().objects.filter(email=LOGINS[0].email).first()
    organization = incident.organization
    if (
        admin is None
        or organization is None
        or not admin.memberships.filter(organization=organization).exists()
    ):
        return []
    who = {"author": admin, "author_name": admin.get_full_name()}
    Incident.objects.filter(pk=incident.pk).update(owner=admin, owner_name=who["author_name"])
    return [
        (incident.opened_at + 12 * MINUTE, EventKind.OWNER, who),
        (incident.opened_at + 14 * MINUTE, EventKind.NOTE, who | {"text": NOTE}),
    ]


def whole_make(parts: Sequence[Incident]) -> Incident:
    """Make the incident across organizations, over when all of its parts are."""
    first = min(parts, key=lambda part: part.opened_at)
    return Incident.objects.create(
        organization=None,
        provider=first.provider,
        signature=first.signature,
        rule=first.rule,
        interpretation=first.interpretation,
        rules_version=first.rules_version,
        began_at=min(part.began_at for part in parts),
        opened_at=first.opened_at + TICK,
        closed_at=max(part.closed_at for part in parts if part.closed_at),
        recovered_at=max(part.recovered_at for part in parts if part.recovered_at),
        people_running=sum(part.people_running for part in parts),
        people_hit=sum(part.people_hit for part in parts),
    )

"""Watching for one cause across organizations, and for the end of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Q, Sum

from monitoring.health.shields import provider_of
from monitoring.incidents.across import LEAST_ORGANIZATIONS, Part, parts_hit
from monitoring.incidents.course import event_write
from monitoring.incidents.detection import Finding, Thresholds, usual_share
from monitoring.incidents.locks import own_incidents
from monitoring.incidents.models import EventKind, Incident
from monitoring.incidents.opening import incident_come_back, incident_open
from monitoring.incidents.pulses import minute_of
from monitoring.incidents.windows import NEWS, USUAL_DAYS

# A failure that an incident explains counts while that is open: else organizations that found the
# cause by themselves would hide it from all together. After its end it is nobody's proof.
COUNTING = """
    SELECT organization_id, ltrim(signature, '~') AS signature, minute, people
    FROM incidents_pulse AS pulse
    WHERE minute >= %(since)s AND signature <> '' AND (
        signature NOT LIKE '~%%' OR EXISTS (
            SELECT FROM incidents_incident AS incident
            WHERE incident.organization_id = pulse.organization_id
                AND incident.closed_at IS NULL AND incident.kind = 'failures'
                AND incident.provider = split_part(ltrim(pulse.signature, '~'), ' ', 1)
        )
    )
"""
FAILING = f"""
    SELECT signature, organization_id, sum(people) AS people,
        max(minute) FILTER (WHERE people > 0) AS latest
    FROM ({COUNTING}) AS counting GROUP BY 1, 2 HAVING sum(people) > 0
"""  # noqa: S608 - made of constants
SHARED = f"""
    SELECT signature FROM ({FAILING}) AS failing GROUP BY 1
    HAVING count(*) >= %(organizations)s AND sum(people) >= %(people)s
        AND max(latest) >= %(news)s
"""  # noqa: S608 - made of constants
PARTS = f"""
    WITH tried AS (
        SELECT organization_id, sum(people) AS people FROM incidents_pulse
        WHERE minute >= %(since)s GROUP BY 1
    )
    SELECT failing.signature, failing.organization_id, failing.people::int8,
        greatest(tried.people, failing.people)::int8
    FROM ({FAILING}) AS failing JOIN tried USING (organization_id)
    WHERE failing.signature = ANY(%(shared)s)
"""  # noqa: S608 - made of constants
TRIED = "SELECT coalesce(sum(people), 0)::int8 FROM incidents_pulse WHERE minute >= %s"
USUAL = """
    SELECT signature, sum(attempts)::int8 FROM incidents_usualhour
    WHERE organization_id IS NULL AND hour >= %s
        AND (signature = ANY(%s) OR signature = '') GROUP BY 1
"""

OPEN = Q(closed_at=None)


def incidents_find_across(*, now: datetime, thresholds: Thresholds) -> list[Incident]:
    """Open incidents for errors that organizations share; return what was opened.

    Each organization that is hit gets one of its own, part of the whole.
    """
    since = minute_of(now - timedelta(seconds=thresholds.window))
    shared = parts_shared(since, now, thresholds)
    if not shared:
        return []
    tried, usual = tried_by_all(since), usual_of_all(shared.keys(), now)
    opened: list[Incident] = []
    for signature, parts in shared.items():
        share = usual_share(usual.get(signature, 0), sum(usual.values()), thresholds)
        hit = parts_hit(parts, tried, share, thresholds)
        if hit:
            opened += parts_open(signature, hit, now, thresholds)
    return opened


def parts_shared(since: datetime, now: datetime, thresholds: Thresholds) -> dict[str, list[Part]]:
    """Return, by error, the organizations in which people fail with it, where several do."""
    values: dict[str, Any] = {
        "since": since,
        "news": minute_of(now - NEWS),
        "organizations": LEAST_ORGANIZATIONS,
        "people": thresholds.people,
    }
    parts: defaultdict[str, list[Part]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(SHARED, values)
        shared = [signature for (signature,) in cursor.fetchall()]
        if shared:
            cursor.execute(PARTS, {"since": since, "shared": shared})
            for signature, *part in cursor.fetchall():
                parts[signature].append(Part(*part))
    return parts


def tried_by_all(since: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(TRIED, [since])
        tried: int = cursor.fetchone()[0]
        return tried


def usual_of_all(signatures: Collection[str], now: datetime) -> dict[str, int]:
    """Return how many runs of all organizations failed so in the last days; "" are good ones."""
    with connection.cursor() as cursor:
        cursor.execute(USUAL, [now - USUAL_DAYS, list(signatures)])
        return dict(cursor.fetchall())


def parts_open(
    signature: str, hit: list[Part], now: datetime, thresholds: Thresholds
) -> list[Incident]:
    """Open the incident across organizations, if there is none, and those of its organizations."""
    provider = provider_of(signature)
    parent = incident_across(signature=signature, hit=hit, now=now, thresholds=thresholds)
    organizations = [part.organization_id for part in hit]
    own = Incident.objects.of_failures().open().filter(provider=provider)
    alone = Q(part_of=None) | Q(part_of__closed_at__isnull=False)
    own.filter(alone, organization__in=organizations).update(part_of=parent)
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
def incident_across(
    *, signature: str, hit: list[Part], now: datetime, thresholds: Thresholds
) -> Incident:
    """Return the incident that those of the organizations are part of: open, come back, or new."""
    whole = Incident.objects.of_failures().filter(
        organization=None, provider=provider_of(signature)
    )
    going_on = whole.open().first()
    if going_on is None:
        own_incidents()
        # Another tick may have opened it while we waited.
        going_on = whole.open().first()
    if going_on is not None:
        return going_on
    people = sum(part.failing for part in hit)
    lately = now - timedelta(seconds=thresholds.reopen_within)
    incident = whole.filter(closed_at__gt=lately).order_by("-closed_at").first()
    if incident is not None:
        incident_come_back(incident, now, None)
        event_write(incident, EventKind.CAME_BACK, now, people)
        return incident
    incident = Incident.objects.create(
        organization=None,
        provider=provider_of(signature),
        signature=signature,
        began_at=now,
        opened_at=now,
        people_running=sum(part.tried for part in hit),
        people_hit=people,
        people_waiting=people,
        share=round(people / sum(part.tried for part in hit), 2),
    )
    event_write(incident, EventKind.OPENED, now, people)
    return incident


def incidents_follow_across(*, now: datetime) -> None:
    """Count those hit in all organizations, and close what is over in each of them."""
    for whole in Incident.objects.of_failures().filter(organization=None).not_over():
        parts = whole.parts.aggregate(
            hit=Sum("people_hit"),
            waiting=Sum("people_waiting"),
            running=Sum("people_running", filter=OPEN),
            failing=Sum(F("share") * F("people_running"), filter=OPEN),
        )
        share = round(parts["failing"] / parts["running"], 2) if parts["running"] else whole.share
        values = {
            "people_hit": parts["hit"] or 0,
            "people_waiting": parts["waiting"] or 0,
            "share": share,
        }
        changed = Incident.objects.filter(pk=whole.pk)
        changed.update(**values)
        if whole.closed_at is None and not whole.parts.filter(closed_at=None).exists():
            changed.update(closed_at=now)
            event_write(whole, EventKind.CLOSED, now, values["people_waiting"])
        elif whole.closed_at is not None and not whole.parts.filter(recovered_at=None).exists():
            changed.update(recovered_at=now)
            event_write(whole, EventKind.RECOVERED, now, None)

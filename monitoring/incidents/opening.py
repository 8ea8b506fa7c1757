"""Opening an incident: the row, whom it has hit so far, and their health folded anew."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from monitoring.health.store import health_fold_anew
from monitoring.health.tally import tally_of
from monitoring.incidents.active import shields_since
from monitoring.incidents.course import event_write
from monitoring.incidents.detection import Finding, Thresholds
from monitoring.incidents.locks import own_incidents
from monitoring.incidents.models import EventKind, Hit, Incident
from monitoring.incidents.pulses import pulses_move

FOLD_AT_ONCE = 1_000

# When the first of those who fail with this error, or with any of the provider's, failed. Who has
# failed for longer than the window says nothing of when this began.
BEGINNING = """
    SELECT min(began), mode() WITHIN GROUP (ORDER BY last_rule),
        mode() WITHIN GROUP (ORDER BY last_interpretation), max(rules_version)
    FROM (
        SELECT coalesce(failing_since, last_attempt_at) AS began, last_rule, last_interpretation,
            rules_version
        FROM health_health
        WHERE organization_id = %(organization)s AND last_signature IS NOT NULL
            AND last_attempt_at >= %(since)s
            AND (last_signature = %(signature)s
                OR (%(mixed)s AND split_part(last_signature, ' ', 1) = %(provider)s))
    ) AS failing WHERE began >= %(since)s
"""
HIT_SO_FAR = """
    INSERT INTO incidents_hit (
        incident_id, organization_id, person_id, first_failed_at, last_failed_at, gap_since, canary,
        fold_anew
    )
    SELECT %(incident)s, organization_id, person_id,
        greatest(coalesce(failing_since, last_attempt_at), %(began)s), last_attempt_at,
        coalesce(last_success_at, awaiting_since, last_attempt_at), false, true
    FROM health_health
    WHERE organization_id = %(organization)s AND last_signature IS NOT NULL
        AND last_attempt_at >= %(began)s
        AND split_part(last_signature, ' ', 1) = %(provider)s
        AND (confirmed_at IS NULL OR confirmed_at >= %(began)s)
    ORDER BY person_id
    ON CONFLICT (incident_id, person_id) DO UPDATE SET
        last_failed_at = excluded.last_failed_at, recovered_at = NULL, ended_at = NULL,
        asked_at = NULL, fold_anew = true
"""


@transaction.atomic
def incident_open(
    *,
    organization_id: int,
    finding: Finding,
    now: datetime,
    thresholds: Thresholds,
    part_of: Incident | None = None,
) -> Incident | None:
    """Open an incident for what was found, or again one that closed a short while ago.

    Everybody of the organization who fails against its provider since it began is hit, but who was
    confirmed to need a human before. Returns None where one is open already. Waits for outcomes
    that are being recorded, so that none of them is missed.
    """
    own_incidents()
    same = Incident.objects.of_failures().filter(
        organization_id=organization_id, provider=finding.provider
    )
    if same.open().exists():
        return None
    beginning = beginning_of(organization_id, finding, now)
    lately = now - timedelta(seconds=thresholds.reopen_within)
    incident = same.filter(closed_at__gt=lately).order_by("-closed_at").first()
    kind = EventKind.CAME_BACK if incident else EventKind.OPENED
    if incident is None:
        incident = incident_new(organization_id, finding, beginning, now, part_of)
    else:
        incident_come_back(incident, now, part_of)
    hit = hit_so_far(incident, beginning.at)
    counts = {"people_hit": hit, "people_waiting": hit, "share": finding.share}
    Incident.objects.filter(pk=incident.pk).update(**counts)
    event_write(incident, kind, now, hit)
    return incident


def incident_come_back(incident: Incident, now: datetime, part_of: Incident | None) -> None:
    """Open again what closed a short while ago."""
    values: dict[str, Any] = {"closed_at": None, "recovered_at": None, "came_back_at": now}
    if part_of is not None:
        values["part_of"] = part_of
    Incident.objects.filter(pk=incident.pk).update(flaps=F("flaps") + 1, **values)
    incident.refresh_from_db()


@dataclass(frozen=True, slots=True)
class Beginning:
    """When the first of a finding's people failed, and how most of their errors were judged."""

    at: datetime
    rule: str | None
    interpretation: str | None
    rules_version: int | None


def beginning_of(organization_id: int, finding: Finding, now: datetime) -> Beginning:
    """Return when the first failure of the group ended, within the window that showed it."""
    since = now - timedelta(seconds=finding.window)
    values: dict[str, Any] = {
        "organization": organization_id,
        "since": since,
        "signature": finding.signature,
        "mixed": finding.is_mixed,
        "provider": finding.provider,
    }
    with connection.cursor() as cursor:
        cursor.execute(BEGINNING, values)
        at, *verdict = cursor.fetchone()
    return Beginning(at or since, *verdict)


def incident_new(
    organization_id: int,
    finding: Finding,
    beginning: Beginning,
    now: datetime,
    part_of: Incident | None,
) -> Incident:
    tally = tally_of(organization_id)
    idle = tally.people("disabled") + tally.people(cause="never_connected")
    return Incident.objects.create(
        organization_id=organization_id,
        part_of=part_of,
        provider=finding.provider,
        signature=finding.signature,
        rule=beginning.rule,
        interpretation=beginning.interpretation,
        rules_version=beginning.rules_version,
        began_at=beginning.at,
        opened_at=now,
        people_running=max(tally.people() - idle, 0),
    )


def hit_so_far(incident: Incident, since: datetime) -> int:
    """Note whom the incident has hit since it began, or came back; return how many in all.

    Who was confirmed to need a human before that has a trouble of their own.
    """
    values = {
        "incident": incident.pk,
        "organization": incident.organization_id,
        "began": since,
        "provider": incident.provider,
    }
    with connection.cursor() as cursor:
        cursor.execute(HIT_SO_FAR, values)
    return Hit.objects.filter(incident=incident).count()


def hits_fold_anew(*, now: datetime, limit: int = FOLD_AT_ONCE) -> int:
    """Fold anew the health of people whose incident was found after they had failed.

    At most `limit` people a call, in one transaction; returns how many. What was held against them
    since it began is taken back. Two calls at once do the same work twice, and no harm: the hits
    are not locked, because whoever records outcomes locks health before them.
    """
    with transaction.atomic():
        to_fold = Hit.objects.select_related("incident").filter(fold_anew=True)
        hits = list(to_fold.order_by("incident_id", "person_id")[:limit])
        since = {hit.person_id: hit.incident.began_at for hit in hits}
        pulses_move(health_fold_anew(since, shields_since).values(), now=now)
        Hit.objects.filter(pk__in=[hit.pk for hit in hits]).update(fold_anew=False)
        return len(hits)

"""Keeping the rows of alerts in step with what is found, by statements over many at once."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from monitoring.alerts.episodes import (
    DAY,
    Begun,
    Changes,
    Known,
    Place,
    flaps_of,
    place_of,
)
from monitoring.alerts.findings import Finding
from monitoring.alerts.kinds import AlertKind
from monitoring.alerts.models import Alert
from monitoring.alerts.rows import rows_insert

# Of each, as many ends as are worth counting.
LIKE = """
    SELECT asked.organization_id, asked.kind, asked.cause, earlier.ended_at
    FROM unnest(%(organizations)s::bigint[], %(kinds)s::text[], %(causes)s::text[])
        AS asked (organization_id, kind, cause)
    CROSS JOIN LATERAL (
        SELECT ended_at FROM alerts_alert AS alert
        WHERE (alert.organization_id = asked.organization_id
                OR alert.organization_id IS NULL AND asked.organization_id IS NULL)
            AND alert.kind = asked.kind AND alert.cause = asked.cause
            AND alert.ended_at IS NOT NULL
        ORDER BY ended_at DESC LIMIT 100
    ) AS earlier
"""
# Incidents are alike by their provider, as each has a cause of its own.
ALIKE = """
    SELECT asked.organization_id, asked.provider, alert.ended_at
    FROM unnest(%(organizations)s::bigint[], %(providers)s::text[])
        AS asked (organization_id, provider)
    JOIN alerts_alert AS alert ON (alert.organization_id = asked.organization_id
            OR alert.organization_id IS NULL AND asked.organization_id IS NULL)
        AND alert.kind = %(kind)s AND alert.facts ->> 'provider' = asked.provider
    WHERE alert.ended_at >= %(since)s
"""
Alike = tuple[int | None, str]
COLUMNS = {
    "id": "int8",
    "severity": "int2",
    "people": "int4",
    "silenced": "int4",
    "most_people": "int4",
    "weight": "float8",
    "teams": "jsonb",
    "facts": "jsonb",
    "is_part": "bool",
    "incident_id": "int8",
    "changed_at": "timestamptz",
    "ended_at": "timestamptz",
}
WRITE = f"""
    UPDATE alerts_alert AS alert
    SET {", ".join(f"{name} = new.{name}" for name in list(COLUMNS)[1:])}
    FROM unnest({", ".join(f"%s::{kind}[]" for kind in COLUMNS.values())})
        AS new ({", ".join(COLUMNS)})
    WHERE alert.id = new.id
"""  # noqa: S608 - made of constants
JSON = frozenset({"teams", "facts"})
ALERT_COLUMNS = [
    (str(field.column), field.attname)
    for field in Alert._meta.concrete_fields
    if not field.primary_key
]
# At each place one is open at most.
PLACES = "RETURNING id, organization_id, kind, cause"


def known_of(alert: Alert) -> Known:
    return Known(
        alert.pk, alert.organization_id, alert.kind, alert.cause, alert.began_at, alert.ended_at
    )


def alerts_store(changes: Changes, alerts: Mapping[int, Alert], now: datetime) -> list[Alert]:
    """Write down what becomes of alerts, bringing those given up to date; return the new ones."""
    changed = []
    for going_on in changes.going_on:
        alert = alerts[int(going_on.known.key)]
        values = values_of(going_on.finding, alert) | {"ended_at": None}
        changed += [alert] if is_changed(alert, values, now) else []
    for ended in changes.ended:
        alert = alerts[int(ended.known.key)]
        values = {} if ended.finding is None else values_of(ended.finding, alert)
        changed += [alert] if is_changed(alert, values | {"ended_at": ended.ended_at}, now) else []
    write(changed)
    return alerts_begin(changes.begun, now)


def values_of(finding: Finding, alert: Alert | None = None) -> dict[str, Any]:
    """Return the fields of an alert that go with what is found of it."""
    most = alert.most_people if alert else 0
    return {
        "severity": int(finding.severity),
        "people": finding.people,
        "silenced": min(finding.silenced, finding.people),
        "most_people": max(most, finding.people),
        "weight": float(finding.weight),
        "teams": dict(finding.teams),
        "facts": dict(finding.facts),
        "is_part": finding.is_part,
        "incident_id": finding.incident_id,
    }


def is_changed(alert: Alert, values: Mapping[str, Any], now: datetime) -> bool:
    """Set these fields of an alert; tell whether one of them is another than before."""
    if all(getattr(alert, name) == value for name, value in values.items()):
        return False
    for name, value in values.items():
        setattr(alert, name, value)
    alert.changed_at = now
    return True


def write(alerts: Sequence[Alert]) -> None:
    """Write the fields of alerts that may change, in one statement."""
    if alerts:
        columns = [[cell(alert, name) for alert in alerts] for name in COLUMNS]
        with connection.cursor() as cursor:
            cursor.execute(WRITE, columns)


def cell(alert: Alert, name: str) -> Any:
    value = getattr(alert, name)
    return json.dumps(value) if name in JSON else value


def alerts_begin(begun: Sequence[Begun], now: datetime) -> list[Alert]:
    """Write new alerts; each begins after the end of the last one like it, and counts those."""
    ends, alike = ends_of(each.finding for each in begun), ends_alike(begun)
    alerts = []
    for each in begun:
        place, finding = ends[place_of(each.finding)], each.finding
        like = alike[finding.organization_id, finding.provider] if finding.provider else place
        alerts.append(alert_of(each, place, like, now))
    return inserted(alerts)


def inserted(alerts: list[Alert]) -> list[Alert]:
    written = rows_insert(Alert, map(columns_of, alerts), then=PLACES)
    ids = {tuple(place): pk for pk, *place in written}
    for alert in alerts:
        alert.pk = ids[alert.organization_id, alert.kind, alert.cause]
        alert._state.adding = False
    return alerts


def columns_of(alert: Alert) -> dict[str, Any]:
    return {column: getattr(alert, name) for column, name in ALERT_COLUMNS}


def alert_of(
    begun: Begun, ends: Sequence[datetime], alike: Sequence[datetime], now: datetime
) -> Alert:
    """Return a new alert; `ends` are of earlier ones of its place, `alike` those it may flap by."""
    finding = begun.finding
    began_at = max([begun.began_at, *(end for end in ends if end <= now)])
    return Alert(
        organization_id=finding.organization_id,
        kind=finding.kind,
        cause=finding.cause,
        transition=finding.transition,
        evidence=list(finding.evidence),
        flaps=flaps_of(alike, began_at),
        began_at=began_at,
        changed_at=now,
        **values_of(finding),
    )


def ends_of(findings: Iterable[Finding]) -> defaultdict[Place, list[datetime]]:
    """Return when the alerts before these ended, by place, in one statement."""
    places = [place_of(finding) for finding in findings]
    ends: defaultdict[Place, list[datetime]] = defaultdict(list)
    if not places:
        return ends
    organizations, kinds, causes = zip(*places, strict=True)
    values = {"organizations": list(organizations), "kinds": list(kinds), "causes": list(causes)}
    with connection.cursor() as cursor:
        cursor.execute(LIKE, values)
        for *place, ended_at in cursor.fetchall():
            ends[tuple(place)].append(ended_at)
    return ends


def ends_alike(begun: Collection[Begun]) -> dict[Alike, list[datetime]]:
    """Return when incidents like those that begin ended within the day before, in one statement."""
    alike = {
        (each.finding.organization_id, each.finding.provider)
        for each in begun
        if each.finding.provider
    }
    if not alike:
        return {}
    organizations, providers = zip(*alike, strict=True)
    values: dict[str, Any] = {
        "organizations": list(organizations),
        "providers": list(providers),
        "kind": AlertKind.INCIDENT,
        "since": min(each.began_at for each in begun) - DAY,
    }
    ends: dict[Alike, list[datetime]] = {each: [] for each in alike}
    with connection.cursor() as cursor:
        cursor.execute(ALIKE, values)
        for organization, provider, ended_at in cursor.fetchall():
            ends[organization, provider].append(ended_at)
    return ends

"""Incidents as a page finds them, and the people they hit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from accounts.models import Organization, Person
from monitoring.health.models import Health
from monitoring.incidents.models import EventKind, Hit, Incident, IncidentEvent, Kind
from tests.factories import NOW
from tests.monitoring.console.makers import make_many_healthy

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
RULE = "salesforce-maintenance"
SIGNATURE = "salesforce 503 html maintenance"
OPEN: dict[str, Any] = {}
RECOVERING = {"closed_at": NOW - HOUR}
OVER = {"closed_at": NOW - 5 * HOUR, "recovered_at": NOW - 4 * HOUR}


def make_incident(organization: Organization | None, **overrides: Any) -> Incident:
    """An open incident at Salesforce that began three hours ago and hit nobody yet."""
    began_at = overrides.get("began_at", NOW - 3 * HOUR)
    return Incident.objects.create(
        **{
            "organization": organization,
            "provider": "salesforce",
            "signature": SIGNATURE,
            "rule": RULE,
            "interpretation": "transient",
            "rules_version": 1,
            "began_at": began_at,
            "opened_at": began_at + 4 * MINUTE,
        }
        | overrides
    )


def make_intake_incident(organization: Organization | None, **overrides: Any) -> Incident:
    fields = {"kind": Kind.INTAKE, "provider": "service", "rule": None, "interpretation": None}
    return make_incident(organization, **fields | {"signature": "service - intake"} | overrides)


def make_hits(
    incident: Incident, people: Sequence[Person], step: timedelta = timedelta(), **overrides: Any
) -> list[Hit]:
    """Hit people, the first when the incident began and each next one `step` later."""
    hits = Hit.objects.bulk_create(
        Hit(
            **{
                "incident": incident,
                "organization_id": incident.organization_id,
                "person": person,
                "first_failed_at": incident.began_at + place * step,
                "last_failed_at": incident.began_at + place * step + 10 * MINUTE,
                "gap_since": incident.began_at - timedelta(hours=2) + place * step,
            }
            | overrides
        )
        for place, person in enumerate(people)
    )
    count_hits(incident)
    return hits


def count_hits(incident: Incident) -> None:
    hits = Hit.objects.filter(incident=incident)
    incident.people_hit, incident.people_waiting = hits.count(), hits.waiting().count()
    incident.people_running = max(incident.people_running, incident.people_hit)
    incident.save()


def make_hit_people(
    incident: Incident, number: int, step: timedelta = timedelta(), **overrides: Any
) -> list[Person]:
    """People of the incident's organization who are hit and wait."""
    organization = incident.organization
    already = set(Person.objects.filter(organization=organization).values_list("pk", flat=True))
    make_many_healthy(organization, number)
    people = list(
        Person.objects.filter(organization=organization).exclude(pk__in=already).order_by("pk")
    )
    suffer(people)
    make_hits(incident, people, step, **overrides)
    return people


def suffer(people: Sequence[Person]) -> None:
    """Let an incident explain the people's last run."""
    Health.objects.filter(person__in=people).update(
        status="degraded",
        cause="incident",
        severity=1,
        in_incident=True,
        status_since=NOW - HOUR,
        unwell_since=NOW - 3 * HOUR,
        last_success_at=NOW - 3 * HOUR,
        last_result="failure",
        last_signature=SIGNATURE,
    )


def make_event(
    incident: Incident, kind: EventKind, at: datetime = NOW, **fields: Any
) -> IncidentEvent:
    return IncidentEvent.objects.create(incident=incident, at=at, kind=kind, **fields)


def address(incident: Incident, slug: str = "acme", then: str = "") -> str:
    """Return where the page of an incident is, or what lies under it."""
    return f"/o/{slug}/incidents/{incident.pk}/{then}"


def some_hits(incident: Incident, number: int, **fields: Any) -> None:
    """Change the first few hits that still wait."""
    waiting = Hit.objects.filter(incident=incident).waiting().order_by("pk")[:number]
    Hit.objects.filter(pk__in=[hit.pk for hit in waiting]).update(**fields)
    count_hits(incident)


def make_outage(organization: Organization) -> Incident:
    """An open incident of which somebody is in every state there is."""
    incident = make_incident(organization, people_running=34, status_asked_at=NOW - 3 * MINUTE)
    make_hit_people(incident, 31, step=timedelta(seconds=5))
    some_hits(incident, 2, recovered_at=NOW - 9 * MINUTE)
    some_hits(incident, 1, ended_at=NOW - 4 * MINUTE)
    some_hits(incident, 5, canary=True)
    return incident

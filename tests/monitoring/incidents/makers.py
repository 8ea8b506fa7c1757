"""Makers of outcomes that come in together, and of people who run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from accounts.models import Organization, Person
from monitoring.health.begin import health_begin
from monitoring.health.models import Health
from monitoring.incidents.models import Incident
from monitoring.intake.record import ReportedOutcome
from monitoring.outcomes.identifiers import attempt_id_at
from tests.factories import NOW, make_connected_person
from tests.monitoring.intake.makers import record

MINUTE = timedelta(minutes=1)
MAINTENANCE = {
    "provider": "salesforce",
    "channel": "html",
    "status": 503,
    "headers": {},
    "body": "<html><body>We are down for maintenance.</body></html>",
    "operation": "query",
}
REVOKED = {
    "provider": "google",
    "channel": "oauth-json",
    "status": 400,
    "headers": {},
    "body": '{"error": "invalid_grant", "error_description": "Token has been expired or revoked."}',
    "operation": "token",
}
INACTIVE = {
    "provider": "salesforce",
    "channel": "oauth-json",
    "status": 400,
    "headers": {},
    "body": '{"error": "invalid_grant", "error_description": "inactive user"}',
    "operation": "token",
}


def make_running_people(organization: Organization, number: int) -> list[Person]:
    """People who run here and were synced an hour and a half ago."""
    people = [make_connected_person(organization) for _ in range(number)]
    health_begin([person.pk for person in people], now=NOW - timedelta(days=30))
    report(people, NOW - 90 * MINUTE)
    return people


def report(people: Iterable[Person], at: datetime, error: Any = None, **overrides: Any) -> None:
    """Record one outcome of each person that ended at a moment: good, or failed with the error."""
    record([make_reported(person, at, error, **overrides) for person in people])


def make_reported(
    person: Person, at: datetime, error: Any = None, **overrides: Any
) -> ReportedOutcome:
    return ReportedOutcome(
        **{
            "attempt_id": attempt_id_at(at),
            "organization_id": person.organization_id,
            "person_id": person.pk,
            "trigger": "schedule",
            "started_at": at - timedelta(seconds=2),
            "finished_at": at,
            "result": "success" if error is None else "failure",
            "error": error,
            "counts": None,
        }
        | overrides
    )


def health_of(person: Person) -> Health:
    return Health.objects.get(person=person)


def only_incident() -> Incident:
    return Incident.objects.get()

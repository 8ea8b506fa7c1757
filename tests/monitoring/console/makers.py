"""Rows of health and outcomes as a page finds them, and the people they belong to."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from accounts.models import Connection, Grant, Organization, Person, Provider
from monitoring.actions.models import Action
from monitoring.health.fold import Standing, severity
from monitoring.health.models import Health, Hold, Transition
from monitoring.outcomes.identifiers import attempt_id_at
from monitoring.outcomes.models import Outcome
from tests.factories import NOW, make_connected_person, make_user

serial = count(1)
HOUR = timedelta(hours=1)


HEALTHY = {
    "status": "healthy",
    "cause": "",
    "status_since": NOW - 24 * HOUR,
    "runs_here": True,
    "awaiting_since": NOW - 48 * HOUR,
    "unwell_since": None,
    "last_success_at": NOW - HOUR,
    "last_attempt_at": NOW - HOUR,
    "last_result": "success",
    "recent": "s" * 24,
    "next_due": NOW + HOUR,
}


def set_health(person: Person, **overrides: Any) -> Health:
    """Write a person's health row, healthy by default."""
    fields = HEALTHY | overrides
    place = severity(Standing(fields["status"], fields["cause"]))
    Health.objects.filter(person=person).update(severity=place, **fields)
    return Health.objects.get(person=person)


def make_healthy(organization: Organization, **overrides: Any) -> Person:
    person = make_connected_person(organization, **overrides)
    set_health(person)
    return person


def make_many_healthy(organization: Organization, number: int, **overrides: Any) -> None:
    """People named Person 000 and on, in three statements; half of them in Sales."""
    people = [
        Person(
            organization=organization,
            name=f"Person {place:03}",
            email=f"many{place}@{organization.google_domain}",
            team="Sales" if place % 2 else "Research",
            created_at=NOW - 60 * 24 * HOUR,
        )
        for place in range(number)
    ]
    Person.objects.bulk_create(people)
    Connection.objects.bulk_create(
        Connection(
            organization=organization,
            person=person,
            provider=provider,
            grant=Grant.DELEGATED,
            granted_at=NOW,
        )
        for person in people
        for provider in Provider
    )
    Health.objects.filter(organization=organization).update(severity=4, **HEALTHY | overrides)


def make_unwell(
    organization: Organization, status: str, cause: str, hours: float = 3, **overrides: Any
) -> Person:
    """A person without a good run for so many hours."""
    health = overrides.pop("health", {})
    person = make_connected_person(organization, **overrides)
    since = NOW - hours * HOUR
    times = {"status_since": since, "unwell_since": since, "last_success_at": since}
    set_health(person, status=status, cause=cause, recent="s" * 20 + "ffff", **times, **health)
    return person


def make_held(organization: Organization, **overrides: Any) -> Person:
    """A person whom an admin switched off."""
    ends_at = overrides.pop("ends_at", None)
    person = make_connected_person(organization, **overrides)
    hold = Hold.objects.create(
        organization=organization,
        person=person,
        author_kind="member",
        author=make_user(),
        author_name="Ada Admin",
        reason="On leave",
        started_at=NOW - 2 * HOUR,
        ends_at=ends_at,
    )
    set_health(person, status="disabled", cause="held", hold=hold, next_due=None)
    return person


def make_outcome(person: Person, finished_at: datetime = NOW, **overrides: Any) -> Outcome:
    """An outcome in the log; health is not touched."""
    fields = {
        "attempt_id": attempt_id_at(finished_at - timedelta(seconds=2)),
        "organization_id": person.organization_id,
        "person": person,
        "trigger": "schedule",
        "started_at": finished_at - timedelta(seconds=2),
        "finished_at": finished_at,
        "recorded_at": finished_at,
        "result": "success",
    }
    (outcome,) = Outcome.objects.bulk_create([Outcome(**(fields | overrides))])
    return outcome


def make_action(organization: Organization, author: Any, **overrides: Any) -> Action:
    """A sync of one person, not begun by default; who it is of is not written."""
    fields = {"kind": "sync", "origin": "filter", "people": 1, "created_at": NOW - HOUR}
    names = {"author": author, "author_name": "Casey"}
    return Action.objects.create(organization=organization, **fields | names | overrides)


def transition(person: Person, at: datetime, **overrides: Any) -> Transition:
    """A change of status or interval, not stored yet."""
    fields = {
        "organization": person.organization,
        "person": person,
        "at": at,
        "from_status": "healthy",
        "to_status": "healthy",
        "from_cause": "",
        "to_cause": "",
        "from_interval": 7_200,
        "to_interval": 7_200,
    }
    return Transition(**fields | overrides)


REVOKED = {
    "provider": "google",
    "channel": "oauth-json",
    "status": 400,
    "headers": {},
    "body": '{"error": "invalid_grant", "error_description": "Token has been revoked."}',
    "operation": "token",
}

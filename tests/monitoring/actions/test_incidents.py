from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from accounts.access import Access, access_for
from accounts.models import Role
from monitoring.actions.incidents import (
    NoteRefusedError,
    RecoveryRefusedError,
    incident_note_add,
    incident_recover,
    incident_take,
)
from monitoring.audit.models import AuditEntry
from monitoring.incidents.models import EventKind, Hit, Incident
from monitoring.incidents.recovery import Pace
from monitoring.incidents.watch import incidents_find, incidents_follow
from monitoring.jobs.models import Job
from monitoring.jobs.recovery import incidents_recover
from tests.factories import NOW, make_member, make_organization, make_user
from tests.monitoring.incidents.makers import (
    INACTIVE,
    MAINTENANCE,
    MINUTE,
    make_running_people,
    only_incident,
    report,
)

pytestmark = pytest.mark.django_db
PACE = Pace()


def make_access(organization: Any, role: Role = Role.ADMIN) -> Access:
    user = make_user(first_name="Casey", last_name="Admin")
    make_member(organization, user=user, role=role)
    return access_for(user, organization.slug)


@pytest.fixture
def people(db: None) -> list[Any]:
    return make_running_people(make_organization(slug="acme"), 10)


@pytest.fixture
def incident(people: list[Any]) -> Incident:
    report(people, NOW, MAINTENANCE)
    (found,) = incidents_find(now=NOW + MINUTE)
    return found


@pytest.fixture
def access(incident: Incident) -> Access:
    return make_access(incident.organization)


ACTIONS = {
    "take": lambda access, incident: incident_take(access=access, incident=incident, now=NOW),
    "note": lambda access, incident: incident_note_add(
        access=access, incident=incident, text="Called them", now=NOW
    ),
    "recover": lambda access, incident: incident_recover(access=access, incident=incident, now=NOW),
}


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
def test_each_is_told_in_the_timeline_and_audited(
    incident: Incident, access: Access, action: Any
) -> None:
    action(access, incident)
    assert incident.events.latest("id").author_name == "Casey Admin"
    assert AuditEntry.objects.get().detail["incident"] == incident.pk


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
def test_who_may_only_look_is_refused(incident: Incident, action: Any) -> None:
    with pytest.raises(PermissionDenied):
        action(make_access(incident.organization, Role.VIEWER), incident)


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
def test_an_admin_of_another_organization_is_refused(incident: Incident, action: Any) -> None:
    with pytest.raises(PermissionDenied):
        action(make_access(make_organization()), incident)


def test_taking_it_twice_is_taking_it_once(incident: Incident, access: Access) -> None:
    incident_take(access=access, incident=incident, now=NOW)
    incident_take(access=access, incident=incident, now=NOW)
    assert only_incident().owner_name == "Casey Admin"
    assert incident.events.filter(kind=EventKind.OWNER).count() == 1


@pytest.mark.parametrize("text", ["", "  \x00 ", "x" * 2_001])
def test_an_empty_or_endless_note_is_refused(incident: Incident, access: Access, text: str) -> None:
    with pytest.raises(NoteRefusedError):
        incident_note_add(access=access, incident=incident, text=text, now=NOW)


def test_recovering_an_open_incident_tries_everybody_once(
    incident: Incident, access: Access, people: list[Any]
) -> None:
    at = NOW + 10 * MINUTE
    assert incident_recover(access=access, incident=incident, now=at) == 10
    assert incidents_recover(now=at, seconds=30, pace=PACE) == 10
    Job.objects.all().delete()
    report(people, at + MINUTE, MAINTENANCE)
    assert incidents_recover(now=at + 2 * MINUTE, seconds=30, pace=PACE) == 0
    assert incidents_recover(now=at + 40 * MINUTE, seconds=30, pace=PACE) == 0
    assert (only_incident().state, only_incident().recover_asked_at) == ("open", None)


def test_a_recovery_under_way_is_not_begun_again(incident: Incident, access: Access) -> None:
    incident_recover(access=access, incident=incident, now=NOW)
    with pytest.raises(RecoveryRefusedError, match="under way"):
        incident_recover(access=access, incident=incident, now=NOW)


def test_after_it_those_who_failed_for_their_own_reason_are_tried_again(
    incident: Incident, access: Access, people: list[Any]
) -> None:
    over = NOW + 60 * MINUTE
    report(people[:5], over)
    incidents_follow(now=over)
    incidents_recover(now=over, seconds=30, pace=PACE)
    report(people[5:9], over + MINUTE)
    report(people[9:], over + MINUTE, INACTIVE)
    incidents_recover(now=over + 2 * MINUTE, seconds=30, pace=PACE)
    assert only_incident().state == "over"
    assert incident_recover(access=access, incident=incident, now=over + 3 * MINUTE) == 1
    assert Hit.objects.waiting().get().person_id == people[9].pk


def test_nobody_left_to_recover_is_said(
    incident: Incident, access: Access, people: list[Any]
) -> None:
    report(people, NOW + 5 * MINUTE)
    with pytest.raises(RecoveryRefusedError, match="good run"):
        incident_recover(access=access, incident=incident, now=NOW + 6 * MINUTE)

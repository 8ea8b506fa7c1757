from __future__ import annotations

from datetime import timedelta
from itertools import combinations

import pytest
from django.core.exceptions import PermissionDenied
from pytest_django import DjangoCaptureOnCommitCallbacks

from accounts.access import Access, access_for
from accounts.models import Connection, Organization, Person, Provider, Role
from monitoring.actions.people import SyncRefusedError, person_sync_now, sync_refusal
from monitoring.audit.models import AuditEntry
from monitoring.health.holds import hold_release, holds_end
from monitoring.health.models import Health
from monitoring.jobs import doorbell
from monitoring.jobs.models import Job, JobState, Lane
from tests.factories import (
    NOW,
    make_connected_person,
    make_connection,
    make_member,
    make_organization,
    make_person,
    make_user,
)
from tests.monitoring.actions.makers import make_hold


@pytest.fixture
def acme(db: None) -> Organization:
    return make_organization(slug="acme")


@pytest.fixture
def access(acme: Organization) -> Access:
    return access_for(make_member(acme).user, "acme")


def make_synced_person(organization: Organization | None = None) -> Person:
    """Make a person whose syncs run here."""
    person = make_connected_person(organization)
    Health.objects.filter(person=person).update(runs_here=True)
    return person


def nothing_happened() -> bool:
    return not Job.objects.exists() and not AuditEntry.objects.exists()


def test_a_sync_is_queued_ahead_of_periodic_work_and_audited(access: Access) -> None:
    person = make_synced_person(access.organization)
    job = person_sync_now(access=access, person=person, now=NOW)
    assert (job.person, job.lane, job.trigger) == (person, Lane.ADMIN, "admin")
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.person, entry.author) == ("person.sync_now", person, access.user)
    assert (entry.organization, entry.at) == (access.organization, NOW)
    assert entry.detail == {"attempt_id": str(job.attempt_id)}


def test_the_doorbell_rings_once_it_is_committed(
    access: Access,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    rung: list[int] = []
    monkeypatch.setattr(doorbell, "_ring_all", lambda lane, count: rung.append(lane))
    person = make_synced_person(access.organization)
    with django_capture_on_commit_callbacks(execute=True):
        person_sync_now(access=access, person=person, now=NOW)
        assert rung == []
    assert rung == [Lane.ADMIN]


def test_asking_twice_makes_one_job(access: Access) -> None:
    person = make_synced_person(access.organization)
    first = person_sync_now(access=access, person=person, now=NOW)
    second = person_sync_now(access=access, person=person, now=NOW)
    assert first.attempt_id == second.attempt_id
    assert Job.objects.count() == 1


def test_a_periodic_job_is_moved_forward_and_a_running_one_is_the_sync_asked_for(
    access: Access,
) -> None:
    person = make_synced_person(access.organization)
    job = person_sync_now(access=access, person=person, now=NOW)
    Job.objects.update(lane=Lane.SCHEDULE, trigger="schedule", state=JobState.RUNNING)
    again = person_sync_now(access=access, person=person, now=NOW)
    assert again.attempt_id == job.attempt_id
    assert again.trigger == "schedule"


def test_a_viewer_may_not(acme: Organization) -> None:
    access = access_for(make_member(acme, role=Role.VIEWER).user, "acme")
    person = make_synced_person(acme)
    with pytest.raises(PermissionDenied):
        person_sync_now(access=access, person=person, now=NOW)
    assert nothing_happened()


def test_support_staff_may_under_their_own_name(acme: Organization) -> None:
    staff = make_user(email="support@service.example", is_staff=True)
    person = make_synced_person(acme)
    person_sync_now(access=access_for(staff, "acme"), person=person, now=NOW)
    assert AuditEntry.objects.get().author_name == "support@service.example"


def test_a_person_of_another_organization_is_out_of_reach(access: Access) -> None:
    person = make_synced_person()
    with pytest.raises(PermissionDenied):
        person_sync_now(access=access, person=person, now=NOW)
    assert nothing_happened()


def test_who_is_held_is_refused_with_a_sentence(access: Access) -> None:
    person = make_synced_person(access.organization)
    make_hold(person, ends_at=NOW + timedelta(minutes=1))
    # Until the tick has carried the end out, the run would be called off.
    for now in (NOW, NOW + timedelta(minutes=2)):
        with pytest.raises(SyncRefusedError, match="Syncing is switched off for this person"):
            person_sync_now(access=access, person=person, now=now)
    assert nothing_happened()
    holds_end(now=NOW + timedelta(minutes=2))
    assert person_sync_now(access=access, person=person, now=NOW + timedelta(minutes=2))


def test_a_hold_that_was_lifted_refuses_nobody(access: Access) -> None:
    person = make_synced_person(access.organization)
    hold_release(hold=make_hold(person), author=None, now=NOW)
    assert person_sync_now(access=access, person=person, now=NOW)


def test_who_is_not_connected_is_refused_with_a_sentence(access: Access) -> None:
    person = make_person(access.organization)
    make_connection(person, Provider.GOOGLE)
    with pytest.raises(SyncRefusedError, match="Salesforce is not connected"):
        person_sync_now(access=access, person=person, now=NOW)
    Connection.objects.all().delete()
    with pytest.raises(SyncRefusedError, match="Google and Salesforce are not connected"):
        person_sync_now(access=access, person=person, now=NOW)
    assert nothing_happened()


@pytest.mark.parametrize("connected", [True, False])
def test_whom_another_engine_syncs_is_refused_with_a_sentence(
    access: Access, connected: bool
) -> None:
    organization = access.organization
    person = make_connected_person(organization) if connected else make_person(organization)
    Health.objects.filter(person=person).update(last_attempt_at=NOW, runs_here=False)
    with pytest.raises(SyncRefusedError, match="Another engine syncs this person"):
        person_sync_now(access=access, person=person, now=NOW)
    assert nothing_happened()


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("runs_here", [True, False])
@pytest.mark.parametrize("ran_before", [True, False])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_sync_is_refused_unless_both_are_connected_it_runs_here_and_nobody_holds(
    held: bool, runs_here: bool, ran_before: bool, number: int
) -> None:
    for connected in combinations([provider.value for provider in Provider], number):
        refusal = sync_refusal(
            held=held, connected=connected, runs_here=runs_here, ran_before=ran_before
        )
        assert (refusal == "") is (number == 2 and runs_here and not held)
        elsewhere = not runs_here and (ran_before or number == 2)
        assert ("Another engine" in refusal) is (elsewhere and not held)
        for provider in Provider:
            named = provider.label in refusal
            assert named is (not held and not elsewhere and provider not in connected)

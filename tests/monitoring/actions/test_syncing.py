"""Sync now for many: paced jobs, and results by their outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import pytest
from pytest_django import Settings

from accounts.access import Access
from accounts.models import Connection, Organization, Person, Provider
from monitoring.actions import paced
from monitoring.actions.beginning import sync_begin
from monitoring.actions.deeds import ActionRefusedError
from monitoring.actions.models import Action, ActionPerson, ActionState, Kind, PersonState
from monitoring.actions.paced import pace_work
from monitoring.actions.people import ELSEWHERE, sync_refusal
from monitoring.actions.starting import action_stop, action_undo
from monitoring.audit.models import AuditEntry
from monitoring.health.models import Health
from monitoring.intake.record import ReportedOutcome
from monitoring.jobs.closing import jobs_close
from monitoring.jobs.models import Job, JobState, Lane
from tests.factories import NOW, make_connected_person, make_organization
from tests.monitoring.actions.makers import (
    make_access,
    make_action,
    make_hold,
    make_preview,
    results,
)
from tests.monitoring.intake.makers import make_error
from tests.monitoring.jobs.makers import database_now, make_job

LATER = NOW + timedelta(minutes=1)
RUNNING = (PersonState.RUNNING, "")
ERROR = make_error()


@pytest.fixture(autouse=True)
def pace(settings: Settings, rung: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Six people are under way at most."""
    monkeypatch.setattr(paced, "RUN_SECONDS", 0)
    settings.ACTION_PEOPLE_PER_SECOND, settings.TICK_SECONDS = 2, 3


def make_synced_people(organization: Organization, number: int) -> list[Person]:
    people = [make_connected_person(organization) for _ in range(number)]
    Health.objects.filter(person__in=people).update(runs_here=True)
    return people


def close(person: Person, result: str = "success", error: Any = None) -> None:
    """Have the person's job end so."""
    job, token = Job.objects.get(person=person), uuid4()
    Job.objects.filter(pk=job.pk).update(state=JobState.RUNNING, token=token)
    outcome = ReportedOutcome(
        attempt_id=job.attempt_id,
        organization_id=job.organization_id,
        person_id=job.person_id,
        trigger=job.trigger,
        started_at=NOW,
        finished_at=NOW + timedelta(seconds=3),
        result=result,
        error=error,
        counts=None,
    )
    assert jobs_close(token=token, outcomes=[outcome], now=LATER)


def starts() -> list[float]:
    """Return in how many seconds each job starts, as far as jobs wait for their start."""
    jobs = Job.objects.exclude(start_at=None).order_by("start_at")
    return [(job.start_at - database_now()).total_seconds() for job in jobs]


def states(action: Action) -> list[PersonState]:
    return [state for state, _ in results(action).values()]


def attempts(action: Action) -> Mapping[int, UUID]:
    return dict(ActionPerson.objects.filter(action=action).values_list("person_id", "attempt_id"))


def test_jobs_are_queued_one_after_the_other_in_a_lane_of_their_own(access: Access) -> None:
    people = make_synced_people(access.organization, 3)
    action = make_action(access, people, Kind.SYNC)
    assert (action.state, action.finished_at) == (ActionState.RUNNING, None)
    assert results(action) == {person.pk: RUNNING for person in people}
    jobs = Job.objects.order_by("person")
    assert [(job.person, job.lane, job.trigger) for job in jobs] == [
        (person, Lane.BULK, "admin") for person in people
    ]
    assert starts() == pytest.approx([0, 0.5, 1], abs=0.2)
    assert attempts(action) == {job.person_id: job.attempt_id for job in jobs}
    entries = AuditEntry.objects.filter(action="person.sync_now").order_by("person")
    assert [entry.detail for entry in entries] == [
        {"action": action.pk, "attempt_id": str(job.attempt_id)} for job in jobs
    ]


def test_results_are_those_of_the_outcomes(access: Access) -> None:
    well, part, bad, lost, known = make_synced_people(access.organization, 5)
    action = make_action(access, [well, part, bad, lost, known], Kind.SYNC)
    close(well)
    close(part, "partial", ERROR)
    close(bad, "failure", ERROR | {"channel": "html", "status": 418, "body": "?"})
    close(lost, "lost")
    close(known, "failure", ERROR)
    pace_work(action.pk, LATER)
    rule = ActionPerson.objects.get(action=action, person=known).code
    assert results(action) == {
        well.pk: (PersonState.DONE, "success"),
        part.pk: (PersonState.DONE, "partial"),
        bad.pk: (PersonState.FAILED, "unrecognised"),
        lost.pk: (PersonState.FAILED, "lost"),
        known.pk: (PersonState.FAILED, rule),
    }
    assert rule not in {"", "unrecognised"}
    assert ActionPerson.objects.get(person=well).at == NOW + timedelta(seconds=3)
    action.refresh_from_db()
    assert (action.state, action.finished_at) == (ActionState.DONE, LATER)


def test_a_job_that_is_gone_without_an_outcome_was_called_off(access: Access) -> None:
    people = make_synced_people(access.organization, 2)
    action = make_action(access, people, Kind.SYNC)
    Job.objects.filter(person=people[0]).delete()
    pace_work(action.pk, LATER)
    assert results(action) == {
        people[0].pk: (PersonState.SKIPPED, "called_off"),
        people[1].pk: RUNNING,
    }


def test_no_more_are_under_way_than_the_pace_allows_whoever_comes_by(access: Access) -> None:
    people = make_synced_people(access.organization, 8)
    action = make_action(access, people, Kind.SYNC)
    for _ in range(2):
        pace_work(action.pk, NOW)
        assert states(action).count(PersonState.RUNNING) == 6
    for person in people[:3]:
        close(person)
    pace_work(action.pk, LATER)
    assert [states(action).count(state) for state in (PersonState.DONE, PersonState.RUNNING)] == [
        3,
        5,
    ]
    # The last of the first six starts in 2.5 s, and the stream goes on behind it.
    assert starts()[-2:] == pytest.approx([3, 3.5], abs=0.3)


def test_two_actions_of_an_organization_share_its_pace_and_others_have_their_own(
    access: Access,
) -> None:
    first = make_action(access, make_synced_people(access.organization, 4), Kind.SYNC)
    second = make_action(access, make_synced_people(access.organization, 4), Kind.SYNC)
    other = make_access(make_organization())
    third = make_action(other, make_synced_people(other.organization, 4), Kind.SYNC)
    under_way = [states(action).count(PersonState.RUNNING) for action in (first, second, third)]
    assert under_way == [4, 2, 4]


def test_who_gets_access_anew_is_synced_in_the_same_stream(access: Access) -> None:
    people = make_synced_people(access.organization, 11)
    for person in people[:3]:
        sync_begin(person=person, lane=Lane.BULK, now=NOW)
    action = make_action(access, people[3:7], Kind.SYNC)
    assert states(action) == [PersonState.RUNNING] * 3 + [PersonState.WAITING]
    for person in people[7:]:
        sync_begin(person=person, lane=Lane.BULK, now=NOW)
    assert starts() == pytest.approx([place / 2 for place in range(10)], abs=0.3)


def test_an_open_job_is_taken_for_the_sync_asked_for(access: Access) -> None:
    queued, running, asked = make_synced_people(access.organization, 3)
    jobs = [
        make_job(queued),
        make_job(running, state=JobState.RUNNING, lane=Lane.RETRY, trigger="retry"),
        make_job(asked, lane=Lane.ADMIN),
    ]
    action = make_action(access, [queued, running, asked], Kind.SYNC)
    assert attempts(action) == {job.person_id: job.attempt_id for job in jobs}
    for job in jobs:
        job.refresh_from_db()
    assert [(job.lane, job.trigger) for job in jobs] == [
        (Lane.BULK, "admin"),
        (Lane.RETRY, "retry"),
        (Lane.ADMIN, "admin"),
    ]


def test_stopped_in_the_middle_it_ends_with_those_under_way(access: Access) -> None:
    people = make_synced_people(access.organization, 8)
    action = make_action(access, people, Kind.SYNC)
    action = action_stop(access=access, action=action, now=NOW)
    assert action.state == ActionState.RUNNING
    assert states(action) == [PersonState.RUNNING] * 6 + [PersonState.STOPPED] * 2
    for person in people[:6]:
        close(person)
    pace_work(action.pk, LATER)
    action.refresh_from_db()
    assert (action.state, action.stopped_by) == (ActionState.STOPPED, access.user)
    assert states(action) == [PersonState.DONE] * 6 + [PersonState.STOPPED] * 2


def test_who_was_held_since_the_preview_is_skipped(access: Access) -> None:
    people = make_synced_people(access.organization, 2)
    action = make_preview(access, people, Kind.SYNC)
    make_hold(people[0])
    Action.objects.filter(pk=action.pk).update(state=ActionState.RUNNING)
    pace_work(action.pk, NOW)
    assert results(action) == {people[0].pk: (PersonState.SKIPPED, "held"), people[1].pk: RUNNING}


def test_who_is_to_leave_a_provider_alone_is_left_out_until_then(access: Access) -> None:
    waiting, over = make_synced_people(access.organization, 2)
    Health.objects.filter(person=waiting).update(not_before=LATER)
    Health.objects.filter(person=over).update(not_before=NOW)
    action = make_action(access, [waiting, over], Kind.SYNC)
    assert results(action) == {
        waiting.pk: (PersonState.LEFT_OUT, "told_to_wait"),
        over.pk: RUNNING,
    }


def test_a_sync_cannot_be_undone(access: Access) -> None:
    (person,) = make_synced_people(access.organization, 1)
    action = make_action(access, [person], Kind.SYNC)
    close(person)
    pace_work(action.pk, LATER)
    with pytest.raises(ActionRefusedError, match="can't be undone"):
        action_undo(access=access, action=action, now=LATER)


def test_who_is_left_out_is_whom_a_single_sync_refuses_and_for_the_same_reason(
    access: Access,
) -> None:
    """Every combination of what the refusal goes by."""
    cases = list(product((False, True), (0, 1, 2), (False, True), (False, True)))
    codes = {
        "": "",
        ELSEWHERE: "elsewhere",
        "Syncing is switched off for this person. Switch it on again first.": "held",
    }
    people, expected = [], {}
    for held, connected, runs_here, ran_before in cases:
        person = make_connected_person(access.organization)
        names = [provider.value for provider in Provider][:connected]
        Connection.objects.filter(person=person).exclude(provider__in=names).delete()
        Health.objects.filter(person=person).update(
            runs_here=runs_here, last_attempt_at=NOW if ran_before else None
        )
        if held:
            make_hold(person)
        sentence = sync_refusal(
            held=held, connected=names, runs_here=runs_here, ran_before=ran_before
        )
        people.append(person)
        expected[person.pk] = codes.get(sentence, "not_connected")
    action = make_preview(access, people, Kind.SYNC)
    assert {person: code for person, (_, code) in results(action).items()} == expected

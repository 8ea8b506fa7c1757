"""Two connections at once: confirms, workers and stops; bulk holds against deliveries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.access import Access
from accounts.models import Organization
from monitoring.actions.deed_hold import HoldDeed
from monitoring.actions.models import Action, ActionState, Kind, PersonState
from monitoring.actions.paced import pace_work
from monitoring.actions.running import slice_work
from monitoring.actions.starting import action_confirm, action_stop, action_undo
from monitoring.actions.working import actions_work
from monitoring.audit.models import AuditEntry
from monitoring.health.holds import holds_end
from monitoring.health.models import Health, Hold
from monitoring.intake.ingest import outcomes_ingest
from monitoring.intake.schema import split
from monitoring.jobs.claims import Claim, jobs_claim, jobs_renew
from monitoring.jobs.closing import jobs_close
from monitoring.jobs.models import Job, Lane
from monitoring.jobs.queue import jobs_dispatch, jobs_recover
from monitoring.jobs.reports import outcome_of
from monitoring.outcomes.models import Outcome
from tests.factories import NOW, make_organization
from tests.monitoring.actions.makers import (
    make_access,
    make_action,
    make_people,
    make_preview,
    results,
)
from tests.monitoring.actions.test_syncing import make_synced_people
from tests.monitoring.health.test_concurrency import LATER, begin
from tests.monitoring.intake.makers import as_lines, make_line
from tests.monitoring.jobs.makers import SUCCESS

SECOND = timedelta(seconds=1)


@pytest.fixture
def acme(transactional_db: None) -> Organization:
    return make_organization(slug="acme")


@pytest.fixture
def access(acme: Organization) -> Access:
    return make_access(acme)


def together(*works: Callable[[], Any]) -> list[Exception]:
    """Begin all at the same moment; return what they raised."""
    barrier, raised = Barrier(len(works)), []

    def at_once(work: Callable[[], Any]) -> None:
        barrier.wait(10)
        work()

    for thread in [begin(partial(at_once, work), raised) for work in works]:
        thread.join(30)
        assert not thread.is_alive()
    return raised


def states(action: Action) -> Counter[PersonState]:
    return Counter(state for state, _ in results(action).values())


def test_confirmed_twice_at_the_same_moment_it_is_done_once(access: Access) -> None:
    preview = make_preview(access, make_people(access.organization, 3))
    confirm = partial(action_confirm, access=access, action=preview, now=NOW)
    assert together(confirm, confirm) == []
    assert states(preview) == {PersonState.DONE: 3}
    assert Hold.objects.count() == 3
    assert Counter(AuditEntry.objects.values_list("action", flat=True)) == {
        "action.begin": 1,
        "person.hold": 3,
    }


def test_undone_twice_at_the_same_moment_it_is_undone_once(access: Access) -> None:
    action = make_action(access, make_people(access.organization, 3))
    undo = partial(action_undo, access=access, action=action, now=LATER)
    raised = together(undo, undo)
    sentences = {
        f"{access.user.email} {word} this already." for word in ("has undone", "is undoing")
    }
    assert len(raised) == 1
    assert str(raised[0]) in sentences
    assert Action.objects.filter(kind=Kind.UNDO).count() == 1


def test_pieces_begun_at_the_same_moment_are_counted_together(access: Access) -> None:
    make_access(access.organization)
    people = make_people(access.organization, 60)
    pieces = [make_preview(access, people[at : at + 15]) for at in (0, 15)]
    confirms = [partial(action_confirm, access=access, action=each, now=NOW) for each in pieces]
    assert together(*confirms) == []
    found = sorted(Action.objects.values_list("state", flat=True))
    assert found == [ActionState.APPROVAL, ActionState.DONE]


def test_who_is_released_beside_holds_that_end_comes_back_at_the_pace(
    access: Access, settings: Any
) -> None:
    settings.ACTION_PEOPLE_PER_SECOND = 5
    people = make_people(access.organization, 40)
    Health.objects.update(runs_here=True, awaiting_since=NOW)
    make_action(access, people[:20])
    make_action(access, people[20:], until="2026-11-20T12:30")
    release = make_preview(access, people[:20], Kind.RELEASE)
    works = [
        partial(action_confirm, access=access, action=release, now=LATER),
        partial(holds_end, now=LATER, limit=10),
        partial(holds_end, now=LATER, limit=10),
    ]
    assert together(*works) == []
    due = sorted(Health.objects.values_list("next_due", flat=True))
    assert [(moment - LATER).total_seconds() for moment in due] == [each / 5 for each in range(40)]


def test_workers_beside_each_other_and_a_stop_leave_each_exactly_one_result(
    access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HoldDeed, "slice", 5)
    people = make_people(access.organization, 60)
    action = make_action(access, people)

    def work() -> None:
        while Action.objects.running().exists():
            slice_work(action.pk, LATER)

    def stop() -> None:
        while not Hold.objects.exists():
            pass
        action_stop(access=access, action=action, now=LATER)

    assert together(work, work, stop) == []
    action.refresh_from_db()
    found = states(action)
    assert action.state == ActionState.STOPPED
    assert set(found) <= {PersonState.DONE, PersonState.STOPPED}
    assert sum(found.values()) == 60
    assert Hold.objects.count() == found[PersonState.DONE]
    assert AuditEntry.objects.filter(action="person.hold").count() == found[PersonState.DONE]


def test_a_second_worker_of_the_main_cluster_leaves_actions_to_the_first(access: Access) -> None:
    action = make_action(access, make_people(access.organization, 21))
    with transaction.atomic():
        Action.objects.select_for_update().get(pk=action.pk)
        assert together(actions_work, actions_work) == []
        assert states(action) == {PersonState.WAITING: 21}
    actions_work()
    assert states(action) == {PersonState.DONE: 21}


def test_bulk_syncs_dispatch_recovery_and_closing_never_wait_in_a_circle(
    access: Access, rung: list[str]
) -> None:
    people = make_synced_people(access.organization, 20)
    for number in range(2):
        Health.objects.filter(person__in=people).update(next_due=NOW)
        action = make_preview(access, people, Kind.SYNC)
        starts = [(person.pk, NOW + number * SECOND) for person in reversed(people)]

        def recover(starts: Sequence[tuple[int, datetime]] = starts) -> None:
            with transaction.atomic():
                jobs_recover(starts=starts, now=NOW)

        begun = together(
            partial(action_confirm, access=access, action=action, now=NOW),
            recover,
            partial(jobs_dispatch, now=NOW, limit=100),
        )
        assert begun == []
        assert Job.objects.count() == 20
        Job.objects.update(start_at=None)
        token = uuid4()
        claims = jobs_claim(lane=Lane.SCHEDULE, limit=20, token=token, lease=90)
        attempts = {claim.attempt_id: claim.person_id for claim in reversed(claims)}
        assert len(attempts) == 20
        second = make_preview(access, people, Kind.SYNC)
        ended = together(
            partial(action_confirm, access=access, action=second, now=NOW),
            partial(jobs_renew, token=token, attempts=attempts, lease=90),
            partial(close, token, claims),
        )
        assert ended == []
        Job.objects.all().delete()
        for one in (action, second):
            pace_work(one.pk, LATER, wait=True)
            assert states(one)[PersonState.DONE] + states(one)[PersonState.SKIPPED] == 20


def close(token: UUID, claims: Sequence[Claim]) -> None:
    outcomes = [outcome_of(claim, SUCCESS, started_at=NOW, finished_at=NOW) for claim in claims]
    jobs_close(token=token, outcomes=outcomes, now=NOW)


def test_bulk_holds_deliveries_and_ending_holds_never_wait_in_a_circle(
    access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HoldDeed, "slice", 20)
    people = make_people(access.organization, 60)
    for number in range(3):
        now = timezone.now()
        action = make_action(access, people, now=now)
        lines = [make_line(person, minutes=number) for person in people]

        def work(action: Action = action) -> None:
            while Action.objects.running().exists():
                slice_work(action.pk, timezone.now())

        def deliver(body: bytes) -> None:
            outcomes_ingest(split(body), organization=access.organization, source="it", now=LATER)

        def release(action: Action = action) -> None:
            work(action)
            release = make_action(access, people, Kind.RELEASE, now=timezone.now())
            while Action.objects.running().exists():
                slice_work(release.pk, timezone.now())

        bodies = as_lines(*lines), as_lines(*reversed(lines))
        delivering = [partial(deliver, body) for body in bodies]
        assert together(work, release, *delivering, partial(holds_end, now=timezone.now())) == []
    assert Outcome.objects.count() == 3 * len(people)
    assert not Hold.objects.active_at(timezone.now()).exists()
    assert not Health.objects.filter(status="disabled").exists()

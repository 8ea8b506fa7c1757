"""Two connections at once: confirms, workers and stops; bulk holds against deliveries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.access import Access
from accounts.models import Organization
from monitoring.actions.deed_hold import HoldDeed
from monitoring.actions.models import Action, ActionState, Kind, PersonState
from monitoring.actions.running import slice_work
from monitoring.actions.starting import action_confirm, action_stop, action_undo
from monitoring.actions.working import actions_work
from monitoring.audit.models import AuditEntry
from monitoring.health.holds import holds_end
from monitoring.health.models import Health, Hold
from monitoring.intake.ingest import outcomes_ingest
from monitoring.intake.schema import split
from monitoring.outcomes.models import Outcome
from tests.factories import NOW, make_organization
from tests.monitoring.actions.makers import (
    make_access,
    make_action,
    make_people,
    make_preview,
    results,
)
from tests.monitoring.health.test_concurrency import LATER, begin
from tests.monitoring.intake.makers import as_lines, make_line


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

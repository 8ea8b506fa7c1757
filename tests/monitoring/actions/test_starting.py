from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from accounts.access import Access
from accounts.models import Organization, Role
from monitoring.actions import deed_hold
from monitoring.actions.deeds import ActionRefusedError
from monitoring.actions.models import Action, ActionPerson, ActionState, Kind, PersonState
from monitoring.actions.running import slice_work
from monitoring.actions.starting import (
    action_approve,
    action_confirm,
    action_discard,
    action_stop,
    action_undo,
    is_undoable,
    left_to_undo,
)
from monitoring.audit.models import AuditEntry
from monitoring.health.models import Hold
from tests.factories import NOW, make_member, make_organization, make_user
from tests.monitoring.actions.makers import (
    make_access,
    make_action,
    make_people,
    make_preview,
    results,
)

LATER = NOW + timedelta(minutes=5)
EVERYTHING = {
    "confirm": action_confirm,
    "approve": action_approve,
    "discard": action_discard,
    "stop": action_stop,
    "undo": action_undo,
}


@pytest.mark.parametrize("do", EVERYTHING.values(), ids=EVERYTHING)
def test_who_may_only_look_and_who_is_elsewhere_may_not(
    acme: Organization, access: Access, do: Callable[..., Any]
) -> None:
    action = make_preview(access, make_people(acme, 1))
    for who in (make_access(acme, Role.VIEWER), make_access(make_organization())):
        with pytest.raises(PermissionDenied):
            do(access=who, action=action, now=NOW)
    action.refresh_from_db()
    assert action.state == ActionState.PREVIEW


def test_few_are_done_when_it_is_confirmed(access: Access) -> None:
    preview = make_preview(access, make_people(access.organization, 2))
    action = action_confirm(access=access, action=preview, now=LATER)
    assert (action.state, action.confirmed_at, action.begun_at, action.finished_at) == (
        ActionState.DONE,
        LATER,
        LATER,
        LATER,
    )


def test_confirmed_twice_it_is_done_once(access: Access) -> None:
    preview = make_preview(access, make_people(access.organization, 2))
    for now in (NOW, LATER):
        action = action_confirm(access=access, action=preview, now=now)
    assert (action.state, action.confirmed_at) == (ActionState.DONE, NOW)
    assert Hold.objects.count() == 2
    assert AuditEntry.objects.filter(action="action.begin").count() == 1


@pytest.mark.parametrize(
    ("who", "waits"),
    [({}, False), ({"is_staff": True}, True), ({"is_staff": True, "is_active": False}, False)],
)
def test_support_staff_are_a_second_person_where_there_is_no_other(
    access: Access, rung: list[str], who: dict[str, bool], waits: bool
) -> None:
    make_user(**who)
    make_member(make_organization())
    action = make_action(access, make_people(access.organization, 21))
    assert (action.state == ActionState.APPROVAL) is waits


def test_many_wait_for_a_worker(access: Access, rung: list[str]) -> None:
    people = make_people(access.organization, 21)
    action = make_action(access, people)
    assert action.state == ActionState.RUNNING
    assert {state for state, _ in results(action).values()} == {PersonState.WAITING}
    assert rung


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"state": "discarded"}, "was discarded"),
        ({"created_at": NOW - timedelta(hours=25)}, "older than a day"),
        ({"people": 0}, "nobody to do this to"),
    ],
)
def test_a_preview_that_can_begin_no_more_is_refused(
    access: Access, change: dict[str, Any], sentence: str
) -> None:
    preview = make_preview(access, make_people(access.organization, 1))
    Action.objects.filter(pk=preview.pk).update(**change)
    with pytest.raises(ActionRefusedError, match=sentence):
        action_confirm(access=access, action=preview, now=NOW)


def test_somebody_elses_preview_cannot_be_confirmed_nor_one_that_is_forgotten(
    acme: Organization, access: Access
) -> None:
    preview = make_preview(access, make_people(acme, 1))
    with pytest.raises(ActionRefusedError, match=f"is {access.user.email}'s"):
        action_confirm(access=make_access(acme), action=preview, now=NOW)
    Action.objects.get(pk=preview.pk).delete()
    with pytest.raises(ActionRefusedError, match="forgotten"):
        action_confirm(access=access, action=preview, now=NOW)


def test_what_waits_for_approval_can_be_discarded_and_never_begins(
    acme: Organization, access: Access
) -> None:
    other = make_access(acme)
    action = make_action(access, make_people(acme, 21))
    action = action_discard(access=other, action=action, now=LATER)
    assert (action.state, action.second) == (ActionState.DISCARDED, other.user)
    assert AuditEntry.objects.filter(action="action.discard").count() == 1
    assert action_discard(access=access, action=action, now=LATER).second == other.user
    with pytest.raises(ActionRefusedError):
        action_approve(access=make_access(acme), action=action, now=LATER)


def test_what_has_begun_cannot_be_discarded(access: Access) -> None:
    action = make_action(access, make_people(access.organization, 1))
    with pytest.raises(ActionRefusedError, match="has begun"):
        action_discard(access=access, action=action, now=LATER)


def test_stopped_in_the_middle_the_rest_is_left_alone_and_the_done_can_be_undone(
    access: Access, small_slices: int
) -> None:
    people = make_people(access.organization, 21)
    action = make_action(access, people)
    slice_work(action.pk, NOW)
    action = action_stop(access=access, action=action, now=LATER)
    assert (action.state, action.stopped_by, action.finished_at) == (
        ActionState.STOPPED,
        access.user,
        LATER,
    )
    assert not slice_work(action.pk, LATER)
    states = [state for state, _ in results(action).values()]
    assert states.count(PersonState.DONE) == small_slices
    assert states.count(PersonState.STOPPED) == 21 - small_slices
    assert action_stop(access=access, action=action, now=LATER).finished_at == LATER

    undo = action_undo(access=access, action=action, now=LATER)
    assert undo.people == small_slices
    assert not Hold.objects.active_at(LATER).exists()


def test_what_does_not_run_cannot_be_stopped(access: Access) -> None:
    people = make_people(access.organization, 1)
    for action in (make_preview(access, people), make_action(access, people)):
        with pytest.raises(ActionRefusedError, match="nothing to stop"):
            action_stop(access=access, action=action, now=LATER)


def test_an_action_is_undone_once_and_an_undo_never(acme: Organization, access: Access) -> None:
    action = make_action(access, make_people(acme, 1))
    assert is_undoable(action)
    undo = action_undo(access=access, action=action, now=LATER)
    with pytest.raises(ActionRefusedError, match="has undone this already"):
        action_undo(access=make_access(acme), action=action, now=LATER)
    with pytest.raises(ActionRefusedError, match="can't be undone"):
        action_undo(access=access, action=undo, now=LATER)
    assert not is_undoable(undo)
    assert AuditEntry.objects.filter(action="person.undo").count() == 1


def test_an_undo_that_was_stopped_or_broke_can_be_gone_on_with(
    access: Access, small_slices: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = make_people(access.organization, 25)
    action = make_action(access, people)
    while slice_work(action.pk, NOW):
        pass
    first = action_undo(access=access, action=action, now=LATER)
    with pytest.raises(ActionRefusedError, match="is undoing this already"):
        action_undo(access=access, action=action, now=LATER)
    slice_work(first.pk, LATER)
    action_stop(access=access, action=first, now=LATER)
    assert Hold.objects.active_at(LATER).count() == left_to_undo(action) == 25 - small_slices

    with monkeypatch.context() as patched:
        patched.setattr(deed_hold, "holds_release", lambda **_: {}[0])
        broken = action_undo(access=access, action=action, now=LATER)
    assert {state for state, _ in results(broken).values()} == {PersonState.FAILED}

    last = action_undo(access=access, action=action, now=LATER)
    assert last.people == 25 - small_slices
    assert not Hold.objects.active_at(LATER).exists()
    with pytest.raises(ActionRefusedError, match="has undone this already"):
        action_undo(access=access, action=action, now=LATER)


def test_what_runs_what_is_written_and_what_changed_nothing_cannot_be_undone(
    access: Access,
) -> None:
    people = make_people(access.organization, 21)
    undo = partial(action_undo, access=access, now=LATER)
    with pytest.raises(ActionRefusedError, match="Stop it first"):
        undo(action=make_action(access, people))
    with pytest.raises(ActionRefusedError, match="can't be undone"):
        undo(action=make_action(access, people[:1], Kind.NOTE, text="Call them"))
    nothing = make_action(access, people[:1])
    ActionPerson.objects.filter(action=nothing).update(state=PersonState.SKIPPED)
    with pytest.raises(ActionRefusedError, match="nothing to undo"):
        undo(action=nothing)

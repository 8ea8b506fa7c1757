from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from accounts.access import Access
from monitoring.actions import working
from monitoring.actions.deeds import Manner
from monitoring.actions.models import Action, ActionPerson, ActionState, Kind, PersonState
from monitoring.actions.working import (
    WORK,
    WORK_BRIEFLY,
    actions_forget,
    actions_wait,
    actions_work,
    actions_work_briefly,
)
from monitoring.jobs import bells, lifeline
from monitoring.jobs.models import Lane, WorkerBeat
from tests.factories import NOW
from tests.monitoring.actions.fake_deed import FakeDeed
from tests.monitoring.actions.makers import make_action, make_people, make_preview
from tests.monitoring.jobs.makers import deadlock

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def kept_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's transaction is not to be closed under it."""
    monkeypatch.setattr(working, "close_old_connections", lambda: None)
    monkeypatch.setattr(working, "this_round", working.Round())


def begin(access: Access, number: int = 21, kind: Kind = Kind.REAUTHORIZE) -> Action:
    return make_action(access, make_people(access.organization, number), kind, now=timezone.now())


def done(action: Action) -> int:
    return ActionPerson.objects.filter(action=action, state=PersonState.DONE).count()


def test_all_that_run_are_worked_at_in_turns_until_nothing_is_left(
    access: Access, fake_deed: FakeDeed, rung: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = begin(access), begin(access)
    turns: list[int] = []
    step = working.STEPS[Manner.AT_ONCE]
    monkeypatch.setitem(
        working.STEPS, Manner.AT_ONCE, lambda pk, now: (turns.append(pk), step(pk, now))[1]
    )
    rung.clear()
    actions_work()
    assert turns[:4] == [first.pk, second.pk] * 2
    assert (done(first), done(second), rung) == (21, 21, [])
    assert not Action.objects.running().exists()
    assert WorkerBeat.objects.get().lane == Lane.SCHEDULE


def test_the_fast_cluster_works_a_second_and_rings_for_the_rest(
    access: Access, fake_deed: FakeDeed, rung: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    action = begin(access)
    monkeypatch.setattr(working, "BRIEF_TURN", 0)
    rung.clear()
    actions_work_briefly()
    assert done(action) == fake_deed.slice
    assert rung == [WORK_BRIEFLY, WORK]


def test_when_its_time_is_up_in_the_middle_it_goes_on_there_at_the_next_bell(
    access: Access, fake_deed: FakeDeed, rung: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    actions = [begin(access) for _ in range(3)]
    monkeypatch.setattr(working, "BRIEF_TURN", 0)
    had: list[list[int]] = []
    for _ in range(4):
        actions_work_briefly()
        had.append([done(action) // fake_deed.slice for action in actions])
    assert had == [[1, 0, 0], [1, 1, 0], [1, 1, 1], [2, 1, 1]]
    Action.objects.filter(pk=actions[0].pk).update(state=ActionState.STOPPED)
    actions_work_briefly()
    assert done(actions[1]) == 2 * fake_deed.slice


def test_a_round_that_bells_divide_ends(
    access: Access, fake_deed: FakeDeed, rung: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(access), begin(access)
    monkeypatch.setitem(working.STEPS, Manner.AT_ONCE, lambda pk, now: False)
    monkeypatch.setattr(working, "BRIEF_TURN", 0)
    rung.clear()
    for _ in range(3):
        actions_work_briefly()
    assert rung == [WORK_BRIEFLY, WORK] * 2


def test_a_worker_shows_that_it_lives_before_each_action(
    access: Access, fake_deed: FakeDeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(access), begin(access)
    events: list[str] = []
    monkeypatch.setattr(working, "worker_beat", lambda **_: events.append("beat"))
    monkeypatch.setitem(
        working.STEPS, Manner.AT_ONCE, lambda pk, now: bool(events.append("action"))
    )
    actions_work()
    assert events == ["beat", "action"] * 2


def test_the_fast_cluster_waits_for_no_provider(access: Access, fake_deed: FakeDeed) -> None:
    fake_deed.manner = Manner.NETWORK
    begin(access)
    actions_work_briefly()
    assert not fake_deed.asked


def test_a_worker_that_must_end_rings_for_another(
    access: Access, fake_deed: FakeDeed, rung: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    action = begin(access)
    monkeypatch.setattr(lifeline, "is_cut", lambda: True)
    rung.clear()
    actions_work()
    assert done(action) == fake_deed.slice
    assert rung == [WORK_BRIEFLY, WORK]


@pytest.mark.parametrize("error", [ZeroDivisionError(), deadlock()], ids=["fault", "deadlock"])
def test_an_action_that_breaks_keeps_no_other_from_its_turn(
    access: Access,
    fake_deed: FakeDeed,
    error: Exception,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken, fine = begin(access), begin(access)
    step = working.STEPS[Manner.AT_ONCE]

    def stumble(action_id: int, now: datetime) -> bool:
        if action_id == broken.pk:
            raise error
        return step(action_id, now)

    monkeypatch.setitem(working.STEPS, Manner.AT_ONCE, stumble)
    Action.objects.filter(pk=make_preview(access, make_people(access.organization, 1)).pk).update(
        kind="unknown", state=ActionState.RUNNING
    )
    actions_work()
    assert (done(broken), done(fine)) == (0, 21)
    assert f"action {broken.pk} broke" in caplog.text


def test_a_database_that_is_away_ends_the_turn(
    access: Access, fake_deed: FakeDeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> bool:
        raise OperationalError

    begin(access)
    monkeypatch.setitem(working.STEPS, Manner.AT_ONCE, away)
    monkeypatch.setattr(working, "is_connected", lambda: False)
    with pytest.raises(OperationalError):
        actions_work()


def test_the_tick_rings_while_an_action_runs(
    access: Access, fake_deed: FakeDeed, rung: list[str]
) -> None:
    def ring() -> list[str]:
        rung.clear()
        bells.bells_ring(runs_ended=True)
        return list(rung)

    assert ring() == []
    begin(access)
    assert ring() == [WORK_BRIEFLY, WORK]
    actions_work()
    assert ring() == []


def test_what_never_began_is_forgotten_after_a_day(access: Access, fake_deed: FakeDeed) -> None:
    people = make_people(access.organization, 1)

    def make(**fields: Any) -> Action:
        action = make_preview(access, people, Kind.REAUTHORIZE)
        Action.objects.filter(pk=action.pk).update(created_at=NOW - 2 * DAY, **fields)
        return action

    old, discarded = make(), make(state="discarded", second_at=NOW - 2 * DAY)
    kept = [
        make(state="discarded", second_at=NOW),
        make(state="discarded", second_at=NOW - 2 * DAY, confirmed_at=NOW - 2 * DAY),
        make(state="approval"),
        make(state="done"),
        make_preview(access, people),
    ]
    assert actions_wait()
    assert actions_forget(NOW) == 2
    assert list(Action.objects.order_by("pk")) == kept
    assert not ActionPerson.objects.filter(action__in=[old.pk, discarded.pk]).exists()

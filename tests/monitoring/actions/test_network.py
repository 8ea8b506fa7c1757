from __future__ import annotations

from collections import Counter
from datetime import timedelta
from threading import Barrier, Event
from uuid import uuid4

import pytest
from django.db import OperationalError

from accounts.access import Access
from accounts.models import Organization
from monitoring.actions import network, working
from monitoring.actions.deeds import Manner, Result
from monitoring.actions.models import Action, ActionPerson, ActionState, Kind, PersonState
from monitoring.actions.network import THREADS, Crew, claim, result_write
from monitoring.actions.starting import action_stop
from monitoring.actions.working import Round, actions_work, only_one
from monitoring.audit.models import AuditEntry
from tests.factories import NOW, make_organization
from tests.monitoring.actions.fake_deed import DONE, FakeDeed
from tests.monitoring.actions.makers import (
    make_access,
    make_action,
    make_people,
    network_work,
    results,
)
from tests.monitoring.jobs.makers import database_now

LATER = NOW + timedelta(minutes=5)
WELL = (PersonState.DONE, "")


@pytest.fixture
def acme(transactional_db: None) -> Organization:
    """Its people are seen by the threads that ask for them."""
    return make_organization(slug="acme")


@pytest.fixture
def access(acme: Organization) -> Access:
    return make_access(acme)


@pytest.fixture(autouse=True)
def asking(fake_deed: FakeDeed, rung: list[str]) -> FakeDeed:
    fake_deed.manner = Manner.NETWORK
    return fake_deed


def begin(access: Access, number: int) -> Action:
    return make_action(access, make_people(access.organization, number), Kind.REAUTHORIZE)


def states(action: Action) -> Counter[PersonState]:
    return Counter(state for state, _ in results(action).values())


def test_nobody_is_asked_for_within_the_request(access: Access, fake_deed: FakeDeed) -> None:
    action = begin(access, 1)
    assert (action.state, fake_deed.asked) == (ActionState.RUNNING, [])


def test_people_are_asked_for_side_by_side_and_each_once(
    access: Access, fake_deed: FakeDeed
) -> None:
    meeting = Barrier(THREADS, timeout=10)

    def meet(person_id: int) -> Result:
        meeting.wait()
        return DONE

    fake_deed.one = meet
    action = begin(access, 2 * THREADS)
    assert network_work(action.pk, LATER)
    assert states(action) == {PersonState.DONE: THREADS, PersonState.WAITING: THREADS}
    assert not network_work(action.pk, LATER)
    assert states(action) == {PersonState.DONE: 2 * THREADS}
    assert sorted(fake_deed.asked) == sorted(results(action))
    action.refresh_from_db()
    assert (action.state, action.finished_at) == (ActionState.DONE, LATER)
    assert AuditEntry.objects.filter(action="person.reauthorize").count() == 2 * THREADS


def test_who_breaks_fails_alone(access: Access, fake_deed: FakeDeed) -> None:
    fake_deed.one = lambda person_id: DONE if person_id % 2 else DONE.nonsense
    action = begin(access, THREADS)
    network_work(action.pk, LATER)
    assert states(action) == {PersonState.DONE: 2, PersonState.FAILED: 2}


def test_whom_a_dead_worker_had_is_claimed_again_when_its_lease_has_ended(
    access: Access, fake_deed: FakeDeed
) -> None:
    action = begin(access, 2)
    dead = uuid4()
    _, people = claim(action.pk, dead, NOW)
    assert len(people) == 2
    assert not network_work(action.pk, LATER)
    assert states(action) == {PersonState.RUNNING: 2}

    ended = database_now() - timedelta(seconds=1)
    ActionPerson.objects.filter(action=action).update(lease_until=ended)
    assert not network_work(action.pk, LATER)
    assert states(action) == {PersonState.DONE: 2}

    # It was not dead after all, only late.
    result_write(action, people[0], Result(PersonState.FAILED, "late"), dead, LATER)
    assert states(action) == {PersonState.DONE: 2}
    assert AuditEntry.objects.filter(action="person.reauthorize").count() == 2


def test_a_late_worker_writes_nothing_over_the_claim_of_another(access: Access) -> None:
    action = begin(access, 1)
    late, other = uuid4(), uuid4()
    _, people = claim(action.pk, late, NOW)
    ActionPerson.objects.update(token=other)
    result_write(action, people[0], DONE, late, LATER)
    assert states(action) == {PersonState.RUNNING: 1}
    result_write(action, people[0], Result(PersonState.FAILED, "no"), other, LATER)
    assert states(action) == {PersonState.FAILED: 1}


def test_where_the_database_goes_away_the_person_waits_for_the_end_of_the_lease(
    access: Access, fake_deed: FakeDeed
) -> None:
    def away(person_id: int) -> Result:
        raise OperationalError

    fake_deed.one = away
    action = begin(access, 1)
    network_work(action.pk, LATER)
    assert states(action) == {PersonState.RUNNING: 1}


def test_stopped_in_the_middle_who_is_being_asked_for_gets_their_result(
    access: Access, fake_deed: FakeDeed
) -> None:
    action = begin(access, THREADS + 3)

    def stop(person_id: int) -> Result:
        action_stop(access=access, action=action, now=LATER)
        return DONE

    fake_deed.one = stop
    assert not network_work(action.pk, LATER)
    assert states(action) == {PersonState.DONE: THREADS, PersonState.STOPPED: 3}
    action.refresh_from_db()
    assert action.state == ActionState.STOPPED


def test_nobody_waits_for_the_slow_provider_of_another_organization(
    access: Access, fake_deed: FakeDeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "this_round", Round())
    monkeypatch.setattr(working, "LOOK_AGAIN", 0.01)
    other, answered = make_access(make_organization()), Event()
    (their,) = make_people(other.organization, 1)

    def answer(person_id: int) -> Result:
        if person_id == their.pk:
            answered.set()
        elif not answered.is_set():
            # Begun while all seats of this organization are taken.
            make_action(other, [their], Kind.REAUTHORIZE)
            assert answered.wait(20)
        return DONE

    fake_deed.one = answer
    action = begin(access, 1)
    actions_work()
    assert states(action) == {PersonState.DONE: 1}
    assert sorted(fake_deed.asked) == sorted([*results(action), their.pk])
    assert not Action.objects.running().exists()


def test_who_only_waits_for_providers_lets_another_worker_go_on(
    access: Access, fake_deed: FakeDeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "this_round", Round())
    monkeypatch.setattr(working, "TURN", 0)

    def wait(person_id: int) -> Result:
        for _ in range(2_000):
            with only_one() as mine:
                if mine:
                    return DONE
        raise AssertionError("nobody else may work at actions")

    fake_deed.one = wait
    action = begin(access, 1)
    actions_work()
    assert states(action) == {PersonState.DONE: 1}
    action.refresh_from_db()
    assert action.state == ActionState.DONE


def test_of_one_organization_a_few_are_asked_for_and_a_seat_goes_to_whose_turn_it_is(
    access: Access, fake_deed: FakeDeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "SEATS", THREADS + 1)
    go_on = Event()

    def wait(person_id: int) -> Result:
        assert go_on.wait(20)
        return DONE

    fake_deed.one = wait
    first, second = begin(access, THREADS), begin(access, 2)
    other = begin(make_access(make_organization()), 1)
    last = begin(make_access(make_organization()), 1)
    with Crew() as crew:
        for action in (first, second, other):
            crew.begin(action, LATER)
        assert [states(action)[PersonState.RUNNING] for action in (first, second, other)] == [
            THREADS,
            0,
            1,
        ]
        go_on.set()
        crew.begin(last, LATER)
        crew.finish()
    assert states(last) == {PersonState.DONE: 1}

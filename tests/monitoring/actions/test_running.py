from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError

from accounts.access import Access
from accounts.models import Person
from monitoring.actions.deeds import Result
from monitoring.actions.models import ActionPerson, ActionState, Kind, PersonState
from monitoring.actions.results import results_write
from monitoring.actions.running import slice_work
from monitoring.audit.models import AuditEntry
from tests.factories import NOW
from tests.monitoring.actions.fake_deed import DONE, FakeDeed
from tests.monitoring.actions.makers import make_action, make_people, results

LATER = NOW + timedelta(minutes=5)
WELL = (PersonState.DONE, "")


@pytest.fixture(autouse=True)
def quiet(rung: list[str]) -> None:
    pass


def test_people_are_done_slice_by_slice_until_nobody_is_left(
    access: Access, fake_deed: FakeDeed
) -> None:
    people = make_people(access.organization, 21)
    action = make_action(access, people, Kind.REAUTHORIZE)
    turns = []
    while not turns or turns[-1]:
        turns.append(slice_work(action.pk, LATER))
    assert turns == [True, True, True, True, False]
    assert fake_deed.asked == [person.pk for person in people]
    assert results(action) == {person.pk: WELL for person in people}
    action.refresh_from_db()
    assert (action.state, action.finished_at) == (ActionState.DONE, LATER)


def test_who_breaks_the_deed_fails_and_the_others_of_the_slice_do_not(
    access: Access, fake_deed: FakeDeed, caplog: pytest.LogCaptureFixture
) -> None:
    people = make_people(access.organization, 5)
    broken = people[2].pk
    fake_deed.one = lambda person_id: DONE if person_id != broken else DONE.nonsense
    action = make_action(access, people, Kind.REAUTHORIZE)
    assert results(action) == {
        person.pk: (PersonState.FAILED, "broken") if person.pk == broken else WELL
        for person in people
    }
    assert action.state == ActionState.DONE
    assert f"broke at person {broken}" in caplog.text
    done = AuditEntry.objects.filter(action="person.reauthorize")
    assert set(done.values_list("person", flat=True)) == {p.pk for p in people} - {broken}


def test_a_database_that_goes_away_leaves_the_slice_undone_and_the_bell_rung(
    access: Access, fake_deed: FakeDeed, rung: list[str]
) -> None:
    def away(person_id: int) -> Result:
        raise OperationalError

    fake_deed.one = away
    people = make_people(access.organization, 2)
    with pytest.raises(OperationalError):
        make_action(access, people, Kind.REAUTHORIZE)
    member = ActionPerson.objects.first()
    assert member is not None
    assert member.state == PersonState.WAITING
    assert rung

    fake_deed.one = lambda person_id: DONE
    slice_work(member.action_id, LATER)
    assert results(member.action) == {person.pk: WELL for person in people}


def test_a_result_is_written_once_whoever_comes_second(access: Access, fake_deed: FakeDeed) -> None:
    people = make_people(access.organization, 2)
    action = make_action(access, people, Kind.REAUTHORIZE)
    members = list(ActionPerson.objects.filter(action=action))
    failed = {person.pk: Result(PersonState.FAILED, "late") for person in people}
    results_write(action, members, failed, LATER)
    assert results(action) == {person.pk: WELL for person in people}
    assert AuditEntry.objects.filter(action="person.reauthorize").count() == 2


def test_who_was_deleted_is_no_trouble_and_who_has_no_result_is_gone(
    access: Access, fake_deed: FakeDeed
) -> None:
    people = make_people(access.organization, 21)
    action = make_action(access, people, Kind.REAUTHORIZE)
    Person.objects.get(pk=people[0].pk).delete()
    without = people[1].pk
    do = fake_deed.do
    fake_deed.do = lambda *a: {p: r for p, r in do(*a).items() if p != without}  # type: ignore[method-assign]
    while slice_work(action.pk, LATER):
        pass
    found = results(action)
    assert found.pop(without) == (PersonState.SKIPPED, "gone")
    assert found == {person.pk: WELL for person in people[2:]}


def test_long_details_are_cut(access: Access, fake_deed: FakeDeed) -> None:
    fake_deed.one = lambda person_id: Result(PersonState.FAILED, "refused", "x" * 900)
    make_action(access, make_people(access.organization, 1), Kind.REAUTHORIZE)
    assert ActionPerson.objects.get().detail == "x" * 500

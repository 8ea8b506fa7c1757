from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from pytest_django import DjangoAssertNumQueries

from accounts.models import Role
from monitoring.alerts.models import Silence
from monitoring.alerts.muting import silenced
from monitoring.alerts.silences import (
    active_silences,
    first_people,
    silence_end,
    silence_lift,
)
from monitoring.audit.models import AuditEntry
from monitoring.health.models import Health
from tests.factories import NOW, make_connected_person, make_organization, make_person
from tests.monitoring.alerts.makers import make_silence
from tests.monitoring.errors.makers import make_access

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def test_people_are_silenced_from_its_beginning_to_its_end() -> None:
    acme = make_organization()
    ada, ben, eve = (make_person(acme) for _ in range(3))
    make_silence(acme, [ada, ben], ends_at=NOW + HOUR)
    everybody = [ada.pk, ben.pk, eve.pk]
    assert silenced(everybody, NOW) == {ada.pk, ben.pk}
    assert silenced([eve.pk], NOW) == set()
    assert silenced(everybody, NOW + HOUR) == set()
    assert silenced(everybody, NOW - HOUR) == set()


def test_health_is_judged_as_ever() -> None:
    person = make_connected_person()
    before = Health.objects.filter(person=person).values().get()
    make_silence(person.organization, [person])
    assert Health.objects.filter(person=person).values().get() == before


def test_nobody_of_another_organization_gets_into_one() -> None:
    acme, stranger = make_organization(), make_person()
    silence = make_silence(acme, [stranger])
    assert silence.members.count() == 0
    assert silenced([stranger.pk], NOW) == set()


def test_an_end_that_is_past_is_refused() -> None:
    with pytest.raises(ValueError, match="time to come"):
        make_silence(make_organization(), [], ends_at=NOW)
    assert not Silence.objects.exists()


def test_many_people_take_as_many_statements_as_few(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    access = make_access()
    people = [make_person(access.organization) for _ in range(30)]
    with django_assert_num_queries(4):
        make_silence(access.organization, people, author=access.user)
    with django_assert_num_queries(1):
        assert len(silenced([person.pk for person in people], NOW)) == 30


def test_lifting_takes_some_out_and_leaves_the_others_and_other_silences() -> None:
    acme = make_organization()
    ada, ben = make_person(acme), make_person(acme)
    silence, other = make_silence(acme, [ada, ben]), make_silence(acme, [ada])
    assert silence_lift(silence_id=silence.pk, people=[ben.pk], now=NOW) == 1
    assert silence_lift(silence_id=silence.pk, people=[ben.pk], now=NOW) == 0
    assert silenced([ada.pk, ben.pk], NOW) == {ada.pk}
    assert Silence.objects.get(pk=silence.pk).ended_at is None
    assert silence_lift(silence_id=silence.pk, people=[ada.pk], now=NOW) == 1
    assert Silence.objects.get(pk=silence.pk).ended_at == NOW
    assert silenced([ada.pk], NOW) == {ada.pk}
    assert Silence.objects.get(pk=other.pk).ended_at is None


def test_ending_one_is_written_down_once() -> None:
    access = make_access(email="casey@acme.example")
    ada = make_person(access.organization)
    silence = make_silence(access.organization, [ada])
    assert silence_end(access=access, silence=silence, now=NOW + HOUR)
    assert not silence_end(access=access, silence=silence, now=NOW + 2 * HOUR)
    stored = Silence.objects.get()
    assert (stored.ended_at, stored.ended_by_name) == (NOW + HOUR, "casey@acme.example")
    assert silenced([ada.pk], NOW + HOUR) == set()
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.detail) == ("silence.end", {"silence": silence.pk})


def test_who_may_only_look_or_belongs_elsewhere_is_refused() -> None:
    acme = make_organization()
    silence = make_silence(acme, [])
    for access in (make_access(acme, role=Role.VIEWER), make_access()):
        with pytest.raises(PermissionDenied):
            silence_end(access=access, silence=silence, now=NOW)
    assert Silence.objects.get().ended_at is None


@pytest.mark.parametrize("silences", [1, 12])
def test_active_ones_are_told_with_how_many_they_mute_in_one_statement(
    django_assert_num_queries: DjangoAssertNumQueries, silences: int
) -> None:
    access = make_access()
    ada, ben, *_ = people = [make_connected_person(access.organization) for _ in range(4)]
    for _ in range(silences - 1):
        make_silence(access.organization, people, ends_at=NOW + HOUR)
    silence = make_silence(access.organization, [ada, ben, people[2]], reason="A fair")
    silence_lift(silence_id=silence.pk, people=[ben.pk], now=NOW)
    over = make_silence(access.organization, people)
    silence_end(access=access, silence=over, now=NOW)
    make_silence(make_organization(), [])
    with django_assert_num_queries(1):
        found = active_silences(access, NOW)
    assert len(found) == silences
    assert (found[0].id, found[0].reason) == (silence.pk, "A fair")
    assert (found[0].people, found[0].share) == (2, 0.5)


def test_the_first_people_of_each_are_named_in_one_statement(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    acme = make_organization()
    people = [make_person(acme, name=f"Person {place}") for place in range(5)]
    many, one, none = (make_silence(acme, some) for some in (people, people[4:], []))
    silence_lift(silence_id=many.pk, people=[people[1].pk], now=NOW)
    with django_assert_num_queries(1):
        names = first_people([many.pk, one.pk, none.pk], 3)
    assert names == {
        many.pk: ["Person 0", "Person 2", "Person 3"],
        one.pk: ["Person 4"],
        none.pk: [],
    }


def test_one_of_people_who_are_gone_mutes_nobody() -> None:
    access = make_access()
    make_silence(access.organization, [])
    (found,) = active_silences(access, NOW)
    assert (found.people, found.share) == (0, 0.0)

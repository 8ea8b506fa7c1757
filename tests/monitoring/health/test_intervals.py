from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from accounts.models import Person
from monitoring.health.begin import health_begin
from monitoring.health.deadlines import health_check_due
from monitoring.health.holds import hold_place
from monitoring.health.intervals import own_interval_set
from monitoring.health.models import Health, HoldAuthor, Policy, Transition
from monitoring.health.shields import no_shields
from monitoring.health.store import health_fold, health_fold_anew
from monitoring.intake.record import ReportedOutcome
from monitoring.outcomes.identifiers import attempt_id_at
from tests.factories import NOW, make_connected_person, make_organization, make_person, make_user
from tests.monitoring.health.makers import failure, outcome
from tests.monitoring.intake.makers import record

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def health_of(person: Person) -> Health:
    return Health.objects.get(person=person)


def test_a_well_person_follows_at_once_and_a_transition_says_so() -> None:
    person = make_person()
    health_fold({person.pk: [outcome(0)]})
    now = NOW + timedelta(minutes=10)
    assert own_interval_set(people=[person.pk], seconds=14_400, now=now) == {person.pk: None}
    health = health_of(person)
    assert (health.own_interval, health.interval, health.status) == (14_400, 14_400, "healthy")
    assert NOW + 4 * HOUR <= health.next_due <= NOW + 4.2 * HOUR
    change = Transition.objects.get(person=person, to_interval=14_400)
    assert (change.from_interval, change.at) == (7_200, now)


def test_taking_it_back_gives_the_organizations_and_tells_what_was() -> None:
    person = make_person()
    Policy.objects.create(organization=person.organization, base_interval=3_600)
    health_fold({person.pk: [outcome(0)]})
    own_interval_set(people=[person.pk], seconds=14_400, now=NOW)
    assert own_interval_set(people=[person.pk], seconds=None, now=NOW) == {person.pk: 14_400}
    assert (health_of(person).own_interval, health_of(person).interval) == (None, 3_600)


def test_from_then_on_every_fold_goes_by_it() -> None:
    own, other = make_person(organization := make_organization()), make_person(organization)
    both = [own.pk, other.pk]
    health_fold({each: [outcome(0)] for each in both})
    own_interval_set(people=[own.pk], seconds=28_800, now=NOW)
    health_fold({each: [outcome(60)] for each in both})
    assert [health_of(each).interval for each in (own, other)] == [28_800, 7_200]
    health_check_due(now=NOW + 8 * HOUR)
    assert [health_of(each).status for each in (own, other)] == ["healthy", "stalled"]
    health_fold({each: [failure(600 + n) for n in (0, 10, 40)] for each in both})
    assert [health_of(each).interval for each in (own, other)] == [57_600, 14_400]


def test_an_outcome_that_comes_late_is_folded_by_it_too() -> None:
    person = make_person()
    own_interval_set(people=[person.pk], seconds=28_800, now=NOW)
    for minutes in (120, 60):
        record([good_run(person, NOW + timedelta(minutes=minutes))])
    assert health_of(person).interval == 28_800
    health_fold_anew({person.pk: NOW}, no_shields)
    assert (health_of(person).interval, health_of(person).status) == (28_800, "healthy")


def good_run(person: Person, at: datetime) -> ReportedOutcome:
    return ReportedOutcome(
        attempt_id_at(at),
        person.organization_id,
        person.pk,
        "schedule",
        at,
        at,
        "success",
        None,
        None,
    )


def test_who_was_never_connected_begins_by_it() -> None:
    people = [make_connected_person() for _ in range(8)]
    ids = [person.pk for person in people]
    own_interval_set(people=ids, seconds=900, now=NOW)
    health_begin(ids, now=NOW)
    assert all(NOW <= health_of(each).next_due < NOW + timedelta(minutes=15) for each in people)


def test_who_is_off_stays_off_and_comes_back_by_it() -> None:
    person = make_connected_person()
    health_fold({person.pk: [outcome(0)]})
    hold_place(
        person=person,
        author_kind=HoldAuthor.MEMBER,
        author=make_user(),
        author_name="Casey Admin",
        reason="On leave",
        now=NOW,
    )
    own_interval_set(people=[person.pk], seconds=14_400, now=NOW)
    health = health_of(person)
    assert (health.status, health.next_due, health.interval) == ("disabled", None, 14_400)


@pytest.mark.parametrize("seconds", [-1, 0, 899, 86_401])
def test_an_interval_out_of_bounds_is_refused_and_nothing_changes(seconds: int) -> None:
    person = make_person()
    with pytest.raises(ValueError, match="900 to 86400"):
        own_interval_set(people=[person.pk], seconds=seconds, now=NOW)
    assert health_of(person).own_interval is None


def test_who_has_it_already_is_left_as_they_are() -> None:
    person = make_person()
    health_fold({person.pk: [outcome(0)]})
    own_interval_set(people=[person.pk], seconds=14_400, now=NOW)
    before = Health.objects.filter(pk=person.pk).values().get()
    assert own_interval_set(people=[person.pk], seconds=14_400, now=NOW + HOUR) == {
        person.pk: 14_400
    }
    assert Health.objects.filter(pk=person.pk).values().get() == before


def test_it_takes_the_same_number_of_statements_for_any_number_of_people(
    django_assert_max_num_queries: Any,
) -> None:
    people = [make_person().pk for _ in range(30)]
    for size in (1, 30):
        with django_assert_max_num_queries(12):
            own_interval_set(people=people[:size], seconds=900 + size, now=NOW)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

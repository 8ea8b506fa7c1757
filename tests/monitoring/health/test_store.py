from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Person
from monitoring.health.begin import health_begin
from monitoring.health.deadlines import health_check_due
from monitoring.health.fold import severity
from monitoring.health.holds import hold_place, hold_release, holds_end
from monitoring.health.models import Health, HealthTally, Hold, HoldAuthor, Policy, Transition
from monitoring.health.store import health_fold
from monitoring.health.tally import tally_compact, tally_of
from tests.factories import NOW, make_connected_person, make_organization, make_person, make_user
from tests.monitoring.health.makers import failure, outcome

pytestmark = pytest.mark.django_db


def health_of(person: Person) -> Health:
    return Health.objects.get(person=person)


def hold(person: Person, **overrides: Any) -> Hold:
    return hold_place(
        **{
            "person": person,
            "author_kind": HoldAuthor.MEMBER,
            "author": make_user(),
            "author_name": "Casey Admin",
            "reason": "On leave",
            "now": NOW,
        }
        | overrides
    )


def test_every_person_has_a_health_row_from_the_first_moment() -> None:
    health = health_of(make_person())
    assert (health.status, health.cause, health.next_due) == ("degraded", "never_connected", None)


def test_beginning_spreads_first_runs_over_one_interval() -> None:
    organization = make_organization()
    people = [make_connected_person(organization) for _ in range(20)]
    assert health_begin([p.pk for p in people], now=NOW) == 20
    assert health_begin([p.pk for p in people], now=NOW + timedelta(hours=1)) == 0
    due = [health_of(p).next_due for p in people]
    assert all(NOW <= moment < NOW + timedelta(hours=2) for moment in due)
    assert len(set(due)) > 15
    assert health_of(people[0]).cause == "awaiting_first_success"


def test_the_organizations_own_policy_is_in_force() -> None:
    person = make_person()
    Policy.objects.create(organization=person.organization, base_interval=3_600, first_retry=60)
    health_fold({person.pk: [failure(0)]})
    wait = health_of(person).next_due - NOW
    assert timedelta(seconds=60) <= wait <= timedelta(seconds=63)
    health_fold({person.pk: [outcome(5)]})
    assert health_of(person).interval == 3_600


def test_the_stored_severity_is_the_folds() -> None:
    stalled, degraded, off, well, never = (make_person() for _ in range(5))
    health_fold(
        {
            stalled.pk: [failure(0, "needs_user"), failure(5, "needs_user")],
            degraded.pk: [failure(0)],
            well.pk: [outcome(0)],
        }
    )
    hold(off)
    order = list(Health.objects.worst_first().values_list("person_id", flat=True))
    assert order == [stalled.pk, degraded.pk, off.pk, never.pk, well.pk]
    for health in Health.objects.all():
        assert health.severity == severity(health)


def test_a_hold_turns_off_and_its_release_makes_due_at_once() -> None:
    person = make_connected_person()
    health_begin([person.pk], now=NOW - timedelta(days=1))
    placed = hold(person)
    assert (health_of(person).status, health_of(person).next_due) == ("disabled", None)
    hold_release(hold=placed, author=make_user(), now=NOW + timedelta(days=3))
    health = health_of(person)
    assert (health.status, health.next_due) == ("degraded", NOW + timedelta(days=3))
    changes = Transition.objects.filter(person=person).order_by("id")
    assert [(t.from_status, t.to_status) for t in changes][-2:] == [
        ("degraded", "disabled"),
        ("disabled", "degraded"),
    ]


def test_lifting_one_hold_never_lifts_another() -> None:
    person = make_connected_person()
    first, second = hold(person), hold(person, reason="Merger")
    hold_release(hold=first, author=make_user(), now=NOW)
    assert (health_of(person).status, health_of(person).hold) == ("disabled", second)


def test_a_hold_ends_by_itself_at_its_time_and_not_before() -> None:
    person = make_connected_person()
    hold(person, ends_at=NOW + timedelta(days=2))
    assert holds_end(now=NOW + timedelta(days=1)) == 0
    assert holds_end(now=NOW + timedelta(days=2)) == 1
    assert health_of(person).status == "degraded"


@pytest.mark.parametrize(
    "overrides",
    [
        {"author": None},
        {"author_kind": "error"},
        {"author_kind": ""},
        {"author_name": ""},
        {"reason": ""},
    ],
)
def test_the_database_refuses_a_hold_without_a_human_author(overrides: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match="hold_has_human_author"), transaction.atomic():
        hold(make_person(), **overrides)


def test_the_database_refuses_disabled_without_a_hold_of_that_very_person() -> None:
    person, other = make_person(), make_person()
    placed = hold(other)
    for change in ({"status": "disabled"}, {"status": "disabled", "hold": placed}):
        with pytest.raises(IntegrityError):
            update_at_once(person, **change)


@transaction.atomic
def update_at_once(person: Person, **change: Any) -> None:
    """Change a Health row past all code, with every constraint checked before the end."""
    Health.objects.filter(person=person).update(**change)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_outcomes_of_a_held_person_are_folded_and_they_stay_off() -> None:
    person = make_connected_person()
    hold(person)
    health_fold({person.pk: [outcome(1)]})
    health = health_of(person)
    assert (health.status, health.last_result, health.next_due) == ("disabled", "success", None)


def test_silence_is_found_by_the_clock_and_only_for_who_is_due() -> None:
    quiet, heard = make_person(), make_person()
    health_fold({quiet.pk: [outcome(0)], heard.pk: [outcome(250)]})
    later = NOW + timedelta(hours=4, minutes=40)
    assert health_check_due(now=NOW + timedelta(hours=2)) == 0
    assert health_check_due(now=later) == 1
    assert (health_of(quiet).status, health_of(quiet).cause) == ("stalled", "silent")
    assert health_of(heard).status == "healthy"
    assert health_check_due(now=later) == 0


def test_checking_takes_at_most_the_limit_and_those_longest_due_first() -> None:
    people = [make_person() for _ in range(3)]
    health_fold({p.pk: [outcome(n)] for n, p in enumerate(people)})
    assert health_check_due(now=NOW + timedelta(days=1), limit=2) == 2
    assert health_of(people[2]).status == "healthy"


def test_the_tally_is_the_same_after_it_was_folded_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("monitoring.health.tally.ENOUGH_TO_COMPACT", 20)
    organization = make_organization()
    people = [make_person(organization) for _ in range(8)]
    assert not tally_compact()
    for minutes, each in ((0, outcome), (60, failure)):
        for person in people:
            health_fold({person.pk: [each(minutes)]})
    before = tally_of(organization.pk)
    assert tally_compact()
    assert HealthTally.objects.count() == 1
    assert tally_of(organization.pk) == before
    assert before.counts == {("degraded", "some-rule"): len(people)}


def test_a_fold_takes_the_same_number_of_statements_for_any_number_of_people(
    django_assert_max_num_queries: Any,
) -> None:
    people = [make_person() for _ in range(30)]
    for size in (1, 30):
        with django_assert_max_num_queries(10):
            health_fold({p.pk: [failure(size)] for p in people[:size]})

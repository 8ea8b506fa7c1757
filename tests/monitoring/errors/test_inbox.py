from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from monitoring.errors.inbox import unrecognised_note
from monitoring.errors.models import UnrecognisedError, UnrecognisedPerson
from monitoring.errors.rulebook import rule_sets_of
from tests.factories import NOW, make_organization
from tests.monitoring.errors.makers import (
    definition,
    make_access,
    make_live,
    make_staff,
    panic,
    seen,
)

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def test_an_error_is_counted_by_outcomes_and_by_people() -> None:
    organization = make_organization()
    first = seen(organization, minutes=3)
    unrecognised_note([first, seen(organization, minutes=5), seen(organization, person=2)])
    error = UnrecognisedError.objects.get()
    assert (error.outcomes, error.people, error.provider) == (3, 2, "salesforce")
    assert (error.first_seen, error.last_seen) == (NOW, NOW + 5 * MINUTE)
    assert (error.sample, error.sample_attempt_id) == (panic(), first.attempt_id)
    assert (error.resolved_at, error.organization) == (None, organization)


def test_later_deliveries_add_to_it_and_late_outcomes_move_its_beginning() -> None:
    organization = make_organization()
    first = seen(organization)
    unrecognised_note([first])
    unrecognised_note([seen(organization, minutes=-60, error=panic(body="{}"))])
    unrecognised_note([seen(organization, person=7, minutes=9)])
    error = UnrecognisedError.objects.get()
    assert (error.outcomes, error.people) == (3, 2)
    assert (error.first_seen, error.last_seen) == (NOW - 60 * MINUTE, NOW + 9 * MINUTE)
    assert (error.sample, error.sample_attempt_id) == (panic(), first.attempt_id)


def test_organizations_and_kinds_of_errors_are_apart() -> None:
    one, other = make_organization(), make_organization()
    unrecognised_note([seen(one), seen(other), seen(one, signature="google - another")])
    found = UnrecognisedError.objects.values_list("organization_id", "signature", "people")
    assert sorted(found) == sorted(
        [
            (one.pk, "salesforce 400 please clear the aisle", 1),
            (one.pk, "google - another", 1),
            (other.pk, "salesforce 400 please clear the aisle", 1),
        ]
    )


NOTES = st.lists(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 4), st.integers(-9, 9)), max_size=6),
    max_size=5,
)


@hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NOTES)
def test_the_counts_are_those_of_all_deliveries_together(
    deliveries: list[list[tuple[str, int, int]]],
) -> None:
    organization = make_organization()
    for delivery in deliveries:
        unrecognised_note(
            [
                seen(organization, person, minutes, signature=signature)
                for signature, person, minutes in delivery
            ]
        )
    everything = [each for delivery in deliveries for each in delivery]
    expected = {
        signature: (
            sum(each[0] == signature for each in everything),
            len({each[1] for each in everything if each[0] == signature}),
            NOW + min(each[2] for each in everything if each[0] == signature) * MINUTE,
            NOW + max(each[2] for each in everything if each[0] == signature) * MINUTE,
        )
        for signature, _, _ in everything
    }
    rows = UnrecognisedError.objects.filter(organization=organization)
    found = {
        error.signature: (error.outcomes, error.people, error.first_seen, error.last_seen)
        for error in rows
    }
    assert found == expected
    listed = UnrecognisedPerson.objects.filter(unrecognised__organization=organization)
    assert listed.count() == sum(people for _, people, _, _ in expected.values())


@pytest.mark.parametrize("size", [1, 200])
def test_a_batch_takes_two_statements_at_any_size(
    django_assert_num_queries: DjangoAssertNumQueries, size: int
) -> None:
    organization = make_organization()
    batch = [seen(organization, person, signature=f"error {person % 20}") for person in range(size)]
    with django_assert_num_queries(2):
        unrecognised_note(batch)
    with django_assert_num_queries(0):
        unrecognised_note([])


def test_a_rule_that_goes_live_settles_what_it_knows() -> None:
    access, other = make_access(), make_organization()
    unknown = panic(body="nobody knows this")
    unrecognised_note([seen(access.organization), seen(other)])
    unrecognised_note([seen(access.organization, signature="x", error=unknown)])
    change = make_live(access)
    settled = UnrecognisedError.objects.exclude(resolved_at=None).get()
    assert (settled.organization, settled.resolved_by) == (access.organization, change)
    assert settled.resolved_at == change.live_at
    assert UnrecognisedError.objects.open().count() == 2


def test_the_operators_rule_settles_it_everywhere() -> None:
    organizations = [make_organization() for _ in range(3)]
    unrecognised_note([seen(organization) for organization in organizations])
    make_live(make_staff(), organization=None)
    assert not UnrecognisedError.objects.open().exists()


def test_a_rule_for_another_provider_or_taken_away_settles_nothing() -> None:
    access = make_access()
    make_live(access, rule="another-rule", definition=definition(codes=["OTHER"]))
    unrecognised_note([seen(access.organization)])
    make_live(access, definition=definition(providers=["google"]))
    make_live(access, rule="another-rule", definition=None)
    assert UnrecognisedError.objects.open().count() == 1


def test_an_error_that_comes_unrecognised_again_is_open_again() -> None:
    access = make_access()
    unrecognised_note([seen(access.organization)])
    make_live(access)
    make_live(access, definition=None)
    version = rule_sets_of([access.organization.pk])[access.organization.pk].version
    unrecognised_note([seen(access.organization, person=2, rules_version=version)])
    error = UnrecognisedError.objects.get()
    assert (error.resolved_at, error.resolved_by) == (None, None)
    assert (error.outcomes, error.people) == (2, 2)


def test_a_delivery_judged_before_the_rule_went_live_does_not_open_it_again() -> None:
    access = make_access()
    unrecognised_note([seen(access.organization)])
    change = make_live(access)
    unrecognised_note([seen(access.organization, minutes=1)])
    error = UnrecognisedError.objects.get()
    assert (error.outcomes, error.resolved_by) == (2, change)


def test_the_inbox_shows_an_organizations_own_with_most_people_first() -> None:
    access, other = make_access(), make_organization()
    unrecognised_note(
        [
            seen(access.organization, 1, 5, signature="few, lately"),
            seen(access.organization, 1, 1, signature="few"),
            *(seen(access.organization, person, signature="many") for person in range(3)),
            seen(other),
        ]
    )
    inbox = UnrecognisedError.objects.visible_to(access).open().most_people_first()
    assert [error.signature for error in inbox] == ["many", "few, lately", "few"]

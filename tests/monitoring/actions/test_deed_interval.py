from __future__ import annotations

from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.access import Access
from monitoring.actions.deeds import ActionRefusedError
from monitoring.actions.models import Kind, PersonState
from monitoring.actions.starting import action_undo
from monitoring.health.intervals import own_interval_set
from monitoring.health.models import Health
from tests.factories import NOW
from tests.monitoring.actions.makers import make_action, make_people, make_preview, results

LATER = NOW + timedelta(hours=1)
DONE = (PersonState.DONE, "")


def intervals() -> list[int | None]:
    return list(Health.objects.order_by("person").values_list("own_interval", flat=True))


def test_people_get_the_interval_and_undone_the_one_they_had(access: Access) -> None:
    first, second, same, third = make_people(access.organization, 4)
    own_interval_set(people=[second.pk], seconds=3_600, now=NOW)
    own_interval_set(people=[same.pk], seconds=14_400, now=NOW)
    action = make_action(access, [first, second, same, third], Kind.INTERVAL, interval="14400")
    assert results(action) == {
        first.pk: DONE,
        second.pk: DONE,
        same.pk: (PersonState.LEFT_OUT, "same_interval"),
        third.pk: DONE,
    }
    assert intervals() == [14_400] * 4
    own_interval_set(people=[third.pk], seconds=7_200, now=NOW)

    undo = action_undo(access=access, action=action, now=LATER)

    assert results(undo) == {
        first.pk: DONE,
        second.pk: DONE,
        third.pk: (PersonState.SKIPPED, "changed_since"),
    }
    assert intervals() == [None, 3_600, 14_400, 7_200]


def test_nothing_typed_means_the_organizations_interval(access: Access) -> None:
    first, second = make_people(access.organization, 2)
    own_interval_set(people=[first.pk], seconds=3_600, now=NOW)
    action = make_action(access, [first, second], Kind.INTERVAL, interval="")
    assert results(action) == {
        first.pk: DONE,
        second.pk: (PersonState.LEFT_OUT, "same_interval"),
    }
    assert intervals() == [None, None]
    action_undo(access=access, action=action, now=LATER)
    assert intervals() == [3_600, None]


def test_an_interval_that_somebody_chose_again_since_stays(access: Access) -> None:
    chosen, untouched = make_people(access.organization, 2)
    action = make_action(access, [chosen, untouched], Kind.INTERVAL, interval="3600")
    for interval in ("7200", "3600"):
        make_action(access, [chosen], Kind.INTERVAL, interval=interval)
    undo = action_undo(access=access, action=action, now=LATER)
    assert results(undo) == {
        chosen.pk: (PersonState.SKIPPED, "changed_since"),
        untouched.pk: DONE,
    }
    assert intervals() == [3_600, None]


def test_an_interval_that_was_undone_back_to_it_stays(access: Access) -> None:
    (person,) = make_people(access.organization, 1)
    first = make_action(access, [person], Kind.INTERVAL, interval="3600")
    second = make_action(access, [person], Kind.INTERVAL, interval="7200")
    action_undo(access=access, action=second, now=LATER)
    undo = action_undo(access=access, action=first, now=LATER)
    assert results(undo) == {person.pk: (PersonState.SKIPPED, "changed_since")}


def test_undoing_costs_the_same_however_many_had_intervals_of_their_own(
    access: Access, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    people = make_people(access.organization, 20)
    for number, person in enumerate(people):
        own_interval_set(people=[person.pk], seconds=1_000 + number, now=NOW)
    action = make_action(access, people, Kind.INTERVAL, interval="3600")
    with django_assert_max_num_queries(40):
        action_undo(access=access, action=action, now=LATER)
    assert intervals() == [1_000 + number for number in range(20)]


@pytest.mark.parametrize("typed", ["899", "86401", "often", "1e4", "-7200", "9" * 5_000, "²"])
def test_an_interval_out_of_bounds_is_refused(access: Access, typed: str) -> None:
    with pytest.raises(ActionRefusedError, match="between 15 minutes and 24 hours") as refused:
        make_preview(access, make_people(access.organization, 1), Kind.INTERVAL, interval=typed)
    assert refused.value.field == "interval"

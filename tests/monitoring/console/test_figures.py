from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from accounts.access import access_for
from monitoring.console.figures import GROUPS, Figures, figures_of
from monitoring.console.wording import group_of
from monitoring.health.models import Health, HealthTally
from tests.factories import make_person
from tests.monitoring.console.conftest import Cast
from tests.monitoring.console.makers import make_healthy, make_held, make_unwell

PEOPLE = st.dictionaries(
    st.tuples(st.sampled_from(GROUPS), st.sampled_from(["", "silent", "overdue"])),
    st.integers(1, 1_000),
)


@given(PEOPLE)
def test_the_groups_add_up_and_never_connected_is_left_out_of_who_is_connected(
    people: dict[tuple[str, str], int],
) -> None:
    figures = Figures(people)
    assert sum(figures.of(group) for group in GROUPS) == figures.of() == sum(people.values())
    assert figures.connected == figures.of() - figures.of("never_connected")


@given(PEOPLE)
def test_each_cause_is_named_once_with_everybody_in_it(people: dict[tuple[str, str], int]) -> None:
    figures = Figures(people)
    named = [cause for cause, _ in figures.causes]
    assert sorted(named) == sorted({cause for _, cause in people if cause})
    assert all(number == figures.of(cause=cause) for cause, number in figures.causes)


def test_the_figures_are_those_of_the_people_in_one_statement(
    cast: Cast, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_healthy(cast.acme)
    make_unwell(cast.acme, "stalled", "silent")
    make_unwell(cast.acme, "degraded", "overdue")
    make_held(cast.acme)
    make_person(cast.acme)
    make_healthy(cast.globex)
    access = access_for(cast.admin, "acme")
    with django_assert_num_queries(1):
        figures = figures_of(access)
    counted = Counter(
        (group_of(status, cause), cause)
        for status, cause in Health.objects.visible_to(access).values_list("status", "cause")
    )
    assert figures.people == counted


@pytest.mark.django_db
def test_tallies_that_cancel_out_are_not_shown(cast: Cast) -> None:
    for people in (3, -3):
        HealthTally.objects.create(
            organization=cast.acme, status="stalled", cause="silent", people=people
        )
    assert figures_of(access_for(cast.admin, "acme")).people == {}

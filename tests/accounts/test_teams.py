"""The names of teams, as people have them and as somebody types them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from accounts.teams import teams_called, teams_meant, teams_of
from tests.factories import make_organization, make_person

names = st.sampled_from(["Sales", "sales", "SALES", "Straße", "STRASSE", "Research", ""])


@given(name=names, known=st.lists(names, unique=True))
def test_a_name_means_the_team_so_written_or_else_all_alike(name: str, known: list[str]) -> None:
    found = teams_meant(name, known)
    if name in known:
        assert found == [name]
    else:
        assert found == [team for team in known if team.casefold() == name.casefold()]


@given(name=names, known=st.lists(names, unique=True))
def test_what_a_name_means_means_itself(name: str, known: list[str]) -> None:
    for team in teams_meant(name, known):
        assert teams_meant(team, known) == [team]


@pytest.mark.django_db
def test_an_organizations_teams_are_named_once_and_in_order() -> None:
    acme = make_organization()
    for team in ("Sales", "Sales", "", "sales", "Research"):
        make_person(acme, team=team)
    make_person(make_organization(), team="Elsewhere")
    assert set(teams_of(acme.pk)) == {"Sales", "sales", "Research"}
    assert teams_of(acme.pk) == teams_of(acme.pk, 3)
    assert teams_of(acme.pk, 2) == teams_of(acme.pk)[:2]


@pytest.mark.django_db
def test_many_names_are_looked_up_with_one_statement_and_none_with_none(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    acme = make_organization()
    for team in ("Sales", "sales", "Research"):
        make_person(acme, team=team)
    with django_assert_num_queries(1):
        called = teams_called(acme.pk, ["SALES", "sales", "research", "Nobody's"])
    assert sorted(called.pop("SALES")) == ["Sales", "sales"]
    assert called == {"sales": ["sales"], "research": ["Research"], "Nobody's": []}
    with django_assert_num_queries(0):
        assert teams_called(acme.pk, []) == {}


@pytest.mark.django_db
def test_a_team_beyond_those_that_are_offered_is_found_too() -> None:
    acme = make_organization()
    for number in range(12):
        make_person(acme, team=f"Team {number:02}")
    assert teams_called(acme.pk, ["TEAM 11"]) == {"TEAM 11": ["Team 11"]}

"""The people of an action, with what came of each."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Person
from monitoring.actions.models import Action, PersonState
from tests.monitoring.console.action_makers import ENDED, address, make_action
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.makers import make_many_healthy
from tests.monitoring.console.markup import markup, text

RESULTS = [
    (PersonState.DONE, ""),
    (PersonState.FAILED, "broken"),
    (PersonState.SKIPPED, "ended_meanwhile"),
    (PersonState.STOPPED, ""),
    (PersonState.LEFT_OUT, "held_already"),
]


def make(cast: Cast, times: int = 1) -> Action:
    make_many_healthy(cast.acme, len(RESULTS) * times)
    people = list(Person.objects.filter(organization=cast.acme).order_by("pk"))
    return make_action(cast.acme, people, results=RESULTS * times, **ENDED)


def test_everybody_has_one_result_with_its_reason(cast: Cast, admin_client: Client) -> None:
    response = admin_client.get(address(make(cast), "people/"))
    page = text(response)
    for words in (
        "Hold 4 people: each person",
        "5 chosen",
        "1 held",
        "1 failed",
        "Something went wrong on our side",
        "The end was past before its turn came",
        "An admin's hold that lasts as long or longer is active already.",
        "5 people",
    ):
        assert words in page, words
    first = Person.objects.first()
    assert f"/o/acme/people/{first.pk}/" in markup(response).links


def test_those_of_one_result_are_asked_for_by_the_address(cast: Cast, admin_client: Client) -> None:
    action = make(cast)
    failed = text(admin_client.get(address(action, "people/"), {"state": "4"}))
    assert "Person 001" in failed
    assert "Person 000" not in failed
    assert "Nobody has this result" in text(
        admin_client.get(address(action, "people/"), {"state": "2"})
    )
    everybody = text(admin_client.get(address(action, "people/"), {"state": "nonsense"}))
    assert "Person 000" in everybody


def test_strangers_find_nothing_and_viewers_look(
    cast: Cast, admin_client: Client, client: Client
) -> None:
    action = make(cast)
    page = address(action, "people/")
    assert client_of(cast.stranger).get(page).status_code == 404
    assert client_of(cast.viewer).get(page).status_code == 200
    assert client.get(page).status_code == 302
    assert admin_client.post(page).status_code == 405
    theirs = make_action(cast.globex)
    assert admin_client.get(address(theirs, "people/")).status_code == 404


@pytest.mark.parametrize("times", [1, 12])
def test_the_page_takes_at_most_ten_statements_at_any_size(
    cast: Cast,
    admin_client: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    times: int,
) -> None:
    action = make(cast, times)
    with django_assert_max_num_queries(10):
        admin_client.get(address(action, "people/"))

"""The list of actions, and the number in the navigation."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Person
from monitoring.actions.models import Action, ActionState, Invitation, Kind, PersonState
from tests.factories import NOW, make_member
from tests.monitoring.console.action_makers import BEGUN, ENDED, address, make_action
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.makers import make_many_healthy
from tests.monitoring.console.markup import markup, text

ADDRESS = "/o/acme/actions/"
APPROVAL = {"state": ActionState.APPROVAL, "confirmed_at": BEGUN["confirmed_at"]}
RUNNING = {**BEGUN, "state": ActionState.RUNNING}


def people(cast: Cast, number: int) -> list[Person]:
    make_many_healthy(cast.acme, number)
    return list(Person.objects.filter(organization=cast.acme))


def badge(client: Client, page: str = "people/") -> str:
    html = client.get(f"/o/acme/{page}").content.decode()
    found = html.partition('href="/o/acme/actions/"')[2].partition("</a>")[0]
    return found.partition("top__count")[2].partition(">")[2].partition("<")[0]


def test_who_did_what_to_how_many_with_which_result(cast: Cast, admin_client: Client) -> None:
    results = [(PersonState.DONE, ""), (PersonState.FAILED, "broken")]
    results += [(PersonState.LEFT_OUT, "held_already")]
    action = make_action(cast.acme, people(cast, 3), results=results, **ENDED)
    response = admin_client.get(ADDRESS)
    page = text(response)
    for words in (
        "Hold 2 people",
        "On leave",
        "Done, 1 failed",
        "1 held, 1 failed",
        "1 person left out",
        "Ada Admin",
        "just now",
    ):
        assert words in page, words
    assert address(action) in markup(response).links


def test_what_nobody_meant_is_not_listed(cast: Cast, admin_client: Client) -> None:
    make_action(cast.acme)
    make_action(cast.acme, state=ActionState.DISCARDED)
    make_action(cast.globex, **ENDED)
    assert "Nothing has been done yet" in text(admin_client.get(ADDRESS))


def test_what_was_asked_for_and_refused_stays_listed(cast: Cast, admin_client: Client) -> None:
    refused = {"state": ActionState.DISCARDED, "confirmed_at": NOW, "author": cast.admin}
    theirs = {"second": cast.staff, "second_name": "Sam Support"}
    own = {"second": cast.admin, "second_name": "Casey"}
    make_action(cast.acme, people(cast, 2), **refused | theirs)
    action = make_action(cast.acme, **refused | own)
    page = text(admin_client.get(ADDRESS))
    assert "Refused by Sam Support nothing was done" in page
    assert "Withdrawn nothing was done" in page
    assert "withdrawn by Casey" in text(admin_client.get(address(action)))


def test_what_was_undone_says_so_in_the_list_and_on_its_page(
    cast: Cast, admin_client: Client
) -> None:
    undone = make_action(cast.acme, people(cast, 1), results=[(PersonState.DONE, "")], **ENDED)
    undo = {"kind": Kind.UNDO, "undo_of": undone, "author_name": "Casey", "parameters": {}}
    make_action(cast.acme, **ENDED | undo)
    looks = [row.look.word for row in admin_client.get(ADDRESS).context["rows"]]
    assert looks == ["Done", "Undone by Casey"]
    look = admin_client.get(address(undone)).context["look"]
    assert (look.word, look.tone) == ("Undone by Casey", "neutral")


def test_what_waits_for_my_approval_comes_first(cast: Cast, admin_client: Client) -> None:
    theirs = make_action(cast.acme, people(cast, 2), **APPROVAL)
    make_action(cast.acme, author=cast.admin, **APPROVAL)
    response = admin_client.get(ADDRESS)
    assert "1 waits for your approval" in text(response)
    assert markup(response).links.count(address(theirs)) == 2
    assert "waits for your approval" not in text(client_of(cast.viewer).get(ADDRESS))


def test_the_navigation_counts_what_runs_or_waits(cast: Cast, admin_client: Client) -> None:
    make_action(cast.acme, **ENDED)
    make_action(cast.globex, **RUNNING)
    assert badge(admin_client) == ""
    make_action(cast.acme, **RUNNING)
    make_action(cast.acme, **APPROVAL)
    for client in (admin_client, client_of(cast.viewer), client_of(cast.staff)):
        assert badge(client) == "2"
    assert badge(admin_client, "rules/") == "2"


def test_an_undo_is_listed_too(cast: Cast, admin_client: Client) -> None:
    undone = make_action(cast.acme, **ENDED)
    undo = {"kind": Kind.UNDO, "undo_of": undone, "reason": "", "parameters": {}}
    make_action(cast.acme, people(cast, 1), results=[(PersonState.DONE, "")], **ENDED | undo)
    assert "Undo for 1 person" in text(admin_client.get(ADDRESS))


def test_strangers_find_nothing_and_viewers_look(cast: Cast, client: Client) -> None:
    assert client_of(cast.stranger).get(ADDRESS).status_code == 404
    assert client_of(cast.viewer).get(ADDRESS).status_code == 200
    assert client.get(ADDRESS).status_code == 302
    assert client_of(cast.admin).post(ADDRESS).status_code == 405


@pytest.mark.parametrize("size", [2, 40])
def test_the_list_takes_at_most_ten_statements_at_any_size(
    cast: Cast,
    admin_client: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    size: int,
) -> None:
    members = people(cast, 2)
    author = make_member(cast.acme).user
    for _ in range(size):
        make_action(cast.acme, members, author=author, **RUNNING)
        make_action(cast.acme, author=author, **APPROVAL)
    assert Action.objects.count() == 2 * size
    with django_assert_max_num_queries(10):
        admin_client.get(ADDRESS)


def test_who_was_only_asked_by_mail_is_told_apart(cast: Cast, admin_client: Client) -> None:
    members = people(cast, 3)
    fields = {"kind": Kind.REAUTHORIZE, "parameters": {}, "results": [(PersonState.DONE, "")] * 3}
    action = make_action(cast.acme, members, **ENDED | fields)
    Invitation.objects.create(
        organization=cast.acme,
        person=members[0],
        action=action,
        state="sent",
        providers=["google"],
        asked_by_name="Casey",
        created_at=NOW,
    )
    assert "2 re-authorized, 1 asked by mail" in text(admin_client.get(ADDRESS))

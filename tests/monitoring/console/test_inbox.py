from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.access import access_for
from monitoring.errors.inbox import unrecognised_note
from monitoring.errors.models import UnrecognisedError
from tests.factories import NOW, make_connected_person
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.makers import set_health
from tests.monitoring.console.markup import markup, text
from tests.monitoring.errors.makers import make_live, panic, seen

ADDRESS = "/o/acme/errors/"


def note_many(cast: Cast, kinds: int) -> None:
    unrecognised_note(
        [
            seen(cast.acme, person, signature=f"salesforce 400 kind {kind:02}")
            for kind in range(kinds)
            for person in range(kind + 1)
        ]
    )


def signatures(client: Client, query: str = "") -> list[str]:
    return [row.signature for row in client.get(ADDRESS + query).context["rows"]]


def test_what_no_rule_knows_is_listed_with_people_times_and_sample(
    cast: Cast, admin_client: Client
) -> None:
    unrecognised_note([seen(cast.acme), seen(cast.acme, 2, minutes=-90), seen(cast.acme, 2)])
    response = admin_client.get(ADDRESS)
    page = text(response)
    for words in (
        "1 kind of error is not recognised",
        "salesforce 400 please clear the aisle",
        "2 people",
        "3 attempts",
        "first seen 1 h ago",
        "last seen just now",
        "code KERNEL_PANIC_IN_AISLE_FOUR",
        "please clear the aisle number <n>",
        "Make a rule",
    ):
        assert words in page, words
    error = UnrecognisedError.objects.get()
    links = markup(response).links
    assert f"/o/acme/rules/new/?error={error.pk}" in links
    assert f"/o/acme/people/?error={error.pk}" in links


def test_most_people_come_first_and_the_list_is_paged(cast: Cast, admin_client: Client) -> None:
    note_many(cast, 23)
    first, second = signatures(admin_client), signatures(admin_client, "?page=2")
    assert first[0] == "salesforce 400 kind 22"
    assert (len(first), second[-1]) == (20, "salesforce 400 kind 00")
    assert "?page=2" in markup(admin_client.get(ADDRESS)).links
    assert signatures(admin_client, "?page=99") == second


def test_the_people_it_hit_are_listed_on_their_page(cast: Cast, admin_client: Client) -> None:
    hit, spared = make_connected_person(cast.acme, name="Hit"), make_connected_person(cast.acme)
    for person in (hit, spared):
        set_health(person)
    unrecognised_note([seen(cast.acme, hit.pk), seen(cast.globex, hit.pk)])
    own = UnrecognisedError.objects.get(organization=cast.acme)
    theirs = UnrecognisedError.objects.get(organization=cast.globex)
    response = admin_client.get("/o/acme/people/", {"error": own.pk})
    assert [row.name for row in response.context["rows"]] == ["Hit"]
    assert "Only people hit by one of the unrecognised errors" in text(response)
    assert f'name="error" value="{own.pk}"' in response.content.decode()
    assert admin_client.get("/o/acme/people/", {"error": theirs.pk}).context["rows"] == []
    for nonsense in ("x", "-1", "1.5", "9" * 40):
        response = admin_client.get("/o/acme/people/", {"error": nonsense})
        assert len(response.context["rows"]) == 2
        assert "is left out" in text(response)


def test_what_became_known_is_shown_on_request(cast: Cast, admin_client: Client) -> None:
    unrecognised_note([seen(cast.acme)])
    make_live(access_for(cast.admin, "acme"))
    assert signatures(admin_client) == []
    response = admin_client.get(ADDRESS, {"show": "settled"})
    assert "1 kind of error became known" in text(response)
    assert "by The aisle is blocked" in text(response)
    links = markup(response).links
    assert "/o/acme/rules/aisle-blocked/" in links
    assert not [link for link in links if "?error=" in link and "rules" in link]


def test_an_empty_inbox_explains_itself(cast: Cast, admin_client: Client) -> None:
    page = text(admin_client.get(ADDRESS))
    assert "Every error is known" in page
    assert "it appears here with how many people it hit" in page
    settled = text(admin_client.get(ADDRESS, {"show": "settled"}))
    assert "Nothing became known by a rule yet" in settled


def test_the_navigation_of_every_page_tells_how_many_there_are(
    cast: Cast, admin_client: Client
) -> None:
    assert "Unrecognised errors 2 open" not in text(admin_client.get("/o/acme/people/"))
    note_many(cast, 2)
    unrecognised_note([seen(cast.globex)])
    assert "Unrecognised errors 2 open" in text(admin_client.get("/o/acme/people/"))
    assert "Unrecognised errors 2 open" in text(client_of(cast.staff).get(ADDRESS))
    assert "Unrecognised errors 1 open" in text(client_of(cast.stranger).get("/o/globex/people/"))


def test_nothing_private_is_shown(cast: Cast, admin_client: Client) -> None:
    body = '[{"errorCode":"ODD","message":"Dinner \\"Secret plan\\" of ada@acme.example at 19:30"}]'
    unrecognised_note([seen(cast.acme, error=panic(body=body))])
    html = admin_client.get(ADDRESS).content.decode()
    for private in ("ecret plan", "ada@acme", "19:30"):
        assert private not in html


def test_nothing_of_another_organization_appears(cast: Cast, admin_client: Client) -> None:
    unrecognised_note([seen(cast.globex)])
    assert signatures(admin_client) == []
    assert signatures(admin_client, "?show=settled") == []


def test_a_viewer_looks_and_makes_no_rule(cast: Cast) -> None:
    unrecognised_note([seen(cast.acme)])
    response = client_of(cast.viewer).get(ADDRESS)
    assert response.status_code == 200
    assert "Make a rule" not in text(response)


def test_a_stranger_finds_nothing_and_nothing_is_posted(cast: Cast, admin_client: Client) -> None:
    assert client_of(cast.stranger).get(ADDRESS).status_code == 404
    assert Client().get(ADDRESS).status_code == 302
    assert admin_client.post(ADDRESS).status_code == 405


@pytest.mark.parametrize("query", ["", "?show=settled"])
@pytest.mark.parametrize("size", [2, 25])
def test_the_inbox_takes_at_most_seven_statements_at_any_size(
    cast: Cast,
    admin_client: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    size: int,
    query: str,
) -> None:
    note_many(cast, size)
    if query:
        UnrecognisedError.objects.update(resolved_at=NOW)
    with django_assert_max_num_queries(7):
        admin_client.get(ADDRESS + query)

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.factories import NOW
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.incident_makers import (
    HOUR,
    OVER,
    RECOVERING,
    make_hit_people,
    make_incident,
    make_intake_incident,
)
from tests.monitoring.console.markup import markup, text

ADDRESS, ACROSS = "/o/acme/incidents/", "/incidents/"
HTMX = {"HX-Request": "true"}


def test_each_is_told_with_its_state_and_who_waits(cast: Cast, admin_client: Client) -> None:
    make_hit_people(make_incident(cast.acme), 31)
    make_incident(cast.acme, **RECOVERING, people_hit=18, people_waiting=3)
    make_incident(cast.acme, provider="google", people_hit=9, owner_name="Casey Admin", **OVER)
    make_intake_incident(cast.acme)
    page = text(admin_client.get(ADDRESS))
    for words in (
        "2 open",
        "Salesforce 31 people hit since 10:00 Open",
        "18 people hit Recovering",
        "Google 9 people hit Over",
        "Casey Admin",
        "Our intake Too few results come in since 10:00",
        "nobody yet",
        "3 h ago",
        "Times in Europe/Berlin",
    ):
        assert words in page, words


def test_open_ones_come_first_then_those_that_recover(cast: Cast, admin_client: Client) -> None:
    make_incident(cast.acme, **OVER)
    make_incident(cast.acme, **RECOVERING)
    make_incident(cast.acme)
    rows = admin_client.get(ADDRESS).context["rows"]
    assert [row.look.word for row in rows] == ["Open", "Recovering", "Over"]


def test_an_organization_without_any_is_told_what_would_stand_here(
    cast: Cast, admin_client: Client
) -> None:
    page = text(admin_client.get(ADDRESS))
    assert "No incident is open" in page
    assert "There has been no incident yet" in page


def test_a_row_leads_to_its_incident_and_the_navigation_counts_open_ones(
    cast: Cast, admin_client: Client
) -> None:
    incident = make_incident(cast.acme)
    make_incident(cast.acme, **OVER)
    page = markup(admin_client.get("/o/acme/people/"))
    assert "Incidents 1 open" in page.text
    assert ADDRESS in page.links
    assert f"{ADDRESS}{incident.pk}/" in markup(admin_client.get(ADDRESS)).links


def test_many_are_paged(cast: Cast, admin_client: Client) -> None:
    for _ in range(30):
        make_incident(cast.acme, **OVER)
    first = admin_client.get(ADDRESS)
    assert len(first.context["rows"]) == 25
    assert f"{ADDRESS}?page=2" in markup(first).links
    assert len(admin_client.get(ADDRESS, {"page": "2"}).context["rows"]) == 5
    assert len(admin_client.get(ADDRESS, {"page": "x"}).context["rows"]) == 25


def test_htmx_is_given_the_list_only(cast: Cast, admin_client: Client) -> None:
    make_incident(cast.acme)
    assert markup(admin_client.get(ADDRESS, headers=HTMX)).ids == ["incidents"]


@pytest.mark.parametrize("number", [1, 40])
def test_the_list_takes_at_most_seven_statements_at_any_size(
    cast: Cast,
    admin_client: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    number: int,
) -> None:
    for _ in range(number):
        make_incident(cast.acme, **OVER)
    make_incident(cast.acme)
    with django_assert_max_num_queries(7):
        admin_client.get(ADDRESS)


def test_a_viewer_may_look_and_a_stranger_finds_nothing(cast: Cast, client: Client) -> None:
    assert client_of(cast.viewer).get(ADDRESS).status_code == 200
    assert client_of(cast.staff).get(ADDRESS).status_code == 200
    assert client_of(cast.stranger).get(ADDRESS).status_code == 404
    assert client.get(ADDRESS).status_code == 302
    assert client_of(cast.admin).post(ADDRESS).status_code == 405


def test_nothing_of_another_organization_is_listed(cast: Cast, admin_client: Client) -> None:
    make_incident(cast.globex, people_hit=77)
    make_incident(None, people_hit=88)
    response = admin_client.get(ADDRESS)
    assert response.context["rows"] == []
    assert "1 open" not in text(response)


# Across organizations


def test_support_staff_see_what_reaches_across_with_its_parts(cast: Cast) -> None:
    whole = make_incident(None, people_hit=40, people_waiting=22)
    acme = make_incident(cast.acme, part_of=whole, people_hit=31)
    make_incident(cast.globex, part_of=whole, people_hit=9, people_waiting=2)
    make_intake_incident(None, closed_at=NOW - HOUR, recovered_at=NOW - HOUR)
    page = markup(client_of(cast.staff).get(ACROSS))
    assert "Salesforce: 40 people hit since 09:00, 2 organizations" in page.text
    assert "22 still waiting" in page.text
    assert "Globex 9 hit, 2 waiting" in page.text
    assert "Our intake: Too few results came in between 09:00 and 11:00, all organi" in page.text
    assert f"/o/acme/incidents/{acme.pk}/" in page.links
    part = f"/o/acme/incidents/{acme.pk}/"
    assert "It reaches across organizations." in text(client_of(cast.staff).get(part))
    assert "across" not in text(client_of(cast.admin).get(part))


def test_of_many_parts_the_largest_are_shown(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitoring.console.incidents.MOST_PARTS", 1)
    whole = make_incident(None, people_hit=40)
    make_incident(cast.acme, part_of=whole, people_hit=3)
    make_incident(cast.globex, part_of=whole, people_hit=9)
    page = text(client_of(cast.staff).get(ACROSS))
    assert "Globex 9 hit" in page
    assert "Acme" not in page
    assert "and 1 more" in page


def test_without_any_the_page_says_so(cast: Cast) -> None:
    make_incident(cast.acme)
    page = text(client_of(cast.staff).get(ACROSS))
    assert "No cause has reached across organizations yet" in page
    assert "Acme" not in page


def test_nobody_but_support_staff_finds_that_page(cast: Cast, client: Client) -> None:
    for user in (cast.admin, cast.viewer, cast.stranger):
        assert client_of(user).get(ACROSS).status_code == 404
    assert client.get(ACROSS).status_code == 302
    assert client_of(cast.staff).post(ACROSS).status_code == 405


def test_only_support_staff_are_led_there(cast: Cast) -> None:
    for address in ("/o/acme/", "/organizations/"):
        assert ACROSS in markup(client_of(cast.staff).get(address)).links
        assert ACROSS not in markup(client_of(cast.admin).get(address)).links


@pytest.mark.parametrize("number", [1, 30])
def test_it_takes_at_most_five_statements_at_any_size(
    cast: Cast, django_assert_max_num_queries: DjangoAssertNumQueries, number: int
) -> None:
    for _ in range(number):
        whole = make_incident(None, **OVER)
        make_incident(cast.acme, part_of=whole, **OVER)
    client = client_of(cast.staff)
    with django_assert_max_num_queries(5):
        client.get(ACROSS)

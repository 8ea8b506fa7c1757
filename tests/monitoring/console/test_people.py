from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from monitoring.console import tables
from monitoring.console.models import SavedView
from monitoring.console.wording import LOOKS, TO
from monitoring.health.models import Health
from tests.factories import NOW, make_connected_person, make_person
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.makers import (
    HOUR,
    make_healthy,
    make_held,
    make_many_healthy,
    make_unwell,
    set_health,
)
from tests.monitoring.console.markup import markup, text, title

ADDRESS = "/o/acme/people/"
HTMX = {"HX-Request": "true"}


def names(client: Client, query: str = "") -> list[str]:
    """The people listed, in order."""
    response = client.get(ADDRESS + query)
    assert response.status_code == 200
    return [row.name for row in response.context["rows"]]


def test_everybody_is_listed_with_status_reason_and_times(cast: Cast, admin_client: Client) -> None:
    make_unwell(
        cast.acme,
        "stalled",
        "google-access-revoked",
        hours=50,
        name="Ada Lovelace",
        health={"interval": 86_400, "next_due": NOW + 5 * HOUR},
    )
    page = text(admin_client.get(ADDRESS))
    for words in (
        "1 person is not syncing",
        "Ada Lovelace",
        "Needs attention",
        "Google access was revoked",
        "2 days ago",
        "Wednesday 18 November 2026, 11:00:00 (CET, Europe/Berlin)",
        "in 5 h",
        "every 24 h instead of 2 h",
    ):
        assert words in page, words


def test_who_was_never_connected_is_counted_apart(cast: Cast, admin_client: Client) -> None:
    for _ in range(3):
        make_healthy(cast.acme)
    make_unwell(cast.acme, "degraded", "overdue")
    make_person(cast.acme)
    page = text(admin_client.get(ADDRESS))
    assert "3 of 4 people are syncing" in page
    assert "1 never connected" in page
    assert "1 delayed" in page


def test_an_organization_without_people_says_so(cast: Cast, admin_client: Client) -> None:
    assert "Nobody is connected yet" in text(admin_client.get(ADDRESS))


def one_of_each(cast: Cast) -> None:
    make_healthy(cast.acme, name="Healthy")
    make_unwell(cast.acme, "stalled", "silent", name="Stalled")
    make_unwell(cast.acme, "degraded", "overdue", name="Degraded")
    make_held(cast.acme, name="Disabled")
    make_person(cast.acme, name="Never")


@pytest.mark.parametrize(
    ("group", "name"),
    [
        ("stalled", "Stalled"),
        ("degraded", "Degraded"),
        ("disabled", "Disabled"),
        ("never_connected", "Never"),
        ("healthy", "Healthy"),
    ],
)
def test_each_status_can_be_listed_alone(
    cast: Cast, admin_client: Client, group: str, name: str
) -> None:
    one_of_each(cast)
    response = admin_client.get(ADDRESS, {"status": group})
    assert [row.name for row in response.context["rows"]] == [name]
    assert response.context["shown"] == "1 person"
    assert LOOKS[group].word in text(response)


def test_the_worst_come_first_and_among_equals_the_longest_without_a_good_run(
    cast: Cast, admin_client: Client
) -> None:
    one_of_each(cast)
    make_unwell(cast.acme, "stalled", "silent", hours=90, name="Stalled longer")
    worst_first = ["Stalled longer", "Stalled", "Degraded", "Disabled", "Never", "Healthy"]
    assert names(admin_client) == worst_first
    assert names(admin_client, "?sort=-status") == worst_first[::-1]
    assert names(admin_client, "?sort=nonsense") == worst_first
    assert names(admin_client, "?sort=recent") == worst_first


def test_the_key_figures_lead_to_just_those_people(cast: Cast, admin_client: Client) -> None:
    one_of_each(cast)
    response = admin_client.get(ADDRESS)
    for figure in response.context["key_figures"]:
        assert f"?status={figure['group']}" in markup(response).links
        assert len(names(admin_client, f"?status={figure['group']}")) == int(figure["people"])


def test_people_can_be_narrowed_by_reason(cast: Cast, admin_client: Client) -> None:
    one_of_each(cast)
    make_unwell(cast.acme, "stalled", "salesforce-user-inactive", name="Inactive")
    assert names(admin_client, "?cause=salesforce-user-inactive") == ["Inactive"]
    assert names(admin_client, "?cause=silent&status=stalled") == ["Stalled"]
    assert names(admin_client, "?cause=silent&status=healthy") == []
    page = text(admin_client.get(ADDRESS))
    assert "The Salesforce user is deactivated (1)" in page
    assert "Switched off by a person (1)" in page


def test_a_reason_nobody_is_left_in_stays_chosen(cast: Cast, admin_client: Client) -> None:
    response = admin_client.get(ADDRESS, {"cause": "google-rate-limit"})
    assert "Google asks us to slow down (0)" in text(response)
    assert "Nobody matches" in text(response)


def test_people_are_found_by_search_and_by_team(cast: Cast, admin_client: Client) -> None:
    make_healthy(cast.acme, name="Ada Lovelace", team="Sales")
    make_healthy(cast.acme, name="Alan Turing", team="Research")
    assert names(admin_client, "?q=love") == ["Ada Lovelace"]
    assert names(admin_client, "?team=Research") == ["Alan Turing"]
    assert names(admin_client, "?q=ada&team=Research") == []
    assert names(admin_client, "?q=a&status=healthy") == ["Ada Lovelace", "Alan Turing"]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("person", "ABC"),
        ("-person", "CBA"),
        ("last_good", "BCA"),
        ("-last_good", "CBA"),
        ("next_run", "CAB"),
        ("-next_run", "ACB"),
        ("interval", "CAB"),
        ("-interval", "BAC"),
        ("team", "BCA"),
        ("-team", "ACB"),
        ("since", "ACB"),
        ("-last_attempt", "BAC"),
    ],
)
def test_every_column_sorts_both_ways_with_empty_ones_last(
    cast: Cast, admin_client: Client, sort: str, order: str
) -> None:
    facts: dict[str, dict[str, Any]] = {
        "A": {"last_success_at": None, "next_due": NOW + 2 * HOUR, "interval": 14_400},
        "B": {"last_success_at": NOW - 9 * HOUR, "next_due": None, "interval": 28_800},
        "C": {"last_success_at": NOW - HOUR, "next_due": NOW + HOUR, "interval": 7_200},
    }
    others = {
        "A": ("Z", {"status_since": NOW - 9 * HOUR, "last_attempt_at": NOW - 2 * HOUR}),
        "B": ("", {"status_since": NOW, "last_attempt_at": NOW}),
        "C": ("M", {"status_since": NOW - HOUR, "last_attempt_at": NOW - 3 * HOUR}),
    }
    for name, fields in facts.items():
        team, more = others[name]
        set_health(make_connected_person(cast.acme, name=name, team=team), **fields, **more)
    assert "".join(names(admin_client, f"?sort={sort}")) == order


def test_pages_hold_fifty_people_and_keep_what_was_chosen(cast: Cast, admin_client: Client) -> None:
    make_many_healthy(cast.acme, 120)
    first = admin_client.get(ADDRESS, {"sort": "person", "status": "healthy"})
    assert len(first.context["rows"]) == 50
    assert first.context["shown"] == f"1{TO}50 of 120 people"
    following = next(link for link in markup(first).links if "page=2" in link)
    assert "sort=person" in following
    assert "status=healthy" in following
    last = admin_client.get(ADDRESS, {"sort": "person", "page": "3"})
    assert [row.name for row in last.context["rows"]][-1] == "Person 119"
    assert last.context["shown"] == f"101{TO}120 of 120 people"


@pytest.mark.parametrize("page", ["99", "0", "-1", "x", "", "1e9", "٣"])
def test_a_page_that_is_not_there_shows_the_nearest(
    cast: Cast, admin_client: Client, page: str
) -> None:
    make_healthy(cast.acme)
    assert len(names(admin_client, f"?page={page}")) == 1


def test_the_size_of_a_page_is_one_of_four(cast: Cast, admin_client: Client) -> None:
    make_many_healthy(cast.acme, 60)
    assert len(names(admin_client, "?per=100")) == 60
    assert len(names(admin_client, "?per=1000")) == 50
    page = admin_client.get(ADDRESS, {"per": "25", "team": "Sales"})
    assert f"{ADDRESS}?team=Sales&per=100" in markup(page).links
    assert f"{ADDRESS}?team=Sales" in markup(page).links


def test_nobody_pages_through_everybody(
    cast: Cast, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "LAST_PERSON", 100)
    for _ in range(120):
        make_person(cast.acme)
    last = admin_client.get(ADDRESS, {"page": "3"})
    assert last.context["shown"] == f"51{TO}100 of 120 people"
    assert not [link for link in markup(last).links if "page=3" in link]
    assert "search or narrow the list to see the others" in text(last)


def test_a_search_is_counted_no_further_than_it_is_paged(
    cast: Cast, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "COUNT_LIMIT", 70)
    for _ in range(75):
        make_person(cast.acme, team="Sales")
    first = admin_client.get(ADDRESS, {"team": "Sales"})
    assert first.context["shown"] == f"1{TO}50 of more than 70 people"
    assert first.context["table"].paginator.counted == 71
    assert "select everybody who matches (more than 70)" in text(first)
    last = admin_client.get(ADDRESS, {"team": "Sales", "page": "2"})
    assert last.context["shown"] == f"51{TO}70 of more than 70 people"
    assert len(last.context["rows"]) == 20


@pytest.mark.parametrize(
    "query", ["?status=nonsense", "?q=%00a", "?q=" + "x" * 201, "?cause=%00", "?team=" + "x" * 101]
)
def test_a_filter_that_makes_no_sense_is_named_and_left_out(
    cast: Cast, admin_client: Client, query: str
) -> None:
    make_healthy(cast.acme, name="Ada")
    response = admin_client.get(ADDRESS + query)
    assert [row.name for row in response.context["rows"]] == ["Ada"]
    assert "is left out" in text(response)


def test_htmx_is_given_the_list_only_and_the_figures_beside_it(
    cast: Cast, admin_client: Client
) -> None:
    one_of_each(cast)
    response = admin_client.get(ADDRESS, {"status": "stalled"}, headers=HTMX)
    html = response.content.decode()
    assert "<html" not in html
    ids = markup(response).ids
    assert [name for name in ids if name in {"people", "figures", "tools", "columns"}] == [
        "people",
        "figures",
        "tools",
    ]
    assert html.count('hx-swap-oob="true"') == 2
    assert "HX-Request" in response.headers["Vary"]
    assert "no-store" in response.headers["Cache-Control"]


def test_going_back_in_history_gives_the_whole_page(cast: Cast, admin_client: Client) -> None:
    headers = HTMX | {"HX-History-Restore-Request": "true"}
    html = admin_client.get(ADDRESS, headers=headers).content.decode()
    assert "<html" in html
    assert "hx-swap-oob" not in html


def test_a_viewer_may_look(cast: Cast) -> None:
    assert client_of(cast.viewer).get(ADDRESS).status_code == 200


def test_support_staff_may_look_into_any_organization(cast: Cast) -> None:
    assert client_of(cast.staff).get("/o/globex/people/").status_code == 200


@pytest.mark.parametrize("address", [ADDRESS, "/o/nowhere/people/", "/o/acme/people/teams/"])
def test_a_stranger_finds_nothing(cast: Cast, address: str) -> None:
    assert client_of(cast.stranger).get(address).status_code == 404


def test_who_is_not_signed_in_is_asked_to(client: Client, cast: Cast) -> None:
    response = client.get(ADDRESS)
    assert response.status_code == 302
    assert response.headers["Location"] == "/accounts/login/?next=/o/acme/people/"


@pytest.mark.parametrize("address", [ADDRESS, "/o/acme/people/teams/"])
def test_the_list_cannot_be_posted_to(admin_client: Client, address: str) -> None:
    assert admin_client.post(address).status_code == 405


def test_nothing_of_another_organization_appears(cast: Cast, admin_client: Client) -> None:
    make_healthy(cast.acme, name="Ours", team="Common")
    make_unwell(
        cast.globex,
        "stalled",
        "google-rate-limit",
        name="Theirs",
        email="x@globex.example",
        team="Common",
    )
    make_person(cast.globex, name="Secret", team="Secret team")
    make_person(cast.globex, name="Secret", team="A secret team")
    for query in ("", "?q=theirs", "?status=stalled", "?cause=google-rate-limit", "?team=Common"):
        html = admin_client.get(ADDRESS + query).content.decode()
        for word in ("Theirs", "globex", "Globex", "Secret"):
            assert word not in html.replace('value="theirs"', ""), (query, word)
    assert "ecret" not in admin_client.get("/o/acme/people/teams/").content.decode()


def test_the_teams_are_offered_each_once(cast: Cast, admin_client: Client) -> None:
    for team in ("Sales", "Research", "Sales", "", "Zeta & <b>"):
        make_person(cast.acme, team=team)
    html = admin_client.get("/o/acme/people/teams/").content.decode()
    options = re.findall(r'value="([^"]*)"', html)
    assert options == ["Research", "Sales", "Zeta &amp; &lt;b&gt;"]


@pytest.mark.parametrize(
    "query", ["", "?q=person&per=200", "?slowed=on&columns=team,google,salesforce,deed"]
)
@pytest.mark.parametrize("size", [3, 70])
def test_a_page_takes_at_most_ten_statements_at_any_size(
    cast: Cast,
    admin_client: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    query: str,
    size: int,
) -> None:
    make_many_healthy(cast.acme, size)
    make_held(cast.acme, ends_at=NOW + timedelta(days=2))
    SavedView.objects.create(
        organization=cast.acme, user=cast.admin, name="Mine", created_at=NOW, changed_at=NOW
    )
    with django_assert_max_num_queries(10):
        admin_client.get(ADDRESS + query)


def test_names_cannot_break_out_of_the_page(cast: Cast, admin_client: Client) -> None:
    make_healthy(cast.acme, name='<script>alert(1)</script>"', team="<b>")
    html = admin_client.get(ADDRESS, {"q": '"><script>'}).content.decode()
    assert "<script>alert" not in html
    assert 'value="&quot;&gt;&lt;script&gt;"' in html


def test_another_engines_run_is_expected_but_never_due_now(
    cast: Cast, admin_client: Client
) -> None:
    overdue = {"runs_here": False, "next_due": None, "expected_at": NOW - HOUR}
    set_health(make_healthy(cast.acme), **overdue)
    page = admin_client.get(ADDRESS).content.decode()
    assert "reported by another engine" in page
    assert "due now" not in page
    Health.objects.update(expected_at=NOW + 400 * 24 * HOUR)
    assert "reported by another engine" not in admin_client.get(ADDRESS).content.decode()


def test_columns_are_chosen_and_kept(cast: Cast, admin_client: Client) -> None:
    make_unwell(
        cast.acme,
        "stalled",
        "google-access-revoked",
        team="Sales",
        health={"last_interpretation": "needs_user", "last_signature": "google 400 revoked"},
    )
    response = admin_client.get(ADDRESS, {"columns": "kind,team,google", "sort": "person"})
    shown = [column.name for column in response.context["table"].columns]
    assert shown == ["person", "status", "team", "kind", "google"]
    page = text(response)
    for words in ("Kind of error", "The person must act", "Not used yet"):
        assert words in page, words
    following = f"{ADDRESS}?sort=person&per=100&columns=team%2Ckind%2Cgoogle"
    assert following in markup(response).links


def test_a_form_without_scripts_sends_columns_one_by_one(cast: Cast, admin_client: Client) -> None:
    make_healthy(cast.acme)
    response = admin_client.get(ADDRESS + "?columns=person&columns=deed&columns=team")
    shown = [column.name for column in response.context["table"].columns]
    assert shown == ["person", "status", "team", "deed"]
    bare = admin_client.get(ADDRESS + "?columns=person")
    assert [column.name for column in bare.context["table"].columns] == ["person", "status"]


def test_what_is_chosen_can_be_taken_back_one_by_one(cast: Cast, admin_client: Client) -> None:
    make_unwell(cast.acme, "stalled", "silent", name="Ada", team="Sales")
    response = admin_client.get(ADDRESS, {"status": "stalled", "team": "Sales", "cause": "silent"})
    words = [f"{pill.label}: {pill.words}" for pill in response.context["pills"]]
    assert words == ["Status: Needs attention", "Reason: No run for too long", "Team: Sales"]
    assert f"{ADDRESS}?status=stalled&team=Sales" in markup(response).links


def test_why_somebody_was_switched_off_stands_on_the_row(cast: Cast, admin_client: Client) -> None:
    make_held(cast.acme)
    page = text(admin_client.get(ADDRESS))
    assert "by Ada Admin, until switched on again: On leave" in page


def test_tabs_of_different_lists_are_told_apart(cast: Cast, admin_client: Client) -> None:
    query = "status=stalled&team=Sales"
    for headers in ({}, HTMX):
        assert title(admin_client.get(ADDRESS, headers=headers)).startswith("People · Acme")
        narrowed = admin_client.get(f"{ADDRESS}?{query}", headers=headers)
        assert title(narrowed).startswith("People: Needs attention, Sales · Acme")
    view = SavedView.objects.create(
        organization=cast.acme,
        user=cast.admin,
        name="Broken",
        query=query,
        created_at=NOW,
        changed_at=NOW,
    )
    opened = admin_client.get(f"{ADDRESS}?{query}&view={view.pk}")
    assert title(opened).startswith("People: Broken · Acme")
    changed = admin_client.get(f"{ADDRESS}?status=stalled&view={view.pk}")
    assert title(changed).startswith("People: Needs attention · Acme")

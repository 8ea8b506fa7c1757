from __future__ import annotations

from datetime import time, timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from monitoring.alerts.models import AlertPolicy, Recipient, Route
from monitoring.audit.models import AuditEntry
from tests.factories import NOW, make_member, make_person
from tests.monitoring.alerts.routing_makers import make_recipient, make_route
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.markup import markup, text

ADDRESS = "/o/acme/alerts/routes/"
SERVICE = "/alerts/routes/"
ROUTE = {"audience": "admins", "least": "1", "after": "0", "teams": "", "name": ""}
ME = "/o/acme/alerts/me/"
OVERVIEW = "/o/acme/"


def test_without_routes_the_built_in_one_is_told_with_who_that_is(
    cast: Cast, admin_client: Client
) -> None:
    page = text(admin_client.get(ADDRESS))
    for words in (
        "Owners and admins are told of everything",
        "Owners and admins are told of everything.",
        "Built in · Now: admin@acme.example",
        "admin@acme.example (you)",
        "Owner or admin · At any time · never told yet",
        "Told when it has lasted for 15 min. What heals before that is told to nobody.",
        "Told again every day, until somebody acknowledges it. That holds for 7 days, and for the",
        "Add a member",
    ):
        assert words in page, words
    assert "Nobody is told of" not in page


def test_routes_are_told_in_their_order_with_hours_and_who_has_unsubscribed(
    cast: Cast, admin_client: Client
) -> None:
    night = make_recipient(
        cast.acme,
        name="Support on call",
        quiet_from=time(10),
        quiet_until=time(18),
        working_days="12345",
        told_at=NOW - timedelta(hours=3),
    )
    gone = make_recipient(cast.acme, name="Old box", unsubscribed_at=NOW - timedelta(days=2))
    make_recipient(cast.acme, name="Spare box")
    make_recipient(cast.globex, name="Elsewhere")
    make_route(cast.acme, [night, gone], position=2, after=1_800, least_severity=3)
    make_route(cast.acme, position=1, kinds=["incident", "stalled"], teams=["Sales"])
    page = text(admin_client.get(ADDRESS))
    for words in (
        "2 routes say who is told",
        "are told of incidents and people who stopped syncing, for the team Sales.",
        "within 30 min of the first message, Support on call and Old box are told of all",
        "Now: Support on call (only critical ones now) , Old box (unsubscribed)",
        "Mon to Fri, quiet 10:00 to 18:00 (UTC), critical ones at any time · last told 3 h ago",
        "Unsubscribed 2 days ago",
        "Only they can subscribe again, by the link in any mail they got.",
        "No route leads here.",
        "Restore the built-in route All routes above are removed.",
    ):
        assert words in page, words
    assert "Elsewhere" not in page
    assert page.index("for the team Sales") < page.index("If nobody")


def test_a_name_that_says_only_who_is_told_is_not_said_twice(
    cast: Cast, admin_client: Client
) -> None:
    boxes = [make_recipient(cast.acme, name=name) for name in ("Day", "Night")]
    make_route(cast.acme, boxes, name="Day, Night")
    page = text(admin_client.get(ADDRESS))
    assert "Day and Night are told of everything. Now: Day , Night" in page
    Route.objects.update(name="Shifts")
    assert "Shifts · Now: Day" in text(admin_client.get(ADDRESS))


def test_what_nobody_is_told_of_is_said_the_gravest_first(cast: Cast, admin_client: Client) -> None:
    make_route(cast.acme, kinds=["reauthorize"])
    page = text(admin_client.get(ADDRESS))
    critical = "Nobody is told of critical alerts: incidents and fewer people syncing."
    assert "Nobody is told of some critical alerts" in page
    assert page.index(critical) < page.index("Nobody is told of notices: errors no rule knows")


@pytest.mark.parametrize("number", [1, 12])
def test_the_page_takes_at_most_thirteen_statements_at_any_size(
    cast: Cast,
    admin_client: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    number: int,
) -> None:
    for _ in range(number):
        make_member(cast.acme)
        make_route(cast.acme, [make_recipient(cast.acme)])
    with django_assert_max_num_queries(13):
        admin_client.get(ADDRESS)


def test_a_route_is_added_and_the_built_in_one_is_kept(cast: Cast, admin_client: Client) -> None:
    box = make_recipient(cast.acme, name="Support on call")
    make_person(cast.acme, team="Sales")
    typed = ROUTE | {
        "audience": "chosen",
        "recipients": [str(box.pk)],
        "kinds": ["incident"],
        "teams": " sales, ",
        "after": "30",
    }
    response = admin_client.post(f"{ADDRESS}new/", typed, follow=True)
    assert response.redirect_chain == [(ADDRESS, 302)]
    page = text(response)
    assert "The route is added, below the others." in page
    assert (
        "within 30 min of the first message, Support on call is told of incidents, for the "
        "team Sales." in page
    )
    built_in, route = Route.objects.order_by("position")
    assert built_in.audience == "admins"
    assert (route.name, route.teams, route.after) == ("Support on call", ["Sales"], 1_800)


def test_the_sentence_names_teams_as_the_route_is_saved_with(
    cast: Cast, admin_client: Client
) -> None:
    for team in ("Sales", "sales", "Research"):
        make_person(cast.acme, team=team)
    for typed, said in (
        ("SALES", "Sales and sales"),
        ("Sales", "the team Sales"),
        ("research, Nobody's", "Nobody's and Research"),
    ):
        page = text(admin_client.post(f"{ADDRESS}sentence", ROUTE | {"teams": typed}))
        assert said in page, typed


def test_a_built_in_route_is_changed_and_shown_as_it_is(cast: Cast, admin_client: Client) -> None:
    address = f"{ADDRESS}built-in-1/"
    page = text(admin_client.get(address))
    assert "Owners and admins are told of everything. Now: admin@acme.example" in page
    admin_client.post(address, ROUTE | {"least": "3"})
    assert Route.objects.get().least_severity == 3
    assert "changed it meanwhile" not in page
    assert admin_client.get(address).status_code == 404
    shown = admin_client.get(f"{ADDRESS}{Route.objects.get().pk}/")
    assert '<option value="3" selected>' in shown.content.decode()


def test_what_a_route_can_not_be_is_said_beside_its_field(cast: Cast, admin_client: Client) -> None:
    for field, value, said in (
        ("audience", "", "Choose who is told."),
        ("audience", "chosen", "Choose at least one of the recipients below."),
        ("teams", "Nobody's", "Nobody is in the team Nobody's."),
        ("after", "soon", "Write whole minutes from 0 to 10,080."),
    ):
        response = admin_client.post(f"{ADDRESS}new/", ROUTE | {field: value})
        assert said in text(response), said
        assert "It is not saved yet" in text(response)
    assert not Route.objects.exists()


def test_the_sentence_follows_what_is_typed(cast: Cast, admin_client: Client) -> None:
    box = make_recipient(cast.acme, name="Night shift", unsubscribed_at=NOW)
    typed: dict[str, Any] = ROUTE | {"audience": "chosen", "recipients": [str(box.pk)]}
    address = f"{ADDRESS}sentence"
    said = text(admin_client.post(address, typed | {"key": "built-in-1", "after": "60"}))
    assert (
        "If nobody acknowledges within 1 h of the first message, Night shift is told of everything."
        in said
    )
    assert "Night shift (unsubscribed)" in said
    assert "Nobody is told of critical alerts" in said
    half = text(admin_client.post(address, typed | {"after": "x", "kinds": ["nonsense"]}))
    assert "Night shift is told of everything." in half
    for nobody in ({}, ROUTE | {"audience": "chosen"}):
        said = text(admin_client.post(address, nobody))
        assert "the sentence stands here" in said
        assert "told of everything" not in said
    assert not Route.objects.exists()


def test_routes_move_and_go_but_for_the_last_one(cast: Cast, admin_client: Client) -> None:
    first, second = (
        make_route(cast.acme, name="a"),
        make_route(cast.acme, name="b", kinds=["stalled"]),
    )
    admin_client.post(f"{ADDRESS}{second.pk}/up")
    assert [each.name for each in Route.objects.order_by("position")] == ["b", "a"]
    admin_client.post(f"{ADDRESS}{second.pk}/down")
    assert [each.name for each in Route.objects.order_by("position")] == ["a", "b"]
    removed = admin_client.post(f"{ADDRESS}{first.pk}/remove", follow=True)
    assert "The route is removed." in text(removed)
    assert "Nobody is told of some critical alerts" in text(removed)
    kept = admin_client.post(f"{ADDRESS}{second.pk}/remove", follow=True)
    assert "The last route can't be removed" in text(kept)
    assert "Remove this route" not in text(admin_client.get(f"{ADDRESS}{second.pk}/"))
    restored = admin_client.post(f"{ADDRESS}restore", follow=True)
    assert "The built-in routes are in force again." in text(restored)
    again = admin_client.post(f"{ADDRESS}restore", follow=True)
    assert "in force already" in text(again)
    assert admin_client.post(f"{ADDRESS}{second.pk}/dance").status_code == 404


def test_a_viewer_sees_everything_but_buttons(cast: Cast) -> None:
    make_route(cast.acme)
    make_recipient(cast.acme, name="The box")
    viewer = client_of(cast.viewer)
    response = viewer.get(ADDRESS)
    page = text(response)
    assert "Owners and admins are told of everything." in page
    assert "The box" in page
    for words in (
        "Add a",
        "Change the route",
        "Change The box",
        "Move up",
        "Send a test",
        "Restore",
        "Remove",
    ):
        assert words not in page, words
    assert "/o/acme/alerts/me/" in markup(response).links
    for address in ("new/", "built-in-1/", "sentence", "restore", "1/up"):
        assert viewer.post(f"{ADDRESS}{address}", ROUTE).status_code == 403, address
    assert viewer.get("/o/acme/alerts/policy/").status_code == 403


def test_a_stranger_finds_nothing_and_wrong_methods_are_refused(cast: Cast, client: Client) -> None:
    theirs = make_route(cast.globex)
    admin, stranger = client_of(cast.admin), client_of(cast.stranger)
    for address in ("", "new/", "built-in-1/"):
        assert stranger.get(f"{ADDRESS}{address}").status_code == 404
        assert client.get(f"{ADDRESS}{address}").status_code == 302
    assert admin.post(ADDRESS).status_code == 405
    assert admin.delete(f"{ADDRESS}new/").status_code == 405
    for address in ("sentence", "restore", "1/up"):
        assert stranger.post(f"{ADDRESS}{address}").status_code == 404
    assert admin.get(f"{ADDRESS}1/up").status_code == 405
    assert admin.get(f"{ADDRESS}{theirs.pk}/").status_code == 404
    assert "is gone" in text(admin.post(f"{ADDRESS}{theirs.pk}/remove", follow=True))
    assert Route.objects.get() == theirs


def test_the_services_routes_are_seen_and_changed_by_support_staff_alone(cast: Cast) -> None:
    support = client_of(cast.staff)
    page = text(support.get(SERVICE))
    for words in (
        "2 routes say who is told",
        "Support staff are told of incidents, when critical.",
        "trouble of the service itself",
        "rule changes with a large effect",
        "support@service.example",
        "Only support staff see this page.",
    ):
        assert words in page, words
    support.post(f"{SERVICE}new/", ROUTE | {"audience": "support", "after": "60"})
    assert Route.objects.filter(organization=None).count() == 3
    assert AuditEntry.objects.get().organization is None
    assert "Restore the built-in routes" in text(support.get(SERVICE))
    for user in (cast.admin, cast.viewer):
        for address in ("", "new/", "built-in-1/"):
            assert client_of(user).get(f"{SERVICE}{address}").status_code == 404
        assert client_of(user).post(f"{SERVICE}restore").status_code == 404


def test_support_staff_look_after_an_organization_without_being_told_by_it(cast: Cast) -> None:
    support = client_of(cast.staff)
    page = support.get(ADDRESS)
    assert "support@service.example" not in markup(page).text.partition("Routes")[2]
    assert "Add a route" in text(page)
    assert support.get("/o/acme/alerts/me/").headers["Location"] == "/alerts/me/"


def test_the_policy_is_shown_and_changed(cast: Cast, admin_client: Client) -> None:
    address = "/o/acme/alerts/policy/"
    assert 'value="15"' in admin_client.get(address).content.decode()
    typed = {
        "opened": "0",
        "over": "60",
        "reminder": "48",
        "unknown_share": "10",
        "coverage_drop": "20",
        "asks_people": "on",
    }
    page = text(admin_client.post(address, typed, follow=True))
    for words in (
        "in force",
        "Told as soon as it is found",
        "Told when it has stayed over for 1 h.",
        "Told again every 2 days",
        "Told when 10 % of an hour",
        "falls by 20 percentage points within a day.",
        "Those who alone can give access again are asked by mail.",
    ):
        assert words in page, words
    assert AlertPolicy.objects.get().opened == 0
    refused = text(admin_client.post(address, typed | {"reminder": "0", "over": "x"}))
    assert "Write a whole number from 1 to 720." in refused
    assert admin_client.delete(address).status_code == 405
    assert client_of(cast.stranger).get(address).status_code == 404


def test_support_staff_have_no_tests_nor_wishes_of_their_own_in_an_organization(
    cast: Cast, admin_client: Client
) -> None:
    page = text(client_of(cast.staff).get(ADDRESS))
    assert "Send me a test" not in page
    assert "How I am told" not in page
    assert "The service's support staff are told of critical incidents too." in page
    assert "Send me a test" in text(admin_client.get(ADDRESS))
    assert "support staff are told" not in text(client_of(cast.staff).get("/alerts/routes/"))


def test_the_overview_warns_where_nobody_hears_of_critical_alerts(
    cast: Cast, admin_client: Client
) -> None:
    warning = "Nobody is told of critical alerts: incidents and fewer people syncing."
    assert warning not in text(admin_client.get(OVERVIEW))
    assert not Recipient.objects.exists()
    admin_client.post(f"{ME}unsubscribe")
    admin_client.get(ADDRESS)
    admin_client.post(f"{ME}unsubscribe")
    page = admin_client.get(OVERVIEW)
    assert warning in text(page)
    assert ADDRESS in markup(page).links
    box = make_recipient(cast.acme)
    assert warning in text(admin_client.get(OVERVIEW))
    make_route(cast.acme, [box])
    assert warning not in text(admin_client.get(OVERVIEW))
    Recipient.objects.filter(pk=box.pk).update(confirmed_at=None)
    assert warning in text(admin_client.get(OVERVIEW))
    Recipient.objects.filter(pk=box.pk).update(confirmed_at=NOW)
    Route.objects.update(kinds=["incident"])
    said = text(admin_client.get(OVERVIEW))
    assert "Nobody is told of critical alerts: fewer people syncing." in said
    Route.objects.update(kinds=[], teams=["Sales"])
    assert warning in text(admin_client.get(OVERVIEW))

from __future__ import annotations

from datetime import time, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from monitoring.alerts.models import AlertPolicy, Message, Recipient, Route
from monitoring.audit.models import AuditEntry
from tests.factories import NOW, make_member, make_person, make_user
from tests.monitoring.alerts.routing_makers import make_recipient, make_route
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.markup import markup, text

ADDRESS = "/o/acme/alerts/routes/"
SERVICE = "/alerts/routes/"
ROUTE = {"audience": "admins", "least": "1", "after": "0", "teams": "", "name": ""}


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
        "Told again every day, until somebody acknowledges it.",
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
        "Restore the built-in route",
    ):
        assert words in page, words
    assert "Elsewhere" not in page
    assert page.index("for the team Sales") < page.index("If nobody")


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
        "teams": " Sales, ",
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
    assert "the sentence stands here" in text(admin_client.post(address, {}))
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
        "Support staff are told of trouble of the service itself.",
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
        "Those who alone can give access again are asked to by mail.",
    ):
        assert words in page, words
    assert AlertPolicy.objects.get().opened == 0
    refused = text(admin_client.post(address, typed | {"reminder": "0", "over": "x"}))
    assert "Write a whole number from 1 to 720." in refused
    assert admin_client.delete(address).status_code == 405
    assert client_of(cast.stranger).get(address).status_code == 404


def test_a_test_is_sent_to_oneself_and_found_in_the_outbox(
    cast: Cast, admin_client: Client
) -> None:
    address = "/o/acme/alerts/recipients/me/test"
    response = admin_client.post(address, {"back": "/o/acme/alerts/me/"}, follow=True)
    message = Message.objects.get()
    assert response.redirect_chain == [("/o/acme/alerts/me/", 302)]
    assert "A test to admin@acme.example is queued." in text(response)
    assert f"/o/acme/outbox/{message.pk}/" in markup(response).links
    assert message.kind == "alert_test"
    assert "A test was sent within this minute" in text(admin_client.post(address, follow=True))
    assert admin_client.get(address).status_code == 405
    assert Message.objects.count() == 1


def test_support_staff_test_themselves_at_the_service(cast: Cast) -> None:
    support = client_of(cast.staff)
    response = support.post("/alerts/recipients/me/test", follow=True)
    assert "A test to support@service.example is queued." in text(response)
    assert Message.objects.get().organization is None
    refused = support.post("/o/acme/alerts/recipients/me/test", follow=True)
    assert "You don't belong to this organization" in text(refused)


def test_an_address_is_added_changed_tested_and_removed(cast: Cast, admin_client: Client) -> None:
    add = "/o/acme/alerts/recipients/new/mail/"
    assert 'value="Europe/Berlin"' in admin_client.get(add).content.decode()
    typed = {"address": "Box@team.example", "name": "The box", "time_zone": "Asia/Tokyo"}
    assert "Added." in text(admin_client.post(add, typed, follow=True))
    box = Recipient.objects.get(user=None)
    assert "is among the recipients already" in text(admin_client.post(add, typed))
    assert "This is not a mail address." in text(admin_client.post(add, typed | {"address": "x"}))
    page = f"/o/acme/alerts/recipients/{box.pk}/"
    assert "box@team.example" in text(admin_client.get(page))
    hours = {
        "name": "Night shift",
        "time_zone": "Asia/Tokyo",
        "quiet_from": "22:00",
        "quiet_until": "07:00",
        "working_days": ["1", "2"],
        "digest": "weekly",
        "digest_hour": "9",
    }
    admin_client.post(page, hours)
    box.refresh_from_db()
    assert (box.name, box.quiet_from, box.working_days) == ("Night shift", time(22), "12")
    assert not box.urgent_always
    refused = text(admin_client.post(page, hours | {"quiet_until": "", "time_zone": "Mars"}))
    assert "It is not saved yet" in refused
    assert Message.objects.get().kind == "confirm_address"
    Recipient.objects.filter(pk=box.pk).update(confirmed_at=NOW)
    admin_client.post(f"{page}test")
    assert Message.objects.get(kind="alert_test").recipient == "box@team.example"
    assert "Removed." in text(admin_client.post(f"{page}remove", follow=True))
    assert admin_client.get(page).status_code == 404


def test_an_admin_chooses_the_digest_of_an_address_and_reads_when_it_comes(
    cast: Cast, admin_client: Client
) -> None:
    box = make_recipient(cast.acme, time_zone="Asia/Tokyo")
    page = f"/o/acme/alerts/recipients/{box.pk}/"
    shown = text(admin_client.get(page))
    for words in ("Digest", "How often", "Never", "Daily", "Weekly"):
        assert words in shown, words
    assert "The next digest" not in shown
    typed = WANTED | {"name": "The box", "time_zone": "Asia/Tokyo"}
    admin_client.post(page, typed)
    comes = "The next digest comes on Sat at 08:00, Asia/Tokyo time."
    assert comes in text(admin_client.get(page))
    assert "Daily digest at 08:00" in text(admin_client.get(ADDRESS))
    assert "not saved yet" in text(admin_client.post(page, typed | {"digest_hour": "24"}))
    Recipient.objects.filter(pk=box.pk).update(confirmed_at=None)
    shown = text(admin_client.get(page))
    assert "No digest comes before somebody there has confirmed." in shown
    Recipient.objects.filter(pk=box.pk).update(confirmed_at=NOW, unsubscribed_at=NOW)
    assert "digest comes" not in text(admin_client.get(page))
    admin_client.post(page, typed | {"digest": "never"})
    box.refresh_from_db()
    assert (box.digest, box.digest_at) == ("never", None)


def test_an_address_waits_for_confirmation_and_is_asked_again_on_another_day(
    cast: Cast, admin_client: Client
) -> None:
    typed = {"address": "box@team.example", "name": "The box", "time_zone": "UTC"}
    page = text(admin_client.post("/o/acme/alerts/recipients/new/mail/", typed, follow=True))
    assert "It is told nothing before somebody there confirms" in page
    box = Recipient.objects.get(address="box@team.example")
    make_route(cast.acme, [box])
    page = text(admin_client.get(ADDRESS))
    for words in (
        "Nobody is told of some critical alerts",
        "The box (waits for confirmation) is told of everything.",
        "Now: The box (waits for confirmation)",
        "Waits for confirmation: nothing is sent there before somebody who reads it confirms",
        "Send the mail again that asks The box to confirm",
    ):
        assert words in page, words
    assert "Send a test to The box" not in page
    deed = f"/o/acme/alerts/recipients/{box.pk}/"
    assert "Nobody there has confirmed yet" in text(admin_client.post(f"{deed}test", follow=True))
    said = text(admin_client.post(f"{deed}ask", follow=True))
    assert "This address was asked within the last day" in said
    with time_machine.travel(NOW + timedelta(days=1, minutes=1), tick=False):
        said = text(admin_client.post(f"{deed}ask", follow=True))
    assert "The mail that asks them to confirm is being sent." in said
    assert Message.objects.filter(recipient=box.address).count() == 2


def test_what_another_organization_told_an_address_is_not_shown(
    cast: Cast, admin_client: Client
) -> None:
    make_recipient(cast.acme, address="team@acme.example")
    make_recipient(cast.globex, address="team@acme.example", told_at=NOW - timedelta(hours=3))
    page = text(admin_client.get(ADDRESS))
    assert "last told" not in page
    assert "never told yet" in page


def test_a_viewer_is_added_by_name(cast: Cast, admin_client: Client) -> None:
    address = "/o/acme/alerts/recipients/new/member/"
    assert cast.viewer.email in text(admin_client.get(address))
    member = cast.viewer.memberships.get()
    assert "Choose a member." in text(admin_client.post(address, {"member": "0"}))
    admin_client.post(address, {"member": str(member.pk)})
    assert Recipient.objects.get(user=cast.viewer).organization == cast.acme
    assert admin_client.get(address).headers["Location"] == ADDRESS
    assert admin_client.get("/o/acme/alerts/recipients/new/pigeon/").status_code == 404


def test_recipients_are_safe_from_strangers_viewers_and_wrong_methods(cast: Cast) -> None:
    box, theirs = make_recipient(cast.acme), make_recipient(cast.globex)
    admin, viewer, stranger = map(client_of, (cast.admin, cast.viewer, cast.stranger))
    page = f"/o/acme/alerts/recipients/{box.pk}/"
    for address in (page, "/o/acme/alerts/recipients/new/mail/"):
        assert stranger.get(address).status_code == 404
        assert viewer.get(address).status_code == 403
        assert admin.delete(address).status_code == 405
    for deed in ("test", "remove", "ask"):
        assert stranger.post(page + deed).status_code == 404
        assert viewer.post(page + deed).status_code == 403
        assert admin.get(page + deed).status_code == 405
        assert admin.post(f"/o/acme/alerts/recipients/{theirs.pk}/{deed}").status_code == 404
    assert admin.post(f"{page}dance").status_code == 404
    assert Recipient.objects.filter(removed_at=None).count() >= 2
    assert not Message.objects.exists()


def test_who_is_there_by_their_role_is_not_removed_and_who_unsubscribed_not_tested(
    cast: Cast, admin_client: Client
) -> None:
    make_member(cast.acme, user=make_user(email="ben@acme.example"))
    admin_client.get(ADDRESS)
    ben = Recipient.objects.get(user__email="ben@acme.example")
    page = f"/o/acme/alerts/recipients/{ben.pk}/"
    assert "they choose themself" in text(admin_client.get(page))
    assert "by their role" in text(admin_client.post(f"{page}remove", follow=True))
    Recipient.objects.update(unsubscribed_at=NOW)
    assert "They have unsubscribed" in text(admin_client.post(f"{page}test", follow=True))


ME = "/o/acme/alerts/me/"
WANTED = {"working_days": ["1", "2", "3", "4", "5"], "digest": "daily", "digest_hour": "8"}


def test_a_viewer_chooses_how_they_are_told(cast: Cast) -> None:
    viewer = client_of(cast.viewer)
    page = text(viewer.get(ME))
    assert "No route leads to you" in page
    assert "Unsubscribe" not in page
    quiet = {"quiet_from": "22:00", "quiet_until": "07:00"}
    page = text(viewer.post(ME, WANTED | quiet, follow=True))
    for words in ("Saved.", "The next digest comes on Sat at 08:00", "in UTC"):
        assert words in page, words
    recipient = Recipient.objects.get(user=cast.viewer)
    assert (recipient.quiet_from, recipient.working_days) == (time(22), "12345")
    assert "Give both ends" in text(viewer.post(ME, WANTED | {"quiet_from": "22:00"}))
    assert "Write a time" in text(viewer.post(ME, WANTED | {"quiet_from": "late"}))
    assert "at least one day" in text(viewer.post(ME, WANTED | {"working_days": []}))


def test_an_admin_reads_what_they_are_told_and_unsubscribes_themself(
    cast: Cast, admin_client: Client
) -> None:
    assert "Owners and admins are told of everything." in text(admin_client.get(ME))
    gone = admin_client.post(f"{ME}unsubscribe", follow=True)
    assert "You are told nothing any more" in text(gone)
    assert "You unsubscribed just now" in text(gone)
    listed = text(admin_client.get(ADDRESS))
    assert "Nobody is told of some critical alerts" in listed
    assert "You can subscribe again" in listed
    back = admin_client.post(f"{ME}resubscribe", follow=True)
    assert "You are told again." in text(back)
    entry = AuditEntry.objects.get(action="recipient.unsubscribe")
    assert (entry.author, "by" in entry.detail) == (cast.admin, False)
    assert not Recipient.objects.exclude(unsubscribed_at=None).exists()


def test_preferences_are_ones_own_and_strangers_find_nothing(cast: Cast, client: Client) -> None:
    stranger, viewer = client_of(cast.stranger), client_of(cast.viewer)
    assert stranger.get(ME).status_code == 404
    assert client.get(ME).status_code == 302
    assert viewer.delete(ME).status_code == 405
    assert viewer.get(f"{ME}unsubscribe").status_code == 405
    assert viewer.post(f"{ME}unsubscribe").status_code == 404
    assert viewer.get("/alerts/me/").status_code == 404
    assert client_of(cast.staff).post("/alerts/me/", WANTED).status_code == 302
    assert Recipient.objects.get().organization is None
    assert client_of(cast.staff).post("/alerts/me/dance").status_code == 404


def test_support_staff_have_no_tests_nor_wishes_of_their_own_in_an_organization(
    cast: Cast, admin_client: Client
) -> None:
    page = text(client_of(cast.staff).get(ADDRESS))
    assert "Send me a test" not in page
    assert "How I am told" not in page
    assert "The service's support staff are told of critical incidents too." in page
    assert "Send me a test" in text(admin_client.get(ADDRESS))
    assert "support staff are told" not in text(client_of(cast.staff).get("/alerts/routes/"))


OVERVIEW = "/o/acme/"


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

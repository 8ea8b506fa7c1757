from __future__ import annotations

from datetime import time, timedelta

import time_machine
from django.test import Client

from monitoring.alerts.models import Message, Recipient
from tests.factories import NOW, make_member, make_user
from tests.monitoring.alerts.routing_makers import make_recipient, make_route
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.markup import markup, text

ADDRESS = "/o/acme/alerts/routes/"
WANTED = {"working_days": ["1", "2", "3", "4", "5"], "digest": "daily", "digest_hour": "8"}


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
    comes = "The next digest comes on Mon at 08:00, Asia/Tokyo time."
    assert comes in text(admin_client.get(page))
    assert "Daily digest at 08:00 (Asia/Tokyo)" in text(admin_client.get(ADDRESS))
    assert "not saved yet" in text(admin_client.post(page, typed | {"digest_hour": "24"}))
    Recipient.objects.filter(pk=box.pk).update(confirmed_at=None)
    shown = text(admin_client.get(page))
    assert "No digest comes before somebody there has confirmed." in shown
    Recipient.objects.filter(pk=box.pk).update(confirmed_at=NOW, unsubscribed_at=NOW)
    assert "digest comes" not in text(admin_client.get(page))
    assert "Daily digest" not in text(admin_client.get(ADDRESS))
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

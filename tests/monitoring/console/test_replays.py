from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from monitoring.alerts.models import Message, MessageState, Recipient
from monitoring.alerts.webhook_sender import webhook_id
from tests.monitoring.alerts.destination_makers import make_webhook, queue_webhook
from tests.monitoring.alerts.makers import make_message
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.markup import text

HOOK = "https://hooks.example/in"
SENT = {"state": MessageState.SENT}


def again_of(message: Message) -> str:
    return f"/o/acme/alerts/messages/{message.pk}/again"


def test_what_was_sent_is_sent_anew_from_its_page(cast: Cast, admin_client: Client) -> None:
    message = queue_webhook(make_webhook(HOOK, cast.acme), **SENT)
    assert "Send anew" in text(admin_client.get(f"/o/acme/outbox/{message.pk}/"))
    response = admin_client.post(again_of(message), follow=True)
    fresh = Message.objects.exclude(pk=message.pk).get()
    assert response.redirect_chain[-1][0] == f"/o/acme/outbox/{fresh.pk}/"
    assert "It is sent anew within a minute. This is the new one." in text(response)
    assert webhook_id(fresh) == webhook_id(message)
    assert f"webhook-id {webhook_id(message)}" in text(response)


def test_what_cannot_be_sent_anew_has_no_button_and_is_refused(
    cast: Cast, admin_client: Client
) -> None:
    hook = make_webhook(HOOK, cast.acme)
    gone = make_webhook(HOOK, cast.acme, removed_at=timezone.now())
    waiting, left = queue_webhook(hook), queue_webhook(gone, **SENT)
    mail = make_message(organization=cast.acme, **SENT)
    for message in (waiting, left, mail):
        assert "Send anew" not in text(admin_client.get(f"/o/acme/outbox/{message.pk}/"))
        response = admin_client.post(again_of(message), follow=True)
        assert response.redirect_chain[-1][0] == f"/o/acme/outbox/{message.pk}/"
    assert Message.objects.count() == 3


@pytest.mark.parametrize(("hours", "number"), [("24", 1), ("168", 2)])
def test_a_webhook_is_sent_all_anew_since_a_time(
    cast: Cast, admin_client: Client, hours: str, number: int
) -> None:
    hook, now = make_webhook(HOOK, cast.acme), timezone.now()
    queue_webhook(hook, now=now - timedelta(hours=2), **SENT)
    queue_webhook(hook, now=now - timedelta(days=3), **SENT)
    page = f"/o/acme/alerts/destinations/{hook.pk}/"
    assert "for a receiver that lost some" in text(admin_client.get(page))
    response = admin_client.post(f"{page}again", {"hours": hours}, follow=True)
    said = "1 message of the last day is" if number == 1 else "2 messages of the last 7 days are"
    assert f"{said} sent anew, the oldest first." in text(response)
    assert Message.objects.filter(kind="replay").count() == number


def test_nothing_to_send_anew_is_said_and_so_is_no_time(cast: Cast, admin_client: Client) -> None:
    hook = make_webhook(HOOK, cast.acme)
    address = f"/o/acme/alerts/destinations/{hook.pk}/again"
    said = text(admin_client.post(address, {"hours": "1"}, follow=True))
    assert "It was sent nothing in the last hour." in said
    for hours in ("", "0", "-1", "9999", "x"):
        refused = text(admin_client.post(address, {"hours": hours}, follow=True))
        assert "Choose since when." in refused


def test_strangers_viewers_and_wrong_methods_are_refused(cast: Cast, admin_client: Client) -> None:
    hook = make_webhook(HOOK, cast.acme)
    message = queue_webhook(hook, **SENT)
    since = f"/o/acme/alerts/destinations/{hook.pk}/again"
    for address in (again_of(message), since):
        given = {"hours": "24"}
        assert client_of(cast.stranger).post(address, given).status_code == 404
        assert client_of(cast.viewer).post(address, given).status_code == 403
        assert admin_client.get(address).status_code == 405
    assert "Send anew" not in text(client_of(cast.viewer).get(f"/o/acme/outbox/{message.pk}/"))
    other = queue_webhook(make_webhook(HOOK, cast.globex), **SENT)
    assert admin_client.post(again_of(other)).status_code == 404
    assert Message.objects.count() == 2


def test_support_staff_send_what_is_of_the_service_anew(cast: Cast) -> None:
    hook = make_webhook(HOOK)
    Recipient.objects.filter(pk=hook.pk).update(organization=None)
    hook.refresh_from_db()
    message = queue_webhook(hook, **SENT)
    support = client_of(cast.staff)
    assert "Send anew" in text(support.get(f"/outbox/{message.pk}/"))
    assert support.post(f"/alerts/messages/{message.pk}/again").status_code == 302
    assert Message.objects.filter(kind="replay", organization=None).count() == 1
    address = f"/alerts/messages/{message.pk}/again"
    assert client_of(cast.admin).post(address).status_code == 404

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from pytest_django import Settings

from monitoring.alerts import address_guard
from monitoring.alerts.models import Message, Recipient
from monitoring.alerts.secrets import secret_of
from monitoring.audit.models import AuditEntry
from tests.factories import NOW
from tests.monitoring.alerts.destination_makers import make_chat, make_webhook
from tests.monitoring.console.conftest import Cast, client_of
from tests.monitoring.console.markup import markup, text

ADD = "/o/acme/alerts/destinations/new"
HOOK = "https://127.0.0.1:8444/hooks/of-acme?token=secret-of-acme"
SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/%23alerts"
HOURS = {
    "working_days": ["1", "2", "3", "4", "5"],
    "digest": "never",
    "digest_hour": "8",
    "time_zone": "UTC",
}


@pytest.fixture(autouse=True)
def addresses_are_ours(settings: Settings) -> None:
    settings.ALERT_TARGETS_ALLOWED = ["127.0.0.0/8"]


def typed(**overrides: Any) -> dict[str, Any]:
    return {"name": "Paging", "url": HOOK} | overrides


def test_the_key_of_a_webhook_is_shown_once_and_its_address_never(
    cast: Cast, admin_client: Client
) -> None:
    response = admin_client.post(f"{ADD}/webhook/", typed(hears_health="on"))
    page = text(response)
    assert "it is shown this once" in page
    (key,) = re.findall(r"whsec_\S+", page)
    assert response.headers["Cache-Control"] == "private, no-store"
    recipient = Recipient.objects.get(channel="webhook")
    assert [each.key for each in secret_of(recipient).keys] == [key]
    assert secret_of(recipient).url == HOOK
    # That of who added it, until somebody says another.
    assert recipient.time_zone == "Europe/Berlin"
    addresses = ("/o/acme/alerts/routes/", f"/o/acme/alerts/destinations/{recipient.pk}/")
    for address in addresses:
        shown = admin_client.get(address).content.decode()
        assert "https://127.0.0.1:8444" in shown
        assert "secret-of-acme" not in shown
        assert key not in shown
    assert "Webhook · At any time · Every change of health" in text(admin_client.get(addresses[0]))
    assert "secret-of-acme" not in str(AuditEntry.objects.get().detail)


def test_a_chat_is_added_and_only_its_service_is_shown(cast: Cast, admin_client: Client) -> None:
    assert "Slack, Microsoft Teams" in text(admin_client.get(f"{ADD}/chat/"))
    response = admin_client.post(f"{ADD}/chat/", typed(name="On call", url=SLACK), follow=True)
    page = text(response)
    assert "Added. A route says what it is told of." in page
    assert "On call" in page
    assert "TIiajkdnlazkcOXrIdevi7FQ" not in page


def test_what_is_refused_is_said_beside_its_field(cast: Cast, admin_client: Client) -> None:
    for channel, given in (
        ("webhook", typed(url="http://127.0.0.1/hook")),
        ("webhook", typed(url="https://10.0.0.1/hook")),
        ("webhook", typed(name="")),
        ("chat", typed(url="file:///etc/passwd")),
    ):
        page = text(admin_client.post(f"{ADD}/{channel}/", given))
        assert "It is not saved yet" in page, given
    assert not Recipient.objects.exclude(channel="mail").exists()


def test_one_is_changed_and_leads_where_it_did(cast: Cast, admin_client: Client) -> None:
    hook = make_webhook(HOOK, cast.acme)
    address = f"/o/acme/alerts/destinations/{hook.pk}/"
    quiet = {"quiet_from": "22:00", "quiet_until": "07:00", "hears_health": "on"}
    admin_client.post(address, typed(name="Night", url="", **HOURS, **quiet))
    hook.refresh_from_db()
    assert (hook.name, hook.working_days, hook.hears_health) == ("Night", "12345", True)
    assert secret_of(hook).url == HOOK
    elsewhere = "https://127.0.0.1:8555/other"
    admin_client.post(address, typed(name="Night", url=elsewhere, **HOURS))
    hook.refresh_from_db()
    assert secret_of(hook).url == elsewhere
    refused = text(admin_client.post(address, typed(url="ftp://x", **HOURS)))
    assert "It is not saved yet" in refused
    half = text(admin_client.post(address, typed(name="Half", **HOURS | {"time_zone": "Mars"})))
    assert "Choose a zone of the list" in half
    hook.refresh_from_db()
    assert hook.name == "Night"


def test_no_transaction_is_open_while_a_name_is_looked_up(
    cast: Cast, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up, whole = [], address_guard.addresses_of
    hook, outside = make_webhook(HOOK, cast.acme), list(connection.savepoint_ids)

    def look_up(host: str, port: int) -> list[Any]:
        looked_up.append(list(connection.savepoint_ids))
        return whole(host, port)

    monkeypatch.setattr(address_guard, "addresses_of", look_up)
    admin_client.post(f"{ADD}/webhook/", typed())
    admin_client.post(f"/o/acme/alerts/destinations/{hook.pk}/", typed(**HOURS))
    hook.refresh_from_db()
    assert hook.name == "Paging"
    assert looked_up == [outside] * 2


def test_a_new_key_is_made_and_shown_once(cast: Cast, admin_client: Client) -> None:
    hook, chat = make_webhook(HOOK, cast.acme), make_chat(SLACK, cast.acme)
    page = text(admin_client.post(f"/o/acme/alerts/destinations/{hook.pk}/key"))
    hook.refresh_from_db()
    assert secret_of(hook).keys[0].key in page
    refused = admin_client.post(f"/o/acme/alerts/destinations/{chat.pk}/key", follow=True)
    assert "Only a webhook has a key." in text(refused)


def test_a_test_is_sent_to_one(cast: Cast, admin_client: Client) -> None:
    hook = make_webhook(HOOK, cast.acme, name="Paging")
    page = admin_client.post(f"/o/acme/alerts/recipients/{hook.pk}/test", follow=True)
    message = Message.objects.get()
    assert message.channel == "webhook"
    assert "A test to Paging is queued. It is being sent" in text(page)
    assert f"/o/acme/outbox/{message.pk}/" in markup(page).links


def test_a_destination_has_its_own_page_and_an_address_none(
    cast: Cast, admin_client: Client
) -> None:
    hook = make_webhook(HOOK, cast.acme)
    response = admin_client.get(f"/o/acme/alerts/recipients/{hook.pk}/")
    assert response.headers["Location"] == f"/o/acme/alerts/destinations/{hook.pk}/"
    admin_client.post(f"/o/acme/alerts/recipients/{hook.pk}/remove")
    assert admin_client.get(response.headers["Location"]).status_code == 404
    assert admin_client.get(f"{ADD}/pigeon/").status_code == 404


def test_the_service_has_destinations_of_its_own(cast: Cast) -> None:
    support = client_of(cast.staff)
    add = "/alerts/destinations/new/webhook/"
    assert "change of a person's health" not in text(support.get(add))
    support.post(add, typed())
    hook = Recipient.objects.get(channel="webhook")
    assert hook.organization is None
    assert "Paging" in text(support.get("/alerts/routes/"))
    assert client_of(cast.admin).get(f"/alerts/destinations/{hook.pk}/").status_code == 404


def test_strangers_viewers_and_wrong_methods_are_refused(cast: Cast) -> None:
    hook, theirs = make_webhook(HOOK, cast.acme), make_webhook(HOOK, cast.globex)
    admin, viewer, stranger = map(client_of, (cast.admin, cast.viewer, cast.stranger))
    page = f"/o/acme/alerts/destinations/{hook.pk}/"
    for address in (page, f"{ADD}/webhook/"):
        assert stranger.get(address).status_code == 404
        assert viewer.get(address).status_code == 403
        assert viewer.post(address, typed(**HOURS)).status_code == 403
        assert admin.delete(address).status_code == 405
    assert viewer.post(f"{page}key").status_code == 403
    assert admin.get(f"{page}key").status_code == 405
    assert admin.get(f"/o/acme/alerts/destinations/{theirs.pk}/").status_code == 404
    assert admin.post(f"/o/acme/alerts/destinations/{theirs.pk}/key").status_code == 404
    assert Recipient.objects.filter(created_at=NOW, removed_at=None).count() >= 2

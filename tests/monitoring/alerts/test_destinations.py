from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone
from pytest_django import Settings

from accounts.access import ServiceAccess
from accounts.models import Role
from monitoring.alerts import destinations
from monitoring.alerts.destinations import (
    destination_add,
    destination_change,
    destination_secret_rotate,
    destination_test,
    lead_of,
)
from monitoring.alerts.models import Channel, Message, Recipient
from monitoring.alerts.recipient_changes import recipient_remove
from monitoring.alerts.refusals import AlertRefusedError
from monitoring.alerts.secrets import secret_of
from monitoring.alerts.sending import chats_work, webhooks_work
from monitoring.audit.models import AuditEntry
from tests.factories import make_organization, make_user
from tests.monitoring.alerts.destination_makers import (
    make_access,
    make_chat,
    make_webhook,
    queue_webhook,
)
from tests.monitoring.alerts.web import Web

pytestmark = pytest.mark.django_db


def entries() -> list[tuple[str, Any]]:
    return list(AuditEntry.objects.order_by("id").values_list("action", "detail"))


def test_a_webhook_is_added_with_a_key_that_is_told_once(web: Web, now: datetime) -> None:
    access = make_access()
    added = destination_add(
        access=access, channel="webhook", name=" Our\nhooks ", url=web.url("/in?token=x"), now=now
    )
    stored = Recipient.objects.get()
    assert added.recipient == stored
    assert (stored.organization, stored.name) == (access.organization, "Our hooks")
    assert stored.address == f"http://{web.host}"
    assert (stored.hears_health, stored.events_transaction) == (False, None)
    secret = secret_of(stored)
    assert secret.url == web.url("/in?token=x")
    assert [each.key for each in secret.keys] == [added.key]
    assert added.key.startswith("whsec_")
    ((action, detail),) = entries()
    assert action == "recipient.add"
    assert "token" not in str(detail)
    assert added.key not in repr(added) + str(detail)


def test_a_chat_is_added(now: datetime) -> None:
    url = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    added = destination_add(access=make_access(), channel="chat", name="Ops", url=url, now=now)
    assert (added.recipient.address, added.key) == ("Slack", "")
    assert secret_of(added.recipient).url == url
    assert "TIiajk" not in str(entries())


def test_a_webhook_may_hear_each_change_of_health_from_now_on(web: Web, now: datetime) -> None:
    hears: Any = {"channel": "webhook", "name": "Hooks", "url": web.url(), "hears_health": True}
    added = destination_add(access=make_access(), now=now, **hears)
    assert added.recipient.hears_health
    assert added.recipient.events_transaction > 0
    with pytest.raises(AlertRefusedError) as refused:
        destination_add(access=service_access(), now=now, **hears)
    assert refused.value.field == "hears_health"


def service_access() -> ServiceAccess:
    return ServiceAccess(make_user(is_staff=True), timezone.get_default_timezone())


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"channel": "mail"}, "channel"),
        ({"channel": "pigeon"}, "channel"),
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"url": "http://hooks.example/"}, "url"),
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"url": "https://127.0.0.1/"}, "url"),
        ({"url": "https://x/" + "x" * 2_000}, "url"),
        ({"channel": "chat", "url": "json://hooks.example/"}, "url"),
        ({"channel": "chat", "url": "mmosts://127.0.0.1/3ccdd113474722377935511fc85d3dd4"}, "url"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(
    now: datetime, fields: dict[str, Any], field: str
) -> None:
    given = {"channel": "webhook", "name": "Hooks", "url": "https://127.0.0.1:1/"} | fields
    with pytest.raises(AlertRefusedError) as refused:
        destination_add(access=make_access(), now=now, **given)
    assert refused.value.field == field
    assert not Recipient.objects.exists()
    assert entries() == []


def test_who_may_only_look_and_strangers_change_nothing(web: Web, now: datetime) -> None:
    hook = make_webhook(web.url())
    viewer = make_access(hook.organization, Role.VIEWER)
    stranger, service = make_access(), service_access()
    for access in (viewer, stranger, service):
        for change in (
            lambda access: destination_change(access=access, recipient=hook, name="x", now=now),
            lambda access: recipient_remove(access=access, recipient=hook, now=now),
            lambda access: destination_secret_rotate(access=access, recipient=hook, now=now),
            lambda access: destination_test(access=access, recipient=hook, now=now),
        ):
            with pytest.raises(PermissionDenied):
                change(access)
    with pytest.raises(PermissionDenied):
        destination_add(access=viewer, channel="webhook", name="x", url=web.url(), now=now)
    assert entries() == []
    assert not Message.objects.exists()


def test_support_staff_have_destinations_of_the_service(web: Web, now: datetime) -> None:
    access = service_access()
    added = destination_add(
        access=access, channel="webhook", name="Support", url=web.url(), now=now
    )
    assert added.recipient.organization is None
    message = destination_test(access=access, recipient=added.recipient, now=timezone.now())
    webhooks_work()
    message.refresh_from_db()
    assert message.state == "sent"
    assert web.taken[0].json["data"] == {"organization": None, "destination": "Support"}
    with pytest.raises(PermissionDenied):
        recipient_remove(access=make_access(), recipient=added.recipient, now=now)


def test_a_change_of_name_leaves_the_address_and_the_keys(web: Web, now: datetime) -> None:
    hook = make_webhook(web.url())
    access, before = make_access(hook.organization), secret_of(hook)
    destination_change(access=access, recipient=hook, name="New", now=now)
    hook.refresh_from_db()
    assert (hook.name, secret_of(hook)) == ("New", before)
    lead = lead_of(Channel.WEBHOOK, f" {web.url('/new')} ")
    destination_change(access=access, recipient=hook, name="New", lead=lead, now=now)
    assert web.url("/new") not in repr(lead)
    hook.refresh_from_db()
    assert secret_of(hook).url == web.url("/new")
    assert secret_of(hook).keys == before.keys
    destination_change(access=access, recipient=hook, name="New", now=now)
    assert [action for action, _ in entries()] == ["recipient.change"] * 2
    with pytest.raises(AlertRefusedError):
        lead_of(Channel.WEBHOOK, "https://[::1]/")


def test_hearing_begins_where_it_is_switched_on(web: Web, now: datetime) -> None:
    hook = make_webhook(web.url())
    access = make_access(hook.organization)
    destination_change(access=access, recipient=hook, name="x", hears_health=True, now=now)
    hook.refresh_from_db()
    place = hook.events_transaction
    assert place is not None
    Recipient.objects.update(events_transaction=place + 7)
    destination_change(access=access, recipient=hook, name="y", hears_health=True, now=now)
    hook.refresh_from_db()
    assert hook.events_transaction == place + 7, "who hears already goes on from its place"


def test_a_new_key_signs_beside_the_last_one_for_a_day(web: Web, now: datetime) -> None:
    hook = make_webhook(web.url())
    access = make_access(hook.organization)
    (old,) = secret_of(hook).keys
    key = destination_secret_rotate(access=access, recipient=hook, now=now)
    hook.refresh_from_db()
    assert secret_of(hook).keys_at(now + timedelta(hours=23)) == [key, old.key]
    assert secret_of(hook).keys_at(now + timedelta(hours=25)) == [key]
    ((action, detail),) = entries()
    assert action == "recipient.rotate"
    assert key not in str(detail)
    chat = make_chat("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", hook.organization)
    with pytest.raises(AlertRefusedError):
        destination_secret_rotate(access=access, recipient=chat, now=now)


def test_removing_forgets_where_it_led_and_withdraws_what_waits(web: Web, now: datetime) -> None:
    hook, other = make_webhook(web.url()), make_webhook(web.url())
    access = make_access(hook.organization)
    waits, failed, sent = (queue_webhook(hook, state=each) for each in ("queued", "failed", "sent"))
    theirs = queue_webhook(other)
    assert recipient_remove(access=access, recipient=hook, now=now)
    hook.refresh_from_db()
    for message, state in ((waits, "withdrawn"), (failed, "withdrawn"), (sent, "sent")):
        message.refresh_from_db()
        assert message.state == state
    theirs.refresh_from_db()
    assert theirs.state == "queued"
    assert (hook.removed_at, hook.secret) == (now, None)
    assert not recipient_remove(access=access, recipient=hook, now=now)
    with pytest.raises(AlertRefusedError):
        destination_test(access=access, recipient=hook, now=now)


def test_a_test_message_arrives_at_a_chat(web: Web) -> None:
    chat = make_chat(f"mmost://{web.host}/3ccdd113474722377935511fc85d3dd4")
    access = make_access(chat.organization)
    message = destination_test(access=access, recipient=chat, now=timezone.now())
    assert (message.kind, message.channel) == ("alert_test", Channel.CHAT)
    chats_work()
    message.refresh_from_db()
    assert message.state == "sent"
    assert access.organization.name in web.taken[0].json["text"]
    assert entries()[0][0] == "recipient.test"


def test_a_test_is_sent_once_a_minute(web: Web, now: datetime) -> None:
    hook = make_webhook(web.url())
    access = make_access(hook.organization)
    destination_test(access=access, recipient=hook, now=now)
    with pytest.raises(AlertRefusedError, match="within this minute"):
        destination_test(access=access, recipient=hook, now=now)
    destination_test(access=access, recipient=hook, now=now + timedelta(minutes=1))
    assert [action for action, _ in entries()] == ["recipient.test"] * 2


def test_tests_of_an_organization_are_so_many_an_hour(
    web: Web, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(destinations, "MOST_TESTS", 2)
    hook, other = make_webhook(web.url()), make_webhook(web.url())
    second = make_webhook(web.url(), hook.organization)
    access = make_access(hook.organization)
    for each in (hook, second):
        destination_test(access=access, recipient=each, now=now)
    later = now + timedelta(minutes=59)
    with pytest.raises(AlertRefusedError, match="within an hour"):
        destination_test(access=access, recipient=hook, now=later)
    destination_test(access=make_access(other.organization), recipient=other, now=later)
    destination_test(access=access, recipient=hook, now=now + timedelta(minutes=60))


def test_what_cannot_be_read_any_more_is_said(web: Web, now: datetime, settings: Settings) -> None:
    hook = make_webhook(web.url())
    access = make_access(hook.organization)
    settings.CREDENTIAL_KEYS = ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]
    with pytest.raises(AlertRefusedError, match="add it anew"):
        destination_secret_rotate(access=access, recipient=hook, now=now)


def test_a_mail_recipient_is_no_destination(now: datetime) -> None:
    organization = make_organization()
    mail = Recipient.objects.create(
        organization=organization, address="a@b.example", created_at=now
    )
    with pytest.raises(AlertRefusedError):
        destination_test(access=make_access(organization), recipient=mail, now=now)

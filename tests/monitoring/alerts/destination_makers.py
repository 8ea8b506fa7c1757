"""Makers of chats, webhooks and what is told of for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.access import Access, access_for
from accounts.models import Organization, Role
from monitoring.alerts.chat import chat_draft
from monitoring.alerts.item import ChatText, Item
from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.models import Channel, Message, Recipient
from monitoring.alerts.outbox import Draft, messages_queue
from monitoring.alerts.plan_facts import Phase
from monitoring.alerts.secrets import Key, Secret, new_key, secret_stored
from monitoring.alerts.webhooks import alert_event
from tests.factories import NOW, make_member, make_organization, serial

TEXT = ChatText("5 people stopped syncing", "Allow the app.")


def make_webhook(url: str, organization: Organization | None = None, **overrides: Any) -> Recipient:
    """Store a webhook that leads to an address; `keys` are those that sign for it."""
    keys = overrides.pop("keys", None) or [new_key()]
    secret = Secret(url, tuple(Key(each) for each in keys))
    return make_destination(Channel.WEBHOOK, secret, organization, **overrides)


def make_chat(url: str, organization: Organization | None = None, **overrides: Any) -> Recipient:
    return make_destination(Channel.CHAT, Secret(url), organization, **overrides)


def make_destination(
    channel: Channel, secret: Secret, organization: Organization | None, **overrides: Any
) -> Recipient:
    return Recipient.objects.create(
        **{
            "organization": organization or make_organization(),
            "channel": channel,
            "name": f"Destination {next(serial)}",
            "address": "somewhere",
            "secret": secret_stored(secret),
            "created_at": NOW,
        }
        | overrides
    )


def make_item(**overrides: Any) -> Item:
    return Item(
        **{
            "alert_id": next(serial),
            "kind": AlertKind.STALLED,
            "phase": Phase.OPENED,
            "severity": Severity.WARNING,
            "cause": "salesforce.session_policy",
            "title": "Salesforce session policy",
            "meaning": "Salesforce refuses the app for these people.",
            "next_step": "Allow the app in the session policy.",
            "people": 5,
            "began_at": NOW - timedelta(minutes=20),
            "organization_name": "Acme",
            "organization_slug": "acme",
            "names": ("Ada Lovelace", "Ben Bitdiddle"),
            "alert_link": "https://sync.example/o/acme/alerts/7",
            "people_link": "https://sync.example/o/acme/people?cause=x",
            "acknowledge_link": "https://sync.example/acknowledge/secret",
            "facts": {"share": 0.4},
        }
        | overrides
    )


def queue_webhook(recipient: Recipient, items: Sequence[Item] = (), **overrides: Any) -> Message:
    """Queue a webhook that is due by the clock on the wall."""
    now = overrides.pop("now", timezone.now())
    draft = alert_event(recipient, items or [make_item()], f"alert/{next(serial)}", now=now)
    (message,) = messages_queue(drafts=[unpaced(draft)], now=now)
    Message.objects.filter(pk=message.pk).update(**overrides)
    return message


def queue_chat(
    recipient: Recipient,
    text: ChatText = TEXT,
    items: Sequence[Item] = (),
) -> Message:
    now = timezone.now()
    organization = recipient.organization
    key = f"alert/{next(serial)}"
    draft = chat_draft(recipient, text, key, organization, items=items)
    (message,) = messages_queue(drafts=[unpaced(draft)], now=now)
    return message


def unpaced(draft: Draft) -> Draft:
    """Return a message as one of a kind of which several may go out within a minute."""
    return replace(draft, kind="alert_test")


def make_access(organization: Organization | None = None, role: Role = Role.ADMIN) -> Access:
    member = make_member(organization, role=role)
    return access_for(member.user, member.organization.slug)

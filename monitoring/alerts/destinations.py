"""Adding, changing, testing and removing chats and webhooks.

Where one leads is a secret, and so are the keys that sign for a webhook: a key is returned once,
when it is made, for the receiver to be told. The form of all addresses is checked here, and where
their servers are; and again at each connection (`monitoring.alerts.address_guard`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.db import transaction

from accounts.access import Access, ServiceAccess
from accounts.credentials import CredentialUnreadableError
from monitoring.alerts.address_guard import AddressRefusedError, address_check
from monitoring.alerts.chat import chat_draft
from monitoring.alerts.chat_plugins import ChatRefusedError, chat_check
from monitoring.alerts.health_cursor import cursor_begin
from monitoring.alerts.item import ChatText
from monitoring.alerts.mails import one_line
from monitoring.alerts.models import Channel, Message, Recipient
from monitoring.alerts.outbox import Draft, messages_queue
from monitoring.alerts.recipient_changes import (
    LONGEST_NAME,
    MOST_RECIPIENTS,
    recipient_locked,
    tell,
)
from monitoring.alerts.refusals import AlertRefusedError
from monitoring.alerts.secrets import Key, Secret, new_key, rotated, secret_of, secret_stored
from monitoring.alerts.webhooks import test_event

LONGEST_URL = 2_000
TEST_TITLE = "Test of alerts"
# Of an organization within an hour, all its chats and webhooks together.
MOST_TESTS = 60


@dataclass(frozen=True, slots=True)
class Destination:
    """A chat or webhook that was added; `key` is the webhook's, to be shown this once."""

    recipient: Recipient
    key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Lead:
    """Where an address leads that was looked up, and what may be shown of it."""

    url: str = field(repr=False)
    shown: str


def destination_add(
    *,
    access: Access | ServiceAccess,
    channel: str,
    name: str,
    url: str,
    now: datetime,
    hears_health: bool = False,
    time_zone: str = "UTC",
) -> Destination:
    """Add a chat or a webhook; a route then decides what it is told of.

    Its hours, once somebody gives it some, are those of `time_zone`.
    With `hears_health` a webhook of an organization is also told each change of health from now
    on. Raises PermissionDenied for who may only look, and AlertRefusedError.
    """
    access.require_change()
    if channel not in {Channel.CHAT, Channel.WEBHOOK}:
        raise AlertRefusedError("Choose a chat or a webhook.", "channel")
    if Recipient.objects.visible_to(access).current().count() >= MOST_RECIPIENTS:
        raise AlertRefusedError(f"There may be {MOST_RECIPIENTS} recipients at most.")
    key = new_key() if channel == Channel.WEBHOOK else ""
    url = url.strip()
    recipient = Recipient(
        organization=access.organization,
        channel=channel,
        name=checked_name(name),
        # Looks the server up, so before the transaction.
        address=address_shown(channel, url),
        secret=secret_stored(Secret(url, (Key(key),) if key else ())),
        time_zone=time_zone,
        created_at=now,
    )
    with transaction.atomic():
        hearing_write(recipient, hears_health)
        recipient.save()
        tell(access, "recipient.add", now, recipient, hears_health=recipient.hears_health)
    return Destination(recipient, key)


def lead_of(channel: str, url: str) -> Lead | None:
    """Look up where an address leads, None for an empty one. Raises AlertRefusedError.

    It takes seconds where the server's name is slow, so call it outside of any transaction.
    """
    url = url.strip()
    return Lead(url, address_shown(channel, url)) if url else None


def destination_change(
    *,
    access: Access | ServiceAccess,
    recipient: Recipient,
    name: str,
    now: datetime,
    lead: Lead | None = None,
    hears_health: bool = False,
) -> None:
    """Change a chat or a webhook; without `lead` (see `lead_of`) it leads where it did.

    What waits goes to the new address. Raises PermissionDenied, and AlertRefusedError, also where
    the key of a webhook can't be read any more.
    """
    access.require_change()
    name = checked_name(name)
    with transaction.atomic():
        locked = destination_locked(access, recipient)
        before = (locked.name, locked.hears_health)
        locked.name = name
        if lead:
            locked.address = lead.shown
            locked.secret = secret_stored(replace(known_secret(locked), url=lead.url))
        hearing_write(locked, hears_health)
        locked.save()
        if lead or before != (locked.name, locked.hears_health):
            detail = {"leads_elsewhere": lead is not None, "hears_health": locked.hears_health}
            tell(access, "recipient.change", now, locked, **detail)


@transaction.atomic
def destination_secret_rotate(
    *, access: Access | ServiceAccess, recipient: Recipient, now: datetime
) -> str:
    """Return a new key of a webhook, to be shown this once; the last one signs for a day beside it.

    Raises PermissionDenied and AlertRefusedError.
    """
    locked = destination_locked(access, recipient)
    if locked.channel != Channel.WEBHOOK:
        raise AlertRefusedError("Only a webhook has a key.")
    key = new_key()
    locked.secret = secret_stored(rotated(known_secret(locked), key, now))
    locked.save(update_fields=["secret"])
    tell(access, "recipient.rotate", now, locked)
    return key


@transaction.atomic
def destination_test(
    *, access: Access | ServiceAccess, recipient: Recipient, now: datetime
) -> Message:
    """Queue a test message to a chat or a webhook; what comes of it is seen in the Outbox.

    Raises PermissionDenied, and AlertRefusedError, also for a second one within a minute, and where
    an organization asks for very many.
    """
    locked = destination_locked(access, recipient)
    tests_check(locked, now)
    message = next(iter(messages_queue(drafts=[test_draft(locked, now)], now=now)), None)
    if message is None:
        raise AlertRefusedError("A test was sent within this minute. Wait for the next one.")
    tell(access, "recipient.test", now, locked, message=message.pk)
    return message


def tests_check(recipient: Recipient, now: datetime) -> None:
    """Refuse a test where there were enough: each takes up the sender that all have together."""
    lately = Message.objects.filter(
        organization=recipient.organization, created_at__gt=now - timedelta(hours=1)
    )
    if lately.filter(kind="alert_test").exclude(channel=Channel.MAIL).count() >= MOST_TESTS:
        raise AlertRefusedError(f"There were {MOST_TESTS} tests within an hour. Wait a while.")


def test_draft(recipient: Recipient, now: datetime) -> Draft:
    key = f"alert_test/{recipient.pk}/{now:%Y%m%d%H%M}"
    if recipient.channel == Channel.WEBHOOK:
        return test_event(recipient, key, now)
    whose = recipient.organization.name if recipient.organization else "all organizations"
    text = ChatText(TEST_TITLE, f"Alerts of {whose} arrive here. There is nothing to do.")
    known_secret(recipient)
    return chat_draft(recipient, text, key, recipient.organization, kind="alert_test")


def destination_locked(access: Access | ServiceAccess, recipient: Recipient) -> Recipient:
    locked = recipient_locked(access, recipient)
    if locked.channel == Channel.MAIL or locked.removed_at is not None:
        raise AlertRefusedError("This is no chat or webhook, or it was removed meanwhile.")
    return locked


def known_secret(recipient: Recipient) -> Secret:
    try:
        return secret_of(recipient)
    except CredentialUnreadableError as error:
        raise AlertRefusedError(
            "Where this leads can't be read any more. Remove it, and add it anew."
        ) from error


def checked_name(name: str) -> str:
    name = one_line(name)
    if not name:
        raise AlertRefusedError("Give it a name, so that routes can be read.", "name")
    if len(name) > LONGEST_NAME:
        raise AlertRefusedError(f"The name may have {LONGEST_NAME} characters at most.", "name")
    return name


def address_shown(channel: str, url: str) -> str:
    """Return what may be shown of an address. Raises AlertRefusedError for one that can't be."""
    if len(url) > LONGEST_URL:
        raise AlertRefusedError("The address is too long.", "url")
    try:
        if channel == Channel.CHAT:
            return chat_check(url)[:254]
        address_check(url)
    except (AddressRefusedError, ChatRefusedError) as error:
        raise AlertRefusedError(str(error), "url") from error
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"[:254]


def hearing_write(recipient: Recipient, hears_health: bool) -> None:
    """Let a webhook hear changes of health from now on, or not any more."""
    if hears_health and (recipient.channel != Channel.WEBHOOK or recipient.organization is None):
        raise AlertRefusedError(
            "Only a webhook of an organization can be told each change of health.", "hears_health"
        )
    if hears_health and not recipient.hears_health:
        recipient.events_transaction, recipient.events_transition = cursor_begin(), 0
    recipient.hears_health = hears_health

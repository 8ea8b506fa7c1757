"""The outbox: every message is a row before it is sent, one a recipient, whatever its channel."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parseaddr
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from accounts.credentials import decrypt, encrypt
from accounts.models import Organization, Person
from monitoring.alerts.delivery import LONGEST_CALL, longest_mail
from monitoring.alerts.mails import Mail, Picture, one_line
from monitoring.alerts.models import Channel, Message, MessageQuerySet, MessageState, Recipient
from monitoring.jobs.doorbell import ring_task

# The occasions of mails, as the console names them. A mail's templates bear the same name.
MESSAGE_KINDS = {
    "alert": "Alert",
    "alert_test": "Test of alerts",
    "confirm_address": "Asked whether an address wants alerts",
    "health_changed": "Changes of health",
    "replay": "Sent anew",
    "digest": "Digest",
    "approval_asked": "Asked to approve an action",
    "approval_decided": "Told that an action is decided",
    "acted_for_you": "Access restored for them",
    "reauthorize": "Asked to give access again",
    "reauthorize_reminder": "Reminded to give access again",
    "person_link": "Link to their own page",
}
WORK = "monitoring.alerts.sending.messages_work"
# The queue task that sends what is of each channel.
WORK_OF = {
    Channel.MAIL: WORK,
    Channel.CHAT: "monitoring.alerts.sending.chats_work",
    Channel.WEBHOOK: "monitoring.alerts.sending.webhooks_work",
}


class MessageRefusedError(Exception):
    """Something that can't be done to a message now; it is a sentence for the admin."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be queued; see `message_queue`.

    One of another channel than mail names its `target`, and goes where that leads when it is sent.
    `details` are what its channel needs besides the text, as JSON. `in_place_since`: it takes the
    place in the queue that one before it has had since then. With a `failure` it is given up at
    once, for an admin to see and to send again.
    """

    organization: Organization | None
    person: Person | None
    kind: str
    key: str
    recipient: str
    recipient_name: str
    mail: Mail
    not_before: datetime | None = None
    channel: str = Channel.MAIL
    target: Recipient | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    in_place_since: datetime | None = None
    failure: str = ""


def message_queue(
    *,
    organization: Organization | None,
    person: Person | None = None,
    kind: str,
    key: str,
    recipient: str,
    recipient_name: str = "",
    mail: Mail,
    now: datetime,
    not_before: datetime | None = None,
) -> Message | None:
    """Queue a mail to one recipient; return None where one was queued under that key before.

    Call it in the transaction of what it tells: either both are there, or neither. It is sent soon
    after the commit, or from `not_before` on. Raises KeyError for no kind of MESSAGE_KINDS.
    """
    draft = Draft(organization, person, kind, key, recipient, recipient_name, mail, not_before)
    return next(iter(messages_queue(drafts=[draft], now=now)), None)


@transaction.atomic
def messages_queue(*, drafts: Sequence[Draft], now: datetime) -> list[Message]:
    """Queue many messages in two statements; return those whose key was not known before."""
    messages = [message_of(draft, now) for draft in drafts]
    Message.objects.bulk_create(messages, ignore_conflicts=True)
    queued = Message.objects.filter(message_id__in=[each.message_id for each in messages])
    for channel in {each.channel for each in messages}:
        sender_ring(channel)
    return list(queued.order_by("id"))


def message_of(draft: Draft, now: datetime) -> Message:
    if draft.kind not in MESSAGE_KINDS:
        raise KeyError(f"{draft.kind!r} is not in monitoring.alerts.outbox.MESSAGE_KINDS")
    given_up = {"state": MessageState.FAILED, "ended_at": now, "answer": draft.failure}
    return Message(
        organization=draft.organization,
        person=draft.person,
        kind=draft.kind,
        key=draft.key,
        channel=draft.channel,
        target=draft.target,
        recipient=draft.recipient,
        recipient_name=one_line(draft.recipient_name)[:200],
        subject=draft.mail.subject,
        content=content_of(draft.mail, draft.details),
        message_id=f"<{uuid4().hex}@{sender_domain()}>",
        created_at=now,
        next_try_at=draft.in_place_since or max(now, draft.not_before or now),
        **(given_up if draft.failure else {}),
    )


def unwritten(error: Exception) -> str:
    """Return the failure of a message that could not be written; the error's text may be secret."""
    return f"This message could not be written ({type(error).__name__})."


def content_of(mail: Mail, details: Mapping[str, Any] | None = None) -> bytes:
    pictures = {each.cid: b64encode(each.png).decode() for each in mail.pictures}
    content = {
        "text": mail.text,
        "html": mail.html,
        "base": settings.BASE_URL,
        "headers": dict(mail.headers),
        "pictures": pictures,
        "details": dict(details or {}),
    }
    return encrypt(json.dumps(content))


def sender_domain() -> str:
    """Return the domain of the sender's address: it makes the ids of messages ours."""
    _, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    return address.rpartition("@")[2] or "localhost"


def mail_in(message: Message) -> Mail:
    """Return what a message says. Raises CredentialUnreadableError."""
    return mail_and_base(message)[0]


def mail_and_base(message: Message) -> tuple[Mail, str]:
    """Return what a message says, and the address of this service when it was written."""
    content = json.loads(decrypt(message.content))
    # Mails queued before there were such have neither.
    pictures = [Picture(cid, b64decode(png)) for cid, png in content.get("pictures", {}).items()]
    mail = Mail(
        subject=message.subject,
        text=content["text"],
        html=content["html"],
        headers=content.get("headers", {}),
        pictures=tuple(pictures),
    )
    return mail, content["base"]


def details_in(message: Message) -> dict[str, Any]:
    """Return what its channel was given besides the text. Raises CredentialUnreadableError."""
    details: dict[str, Any] = json.loads(decrypt(message.content)).get("details", {})
    return details


def messages_withdraw(*, keys: Collection[str], now: datetime, reason: str = "") -> int:
    """Withdraw the messages of these keys that are not sent; return how many.

    `reason` is a sentence for the Outbox that says why.

    Those that were given up too: nobody is to send them again. One that the mail server is taking
    at this moment goes out all the same, and is then told as sent.
    """
    return withdrawn(Message.objects.filter(key__in=keys), now, reason)


def messages_to_withdraw(*, target: Recipient, now: datetime, reason: str = "") -> int:
    """Withdraw what is not sent to a chat or a webhook, as `messages_withdraw` does."""
    return withdrawn(Message.objects.filter(target=target), now, reason)


@transaction.atomic(savepoint=False)
def withdrawn(messages: MessageQuerySet, now: datetime, reason: str) -> int:
    unsent = [MessageState.QUEUED, MessageState.SENDING, MessageState.FAILED]
    waiting = messages_lock(messages.filter(state__in=unsent))
    return Message.objects.filter(pk__in=waiting).update(**withdrawal(reason, now))


def messages_lock(messages: QuerySet[Message]) -> set[int]:
    """Lock messages until the transaction ends, and return their ids.

    Who changes several in one transaction locks them so first, in the order of their ids: two of
    them would else wait for each other.
    """
    locked = messages.order_by("pk").select_for_update(no_key=True)
    return set(locked.values_list("pk", flat=True))


def withdrawal(reason: str, now: datetime) -> dict[str, Any]:
    """Return the fields of a message that is withdrawn: what a server said is its end no more."""
    return {"state": MessageState.WITHDRAWN, "ended_at": now, "answer": reason}


def sender_ring(channel: str = Channel.MAIL) -> None:
    """Wake a worker for what is to be sent, once the current transaction is committed."""
    longest = settings.DRAIN_BUDGET + longest_send(channel)
    ring_task(WORK_OF[Channel(channel)], timeout=int(longest) + 30)


def longest_send(channel: str) -> float:
    """Return the seconds that sending one message of a channel may take."""
    if channel == Channel.MAIL:
        return longest_mail(settings.EMAIL_TIMEOUT)
    return LONGEST_CALL

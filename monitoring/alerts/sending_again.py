"""Sending again what was given up: asked when somebody clicks, as when it is claimed.

What has become wrong meanwhile is withdrawn at once, and says why: else it would be promised to be
sent, and be withdrawn by the sender.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction

from accounts.access import Access, ServiceAccess
from monitoring.alerts.last_checks import Withdrawal, decisions
from monitoring.alerts.models import Channel, Message, MessageQuerySet, MessageState
from monitoring.alerts.outbox import MessageRefusedError, sender_ring, withdrawal
from monitoring.audit.log import audit_entry_write

WRONG_BY_NOW = "What it says is not so any more, so it is not sent."


@dataclass(frozen=True, slots=True)
class Again:
    """What comes of sending a message again: it is sent from a time on, or a sentence says why not.

    `at` is None where it is not sent.
    """

    at: datetime | None = None
    refusal: str = ""

    @property
    def detail(self) -> dict[str, str]:
        return {"withdrawn": self.refusal} if self.refusal else {}


@transaction.atomic
def message_retry(*, access: Access | ServiceAccess, message: Message, now: datetime) -> Again:
    """Have a message sent that was given up, as if it were new, or withdraw it where it is wrong.

    The service's own belong to no organization. Raises PermissionDenied for who may only look or
    whose organization it is not, and MessageRefusedError for a message that was not given up.
    """
    access.require_change()
    if message.organization_id != access.organization_id:
        raise PermissionDenied("This message belongs to another organization.")
    again = sent_again(Message.objects.failed().filter(pk=message.pk), message, now)
    audit_entry_write(
        organization=access.organization,
        action="message.retry",
        now=now,
        author=access.user,
        person=message.person,
        detail={"message": message.pk, **again.detail},
    )
    return again


def sent_again(given_up: MessageQuerySet, message: Message, now: datetime) -> Again:
    """Do so to the one message that was given up; permission and audit are the caller's.

    Raises MessageRefusedError where it was not given up.
    """
    decision = decisions([message], now)[message.pk]
    if isinstance(decision, Withdrawal):
        again = Again(refusal=decision.reason or WRONG_BY_NOW)
        fields = withdrawal(again.refusal, now)
    else:
        again = Again(at=decision if isinstance(decision, datetime) else now)
        fields = as_if_new(now) | {"next_try_at": again.at}
    if not given_up.update(**fields):
        raise MessageRefusedError("This is not given up, so there is nothing to send again.")
    if again.at is not None:
        sender_ring(message.channel)
    return again


@transaction.atomic
def messages_retry(*, access: Access | ServiceAccess, now: datetime) -> int:
    """Have all that was given up sent, of an organization or the service's own; return how many.

    They go out at the sender's pace, the oldest first; it withdraws those that are wrong by then.
    Raises PermissionDenied for who may only look.
    """
    access.require_change()
    given_up = Message.objects.failed().filter(organization=access.organization_id)
    number = given_up.update(**as_if_new(now))
    if number:
        audit_entry_write(
            organization=access.organization,
            action="message.retry_all",
            now=now,
            author=access.user,
            detail={"messages": number},
        )
        for channel in Channel.values:
            sender_ring(channel)
    return number


def as_if_new(now: datetime) -> dict[str, Any]:
    return {"state": MessageState.QUEUED, "attempts": 0, "next_try_at": now, "ended_at": None}

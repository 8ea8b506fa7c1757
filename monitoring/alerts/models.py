"""Messages to people, and silences: timed mutes of them."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.tenancy import TenantModel, TenantQuerySet


class MessageState(models.TextChoices):
    QUEUED = "queued", "waits to be sent"
    SENDING = "sending", "being sent"
    SENT = "sent", "sent"
    FAILED = "failed", "given up"
    WITHDRAWN = "withdrawn", "withdrawn"


class MessageQuerySet(TenantQuerySet):
    def failed(self) -> MessageQuerySet:
        return self.filter(state=MessageState.FAILED)

    def waiting(self) -> MessageQuerySet:
        return self.filter(state__in=[MessageState.QUEUED, MessageState.SENDING])

    def newest_first(self) -> MessageQuerySet:
        return self.order_by("-created_at", "-id")


class Message(models.Model):
    """One mail to one recipient: a row before it is sent, and its record thereafter.

    `content` is ciphertext of `accounts.credentials`, of the JSON object {"text", "html", "base"}:
    it may hold a link that opens something, and `base` is where links to this service lead. `key`
    makes a message one message: queued twice under the same key it is sent once. `kind` names the
    occasion (`monitoring.alerts.outbox`).

    `token` and `lease_until` (database clock) are the claim of the worker that sends it.
    """

    organization = models.ForeignKey(
        "accounts.Organization", models.CASCADE, null=True, related_name="messages"
    )
    person = models.ForeignKey(
        "accounts.Person", models.CASCADE, null=True, related_name="messages"
    )
    kind = models.CharField(max_length=40)
    key = models.CharField(max_length=120, unique=True)
    recipient = models.EmailField(max_length=254)
    recipient_name = models.CharField(max_length=200, blank=True)
    subject = models.CharField(max_length=300)
    content = models.BinaryField()
    message_id = models.CharField(max_length=254, unique=True)
    created_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=MessageState, default=MessageState.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField()
    token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    # When it was given up or withdrawn.
    ended_at = models.DateTimeField(null=True)
    # What the mail server said last.
    answer = models.CharField(max_length=500, blank=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["next_try_at"],
                condition=Q(state__in=["queued", "sending"]),
                name="message_to_send",
            ),
            models.Index(fields=["organization", "-created_at"], name="message_of_organization"),
            models.Index(fields=["person", "-created_at"], name="message_of_person"),
            models.Index(
                fields=["organization", "-created_at"],
                condition=Q(state="failed"),
                name="message_failed",
            ),
        ]


class SilenceQuerySet(TenantQuerySet):
    def active_at(self, now: datetime) -> SilenceQuerySet:
        return self.filter(started_at__lte=now, ends_at__gt=now, ended_at=None)

    def over_at(self, now: datetime) -> SilenceQuerySet:
        return self.exclude(ends_at__gt=now, ended_at=None)


class Silence(TenantModel):
    """A timed mute of alerts about people; their health is judged as ever (design, rule 7)."""

    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    author_name = models.CharField(max_length=254)
    reason = models.CharField(max_length=500)
    started_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by_name = models.CharField(max_length=254, blank=True)

    objects: ClassVar = SilenceQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["organization", "ends_at"],
                condition=Q(ended_at=None),
                name="silence_not_ended",
            ),
        ]


class SilencedPerson(TenantModel):
    """One person of a silence; `lifted_at` takes them out of it before its end."""

    silence = models.ForeignKey(Silence, models.CASCADE, related_name="members", db_index=False)
    organization = models.ForeignKey("accounts.Organization", models.CASCADE, db_index=False)
    person = models.ForeignKey("accounts.Person", models.CASCADE, related_name="silences")
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["silence", "person"], name="silenced_person_once"),
        ]

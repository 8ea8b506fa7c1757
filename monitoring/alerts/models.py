"""Alerts and the messages that tell of them; who is told is beside it, and so are silences."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from accounts.tenancy import TenantQuerySet
from monitoring.alerts.in_hand import lapsed_by
from monitoring.alerts.kinds import ABOUT_HEALTH, AlertKind
from monitoring.alerts.plan_facts import Phase, Waits
from monitoring.alerts.recipient_models import (
    AlertPolicy,
    Audience,
    Channel,
    Digest,
    Recipient,
    Route,
)
from monitoring.alerts.silence_models import Silence, SilencedPerson, SilenceQuerySet

__all__ = [
    "Alert",
    "AlertPolicy",
    "AlertQuerySet",
    "Audience",
    "Channel",
    "Digest",
    "Message",
    "MessageQuerySet",
    "MessageState",
    "Notification",
    "Recipient",
    "Route",
    "Silence",
    "SilenceQuerySet",
    "SilencedPerson",
]


class MessageState(models.TextChoices):
    QUEUED = "queued", "waits to be sent"
    SENDING = "sending", "being sent"
    SENT = "sent", "sent"
    FAILED = "failed", "given up"
    WITHDRAWN = "withdrawn", "withdrawn"


WAITING = (MessageState.QUEUED, MessageState.SENDING)


class MessageQuerySet(TenantQuerySet):
    def failed(self) -> MessageQuerySet:
        return self.filter(state=MessageState.FAILED)

    def waiting(self) -> MessageQuerySet:
        return self.filter(state__in=WAITING)

    def done(self) -> MessageQuerySet:
        """Keep those that will not be sent any more, nor again by themselves."""
        return self.exclude(state__in=WAITING)

    def newest_first(self) -> MessageQuerySet:
        return self.order_by("-created_at", "-id")


class Message(models.Model):
    """One message to one recipient: a row before it is sent, and its record thereafter.

    Most are mails; one of another channel has the recipient it goes to as its `target`.

    `content` is ciphertext of `accounts.credentials`, of a JSON object {"text", "html", "base",
    "headers", "pictures"}: it may hold a link that opens something, and `base` is where links to
    this service lead; headers of its own, and pictures in base64 by their names. `key`
    makes a message one message: queued twice under the same key it is sent once. `kind` names the
    occasion (`monitoring.alerts.outbox`).

    `token` and `lease_until` (database clock) are the claim of the worker that sends it. `event_id`
    is set where a webhook is sent anew: the id its receiver knows it by from the first time.
    """

    organization = models.ForeignKey(
        "accounts.Organization", models.CASCADE, null=True, related_name="messages"
    )
    person = models.ForeignKey(
        "accounts.Person", models.CASCADE, null=True, related_name="messages"
    )
    kind = models.CharField(max_length=40)
    key = models.CharField(max_length=120, unique=True)
    channel = models.CharField(max_length=8, default="mail", db_default="mail")
    target = models.ForeignKey(
        "alerts.Recipient", models.SET_NULL, null=True, related_name="messages"
    )
    recipient = models.CharField(max_length=254)
    recipient_name = models.CharField(max_length=200, blank=True)
    subject = models.CharField(max_length=300)
    content = models.BinaryField()
    message_id = models.CharField(max_length=254, unique=True)
    event_id = models.CharField(max_length=40, blank=True, db_default="")
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
            # With the id, as many may have one time and none of them is to be sorted.
            models.Index(
                fields=["channel", "next_try_at", "id"],
                condition=Q(state__in=["queued", "sending"]),
                name="message_in_order",
            ),
            # What waits for one target, in its order, of which much may have one time.
            models.Index(
                fields=["channel", "target", "next_try_at", "id"],
                condition=Q(state__in=["queued", "sending"]),
                name="message_of_target",
            ),
            models.Index(fields=["organization", "-created_at"], name="message_of_organization"),
            models.Index(fields=["person", "-created_at"], name="message_of_person"),
            models.Index(
                fields=["organization", "-created_at"],
                condition=Q(state="failed"),
                name="message_failed",
            ),
            # What an address was sent last, for the pace of alerts.
            models.Index(
                fields=["recipient", "sent_at"],
                condition=Q(kind="alert", state="sent"),
                name="message_alerts_sent",
            ),
            # How mails go out, for the alert about it.
            models.Index(
                fields=["sent_at"],
                condition=Q(channel="mail", state="sent"),
                name="message_mail_sent",
            ),
            models.Index(
                fields=["ended_at"],
                condition=Q(channel="mail", state="failed"),
                name="message_mail_failed",
            ),
            # What senders have in hand: few of those that wait.
            models.Index(
                fields=["channel", "token"],
                condition=Q(state="sending"),
                name="message_in_hand",
            ),
        ]


class AlertQuerySet(TenantQuerySet):
    def open(self) -> AlertQuerySet:
        return self.filter(ended_at=None)

    def about_health(self) -> AlertQuerySet:
        """Keep those about people who need a human: whom each tells of can be listed."""
        return self.filter(kind__in=ABOUT_HEALTH)

    def to_tell(self) -> AlertQuerySet:
        """Keep those of which something may still have to be told."""
        return self.filter(is_settled=False)

    def in_hand(self, now: datetime) -> AlertQuerySet:
        """Keep those with an acknowledgement that counts (`monitoring.alerts.in_hand`)."""
        return self.filter(acknowledged_at__gt=lapsed_by(now))

    def unanswered(self, now: datetime) -> AlertQuerySet:
        """Keep those that are not in hand."""
        return self.filter(Q(acknowledged_at=None) | Q(acknowledged_at__lte=lapsed_by(now)))

    def unacknowledged(self, now: datetime) -> AlertQuerySet:
        """Keep open ones that nobody has in hand, but for those about silenced people alone."""
        waiting = self.open().unanswered(now)
        return waiting.exclude(people__gt=0, silenced__gte=F("people"))

    def muted(self) -> AlertQuerySet:
        """Keep open ones that are not told, or not of everybody: silenced, or flapping."""
        silenced, kept_back = Q(silenced__gt=0), Q(flaps__gte=Waits().flaps)
        return self.open().filter(silenced | kept_back)

    def newest_first(self) -> AlertQuerySet:
        """Order by what needs eyes: those that go on, the gravest first, then the latest."""
        return self.order_by(F("ended_at").desc(nulls_first=True), "-severity", "-began_at", "-id")


class Alert(models.Model):
    """One episode worth telling somebody (`monitoring.alerts.plan_facts.Episode`).

    Without an organization it is the service's own: support staff see it. At most one is open for
    each organization, kind and cause; the database says so.

    cause         within its kind: of stalled people the cause of their health, else what it is of
    people        whom it is about now, `silenced` of them left out of messages, `most_people` ever
    weight        what growing goes by
    flaps         how many like it ended within the day before it began
    facts         the measured numbers its texts and pages need, by kind
    teams         the same people without the silenced, by team, where a route asks for it
    is_part       of an alert across organizations that support staff are told of as a whole
    transition    of health, and `evidence` the outcomes: what proved it first
    is_settled    it is over, and nothing more will be told of it
    """

    organization = models.ForeignKey(
        "accounts.Organization", models.CASCADE, null=True, db_index=False, related_name="alerts"
    )
    kind = models.CharField(max_length=12, choices=[(each.value, each.value) for each in AlertKind])
    cause = models.CharField(max_length=200)
    severity = models.PositiveSmallIntegerField()
    incident = models.ForeignKey(
        "incidents.Incident", models.SET_NULL, null=True, related_name="alerts"
    )
    people = models.PositiveIntegerField(default=0)
    silenced = models.PositiveIntegerField(default=0)
    most_people = models.PositiveIntegerField(default=0)
    weight = models.FloatField(default=0)
    flaps = models.PositiveSmallIntegerField(default=0)
    facts = models.JSONField(default=dict)
    teams = models.JSONField(default=dict)
    is_part = models.BooleanField(default=False)
    transition = models.BigIntegerField(null=True)
    evidence = ArrayField(models.UUIDField(), default=list)
    began_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by_name = models.CharField(max_length=254, blank=True)
    is_settled = models.BooleanField(default=False)

    objects: ClassVar = AlertQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "kind", "cause"],
                condition=Q(ended_at=None),
                name="alert_open_once",
                nulls_distinct=False,
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "-began_at"], name="alert_of_organization"),
            models.Index(
                fields=["organization", "kind", "cause", "-ended_at"], name="alert_like_it"
            ),
            models.Index(fields=["ended_at"], name="alert_ended"),
            models.Index(
                fields=["organization"], condition=Q(is_settled=False), name="alert_to_tell"
            ),
        ]

    @property
    def is_silenced(self) -> bool:
        """Tell whether nothing is told of it, because those it is about are silenced."""
        return 0 < self.people <= self.silenced


class Notification(models.Model):
    """What one recipient is told of one alert, in one phase, or what is kept from them and why.

    Several may be in one message. One whose message was withdrawn is not told, and is planned anew.

    people   whom it tells of, and `teams` whose those are; empty stands for all, also where it was
             not known who was of which team
    fewest   how many were left when a message of it was withdrawn because they were too few, while
             that is written anew
    """

    alert = models.ForeignKey(Alert, models.CASCADE, related_name="notifications", db_index=False)
    recipient = models.ForeignKey(Recipient, models.CASCADE, related_name="notifications")
    phase = models.CharField(max_length=8, choices=[(each.value, each.value) for each in Phase])
    number = models.PositiveSmallIntegerField(default=0)
    route = models.ForeignKey(Route, models.SET_NULL, null=True, related_name="+")
    people = models.PositiveIntegerField(default=0)
    teams = ArrayField(models.CharField(max_length=100), default=list, db_default=[])
    fewest = models.PositiveIntegerField(null=True)
    weight = models.FloatField(default=0)
    severity = models.PositiveSmallIntegerField(null=True)
    at = models.DateTimeField()
    muted = models.CharField(max_length=8, blank=True)
    message = models.ForeignKey(Message, models.SET_NULL, null=True, related_name="notifications")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["alert", "recipient", "phase", "number"], name="notification_once"
            ),
        ]

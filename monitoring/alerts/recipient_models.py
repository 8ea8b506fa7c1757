"""Who is told of alerts, where and when, and by which routes."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from accounts.tenancy import TenantQuerySet


class Channel(models.TextChoices):
    MAIL = "mail", "Mail"
    CHAT = "chat", "Chat or paging"
    WEBHOOK = "webhook", "Webhook"


class Digest(models.TextChoices):
    NEVER = "never", "Never"
    DAILY = "daily", "Daily"
    WEEKLY = "weekly", "Weekly, on Mondays"


class RecipientQuerySet(TenantQuerySet):
    def current(self) -> RecipientQuerySet:
        """Keep those who are still there, whether they want messages or not."""
        return self.filter(removed_at=None)

    def reachable(self) -> RecipientQuerySet:
        """Keep those who may be sent something."""
        return self.current().filter(unsubscribed_at=None)


class Recipient(models.Model):
    """Somebody, or something, that is sent alerts of one organization, and how they want them.

    Without an organization: of the service, for support staff. Members and support staff are
    recipients by `user`, whose address and zone are looked up; `address` of the others is a mail
    address, or what the console may show of where a chat or webhook leads.

    secret         ciphertext of `accounts.credentials`: where a chat or webhook leads and its keys
    quiet_*, working_days, urgent_always   as in `monitoring.alerts.hours.Hours`
    told_at        when something was last queued to it
    digest_from    where its last digest ended, and the next one begins
    confirmed_at   when somebody behind an address without a login said that it wants this
    events_*       of a webhook that hears of every change of health: up to where it has
    """

    organization = models.ForeignKey(
        "accounts.Organization", models.CASCADE, null=True, db_index=False,
        related_name="recipients",
    )  # fmt: skip
    channel = models.CharField(max_length=8, choices=Channel, default=Channel.MAIL)
    address = models.CharField(max_length=254)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    name = models.CharField(max_length=200, blank=True)
    secret = models.BinaryField(null=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    quiet_from = models.TimeField(null=True)
    quiet_until = models.TimeField(null=True)
    working_days = models.CharField(max_length=7, default="1234567")
    urgent_always = models.BooleanField(default=True)
    digest = models.CharField(max_length=6, choices=Digest, default=Digest.NEVER)
    digest_hour = models.PositiveSmallIntegerField(default=8)
    digest_at = models.DateTimeField(null=True)
    digest_from = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)
    hears_health = models.BooleanField(default=False)
    events_transaction = models.BigIntegerField(null=True)
    events_transition = models.BigIntegerField(null=True)
    unsubscribed_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    objects: ClassVar = RecipientQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "user"],
                condition=Q(user__isnull=False),
                name="recipient_user_once",
                nulls_distinct=False,
            ),
            models.UniqueConstraint(
                fields=["organization", "channel", "address"],
                condition=Q(user=None, removed_at=None, channel="mail"),
                name="recipient_address_once",
                nulls_distinct=False,
            ),
        ]
        indexes = [
            models.Index(fields=["digest_at"], name="recipient_digest"),
            models.Index(fields=["address"], name="recipient_by_address"),
            # Few hear of every change of health, and the tick asks who does.
            models.Index(
                fields=["id"],
                condition=Q(hears_health=True, removed_at=None),
                name="recipient_hears_health",
            ),
        ]

    @property
    def is_confirmed(self) -> bool:
        """Whether it may be sent more than the question whether it wants to be."""
        is_asked = self.channel == Channel.MAIL and self.user_id is None
        return not is_asked or self.confirmed_at is not None


class Audience(models.TextChoices):
    """Whom a route is for."""

    ADMINS = "admins", "Owners and admins"
    SUPPORT = "support", "Support staff"
    CHOSEN = "chosen", "Recipients chosen here"


class Route(models.Model):
    """Who is sent what: alerts that match go to its audience (`alerts.plan_facts.Target`).

    Without an organization it is the service's, about the alerts of all. Empty `kinds` and `teams`
    stand for all. `after` is in seconds: told only if nobody has acknowledged by then.
    """

    organization = models.ForeignKey(
        "accounts.Organization", models.CASCADE, null=True, related_name="routes"
    )
    name = models.CharField(max_length=100)
    position = models.PositiveSmallIntegerField(default=0)
    kinds = ArrayField(models.CharField(max_length=12), default=list)
    least_severity = models.PositiveSmallIntegerField(default=1)
    teams = ArrayField(models.CharField(max_length=100), default=list)
    audience = models.CharField(max_length=8, choices=Audience, default=Audience.ADMINS)
    recipients = models.ManyToManyField(Recipient, related_name="routes")
    after = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()

    objects: ClassVar = TenantQuerySet.as_manager()


class AlertPolicy(models.Model):
    """How an organization wants to be told; the screen shows what is in force.

    Seconds; their meaning is that of `monitoring.alerts.plan_facts.Waits`. `asks_people`: who
    alone can act is asked to, by mail. `unknown_share` of an hour's runs with errors that no rule
    knows, and `coverage_drop` of the people within a day, are worth an alert.
    """

    organization = models.OneToOneField(
        "accounts.Organization", models.CASCADE, primary_key=True, related_name="alert_policy"
    )
    opened = models.PositiveIntegerField(default=900)
    over = models.PositiveIntegerField(default=1_800)
    reminder = models.PositiveIntegerField(default=86_400)
    asks_people = models.BooleanField(default=False)
    unknown_share = models.FloatField(default=0.05)
    coverage_drop = models.FloatField(default=0.1)

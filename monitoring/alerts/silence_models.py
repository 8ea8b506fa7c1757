"""Timed mutes of alerts about people, and the people that some of them name one by one."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.tenancy import TenantModel, TenantQuerySet


class SilenceQuerySet(TenantQuerySet):
    def active_at(self, now: datetime) -> SilenceQuerySet:
        return self.filter(started_at__lte=now, ends_at__gt=now, ended_at=None)

    def not_over_at(self, now: datetime) -> SilenceQuerySet:
        """Keep those in force and those to come."""
        return self.filter(ends_at__gt=now, ended_at=None)

    def over_at(self, now: datetime) -> SilenceQuerySet:
        return self.exclude(ends_at__gt=now, ended_at=None)


class Silence(TenantModel):
    """A timed mute of alerts about people; their health is judged as ever (design, rule 7).

    Of people named one by one (`SilencedPerson`), or with `is_matcher` of whoever matches `team`,
    `cause` and `provider`, each empty for any. A maintenance window is one that begins later, and
    `announcement` names what a provider announced.
    """

    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    author_name = models.CharField(max_length=254)
    reason = models.CharField(max_length=500)
    is_matcher = models.BooleanField(default=False, db_default=False)
    team = models.CharField(max_length=100, blank=True, db_default="")
    cause = models.CharField(max_length=80, blank=True, db_default="")
    provider = models.CharField(max_length=10, blank=True, db_default="")
    announcement = models.CharField(max_length=200, blank=True, db_default="")
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

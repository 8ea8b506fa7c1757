"""Incidents: one shared cause failing many people at once, whom it hit, and what became of them."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from accounts.tenancy import TenantModel, TenantQuerySet
from monitoring.outcomes.models import AppendOnlyQuerySet


class Kind(models.TextChoices):
    FAILURES = "failures", "many people fail together"
    INTAKE = "intake", "too few outcomes come in"


class Source(models.TextChoices):
    """Where the cause lies, as far as the errors say."""

    GOOGLE = "google", "Google"
    SALESFORCE = "salesforce", "Salesforce"
    NETWORK = "network", "The network"
    SERVICE = "service", "This service"
    UNKNOWN = "unknown", "A cause nobody reported"


class IncidentQuerySet(TenantQuerySet):
    def open(self) -> IncidentQuerySet:
        return self.filter(closed_at=None)

    def recovering(self) -> IncidentQuerySet:
        """Keep those that are closed, with people who have not been synced since."""
        return self.filter(closed_at__isnull=False, recovered_at=None)

    def to_recover(self) -> IncidentQuerySet:
        """Keep those of whom people are to be synced: closed ones, and open ones on request."""
        closed = Q(closed_at__isnull=False) | Q(recover_asked_at__isnull=False)
        return self.filter(closed, recovered_at=None)

    def not_over(self) -> IncidentQuerySet:
        return self.filter(recovered_at=None)

    def of_failures(self) -> IncidentQuerySet:
        return self.filter(kind=Kind.FAILURES)

    def newest_first(self) -> IncidentQuerySet:
        """Order by what needs eyes: open ones, then those that recover, then the latest."""
        return self.order_by(
            F("closed_at").desc(nulls_first=True), F("recovered_at").desc(nulls_first=True), "-id"
        )


class Incident(models.Model):
    """One cause that hit many people of one organization at once.

    An incident across organizations has none, is seen by support staff only, and every organization
    it reaches has an incident of its own that is `part_of` it. At most one is open for each
    organization and provider; the database says so. While one is open, failures against its
    provider are not held against anybody (`monitoring.health.shields`).

    began_at      when the first of them failed, and opened_at when that was found
    closed_at     when outcomes said it was over; recovered_at when everybody hit had been tried
    flaps         how often it came back within the half hour after it had closed, last at
                  came_back_at
    people_*      who ran, who was hit, and who of those waits for a good run, as last counted
    share         of those who tried lately, how many failed against its provider, as last counted
    """

    organization = models.ForeignKey(
        "accounts.Organization", models.CASCADE, null=True, db_index=False, related_name="incidents"
    )
    part_of = models.ForeignKey("self", models.SET_NULL, null=True, related_name="parts")
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.FAILURES)
    provider = models.CharField(max_length=10, choices=Source)
    signature = models.CharField(max_length=200)
    rule = models.CharField(max_length=80, null=True)
    interpretation = models.CharField(max_length=12, null=True)
    rules_version = models.IntegerField(null=True)
    began_at = models.DateTimeField()
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    recovered_at = models.DateTimeField(null=True)
    came_back_at = models.DateTimeField(null=True)
    flaps = models.PositiveSmallIntegerField(default=0)
    people_running = models.PositiveIntegerField(default=0)
    people_hit = models.PositiveIntegerField(default=0)
    people_waiting = models.PositiveIntegerField(default=0)
    share = models.FloatField(default=0, db_default=0)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    owner_name = models.CharField(max_length=254, blank=True)
    status_asked_at = models.DateTimeField(null=True)
    # Somebody asked for a sync of all who wait, although it is open.
    recover_asked_at = models.DateTimeField(null=True)

    objects: ClassVar = IncidentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "provider", "kind"],
                condition=Q(closed_at=None),
                name="incident_open_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(recovered_at=None) | Q(closed_at__isnull=False),
                name="incident_closed_before_recovered",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "-opened_at"], name="incident_of_organization"),
            models.Index(fields=["organization", "closed_at"], name="incident_closed"),
            models.Index(
                fields=["organization"], condition=Q(recovered_at=None), name="incident_not_over"
            ),
        ]

    @property
    def state(self) -> str:
        """Return open, recovering or over."""
        if self.closed_at is None:
            return "open"
        return "recovering" if self.recovered_at is None else "over"


class HitQuerySet(TenantQuerySet):
    def waiting(self) -> HitQuerySet:
        """Keep those who have had no good run since, and have not been tried after the end."""
        return self.filter(recovered_at=None, ended_at=None)


class Hit(TenantModel):
    """One person hit by one incident.

    gap_since      the last good run before: recovery goes by the oldest
    canary         tries often while the incident is open
    asked_at       when recovery asked for a sync
    recovered_at   the good run that ended it for this person
    ended_at       a run after the end that was not good: from then on the person's own trouble
    fold_anew      health still has to be folded anew, because the incident was found later
    """

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="hits", db_index=False)
    organization = models.ForeignKey("accounts.Organization", models.CASCADE, db_index=False)
    person = models.ForeignKey("accounts.Person", models.CASCADE, related_name="hits")
    first_failed_at = models.DateTimeField()
    last_failed_at = models.DateTimeField()
    gap_since = models.DateTimeField()
    canary = models.BooleanField(default=False)
    asked_at = models.DateTimeField(null=True)
    recovered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    fold_anew = models.BooleanField(default=False)

    objects: ClassVar = HitQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["incident", "person"], name="hit_once"),
        ]
        indexes = [
            models.Index(
                fields=["incident", "gap_since", "person"],
                condition=Q(recovered_at=None, ended_at=None),
                name="hit_waiting",
            ),
            models.Index(
                fields=["incident", "person"], condition=Q(fold_anew=True), name="hit_to_fold"
            ),
            models.Index(
                fields=["incident", "person"],
                condition=Q(canary=True, recovered_at=None, ended_at=None),
                name="hit_canary",
            ),
        ]


class EventKind(models.TextChoices):
    OPENED = "opened", "Found"
    GREW = "grew", "Grew"
    CAME_BACK = "came_back", "Came back"
    CLOSED = "closed", "Over, by its outcomes"
    RECOVERED = "recovered", "Everybody hit has been tried again"
    STATUS = "status", "The provider's status page"
    OWNER = "owner", "Taken"
    NOTE = "note", "Note"
    RECOVER = "recover", "Recovery asked for"


class IncidentEvent(models.Model):
    """One line of an incident's timeline. Append-only. `author_name` is empty for our own."""

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="events")
    at = models.DateTimeField()
    kind = models.CharField(max_length=10, choices=EventKind)
    people = models.PositiveIntegerField(null=True)
    text = models.CharField(max_length=2_000, blank=True)
    address = models.CharField(max_length=300, blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    author_name = models.CharField(max_length=254, blank=True)

    objects: ClassVar = AppendOnlyQuerySet.as_manager()


class Pulse(models.Model):
    """People by the minute and the error of their latest run, as changes to be summed.

    `signature` is empty for a good run and begins with "~" for one that an incident explains.
    `people` moves with a person's next run, so that a sum over a window counts everybody once;
    `attempts` never moves. Whoever takes outcomes in appends; the tick folds rows together.
    """

    organization = models.ForeignKey(
        "accounts.Organization", models.CASCADE, db_index=False, db_constraint=False
    )
    minute = models.DateTimeField()
    signature = models.CharField(max_length=201)
    people = models.IntegerField()
    attempts = models.PositiveIntegerField()

    class Meta:
        indexes = [
            models.Index(fields=["organization", "minute"], name="pulse_of_organization"),
            models.Index(fields=["minute"], name="pulse_by_minute"),
        ]


class UsualHour(models.Model):
    """How runs ended in one past hour outside incidents: the baseline.

    Of one organization, or with none of all together.
    """

    organization = models.ForeignKey(
        "accounts.Organization", models.CASCADE, null=True, db_index=False, db_constraint=False
    )
    hour = models.DateTimeField()
    signature = models.CharField(max_length=200)
    attempts = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "hour", "signature"],
                name="usual_hour_once",
                nulls_distinct=False,
            ),
        ]


class Release(models.Model):
    """A version of this service, and since when it runs: something that may have changed then."""

    version = models.CharField(max_length=60)
    started_at = models.DateTimeField()


class StatusPage(models.Model):
    """When an organization's page at Salesforce is asked next what is planned."""

    organization = models.OneToOneField(
        "accounts.Organization", models.CASCADE, primary_key=True, related_name="+"
    )
    ask_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["ask_at"], name="status_page_to_ask")]


class PlannedMaintenanceQuerySet(TenantQuerySet):
    def ahead(self, now: datetime) -> PlannedMaintenanceQuerySet:
        """Keep those that go on or are to come, the next first."""
        return self.filter(ends_at__gt=now).order_by("starts_at", "id")


class PlannedMaintenance(TenantModel):
    """A maintenance that a provider has announced for the machine an organization is on.

    `instance` is the provider's name of it, `external_id` that of the announcement, or empty. `key`
    is of the announcement and its beginning: postponed, it is another.
    """

    provider = models.CharField(max_length=10, choices=Source)
    instance = models.CharField(max_length=64, blank=True)
    external_id = models.CharField(max_length=64, blank=True)
    key = models.CharField(max_length=200)
    name = models.CharField(max_length=200)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    # Somebody said that no alerts need be muted for it.
    dismissed_at = models.DateTimeField(null=True)

    objects: ClassVar = PlannedMaintenanceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "key"], name="planned_maintenance_once"
            ),
        ]

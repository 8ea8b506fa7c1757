"""What is known of each person's syncing, and what people decided about it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from accounts.tenancy import TenantModel, TenantQuerySet
from monitoring.outcomes.models import AppendOnlyQuerySet


class Status(models.TextChoices):
    STALLED = "stalled", "Needs attention"
    DEGRADED = "degraded", "Delayed"
    DISABLED = "disabled", "Off"
    HEALTHY = "healthy", "Syncing"


class Policy(models.Model):
    """The numbers by which an organization's people are judged; the screen shows those in force.

    Durations are whole seconds. Their meaning is that of `monitoring.health.fold.PolicyFacts`.
    """

    organization = models.OneToOneField("accounts.Organization", models.CASCADE, primary_key=True)
    base_interval = models.PositiveIntegerField(default=7_200)
    maximum_interval = models.PositiveIntegerField(default=86_400)
    grace_minimum = models.PositiveIntegerField(default=900)
    failing_after = models.PositiveIntegerField(default=86_400)
    failing_attempts = models.PositiveSmallIntegerField(default=6)
    silent_intervals = models.PositiveSmallIntegerField(default=2)
    first_retry = models.PositiveIntegerField(default=300)
    second_retry = models.PositiveIntegerField(default=1_200)
    failures_to_double = models.PositiveSmallIntegerField(default=3)
    confirm_after = models.PositiveIntegerField(default=240)


class HoldAuthor(models.TextChoices):
    MEMBER = "member", "a member"
    PERSON = "person", "the person"
    OFFBOARDING = "offboarding", "the off-boarding feed"


class HoldQuerySet(TenantQuerySet):
    def active_at(self, now: Any) -> HoldQuerySet:
        return self.filter(started_at__lte=now, released_at=None).exclude(ends_at__lte=now)

    def unreleased(self) -> HoldQuerySet:
        """Keep those that nobody lifted, and whose end the tick has not carried out."""
        return self.filter(released_at=None)


class Hold(TenantModel):
    """A human's decision that this person must not sync now.

    The database refuses a hold without a human author: errors disable nobody (design, rule 1).
    """

    person = models.ForeignKey("accounts.Person", models.CASCADE, related_name="holds")
    author_kind = models.CharField(max_length=12, choices=HoldAuthor)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    author_name = models.CharField(max_length=254)
    reason = models.CharField(max_length=500)
    started_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    released_at = models.DateTimeField(null=True)
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )

    objects: ClassVar = HoldQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(author_name="")
                & ~Q(reason="")
                & (
                    Q(author_kind="member", author__isnull=False)
                    | Q(author_kind__in=["person", "offboarding"])
                ),
                name="hold_has_human_author",
            ),
            models.UniqueConstraint(fields=["id", "person"], name="hold_of_person"),
        ]
        indexes = [
            models.Index(fields=["person"], condition=Q(released_at=None), name="hold_unreleased"),
            models.Index(fields=["ends_at"], condition=Q(released_at=None), name="hold_to_end"),
            # Who has just been let go, for the pace at which people come back.
            models.Index(
                fields=["organization", "released_at"],
                condition=Q(released_at__isnull=False),
                name="hold_let_go",
            ),
        ]


class HealthQuerySet(TenantQuerySet):
    def worst_first(self) -> HealthQuerySet:
        """Order by severity; ties by longest without a good run."""
        return self.order_by("severity", F("unwell_since").asc(nulls_last=True), "person_id")


class Health(TenantModel):
    """One row a person: status, reason, evidence, interval and when it would change by itself.

    The database makes the row with the person, keeps `HealthTally` in step, and refuses `disabled`
    without a Hold of that very person (foreign key on both columns). Everything else is the fold's,
    `monitoring.health.fold`, whose Runs explains the fields.
    """

    person = models.OneToOneField("accounts.Person", models.CASCADE, primary_key=True)
    organization = models.ForeignKey("accounts.Organization", models.CASCADE, db_index=False)
    # True where this service runs the person's syncs, False where another engine reports them.
    runs_here = models.BooleanField(default=False)
    hold = models.ForeignKey(Hold, models.PROTECT, null=True, db_index=False)

    status = models.CharField(max_length=8, choices=Status, default=Status.DEGRADED)
    cause = models.CharField(max_length=80, default="never_connected")
    # The order of worst first; `monitoring.health.fold.severity`.
    severity = models.SmallIntegerField(default=3)
    status_since = models.DateTimeField()
    # When somebody began to miss something: the last good run (or the beginning) of who is unwell.
    unwell_since = models.DateTimeField(null=True)

    awaiting_since = models.DateTimeField(null=True)
    last_attempt_id = models.UUIDField(null=True)
    last_attempt_at = models.DateTimeField(null=True)
    last_result = models.CharField(max_length=10, null=True)
    last_success_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    last_rule = models.CharField(max_length=80, null=True)
    last_interpretation = models.CharField(max_length=12, null=True)
    rules_version = models.IntegerField(null=True)
    suspect_interpretation = models.CharField(max_length=12, null=True)
    suspect_rule = models.CharField(max_length=80, null=True)
    suspect_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    evidence = ArrayField(models.UUIDField(), default=list)
    # One letter a run, oldest first: s(uccess) p(artial) f(ailure) l(ost).
    recent = models.CharField(max_length=24, default="")

    interval = models.PositiveIntegerField(default=7_200)
    # The base interval an admin chose for this person; null means the organization's.
    own_interval = models.PositiveIntegerField(null=True)
    expected_at = models.DateTimeField(null=True)
    # The provider asked that nobody comes sooner.
    not_before = models.DateTimeField(null=True)
    last_signature = models.CharField(max_length=200, null=True)
    in_incident = models.BooleanField(default=False, db_default=False)
    next_due = models.DateTimeField(null=True)
    check_at = models.DateTimeField(null=True)

    objects: ClassVar = HealthQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status="disabled", hold__isnull=False)
                | (~Q(status="disabled") & Q(hold__isnull=True)),
                name="health_disabled_by_hold_only",
            ),
        ]
        indexes = [
            models.Index(
                "organization",
                "severity",
                F("unwell_since").asc(nulls_last=True),
                "person",
                name="health_worst_first",
            ),
            models.Index(
                "organization",
                "cause",
                "severity",
                F("unwell_since").asc(nulls_last=True),
                "person",
                name="health_by_cause",
            ),
            models.Index(fields=["next_due"], condition=Q(runs_here=True), name="health_due"),
            models.Index(fields=["check_at"], name="health_to_check"),
            # Few have one; how much is to be heard of an organization depends on it.
            models.Index(
                fields=["organization", "own_interval"],
                include=["status", "cause"],
                condition=Q(own_interval__isnull=False),
                name="health_own_interval",
            ),
            # Whom the last run's error hit, for incidents; who is well is not in it.
            models.Index(
                fields=["organization", "last_attempt_at"],
                condition=Q(last_signature__isnull=False),
                name="health_failing",
            ),
        ]


class HealthTally(models.Model):
    """How many people are in a status for a cause, as changes to be summed.

    Only a trigger on Health writes here, so the sum is exact at every moment and no two writers
    wait for each other; the tick folds rows together.
    """

    organization = models.ForeignKey("accounts.Organization", models.CASCADE)
    status = models.CharField(max_length=8)
    cause = models.CharField(max_length=80)
    people = models.IntegerField()


class StatusSample(models.Model):
    """How many people of an organization were in a group at a moment; the trend is drawn from it.

    `group` is a status, or never_connected, which is counted apart.
    """

    organization = models.ForeignKey("accounts.Organization", models.CASCADE, db_index=False)
    at = models.DateTimeField()
    group = models.CharField(max_length=15)
    people = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "at", "group"], name="status_sample_once"
            ),
        ]
        indexes = [models.Index(fields=["at"], name="status_sample_by_time")]


class TransactionId(models.Func):
    """The number of the transaction at work. They are counted for ever, and never come again."""

    template = "(pg_current_xact_id()::text::bigint)"
    output_field = models.BigIntegerField()


class Transition(TenantModel):
    """One change of status or interval, with what caused it. Append-only.

    `transaction` is the number of that which wrote it, null for those older than the column. Who
    reads on from where they were goes by it, and no further than all that is committed: numbers
    of rows become visible in any order.
    """

    organization = models.ForeignKey("accounts.Organization", models.CASCADE, db_index=False)
    person = models.ForeignKey(
        "accounts.Person",
        models.DO_NOTHING,
        db_constraint=False,
        related_name="transitions",
    )
    at = models.DateTimeField()
    from_status = models.CharField(max_length=8)
    to_status = models.CharField(max_length=8)
    from_cause = models.CharField(max_length=80)
    to_cause = models.CharField(max_length=80)
    from_interval = models.PositiveIntegerField()
    to_interval = models.PositiveIntegerField()
    rules_version = models.IntegerField(null=True)
    evidence = ArrayField(models.UUIDField(), default=list)
    transaction = models.BigIntegerField(null=True, db_default=TransactionId())

    objects: ClassVar = AppendOnlyQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["person", "-at"], name="transition_of_person"),
            # Of an organization, and in the order in which they are told on.
            models.Index(fields=["organization", "transaction", "id"], name="transition_to_tell"),
        ]

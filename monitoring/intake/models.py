"""What the intake refused, and how much of what it took in."""

from __future__ import annotations

from django.db import models


class Rejection(models.Model):
    """One refused outcome: which line of which delivery, and why.

    `organization` is null where the line did not say, truthfully, whose it is; only support staff
    see those.
    """

    organization = models.ForeignKey("accounts.Organization", models.CASCADE, null=True)
    at = models.DateTimeField()
    source = models.CharField(max_length=100)
    line = models.PositiveIntegerField()
    field = models.CharField(max_length=60)
    reason = models.CharField(max_length=300)

    class Meta:
        indexes = [models.Index(fields=["organization", "-at"], name="rejection_of_organization")]


class OutcomeClass(models.TextChoices):
    """What an outcome is counted as: its result, and of a failure what the error was read as."""

    SUCCESS = "success"
    PARTIAL = "partial"
    TRANSIENT = "transient"
    UNKNOWN = "unknown"
    NEEDS_USER = "needs_user"
    NEEDS_ADMIN = "needs_admin"
    RECORD = "record"
    CLIENT_BUG = "client_bug"
    LOST = "lost"


class ClassHour(models.Model):
    """How many runs that ended in an hour are of a class, as of the last fold.

    Together with the rows of `ClassHourChange` the number is exact at every moment.
    """

    organization = models.ForeignKey("accounts.Organization", models.CASCADE, db_index=False)
    hour = models.DateTimeField()
    outcome_class = models.CharField(max_length=12)
    outcomes = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "hour", "outcome_class"], name="class_hour_once"
            ),
        ]
        indexes = [models.Index(fields=["hour"], name="class_hour_by_hour")]


class ClassHourChange(models.Model):
    """What a batch of outcomes adds to `ClassHour`, so that no two writers wait for each other."""

    organization = models.ForeignKey(
        "accounts.Organization", models.CASCADE, db_index=False, db_constraint=False
    )
    hour = models.DateTimeField()
    outcome_class = models.CharField(max_length=12)
    outcomes = models.PositiveIntegerField()

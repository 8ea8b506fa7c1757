"""The log of syncing: one immutable row for each attempt."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from django.db import models

from accounts.tenancy import TenantModel, TenantQuerySet


class AppendOnlyError(Exception):
    """Rows of this log are never changed or deleted; retention drops whole partitions."""


class AppendOnlyQuerySet(TenantQuerySet):
    def update(self, **values: Any) -> NoReturn:
        raise AppendOnlyError(self.model.__name__)

    def delete(self) -> NoReturn:
        raise AppendOnlyError(self.model.__name__)


class Trigger(models.TextChoices):
    SCHEDULE = "schedule", "on schedule"
    ADMIN = "admin", "by an admin"
    RETRY = "retry", "as a retry"
    RECOVERY = "recovery", "in a recovery"
    EXTERNAL = "external", "by another engine"


class Result(models.TextChoices):
    SUCCESS = "success", "Synced"
    PARTIAL = "partial", "Synced in part"
    FAILURE = "failure", "Failed"
    LOST = "lost", "Lost"


class OutcomeQuerySet(AppendOnlyQuerySet):
    def of_person(self, person_id: int) -> OutcomeQuerySet:
        return self.filter(person_id=person_id)

    def newest_first(self) -> OutcomeQuerySet:
        return self.order_by("-finished_at", "-attempt_id")


class Outcome(TenantModel):
    """What came of one attempt.

    The table is partitioned by range of `attempt_id`: a UUIDv7 begins with its time, so the primary
    key that makes an attempt unique is at once the partition by time. Ids that carry no time live
    in the default partition. Rows are written by `monitoring.intake` only, by COPY; the foreign
    keys are logical, because a check a row would cost a third of the ingest.
    """

    attempt_id = models.UUIDField(primary_key=True)
    organization = models.ForeignKey(
        "accounts.Organization", models.DO_NOTHING, db_constraint=False, db_index=False
    )
    person = models.ForeignKey(
        "accounts.Person",
        models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="outcomes",
    )
    trigger = models.CharField(max_length=10, choices=Trigger)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    result = models.CharField(max_length=10, choices=Result)
    # Null where there was no error.
    interpretation = models.CharField(max_length=12, null=True)
    rule = models.CharField(max_length=80, null=True)
    rules_version = models.IntegerField(null=True)
    signature = models.CharField(max_length=200, null=True)
    retry_after = models.IntegerField(null=True)
    error = models.JSONField(null=True)
    counts = models.JSONField(null=True)

    objects: ClassVar = OutcomeQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["person", "-finished_at"], name="outcome_of_person"),
        ]

    def save(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError("Outcome")

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError("Outcome")

"""Work that is queued or running, and who is at it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.tenancy import TenantModel


class Lane(models.IntegerChoices):
    """Lower is claimed first."""

    ADMIN = 0, "asked for by an admin"
    BULK = 2, "asked for by an admin, for many people"
    RECOVERY = 4, "recovery after an incident"
    RETRY = 5, "retry"
    SCHEDULE = 9, "periodic"


class JobState(models.IntegerChoices):
    QUEUED = 0, "queued"
    RUNNING = 1, "running"


class Job(TenantModel):
    """One queued or running attempt to sync one person.

    A job exists before its doorbell rings. Whoever claims it writes a token and a lease; closing it
    deletes the row and appends its Outcome in one transaction, fenced by that token, so a late or
    repeated writer changes nothing.

    `lease_until` is by the database's clock: how long the job may wait in the queue, then how long
    its worker may keep it. When it has passed, the reaper takes the job and records it as lost.
    `start_at`, by the same clock, is when it may be claimed; null means at once. `again` says that
    a running job is not enough: closing it queues another.
    """

    # Found by its person, who has no other; that attempts are unique is the log's care.
    attempt_id = models.UUIDField()
    # Both copied from Health. Checking two keys a row would cost a third of the dispatch, for rows
    # that live seconds; the job of somebody deleted meanwhile is withdrawn by who claims it.
    organization = models.ForeignKey(
        "accounts.Organization", models.CASCADE, db_index=False, db_constraint=False
    )
    person = models.ForeignKey(
        "accounts.Person",
        models.CASCADE,
        db_index=False,
        db_constraint=False,
        related_name="jobs",
    )
    trigger = models.CharField(max_length=10)
    lane = models.SmallIntegerField(choices=Lane)
    state = models.SmallIntegerField(choices=JobState, default=JobState.QUEUED)
    due_at = models.DateTimeField()
    created_at = models.DateTimeField()
    start_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    token = models.UUIDField(null=True)
    lease_until = models.DateTimeField()
    again = models.BooleanField(db_default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person"], name="job_one_a_person"),
        ]
        indexes = [
            models.Index(fields=["lane", "id"], condition=Q(state=0), name="job_queued"),
            models.Index(fields=["lease_until"], name="job_expiring"),
        ]


class WorkerBeat(models.Model):
    """The last sign of life of one worker process, for the probe and the readiness page.

    `lane` is the highest it serves; `at` is by the database's clock.
    """

    worker = models.CharField(max_length=120, primary_key=True)
    host = models.CharField(max_length=100)
    lane = models.SmallIntegerField(choices=Lane)
    at = models.DateTimeField()
    in_flight = models.PositiveIntegerField(default=0)


class TickBeat(models.Model):
    """One row: when the tick last did its work (database clock), and which steps failed.

    `failing_since` is the first of the ticks in a row of which each had a step that failed.
    """

    id = models.SmallIntegerField(primary_key=True, default=1)
    at = models.DateTimeField()
    failed_steps = models.CharField(max_length=200, blank=True)
    failing_since = models.DateTimeField(null=True)

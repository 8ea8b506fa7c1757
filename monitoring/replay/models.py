"""Plays of past outcomes: back-tests of changes of rules, history judged again, rehearsals."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.access import Access
from accounts.models import Organization
from monitoring.errors.models import RuleChange


class Kind(models.TextChoices):
    TEST = "test", "Test on past outcomes"
    REJUDGE = "rejudge", "Past outcomes judged again"
    REHEARSE = "rehearse", "Messages that would have been sent"


class State(models.TextChoices):
    QUEUED = "queued", "Waits for a free worker"
    RUNNING = "running", "Under way"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    STOPPED = "stopped", "Stopped"


UNDER_WAY = (State.QUEUED, State.RUNNING)
# Without a sign for so long, a worker is taken to be dead.
LEASE = timedelta(seconds=60)


class BackTestQuerySet(models.QuerySet):
    def visible_to(self, access: Access) -> Self:
        """Keep the organization's own; for the operator's staff also those over all of them."""
        own = Q(organization_id=access.organization.pk)
        return self.filter(own | Q(organization=None) if access.user.is_staff else own)

    def of_change(self, change: RuleChange) -> Self:
        return self.filter(change=change)

    def tests(self) -> Self:
        return self.filter(kind=Kind.TEST)

    def rejudgings(self) -> Self:
        return self.filter(kind=Kind.REJUDGE)

    def rehearsals(self, access: Access) -> Self:
        """Keep the organization's rehearsals; those with support's messages are support's own."""
        own = self.filter(kind=Kind.REHEARSE, organization_id=access.organization.pk)
        return own if access.user.is_staff else own.filter(is_for_support=False)

    def under_way(self) -> Self:
        """Keep what waits or runs."""
        return self.filter(state__in=UNDER_WAY)

    def at_work(self) -> Self:
        """Keep those whose worker has shown lately that it lives."""
        return self.filter(state=State.RUNNING, beat_at__gt=Now() - LEASE)

    def without_worker(self) -> Self:
        """Keep those under way that nobody is at."""
        abandoned = Q(state=State.RUNNING, beat_at__lte=Now() - LEASE)
        return self.filter(Q(state=State.QUEUED) | abandoned)

    def newest_first(self) -> Self:
        return self.order_by("-id")


class BackTest(models.Model):
    """One run of an organization's past outcomes under a change of rules.

    A test compares and keeps what it found beside the change; a re-judging, of a change that is
    live, gives new verdicts and folds health anew. Without an organization it is of the operator's
    rules, and every organization that has outcomes is run, one after the other. A rehearsal plays
    `days` from `starts_at` on, with a change or without one, and with `routes` instead of those in
    force where it is not null (`monitoring.replay.rehearsal_result.RouteThen`).

    total      outcomes there are to look at, estimated; `done` of them have been
    beat_at    when its worker last showed that it lives, by the database's clock; `token` is that
               worker's. Without a sign for a while the run is taken up by another
    kept       what is finished of it, to go on from after an interruption
    result     what was found, `monitoring.replay.findings.BackTestResult` as JSON, of a rehearsal
               `monitoring.replay.rehearsal_result.RehearsalResult`; null until done
    error      why it failed, a sentence
    """

    organization = models.ForeignKey(
        Organization, models.CASCADE, null=True, related_name="back_tests"
    )
    change = models.ForeignKey(RuleChange, models.PROTECT, null=True, related_name="back_tests")
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.TEST)
    state = models.CharField(max_length=8, choices=State, default=State.QUEUED)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    asked_by_name = models.CharField(max_length=254)
    asked_at = models.DateTimeField()
    days = models.PositiveSmallIntegerField(default=30)
    starts_at = models.DateTimeField(null=True)
    routes = models.JSONField(null=True)
    is_for_support = models.BooleanField(default=False)
    total = models.BigIntegerField(default=0)
    done = models.BigIntegerField(default=0)
    token = models.UUIDField(null=True)
    beat_at = models.DateTimeField(null=True)
    takes = models.PositiveSmallIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    kept = models.JSONField(null=True)
    result = models.JSONField(null=True)
    error = models.CharField(max_length=500, blank=True)

    objects: ClassVar = BackTestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["change", "kind"],
                condition=Q(state__in=UNDER_WAY) & ~Q(kind="rehearse"),
                name="back_test_under_way_once",
            ),
            models.UniqueConstraint(
                fields=["organization", "is_for_support"],
                condition=Q(state__in=UNDER_WAY, kind="rehearse"),
                name="rehearsal_under_way_once",
            ),
            models.CheckConstraint(
                condition=Q(kind="rehearse", organization__isnull=False, starts_at__isnull=False)
                | (~Q(kind="rehearse") & Q(change__isnull=False)),
                name="back_test_of_something",
            ),
            models.CheckConstraint(
                condition=Q(state="running", token__isnull=False, beat_at__isnull=False)
                | (~Q(state="running") & Q(token=None)),
                name="back_test_running_has_worker",
            ),
            models.CheckConstraint(
                condition=Q(state__in=UNDER_WAY, finished_at=None)
                | (~Q(state__in=UNDER_WAY) & Q(finished_at__isnull=False)),
                name="back_test_ends_once",
            ),
        ]
        indexes = [
            models.Index("change", F("id").desc(), name="back_test_of_change"),
            models.Index(fields=["id"], condition=Q(state__in=UNDER_WAY), name="back_test_open"),
            models.Index(
                "organization", F("id").desc(), condition=Q(kind="rehearse"), name="rehearsals"
            ),
        ]

    @property
    def of_change(self) -> RuleChange:
        """Return the change that a test or a judging again is of: those have one."""
        if self.change is None:
            raise ValueError("this play is of no change of a rule")
        return self.change

    @property
    def is_under_way(self) -> bool:
        return self.state in UNDER_WAY

    @property
    def percent(self) -> int:
        """Return how far it has come; 100 only once it is done."""
        if self.state == State.DONE:
            return 100
        return min(99, 100 * self.done // self.total) if self.total else 0

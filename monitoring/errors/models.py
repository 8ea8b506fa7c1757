"""What was changed in rules, which errors no rule knows, and what was judged anew."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, ClassVar, NoReturn, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from accounts.access import Access
from accounts.models import Organization
from accounts.tenancy import TenantModel, TenantQuerySet
from monitoring.errors.versions import CHANGES
from monitoring.outcomes.models import AppendOnlyError, AppendOnlyQuerySet


class RuleState(models.TextChoices):
    DRAFT = "draft", "Draft"
    WAITING = "waiting", "Waits for a second look"
    LIVE = "live", "Live"
    WITHDRAWN = "withdrawn", "Withdrawn"


OPEN = (RuleState.DRAFT, RuleState.WAITING)
SETTLED = (RuleState.LIVE, RuleState.WITHDRAWN)


class RuleChangeQuerySet(models.QuerySet):
    def visible_to(self, access: Access) -> Self:
        """Keep the organization's own changes and the operator's, to customers only live ones."""
        own, operators = Q(organization_id=access.organization.pk), Q(organization=None)
        if not access.user.is_staff:
            operators &= Q(state=RuleState.LIVE)
        return self.filter(own | operators)

    def concerning(self, organization: Organization | None) -> Self:
        """Keep what bears on an organization's rules: its own and the operator's changes.

        None stands for the operator, whose rules bear only the operator's changes.
        """
        operators = Q(organization=None)
        return self.filter(operators if organization is None else operators | _of(organization.pk))

    def at_level(self, organization_id: int | None) -> Self:
        """Keep the changes of that organization's own rules, or with None of the operator's."""
        return self.filter(_of(organization_id))

    def live(self) -> Self:
        return self.filter(state=RuleState.LIVE)

    def live_or_open(self) -> Self:
        """Keep what is or may come to be in force, withdrawn changes left out."""
        return self.filter(state__in=(RuleState.LIVE, *OPEN))

    def open(self) -> Self:
        """Keep drafts and what waits for a second look."""
        return self.filter(state__in=OPEN)

    def of_rule(self, slug: str) -> Self:
        return self.filter(rule=slug)

    def newest_first(self) -> Self:
        """Order by when a change took its place: what is not live yet, then the latest to be."""
        return self.order_by(F("number").desc(nulls_first=True), "-id")

    def update(self, **values: Any) -> int:
        if self.filter(state__in=SETTLED).exists():
            raise AppendOnlyError("RuleChange")
        return super().update(**values)

    def delete(self) -> NoReturn:
        raise AppendOnlyError("RuleChange")


def _of(organization_id: int | None) -> Q:
    if organization_id is None:
        return Q(organization=None)
    return Q(organization_id=organization_id)


class RuleChange(models.Model):
    """One change of one rule: from draft to live it is tested and perhaps looked at twice.

    Without an organization it is the operator's, whose rules hold for everybody. `before` and
    `after` have the keys of the rules file; null is no rule at this level. What is changed, why and
    by whom never changes, and nothing does once it is live or withdrawn. `number` counts the
    changes that went live, and `version` has it behind the version of the built-in rules.
    It is written by `monitoring.errors.changes`.
    """

    organization = models.ForeignKey(
        Organization, models.PROTECT, null=True, related_name="rule_changes"
    )
    rule = models.SlugField(max_length=80, db_index=False)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    reason = models.TextField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    author_name = models.CharField(max_length=254)
    created_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=RuleState, default=RuleState.DRAFT)
    # What the back-test found: how many there were, and of how many something would change.
    tested_at = models.DateTimeField(null=True)
    tested_against = models.IntegerField(null=True)
    people = models.IntegerField(null=True)
    people_moved = models.IntegerField(null=True)
    outcomes = models.BigIntegerField(null=True)
    outcomes_moved = models.BigIntegerField(null=True)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    approved_by_name = models.CharField(max_length=254, blank=True)
    live_at = models.DateTimeField(null=True)
    number = models.IntegerField(null=True, unique=True)
    version = models.IntegerField(null=True)

    objects: ClassVar = RuleChangeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "rule"],
                condition=Q(state__in=OPEN),
                nulls_distinct=False,
                name="rule_change_open_once",
            ),
            models.CheckConstraint(
                condition=Q(state="live", number__gt=0, version__gt=CHANGES, live_at__isnull=False)
                | (~Q(state="live") & Q(number=None, version=None, live_at=None)),
                name="rule_change_live_has_version",
            ),
            models.CheckConstraint(
                condition=Q(tested_at=None)
                | Q(
                    tested_against__isnull=False,
                    people__isnull=False,
                    people_moved__isnull=False,
                    outcomes__isnull=False,
                    outcomes_moved__isnull=False,
                ),
                name="rule_change_tested_has_figures",
            ),
            models.CheckConstraint(
                condition=Q(people_moved__range=(0, F("people")))
                & Q(outcomes_moved__range=(0, F("outcomes"))),
                name="rule_change_figures_fit",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="rule_change_has_reason"),
            models.CheckConstraint(
                condition=Q(before__isnull=False) | Q(after__isnull=False),
                name="rule_change_changes",
            ),
        ]
        indexes = [
            models.Index(
                "organization",
                F("number").desc(),
                "id",
                condition=Q(state="live"),
                name="rule_change_newest",
            ),
            models.Index(fields=["organization", "rule"], name="rule_change_of_rule"),
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        stored = RuleChange.objects.filter(pk=self.pk, state__in=SETTLED)
        if not self._state.adding and stored.exists():
            raise AppendOnlyError("RuleChange")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError("RuleChange")


class UnrecognisedErrorQuerySet(TenantQuerySet):
    def open(self) -> Self:
        """Keep errors that no rule knows yet."""
        return self.filter(resolved_at=None)

    def in_order_of_deliveries(self) -> Self:
        """Order as all do who lock several, so that nobody waits in a circle."""
        return self.order_by("organization_id", "signature")

    def unseen_since(self, moment: datetime) -> Self:
        """Keep errors, open or settled, that did not come since then."""
        return self.filter(last_seen__lt=moment)

    def most_people_first(self) -> Self:
        return self.order_by("-people", "-last_seen", "-id")


class UnrecognisedError(TenantModel):
    """One kind of error that no rule knew, with how often and of how many people it came.

    `sample` is the first such error as the log keeps it: no tokens, yet it may name a private
    event. Written by `monitoring.errors.inbox`.
    """

    provider = models.CharField(max_length=12)
    signature = models.CharField(max_length=200)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    outcomes = models.BigIntegerField(default=0)
    people = models.IntegerField(default=0)
    sample = models.JSONField()
    sample_attempt_id = models.UUIDField()
    # The version of the rules of which none knew it, last.
    rules_tried = models.IntegerField(default=0)
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.ForeignKey(RuleChange, models.PROTECT, null=True, related_name="resolved")

    objects: ClassVar = UnrecognisedErrorQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "signature"], name="unrecognised_error_once"
            ),
        ]
        indexes = [
            models.Index(
                "organization",
                F("people").desc(),
                F("last_seen").desc(),
                F("id").desc(),
                condition=Q(resolved_at=None),
                name="unrecognised_most_people",
            ),
            models.Index(fields=["last_seen"], name="unrecognised_last_seen"),
        ]


class UnrecognisedPerson(models.Model):
    """One person who had an unrecognised error, so that people are counted exactly."""

    pk = models.CompositePrimaryKey("unrecognised_id", "person_id")
    unrecognised = models.ForeignKey(UnrecognisedError, models.CASCADE, db_index=False)
    person = models.ForeignKey(
        "accounts.Person",
        models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )


class RejudgementQuerySet(AppendOnlyQuerySet):
    def of_attempts(self, attempt_ids: Collection[UUID]) -> Self:
        return self.filter(attempt_id__in=attempt_ids)

    def newest_of_each_attempt(self) -> Self:
        """Keep the judgement that counts: of several on one attempt the last."""
        return self.order_by("attempt_id", "-id").distinct("attempt_id")


class Rejudgement(TenantModel):
    """A later verdict on an attempt, after rules were corrected. Append-only.

    The first verdict stays in the outcome log; of several here the newest counts. They go when the
    outcomes have gone, by `monitoring.errors.housekeeping` alone.
    """

    attempt_id = models.UUIDField()
    organization = models.ForeignKey(
        "accounts.Organization", models.DO_NOTHING, db_constraint=False, db_index=False
    )
    person = models.ForeignKey(
        "accounts.Person", models.DO_NOTHING, db_constraint=False, db_index=False
    )
    at = models.DateTimeField()
    interpretation = models.CharField(max_length=12)
    rule = models.CharField(max_length=80, null=True)
    rules_version = models.IntegerField()

    objects: ClassVar = RejudgementQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["attempt_id", "-id"], name="rejudgement_of_attempt"),
            models.Index(fields=["person", "-at"], name="rejudgement_of_person"),
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnlyError("Rejudgement")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError("Rejudgement")

"""What people did to one or many people, with a result for each of them."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from accounts.models import Provider
from accounts.tenancy import TenantModel, TenantQuerySet


class Kind(models.TextChoices):
    SYNC = "sync", "Sync now"
    REAUTHORIZE = "reauthorize", "Re-authorize"
    HOLD = "hold", "Hold"
    RELEASE = "release", "Release"
    INTERVAL = "interval", "Change interval"
    SILENCE = "silence", "Silence"
    NOTE = "note", "Note"
    UNDO = "undo", "Undo"


class Origin(models.TextChoices):
    """How the people of an action were chosen."""

    PERSON = "person", "one person"
    SELECTION = "selection", "people picked one by one"
    FILTER = "filter", "all who match a filter"
    INCIDENT = "incident", "all hit by an incident"
    ACTION = "action", "people of another action"


class ActionState(models.TextChoices):
    """A preview becomes approval or running; running ends as done or stopped."""

    PREVIEW = "preview", "not begun"
    APPROVAL = "approval", "waits for a second person"
    RUNNING = "running", "running"
    DONE = "done", "done"
    STOPPED = "stopped", "stopped"
    DISCARDED = "discarded", "discarded"


class ActionQuerySet(TenantQuerySet):
    def begun(self) -> ActionQuerySet:
        """Keep those that somebody meant: neither previews nor what never was more."""
        never = Q(state=ActionState.DISCARDED, confirmed_at=None)
        return self.exclude(Q(state=ActionState.PREVIEW) | never)

    def running(self) -> ActionQuerySet:
        return self.filter(state=ActionState.RUNNING)

    def newest_first(self) -> ActionQuerySet:
        return self.order_by("-id")


class Action(TenantModel):
    """Something an admin does to a set of people that was frozen when it was previewed.

    `origin_query` says which people were meant: the filter's query string, or the id of the
    incident or action. `parameters` are what the deed of its kind (`monitoring.actions.deeds`) has
    cleaned. `people` counts those it is done to, `left_out` the others of the chosen, and
    `people_known` everybody in the organization at that time.

    Who works at it holds its row's lock, for a slice of its people at a time. Running with
    `stopped_by` set, it begins nobody any more and waits for those it has begun.
    """

    kind = models.CharField(max_length=12, choices=Kind)
    state = models.CharField(max_length=10, choices=ActionState, default=ActionState.PREVIEW)
    origin = models.CharField(max_length=10, choices=Origin)
    origin_query = models.CharField(max_length=2_000, blank=True)
    parameters = models.JSONField(default=dict)
    reason = models.CharField(max_length=500, blank=True)
    people = models.PositiveIntegerField(default=0)
    left_out = models.PositiveIntegerField(default=0)
    people_known = models.PositiveIntegerField(default=0)

    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    author_name = models.CharField(max_length=254)
    created_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    # The second person: who approved it or, where it was discarded, who did that.
    second = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    second_name = models.CharField(max_length=254, blank=True)
    second_at = models.DateTimeField(null=True)
    # What the second person says to who asked.
    second_reason = models.CharField(max_length=500, blank=True, db_default="")
    begun_at = models.DateTimeField(null=True)
    stopped_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    stopped_by_name = models.CharField(max_length=254, blank=True)
    finished_at = models.DateTimeField(null=True)
    # A second undo takes those whom the first, stopped or broken, has left.
    undo_of = models.ForeignKey("self", models.CASCADE, null=True, related_name="undos")

    objects: ClassVar = ActionQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index("organization", F("id").desc(), name="action_of_organization"),
            models.Index(
                fields=["organization", "state"],
                condition=Q(state__in=["approval", "running"]),
                name="action_at_hand",
            ),
            models.Index(
                fields=["created_at"],
                condition=Q(state__in=["preview", "discarded"]),
                name="action_to_forget",
            ),
            models.Index(
                fields=["finished_at"],
                condition=Q(finished_at__isnull=False),
                name="action_ended",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="undo", undo_of__isnull=False)
                | (~Q(kind="undo") & Q(undo_of__isnull=True)),
                name="action_undo_of_something",
            ),
        ]


class PersonState(models.IntegerChoices):
    """What has become of one person of an action. From `DONE` on it is final."""

    LEFT_OUT = 0, "left out"
    WAITING = 1, "waiting"
    RUNNING = 2, "running"
    DONE = 3, "done"
    FAILED = 4, "failed"
    SKIPPED = 5, "nothing to do any more"
    STOPPED = 6, "stopped before its turn"


class ActionPerson(TenantModel):
    """One person of an action: in the set or left out of it, and the one result.

    `status` and `cause` are those at the preview. `code` says in a word why somebody was left out,
    skipped or failed, or what was done (`monitoring.actions.deeds`); `detail` adds what the code
    cannot say. `former` is what an undo restores, with what it finds unchanged.

    Where the result comes later than the deed, `attempt_id` is the job that brings it, or `token`
    and `lease_until` (database clock) are the claim of the worker that is at it.
    """

    action = models.ForeignKey(Action, models.CASCADE, related_name="members", db_index=False)
    organization = models.ForeignKey("accounts.Organization", models.CASCADE, db_index=False)
    person = models.ForeignKey(
        "accounts.Person", models.CASCADE, related_name="actions", db_index=False
    )
    state = models.SmallIntegerField(choices=PersonState)
    status = models.CharField(max_length=8)
    cause = models.CharField(max_length=80, blank=True)
    code = models.CharField(max_length=80, blank=True)
    detail = models.CharField(max_length=500, blank=True)
    former = models.JSONField(null=True)
    attempt_id = models.UUIDField(null=True)
    token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["action", "person"], name="action_person_once"),
        ]
        indexes = [
            models.Index(fields=["action", "state", "id"], name="action_person_by_state"),
            models.Index(fields=["person", "action"], name="action_of_person"),
        ]


class ActionPolicy(models.Model):
    """How an organization wants actions done; the screen shows what is in force.

    approval_share   of the organization's people: what is done to more needs a second person
    approval_least   never for fewer people than this
    link_days        how long a link by mail opens
    reminders        how often somebody who has not used one is reminded, `reminder_days` apart
    """

    organization = models.OneToOneField("accounts.Organization", models.CASCADE, primary_key=True)
    approval_share = models.FloatField(default=0.25)
    approval_least = models.PositiveIntegerField(default=20)
    link_days = models.PositiveSmallIntegerField(default=7)
    reminders = models.PositiveSmallIntegerField(default=2)
    reminder_days = models.PositiveSmallIntegerField(default=2)


class PersonNote(TenantModel):
    """What somebody wrote about a person, perhaps as something to be done by a day."""

    person = models.ForeignKey("accounts.Person", models.CASCADE, related_name="notes")
    text = models.CharField(max_length=2_000)
    at = models.DateTimeField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    author_name = models.CharField(max_length=254)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    owner_name = models.CharField(max_length=254, blank=True)
    due_on = models.DateField(null=True)
    done_at = models.DateTimeField(null=True)
    done_by_name = models.CharField(max_length=254, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["organization", "due_on"],
                condition=Q(done_at=None, due_on__isnull=False),
                name="note_due",
            ),
        ]


class InvitationState(models.TextChoices):
    """How a request to re-authorize stands. The last four are final."""

    WAITING = "waiting", "waits for the end of an incident"
    SENT = "sent", "sent"
    OPENED = "opened", "opened"
    DONE = "done", "done"
    EXPIRED = "expired", "expired"
    REFUSED = "refused", "refused"
    WITHDRAWN = "withdrawn", "withdrawn"


class Invitation(TenantModel):
    """A request to a person to give access again, by a link that works once and not for ever.

    The link is the signed id of this row (`monitoring.actions.links`); whether it still opens is
    told by the row. `providers` are those asked for, `granted` those given so far. `action` is the
    campaign it belongs to.
    """

    person = models.ForeignKey("accounts.Person", models.CASCADE, related_name="invitations")
    action = models.ForeignKey(Action, models.SET_NULL, null=True, related_name="invitations")
    providers = ArrayField(models.CharField(max_length=10, choices=Provider))
    granted = ArrayField(models.CharField(max_length=10, choices=Provider), default=list)
    state = models.CharField(max_length=10, choices=InvitationState)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    asked_by_name = models.CharField(max_length=254)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    # The provider's last refusal in words, or that the consent was of another account.
    refusal = models.CharField(max_length=500, blank=True)
    reminders = models.PositiveSmallIntegerField(default=0)
    # When this row is to be looked at next: sent, reminded of, or expired.
    look_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person"],
                condition=Q(state__in=["waiting", "sent", "opened"]),
                name="invitation_one_open",
            ),
        ]
        indexes = [
            models.Index(
                fields=["look_at"],
                condition=Q(state__in=["waiting", "sent", "opened"]),
                name="invitation_to_look_at",
            ),
            models.Index(fields=["action", "state"], name="invitation_of_action"),
        ]


class LinkRequest(models.Model):
    """That somebody asked for links to the own pages of whoever has an address.

    Nobody has shown that it is theirs; only a mail to it is sent. Answered it is gone.
    """

    address = models.EmailField(max_length=254, unique=True)
    asked_at = models.DateTimeField()

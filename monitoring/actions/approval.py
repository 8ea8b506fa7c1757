"""Whether an action needs a second person, and until when one may agree."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef

from accounts.access import MAY_CHANGE, Access
from accounts.models import Member
from monitoring.actions.deeds import ActionRefusedError
from monitoring.actions.models import Action, ActionPerson, ActionState, Kind, PersonState
from monitoring.actions.policy import ActionPolicyFacts

# What was asked for longer ago has little to do with how people are now.
APPROVAL_HOLDS = timedelta(days=3)
# What one person begins within that time counts together: a large action cut into pieces is one.
TOGETHER = timedelta(days=1)
NEVER_APPROVED = {Kind.NOTE, Kind.UNDO}
BEGUN = [ActionState.RUNNING, ActionState.DONE, ActionState.STOPPED]
DONE_TO = [PersonState.WAITING, PersonState.RUNNING, PersonState.DONE]


def approval_is_needed(
    action: Action, policy: ActionPolicyFacts, others_may_approve: bool, before: int = 0
) -> bool:
    """Tell whether a second person must agree; where there is none, nobody is asked. Pure.

    A note does nothing to anybody, and an undo is never kept waiting. `before` are the people to
    whom the author has done the same of late (`people_before`).
    """
    if action.kind in NEVER_APPROVED or not others_may_approve:
        return False
    people = action.people + before
    return people >= policy.approval_least and people > policy.approval_share * action.people_known


def people_before(action: Action, now: datetime) -> int:
    """Return to how many others its author has done the same within a day, and not undone.

    What a second person approved does not count.
    """
    if action.kind in NEVER_APPROVED:
        return 0
    begun = Action.objects.filter(
        organization=action.organization_id,
        author=action.author_id,
        kind=action.kind,
        state__in=BEGUN,
        begun_at__gt=now - TOGETHER,
        second=None,
    )
    undone = ActionPerson.objects.filter(
        action__undo_of=OuterRef("action"), person=OuterRef("person"), state=PersonState.DONE
    )
    again = ActionPerson.objects.filter(
        action=action.pk, person=OuterRef("person"), state=PersonState.WAITING
    )
    people = ActionPerson.objects.filter(action__in=begun.exclude(pk=action.pk), state__in=DONE_TO)
    return people.exclude(Exists(undone)).exclude(Exists(again)).values("person").distinct().count()


def author_lock(access: Access) -> None:
    """Let what a user begins be counted one action at a time, until the transaction ends."""
    get_user_model().objects.select_for_update(no_key=True).get(pk=access.user.pk)


def refuse_approving(access: Access, action: Action, now: datetime) -> None:
    """Raise ActionRefusedError where this user may not, or nobody may any more, approve."""
    if action.state != ActionState.APPROVAL:
        raise ActionRefusedError("This action does not wait for approval any more.")
    if action.author_id == access.user.pk:
        raise ActionRefusedError("You asked for this, so somebody else has to approve it.")
    if action.confirmed_at is None or action.confirmed_at < now - APPROVAL_HOLDS:
        sentence = f"This was asked for more than {APPROVAL_HOLDS.days} days ago. Refuse it, and"
        raise ActionRefusedError(f"{sentence} have it asked for anew if it is still wanted.")
    if not author_may_change(action):
        sentence = f"{action.author_name} asked for this, and may change nothing here any more."
        raise ActionRefusedError(f"{sentence} Refuse it, and make an action of your own.")


def author_may_change(action: Action) -> bool:
    """Tell whether who asked for an action still may, as `accounts.access.access_for` would."""
    member = Member.objects.filter(organization=action.organization_id, user=action.author_id)
    role = member.values_list("role", flat=True).first()
    may = action.author.is_staff if role is None else role in MAY_CHANGE
    return bool(may and action.author.is_active)

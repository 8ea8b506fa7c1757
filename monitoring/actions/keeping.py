"""Letting go of what nobody needs any more: old requests, superseded previews, ended actions."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef

from accounts.access import Access
from monitoring.actions.approval import APPROVAL_HOLDS
from monitoring.actions.approval_letters import EXPIRED, approval_decided_mail
from monitoring.actions.models import Action, ActionQuerySet, ActionState
from monitoring.alerts.silences import silences_forget
from monitoring.audit.log import audit_entry_write

# Of one author, for who compares previews side by side; of older ones, 20,000 people each may hang.
PREVIEWS_EACH = 3
AT_ONCE = 20


def actions_keep(now: datetime) -> bool:
    """Let go of some of what is old; tell whether there was anything."""
    before = now - timedelta(days=settings.OUTCOME_RETENTION_DAYS)
    expired = approvals_expire(now)
    return any([expired, ended_forget(before), silences_forget(before, limit=AT_ONCE)])


def is_to_be_let_go(now: datetime) -> bool:
    """Tell whether an approval has come too late, or an action ended longer ago than outcomes."""
    before = now - timedelta(days=settings.OUTCOME_RETENTION_DAYS)
    return expired_at(now).exists() or ended_before(before).exists()


def expired_at(now: datetime) -> ActionQuerySet:
    waiting: ActionQuerySet = Action.objects.filter(state=ActionState.APPROVAL)
    return waiting.filter(confirmed_at__lt=now - APPROVAL_HOLDS)


@transaction.atomic
def approvals_expire(now: datetime) -> int:
    """Discard what nobody approved in time; return how many there were."""
    locking = expired_at(now).select_related("organization", "author")
    locked = list(locking.select_for_update(skip_locked=True, of=("self",), no_key=True)[:AT_ONCE])
    for action in locked:
        # Without a second person: nobody discarded it.
        action.state, action.second_at = ActionState.DISCARDED, now
        action.save(update_fields=["state", "second_at"])
        audit_entry_write(
            organization=action.organization,
            action="action.expire",
            now=now,
            author_name="synccenter",
            detail={"action": action.pk, "kind": action.kind, "people": action.people},
        )
        approval_decided_mail(action, EXPIRED, now)
    return len(locked)


def ended_before(before: datetime) -> ActionQuerySet:
    """Return the actions that ended before a moment, but for what is or was undone since."""
    undone_later = Action.objects.filter(undo_of=OuterRef("pk")).exclude(finished_at__lt=before)
    ended: ActionQuerySet = Action.objects.filter(finished_at__lt=before)
    return ended.exclude(Exists(undone_later))


@transaction.atomic
def ended_forget(before: datetime) -> int:
    """Forget actions that ended before a moment, with their people; return how many.

    What was done to whom is told by the audit log for as long as that is kept.
    """
    old = ended_before(before).select_for_update(skip_locked=True, of=("self",))
    ids = list(old.values_list("pk", flat=True)[:AT_ONCE])
    Action.objects.filter(pk__in=ids).delete()
    return len(ids)


def previews_drop(access: Access) -> None:
    """Forget the previews of this user that newer ones have superseded.

    Runs in the caller's transaction. One that is being confirmed at this moment is locked, and
    stays.
    """
    theirs = Action.objects.visible_to(access).filter(author=access.user, state=ActionState.PREVIEW)
    newest_first = theirs.newest_first().select_for_update(skip_locked=True)
    old = list(newest_first.values_list("pk", flat=True)[PREVIEWS_EACH:])
    if old:
        Action.objects.filter(pk__in=old).delete()

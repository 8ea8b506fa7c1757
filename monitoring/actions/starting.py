"""Beginning, approving, discarding, stopping and undoing an action."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.db.models import Q

from accounts.access import MAY_CHANGE, Access
from accounts.models import Member
from monitoring.actions.approval import (
    approval_is_needed,
    author_lock,
    people_before,
    refuse_approving,
)
from monitoring.actions.approval_letters import (
    APPROVED,
    REFUSED,
    approval_ask_mails,
    approval_decided_mail,
)
from monitoring.actions.deeds import ActionRefusedError
from monitoring.actions.incidents import name_of
from monitoring.actions.models import (
    Action,
    ActionPerson,
    ActionState,
    Kind,
    Origin,
    PersonState,
)
from monitoring.actions.policy import action_policy_of
from monitoring.actions.registry import deed_of
from monitoring.actions.running import finish
from monitoring.actions.working import action_begin_work
from monitoring.audit.log import audit_entry_write

# What was previewed longer ago has little to do with how people are now.
PREVIEW_HOLDS = timedelta(days=1)
LONGEST_REASON = 500

# Whom an earlier undo did not get to, because it was stopped or broke, is left to be undone.
LEFT_TO_UNDO = f"""
    FROM actions_actionperson AS member
    WHERE member.action_id = %(action)s AND member.state = {int(PersonState.DONE)}
        AND member.former IS NOT NULL
        AND NOT EXISTS (
            SELECT FROM actions_action AS undo
            JOIN actions_actionperson AS undone ON undone.action_id = undo.id
            WHERE undo.undo_of_id = %(action)s AND undone.person_id = member.person_id
                AND undone.state IN ({int(PersonState.DONE)}, {int(PersonState.SKIPPED)})
        )
"""
FREEZE_UNDO = f"""
    WITH frozen AS (
        INSERT INTO actions_actionperson (
            action_id, organization_id, person_id, status, cause, code, state, detail
        )
        SELECT %(undo)s, organization_id, person_id, health.status, health.cause, '',
            {int(PersonState.WAITING)}, ''
        FROM (SELECT member.organization_id, member.person_id {LEFT_TO_UNDO}) AS left_to_undo
        JOIN health_health AS health USING (organization_id, person_id)
        ORDER BY person_id
        RETURNING 1
    )
    SELECT count(*) FROM frozen
"""  # noqa: S608 - made of constants


def others_may_approve(access: Access) -> bool:
    """Tell whether anybody else could approve: another member, or support staff."""
    members = Member.objects.visible_to(access).filter(role__in=MAY_CHANGE)
    could = Q(is_staff=True) | Q(pk__in=members.values("user"))
    others = get_user_model().objects.filter(could, is_active=True).exclude(pk=access.user.pk)
    return others.exists()


def action_confirm(*, access: Access, action: Action, now: datetime) -> Action:
    """Begin a previewed action, or ask for its approval where that is needed.

    What is quick is done when this returns. Confirmed twice, it is begun once. Raises
    PermissionDenied, and ActionRefusedError for a preview that is discarded, too old, somebody
    else's, or of nobody.
    """
    with transaction.atomic():
        locked = action_locked(access, action)
        is_new = locked.confirmed_at is None
        if is_new:
            confirm(access, locked, now)
    if is_new and locked.state == ActionState.RUNNING:
        action_begin_work(locked, now)
    locked.refresh_from_db()
    return locked


def confirm(access: Access, action: Action, now: datetime) -> None:
    refuse_confirming(access, action, now)
    action.confirmed_at = now
    author_lock(access)
    policy, before = action_policy_of(access.organization), people_before(action, now)
    if approval_is_needed(action, policy, others_may_approve(access), before):
        action.state = ActionState.APPROVAL
        action.save(update_fields=["state", "confirmed_at"])
        action_tell(access, action, "action.ask", now)
        approval_ask_mails(action, now)
        return
    action.state, action.begun_at = ActionState.RUNNING, now
    action.save(update_fields=["state", "confirmed_at", "begun_at"])
    action_tell(access, action, "action.begin", now)


def refuse_confirming(access: Access, action: Action, now: datetime) -> None:
    if action.state != ActionState.PREVIEW:
        raise ActionRefusedError("This preview was discarded. Make a new one.")
    if action.author_id != access.user.pk:
        raise ActionRefusedError(f"This preview is {action.author_name}'s. Make your own.")
    if action.created_at < now - PREVIEW_HOLDS:
        raise ActionRefusedError("This preview is older than a day. Make a new one.")
    if not action.people:
        raise ActionRefusedError("There is nobody to do this to. Choose other people.")


def action_approve(*, access: Access, action: Action, now: datetime) -> Action:
    """Begin an action that waits for a second person.

    Raises PermissionDenied, and ActionRefusedError for who asked for it, where it does not wait, or
    was asked for too long ago or by somebody who could not do so now.
    """
    with transaction.atomic():
        locked = action_locked(access, action)
        refuse_approving(access, locked, now)
        second(locked, access, now)
        locked.state, locked.begun_at = ActionState.RUNNING, now
        locked.save()
        action_tell(access, locked, "action.approve", now)
        approval_decided_mail(locked, APPROVED, now)
    action_begin_work(locked, now)
    locked.refresh_from_db()
    return locked


@transaction.atomic
def action_discard(*, access: Access, action: Action, now: datetime, reason: str = "") -> Action:
    """Give up an action that has not begun. Nothing happens where that was done.

    Who asked for it is told, with the reason, where somebody else refuses it. Raises
    PermissionDenied, and ActionRefusedError for one that has begun.
    """
    locked = action_locked(access, action)
    if locked.state == ActionState.DISCARDED:
        return locked
    if locked.state not in {ActionState.PREVIEW, ActionState.APPROVAL}:
        raise ActionRefusedError("This action has begun. Stop it or undo it instead.")
    was_asked_for = locked.state == ActionState.APPROVAL
    second(locked, access, now)
    locked.state = ActionState.DISCARDED
    locked.second_reason = reason.strip()[:LONGEST_REASON] if was_asked_for else ""
    locked.save()
    if was_asked_for:
        action_tell(access, locked, "action.discard", now)
        approval_decided_mail(locked, REFUSED, now)
    return locked


@transaction.atomic
def action_stop(*, access: Access, action: Action, now: datetime) -> Action:
    """Do nothing more to those whose turn has not come. What is done stays.

    Who is being worked on gets their result yet; the action ends with the last of them. Nothing
    happens where it was stopped. Raises PermissionDenied, and ActionRefusedError where it does not
    run.
    """
    locked = action_locked(access, action)
    if locked.stopped_by_id is not None:
        return locked
    if locked.state != ActionState.RUNNING:
        raise ActionRefusedError("This action does not run, so there is nothing to stop.")
    locked.stopped_by, locked.stopped_by_name = access.user, name_of(access.user)
    locked.save(update_fields=["stopped_by", "stopped_by_name"])
    waiting = ActionPerson.objects.filter(action=locked, state=PersonState.WAITING)
    waiting.update(state=PersonState.STOPPED, at=now)
    action_tell(access, locked, "action.stop", now)
    finish(locked, now)
    return locked


def action_undo(*, access: Access, action: Action, now: datetime) -> Action:
    """Restore what an action changed, of those for whom nobody has changed it since.

    Where an earlier undo was stopped, or broke at somebody, it is for those who are left.
    Returns the undo, an action of its own, which runs at once. Raises PermissionDenied, and
    ActionRefusedError for what can't be undone, has not ended, or was undone.
    """
    with transaction.atomic():
        locked = action_locked(access, action)
        refuse_undoing(locked)
        undo = Action.objects.create(
            organization=access.organization,
            kind=Kind.UNDO,
            undo_of=locked,
            state=ActionState.RUNNING,
            origin=Origin.ACTION,
            origin_query=str(locked.pk),
            people_known=locked.people_known,
            author=access.user,
            author_name=name_of(access.user),
            created_at=now,
            confirmed_at=now,
            begun_at=now,
        )
        with connection.cursor() as cursor:
            cursor.execute(FREEZE_UNDO, {"undo": undo.pk, "action": locked.pk})
            (undo.people,) = cursor.fetchone()
        if not undo.people:
            raise ActionRefusedError("This action changed nothing, so there is nothing to undo.")
        undo.save(update_fields=["people"])
        action_tell(access, undo, "action.undo", now)
    action_begin_work(undo, now)
    undo.refresh_from_db()
    return undo


def is_undoable(action: Action) -> bool:
    """Tell whether an action can be undone, as far as its own row says."""
    ended = action.state in {ActionState.DONE, ActionState.STOPPED}
    return ended and action.kind != Kind.UNDO and deed_of(action.kind).reversible


def left_to_undo(action: Action) -> int:
    """Return how many people of an action that has ended an undo would be for."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) {LEFT_TO_UNDO}", {"action": action.pk})
        number: int = cursor.fetchone()[0]
    return number


def refuse_undoing(action: Action) -> None:
    if action.kind == Kind.UNDO or not deed_of(action.kind).reversible:
        raise ActionRefusedError("What this action did can't be undone.")
    if not is_undoable(action):
        raise ActionRefusedError("Only what has ended can be undone. Stop it first.")
    undo = action.undos.order_by("-pk").first()
    if undo is not None and undo.state == ActionState.RUNNING:
        raise ActionRefusedError(f"{undo.author_name} is undoing this already.")
    if undo is not None and not left_to_undo(action):
        raise ActionRefusedError(f"{undo.author_name} has undone this already.")


def action_locked(access: Access, action: Action) -> Action:
    """Return the action with its row locked. Raises PermissionDenied, and ActionRefusedError."""
    access.require_change()
    if action.organization_id != access.organization.pk:
        raise PermissionDenied("This action belongs to another organization.")
    locking = Action.objects.select_for_update(no_key=True)
    locked: Action | None = locking.filter(pk=action.pk).first()
    if locked is None:
        raise ActionRefusedError("This preview has been forgotten. Make a new one.")
    return locked


def second(action: Action, access: Access, now: datetime) -> None:
    action.second, action.second_name, action.second_at = access.user, name_of(access.user), now


def action_tell(access: Access, action: Action, entry: str, now: datetime) -> None:
    detail = {"action": action.pk, "kind": action.kind, "people": action.people}
    if action.second_reason:
        detail["reason"] = action.second_reason
    audit_entry_write(
        organization=access.organization,
        action=entry,
        now=now,
        author=access.user,
        detail=detail,
    )

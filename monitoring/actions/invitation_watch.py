"""Looking after invitations: those that wait, those unused, and those that have got old."""

from __future__ import annotations

from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, TypedDict

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from monitoring.actions.invitation_course import (
    Deed,
    InvitationFacts,
    LinkPolicy,
    Step,
    step_of,
)
from monitoring.actions.invitations import (
    OPEN,
    held_back,
    in_order,
    invitation_send,
    invitations_withdraw,
    link_policies,
    told,
)
from monitoring.actions.letters import invitation_mails_withdraw, reminder_mail
from monitoring.actions.models import Invitation, InvitationState
from monitoring.jobs.doorbell import ring_task

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django_stubs_ext import WithAnnotations

    LookedInvitation = WithAnnotations[Invitation, "Looked"]

WORK = "monitoring.actions.invitation_watch.invitations_work"
AT_ONCE = 200
IN_ORDER = "Access is in order again."


class Looked(TypedDict):
    """What a look adds to an invitation."""

    is_held_back: bool
    is_in_order: bool


def invitations_due(now: datetime) -> QuerySet[Invitation]:
    """Return the invitations that are to be looked at."""
    return Invitation.objects.filter(look_at__lte=now, state__in=OPEN)


def invitations_wait() -> bool:
    return invitations_due(timezone.now()).exists()


def invitations_ring() -> None:
    ring_task(WORK)


def invitations_work() -> None:
    """Look at all that are due, for as long as a task may take. Several at once share the work."""
    until = monotonic() + settings.DRAIN_BUDGET
    while invitations_look(timezone.now()) == AT_ONCE:
        if monotonic() > until:
            return invitations_ring()
    return None


@transaction.atomic
def invitations_look(now: datetime, limit: int = AT_ONCE) -> int:
    """Take up to so many invitations that are due a step further; return how many."""
    due = invitations_due(now).order_by("look_at").select_for_update(skip_locked=True, of=("self",))
    found = list(
        due.select_related("person", "organization", "action").annotate(
            is_held_back=told(held_back()), is_in_order=told(in_order())
        )[:limit]
    )
    policies = link_policies({each.organization_id for each in found})
    for invitation in found:
        take_further(invitation, policies[invitation.organization_id], now)
    return len(found)


def take_further(invitation: LookedInvitation, policy: LinkPolicy, now: datetime) -> None:
    step = step_of(facts_of(invitation), policy, now)
    if step.deed is Deed.SEND:
        invitation_send(invitation, policy, now)
    elif step.deed is Deed.WITHDRAW:
        invitations_withdraw(invitations=[invitation.pk], now=now, sentence=IN_ORDER)
    else:
        write(invitation, step, now)


def facts_of(invitation: LookedInvitation) -> InvitationFacts:
    return InvitationFacts(
        waiting=invitation.state == InvitationState.WAITING,
        held_back=invitation.is_held_back,
        in_order=invitation.is_in_order,
        expires_at=invitation.expires_at,
        reminders=invitation.reminders,
    )


def write(invitation: Invitation, step: Step, now: datetime) -> None:
    """Write a step that leaves the invitation as it was sent."""
    invitation.look_at = step.look_at
    if step.deed is Deed.EXPIRE:
        invitation.state, invitation.ended_at = InvitationState.EXPIRED, now
        invitation_mails_withdraw([invitation], now)
    if step.deed is Deed.REMIND:
        invitation.reminders += 1
        reminder_mail(invitation, now)
    invitation.save(update_fields=["look_at", "state", "ended_at", "reminders"])

"""How those stand who were asked for access by a link, and taking that back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.access import access_for
from accounts.models import Person
from monitoring.actions.invitations import campaign_of, campaign_withdraw, invitation_withdraw
from monitoring.actions.models import Action, InvitationState
from monitoring.alerts.number_words import counted
from monitoring.console.wording import Look

LOOKS = {
    InvitationState.DONE: Look("Done", "healthy", "success"),
    InvitationState.REFUSED: Look("Refused", "stalled", "error"),
    InvitationState.EXPIRED: Look("Expired", "degraded", "warning"),
    InvitationState.OPENED: Look("Opened", "recovering", "brand"),
    InvitationState.SENT: Look("Sent", "never_connected", "neutral"),
    InvitationState.WAITING: Look("Waits for an incident's end", "never_connected", "neutral"),
    InvitationState.WITHDRAWN: Look("Withdrawn", "disabled", "neutral"),
}


def campaign_context(action: Action, now: datetime) -> dict[str, Any]:
    """Return what `console/campaign.html` needs, from one statement."""
    found = campaign_of(action, now)
    parts = [
        {"look": look, "people": found.counts[state]}
        for state, look in LOOKS.items()
        if found.counts[state]
    ]
    return {"campaign": parts, "links_open": found.open, "reminded": found.reminded}


@login_required
@require_POST
def links_withdraw(request: HttpRequest, slug: str, action_id: int) -> HttpResponse:
    """Take back all open requests of an action, and go back to its page."""
    access = access_for(request.user, slug)
    action = get_object_or_404(Action.objects.visible_to(access), pk=action_id)
    withdrawn = campaign_withdraw(access=access, action=action, now=timezone.now())
    said = f"{counted(withdrawn, 'link')} withdrawn." if withdrawn else "No link was open any more."
    messages.info(request, said)
    return redirect(request.path.removesuffix("links/withdraw"))


@login_required
@require_POST
def link_withdraw(request: HttpRequest, slug: str, person_id: int) -> HttpResponse:
    """Take back the open request to one person, and go back to their page."""
    access = access_for(request.user, slug)
    person = get_object_or_404(Person.objects.visible_to(access), pk=person_id)
    withdrawn = invitation_withdraw(access=access, person=person, now=timezone.now())
    messages.info(request, "The link is withdrawn." if withdrawn else "No link was open any more.")
    return redirect("person", slug=slug, person_id=person.pk)

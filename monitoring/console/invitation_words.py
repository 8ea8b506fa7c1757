"""What the landing page of an invitation says once its link is over."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from monitoring.actions.models import Invitation, InvitationState
from monitoring.console.quiet import said

OWN_PAGE = "On your own page you see how your syncing stands, and can give access again."


def closed_page(request: HttpRequest, invitation: Invitation | None) -> HttpResponse:
    """Say why a link opens no more, and what to do. `invitation` is None where its row is gone."""
    title, sentence = closed_words(invitation)
    link, label = reverse("me"), "Go to your own page"
    return said(request, 410, title, sentence, OWN_PAGE, link=link, label=label)


def closed_words(invitation: Invitation | None) -> tuple[str, str]:
    """Return title and sentence for a link that is over."""
    if invitation is None:
        return "This link opens no more", "What it asked for is no longer there."
    who = invitation.asked_by_name
    if invitation.state == InvitationState.DONE:
        return "This link has been used", "Access was given with it, so nothing is left to do."
    if invitation.state == InvitationState.WITHDRAWN:
        sentence = f"{who} asked for access and has taken that back, or it came another way."
        return "This link was withdrawn", sentence
    if invitation.state == InvitationState.WAITING:
        return "This link does not open yet", "It will be mailed to you when it does."
    return "This link has expired", f"It opened for some days after {who} had asked for access."

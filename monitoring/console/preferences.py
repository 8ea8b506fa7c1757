"""How a member, or somebody of the support staff, wants to be told of alerts themself."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from monitoring.alerts.models import Recipient
from monitoring.alerts.preferences import own_recipient, preferences_of, preferences_save
from monitoring.alerts.refusals import AlertRefusedError
from monitoring.alerts.routing import is_for
from monitoring.alerts.unsubscribing import recipient_resubscribe, recipient_unsubscribe
from monitoring.console import route_words as words
from monitoring.console.alerts_pages import (
    AnyAccess,
    alerts_access,
    alerts_page,
    alerts_redirect,
)
from monitoring.console.moments import planned
from monitoring.console.preference_form import PreferenceForm, typed
from monitoring.console.routes import belongs, chosen_names, known_by, routes_by
from monitoring.console.rows import past

TEMPLATE = "console/preferences.html"


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest, slug: str | None) -> HttpResponse:
    """Show how the viewer is told, or change it. A viewer may, as it is their own matter."""
    access = alerts_access(request, slug)
    if not belongs(access):
        # Support staff are told by the service, whose page is another.
        return alerts_redirect(alerts_access(request, None), "preferences")
    recipient = own_recipient(access)
    form = PreferenceForm(request.POST or None, initial=typed(preferences_of(recipient)))
    if request.method == "POST" and saved(access, form):
        messages.success(request, "Saved. You are told so from now on.")
        return alerts_redirect(access, "preferences")
    context = {"form": form} | context_of(access, recipient, timezone.now())
    return alerts_page(request, access, TEMPLATE, "form", context)


def context_of(access: AnyAccess, recipient: Recipient | None, now: datetime) -> dict[str, Any]:
    """Return what the viewer is told of, when the next digest comes, and whether they want any."""
    zone = access.time_zone
    digest = recipient.digest_at if recipient else None
    return {
        "address": access.user.email,
        "told_of": told_of(access, now),
        "next_digest": planned(digest, now, zone) if digest else "",
        "unsubscribed": past(recipient.unsubscribed_at, now, zone) if recipient else None,
        "is_recipient": recipient is not None and recipient.removed_at is None,
        "told": past(recipient.told_at, now, zone) if recipient else None,
    }


def told_of(access: AnyAccess, now: datetime) -> list[str]:
    """Return the sentences of the routes that lead to the viewer."""
    known = known_by(access, now)
    mine = [facts for facts in known.values() if facts.user_id == access.user.pk]
    return [
        words.route_sentence(route, chosen_names(route, known))
        for route in routes_by(access)
        if any(is_for(route, facts) for facts in mine)
    ]


def saved(access: AnyAccess, form: PreferenceForm) -> bool:
    """Save what the form holds; tell whether it was taken. What is refused is said in the form."""
    if not form.is_valid():
        return False
    try:
        preferences_save(access=access, wanted=form.wanted(), now=timezone.now())
    except AlertRefusedError as refusal:
        form.add_error(refusal.field or None, str(refusal))
        return False
    return True


@login_required
@require_POST
def subscribing(request: HttpRequest, slug: str | None, deed: str) -> HttpResponse:
    """Unsubscribe the viewer, or subscribe them again; nobody can for somebody else."""
    access = alerts_access(request, slug)
    recipient = own_recipient(access)
    if recipient is None or deed not in {"unsubscribe", "resubscribe"}:
        raise Http404
    if deed == "unsubscribe":
        recipient_unsubscribe(recipient=recipient, now=timezone.now(), user=access.user)
        messages.success(request, "You are told nothing any more, until you subscribe again.")
    else:
        recipient_resubscribe(recipient=recipient, now=timezone.now(), user=access.user)
        messages.success(request, "You are told again.")
    return alerts_redirect(access, "preferences")

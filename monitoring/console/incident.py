"""One incident: one cause, whom it hit, what is held back, and the button that helps."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import Access, access_for
from monitoring.actions.incidents import (
    LONGEST_NOTE,
    NoteRefusedError,
    RecoveryRefusedError,
    incident_note_add,
    incident_recover,
    incident_take,
)
from monitoring.alerts.number_words import people_of
from monitoring.console.incident_facts import to_recover
from monitoring.console.incident_page import (
    chart_of,
    hits_are_new,
    live_context,
    read,
    still_context,
)
from monitoring.console.incident_words import recovery_plan
from monitoring.console.pages import is_partial, kept_by_nobody, page
from monitoring.console.rules import explanations
from monitoring.incidents.models import Incident
from monitoring.incidents.watch import PACE

TEMPLATE = "console/incident.html"


@login_required
@require_safe
def incident(request: HttpRequest, slug: str, incident_id: int) -> HttpResponse:
    """Show one incident; for htmx what may have changed, or nothing (204) where nothing has."""
    access = access_for(request.user, slug)
    found = incident_of(access, incident_id)
    return shown(request, access, found)


def incident_of(access: Access, incident_id: int) -> Incident:
    found: Incident = get_object_or_404(Incident.objects.visible_to(access), pk=incident_id)
    return found


def shown(request: HttpRequest, access: Access, incident: Incident, **extra: Any) -> HttpResponse:
    """Render the page, or for htmx its live parts unless they are as it has seen them."""
    seen, partial = request.GET.get("seen", ""), is_partial(request)
    reading = read(access, incident, timezone.now())
    if partial and seen == reading.version:
        return kept_by_nobody(HttpResponse(status=204))
    rules = explanations(access.organization.pk)
    context = live_context(reading, rules, request.GET.get("page"))
    if not partial:
        context |= still_context(reading, rules)
    elif seen and hits_are_new(seen, reading.figures):
        context["chart"] = chart_of(access, incident)
    return page(request, access, TEMPLATE, "live", context | extra)


@login_required
@require_POST
def take(request: HttpRequest, slug: str, incident_id: int) -> HttpResponse:
    """Make the user the incident's owner."""
    access = access_for(request.user, slug)
    found = incident_of(access, incident_id)
    incident_take(access=access, incident=found, now=timezone.now())
    if not is_partial(request):
        return redirect("incident", slug=slug, incident_id=incident_id)
    return shown(request, access, incident_of(access, incident_id))


@login_required
@require_POST
def note(request: HttpRequest, slug: str, incident_id: int) -> HttpResponse:
    """Add a note; what was typed is kept where it is refused."""
    access = access_for(request.user, slug)
    found, now = incident_of(access, incident_id), timezone.now()
    text = request.POST.get("text", "")
    typed: dict[str, Any] = {"typed": "", "note_refused": ""}
    try:
        incident_note_add(access=access, incident=found, text=text, now=now)
    except NoteRefusedError as refusal:
        typed = {"typed": text, "note_refused": str(refusal)}
    if is_partial(request):
        context = {"access": access, "incident": found, "longest_note": LONGEST_NOTE, **typed}
        response = render(request, "console/incident_note.html", context)
        if not typed["note_refused"]:
            response.headers["HX-Trigger"] = "incident-changed"
        return kept_by_nobody(response)
    if typed["note_refused"]:
        return shown(request, access, found, **typed)
    return redirect("incident", slug=slug, incident_id=incident_id)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def recover(request: HttpRequest, slug: str, incident_id: int) -> HttpResponse:
    """Say what a recovery will do; a post asks for it."""
    access = access_for(request.user, slug)
    found = incident_of(access, incident_id)
    access.require_change()
    if request.method != "POST":
        plan = recovery_plan(found, *to_recover(access, found), PACE)
        context = {"section": "incidents", "incident": found, "plan": plan}
        return page(request, access, "console/incident_recover.html", "plan", context)
    try:
        people = incident_recover(access=access, incident=found, now=timezone.now())
        messages.info(request, f"The recovery of {people_of(people)} begins within a minute.")
    except RecoveryRefusedError as refusal:
        messages.error(request, str(refusal))
    return redirect("incident", slug=slug, incident_id=incident_id)

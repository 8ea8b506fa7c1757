"""Saying what an action does: its form, which makes a preview; of one person it is done at once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.access import Access, access_for
from accounts.models import Person
from monitoring.actions.deeds import ActionRefusedError
from monitoring.actions.models import Action, ActionState, Kind, Origin
from monitoring.actions.previews import action_preview
from monitoring.actions.starting import action_confirm, action_discard
from monitoring.console.action_codes import left_out_words
from monitoring.console.action_facts import typed_of
from monitoring.console.action_forms import ActionForm, form_of
from monitoring.console.action_one import say_one
from monitoring.console.action_scope import Scope, ScopeRefusedError, number_in, scope_of
from monitoring.console.action_words import (
    KINDS,
    does,
    kind_title,
    title,
    title_for,
)
from monitoring.console.moments import zone_name
from monitoring.console.pages import page

TEMPLATE = "console/action_new.html"
# Nobody needs the exact number before the preview, which counts everybody once.
COUNT_LIMIT = 10_000


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask for what an action of some kind needs to know; a post makes its preview."""
    access = access_for(request.user, slug)
    access.require_change()
    data = request.POST if request.method == "POST" else request.GET
    form_class, now = form_of(data.get("kind", "")), timezone.now()
    if form_class is None:
        raise Http404
    try:
        scope = scope_of(access, data)
    except ScopeRefusedError as refusal:
        context = {"section": "actions", "kind": form_class.kind, "refusal": str(refusal)}
        response = page(request, access, TEMPLATE, "form", words_of(form_class.kind) | context)
        response.status_code = 400
        return response
    if request.method != "POST":
        initial = first_fields(access, form_class, request)
        return shown(request, access, scope, form_class(initial=initial, access=access, now=now))
    form = form_class(request.POST, access=access, now=now)
    action = previewed(access, scope, form, now)
    if action is None:
        return shown(request, access, scope, form)
    if scope.person is None:
        return redirect("action", slug=slug, action_id=action.pk)
    return done_at_once(request, access, scope.person, action, now)


def first_fields(
    access: Access, form_class: type[ActionForm], request: HttpRequest
) -> dict[str, Any]:
    """Return what the form begins with: what the address says, else as in the action it repeats.

    That is the one it comes `from`, or whose people it is for.
    """
    initial = request.GET.dict()
    whose = initial.get("action") if initial.get("scope") == "action" else None
    number = number_in(initial.get("from") or whose)
    if number:
        repeated = Action.objects.visible_to(access).filter(pk=number, kind=form_class.kind).first()
        if repeated is not None:
            initial = typed_of(repeated, access.time_zone) | initial
    return initial


def previewed(access: Access, scope: Scope, form: ActionForm, now: datetime) -> Action | None:
    """Make the preview of what the form holds; None where it is refused, which the form says."""
    if not form.is_valid():
        return None
    try:
        return action_preview(
            access=access,
            kind=form.kind,
            people=scope.people,
            origin=scope.origin,
            origin_query=scope.origin_query,
            given=form.given,
            now=now,
        )
    except ActionRefusedError as refusal:
        form.refuse(str(refusal), refusal.field)
        return None


def shown(request: HttpRequest, access: Access, scope: Scope, form: ActionForm) -> HttpResponse:
    """Render the form with whom it is for."""
    people = 1 if scope.person else scope.people.order_by()[: COUNT_LIMIT + 1].count()
    more = people > COUNT_LIMIT
    context = {
        "section": "people" if scope.person else "actions",
        "form": form,
        "scope": scope,
        "people": min(people, COUNT_LIMIT),
        "more": more,
        "title": heading(form.kind, scope, people),
        "button": title_for(form.kind, scope.person.name) if scope.person else "",
        "zone_hint": f"In your time, {zone_name(access.time_zone)}.",
        "incident_id": scope.origin_query if scope.origin == Origin.INCIDENT else "",
        **words_of(form.kind),
    }
    return page(request, access, TEMPLATE, "form", context)


def heading(kind: Kind, scope: Scope, people: int) -> str:
    if scope.person:
        return title_for(kind, scope.person.name)
    return title(kind, people) if people <= COUNT_LIMIT else kind_title(kind)


def words_of(kind: Kind) -> dict[str, Any]:
    words = KINDS[kind]
    return {"kind": kind, "name": words.name, "does": does(kind), "undo": words.undo}


def done_at_once(
    request: HttpRequest, access: Access, person: Person, action: Action, now: datetime
) -> HttpResponse:
    """Begin the action of one person and say what came of it on their page."""
    slug = access.organization.slug
    if not action.people:
        member = action.members.visible_to(access).first()
        code = member.code if member else ""
        messages.error(request, f"{person.name}: {left_out_words(action.kind, code)}")
        action_discard(access=access, action=action, now=now)
        return redirect("person", slug=slug, person_id=person.pk)
    try:
        action = action_confirm(access=access, action=action, now=now)
    except ActionRefusedError as refusal:
        messages.error(request, str(refusal))
        return redirect("person", slug=slug, person_id=person.pk)
    if action.state == ActionState.APPROVAL:
        return redirect("action", slug=slug, action_id=action.pk)
    say_one(request, access, action)
    return redirect("person", slug=slug, person_id=person.pk)

"""What came of an action on one person, as their own page says it above everything else."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from accounts.access import Access, access_for
from monitoring.actions.models import Action, ActionPerson, ActionState, PersonState
from monitoring.console.action_codes import GIVEN, code_words
from monitoring.console.action_facts import is_reversible, members_of
from monitoring.console.action_words import done_for, end_words, title_for
from monitoring.console.pages import is_partial, kept_by_nobody
from monitoring.console.rules import explanations

OPEN = (PersonState.WAITING, PersonState.RUNNING)
UNDER_WAY = '<span hx-get="{}" hx-trigger="every 2s" hx-swap="outerHTML">{}</span>'


def say_one(request: HttpRequest, access: Access, action: Action) -> None:
    """Put what came of one person's action above the next page, which asks on while it is open."""
    member = members_of(access, action).select_related("person").get()
    said = sentence(access, action, member)
    if member.state in OPEN:
        again = reverse("action_one", args=[access.organization.slug, action.pk])
        messages.info(request, format_html(UNDER_WAY, again, said))
    elif member.state == PersonState.DONE:
        messages.success(request, said)
    else:
        messages.error(request, said)


def sentence(access: Access, action: Action, member: ActionPerson) -> SafeString:
    """Return what came of it with a link to the action; `member` is loaded with its person."""
    state, name = PersonState(member.state), member.person.name
    is_undoable = state == PersonState.DONE and is_reversible(action.kind)
    if state in OPEN:
        said = f"{title_for(action.kind, name)}: it is under way."
    elif state == PersonState.DONE and "invited" in member.code:
        said = f"Access of {name} is {GIVEN[member.code]}."
    elif state == PersonState.DONE:
        end = end_words(action.parameters.get("until"), timezone.now(), access.time_zone)
        said = done_for(action.kind, name, end)
    else:
        rules = explanations(access.organization.pk)
        why = code_words(action.kind, state, member.code, member.detail, rules)
        said = f"{title_for(action.kind, name)}: {why}."
    address = reverse("action", args=[access.organization.slug, action.pk])
    link = "Open it to undo" if is_undoable else "Open"
    return format_html('{} <a href="{}">{}</a>', said, address, link)


@login_required
@require_safe
def one(request: HttpRequest, slug: str, action_id: int) -> HttpResponse:
    """Tell what came of an action on one person, or nothing (204) while it is under way."""
    access = access_for(request.user, slug)
    action = get_object_or_404(Action.objects.visible_to(access), pk=action_id)
    member = members_of(access, action).select_related("person").first()
    if not is_partial(request) or member is None:
        return redirect("action", slug=slug, action_id=action.pk)
    if action.state == ActionState.RUNNING and member.state in OPEN:
        return kept_by_nobody(HttpResponse(status=204))
    said = format_html("<span>{}</span>", sentence(access, action, member))
    return kept_by_nobody(HttpResponse(said, headers={"HX-Trigger": "person-changed"}))

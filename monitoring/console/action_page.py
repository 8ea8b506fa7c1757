"""One action: its preview, how it gets on, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.access import Access, access_for
from monitoring.actions.approval import approval_is_needed, people_before
from monitoring.actions.deeds import ActionRefusedError
from monitoring.actions.models import Action, ActionState, Kind, Origin, PersonState
from monitoring.actions.policy import action_policy_of
from monitoring.actions.reading import (
    code_groups,
    left_out_groups,
    people_counts,
    preview_groups,
    seconds_needed,
)
from monitoring.actions.starting import (
    action_approve,
    action_confirm,
    action_discard,
    action_stop,
    action_undo,
    is_undoable,
    left_to_undo,
    others_may_approve,
)
from monitoring.alerts.number_words import people_of
from monitoring.console import action_codes as codes
from monitoring.console import action_words as words
from monitoring.console.action_badge import actions_at_hand
from monitoring.console.action_facts import (
    elsewhere_of,
    first_members,
    form_query,
    is_reversible,
    person_row,
    scope_again,
)
from monitoring.console.action_scope import Scope
from monitoring.console.campaign import campaign_context
from monitoring.console.pages import is_partial, kept_by_nobody, page
from monitoring.console.rows import recent
from monitoring.console.rules import explanations
from monitoring.console.wording import look_of
from monitoring.health.causes import Explanation, explanation_of

TEMPLATE = "console/action.html"
PROGRESS = "console/action_progress.html"
SAMPLE, FAILURES, REASONS = 5, 10, 8
Rules = Mapping[str, Explanation]


@login_required
@require_safe
def action(request: HttpRequest, slug: str, action_id: int) -> HttpResponse:
    """Show an action; for htmx how it gets on, or nothing (204) where the page says so already."""
    access = access_for(request.user, slug)
    found = action_of(access, action_id)
    if is_partial(request) and "seen" in request.GET:
        return bar(request, access, found)
    if is_partial(request) and "waits" in request.GET and found.state == ActionState.APPROVAL:
        return kept_by_nobody(HttpResponse(status=204))
    context = context_of(access, found, timezone.now())
    if is_partial(request):
        context["actions_at_hand"] = actions_at_hand(access).count()
    return page(request, access, TEMPLATE, "action", context)


def action_of(access: Access, action_id: int) -> Action:
    actions = Action.objects.visible_to(access).select_related("undo_of")
    found: Action = get_object_or_404(actions, pk=action_id)
    return found


def context_of(access: Access, action: Action, now: datetime) -> dict[str, Any]:
    rules, zone = explanations(access.organization.pk), access.time_zone
    scope = scope_again(access, action)
    context: dict[str, Any] = {
        "section": "actions",
        "action": action,
        "heading": words.heading(action.kind, action.state, action.people),
        "name": words.kind_title(action.kind),
        "whom": whom(action, scope),
        "parameters": words.parameter_lines(action.kind, action.parameters, now, zone),
        "created": recent(action.created_at, now, zone),
        "confirmed": recent(action.confirmed_at, now, zone),
        "decided": recent(action.second_at, now, zone),
        "ended": recent(action.finished_at, now, zone),
        "is_ours": action.author_id == access.user.pk,
        "elsewhere": words.elsewhere_sentence(elsewhere_of(action)) if elsewhere_of(action) else "",
    }
    if action.state in {ActionState.PREVIEW, ActionState.APPROVAL, ActionState.DISCARDED}:
        context |= preview_context(access, action, rules, now)
        context["look"] = words.action_look(action)
        context["change"] = form_query(action, scope)
    else:
        context |= progress_context(access, action, rules, now)
        context |= left_out_context(action)
        if action.kind == Kind.REAUTHORIZE:
            context |= campaign_context(action, now)
            context["access_given"] = codes.access_given(code_groups(action, PersonState.DONE))
    return context


def whom(action: Action, scope: Scope | None) -> str:
    """Return for whom an action was meant; empty for an undo, which names what it undoes."""
    if action.kind == Kind.UNDO:
        return ""
    if action.origin == Origin.SELECTION:
        return f"{people_of(action.people + action.left_out)} picked one by one"
    return scope.words if scope else Origin(action.origin).label


def preview_context(access: Access, action: Action, rules: Rules, now: datetime) -> dict[str, Any]:
    """Return what will happen to whom, and who is left out."""
    sample = first_members(access, action, PersonState.WAITING, SAMPLE)
    kind = words.KINDS[Kind(action.kind)]
    whose = "your" if action.author_id == access.user.pk else f"{action.author_name}'s"
    return {
        "does": words.does(action.kind, whose),
        "takes": words.takes(
            action.kind,
            seconds_needed(action.kind, action.people),
            settings.ACTION_PEOPLE_PER_SECOND,
        ),
        "undo": kind.undo,
        "approval": approval_words(access, action, now),
        "button": words.button(action.kind, action.people),
        "groups": [
            {
                "look": look_of(group.status, group.cause),
                "why": explanation_of(group.cause, rules).title if group.cause else "",
                "people": group.people,
            }
            for group in preview_groups(action)
        ],
        "sample": [member.person for member in sample],
        "others": action.people - len(sample),
        **left_out_context(action),
    }


def left_out_context(action: Action) -> dict[str, Any]:
    if not action.left_out:
        return {"left_out": []}
    return {
        "left_out": [
            {"why": codes.left_out_words(action.kind, group.code), "people": group.people}
            for group in left_out_groups(action)
        ]
    }


def approval_words(access: Access, action: Action, now: datetime) -> dict[str, Any]:
    """Return whether a second person must approve it, and why."""
    policy, others = action_policy_of(access.organization), others_may_approve(access)
    # Whom it waits for has been decided.
    waits = action.state == ActionState.APPROVAL
    before = people_before(action, action.confirmed_at or now)
    is_needed = waits or approval_is_needed(action, policy, others, before)
    sentence = words.approval_sentence(
        action, policy, others=others, is_needed=is_needed, before=before
    )
    return {"is_needed": is_needed, "sentence": sentence}


def progress_context(access: Access, action: Action, rules: Rules, now: datetime) -> dict[str, Any]:
    """Return how an action gets on or what came of it; `pace` is when to ask again."""
    counts = people_counts(action)
    failed = counts.get(PersonState.FAILED, 0)
    done, zone = counts.get(PersonState.DONE, 0), access.time_zone
    members = first_members(access, action, PersonState.FAILED, FAILURES) if failed else []
    percent = words.percent_finished(counts, action.people)
    is_over = action.state != ActionState.RUNNING
    undone_by = action.undos.order_by("-pk").first() if is_over and done else None
    return {
        "look": words.action_look(action, failed, undone_by.author_name if undone_by else ""),
        "is_over": is_over,
        "sentence": words.counts_sentence(action.kind, counts),
        "percent": percent,
        "waits": not is_over and not words.finished(counts),
        "failed": failed,
        "reasons": reasons(action, rules) if failed > FAILURES else [],
        "tabs": words.result_tabs(action.kind, counts) if is_over else [],
        "failures": [person_row(each, action.kind, rules, now, zone) for each in members],
        "more_failures": failed - len(members),
        "seen": "-".join(str(counts.get(state, 0)) for state in PersonState),
        "step": percent // 10,
        "said": f"{words.counts_sentence(action.kind, counts)}.",
        "pace": pace_of(action.people),
        **undo_context(action, done, undone_by),
        "may_retry": is_over and failed and action.kind != Kind.UNDO,
        "retry": f"Try the {failed:,} failed again" if failed != 1 else "Try the failed one again",
    }


def pace_of(people: int) -> str:
    """Return how often an open page asks: it counts all people of the action each time."""
    return "1s" if people <= 1_000 else "2s" if people <= 5_000 else "5s"


def reasons(action: Action, rules: Rules) -> list[dict[str, Any]]:
    """Return why it failed, with how many for each reason; the most of them first."""
    return [
        {
            "why": codes.code_words(action.kind, PersonState.FAILED, group.code, "", rules),
            "people": group.people,
        }
        for group in code_groups(action, PersonState.FAILED)[:REASONS]
    ]


def undo_context(action: Action, done: int, undone_by: Action | None) -> dict[str, Any]:
    """Return who undid an action last, and for how many an undo is left to be done, in words."""
    people = ""
    if done and is_reversible(action.kind) and is_undoable(action):
        is_running = undone_by is not None and undone_by.state == ActionState.RUNNING
        left = done if undone_by is None else 0 if is_running else left_to_undo(action)
        people = people_of(left) if left else ""
    return {
        "undo_people": people,
        "undo_words": f"Undo for {people}",
        "undone_title": undone_title(action),
        "undone_by": undone_by,
    }


def undone_title(action: Action) -> str:
    undone = action.undo_of
    return words.title(undone.kind, undone.people) if undone else ""


def bar(request: HttpRequest, access: Access, action: Action) -> HttpResponse:
    """Return what has changed of a running action; once it is over, the page looks again."""
    now, rules = timezone.now(), explanations(access.organization.pk)
    context = progress_context(access, action, rules, now)
    if context["is_over"]:
        counts = people_counts(action)
        said = words.over_sentence(action.kind, action.state, counts)
        over = render(request, "console/rule_run_said.html", {"said": said})
        over.headers["HX-Trigger"] = "action-over"
        return kept_by_nobody(over)
    if context["seen"] == request.GET["seen"]:
        return kept_by_nobody(HttpResponse(status=204))
    if str(context["step"]) == request.GET.get("said"):
        context["said"] = ""
    failed = counts_seen(request.GET["seen"]).get(PersonState.FAILED)
    context |= {"access": access, "action": action, "has_new": failed != context["failed"]}
    return kept_by_nobody(render(request, PROGRESS, context))


def counts_seen(seen: str) -> dict[PersonState, int]:
    """Return the counts that a page shows which has seen them; what is no such text is nothing."""
    numbers = [int(number) for number in seen.split("-") if number.isascii() and number.isdigit()]
    return dict(zip(PersonState, numbers, strict=False))


def confirm(access: Access, action: Action, now: datetime, reason: str) -> str:
    begun = action_confirm(access=access, action=action, now=now)
    if begun.state == ActionState.APPROVAL:
        return "It waits for another admin, or support, to approve. They are asked to by mail."
    return ""


def approve(access: Access, action: Action, now: datetime, reason: str) -> str:
    action_approve(access=access, action=action, now=now)
    return "Approved."


def discard(access: Access, action: Action, now: datetime, reason: str) -> str:
    action_discard(access=access, action=action, now=now, reason=reason)
    return "Discarded. Nothing was done to anybody."


def stop(access: Access, action: Action, now: datetime, reason: str) -> str:
    action_stop(access=access, action=action, now=now)
    return "Stopped. What was done until then stays."


DEEDS: Mapping[str, Callable[[Access, Action, datetime, str], str]] = {
    "confirm": confirm,
    "approve": approve,
    "discard": discard,
    "stop": stop,
}


@login_required
@require_POST
def act(request: HttpRequest, slug: str, action_id: int, deed: str) -> HttpResponse:
    """Do something with an action; what is refused is said on its page."""
    access = access_for(request.user, slug)
    found = action_of(access, action_id)
    access.require_change()
    if deed not in {*DEEDS, "undo"}:
        raise Http404
    shown = found.pk
    try:
        if deed == "undo":
            shown = action_undo(access=access, action=found, now=timezone.now()).pk
        elif said := DEEDS[deed](access, found, timezone.now(), request.POST.get("reason", "")):
            messages.success(request, said)
    except ActionRefusedError as refusal:
        messages.error(request, str(refusal))
    return redirect("action", slug=slug, action_id=shown)

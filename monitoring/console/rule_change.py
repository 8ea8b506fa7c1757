"""One change of a rule: what differs, what the test found, and what can be done with it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.access import Access, access_for
from monitoring.console.pages import page
from monitoring.console.rows import past
from monitoring.console.rule_difference import difference_sentence, differences
from monitoring.console.rule_layers import layers_of, level_of, level_words
from monitoring.console.rule_page import STATES, levels_of, title_of
from monitoring.errors.changes import (
    RuleChangeRefusedError,
    rule_change_approve,
    rule_change_go_live,
    rule_change_withdraw,
)
from monitoring.errors.models import OPEN, RuleChange, RuleState
from monitoring.errors.versions import version_text


@login_required
@require_safe
def change(request: HttpRequest, slug: str, change_id: int) -> HttpResponse:
    """Show a change of a rule: a draft with its test, or one of the history."""
    access = access_for(request.user, slug)
    found = change_of(access, change_id)
    return page(request, access, "console/rule_change.html", "change", context_of(access, found))


def change_of(access: Access, change_id: int) -> RuleChange:
    return get_object_or_404(RuleChange.objects.visible_to(access), pk=change_id)


def context_of(access: Access, change: RuleChange) -> dict[str, Any]:
    now, layers, level = timezone.now(), layers_of(access, change.rule), level_of(change)
    below = layers.below(level)
    before = change.before or below
    return {
        "section": "rules",
        "change": change,
        "title": title_of(change.rule, None, [change]),
        "state": STATES[RuleState(change.state)],
        "level": level_words(level, access),
        "is_rule_there": layers.definition is not None or change.state == RuleState.LIVE,
        "sentence": difference_sentence(before, change.after, below is not None),
        "differences": differences(before, change.after) if change.after else [],
        "created": past(change.created_at, now, access.time_zone),
        "live": past(change.live_at, now, access.time_zone),
        "version": version_text(change.version) if change.version else "",
        "may_act": access.may_change and level in levels_of(access),
        "is_open": change.state in OPEN,
        "is_draft": change.state == RuleState.DRAFT,
        "is_waiting": change.state == RuleState.WAITING,
        "is_ours": change.author_id == access.user.pk,
    }


def go_live(access: Access, change: RuleChange, now: datetime) -> str:
    changed = rule_change_go_live(access=access, change=change, now=now)
    if changed.state == RuleState.WAITING:
        return "This change moves many people, so it waits for somebody else's approval."
    return "The rule is live. It judges every error from now on."


def approve(access: Access, change: RuleChange, now: datetime) -> str:
    rule_change_approve(access=access, change=change, now=now)
    return "Approved. The rule is live and judges every error from now on."


def withdraw(access: Access, change: RuleChange, now: datetime) -> str:
    rule_change_withdraw(access=access, change=change, now=now)
    return "Withdrawn. The rules stay as they are."


DEEDS = {"live": go_live, "approve": approve, "withdraw": withdraw}


@login_required
@require_POST
def act(request: HttpRequest, slug: str, change_id: int, deed: str) -> HttpResponse:
    """Do something with a change; what is refused is said on its page."""
    access = access_for(request.user, slug)
    found = change_of(access, change_id)
    if deed not in DEEDS:
        raise Http404
    try:
        messages.success(request, DEEDS[deed](access, found, timezone.now()))
    except RuleChangeRefusedError as refusal:
        messages.error(request, str(refusal))
    return redirect("rule_change", slug=slug, change_id=change_id)

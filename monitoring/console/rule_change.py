"""One change of a rule: what differs, what the test found, and what can be done with it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.access import Access, access_for
from monitoring.console.back_test import progress, runs_of, tests_context
from monitoring.console.back_test_words import over_words
from monitoring.console.pages import is_partial, kept_by_nobody, page
from monitoring.console.rows import past
from monitoring.console.rule_difference import difference_sentence, differences
from monitoring.console.rule_layers import (
    approver_words,
    author_words,
    layers_of,
    level_of,
    level_words,
    reason_words,
)
from monitoring.console.rule_page import STATES, levels_of, title_of
from monitoring.errors.changes import (
    RuleChangeRefusedError,
    rule_change_approve,
    rule_change_go_live,
    rule_change_withdraw,
)
from monitoring.errors.models import OPEN, RuleChange, RuleState
from monitoring.errors.versions import version_text
from monitoring.replay.models import Kind
from monitoring.replay.tests_of_rules import back_test_ask, back_test_stop, history_rejudge_ask


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
        "author": author_words(change, access),
        "approved_by": approver_words(change, access),
        "reason": reason_words(change, access),
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
        "is_live": change.state == RuleState.LIVE,
        "is_ours": change.author_id == access.user.pk,
        **tests_context(access, change, now),
    }


def test(access: Access, change: RuleChange, now: datetime) -> str:
    back_test_ask(access=access, change=change, now=now)
    return ""


def rejudge(access: Access, change: RuleChange, now: datetime) -> str:
    history_rejudge_ask(access=access, change=change, now=now)
    return ""


def stop(access: Access, change: RuleChange, now: datetime) -> str:
    """Stop whatever runs over past outcomes for the change."""
    under_way = [run for run in runs_of(access, change).values() if run.is_under_way]
    for run in under_way:
        back_test_stop(access=access, back_test=run, now=now)
    return "Stopped." if under_way else "It was over already."


def go_live(access: Access, change: RuleChange, now: datetime) -> str:
    changed = rule_change_go_live(access=access, change=change, now=now)
    if changed.state == RuleState.WAITING:
        why = "moves many people" if changed.people else "was tested on nobody"
        return f"This change {why}, so it waits for somebody else's approval."
    return "The rule is live. It judges every error from now on."


def approve(access: Access, change: RuleChange, now: datetime) -> str:
    rule_change_approve(access=access, change=change, now=now)
    return "Approved. The rule is live and judges every error from now on."


def withdraw(access: Access, change: RuleChange, now: datetime) -> str:
    rule_change_withdraw(access=access, change=change, now=now)
    return "Withdrawn. The rules stay as they are."


DEEDS = {
    "test": test,
    "rejudge": rejudge,
    "stop": stop,
    "live": go_live,
    "approve": approve,
    "withdraw": withdraw,
}


@login_required
@require_POST
def act(request: HttpRequest, slug: str, change_id: int, deed: str) -> HttpResponse:
    """Do something with a change; what is refused is said on its page."""
    access = access_for(request.user, slug)
    found = change_of(access, change_id)
    access.require_change()
    if deed not in DEEDS:
        raise Http404
    try:
        if said := DEEDS[deed](access, found, timezone.now()):
            messages.success(request, said)
    except RuleChangeRefusedError as refusal:
        messages.error(request, str(refusal))
    return redirect("rule_change", slug=slug, change_id=change_id)


@login_required
@require_safe
def run(request: HttpRequest, slug: str, change_id: int, kind: str) -> HttpResponse:
    """Tell how a run over past outcomes gets on; nothing (204) while the page says so already.

    Once it is over, the page is told to look again.
    """
    access = access_for(request.user, slug)
    found = change_of(access, change_id)
    if not is_partial(request) or kind not in Kind.values:
        return redirect("rule_change", slug=slug, change_id=change_id)
    its_run = runs_of(access, found).get(kind)
    under_way = progress(its_run, timezone.now())
    if under_way is None:
        said = over_words(its_run.kind, its_run.state) if its_run else ""
        over = render(request, "console/rule_run_said.html", {"said": said})
        over.headers["HX-Trigger"] = "rule-change-tested"
        return kept_by_nobody(over)
    if under_way["seen"] == request.GET.get("seen"):
        return kept_by_nobody(HttpResponse(status=204))
    said = "" if under_way["step"] == request.GET.get("said") else under_way["said"]
    context = {"access": access, "change": found, "progress": under_way, "said": said}
    return kept_by_nobody(render(request, "console/rule_progress_bar.html", context))

"""One rule in plain words: what it means, what it looks for, where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import Access, access_for
from monitoring.console.pages import page
from monitoring.console.rows import Moment, past
from monitoring.console.rule_difference import Difference, difference_sentence, differences
from monitoring.console.rule_layers import (
    LEVELS,
    OPERATOR,
    OWN,
    Layers,
    approver_words,
    author_words,
    layers_of,
    level_of,
    level_words,
    organization_at,
    reason_words,
)
from monitoring.console.rule_list import ORIGINS, people_by_cause
from monitoring.console.rule_words import (
    CLASS_HINTS,
    class_words,
    condition_sets,
    providers_words,
    who_words,
)
from monitoring.console.rule_writing import written
from monitoring.errors.changes import RuleChangeRefusedError, rule_change_propose
from monitoring.errors.models import RuleChange, RuleState
from monitoring.errors.rules import Interpretation
from monitoring.errors.versions import version_text

# Of a rule's history; nobody changes one more often, and who does can tell what came before.
HISTORY = 50
STATES = {
    RuleState.DRAFT: "Draft",
    RuleState.WAITING: "Waits for a second look",
    RuleState.LIVE: "Live",
    RuleState.WITHDRAWN: "Withdrawn",
}


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One change of a rule: who made it, when, why, and what differs."""

    pk: int
    state: str
    is_live: bool
    level: str
    author: str
    approved_by: str
    at: Moment | None
    reason: str
    version: str
    sentence: str
    differences: list[Difference]


@login_required
@require_safe
def rule(request: HttpRequest, slug: str, rule: str) -> HttpResponse:
    """Show one rule in force, or one that was taken away but has a history."""
    access = access_for(request.user, slug)
    now, layers = timezone.now(), layers_of(access, rule)
    changes = RuleChange.objects.visible_to(access).of_rule(rule).newest_first()[:HISTORY]
    history = [history_entry(change, layers, access, now) for change in changes]
    definition = layers.definition
    if definition is None and not history:
        raise Http404
    context = {
        "section": "rules",
        "slug": rule,
        "rule": shown(definition) if definition else None,
        "title": title_of(rule, definition, changes),
        "origin": ORIGINS[layers.origin],
        "changed_by": author_words(layers.change, access) if layers.change else "",
        "changed": past(layers.change.live_at, now, access.time_zone) if layers.change else None,
        "people": people_by_cause(access)[rule],
        "history": history,
        "actions": actions(access, layers) if access.may_change else [],
        "unreadable": [words_inside(level, access) for level in layers.unreadable],
    }
    return page(request, access, "console/rule.html", "rule", context)


def shown(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule in words."""
    return {
        "meaning": definition["meaning"],
        "next_step": definition["next_step"],
        "who": who_words(definition["who"]),
        "kind": class_words(definition["class"]),
        "kind_hint": CLASS_HINTS[Interpretation(definition["class"])],
        "providers": providers_words(definition.get("providers", [])),
        "conditions": condition_sets(definition),
        "written": written(definition),
    }


def title_of(rule: str, definition: Mapping[str, Any] | None, changes: Any) -> str:
    """Return the rule's title, of one that was taken away the last it had."""
    if definition:
        return str(definition["title"])
    said = (change.after or change.before for change in changes)
    return next((str(each["title"]) for each in said if each and each.get("title")), rule)


def actions(access: Access, layers: Layers) -> list[dict[str, Any]]:
    """Return the levels whose rules one may change, with what can be done there."""
    return [
        {
            "level": level,
            "words": words_inside(level, access),
            "can_take_away": layers.at(level) is not None,
        }
        for level in levels_of(access)
    ]


def words_inside(level: str, access: Access) -> str:
    """Return whose rules a level holds, as it is said inside a sentence."""
    return "all organizations" if level == OPERATOR else level_words(level, access)


def levels_of(access: Access) -> tuple[str, ...]:
    """Return the levels whose rules the access may change."""
    return LEVELS if access.user.is_staff else (OWN,)


def level_in(request: HttpRequest, access: Access) -> str:
    """Return the level an address names, one's own where it names none that one may change."""
    level = request.GET.get("level", OWN)
    return level if level in levels_of(access) else OWN


def history_entry(
    change: RuleChange, layers: Layers, access: Access, now: datetime
) -> HistoryEntry:
    below = layers.below(level_of(change))
    before = change.before or below
    return HistoryEntry(
        pk=change.pk,
        state=STATES[RuleState(change.state)],
        is_live=change.state == RuleState.LIVE,
        level=level_words(level_of(change), access),
        author=author_words(change, access),
        approved_by=approver_words(change, access),
        at=past(change.live_at or change.created_at, now, access.time_zone),
        reason=reason_words(change, access),
        version=version_text(change.version) if change.version else "",
        sentence=difference_sentence(before, change.after, below is not None),
        differences=differences(before, change.after) if change.after else [],
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def take_away(request: HttpRequest, slug: str, rule: str) -> HttpResponse:
    """Ask why a rule's change is to be taken away, and make the draft that does it."""
    access = access_for(request.user, slug)
    access.require_change()
    level, layers = level_in(request, access), layers_of(access, rule)
    taken = layers.at(level)
    if taken is None:
        raise Http404
    reason, refusal = request.POST.get("reason", ""), ""
    if request.method == "POST":
        try:
            change = rule_change_propose(
                access=access,
                organization=organization_at(level, access),
                rule=rule,
                definition=None,
                reason=reason,
                now=timezone.now(),
            )
        except RuleChangeRefusedError as error:
            refusal = str(error)
        else:
            messages.success(request, "The draft is saved. Test it before it goes live.")
            return redirect("rule_change", slug=slug, change_id=change.pk)
    below = layers.below(level)
    context = {
        "section": "rules",
        "slug": rule,
        "title": title_of(rule, layers.seen_from(level), [taken]),
        "below": below,
        "level": level,
        "everybody": level == OPERATOR,
        "sentence": difference_sentence(layers.seen_from(level), None, below is not None),
        "reason": reason,
        "refusal": refusal,
    }
    return page(request, access, "console/rule_take_away.html", "rule", context)

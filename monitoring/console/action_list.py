"""The list of actions: who did what to how many, when, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Count, OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import Access, access_for
from monitoring.actions.models import (
    Action,
    ActionQuerySet,
    ActionState,
    Invitation,
    Kind,
    PersonState,
)
from monitoring.alerts.number_words import people_of
from monitoring.console.action_facts import bad_results, with_done
from monitoring.console.action_words import action_look, counts_sentence, title
from monitoring.console.pages import page
from monitoring.console.rows import Moment, recent
from monitoring.console.wording import Look

PER_PAGE = 25
MOST_WAITING = 20


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One action in the list; `result` is empty for one that has none yet."""

    id: int
    title: str
    why: str
    look: Look
    author: str
    at: Moment | None
    result: str
    left_out: str


def action_row(
    action: Action,
    others: Mapping[PersonState, int],
    now: datetime,
    zone: tzinfo,
    undone_by: str = "",
    asked: int | None = None,
) -> ActionRow:
    counts = with_done(action, others)
    return ActionRow(
        id=action.pk,
        title=title(action.kind, action.people),
        why=action.reason,
        look=action_look(action, others.get(PersonState.FAILED, 0), undone_by),
        author=action.author_name,
        at=recent(action.confirmed_at or action.created_at, now, zone),
        result=result_of(action, counts, asked),
        left_out=people_of(action.left_out) if action.left_out else "",
    )


def result_of(action: Action, counts: Mapping[PersonState, int], asked: int | None) -> str:
    if action.state == ActionState.DISCARDED:
        return "nothing was done"
    return counts_sentence(action.kind, counts, asked) if counts else ""


@login_required
@require_safe
def actions(request: HttpRequest, slug: str) -> HttpResponse:
    """List the actions of an organization, newest first, below those that wait for approval."""
    access = access_for(request.user, slug)
    now, zone = timezone.now(), access.time_zone
    begun = with_undoing(Action.objects.visible_to(access).begun())
    found = Paginator(begun.newest_first(), PER_PAGE).get_page(request.GET.get("page"))
    shown = list(found)
    results = bad_results(access, shown) if shown else {}
    asked = asked_by_mail(access, shown)
    waiting = waiting_for(access)
    context: dict[str, Any] = {
        "section": "actions",
        "page": found,
        "rows": [
            action_row(
                each, results.get(each.pk, {}), now, zone, each.undoing or "", asked.get(each.pk)
            )
            for each in shown
        ],
        "for_me": [action_row(each, {}, now, zone) for each in waiting],
    }
    return page(request, access, "console/actions.html", "results", context)


def asked_by_mail(access: Access, actions: Iterable[Action]) -> dict[int, int]:
    """Return how many people each re-authorization of a list has asked by mail."""
    asked = {action.pk: 0 for action in actions if action.kind == Kind.REAUTHORIZE}
    if asked:
        sent = Invitation.objects.visible_to(access).filter(action__in=asked).order_by()
        asked |= dict(sent.values_list("action").annotate(Count("pk")))
    return asked


def with_undoing(actions: ActionQuerySet) -> Any:
    """Add to each action the name of who undid it last, null for one that nobody undid."""
    undoing = Action.objects.filter(undo_of=OuterRef("pk")).order_by("-pk")
    return actions.annotate(undoing=Subquery(undoing.values("author_name")[:1]))


def waiting_for(access: Access) -> list[Action]:
    """Return what others ask this user to approve, oldest first."""
    if not access.may_change:
        return []
    waiting = Action.objects.visible_to(access).filter(state=ActionState.APPROVAL)
    return list(waiting.exclude(author=access.user).order_by("id")[:MOST_WAITING])

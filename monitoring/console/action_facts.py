"""What the pages of actions read: whom an action is for, what came of it, and in whose words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.core.paginator import Page
from django.db.models import Count
from django.http import Http404, QueryDict

from monitoring.actions.deeds import ActionRefusedError
from monitoring.actions.models import (
    Action,
    ActionPerson,
    ActionState,
    Kind,
    Origin,
    PersonState,
)
from monitoring.actions.registry import deed_of
from monitoring.console.action_codes import code_words
from monitoring.console.action_forms import AT, MOMENT
from monitoring.console.action_scope import Scope, ScopeRefusedError, scope_of
from monitoring.console.action_words import result_look
from monitoring.console.addresses import MOST_PICKED, PER_PAGE
from monitoring.console.rows import Moment, recent
from monitoring.console.tables import CountedPaginator
from monitoring.console.wording import Look, look_of
from monitoring.health.causes import Explanation, explanation_of

if TYPE_CHECKING:
    from accounts.access import Access


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One person of an action: how they stood at the preview, and what came of them."""

    person_id: int
    name: str
    email: str
    before: Look
    before_why: str
    look: Look
    why: str
    at: Moment | None


def person_row(
    member: ActionPerson, kind: str, rules: Mapping[str, Explanation], now: datetime, zone: tzinfo
) -> PersonRow:
    """Return the row of a member loaded with its person."""
    cause = member.cause
    return PersonRow(
        person_id=member.person_id,
        name=member.person.name,
        email=member.person.email,
        before=look_of(member.status, cause),
        before_why=explanation_of(cause, rules).title if cause else "",
        look=result_look(kind, member.state),
        why=code_words(kind, member.state, member.code, member.detail, rules),
        at=recent(member.at, now, zone),
    )


def members_of(access: Access, action: Action) -> Any:
    return ActionPerson.objects.visible_to(access).filter(action=action)


def page_of_members(
    access: Access, action: Action, states: Iterable[int], people: int, number: str | None
) -> Page:
    """Return a page of those with one of the results, or the nearest there is.

    Only keys are sorted; the people are fetched of those shown.
    """
    members = members_of(access, action).filter(state__in=states).order_by("-state", "id")
    page = CountedPaginator(members.values("pk"), PER_PAGE, known=people).get_page(number)
    shown = ActionPerson.objects.filter(pk__in=page.object_list).select_related("person")
    page.object_list = list(shown.order_by("-state", "id"))
    return page


def first_members(access: Access, action: Action, state: PersonState, most: int) -> list[Any]:
    members = members_of(access, action).filter(state=state).order_by("id")
    return list(members.select_related("person")[:most])


def bad_results(access: Access, actions: Iterable[Action]) -> dict[int, dict[PersonState, int]]:
    """Return, for each action of a list, how many there are of every result but the usual one.

    In one statement, by the index: those done are all the others.
    """
    states = [
        state for state in PersonState if state not in {PersonState.DONE, PersonState.LEFT_OUT}
    ]
    found = ActionPerson.objects.visible_to(access).filter(
        action__in=[action.pk for action in actions], state__in=states
    )
    results: dict[int, dict[PersonState, int]] = {}
    rows = found.order_by().values_list("action", "state").annotate(Count("pk"))
    for action_id, state, number in rows:
        results.setdefault(action_id, {})[PersonState(state)] = number
    return results


def with_done(action: Action, others: Mapping[PersonState, int]) -> dict[PersonState, int]:
    """Return all results of an action from those that `bad_results` found."""
    if action.state not in {ActionState.RUNNING, ActionState.DONE, ActionState.STOPPED}:
        return {}
    return {**others, PersonState.DONE: action.people - sum(others.values())}


def scope_again(access: Access, action: Action) -> Scope | None:
    """Return whom an action was meant for, by the same words; None where that can't be said now."""
    data = QueryDict(mutable=True)
    data["scope"] = action.origin
    if action.origin == Origin.FILTER:
        data["filter"] = action.origin_query
    elif action.origin == Origin.INCIDENT:
        data["incident"] = action.origin_query
    elif action.origin == Origin.ACTION:
        data.update(QueryDict(action.origin_query))
    else:
        people = members_of(access, action).order_by("id").values_list("person", flat=True)
        data.setlist("person", [str(each) for each in people[: MOST_PICKED + 1]])
    try:
        return scope_of(access, data)
    except (ScopeRefusedError, Http404):
        return None


def elsewhere_of(action: Action) -> int:
    """Return how many of those picked are not in the organization, as the preview noted it."""
    if action.origin != Origin.SELECTION:
        return 0
    number = QueryDict(action.origin_query).get("elsewhere", "0")
    return int(number) if number.isdigit() else 0


def form_query(action: Action, scope: Scope | None) -> str:
    """Return the query string of the form filled in as for this action; empty where it can't be."""
    if scope is None:
        return ""
    picked = [name for name, _ in scope.parameters if name == "person"]
    if len(picked) > MOST_PICKED:
        return ""
    return urlencode([("kind", action.kind), *scope.parameters, ("from", action.pk)])


def is_reversible(kind: str) -> bool:
    try:
        return kind != Kind.UNDO and deed_of(kind).reversible
    except ActionRefusedError:
        # A kind that nothing does any more, or not yet.
        return False


def typed_of(action: Action, zone: tzinfo) -> dict[str, str]:
    """Return what the form of an action was given, to begin another one with."""
    typed = {name: "" if value is None else str(value) for name, value in action.parameters.items()}
    if until := typed.get("until"):
        typed |= {"until": f"{datetime.fromisoformat(until).astimezone(zone):{MOMENT}}", "ends": AT}
    return typed | {"reason": action.reason}

"""What pages ask about an action."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count

from monitoring.actions.deeds import Manner
from monitoring.actions.models import Action, ActionPerson, PersonState
from monitoring.actions.registry import deed_of

# People a second, as measured; what is paced goes by its setting.
AT_ONCE_PER_SECOND = 500
NETWORK_PER_SECOND = 2


@dataclass(frozen=True, slots=True)
class PreviewGroup:
    """How many of those it is done to were in a status for a cause."""

    status: str
    cause: str
    people: int


@dataclass(frozen=True, slots=True)
class LeftOutGroup:
    """How many are left out for a reason, by its code."""

    code: str
    people: int


def people_counts(action: Action) -> dict[PersonState, int]:
    """Return how many people of the action are in each state; 0 for none."""
    rows = ActionPerson.objects.filter(action=action).values_list("state")
    found = dict(rows.annotate(number=Count("id")))
    return {state: found.get(state, 0) for state in PersonState}


def preview_groups(action: Action) -> list[PreviewGroup]:
    """Return those it is done to by status and cause, largest group first."""
    inside = ActionPerson.objects.filter(action=action).exclude(state=PersonState.LEFT_OUT)
    groups = inside.values_list("status", "cause").annotate(number=Count("id"))
    return [PreviewGroup(*row) for row in groups.order_by("-number", "status", "cause")]


def left_out_groups(action: Action) -> list[LeftOutGroup]:
    """Return those left out by reason, largest group first."""
    return code_groups(action, PersonState.LEFT_OUT)


def code_groups(action: Action, state: PersonState) -> list[LeftOutGroup]:
    """Return those in a state by the code of their result, largest group first."""
    people = ActionPerson.objects.filter(action=action, state=state)
    groups = people.values_list("code").annotate(number=Count("id"))
    return [LeftOutGroup(*row) for row in groups.order_by("-number", "code")]


def seconds_needed(kind: str, people: int) -> float:
    """Return about how long an action on so many people takes."""
    rates = {
        Manner.AT_ONCE: AT_ONCE_PER_SECOND,
        Manner.PACED: settings.ACTION_PEOPLE_PER_SECOND,
        Manner.NETWORK: NETWORK_PER_SECOND,
    }
    return people / rates[deed_of(kind).manner]

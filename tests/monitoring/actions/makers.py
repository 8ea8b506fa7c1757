"""Makers of previews and actions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from accounts.access import Access, access_for
from accounts.models import Organization, Person, Role
from monitoring.actions.models import Action, ActionPerson, Kind, Origin, PersonState
from monitoring.actions.network import Crew
from monitoring.actions.previews import action_preview
from monitoring.actions.starting import action_confirm
from monitoring.health.holds import hold_place
from monitoring.health.models import Health, Hold, HoldAuthor
from tests.factories import NOW, make_member, make_person


def make_access(organization: Organization, role: Role = Role.ADMIN) -> Access:
    """Make a member of the organization and return their access."""
    return access_for(make_member(organization, role=role).user, organization.slug)


def make_people(organization: Organization, number: int) -> list[Person]:
    return [make_person(organization) for _ in range(number)]


def make_preview(
    access: Access, people: Sequence[Person], kind: Kind = Kind.HOLD, **overrides: Any
) -> Action:
    """Preview an action; what is given besides is what was typed."""
    fields = {
        "access": access,
        "kind": kind,
        "people": Health.objects.filter(person__in=people),
        "origin": Origin.SELECTION,
        "now": overrides.pop("now", NOW),
        "given": {"reason": "Moving to another org", **overrides},
    }
    return action_preview(**fields)


def make_action(
    access: Access, people: Sequence[Person], kind: Kind = Kind.HOLD, **overrides: Any
) -> Action:
    """Preview an action and confirm it."""
    now = overrides.get("now", NOW)
    return action_confirm(
        access=access, action=make_preview(access, people, kind, **overrides), now=now
    )


def make_hold(person: Person, author: Any = None, **overrides: Any) -> Hold:
    """Make a hold, a member's where an author is given, else the off-boarding feed's."""
    fields = {
        "person": person,
        "author_kind": HoldAuthor.OFFBOARDING if author is None else HoldAuthor.MEMBER,
        "author": author,
        "author_name": "HR feed" if author is None else author.email,
        "reason": "Left",
        "now": NOW,
    }
    return hold_place(**fields | overrides)


def network_work(action_id: int, now: datetime) -> bool:
    """Have a worker ask for people of an action once; tell whether it has more."""
    with Crew() as crew:
        crew.begin(Action.objects.get(pk=action_id), now)
        crew.finish()
    waiting = ActionPerson.objects.filter(action=action_id, state=PersonState.WAITING)
    return waiting.exists()


def results(action: Action) -> dict[int, tuple[PersonState, str]]:
    """Return state and code of each person of an action."""
    people = ActionPerson.objects.filter(action=action).order_by("person")
    rows = people.values_list("person_id", "state", "code")
    return {person: (PersonState(state), code) for person, state, code in rows}

"""Actions as a page finds them, and the people they are done to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from accounts.models import Organization, Person
from monitoring.actions.models import (
    Action,
    ActionPerson,
    ActionState,
    Kind,
    Origin,
    PersonState,
)
from tests.factories import NOW, make_user

BEGUN = {"confirmed_at": NOW, "begun_at": NOW}
ENDED = {**BEGUN, "state": ActionState.DONE, "finished_at": NOW}


def make_action(organization: Organization, people: Sequence[Person] = (), **fields: Any) -> Action:
    """A preview of a hold on people, who wait; of any other state and result as told.

    `results` are (state, code) of the people in their order.
    """
    results = fields.pop("results", [(PersonState.WAITING, "")] * len(people))
    author = fields.pop("author", None) or make_user()
    out = sum(1 for state, _ in results if state == PersonState.LEFT_OUT)
    action = Action.objects.create(
        **{
            "organization": organization,
            "kind": Kind.HOLD,
            "state": ActionState.PREVIEW,
            "origin": Origin.SELECTION,
            "parameters": {"until": None},
            "reason": "On leave",
            "author": author,
            "author_name": "Ada Admin",
            "created_at": NOW,
            "people": len(people) - out,
            "left_out": out,
            "people_known": 100,
        }
        | fields
    )
    ActionPerson.objects.bulk_create(
        ActionPerson(
            action=action,
            organization=organization,
            person=person,
            state=state,
            code=code,
            status="stalled",
            cause="google-access-revoked",
            at=NOW if state >= PersonState.DONE else None,
        )
        for person, (state, code) in zip(people, results, strict=True)
    )
    return action


def address(action: Action, then: str = "", slug: str = "acme") -> str:
    """Return where the page of an action is, or what lies under it."""
    return f"/o/{slug}/actions/{action.pk}/{then}"

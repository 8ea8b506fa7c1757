"""Invitations as the console finds them, and what went into the outbox."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from accounts.models import Person
from monitoring.actions.models import Action, ActionPolicy, Invitation
from monitoring.alerts.models import Message
from monitoring.alerts.outbox import mail_in
from tests.factories import NOW, make_connected_person, make_user

DAY = timedelta(days=1)


def make_invitation(person: Person | None = None, **overrides: Any) -> Invitation:
    """A link for both providers, sent a day ago."""
    person = person or make_connected_person()
    return Invitation.objects.create(
        **{
            "organization": person.organization,
            "person": person,
            "providers": ["google", "salesforce"],
            "state": "sent",
            "asked_by_name": "Ada Admin",
            "created_at": NOW - DAY,
            "sent_at": NOW - DAY,
            "expires_at": NOW + 6 * DAY,
            "look_at": NOW + DAY,
        }
        | overrides
    )


def make_waiting(person: Person | None = None, **overrides: Any) -> Invitation:
    """An invitation that waits for the end of an incident, and is due to be looked at."""
    times = {"sent_at": None, "expires_at": None, "look_at": NOW}
    return make_invitation(person, **{"state": "waiting"} | times | overrides)


def make_campaign(person: Person, **overrides: Any) -> Action:
    user = make_user()
    return Action.objects.create(
        **{
            "organization": person.organization,
            "kind": "reauthorize",
            "state": "running",
            "origin": "selection",
            "author": user,
            "author_name": user.email,
            "created_at": NOW - DAY,
        }
        | overrides
    )


def make_policy(person: Person, **overrides: Any) -> ActionPolicy:
    return ActionPolicy.objects.create(organization=person.organization, **overrides)


def mails() -> list[Message]:
    """Return what is in the outbox and not withdrawn, oldest first."""
    return list(Message.objects.exclude(state="withdrawn").order_by("id"))


def words(message: Message) -> str:
    """Return the text of a mail."""
    return mail_in(message).text

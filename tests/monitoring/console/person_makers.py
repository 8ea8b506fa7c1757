"""What people did, wrote and were sent about a person, as the person's page finds it."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from typing import Any

from accounts.models import Person
from monitoring.actions.models import (
    Action,
    ActionPerson,
    ActionState,
    Invitation,
    Kind,
    Origin,
    PersonNote,
    PersonState,
)
from monitoring.alerts.models import Message, MessageState, Silence, SilencedPerson
from monitoring.audit.log import audit_entry_write
from monitoring.health.models import Hold
from tests.factories import NOW
from tests.monitoring.console.makers import HOUR

serial = count(1)


def make_act(
    person: Person, author: Any, kind: Kind, at: datetime = NOW, **overrides: Any
) -> ActionPerson:
    """The person's part in an action that is over."""
    state = overrides.pop("action_state", ActionState.DONE)
    action = Action.objects.create(
        organization=person.organization,
        kind=kind,
        state=state,
        origin=Origin.PERSON,
        reason=overrides.pop("reason", ""),
        parameters=overrides.pop("chosen", {}),
        author=author,
        author_name=author.email,
        created_at=at,
        confirmed_at=at,
    )
    fields = {"state": PersonState.DONE, "status": "stalled", "at": at}
    return ActionPerson.objects.create(
        organization=person.organization, action=action, person=person, **fields | overrides
    )


def make_note(person: Person, author: Any, at: datetime = NOW, **overrides: Any) -> PersonNote:
    fields = {"text": "Called her.", "author": author, "author_name": author.email, "at": at}
    return PersonNote.objects.create(
        organization=person.organization, person=person, **fields | overrides
    )


def make_message(person: Person, at: datetime = NOW, **overrides: Any) -> Message:
    key = f"key-{next(serial)}"
    fields = {
        "kind": "invitation",
        "key": key,
        "recipient": person.email,
        "subject": "Connect Google again",
        "content": b"ciphertext",
        "message_id": f"<{key}@console.example>",
        "created_at": at,
        "next_try_at": at,
        "state": MessageState.SENT,
        "sent_at": at,
    }
    return Message.objects.create(
        organization=person.organization, person=person, **fields | overrides
    )


def make_hold(person: Person, author: Any, at: datetime = NOW, **overrides: Any) -> Hold:
    """A hold beside the one that health shows."""
    fields = {
        "author_kind": "member",
        "author": author,
        "author_name": author.email,
        "reason": "On leave",
        "started_at": at,
    }
    return Hold.objects.create(
        organization=person.organization, person=person, **fields | overrides
    )


def make_silence(person: Person, author: Any, **overrides: Any) -> Silence:
    fields = {
        "author": author,
        "author_name": author.email,
        "reason": "She knows",
        "started_at": NOW - HOUR,
        "ends_at": NOW + HOUR,
    }
    silence = Silence.objects.create(organization=person.organization, **fields | overrides)
    SilencedPerson.objects.create(organization=person.organization, silence=silence, person=person)
    return silence


def make_invitation(person: Person, author: Any, **overrides: Any) -> Invitation:
    fields = {
        "providers": ["google", "salesforce"],
        "state": "sent",
        "asked_by": author,
        "asked_by_name": author.email,
        "created_at": NOW - HOUR,
        "sent_at": NOW - HOUR,
        "expires_at": NOW + 48 * HOUR,
    }
    return Invitation.objects.create(
        organization=person.organization, person=person, **fields | overrides
    )


def make_sync_entry(person: Person, author: Any, at: datetime = NOW, **overrides: Any) -> None:
    fields = {"action": "person.sync_now", "author": author, "now": at} | overrides
    audit_entry_write(organization=person.organization, person=person, **fields)

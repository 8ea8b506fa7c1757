"""Makers of silences and messages for tests."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from accounts.models import Organization, Person
from monitoring.alerts.mails import Mail
from monitoring.alerts.models import Message, Silence
from monitoring.alerts.outbox import message_queue
from monitoring.alerts.silences import silence_place
from tests.factories import NOW, make_person, make_user, serial


def make_silence(
    organization: Organization, people: Collection[Person], **overrides: Any
) -> Silence:
    """Mute people from now on for a day, unless told otherwise."""
    author = overrides.pop("author", None) or make_user()
    fields = {
        "author_name": author.email,
        "reason": "The whole team is at a fair.",
        "ends_at": NOW + timedelta(days=1),
        "now": NOW,
    }
    ids = [person.pk for person in people]
    return silence_place(
        **{"organization": organization, "author": author, "people": ids} | fields | overrides
    )


MAIL = Mail("It works again", "Hello Ada,\n\nit works.\n", "<p>Hello Ada,</p><p>it works.</p>")


QUEUED_WITH = {"organization", "person", "kind", "key", "recipient", "recipient_name"}


def make_message(person: Person | None = None, **overrides: Any) -> Message:
    """Queue a mail to a person; fields of the row go straight into it."""
    person = person or make_person()
    fields = {field.name for field in Message._meta.fields} & overrides.keys()
    row = {name: overrides.pop(name) for name in fields - QUEUED_WITH}
    message = message_queue(
        **{
            "organization": person.organization,
            "person": person,
            "kind": "acted_for_you",
            "key": f"message {next(serial)}",
            "recipient": person.email,
            "recipient_name": person.name,
            "mail": MAIL,
            "now": NOW,
        }
        | overrides
    )
    assert message is not None
    Message.objects.filter(pk=message.pk).update(**row)
    return Message.objects.get(pk=message.pk)


def make_copies(
    message: Message, number: int, *, apart: timedelta = timedelta(0), **fields: Any
) -> None:
    """Have so many messages more like this one, each due that much before the last."""
    row = {each.attname: getattr(message, each.attname) for each in Message._meta.concrete_fields}
    copies = []
    for place in range(1, number + 1):
        turn = next(serial)
        row |= {"id": None, "key": f"copy {turn}", "message_id": f"<copy{turn}@acme.example>"}
        row["next_try_at"] = message.next_try_at - place * apart
        copies.append(Message(**row | fields))
    Message.objects.bulk_create(copies, batch_size=5_000)


def make_matcher(organization: Organization, **overrides: Any) -> Silence:
    """Mute whoever matches, from now on for a day, unless told otherwise; by default everybody."""
    author = overrides.pop("author", None) or make_user()
    fields = {
        "author_name": author.email,
        "reason": "Planned work",
        "is_matcher": True,
        "started_at": NOW,
        "ends_at": NOW + timedelta(days=1),
    }
    return Silence.objects.create(
        **{"organization": organization, "author": author} | fields | overrides
    )

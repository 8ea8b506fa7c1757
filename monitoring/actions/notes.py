"""Notes about a person, perhaps with somebody who is to do something by a day."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction

from accounts.access import MAY_CHANGE, Access
from accounts.models import Member, Person
from accounts.tenancy import TenantModel, TenantQuerySet
from monitoring.actions.deeds import ActionRefusedError
from monitoring.actions.incidents import name_of
from monitoring.actions.models import PersonNote
from monitoring.audit.log import audit_entry_write

LONGEST_NOTE = 2_000


def note_text(text: str) -> str:
    """Return the note's text. Raises ActionRefusedError for an empty or long one."""
    text = text.replace("\x00", "").strip()
    if not text:
        raise ActionRefusedError("Write something first.", "text")
    if len(text) > LONGEST_NOTE:
        raise ActionRefusedError(f"A note may have {LONGEST_NOTE:,} characters.", "text")
    return text


def note_owners(access: Access) -> TenantQuerySet:
    """Return the members who can be given something to do: who can tick it off again."""
    members: TenantQuerySet = Member.objects.visible_to(access)
    return members.filter(role__in=MAY_CHANGE, user__is_active=True)


def note_owner(access: Access, typed: str) -> tuple[int | None, str]:
    """Return id and name of the user whose id was typed; (None, "") for nobody.

    Raises ActionRefusedError for who is neither the user nor one of `note_owners`.
    """
    if not typed:
        return None, ""
    if typed == str(access.user.pk):
        return access.user.pk, name_of(access.user)
    members = note_owners(access).select_related("user")
    # More digits than any id has would be an error of the database.
    member = members.filter(user_id=typed).first() if is_id(typed) else None
    if member is None:
        sentence = "Choose somebody of this organization who may change something here."
        raise ActionRefusedError(sentence, "owner")
    return member.user_id, name_of(member.user)


def is_id(typed: str) -> bool:
    return typed.isascii() and typed.isdigit() and len(typed) < 18


@transaction.atomic
def person_note_add(
    *,
    access: Access,
    person: Person,
    text: str,
    owner: Any | None,
    due_on: date | None,
    now: datetime,
) -> PersonNote:
    """Write a note about a person. Raises PermissionDenied and ActionRefusedError."""
    note_check(access, person)
    owner_id, owner_name = note_owner(access, "" if owner is None else str(owner.pk))
    note = PersonNote.objects.create(
        organization=access.organization,
        person=person,
        text=note_text(text),
        at=now,
        author=access.user,
        author_name=name_of(access.user),
        owner_id=owner_id,
        owner_name=owner_name,
        due_on=due_on,
    )
    note_tell(access, note, "person.note", now)
    return note


@transaction.atomic
def person_note_done(*, access: Access, note: PersonNote, now: datetime) -> PersonNote:
    """Tick a note off. Nothing happens where that was done. Raises PermissionDenied."""
    note_check(access, note)
    locked = PersonNote.objects.select_for_update().get(pk=note.pk)
    if locked.done_at is None:
        locked.done_at, locked.done_by_name = now, name_of(access.user)
        locked.save(update_fields=["done_at", "done_by_name"])
        note_tell(access, locked, "person.note_done", now)
    return locked


def note_check(access: Access, row: TenantModel) -> None:
    access.require_change()
    if row.organization_id != access.organization.pk:
        raise PermissionDenied("This person belongs to another organization.")


def note_tell(access: Access, note: PersonNote, action: str, now: datetime) -> None:
    audit_entry_write(
        organization=access.organization,
        action=action,
        now=now,
        author=access.user,
        person=note.person,
        detail={"note": note.pk},
    )

"""What an admin can do about an incident. Each call checks, does, and writes it to the log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import F, OuterRef, Subquery

from accounts.access import Access
from monitoring.audit.log import audit_entry_write
from monitoring.health.models import Health
from monitoring.incidents.course import event_write
from monitoring.incidents.models import EventKind, Hit, Incident, Kind

LONGEST_NOTE = 2_000


class RecoveryRefusedError(Exception):
    """A recovery that can't be asked for now; the message is a sentence for the admin."""


class NoteRefusedError(Exception):
    """A note that can't be kept; the message is a sentence for the admin."""


def name_of(user: Any) -> str:
    """Return the name by which the incident's page speaks of a user."""
    name: str = user.get_full_name() or user.email
    return name


def incident_check(access: Access, incident: Incident) -> None:
    """Raise PermissionDenied for who may only look or whose organization it is not."""
    access.require_change()
    if incident.organization_id != access.organization.pk:
        raise PermissionDenied("This incident belongs to another organization.")


@transaction.atomic
def incident_take(*, access: Access, incident: Incident, now: datetime) -> None:
    """Make the user the owner of the incident. Nothing happens where they are already."""
    incident_check(access, incident)
    locked = Incident.objects.select_for_update().get(pk=incident.pk)
    if locked.owner_id == access.user.pk:
        return
    owner = {"owner": access.user, "owner_name": name_of(access.user)}
    Incident.objects.filter(pk=incident.pk).update(**owner)
    incident_tell(access, incident, EventKind.OWNER, "incident.take", now)


@transaction.atomic
def incident_note_add(*, access: Access, incident: Incident, text: str, now: datetime) -> None:
    """Add a note to the incident's timeline. Raises NoteRefusedError for an empty or long one."""
    incident_check(access, incident)
    text = text.replace("\x00", "").strip()
    if not text:
        raise NoteRefusedError("Write something first.")
    if len(text) > LONGEST_NOTE:
        raise NoteRefusedError(f"A note may have {LONGEST_NOTE:,} characters.")
    incident_tell(access, incident, EventKind.NOTE, "incident.note", now, text=text)


@transaction.atomic
def incident_recover(*, access: Access, incident: Incident, now: datetime) -> int:
    """Sync exactly those hit who have had no good run since; return how many they are.

    Oldest gap first and under the providers' limits, from the next tick on. While the incident is
    open each is tried once; after it, who failed for a reason of their own is tried once more.
    Raises RecoveryRefusedError where nobody waits or a recovery is under way.
    """
    incident_check(access, incident)
    locked = Incident.objects.select_for_update().get(pk=incident.pk)
    if locked.kind != Kind.FAILURES:
        raise RecoveryRefusedError("Nobody was hit by this; runs come again by themselves.")
    hits = Hit.objects.filter(incident=locked, recovered_at=None)
    # Good runs that came when the incident was over already.
    health = Health.objects.filter(person=OuterRef("person"))
    well = hits.filter(person__health__last_success_at__gt=F("last_failed_at"))
    well.update(recovered_at=Subquery(health.values("last_success_at")))
    if not hits.exists():
        raise RecoveryRefusedError("Everybody hit has had a good run since.")
    if locked.state == "recovering" or locked.recover_asked_at is not None:
        raise RecoveryRefusedError("The recovery is under way already.")
    if locked.state == "open":
        Incident.objects.filter(pk=locked.pk).update(recover_asked_at=now)
    else:
        hits.update(ended_at=None, asked_at=None)
        Incident.objects.filter(pk=locked.pk).update(recovered_at=None)
    people = hits.count()
    incident_tell(access, incident, EventKind.RECOVER, "incident.recover", now, people=people)
    return people


def incident_tell(
    access: Access,
    incident: Incident,
    kind: EventKind,
    action: str,
    now: datetime,
    *,
    people: int | None = None,
    text: str = "",
) -> None:
    """Write what somebody did to the incident's timeline and to the audit log."""
    user = access.user
    event_write(incident, kind, now, people, text=text, author=user, author_name=name_of(user))
    audit_entry_write(
        organization=access.organization,
        action=action,
        now=now,
        author=user,
        detail={"incident": incident.pk, "people": people},
    )

"""What an admin can do to one person. Each call checks, does, and writes it to the audit log."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db import transaction

from accounts.access import Access
from accounts.models import Connection, Person, Provider
from monitoring.audit.log import audit_entry_write
from monitoring.health.models import Health
from monitoring.jobs.doorbell import ring
from monitoring.jobs.models import Job, Lane
from monitoring.jobs.queue import job_request

ELSEWHERE = "Another engine syncs this person and reports here; ask for a run there."


class SyncRefusedError(Exception):
    """A sync that can't be asked for now; the message is a sentence for the admin."""


def sync_refusal(
    *, held: bool, connected: Collection[str], runs_here: bool, ran_before: bool
) -> str:
    """Return why a sync can't be asked for, as a sentence; empty if it can.

    `connected` are the providers the person has a connection to, `ran_before` whether any run has
    ever been heard of. Two engines at once on one person would write everything twice.
    """
    if held:
        return "Syncing is switched off for this person. Switch it on again first."
    if ran_before and not runs_here:
        return ELSEWHERE
    missing = [provider.label for provider in Provider if provider not in connected]
    if not missing:
        return "" if runs_here else ELSEWHERE
    verb = "is" if len(missing) == 1 else "are"
    return f"{' and '.join(missing)} {verb} not connected, so there is nothing to sync with yet."


@transaction.atomic
def person_sync_now(*, access: Access, person: Person, now: datetime) -> Job:
    """Put a sync of the person ahead of all periodic work and return its job.

    A run already going on is the sync asked for. Raises PermissionDenied for who may only look or
    whose organization it is not, and SyncRefusedError for a person who is held, not
    connected, or synced by another engine.
    """
    access.require_change()
    if person.organization_id != access.organization.pk:
        raise PermissionDenied("This person belongs to another organization.")
    connected = Connection.objects.filter(person=person).values_list("provider", flat=True)
    health = Health.objects.get(person=person)
    refusal = sync_refusal(
        held=health.hold_id is not None,
        connected=list(connected),
        runs_here=health.runs_here,
        ran_before=health.last_attempt_at is not None,
    )
    if refusal:
        raise SyncRefusedError(refusal)
    job = job_request(person=person, now=now)
    audit_entry_write(
        organization=access.organization,
        action="person.sync_now",
        now=now,
        author=access.user,
        person=person,
        detail={"attempt_id": str(job.attempt_id)},
    )
    ring(Lane.ADMIN)
    return job

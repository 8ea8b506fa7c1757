"""What people can do about their own syncing. A signed link or their sign-in says who they are."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts.models import Person
from monitoring.audit.log import audit_entry_write
from monitoring.health.holds import hold_place, hold_release
from monitoring.health.models import Hold, HoldAuthor, HoldQuerySet

LONGEST_PAUSE = timedelta(days=90)
LONGEST_REASON = 500
NO_REASON = "No reason given"


class PauseRefusedError(Exception):
    """A pause that can't be; the message is a sentence for the person."""


def pause_refusal(until: datetime | None, reason: str, now: datetime) -> str:
    """Return why syncing can't be paused so, as a sentence; empty if it can."""
    if until is None:
        return "Choose the day on which syncing starts again."
    if until <= now:
        return "Choose a day that is still to come."
    if until > now + LONGEST_PAUSE:
        return f"A pause may last {LONGEST_PAUSE.days} days. Choose an earlier day."
    if len(reason) > LONGEST_REASON:
        return f"A reason may have {LONGEST_REASON} characters."
    return ""


def own_holds(person: Person) -> HoldQuerySet:
    """Return the holds that the person placed and that still hold them.

    One whose end has come does so until the tick carries it out.
    """
    found: HoldQuerySet = Hold.objects.unreleased()
    return found.filter(person=person, author_kind=HoldAuthor.PERSON)


@transaction.atomic
def own_pause(*, person: Person, until: datetime | None, reason: str, now: datetime) -> Hold:
    """Let the person's syncing rest until a moment, in place of an earlier pause of theirs.

    Raises PauseRefusedError.
    """
    reason = reason.replace("\x00", "").strip()
    refusal = pause_refusal(until, reason, now)
    if refusal:
        raise PauseRefusedError(refusal)
    before = list(own_holds(person))
    hold = hold_place(
        person=person,
        author_kind=HoldAuthor.PERSON,
        author=None,
        author_name=person.name,
        reason=reason or NO_REASON,
        now=now,
        ends_at=until,
    )
    # Only now, so that nobody sees the person as syncing for a moment.
    for earlier in before:
        hold_release(hold=earlier, author=None, now=now)
    own_deed_write(person, "person.pause", now, until=until.isoformat() if until else None)
    return hold


@transaction.atomic
def own_resume(*, person: Person, now: datetime) -> int:
    """Lift the person's own pauses and nobody else's hold; return how many there were."""
    holds = list(own_holds(person))
    for hold in holds:
        hold_release(hold=hold, author=None, now=now)
    if holds:
        own_deed_write(person, "person.resume", now)
    return len(holds)


def own_deed_write(person: Person, action: str, now: datetime, **detail: Any) -> None:
    """Write to the audit log what a person did about themself."""
    audit_entry_write(
        organization=person.organization,
        action=action,
        now=now,
        author_name=person.name,
        person=person,
        detail={"by": "the person"} | detail,
    )

"""Notes about a person: what is to be done about them, by whom and until when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import Any

from django.db.models import F

from accounts.access import Access
from monitoring.actions.models import PersonNote
from monitoring.console.action_forms import members_of
from monitoring.console.rows import Moment, recent

NOTES = 20


@dataclass(frozen=True, slots=True)
class NoteRow:
    """One note; `due` is written as a day."""

    note_id: int
    text: str
    author: str
    at: Moment | None
    owner: str
    due: str
    overdue: bool
    done: bool
    done_by: str


def note_row(note: PersonNote, now: datetime, zone: tzinfo) -> NoteRow:
    due, today = note.due_on, now.astimezone(zone).date()
    return NoteRow(
        note_id=note.pk,
        text=note.text,
        author=note.author_name,
        at=recent(note.at, now, zone),
        owner=note.owner_name,
        due=due_words(due, today),
        overdue=due is not None and due < today and note.done_at is None,
        done=note.done_at is not None,
        done_by=note.done_by_name,
    )


def due_words(due: date | None, today: date) -> str:
    """Return the day as "Mon 30 Nov", with its year if that is another; empty for none."""
    if due is None:
        return ""
    year = "" if due.year == today.year else f" {due.year}"
    return f"{due:%a} {due.day} {due:%b}{year}"


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody typed into the form, and why it was refused; `at_fault` names the field."""

    values: Mapping[str, str] = field(default_factory=dict)
    refused: str = ""
    at_fault: str = ""


def notes_of(
    access: Access, person_id: int, now: datetime, typed: Typed | None = None
) -> dict[str, Any]:
    """Return the context of the notes: those open first, the soonest due before the others."""
    notes = PersonNote.objects.visible_to(access).filter(person=person_id)
    notes = notes.order_by(
        F("done_at").desc(nulls_first=True), F("due_on").asc(nulls_last=True), "-at"
    )[:NOTES]
    rows = [note_row(note, now, access.time_zone) for note in notes]
    return {
        "notes_open": [row for row in rows if not row.done],
        "notes_done": [row for row in rows if row.done],
        "owners": members_of(access) if access.may_change else [],
        "typed": typed or Typed(),
    }

"""Notes that wait on Overview: the viewer's own to be done, and whatever is overdue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from django.db.models import F, Q

from monitoring.actions.models import PersonNote
from monitoring.console.person_notes import due_words
from monitoring.console.together import Question, Row, question_of

if TYPE_CHECKING:
    from accounts.access import Access

# What fits beside the rest; one more is asked for, to know whether there is more.
NOTES = 5


@dataclass(frozen=True, slots=True)
class NoteLine:
    """A note to be done by the viewer, or one whose day is over; `due` is empty without a day."""

    text: str
    person_id: int
    person: str
    owner: str
    due: str
    overdue: bool


def notes_question(access: Access, now: datetime) -> Question:
    """Ask for the open notes that are the viewer's or overdue, the soonest due first."""
    today = now.astimezone(access.time_zone).date()
    notes = PersonNote.objects.visible_to(access).filter(done_at=None)
    notes = notes.filter(Q(owner=access.user) | Q(due_on__lt=today))
    columns = ("text", "person_id", "person__name", "owner_id", "owner_name", "due_on")
    found = notes.order_by(F("due_on").asc(nulls_last=True), "pk").values(*columns)
    return question_of(found[: NOTES + 1])


def notes_due(access: Access, found: Sequence[Row], now: datetime) -> list[NoteLine]:
    """Return what `notes_question` found as lines, of which the last may be one too many."""
    today = now.astimezone(access.time_zone).date()
    return [note_line(row, access.user.pk, today) for row in found]


def note_line(row: Row, own: int, today: date) -> NoteLine:
    due = date.fromisoformat(row["due_on"]) if row["due_on"] else None
    return NoteLine(
        text=row["text"],
        person_id=row["person_id"],
        person=row["person__name"],
        owner="you" if row["owner_id"] == own else row["owner_name"],
        due=due_words(due, today),
        overdue=due is not None and due < today,
    )

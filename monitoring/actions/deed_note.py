"""Note: write the same note to each of the people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db.models import Q

from accounts.access import Access
from monitoring.actions.deeds import Manner, Result
from monitoring.actions.models import Action, ActionPerson, Kind, PersonNote, PersonState
from monitoring.actions.notes import note_owner, note_text
from monitoring.actions.parameters import day_of, text_of


class NoteDeed:
    kind = Kind.NOTE
    manner = Manner.AT_ONCE
    reversible = False
    slice = 1_000

    def clean(self, given: Mapping[str, Any], *, access: Access, now: datetime) -> dict[str, Any]:
        owner, owner_name = note_owner(access, text_of(given, "owner"))
        due_on = day_of(given, "due_on")
        return {
            "text": note_text(text_of(given, "text")),
            "owner": owner,
            "owner_name": owner_name,
            "due_on": None if due_on is None else due_on.isoformat(),
        }

    def left_out(self, parameters: Mapping[str, Any], now: datetime) -> list[tuple[str, Q]]:
        return []

    def do(
        self, action: Action, people: Sequence[ActionPerson], now: datetime
    ) -> Mapping[int, Result]:
        note = action.parameters
        due_on = None if note["due_on"] is None else date.fromisoformat(note["due_on"])
        PersonNote.objects.bulk_create(
            PersonNote(
                organization_id=action.organization_id,
                person_id=one.person_id,
                text=note["text"],
                at=now,
                author=action.author,
                author_name=action.author_name,
                owner_id=note["owner"],
                owner_name=note["owner_name"],
                due_on=due_on,
            )
            for one in people
        )
        return {one.person_id: Result(PersonState.DONE) for one in people}

    def undo(
        self, action: Action, people: Sequence[ActionPerson], now: datetime
    ) -> Mapping[int, Result]:
        raise NotImplementedError("What was written stays.")

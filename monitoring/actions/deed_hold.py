"""Hold: the people must not sync until somebody releases them or the hold ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q

from accounts.access import Access
from monitoring.actions.checking import left_out_now, skipped
from monitoring.actions.deeds import Manner, Result
from monitoring.actions.models import Action, ActionPerson, Kind, PersonState
from monitoring.actions.parameters import moment_of, stored, until_of
from monitoring.health.holds import holds_place, holds_release
from monitoring.health.models import Hold, HoldAuthor, HoldQuerySet
from monitoring.health.store import lock


class HoldDeed:
    kind = Kind.HOLD
    manner = Manner.AT_ONCE
    reversible = True
    slice = 500

    def clean(self, given: Mapping[str, Any], *, access: Access, now: datetime) -> dict[str, Any]:
        return {"until": stored(until_of(given, access.time_zone, now))}

    def left_out(self, parameters: Mapping[str, Any], now: datetime) -> list[tuple[str, Q]]:
        until = moment_of(parameters["until"])
        as_long = Q(ends_at=None) if until is None else Q(ends_at=None) | Q(ends_at__gte=until)
        return [("held_already", Q(Exists(member_holds().filter(as_long))))]

    def do(
        self, action: Action, people: Sequence[ActionPerson], now: datetime
    ) -> Mapping[int, Result]:
        person_ids = [one.person_id for one in people]
        # From here on nobody else can place a hold on them.
        lock(person_ids)
        until = moment_of(action.parameters["until"])
        if until is not None and until <= now:
            return dict.fromkeys(person_ids, Result(PersonState.SKIPPED, "ended_meanwhile"))
        left_out = left_out_now(self, action, person_ids, now)
        placed = holds_place(
            people=[person for person in person_ids if person not in left_out],
            author_kind=HoldAuthor.MEMBER,
            author=action.author,
            author_name=action.author_name,
            reason=action.reason,
            now=now,
            ends_at=until,
        )
        done = {
            person: Result(PersonState.DONE, former={"hold": hold})
            for person, hold in placed.items()
        }
        return done | skipped(left_out)

    def undo(
        self, action: Action, people: Sequence[ActionPerson], now: datetime
    ) -> Mapping[int, Result]:
        """Release exactly the holds that the action placed."""
        holds = {one.person_id: one.former["hold"] for one in people if one.former}
        lifted = holds_release(
            holds=list(holds.values()), author=action.author, now=now, at_once=action.people == 1
        )
        return {
            person: Result(PersonState.DONE)
            if hold in lifted
            else Result(PersonState.SKIPPED, "released_already")
            for person, hold in holds.items()
        }


def member_holds() -> HoldQuerySet:
    """Return, in a query of Health, the members' holds on the person."""
    holds: HoldQuerySet = Hold.objects.unreleased()
    return holds.filter(person=OuterRef("person_id"), author_kind=HoldAuthor.MEMBER)

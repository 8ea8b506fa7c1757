"""Release: lift what members put on people, so that they sync again.

A hold that the person or the off-boarding feed put there stays; it is theirs to lift.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q

from accounts.access import Access
from monitoring.actions.checking import left_out_now, skipped
from monitoring.actions.deed_hold import is_held_by_member
from monitoring.actions.deeds import Manner, Result
from monitoring.actions.models import Action, ActionPerson, Kind, PersonState
from monitoring.health.holds import holds_place, holds_release
from monitoring.health.models import Hold, HoldAuthor
from monitoring.health.store import lock


class ReleaseDeed:
    kind = Kind.RELEASE
    manner = Manner.AT_ONCE
    reversible = True
    slice = 500

    def clean(self, given: Mapping[str, Any], *, access: Access, now: datetime) -> dict[str, Any]:
        return {}

    def left_out(self, parameters: Mapping[str, Any], now: datetime) -> list[tuple[str, Q]]:
        by_member = Q(is_held_by_member(now))
        held = Q(Exists(Hold.objects.active_at(now).filter(person=OuterRef("person_id"))))
        return [("held_by_other", held & ~by_member), ("not_held", ~by_member)]

    def do(
        self, action: Action, people: Sequence[ActionPerson], now: datetime
    ) -> Mapping[int, Result]:
        person_ids = [one.person_id for one in people]
        holds = Hold.objects.active_at(now).filter(person_id__in=person_ids)
        theirs = list(holds.filter(author_kind=HoldAuthor.MEMBER).values_list("pk", flat=True))
        lifted: defaultdict[int, list[int]] = defaultdict(list)
        released = holds_release(
            holds=theirs, author=action.author, now=now, at_once=action.people == 1
        )
        for hold, person in released.items():
            lifted[person].append(hold)
        still_held = set(holds.filter(person_id__in=lifted).values_list("person_id", flat=True))
        done = {
            person: Result(
                PersonState.DONE,
                "held_by_other" if person in still_held else "",
                former={"holds": sorted(of_person)},
            )
            for person, of_person in lifted.items()
        }
        others = [person for person in person_ids if person not in lifted]
        return done | skipped(left_out_now(self, action, others, now))

    def undo(
        self, action: Action, people: Sequence[ActionPerson], now: datetime
    ) -> Mapping[int, Result]:
        """Place holds like those lifted, with their end, unless there is a new one since."""
        by_person = {one.person_id: one.former["holds"] for one in people if one.former}
        lock(by_person)
        held = set(
            Hold.objects.active_at(now)
            .filter(person_id__in=by_person, author_kind=HoldAuthor.MEMBER)
            .values_list("person_id", flat=True)
        )
        free = [hold for person, holds in by_person.items() if person not in held for hold in holds]
        placed = place_again(action, free, now)
        return {person: undone(placed.get(person), person in held) for person in by_person}


def undone(holds: list[int] | None, is_held: bool) -> Result:
    if holds:
        return Result(PersonState.DONE)
    return Result(PersonState.SKIPPED, "held_again" if is_held else "ended_meanwhile")


def place_again(action: Action, lifted: Collection[int], now: datetime) -> dict[int, list[int]]:
    """Place holds like those given by id that would not have ended; return their ids by person."""
    alike: defaultdict[tuple[str, datetime | None, int], list[int]] = defaultdict(list)
    seen: defaultdict[tuple[int, str, datetime | None], int] = defaultdict(int)
    for hold in Hold.objects.filter(pk__in=lifted).exclude(ends_at__lte=now).order_by("pk"):
        # A person's second hold with the same words goes into a second round.
        key = hold.person_id, hold.reason, hold.ends_at
        alike[hold.reason, hold.ends_at, seen[key]].append(hold.person_id)
        seen[key] += 1
    placed: defaultdict[int, list[int]] = defaultdict(list)
    for (reason, ends_at, _), people in alike.items():
        for person, hold_id in holds_place(
            people=people,
            author_kind=HoldAuthor.MEMBER,
            author=action.author,
            author_name=action.author_name,
            reason=reason,
            now=now,
            ends_at=ends_at,
        ).items():
            placed[person].append(hold_id)
    return placed

"""Release: lift what members put on people, so that they sync again.

A hold that the person or the off-boarding feed put there stays; it is theirs to lift.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Exists, Q

from accounts.access import Access
from monitoring.actions.checking import left_out_now, skipped
from monitoring.actions.deed_hold import member_holds
from monitoring.actions.deeds import Manner, Result
from monitoring.actions.models import Action, ActionPerson, Kind, PersonState
from monitoring.health.holds import Wanted, holds_place_each, holds_release
from monitoring.health.models import Health, Hold, HoldAuthor
from monitoring.health.store import lock


class ReleaseDeed:
    kind = Kind.RELEASE
    manner = Manner.AT_ONCE
    reversible = True
    slice = 500

    def clean(self, given: Mapping[str, Any], *, access: Access, now: datetime) -> dict[str, Any]:
        return {}

    def left_out(self, parameters: Mapping[str, Any], now: datetime) -> list[tuple[str, Q]]:
        """Who is held is told by Health, as on every page and for a sync."""
        by_member = Q(Exists(member_holds()))
        is_held = Q(hold__isnull=False)
        return [("held_by_other", is_held & ~by_member), ("not_held", ~is_held)]

    def do(
        self, action: Action, people: Sequence[ActionPerson], now: datetime
    ) -> Mapping[int, Result]:
        person_ids = [one.person_id for one in people]
        holds = Hold.objects.unreleased().filter(person_id__in=person_ids)
        theirs = list(holds.filter(author_kind=HoldAuthor.MEMBER).values_list("pk", flat=True))
        lifted: defaultdict[int, list[int]] = defaultdict(list)
        released = holds_release(
            holds=theirs, author=action.author, now=now, at_once=action.people == 1
        )
        for hold, person in released.items():
            lifted[person].append(hold)
        still = still_held(lifted, now)
        done = {
            person: Result(
                PersonState.DONE, still.get(person, ""), former={"holds": sorted(of_person)}
            )
            for person, of_person in lifted.items()
        }
        return done | self.others(action, [one for one in person_ids if one not in lifted], now)

    def others(self, action: Action, person_ids: Sequence[int], now: datetime) -> dict[int, Result]:
        """Return why of some nothing was lifted; who is gone has no result."""
        left_out = left_out_now(self, action, person_ids, now)
        there = Health.objects.filter(pk__in=person_ids).exclude(pk__in=left_out)
        # The holds seen were lifted by somebody else, and there are new ones.
        again = dict.fromkeys(there.values_list("pk", flat=True), "held_again")
        return skipped(again | left_out)

    def undo(
        self, action: Action, people: Sequence[ActionPerson], now: datetime
    ) -> Mapping[int, Result]:
        """Place holds like those lifted, with their end, unless a member decided anew since."""
        by_person = {one.person_id: one.former["holds"] for one in people if one.former}
        lock(by_person)
        held = held_since(people)
        free = [hold for person, holds in by_person.items() if person not in held for hold in holds]
        placed = place_again(action, free, now)
        return {person: undone(placed.get(person), person in held) for person in by_person}


def undone(holds: list[int] | None, is_held: bool) -> Result:
    if holds:
        return Result(PersonState.DONE)
    return Result(PersonState.SKIPPED, "held_again" if is_held else "ended_meanwhile")


def still_held(people: Collection[int], now: datetime) -> dict[int, str]:
    """Return, of those just released, who is held all the same, with the code that says by whom."""
    left = Hold.objects.unreleased().filter(person_id__in=people).exclude(ends_at__lte=now)
    found: dict[int, str] = {}
    for person, kind in left.values_list("person_id", "author_kind"):
        if kind == HoldAuthor.MEMBER:
            found[person] = "held_again"
        else:
            found.setdefault(person, "held_by_other")
    return found


def held_since(people: Sequence[ActionPerson]) -> set[int]:
    """Return on whom a member has placed a hold since theirs were lifted, be it gone again."""
    lifted_at = {one.person_id: one.at for one in people if one.former and one.at}
    if not lifted_at:
        return set()
    lifted = [hold for one in people if one.former for hold in one.former["holds"]]
    holds = Hold.objects.filter(person_id__in=lifted_at, author_kind=HoldAuthor.MEMBER)
    # All that were there were lifted, so others that lasted longer were placed later.
    others = holds.filter(Q(released_at=None) | Q(released_at__gt=min(lifted_at.values())))
    rows = others.exclude(pk__in=lifted).values_list("person_id", "released_at", "ends_at")
    return {
        person
        for person, *ends in rows
        if all(end is None or end > lifted_at[person] for end in ends)
    }


def place_again(action: Action, lifted: Collection[int], now: datetime) -> dict[int, list[int]]:
    """Place holds like those given by id that would not have ended; return their ids by person."""
    former = Hold.objects.filter(pk__in=lifted).exclude(ends_at__lte=now).order_by("pk")
    return holds_place_each(
        wanted=[Wanted(hold.person_id, hold.reason, hold.ends_at) for hold in former],
        author_kind=HoldAuthor.MEMBER,
        author=action.author,
        author_name=action.author_name,
        now=now,
    )

"""Change interval: how often the people are synced while all is well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q

from accounts.access import Access
from monitoring.actions.checking import left_out_now, skipped
from monitoring.actions.deeds import ActionRefusedError, Manner, Result
from monitoring.actions.models import Action, ActionPerson, Kind, PersonState
from monitoring.actions.parameters import text_of
from monitoring.health.intervals import LEAST, MOST, own_interval_set, own_intervals_set
from monitoring.health.models import Health
from monitoring.health.store import lock


class IntervalDeed:
    kind = Kind.INTERVAL
    manner = Manner.AT_ONCE
    reversible = True
    slice = 500

    def clean(self, given: Mapping[str, Any], *, access: Access, now: datetime) -> dict[str, Any]:
        return {"interval": interval_of(text_of(given, "interval"))}

    def left_out(self, parameters: Mapping[str, Any], now: datetime) -> list[tuple[str, Q]]:
        return [("same_interval", Q(own_interval=parameters["interval"]))]

    def do(
        self, action: Action, people: Sequence[ActionPerson], now: datetime
    ) -> Mapping[int, Result]:
        person_ids = [one.person_id for one in people]
        seconds = action.parameters["interval"]
        lock(person_ids)
        left_out = left_out_now(self, action, person_ids, now)
        others = [person for person in person_ids if person not in left_out]
        former = own_interval_set(people=others, seconds=seconds, now=now)
        done = {
            person: Result(PersonState.DONE, former={"interval": before, "set": seconds})
            for person, before in former.items()
        }
        return done | skipped(left_out)

    def undo(
        self, action: Action, people: Sequence[ActionPerson], now: datetime
    ) -> Mapping[int, Result]:
        """Give each their former interval, unless it was changed since."""
        former = {one.person_id: one.former for one in people if one.former}
        lock(former)
        current = dict(
            Health.objects.filter(person__in=former).values_list("person_id", "own_interval")
        )
        # Somebody may have chosen the same interval again, which is a decision of theirs.
        later = changed_later(people)
        changed = {
            person
            for person, interval in current.items()
            if interval != former[person]["set"] or person in later
        }
        wanted = {person: former[person]["interval"] for person in current if person not in changed}
        own_intervals_set(wanted=wanted, now=now)
        done = dict.fromkeys(wanted, Result(PersonState.DONE))
        return done | skipped(dict.fromkeys(changed, "changed_since"))


def changed_later(people: Sequence[ActionPerson]) -> set[int]:
    """Return whose interval was changed after an action on these people did it, or undone."""
    before = {one.person_id: (one.at, one.action_id) for one in people if one.at is not None}
    if not before:
        return set()
    by_action = Q(action__kind=Kind.INTERVAL) | Q(action__undo_of__kind=Kind.INTERVAL)
    changes = ActionPerson.objects.filter(by_action, person__in=before, state=PersonState.DONE)
    since = min(at for at, _ in before.values())
    rows = changes.filter(at__gte=since).values_list("person_id", "at", "action_id")
    return {person for person, at, action in rows if (at, action) > before[person]}


def interval_of(text: str) -> int | None:
    """Return the seconds typed, None for the organization's. Raises ActionRefusedError."""
    if not text:
        return None
    # More digits than that are too long in any case, and slow to read.
    seconds = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if not LEAST <= seconds <= MOST:
        least, most = LEAST // 60, MOST // 3600
        sentence = f"Choose an interval between {least} minutes and {most} hours."
        raise ActionRefusedError(sentence, "interval")
    return seconds

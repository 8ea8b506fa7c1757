"""Silence: nothing is sent about the people until a given time; they are judged as ever."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q

from accounts.access import Access
from monitoring.actions.checking import left_out_now, skipped
from monitoring.actions.deeds import ActionRefusedError, Manner, Result
from monitoring.actions.models import Action, ActionPerson, Kind, PersonState
from monitoring.actions.parameters import moment_of, stored, until_of
from monitoring.alerts.models import Silence, SilencedPerson
from monitoring.alerts.silences import silence_lift, silence_place


class SilenceDeed:
    kind = Kind.SILENCE
    manner = Manner.AT_ONCE
    reversible = True
    # All at once, for it is to be one silence.
    slice = 1_000_000

    def clean(self, given: Mapping[str, Any], *, access: Access, now: datetime) -> dict[str, Any]:
        until = until_of(given, access.time_zone, now)
        if until is None:
            raise ActionRefusedError("A silence needs an end. Choose one.", "until")
        return {"until": stored(until)}

    def left_out(self, parameters: Mapping[str, Any], now: datetime) -> list[tuple[str, Q]]:
        lasting = Silence.objects.active_at(now).filter(ends_at__gte=parameters["until"])
        theirs = SilencedPerson.objects.filter(person=OuterRef("person_id"), lifted_at=None)
        return [("silenced_already", Q(Exists(theirs.filter(silence__in=lasting))))]

    def do(
        self, action: Action, people: Sequence[ActionPerson], now: datetime
    ) -> Mapping[int, Result]:
        person_ids = [one.person_id for one in people]
        until = moment_of(action.parameters["until"])
        if until is None or until <= now:
            return dict.fromkeys(person_ids, Result(PersonState.SKIPPED, "ended_meanwhile"))
        left_out = left_out_now(self, action, person_ids, now)
        others = [person for person in person_ids if person not in left_out]
        if not others:
            return skipped(left_out)
        silence = silence_place(
            organization=action.organization,
            author=action.author,
            author_name=action.author_name,
            people=others,
            reason=action.reason,
            ends_at=until,
            now=now,
        )
        done = Result(PersonState.DONE, former={"silence": silence.pk})
        return dict.fromkeys(others, done) | skipped(left_out)

    def undo(
        self, action: Action, people: Sequence[ActionPerson], now: datetime
    ) -> Mapping[int, Result]:
        """Take the people out of the silence, where it still goes on."""
        by_silence: defaultdict[int, list[int]] = defaultdict(list)
        for one in people:
            if one.former:
                by_silence[one.former["silence"]].append(one.person_id)
        return {
            person: result
            for silence, persons in by_silence.items()
            for person, result in lift(silence, persons, now).items()
        }


def lift(silence_id: int, people: Sequence[int], now: datetime) -> dict[int, Result]:
    """Take people out of a silence; who is in it no more has nothing to be undone."""
    silence = Silence.objects.select_for_update(no_key=True).filter(pk=silence_id).first()
    is_over = silence is None or silence.ended_at is not None or silence.ends_at <= now
    members = SilencedPerson.objects.filter(silence=silence_id, lifted_at=None, person__in=people)
    inside = set() if is_over else set(members.values_list("person_id", flat=True))
    if inside:
        silence_lift(silence_id=silence_id, people=inside, now=now)
    return {
        person: Result(PersonState.DONE)
        if person in inside
        else Result(PersonState.SKIPPED, "lifted_already")
        for person in people
    }

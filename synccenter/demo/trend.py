"""The samples that thirty days of ticks would have taken, from how each person's status changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from monitoring.console.wording import group_of
from monitoring.health.models import Health, Transition
from monitoring.health.samples import EVERY, Sample, is_kept, sample_time, samples_add


@dataclass(frozen=True, slots=True)
class Move:
    """At a time, somebody of an organization came from one group into another; None is nobody's."""

    at: datetime
    organization: int
    before: str | None
    after: str


def trend_record(
    organizations: Iterable[int], *, since: datetime, until: datetime, now: datetime
) -> None:
    """Note how people of the organizations stood every half hour in a time before `now`."""
    samples_add(samples_of(moves_of(list(organizations), since), since, until, now))


def moves_of(organizations: list[int], since: datetime) -> list[Move]:
    """Return how everybody came into a group and moved on, in order of time."""
    moves: list[Move] = []
    began: set[int] = set()
    changes = Transition.objects.filter(organization__in=organizations).order_by("at", "id")
    for each in changes:
        before = group_of(each.from_status, each.from_cause)
        if each.person_id not in began:
            began.add(each.person_id)
            moves.append(Move(since, each.organization_id, None, before))
        after = group_of(each.to_status, each.to_cause)
        moves.append(Move(each.at, each.organization_id, before, after))
    people = Health.objects.filter(organization__in=organizations).exclude(person__in=began)
    for person in people:
        group = group_of(person.status, person.cause)
        moves.append(Move(since, person.organization_id, None, group))
    return sorted(moves, key=lambda move: move.at)


def samples_of(
    moves: Iterable[Move], since: datetime, until: datetime, now: datetime
) -> Iterator[Sample]:
    """Yield the samples after `since` that are still kept at `now`, from moves in order. Pure."""
    people: Counter[tuple[int, str]] = Counter()
    coming = list(reversed(list(moves)))
    at = sample_time(since)
    while at + EVERY <= until:
        at += EVERY
        while coming and coming[-1].at <= at:
            move = coming.pop()
            people[move.organization, move.after] += 1
            if move.before is not None:
                people[move.organization, move.before] -= 1
        if is_kept(at, now):
            for (organization, group), number in people.items():
                if number:
                    yield organization, at, group, number

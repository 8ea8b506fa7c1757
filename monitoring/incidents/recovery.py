"""Those hit by an incident: who tries often meanwhile, and how fast they are synced after. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil


@dataclass(frozen=True, slots=True)
class Pace:
    """How gently a provider is treated that comes back.

    canaries           people who try often while an incident is open
    people_per_second  how many are synced a second; a run makes three or four requests within a
                       few seconds, so that a provider sees no more than five a second
    within             seconds in which everybody should be through; many people go faster
    """

    canaries: int = 5
    people_per_second: float = 0.5
    within: int = 3_600


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody hit who has had no good run since.

    gap_since   the last good run, or when the person's syncing began
    allowed_at  no sooner than this may they be tried, because the provider said so
    """

    person_id: int
    gap_since: datetime
    allowed_at: datetime | None = None

    def may_be_tried(self, now: datetime) -> bool:
        return self.allowed_at is None or self.allowed_at <= now


def oldest_gap_first(waiting: Iterable[Waiting]) -> list[Waiting]:
    return sorted(waiting, key=lambda one: (one.gap_since, one.person_id))


def canaries_to_appoint(
    waiting: Iterable[Waiting], canaries: Collection[int], pace: Pace, now: datetime
) -> list[int]:
    """Return who is to try often from now on, so that there are enough of them.

    `canaries` are those of the waiting who do already; one who had a good run is none any more.
    """
    missing = pace.canaries - len(canaries)
    willing = [one for one in oldest_gap_first(waiting) if one.person_id not in canaries]
    return [one.person_id for one in willing if one.may_be_tried(now)][: max(missing, 0)]


def rate_of(hit: int, pace: Pace) -> float:
    """Return how many people a second are to be synced after an incident that hit so many."""
    return max(pace.people_per_second, hit / pace.within)


def places_free(*, under_way: int, per_second: float, seconds: float) -> int:
    """Return how many more people may be queued now by who comes by again within `seconds`.

    `under_way` have been queued and not been heard of: while a provider is slow, or our workers
    are, nobody is added.
    """
    return max(ceil(per_second * seconds) - under_way, 0)


def start_times(
    waiting: Iterable[Waiting], places: int, hit: int, now: datetime, pace: Pace
) -> list[tuple[int, datetime]]:
    """Return whom to sync next and when each starts: oldest gap first, evenly spaced."""
    step = timedelta(seconds=1 / rate_of(hit, pace))
    ready = [one for one in oldest_gap_first(waiting) if one.may_be_tried(now)][:places]
    return [(one.person_id, now + step * place) for place, one in enumerate(ready)]

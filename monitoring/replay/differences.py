"""When people's health would have differed, and in which hour of most of them. Pure."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from itertools import accumulate

from monitoring.health.fold import Standing
from monitoring.replay.findings import MOST_PEOPLE, MOST_SPANS, Moved, Span, WorstHour

HOUR = 3_600


def differs(stands: Standing, otherwise: Standing) -> bool:
    """Tell whether health differs: by status or, of who needs a human, by cause.

    Another reason for the same delay is no other health: nobody is told or asked to do anything.
    """
    if stands.status != otherwise.status:
        return True
    return stands.status == "stalled" and stands.cause != otherwise.cause


class Differences:
    """Takes note, in order of time, of how each person stands and would stand otherwise."""

    def __init__(self) -> None:
        self._open: dict[int, tuple[datetime, Standing, Standing]] = {}
        self._spans: defaultdict[int, list[Span]] = defaultdict(list)
        self._seconds: defaultdict[int, float] = defaultdict(float)
        self._reworded: set[int] = set()
        # By hour: how many more people differ in it than in the one before.
        self._more: defaultdict[int, int] = defaultdict(int)
        self._counted: dict[int, int] = {}

    def note(self, person_id: int, now: datetime, stands: Standing, otherwise: Standing) -> None:
        """Take note of how a person stands from now on, on either side."""
        if not differs(stands, otherwise):
            if stands.cause != otherwise.cause:
                self._reworded.add(person_id)
            if person_id in self._open:
                self._close(person_id, now, now)
            return
        known = self._open.get(person_id)
        if known is not None:
            _, stood, stood_otherwise = known
            if is_same(stood, stands) and is_same(stood_otherwise, otherwise):
                return
            self._close(person_id, now, now)
        self._open[person_id] = now, stands, otherwise

    def _close(self, person_id: int, now: datetime, until: datetime | None) -> None:
        since, stands, otherwise = self._open.pop(person_id)
        if since >= now:
            return
        self._seconds[person_id] += (now - since).total_seconds()
        self._count(person_id, since, now)
        spans = self._spans[person_id]
        if len(spans) < MOST_SPANS:
            spans.append(
                Span(since, until, stands.status, stands.cause, otherwise.status, otherwise.cause)
            )

    def _count(self, person_id: int, since: datetime, until: datetime) -> None:
        """Count the person in each hour of the span once."""
        first = max(int(since.timestamp()) // HOUR, self._counted.get(person_id, 0))
        after = -(-until.timestamp() // HOUR)
        if first < after:
            self._more[first] += 1
            self._more[int(after)] -= 1
            self._counted[person_id] = int(after)

    def finish(self, now: datetime) -> None:
        """Say that nothing more comes after this moment."""
        for person_id in list(self._open):
            self._close(person_id, now, None)

    @property
    def people(self) -> int:
        """Return how many people's health differed for any time at all."""
        return len(self._seconds)

    @property
    def reworded(self) -> int:
        """Return of how many others nothing but the reason differed."""
        return len(self._reworded - self._seconds.keys())

    @property
    def most_affected(self) -> tuple[Moved, ...]:
        longest = sorted(self._seconds.items(), key=lambda item: (-item[1], item[0]))
        return tuple(
            Moved(person_id, round(seconds), tuple(self._spans[person_id]))
            for person_id, seconds in longest[:MOST_PEOPLE]
        )

    @property
    def worst_hour(self) -> WorstHour | None:
        """Return the first of the hours in which most people differ."""
        hours = sorted(self._more)
        counts = accumulate(self._more[hour] for hour in hours)
        people, hour = max(
            ((people, -hour) for hour, people in zip(hours, counts, strict=True)), default=(0, 0)
        )
        if not people:
            return None
        return WorstHour(datetime.fromtimestamp(-hour * HOUR, tz=UTC), people)


def is_same(before: Standing, after: Standing) -> bool:
    return before.status == after.status and before.cause == after.cause

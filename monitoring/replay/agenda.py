"""When each person's turn comes, cheap to move however often. Pure."""

from __future__ import annotations

from datetime import datetime
from heapq import heappop, heappush


class Agenda:
    """One moment a person, at most. A moment that is only moved later costs no search."""

    def __init__(self) -> None:
        self._at: dict[int, datetime] = {}
        self._queue: list[tuple[datetime, int]] = []
        # The earliest entry of each person in the queue; later ones are left behind and skipped.
        self._queued: dict[int, datetime] = {}

    def put(self, person_id: int, at: datetime | None) -> None:
        """Set a person's moment anew; None for never."""
        if at is None:
            self._at.pop(person_id, None)
            return
        self._at[person_id] = at
        queued = self._queued.get(person_id)
        if queued is None or at < queued:
            self._queued[person_id] = at
            heappush(self._queue, (at, person_id))

    def at(self, person_id: int) -> datetime | None:
        return self._at.get(person_id)

    def take_due(self, now: datetime) -> list[int]:
        """Take out those whose moment has come, the earliest first."""
        due: list[tuple[datetime, int]] = []
        while self._queue and self._queue[0][0] <= now:
            at, person_id = heappop(self._queue)
            if self._queued.get(person_id) != at:
                continue
            del self._queued[person_id]
            wanted = self._at.get(person_id)
            if wanted is None:
                continue
            if wanted <= now:
                del self._at[person_id]
                due.append((wanted, person_id))
            else:
                self._queued[person_id] = wanted
                heappush(self._queue, (wanted, person_id))
        return [person_id for _, person_id in sorted(due)]

    @property
    def earliest(self) -> datetime | None:
        """Return a moment before which nobody is due; None if nobody ever is."""
        return self._queue[0][0] if self._queue else None
